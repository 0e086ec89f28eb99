"""What follows an opportunity's stage, and what is kept of its past."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.salesforce_emulator.client import Api, Json, OpenApi

from salesforce_emulator import OrgStore
from salesforce_emulator.schema import BASE

HISTORY = "SELECT StageName, Amount, Probability, CloseDate, ExpectedRevenue, ForecastCategory FROM OpportunityHistory"


@pytest.fixture
def deal(api: Api) -> str:
    return api.create("Opportunity", Name="O", StageName="Prospecting", CloseDate="2026-12-01", Amount=100)


def follows(api: Api, deal: str, **values: Json) -> tuple[Json, ...]:
    assert api.patch(f"sobjects/Opportunity/{deal}", json=values).status_code == 204
    (row,) = api.rows("SELECT Probability, IsClosed, IsWon, ForecastCategory, ForecastCategoryName FROM Opportunity")
    return tuple(row.values())


def test_what_follows_the_stage(api: Api, deal: str) -> None:
    assert follows(api, deal, StageName="Closed Won") == (100.0, True, True, "Closed", "Closed")
    assert follows(api, deal, StageName="Closed Lost") == (0.0, True, False, "Omitted", "Omitted")
    assert follows(api, deal, StageName="Qualification") == (10.0, False, False, "Pipeline", "Pipeline")
    assert follows(api, deal, Probability=35)[0] == 35.0
    assert follows(api, deal, StageName="Value Proposition", Probability=77)[0] == 77.0
    assert follows(api, deal, ForecastCategoryName="Commit")[3:] == ("Forecast", "Commit")
    assert follows(api, deal, StageName="Perception Analysis", ForecastCategoryName="Best Case")[3:] == (
        "BestCase",
        "Best Case",
    )


def test_a_picture_a_change(api: Api, deal: str) -> None:
    """One row for the new opportunity, and for each change of stage, amount, probability, close date."""
    for values in ({"StageName": "Needs Analysis"}, {"Amount": 250}, {"CloseDate": "2027-01-15"}, {"Amount": 250}):
        api.patch(f"sobjects/Opportunity/{deal}", json=values)
    api.patch(f"sobjects/Opportunity/{deal}", json={"NextStep": "call"})
    rows = api.rows(f"{HISTORY} ORDER BY Id")
    assert [tuple(r.values()) for r in rows] == [
        ("Prospecting", 100.0, 10.0, "2026-12-01", 10.0, "Pipeline"),
        ("Needs Analysis", 100.0, 20.0, "2026-12-01", 20.0, "Pipeline"),
        ("Needs Analysis", 250.0, 20.0, "2026-12-01", 50.0, "Pipeline"),
        ("Needs Analysis", 250.0, 20.0, "2027-01-15", 50.0, "Pipeline"),
    ]
    (parent,) = api.rows("SELECT Id, (SELECT StageName FROM OpportunityHistories) FROM Opportunity")
    assert parent["OpportunityHistories"]["totalSize"] == 4


def test_old_and_new_values(open_api: OpenApi) -> None:
    moment = datetime(2026, 11, 20, 12, tzinfo=UTC)
    api = open_api(store=OrgStore(clock=lambda: moment), user_id=BASE.reps[0])
    deal = api.create("Opportunity", Name="O", StageName="Prospecting", CloseDate="2026-12-01", Amount=100)
    moment += timedelta(minutes=1)
    api.patch(f"sobjects/Opportunity/{deal}", json={"Amount": None, "CloseDate": "2027-01-15"})
    rows = api.rows(
        "SELECT Field, OldValue, NewValue, CreatedById, CreatedDate, Opportunity.Name FROM OpportunityFieldHistory"
        " ORDER BY Id"
    )
    assert [(r["Field"], r["OldValue"], r["NewValue"]) for r in rows] == [
        ("created", None, None),
        ("Amount", 100.0, None),
        ("CloseDate", "2026-12-01", "2027-01-15"),
    ]
    assert rows[1]["CreatedById"] == BASE.reps[0]
    assert rows[1]["CreatedDate"] == "2026-11-20T12:01:00.000+0000"
    assert rows[1]["Opportunity"]["Name"] == "O"


def test_bulk_writes_are_kept_too(api: Api, deal: str) -> None:
    api.ingest("Opportunity", "update", f"Id,StageName\n{deal},Closed Won\n")
    api.ingest("Opportunity", "insert", "Name,StageName,CloseDate\nP,Qualification,2026-12-24\n")
    assert [r["StageName"] for r in api.rows(f"{HISTORY} ORDER BY Id")] == [
        "Prospecting",
        "Closed Won",
        "Qualification",
    ]


def test_nobody_writes_the_past(api: Api, deal: str) -> None:
    answer = api.post("sobjects/OpportunityHistory", json={"OpportunityId": deal})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY")
    (row,) = api.rows("SELECT Id FROM OpportunityHistory")
    assert api.delete(f"sobjects/OpportunityHistory/{row['Id']}").status_code == 400
    assert api.refused("SELECT Id FROM OpportunityFieldHistory WHERE NewValue = 'x'")[0] == "INVALID_FIELD"


def test_the_past_goes_and_comes_back_with_its_opportunity(api: Api, deal: str) -> None:
    api.delete(f"sobjects/Opportunity/{deal}")
    assert api.rows(HISTORY) == []
    with api.org.store.session() as session:
        session.undelete("Opportunity", deal)
    assert len(api.rows(HISTORY)) == 1
    assert len(api.rows("SELECT Id FROM OpportunityFieldHistory")) == 1


def test_the_mark_leaves_the_sibling_and_says_who_did_it(open_api: OpenApi) -> None:
    """A new primary contact role takes the mark from the old one, which is thereby changed."""
    moment = datetime(2026, 11, 20, 12, tzinfo=UTC)
    api = open_api(store=OrgStore(clock=lambda: moment))
    deal = api.create("Opportunity", Name="O", StageName="Prospecting", CloseDate="2026-12-01")
    people = [api.create("Contact", LastName=n) for n in "AB"]
    first = api.create("OpportunityContactRole", OpportunityId=deal, ContactId=people[0], IsPrimary=True)
    moment += timedelta(minutes=1)
    with api.org.store.session(BASE.reps[1]) as session:
        values = {"OpportunityId": deal, "ContactId": people[1], "IsPrimary": True}
        session.insert("OpportunityContactRole", values)
    (row,) = api.rows(
        f"SELECT IsPrimary, LastModifiedById, SystemModstamp FROM OpportunityContactRole WHERE Id = '{first}'"
    )
    assert row == {
        "IsPrimary": False,
        "LastModifiedById": BASE.reps[1],
        "SystemModstamp": "2026-11-20T12:01:00.000+0000",
    }
