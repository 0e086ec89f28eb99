"""`abmatic issues`: what Salesforce refused, and trying it again; `abmatic changes`: what happened to a record."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from tests.cli.orgs import Connected, sample_org
from tests.cli.processes import Installation
from tests.cli.pushing import REFUSED, allow, edit, industry, refuse, told

pytestmark = pytest.mark.server


@pytest.fixture
def salesforce(installation: Installation) -> Iterator[Connected]:
    with sample_org(installation) as connected:
        connected.connect()
        yield connected


def test_a_refused_record_is_listed_with_what_helps_and_tried_again(salesforce: Connected) -> None:
    allow(salesforce)
    assert salesforce.run("issues") == "No issue is open.\n"
    assert "nothing to try again" in salesforce.run("issues", "retry", "--all")
    edit(salesforce, "GenePoint", "Banking")
    refuse(salesforce)
    salesforce.run("sync", "--here", "Account")

    said = salesforce.run("issues", "--object", "accounts", "--code", REFUSED, "--since", "1h")
    assert f"Accounts: 1 record: A validation rule says no ({REFUSED})" in said
    assert "→ Change the value here so that it keeps the rule" in said
    assert "Not on a Wednesday." in said
    listed = told(salesforce, "issues")
    ((cause,), (issue,)) = listed["causes"], listed["issues"]
    assert (cause["issues"], cause["to_be_retried"], listed["more"]) == (1, 0, False)
    assert (issue["record"]["name"], issue["fields"], issue["sent"]) == (
        "GenePoint", ["Industry"], {"Industry": "Banking"},
    )  # fmt: skip
    assert "No open issue matches." in salesforce.run("issues", "--code", "OTHER")

    assert f"Codes of open issues: {REFUSED}" in salesforce.run("issues", "retry", "--code", "OTHER", code=1)
    refused = salesforce.run("issues", "retry", str(issue["id"]), "999", code=1)
    assert "There is no open issue 999" in refused
    assert "nothing was marked" in refused
    assert "To start it: abmatic sync Account" in salesforce.run("issues", "retry", str(issue["id"]))
    assert "1 record, 1 to be tried again" in salesforce.run("issues")
    salesforce.run("sync", "--here", "Account")
    assert industry(salesforce, "GenePoint") == "Banking"
    assert salesforce.run("issues") == "No issue is open.\n"


def test_many_are_told_page_after_page_and_retried_by_cause(salesforce: Connected) -> None:
    salesforce.installation.query(
        f"""
        INSERT INTO issue (connection_id, sobject, local_id, field, code, message, fields, sent, settings, is_open,
                           first_at, last_at, times)
        SELECT (SELECT min(id) FROM connection), 'Account', n, '',
               CASE WHEN n > 4 THEN 'DUPLICATE_VALUE' ELSE '{REFUSED}' END, '', '{{}}', '{{}}', '', true,
               now(), now(), 1
          FROM generate_series(1, 5) AS n RETURNING id
        """
    )
    first = told(salesforce, "issues", "--limit", "3")
    assert [cause["issues"] for cause in first["causes"]] == [4, 1]
    assert (len(first["issues"]), first["more"]) == (3, True)
    last = first["issues"][-1]["id"]
    assert f"More: abmatic issues --code {REFUSED} --after" in salesforce.run(
        "issues", "--code", REFUSED, "--limit", "1"
    )
    assert len(told(salesforce, "issues", "--after", str(last))["issues"]) == 2
    done = told(salesforce, "issues", "retry", "--code", REFUSED, "--object", "Account")
    assert done == {"issues": 4, "objects": [{"connection": "Sample Org", "object": "Account", "issues": 4}]}
    said = salesforce.run("issues", "retry", "--all")
    assert "5 issues of Account with" in said
    # Nothing of accounts may be written: whoever retries is told.
    assert "once the object may be written to Salesforce" in said


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("issues", "retry"), 2, "Say which: the IDs of issues"),
        (("issues", "retry", "1", "--all"), 2, "Say which"),
        (("issues", "retry", "1", "--object", "Account"), 2, "--object and --connection narrow --code and --all"),
        (("issues", "retry", "one"), 2, "'one' is not a valid whole number"),
        (("issues", "--code", "X", "retry", "--all"), 2, "--code belongs to the list of issues"),
        (("issues", "--object", "Case"), 2, "'Case' is not an object that is synchronised"),
        (("issues", "--since", "yesterday"), 2, "'yesterday' is no moment"),
        (("issues", "--connection", "x"), 3, "No Salesforce org is connected"),
        (("changes", "--record", "nobody.example"), 1, "There is no record “nobody.example”"),
        (("changes", "--record", "account:9999"), 1, "There is no record “account:9999”"),
        (("changes", "--run", "999"), 1, "There is no run 999"),
        (("changes", "--since", "2026-13-01"), 2, "is no moment"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], code: int, said: str, installation: Installation) -> None:
    done = installation.run(*arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr


def test_the_history_of_a_record_by_whatever_it_is_called(salesforce: Connected) -> None:
    allow(salesforce)
    account = edit(salesforce, "GenePoint", "Banking")
    edit(salesforce, "GenePoint", "Energy")
    ((sf_id, domain),) = salesforce.installation.query(
        f"SELECT m.sf_id, a.domain FROM mirror_account AS m JOIN account AS a ON a.id = m.local_id AND a.id = {account}"
    )
    whole = told(salesforce, "changes", "--record", f"account:{account}")
    assert whole["record"]["name"] == "GenePoint"
    assert whole["record"]["created_by"]["kind"] == "run"
    assert [(each["before"], each["after"]) for each in whole["changes"]] == [
        ("Banking", "Energy"), ("Biotechnology", "Banking"),
    ]  # fmt: skip
    for name in (str(account), sf_id, sf_id[:15], domain, f"https://www.{domain}/about"):
        assert told(salesforce, "changes", "--record", name) == whole, name
    said = salesforce.run("changes", "--record", domain)
    assert f"Account {account}: GenePoint" in said
    assert "Biotechnology" in said
    assert "by run 2 (Account, Command line)" in said
    page = salesforce.run("changes", "--record", domain, "--limit", "1")
    assert "Created" not in page
    assert f"Older ones: abmatic changes --record '{domain}' --after" in page

    assert salesforce.run("changes", "--since", "2099-01-01") == "No change matches.\n"
    assert len(told(salesforce, "changes", "--since", "1d")["changes"]) == 2
    assert told(salesforce, "changes", "--run", "2") == {"changes": [], "more": False}
    assert f"account:{account} GenePoint" in salesforce.run("changes")
    # A number names several records where more kinds have it.
    salesforce.installation.query(
        "INSERT INTO contact (id, last_name, custom, created_at, updated_at) "
        f"VALUES ({account}, 'Twin', '{{}}', now(), now()) RETURNING id"
    )
    unclear = salesforce.run("changes", "--record", str(account), code=1)
    assert f"may be account:{account} (GenePoint), contact:{account} (Twin): say which" in unclear


def test_json_is_what_programs_read(salesforce: Connected) -> None:
    allow(salesforce)
    edit(salesforce, "GenePoint", "Ünï\ncode")
    (change,) = json.loads(salesforce.run("changes", "--json"))["changes"]
    assert change["after"] == "Ünï\ncode"
    assert change["cause"]["kind"] == "user"
