"""Files that people download: complete, filtered as the page they are on, and safe to open."""

from __future__ import annotations

import csv
import io

import pytest
from django.test import Client
from tests.web import org
from tests.web.conftest import SignedIn

from abmatic.identity.models import User
from abmatic.sync.models import Connection

# Files are read in a session of their own, which sees only what is committed.
pytestmark = pytest.mark.django_db(transaction=True)


def read_csv(answer: object) -> list[dict[str, str]]:
    content = answer.getvalue()
    assert content.startswith(b"\xef\xbb\xbf"), "a spreadsheet would not know that it is UTF-8"
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_every_finding_of_a_run(admin: Client, connection: Connection) -> None:
    run = org.run(connection)
    org.found(run, "value_unreadable", 60, field="Name", value='a "quoted", value\nof two lines')
    org.found(run, "no_website", 1)
    answer = admin.get(f"/runs/{run.pk}/findings.csv")
    assert answer.streaming
    assert f"run-{run.pk}-account.csv" in answer.headers["Content-Disposition"]
    rows = read_csv(answer)
    assert len(rows) == 61
    assert rows[-1]["Value"] == 'a "quoted", value\nof two lines'
    assert rows[-1]["Reason"] == "Value can't be read"
    assert len(read_csv(admin.get(f"/runs/{run.pk}/findings.csv?reason=no_website"))) == 1
    for nonsense in ("after=x", "reason=%00", "reason=", "reason='"):
        assert admin.get(f"/runs/{run.pk}/findings.csv?{nonsense}").status_code == 200


def test_what_a_run_did(admin: Client, connection: Connection) -> None:
    run = org.run(connection)
    org.account("=Acme", cause=run.cause)
    assert f'href="/runs/{run.pk}/records.csv"' in admin.get(f"/runs/{run.pk}/").text
    answer = admin.get(f"/runs/{run.pk}/records.csv")
    assert f"run-{run.pk}-account-records.csv" in answer.headers["Content-Disposition"]
    (row,) = read_csv(answer)
    assert (row["Action"], row["Name"]) == ("created", "'=Acme")


def test_what_is_only_read_along_has_no_such_file(admin: Client, connection: Connection) -> None:
    run = org.run(connection, "User")
    assert "records.csv" not in admin.get(f"/runs/{run.pk}/").text
    assert admin.get(f"/runs/{run.pk}/records.csv").status_code == 404


def test_the_runs_of_a_connection_as_they_are_filtered(vera: User, signed_in: SignedIn, connection: Connection) -> None:
    browser = signed_in(vera)
    accounts, leads = org.run(connection), org.run(connection, "Lead", state="failed")
    org.run(org.connect())
    address = f"/settings/integrations/salesforce/{connection.pk}"
    page = browser.get(f"{address}/activity/?object=Lead").text
    assert f'href="{address}/runs.csv?object=Lead"' in page
    assert [row["Run"] for row in read_csv(browser.get(f"{address}/runs.csv"))] == [str(accounts.pk), str(leads.pk)]
    assert [row["Run"] for row in read_csv(browser.get(f"{address}/runs.csv?object=Lead&state="))] == [str(leads.pk)]
    assert [row["Run"] for row in read_csv(browser.get(f"{address}/runs.csv?state=failed"))] == [str(leads.pk)]
