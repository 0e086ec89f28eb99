"""`abmatic sync --preview`, `undo` and `undo --preview`: what would be written, and putting back what was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.cli.orgs import Connected, sample_org
from tests.cli.processes import Installation
from tests.cli.pushing import allow, edit, industry, told

pytestmark = pytest.mark.server


@pytest.fixture
def salesforce(installation: Installation) -> Iterator[Connected]:
    with sample_org(installation) as connected:
        connected.connect()
        yield connected


def test_shown_then_written_then_put_back(salesforce: Connected) -> None:
    allow(salesforce)
    edit(salesforce, "GenePoint", "Banking")

    said = salesforce.run("sync", "--preview", "accounts")
    assert "In Salesforce: 1 updated" in said
    assert "Industry: Biotechnology → Banking" in said
    assert "API calls" in said
    (shown,) = told(salesforce, "sync", "--preview", "Account")["previews"]
    assert shown["to_salesforce"]["updated"] == 1
    assert industry(salesforce, "GenePoint") == "Biotechnology"
    ((runs, writes),) = salesforce.installation.query(
        "SELECT (SELECT count(*) FROM run), (SELECT count(*) FROM salesforce_write)"
    )
    assert writes == 0

    salesforce.run("sync", "--here", "Account")
    assert industry(salesforce, "GenePoint") == "Banking"
    ((run,),) = salesforce.installation.query("SELECT max(run_id) FROM salesforce_write")
    assert run > runs
    said = salesforce.run("undo", str(run), "--preview")
    assert "Put back in Salesforce: 1 record\n" in said
    assert "Industry: Banking → Biotechnology" in said
    assert told(salesforce, "undo", str(run), "--preview")["salesforce"]["put_back"] == 1
    assert industry(salesforce, "GenePoint") == "Banking"

    # Without a worker it says so, and does nothing.
    assert "No worker is alive" in salesforce.run("undo", str(run), code=3)
    made = told(salesforce, "undo", str(run), "--here")
    assert (made["trigger"], made["state"], made["pushed"]["updated"]) == ("undo", "succeeded", 1)
    assert industry(salesforce, "GenePoint") == "Biotechnology"
    again = salesforce.run("undo", str(run), "--here")
    assert f"Run {made['id'] + 1}:" in again
    assert industry(salesforce, "GenePoint") == "Biotechnology"


def test_what_can_not_be_undone_or_previewed(salesforce: Connected) -> None:
    assert "There is no run 999. `abmatic runs` lists them" in salesforce.run("undo", "999", code=1)
    assert "There is no run 999" in salesforce.run("undo", "999", "--preview", code=1)
    assert "'first' is not a valid whole number" in salesforce.run("undo", "first", code=2)
    assert "Missing argument 'RUN'" in salesforce.run("undo", code=2)
    assert "'Case' is not an object that is synchronised" in salesforce.run("sync", "--preview", "Case", code=2)
    salesforce.run("sync", "--here", "Account")
    # The run of the users rode along.
    assert "Undo the run of the object that they were read with" in salesforce.run("undo", "1", "--here", code=1)
    salesforce.run("sync", "--no-wait", "Account")
    ((waiting,),) = salesforce.installation.query("SELECT max(id) FROM run WHERE sobject = 'Account'")
    assert "is not over: wait for its end" in salesforce.run("undo", str(waiting), "--here", code=1)
