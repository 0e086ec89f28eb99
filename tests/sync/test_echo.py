"""Idleness: runs with nothing to do write nothing on either side, make no entry, and cost one call each."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.db import connection as database
from tests.sync.live import Live, Orgs
from tests.sync.test_push import account, allow, edit, mode

from abmatic.audiences.models import Account, Contact
from abmatic.sync.models import Finding, Run, Write

pytestmark = pytest.mark.django_db(transaction=True)

PUSHED = [("Account", "Industry"), ("Contact", "Title"), ("Lead", "Title")]


@pytest.fixture
def live(orgs: Orgs) -> Live:
    """Accounts, contacts and leads are written both ways, and everything has settled."""
    live = orgs.sample()
    live.sync_well()
    for sobject, field in PUSHED:
        allow(sobject)
        mode(sobject, field, to_abmatic="overwrite", to_salesforce="overwrite")
    for _ in range(2):
        live.sync_well()
    return live


def everything() -> dict[str, Any]:
    """Every table of ours that says something of records, to the last column; without what says how runs went."""
    left_out = {
        "run", "cause", "object_setting", "connection", "sealed_secret", "procrastinate_jobs", "procrastinate_events",
        "django_session",
    }  # fmt: skip
    with database.cursor() as cursor:
        names = [name for name in database.introspection.table_names(cursor) if name not in left_out]
        found = {}
        for name in names:
            # Which run has read a record last is the one thing that reading it again may leave.
            cursor.execute(
                f"SELECT md5(coalesce(string_agg(r, '|' ORDER BY r), '')) FROM "
                f"(SELECT (to_jsonb(t) - 'seen_run')::text AS r FROM \"{name}\" AS t) AS rows"
            )
            found[name] = cursor.fetchone()[0]
    return found


def written(live: Live) -> int:
    return live.org.store.changes.newest()


def test_ten_idle_runs_of_everything_write_nothing_and_cost_one_call_each(live: Live) -> None:
    before, there = everything(), written(live)
    for _ in range(10):
        live.org.emulator.calls.clear()
        done = live.sync_well()
        asked = Counter(str(call["path"]) for call in live.org.calls() if call["counted"])
        assert asked.total() <= len(done), asked
        assert {name: run.api_calls for name, run in done.items() if run.api_calls > 1} == {}
        assert not Finding.objects.filter(run__in=done.values()).exists()
    # And nothing more where every record is read again.
    done = live.sync_well(full=True)
    assert all(run.counts["updated"] == 0 for run in done.values())
    assert everything() == before
    assert written(live) == there


def test_what_we_wrote_comes_back_without_an_entry(live: Live) -> None:
    """A record that has no key says so once, and not each time that something else of it is written."""
    with live.editing() as session:
        sf_id = session.insert("Account", {"Name": "Keyless", "Website": "https://www.linkedin.com/company/keyless"})
        session.insert("Contact", {"LastName": "Nobody", "AccountId": sf_id, "Email": "nobody@-x.example"})
    live.sync_well()
    assert Finding.objects.filter(reason="website_shared", sf_id=sf_id).count() == 1
    edit(Account.objects.get(name="Keyless"), industry="Banking")
    edit(Contact.objects.get(last_name="Nobody"), job_title="Head")
    live.sync_well()
    assert account(live, "Keyless")["Industry"] == "Banking"
    assert Write.objects.filter(state=Write.State.WRITTEN).count() == 2
    done = live.sync_well()
    assert not Finding.objects.filter(run__in=done.values()).exists()
    assert done["Account"].state == Run.State.SUCCEEDED
    # Another value that is no key is news.
    with live.editing() as session:
        session.update("Account", sf_id, {"Website": "n/a"})
    done = live.sync_well("Account")
    assert Finding.objects.get(run=done["Account"]).reason == "website_placeholder"
