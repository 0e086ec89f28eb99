"""`abmatic pull`: the records of a query, previewed, then imported into a collection."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.cli.orgs import Connected, sample_org
from tests.cli.processes import Installation
from tests.cli.pushing import told

pytestmark = pytest.mark.server

QUERY = "SELECT Id FROM Account WHERE Name = 'GenePoint'"


@pytest.fixture
def salesforce(installation: Installation) -> Iterator[Connected]:
    with sample_org(installation) as connected:
        connected.connect()
        yield connected


def test_shown_then_imported(salesforce: Connected) -> None:
    query = salesforce.installation.query
    said = salesforce.run("pull", "accounts", "--soql", QUERY, "--preview")
    assert "1 record, of which 0 are here already" in said
    assert "1 created" in said
    assert query("SELECT count(*) FROM account") == [(0,)]
    run = told(salesforce, "pull", "Account", "--soql", QUERY, "--into", "Genes", "--yes", "--here")
    assert (run["trigger"], run["state"]) == ("cli", "succeeded")
    assert query("SELECT name, size FROM collection") == [("Genes", 1)]
    said = salesforce.run("pull", "accounts", "--soql", "SELECT Name FROM Account", "--preview", code=1)
    assert "must select the Id" in said
    assert "No worker is alive" in salesforce.run("pull", "accounts", "--soql", QUERY, "--yes", code=3)
    assert "Say which records" in salesforce.run("pull", "accounts", code=2)
    said = salesforce.run("pull", "accounts", "--soql", QUERY, "--into", "genes", "--yes", "--here", code=1)
    assert "already" in said
