"""`abmatic campaigns`: one is found in Salesforce, linked, unlinked, and created there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.cli.orgs import Connected, sample_org
from tests.cli.processes import Installation

pytestmark = pytest.mark.server


@pytest.fixture
def salesforce(installation: Installation) -> Iterator[Connected]:
    with sample_org(installation) as connected:
        connected.connect()
        yield connected


def made_here(salesforce: Connected, name: str) -> str:
    """A campaign of a person's. Answers its number."""
    ((number,),) = salesforce.installation.query(
        f"INSERT INTO campaign (name, custom, created_at, updated_at) VALUES ('{name}', '{{}}', now(), now()) "
        "RETURNING id"
    )
    return str(number)


def record(salesforce: Connected, number: str) -> dict[str, Any]:
    told = [json.loads(line) for line in salesforce.run("records", "campaigns").splitlines()]
    return next(each for each in told if each["id"] == int(number))


def linked(salesforce: Connected, number: str) -> list[str]:
    return [each["id"] for each in record(salesforce, number)["salesforce"]]


def test_one_is_found_linked_unlinked_and_created_there(salesforce: Connected) -> None:
    with salesforce.org.store.session() as session:
        theirs = str(session.insert("Campaign", {"Name": "Expo 2026", "Type": "Trade Show"}))
    query = salesforce.installation.query
    query("UPDATE object_setting SET create_in_abmatic = false WHERE sobject = 'Campaign' RETURNING id")
    salesforce.run("sync", "--here", "Campaign")
    ours = made_here(salesforce, "Fair")

    (found,) = json.loads(salesforce.run("campaigns", "find", "expo 2026", "--json"))["campaigns"]
    assert (found["salesforce_id"], found["campaign"]) == (theirs, None)
    assert "Trade Show" in salesforce.run("campaigns", "find", theirs)
    assert "is called so. To read them: abmatic sync Campaign" in salesforce.run("campaigns", "find", "nothing")

    said = salesforce.run("campaigns", "link", ours, theirs[:15])
    assert f"“Fair” is linked with “Expo 2026” ({theirs}) of Sample Org" in said
    assert linked(salesforce, ours) == [theirs]
    assert f"{ours} Fair" in salesforce.run("campaigns", "find", theirs)
    assert "already" in salesforce.run("campaigns", "link", ours, theirs, code=1)

    assert f"it is linked with {theirs} of Sample Org" in salesforce.run("campaigns", "unlink", ours, "701", code=1)
    assert "any more" in salesforce.run("campaigns", "unlink", ours, theirs)
    assert linked(salesforce, ours) == []
    assert "it is linked with nothing" in salesforce.run("campaigns", "unlink", ours, theirs, code=1)

    assert "an administrator turns on" in salesforce.run("campaigns", "create", ours, "--here", code=1)
    assert "No worker is alive" in salesforce.run("campaigns", "create", ours, code=3)
    query("UPDATE object_setting SET create_in_salesforce = true WHERE sobject = 'Campaign' RETURNING id")
    told = json.loads(salesforce.run("campaigns", "create", ours, "--here", "--json"))
    assert linked(salesforce, ours) == [told["salesforce_id"]]
    assert told["salesforce_id"] != theirs
    assert {run["trigger"] for run in told["runs"]} == {"cli"}
    other = made_here(salesforce, "Gala")
    said = salesforce.run("campaigns", "create", other, "--here")
    (sf_id,) = linked(salesforce, other)
    assert f"“Gala” is {sf_id} of Sample Org now." in said


def test_what_names_nothing_is_said(salesforce: Connected) -> None:
    ours = made_here(salesforce, "Fair")
    for command in (["link", "987", "701"], ["unlink", "987", "701"], ["create", "987", "--here"]):
        assert "There is no campaign 987. `abmatic records campaigns" in salesforce.run("campaigns", *command, code=1)
    assert "has the Id 701. `abmatic campaigns find TEXT`" in salesforce.run("campaigns", "link", ours, "701", code=1)
    assert "'x' is not a valid whole number" in salesforce.run("campaigns", "link", "x", "701", code=2)


def test_what_salesforce_refuses_is_not_said_to_be_there(salesforce: Connected) -> None:
    salesforce.run("sync", "--here", "Campaign")
    salesforce.installation.query(
        "UPDATE object_setting SET create_in_salesforce = true WHERE sobject = 'Campaign' RETURNING id"
    )
    error = {"statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "Not now.", "fields": ["Name"]}
    salesforce.org.fault(
        "status", {"method": "POST", "path": "/composite/sobjects"}, status=200, times=1,
        body=[{"success": False, "errors": [error]}],
    )  # fmt: skip
    ours = made_here(salesforce, "Fair")
    said = salesforce.run("campaigns", "create", ours, "--here", code=1)
    assert "It was not created there. To see why: abmatic issues --object Campaign" in said
    assert linked(salesforce, ours) == []
    assert "Not now." in salesforce.run("issues", "--object", "Campaign")
