"""`abmatic replace`: a refreshed sandbox takes the place of its former self."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from tests.cli.orgs import Connected, sample_org
from tests.cli.processes import Installation

from salesforce_emulator import OrgStore
from salesforce_emulator.data import sample
from salesforce_emulator.testing import running

pytestmark = pytest.mark.server

FRESH = "00DgK0000000077EAA"


@contextmanager
def refreshed_org(installation: Installation) -> Iterator[Connected]:
    def load(conn: sqlite3.Connection) -> None:
        sample.load(conn)
        conn.execute('UPDATE "Organization" SET "Id" = ?', (FRESH,))

    with running(OrgStore(loader=load, name="Sample Org")) as org:
        yield Connected(installation, org)


def test_a_refreshed_sandbox_gets_the_settings_of_its_former_self(installation: Installation) -> None:
    query = installation.query
    with sample_org(installation) as former, refreshed_org(installation) as fresh:
        former.connect()
        former.run("sync", "--here", "Account")
        ((name, former_id),) = query("SELECT name, org_id FROM connection")
        query(
            "UPDATE object_setting SET frequency = 6, update_in_salesforce = true WHERE sobject = 'Account' RETURNING 1"
        )
        assert "There is no connection “Nowhere”" in former.run("replace", name, "Nowhere", "--yes", code=1)
        assert "are the same org" in former.run("replace", name, former_id, "--yes", code=1)
        fresh.connect()
        ((second,),) = query(f"SELECT name FROM connection WHERE org_id = '{FRESH}'")
        assert second != name

        # Nobody who could be asked: nothing happens without --yes.
        refused = fresh.installation.run("replace", name, second)
        assert refused.returncode != 0
        assert f"“{second}” ({FRESH}) takes the place of “{name}” ({former_id})" in refused.stdout
        assert query("SELECT count(*) FROM connection WHERE status = 'active'") == [(2,)]

        hosts = ",".join(urlsplit(org.org.url).netloc for org in (former, fresh))
        said = fresh.run("replace", name, second, "--yes", ABMATIC_SALESFORCE_EXTRA_HOSTS=hosts)
        assert FRESH in said
        assert "Import it with: abmatic sync" in said
        assert query("SELECT name, status FROM connection WHERE org_id <> '" + FRESH + "'")[0][1] == "inactive"
        assert query(f"SELECT name, status FROM connection WHERE org_id = '{FRESH}'") == [(name, "active")]
        assert query(
            "SELECT frequency, update_in_salesforce FROM object_setting AS s JOIN connection AS c "
            f"ON c.id = s.connection_id WHERE sobject = 'Account' AND org_id = '{FRESH}'"
        ) == [(6, False)]
        accounts = query("SELECT count(*) FROM account")
        fresh.run("sync", "--here", "Account")
        assert query("SELECT count(*) FROM account") >= accounts
        assert query(
            "SELECT count(*) > 0 FROM mirror_account AS m JOIN mirror_account AS o ON o.local_id = m.local_id "
            "AND o.connection_id <> m.connection_id WHERE NOT m.is_deleted AND o.is_deleted"
        ) == [(True,)], "companies are found by their domains"
        assert json.loads(fresh.run("runs", "--json"))["runs"][0]["state"] == "succeeded"
