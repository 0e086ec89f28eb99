"""`abmatic push`: chosen records, previewed, then written, and no others."""

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


def test_chosen_records_and_no_others(salesforce: Connected) -> None:
    allow(salesforce)
    for name in ("GenePoint", "Edge Communications"):
        edit(salesforce, name, "Banking")
    ((number,),) = salesforce.installation.query("SELECT id FROM account WHERE name = 'GenePoint'")
    said = salesforce.run("push", "accounts", "--record", str(number), "--preview")
    assert "Update: 1" in said
    assert "Industry: Biotechnology → Banking" in said
    assert industry(salesforce, "GenePoint") == "Biotechnology"
    assert "No worker is alive" in salesforce.run("push", "accounts", "--record", str(number), "--yes", code=3)
    (run,) = told(salesforce, "push", "accounts", "--record", str(number), "--yes", "--here")["runs"]
    assert (run["trigger"], run["state"], run["pushed"]["updated"]) == ("cli", "succeeded", 1)
    assert industry(salesforce, "GenePoint") == "Banking"
    assert industry(salesforce, "Edge Communications") != "Banking"
    assert "Say which records" in salesforce.run("push", "accounts", code=2)
    assert "Only contacts are pushed as Lead" in salesforce.run(
        "push", "accounts", "--record", str(number), "--as", "lead", "--preview", code=1
    )
