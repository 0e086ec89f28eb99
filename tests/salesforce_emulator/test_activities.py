"""Tasks, events and queues: what they are about, what follows from their values, and what is read through them."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from tests.salesforce_emulator.client import Api

from salesforce_emulator import OrgStore
from salesforce_emulator.schema import BASE


@pytest.fixture
def people(api: Api) -> dict[str, str]:
    """An account with a contact and an opportunity, and a lead: their ids."""
    account = api.create("Account", Name="Acme", Phone="1")
    contact = api.create("Contact", FirstName="Jane", LastName="Doe", AccountId=account, Email="jane@acme.example")
    deal = api.create("Opportunity", Name="Deal", StageName="Prospecting", CloseDate="2026-12-01", AccountId=account)
    lead = api.create("Lead", LastName="Poe", Company="Poe Ltd", Title="Chef")
    return {"Account": account, "Contact": contact, "Opportunity": deal, "Lead": lead}


def refusal(api: Api, sobject: str, **values: Any) -> tuple[str, str]:
    answer = api.post(f"sobjects/{sobject}", json=values)
    assert answer.status_code == 400, answer.text
    return answer.json()[0]["errorCode"], answer.json()[0]["message"]


def last_activity(api: Api, sobject: str, record_id: str) -> str | None:
    return api.rows(f"SELECT LastActivityDate FROM {sobject} WHERE Id = '{record_id}'")[0]["LastActivityDate"]


# -- tasks


def test_a_task_begins_open_and_normal(api: Api) -> None:
    api.create("Task", Subject="Call")
    (task,) = api.rows("SELECT Status, Priority, TaskSubtype, IsClosed, IsHighPriority, CompletedDateTime FROM Task")
    assert task == {
        "Status": "Not Started", "Priority": "Normal", "TaskSubtype": "Task", "IsClosed": False,
        "IsHighPriority": False, "CompletedDateTime": None,
    }  # fmt: skip


def test_a_completed_task_is_closed_and_says_when(api: Api) -> None:
    task = api.create("Task", Status="In Progress", Priority="High")
    assert api.patch(f"sobjects/Task/{task}", json={"Status": "Completed"}).status_code == 204
    (found,) = api.rows("SELECT IsClosed, IsHighPriority, CompletedDateTime, LastModifiedDate FROM Task")
    assert (found["IsClosed"], found["IsHighPriority"]) == (True, True)
    assert found["CompletedDateTime"] == found["LastModifiedDate"]
    api.patch(f"sobjects/Task/{task}", json={"Status": "Deferred"})
    assert api.rows("SELECT IsClosed, CompletedDateTime FROM Task") == [{"IsClosed": False, "CompletedDateTime": None}]


def test_the_values_of_status_and_priority_are_records_too(api: Api) -> None:
    closed = api.rows("SELECT MasterLabel FROM TaskStatus WHERE IsClosed = TRUE")
    assert closed == [{"MasterLabel": "Completed"}]
    assert api.rows("SELECT MasterLabel FROM TaskPriority WHERE IsHighPriority = TRUE") == [{"MasterLabel": "High"}]


@pytest.mark.parametrize(
    ("about", "account"),
    [
        ({"WhatId": "Account"}, True),
        ({"WhatId": "Opportunity"}, True),
        ({"WhoId": "Contact"}, True),
        ({"WhoId": "Lead"}, False),
        ({}, False),
    ],
)
def test_a_task_knows_its_account(api: Api, people: dict[str, str], about: dict[str, str], account: bool) -> None:
    api.create("Task", **{name: people[kind] for name, kind in about.items()})
    assert api.rows("SELECT AccountId FROM Task") == [{"AccountId": people["Account"] if account else None}]


def test_a_leads_task_is_related_to_nothing_else(api: Api, people: dict[str, str]) -> None:
    code, _ = refusal(api, "Task", WhoId=people["Lead"], WhatId=people["Account"])
    assert code == "FIELD_INTEGRITY_EXCEPTION"


def test_an_id_of_the_wrong_object_is_refused(api: Api, people: dict[str, str]) -> None:
    assert refusal(api, "Task", WhoId=people["Account"])[0] == "MALFORMED_ID"
    assert refusal(api, "Task", TaskSubtype="Dance")[0] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"


# -- events


START = "2026-03-02T09:00:00.000+0000"


@pytest.mark.parametrize(
    ("given", "ends", "minutes"),
    [
        ({"StartDateTime": START, "DurationInMinutes": 30}, "2026-03-02T09:30:00.000+0000", 30),
        ({"ActivityDateTime": START, "DurationInMinutes": 0}, START, 0),
        ({"StartDateTime": START, "EndDateTime": "2026-03-02T10:15:00Z"}, "2026-03-02T10:15:00.000+0000", 75),
        ({"StartDateTime": START, "EndDateTime": "2026-03-02T10:00:00Z", "DurationInMinutes": 60},
         "2026-03-02T10:00:00.000+0000", 60),
        ({"IsAllDayEvent": True, "ActivityDate": "2026-03-02"}, "2026-03-02T00:00:00.000+0000", 1440),
        ({"IsAllDayEvent": True, "ActivityDate": "2026-03-02", "EndDateTime": "2026-03-03T00:00:00Z"},
         "2026-03-03T00:00:00.000+0000", 2880),
    ],
)  # fmt: skip
def test_an_events_times_agree(api: Api, given: dict[str, Any], ends: str, minutes: int) -> None:
    api.create("Event", Subject="Meeting", **given)
    (event,) = api.rows("SELECT ActivityDate, EndDateTime, EndDate, DurationInMinutes FROM Event")
    assert event == {
        "ActivityDate": "2026-03-02", "EndDateTime": ends, "EndDate": ends[:10], "DurationInMinutes": minutes,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "code", "message"),
    [
        ({}, "REQUIRED_FIELD_MISSING", "Required fields are missing: [DurationInMinutes, ActivityDateTime]"),
        ({"StartDateTime": START}, "REQUIRED_FIELD_MISSING", "Required fields are missing: [DurationInMinutes]"),
        ({"IsAllDayEvent": True}, "REQUIRED_FIELD_MISSING", "Required fields are missing: [ActivityDate]"),
        ({"StartDateTime": START, "DurationInMinutes": -5}, "FIELD_INTEGRITY_EXCEPTION", "Duration must be between"),
        ({"StartDateTime": START, "DurationInMinutes": 20161}, "FIELD_INTEGRITY_EXCEPTION", "Duration must be between"),
        ({"StartDateTime": START, "EndDateTime": "2026-03-02T08:00:00Z"}, "FIELD_INTEGRITY_EXCEPTION", "Duration must"),
        ({"StartDateTime": START, "EndDateTime": "2026-03-02T10:00:00Z", "DurationInMinutes": 5},
         "FIELD_INTEGRITY_EXCEPTION", "DurationInMinutes must be"),
        ({"StartDateTime": START, "ActivityDateTime": "2026-03-02T10:00:00Z", "DurationInMinutes": 5},
         "FIELD_INTEGRITY_EXCEPTION", "must be the same"),
    ],
)  # fmt: skip
def test_an_event_without_a_clear_time_is_refused(api: Api, given: dict[str, Any], code: str, message: str) -> None:
    found = refusal(api, "Event", Subject="Meeting", **given)
    assert (found[0], message in found[1]) == (code, True)


def test_an_event_that_is_moved_stays_as_long(api: Api) -> None:
    event = api.create("Event", StartDateTime=START, DurationInMinutes=30)
    api.patch(f"sobjects/Event/{event}", json={"StartDateTime": "2026-03-04T10:00:00Z"})
    api.patch(f"sobjects/Event/{event}", json={"Subject": "Later"})
    (found,) = api.rows("SELECT ActivityDate, EndDateTime, DurationInMinutes FROM Event")
    assert found == {
        "ActivityDate": "2026-03-04", "EndDateTime": "2026-03-04T10:30:00.000+0000", "DurationInMinutes": 30,
    }  # fmt: skip


# -- the last activity


def test_last_activity_follows_closed_tasks_and_past_events(api: Api, people: dict[str, str]) -> None:
    stamps = api.rows("SELECT SystemModstamp FROM Account")
    task = api.create("Task", WhatId=people["Opportunity"], WhoId=people["Contact"], ActivityDate="2026-02-01")
    assert last_activity(api, "Contact", people["Contact"]) is None
    api.patch(f"sobjects/Task/{task}", json={"Status": "Completed"})
    for kind in ("Account", "Contact", "Opportunity"):
        assert last_activity(api, kind, people[kind]) == "2026-02-01"
    event = api.create("Event", WhatId=people["Account"], StartDateTime=START, DurationInMinutes=5)
    api.create("Event", WhatId=people["Account"], StartDateTime="2999-01-01T00:00:00Z", DurationInMinutes=5)
    assert last_activity(api, "Account", people["Account"]) == "2026-03-02"
    assert last_activity(api, "Contact", people["Contact"]) == "2026-02-01"
    api.delete(f"sobjects/Event/{event}")
    assert last_activity(api, "Account", people["Account"]) == "2026-02-01"
    with api.org.store.session() as session:
        session.undelete("Event", event)
    assert last_activity(api, "Account", people["Account"]) == "2026-03-02"
    assert api.rows("SELECT SystemModstamp FROM Account") == stamps


def test_a_task_that_moves_takes_its_activity_along(api: Api, people: dict[str, str]) -> None:
    other = api.create("Account", Name="Other")
    done = {"Status": "Completed", "ActivityDate": "2026-02-01"}
    task = api.create("Task", WhatId=people["Account"], **done)
    api.patch(f"sobjects/Task/{task}", json={"WhatId": other})
    assert last_activity(api, "Account", people["Account"]) is None
    assert last_activity(api, "Account", other) == "2026-02-01"


def test_bulk_tasks_are_tasks_like_others(api: Api, people: dict[str, str]) -> None:
    lead = people["Lead"]
    rows = "".join(f"T{n},{lead},Completed,2026-01-{n:02}\n" for n in range(1, 10))
    job = api.ingest("Task", "insert", f"Subject,WhoId,Status,ActivityDate\n{rows}Bad,{people['Account']},,\n")
    assert (job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (10, 1)
    assert last_activity(api, "Lead", lead) == "2026-01-09"


def test_a_parent_of_several_objects_is_named_with_its_own(api: Api) -> None:
    code = {"External__c": "A-1"}
    account = api.create("Account", Name="Acme", **code)
    api.create("Task", Subject="1", What={"attributes": {"type": "Account"}, **code})
    job = api.ingest("Task", "insert", "Subject,Account:What.External__c\n2,A-1\n3,B-1\n")
    assert job["numberRecordsFailed"] == 1
    assert api.rows("SELECT Subject, WhatId FROM Task ORDER BY Subject") == [
        {"Subject": "1", "WhatId": account}, {"Subject": "2", "WhatId": account},
    ]  # fmt: skip


# -- conversion and merge


def test_conversion_moves_activities(api: Api, people: dict[str, str]) -> None:
    api.create("Task", WhoId=people["Lead"], Status="Completed", ActivityDate="2026-02-01")
    api.create("Event", WhoId=people["Lead"], StartDateTime=START, DurationInMinutes=5)
    done = api.org.store.convert_lead(people["Lead"])
    moved = {"WhoId": done.contact_id, "WhatId": done.opportunity_id, "AccountId": done.account_id}
    assert api.rows("SELECT WhoId, WhatId, AccountId FROM Task") == [moved]
    assert api.rows("SELECT WhoId, WhatId, AccountId FROM Event") == [moved]
    assert last_activity(api, "Contact", done.contact_id) == "2026-03-02"


def test_merge_moves_activities(api: Api, people: dict[str, str]) -> None:
    loser = api.create("Contact", LastName="Doe")
    api.create("Task", WhoId=loser, Status="Completed", ActivityDate="2026-02-01")
    api.org.store.merge("Contact", people["Contact"], [loser])
    assert api.rows("SELECT WhoId FROM Task") == [{"WhoId": people["Contact"]}]
    assert last_activity(api, "Contact", people["Contact"]) == "2026-02-01"


def test_a_contact_takes_its_tasks_into_the_bin(api: Api, people: dict[str, str]) -> None:
    api.create("Task", WhoId=people["Contact"])
    api.delete(f"sobjects/Contact/{people['Contact']}")
    assert api.rows("SELECT Id FROM Task") == []
    assert len(api.rows("SELECT Id FROM Task", deleted=True)) == 1


# -- reading through a reference to several objects


def test_who_and_what_are_read_as_names(api: Api, people: dict[str, str]) -> None:
    api.create("Task", Subject="1", WhoId=people["Contact"], WhatId=people["Account"])
    api.create("Task", Subject="2", WhoId=people["Lead"])
    answer = api.query("SELECT Who.Name, Who.Type, Who.Title, What.Name, What.Type FROM Task ORDER BY Subject")
    first, second = answer["records"]
    assert first["Who"] == {
        "attributes": {"type": "Name", "url": f"/services/data/v60.0/sobjects/Contact/{people['Contact']}"},
        "Name": "Jane Doe", "Type": "Contact", "Title": None,
    }  # fmt: skip
    assert (first["What"]["Name"], first["What"]["Type"]) == ("Acme", "Account")
    assert (second["Who"]["Title"], second["What"]) == ("Chef", None)


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("What.Type = 'Account'", ["1"]),
        ("What.Type IN ('Account', 'Opportunity')", ["1", "3"]),
        ("Who.Type = 'lead'", ["2"]),
        ("Who.Name LIKE 'jane%'", ["1"]),
        ("Who.Email = 'jane@acme.example'", ["1"]),
        ("What.Type = null", ["2"]),
        ("Owner.Profile.Name = 'System Administrator'", ["1", "2", "3"]),
        ("Account.Name = 'Acme'", ["1", "3"]),
    ],
)
def test_conditions_reach_through(api: Api, people: dict[str, str], condition: str, found: list[str]) -> None:
    api.create("Task", Subject="1", WhoId=people["Contact"], WhatId=people["Account"])
    api.create("Task", Subject="2", WhoId=people["Lead"])
    api.create("Task", Subject="3", WhatId=people["Opportunity"])
    rows = api.rows(f"SELECT Subject FROM Task WHERE {condition} ORDER BY Subject")
    assert [r["Subject"] for r in rows] == found


def test_typeof_shows_the_fields_of_each_object(api: Api, people: dict[str, str]) -> None:
    for number, (name, kind) in enumerate((("WhatId", "Account"), ("WhatId", "Opportunity"), ("WhoId", "Lead"))):
        api.create("Task", Subject=str(number), **{name: people[kind]})
    campaign = api.create("Campaign", Name="Fair")
    api.create("Task", Subject="3", WhatId=campaign)
    soql = (
        "SELECT TYPEOF What WHEN Account THEN Phone, Owner.Name WHEN Opportunity THEN Amount, Account.Name"
        " ELSE Name, Type END FROM Task ORDER BY Subject"
    )
    account, deal, nothing, other = (r["What"] for r in api.query(soql)["records"])
    assert account["attributes"] == {
        "type": "Account", "url": f"/services/data/v60.0/sobjects/Account/{people['Account']}",
    }  # fmt: skip
    assert (account["Phone"], account["Owner"]["Name"]) == ("1", "Abmatic Integration")
    assert (deal["Amount"], deal["Account"]["Name"]) == (None, "Acme")
    assert nothing is None
    assert other["attributes"]["type"] == "Campaign"
    assert (other["Name"], other["Type"]) == ("Fair", "Campaign")
    without = "SELECT Subject, TYPEOF What WHEN Account THEN Phone END FROM Task WHERE Subject > '0'"
    assert [r["What"] for r in api.query(without)["records"]] == [None, None, None]


def test_tasks_are_child_records(api: Api, people: dict[str, str]) -> None:
    api.create("Task", Subject="Call", WhatId=people["Account"], WhoId=people["Contact"])
    (account,) = api.rows("SELECT Id, (SELECT Subject, Who.Name FROM Tasks), (SELECT Id FROM Events) FROM Account")
    (task,) = account["Tasks"]["records"]
    assert (task["Subject"], task["Who"]["Name"], account["Events"]) == ("Call", "Jane Doe", None)


@pytest.mark.parametrize(
    ("soql", "code", "message"),
    [
        ("SELECT Id FROM Name", "INVALID_TYPE_FOR_OPERATION", "entity type Name does not support query"),
        ("SELECT Who.Company FROM Task", "INVALID_FIELD", "No such column 'Company' on entity 'Name'"),
        ("SELECT TYPEOF Owner WHEN User THEN Id END FROM Account", "MALFORMED_QUERY", "polymorphic"),
        ("SELECT TYPEOF Who WHEN Account THEN Id END FROM Task", "MALFORMED_QUERY", "never is of type Account"),
        ("SELECT TYPEOF Whom WHEN Account THEN Id END FROM Task", "INVALID_FIELD", "relationship 'Whom'"),
    ],
)
def test_what_cannot_be_read(api: Api, soql: str, code: str, message: str) -> None:
    found = api.refused(soql)
    assert (found[0], message in found[1]) == (code, True)


def test_bulk_queries_refuse_typeof(api: Api) -> None:
    soql = "SELECT TYPEOF Who WHEN Lead THEN Company END FROM Task"
    assert api.post("jobs/query", json={"operation": "query", "query": soql}).status_code == 400


# -- queues


def queue(api: Api, *objects: str) -> str:
    made = api.create("Group", Name="Inbound", DeveloperName="Inbound", Type="Queue")
    for name in objects:
        api.create("QueueSobject", QueueId=made, SobjectType=name)
    return made


def test_a_queue_owns_leads(api: Api) -> None:
    group = queue(api, "Lead")
    api.create("Lead", LastName="A", Company="A", OwnerId=group)
    api.create("Lead", LastName="B", Company="B")
    soql = "SELECT LastName, Owner.Name, Owner.Type, Owner.Email FROM Lead ORDER BY LastName"
    first, second = api.query(soql)["records"]
    assert first["Owner"] == {
        "attributes": {"type": "Name", "url": f"/services/data/v60.0/sobjects/Group/{group}"},
        "Name": "Inbound", "Type": "Queue", "Email": None,
    }  # fmt: skip
    assert (second["Owner"]["Name"], second["Owner"]["Type"]) == ("Abmatic Integration", "User")
    assert [r["LastName"] for r in api.rows("SELECT LastName FROM Lead WHERE Owner.Type = 'Queue'")] == ["A"]
    soql = "SELECT TYPEOF Owner WHEN User THEN Username WHEN Group THEN DeveloperName END FROM Lead ORDER BY LastName"
    owners = [r["Owner"] for r in api.query(soql)["records"]]
    assert (owners[0]["DeveloperName"], owners[1]["Username"]) == ("Inbound", "integration@emulator.example")


def test_a_queue_owns_only_what_it_is_for(api: Api) -> None:
    group = queue(api)
    lead = {"LastName": "A", "Company": "A"}
    assert refusal(api, "Lead", OwnerId=group, **lead) == (
        "INVALID_OPERATION", "Queue not associated with this SObject type",
    )  # fmt: skip
    made = api.create("Lead", **lead, OwnerId=BASE.reps[0])
    assert api.patch(f"sobjects/Lead/{made}", json={"OwnerId": group}).json()[0]["errorCode"] == "INVALID_OPERATION"
    assert refusal(api, "Account", Name="A", OwnerId=group)[0] == "MALFORMED_ID"


def test_an_org_kept_from_before_activities_gains_them(tmp_path: Path) -> None:
    path = tmp_path / "org.sqlite3"
    OrgStore(path).close()
    conn = sqlite3.connect(path)
    for name in ("Task", "Event", "TaskStatus", "TaskPriority"):
        conn.execute(f'DROP TABLE "{name}"')
    conn.commit()
    conn.close()
    with OrgStore(path) as store:
        with store.session() as session:
            session.insert("Task", {"Subject": "Call"})
        with store.reading() as reader:
            assert reader.execute('SELECT count(*) FROM "TaskStatus"').fetchone() == (5,)
