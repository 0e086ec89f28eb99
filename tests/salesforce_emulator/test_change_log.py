"""Change data capture: which writes make which events, whatever door they came by."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.salesforce_emulator.client import Api, OpenApi
from tests.salesforce_emulator.soap_client import Soap, sobject

from salesforce_emulator import OrgStore, Settings
from salesforce_emulator.__main__ import _make, parser
from salesforce_emulator.datafile import DataFile
from salesforce_emulator.schema.entries import custom_field
from salesforce_emulator.store import RecordError
from salesforce_emulator.store.convert import ConvertOptions

Json = dict[str, Any]


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **span: int) -> None:
        self.at += timedelta(**span)


def events(api: Api, after: int = 0, sobject: str = "") -> list[Json]:
    answer = api.get("/__emulator/changes", params={"after": after, "object": sobject})
    assert answer.status_code == 200, answer.text
    found: list[Json] = answer.json()
    return found


def newest(api: Api) -> int:
    return max((e["number"] for e in events(api)), default=0)


def told(found: list[Json]) -> list[tuple[str, str, list[str]]]:
    return [(e["changeType"], e["object"], e["recordIds"]) for e in found]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def org(open_api: OpenApi, clock: Clock) -> Api:
    return open_api(store=OrgStore(clock=clock), settings=Settings(session_seconds=10**7))


def test_a_record_s_life_by_rest(org: Api, clock: Clock) -> None:
    account = org.create("Account", Name="Acme", NumberOfEmployees=7)
    clock.forward(seconds=5)
    org.patch(f"sobjects/Account/{account}", json={"Name": "Acme Ltd", "NumberOfEmployees": 7, "Phone": None})
    org.delete(f"sobjects/Account/{account}")
    with org.org.store.session() as session:
        session.undelete("Account", account)
    made, changed, gone, back = events(org)
    assert [e["changeType"] for e in (made, changed, gone, back)] == ["CREATE", "UPDATE", "DELETE", "UNDELETE"]
    assert made["fields"]["Name"] == "Acme"
    assert made["fields"]["CreatedDate"] == "2026-03-02T10:00:00.000Z"
    assert changed["fields"] == {"Name": "Acme Ltd", "LastModifiedDate": "2026-03-02T10:00:05.000Z"}
    assert gone["fields"] == {}
    assert back["fields"]["Name"] == "Acme Ltd"
    assert back["fields"]["NumberOfEmployees"] == 7
    assert [e["number"] for e in (made, changed, gone, back)] == sorted({e["number"] for e in events(org)})
    assert changed["commitTimestamp"] == datetime(2026, 3, 2, 10, 0, 5, tzinfo=UTC).timestamp() * 1000
    assert len({e["transactionKey"] for e in events(org)}) == 4
    assert {e["sequenceNumber"] for e in events(org)} == {1}


def test_what_changes_nothing_makes_no_event(org: Api) -> None:
    account = org.create("Account", Name="Acme")
    before = newest(org)
    org.patch(f"sobjects/Account/{account}", json={"Name": "Acme"})
    assert events(org, before) == []


def write_two(store: OrgStore) -> None:
    """Write an account and one that is refused, in one transaction."""
    with store.session() as session:
        session.insert("Account", {"Name": "Gone again"})
        session.insert("Account", {})


def test_what_is_refused_or_undone_makes_no_event(org: Api) -> None:
    refused = org.post("sobjects/Contact", json={"FirstName": "Nobody"})
    assert refused.status_code == 400
    records = [{"attributes": {"type": "Account"}, "Name": "Acme"}, {"attributes": {"type": "Account"}}]
    org.post("composite/sobjects", json={"allOrNone": True, "records": records})
    with pytest.raises(RecordError):
        write_two(org.org.store)
    assert events(org) == []
    org.post("composite/sobjects", json={"allOrNone": False, "records": records})
    assert [e["fields"]["Name"] for e in events(org)] == ["Acme"]


def test_a_composite_that_fails_leaves_no_event(org: Api) -> None:
    url = "/services/data/v60.0/sobjects/Account"
    parts = [
        {"method": "POST", "url": url, "referenceId": "one", "body": {"Name": "Acme"}},
        {"method": "POST", "url": url, "referenceId": "two", "body": {}},
    ]
    org.post("composite", json={"allOrNone": True, "compositeRequest": parts})
    assert events(org) == []
    org.post(
        "composite",
        json={"allOrNone": True, "compositeRequest": parts[:1]},
        headers={"Sforce-Call-Options": "client=Composer"},
    )
    assert [e["changeOrigin"] for e in events(org)] == ["com/salesforce/api/rest/60.0;client=Composer"]


def test_equal_changes_of_one_call_share_an_event(org: Api) -> None:
    ids = [org.create("Account", Name=f"Account {n}") for n in range(4)]
    before = newest(org)
    ratings = ["Hot", "Hot", "Cold", "Hot"]
    rows = [{"attributes": {"type": "Account"}, "Id": i, "Rating": r} for i, r in zip(ids, ratings, strict=True)]
    org.patch("composite/sobjects", json={"records": rows})
    found = events(org, before)
    assert [(e["recordIds"], e["fields"]["Rating"], e["sequenceNumber"]) for e in found] == [
        (ids[:2], "Hot", 1),
        (ids[2:3], "Cold", 2),
        (ids[3:], "Hot", 3),
    ]
    assert len({e["transactionKey"] for e in found}) == 1
    org.delete("composite/sobjects", params={"ids": ",".join(ids)})
    assert told(events(org, newest(org) - 4))[-1] == ("DELETE", "Account", ids)


def test_one_transaction_tells_of_a_record_once(org: Api) -> None:
    with org.org.store.session() as session:
        kept = session.insert("Account", {"Name": "First"})
        session.update("Account", kept, {"Name": "Second"})
        brief = session.insert("Account", {"Name": "Brief"})
        session.delete("Account", brief)
    (made,) = events(org)
    assert (made["changeType"], made["recordIds"], made["fields"]["Name"]) == ("CREATE", [kept], "Second")
    with org.org.store.session() as session:
        session.update("Account", kept, {"Name": "Third"})
        session.delete("Account", kept)
    assert told(events(org, made["number"])) == [("DELETE", "Account", [kept])]


def test_deleting_tells_of_all_that_goes_along(org: Api) -> None:
    account = org.create("Account", Name="Acme")
    contacts = [org.create("Contact", LastName=f"Doe {n}", AccountId=account) for n in range(2)]
    before = newest(org)
    org.delete(f"sobjects/Account/{account}")
    assert told(events(org, before)) == [("DELETE", "Contact", contacts), ("DELETE", "Account", [account])]
    before = newest(org)
    with org.org.store.session() as session:
        session.undelete("Account", account)
    assert {(k, o) for k, o, _ in told(events(org, before))} == {("UNDELETE", "Contact"), ("UNDELETE", "Account")}


def test_a_merge_is_an_update_and_a_deletion(org: Api, clock: Clock) -> None:
    winner, loser = org.create("Account", Name="Winner"), org.create("Account", Name="Loser")
    contact = org.create("Contact", LastName="Doe", AccountId=loser)
    before = newest(org)
    clock.forward(seconds=1)
    org.org.store.merge("Account", winner, [loser], {"Phone": "1"})
    found = {(e["changeType"], e["recordIds"][0]): e["fields"] for e in events(org, before)}
    assert set(found) == {("UPDATE", winner), ("UPDATE", contact), ("DELETE", loser)}
    assert found["UPDATE", winner]["Phone"] == "1"
    assert found["UPDATE", contact]["AccountId"] == winner


def test_a_conversion_creates_and_then_updates_the_lead(org: Api, clock: Clock) -> None:
    lead = org.create("Lead", LastName="Doe", Company="Acme")
    before = newest(org)
    clock.forward(seconds=1)
    made = org.org.store.convert_lead(lead, ConvertOptions())
    found = events(org, before)
    kinds = [(e["changeType"], e["object"]) for e in found]
    assert kinds == [("CREATE", "Account"), ("CREATE", "Contact"), ("CREATE", "Opportunity"), ("UPDATE", "Lead")]
    assert [e["sequenceNumber"] for e in found] == [1, 2, 3, 4]
    fields = found[-1]["fields"]
    assert fields["IsConverted"] == 1
    assert fields["ConvertedAccountId"] == made.account_id
    assert "LastModifiedDate" not in fields


def test_roll_ups_make_no_event(org: Api) -> None:
    campaign = org.create("Campaign", Name="Spring")
    lead = org.create("Lead", LastName="Doe", Company="Acme")
    before = newest(org)
    org.create("CampaignMember", CampaignId=campaign, LeadId=lead)
    assert [e["object"] for e in events(org, before)] == ["CampaignMember"]
    assert events(org, before, "Campaign") == []


def test_bulk_rows_are_told_by_two_hundreds(org: Api, clock: Clock) -> None:
    csv = "Name,Industry\n" + "".join(f"Account {n},Energy\n" for n in range(450))
    org.ingest("Account", "insert", csv)
    made = events(org)
    assert len(made) == 450
    ids = [e["recordIds"][0] for e in made]
    clock.forward(seconds=1)
    rows = "".join(f"{i},Hot,Account {n}\n" for n, i in enumerate(ids))
    answer = org.post(
        "jobs/ingest",
        json={"object": "Account", "operation": "update"},
        headers={"Sforce-Call-Options": "client=Loader"},
    ).json()
    org.call("PUT", f"jobs/ingest/{answer['id']}/batches", content=f"Id,Rating,Name\n{rows}nonsense,Hot,x\n")
    org.patch(f"jobs/ingest/{answer['id']}", json={"state": "UploadComplete"})
    org.job_info("ingest", answer["id"])
    changed = events(org, made[-1]["number"])
    assert [i for e in changed for i in e["recordIds"]] == ids
    assert {len(e["recordIds"]) for e in changed} <= set(range(1, 201))
    assert all(
        e["fields"] == {"Rating": "Hot", "LastModifiedDate": changed[0]["fields"]["LastModifiedDate"]} for e in changed
    )
    assert {e["changeOrigin"] for e in changed} == {"com/salesforce/api/bulkapi/60.0;client=Loader"}
    assert len({e["transactionKey"] for e in changed}) == 3


def test_bulk_updates_say_what_their_rules_changed(org: Api, clock: Clock) -> None:
    """Columns that aren't in the file are compared too, with what was there before the row."""
    ids = [
        org.create("Opportunity", Name=f"Deal {n}", StageName="Prospecting", CloseDate="2026-06-30") for n in range(3)
    ]
    before = newest(org)
    clock.forward(seconds=1)
    org.ingest("Opportunity", "update", "Id,StageName\n" + "".join(f"{i},Closed Won\n" for i in ids))
    (event,) = events(org, before, "Opportunity")
    assert event["recordIds"] == ids
    assert event["fields"]["IsWon"] == 1
    assert event["fields"]["Probability"] == 100
    assert "Name" not in event["fields"]


def test_hard_deletion_is_told_once(org: Api) -> None:
    kept, binned = org.create("Account", Name="Kept"), org.create("Account", Name="Binned")
    org.delete(f"sobjects/Account/{binned}")
    before = newest(org)
    org.ingest("Account", "hardDelete", f"Id\n{kept}\n{binned}\n")
    assert told(events(org, before)) == [("DELETE", "Account", [kept])]


def test_who_wrote_and_by_which_door(org: Api) -> None:
    org.post(
        "sobjects/Account", json={"Name": "One"}, headers={"Sforce-Call-Options": "client=Hub, defaultNamespace=x"}
    )
    org.create("Account", Name="Two")
    with org.org.store.session() as session:
        session.insert("Account", {"Name": "Three"})
    found = events(org)
    assert [e["changeOrigin"] for e in found] == [
        "com/salesforce/api/rest/60.0;client=Hub",
        "com/salesforce/api/rest/60.0",
        "",
    ]
    me = org.rows(f"SELECT Id FROM User WHERE Username = '{org.org.username}'")[0]["Id"]
    assert [e["commitUser"] == me for e in found] == [True, True, False]


def test_what_is_written_by_soap_and_on_the_pages_says_so(org: Api) -> None:
    soap = Soap(org, org.org.access_token())
    record = sobject("sObjects", "Account", Name="Acme")
    soap.call(f"<create>{record}</create>", "<CallOptions><client>Desk</client></CallOptions>")
    soap.call(f"<create>{record}</create>")
    account = events(org)[0]["recordIds"][0]
    (token, *_) = re.findall(r'name="csrf" value="([^"]+)"', org.get(f"/o/Account/{account}").text)
    assert org.post(f"/o/Account/{account}/delete", data={"csrf": token}).status_code < 400
    assert [(e["changeType"], e["changeOrigin"]) for e in events(org)] == [
        ("CREATE", "com/salesforce/api/soap/60.0;client=Desk"),
        ("CREATE", "com/salesforce/api/soap/60.0"),
        ("DELETE", "com/salesforce/api/soap/67.0;client=SfdcInternalAPI/"),
    ]


def test_only_selected_objects_are_told(open_api: OpenApi) -> None:
    custom = {"Contact": [custom_field("Level__c", "double")]}
    org = open_api(store=OrgStore(custom_fields=custom, captured=["contact"]))
    org.create("Account", Name="Acme")
    contact = org.create("Contact", LastName="Doe", Level__c=3)
    assert told(events(org)) == [("CREATE", "Contact", [contact])]
    assert events(org)[0]["fields"]["Level__c"] == 3.0
    org.org.store.capture(["Account"])
    org.create("Contact", LastName="Silent")
    account = org.create("Account", Name="Acme")
    assert told(events(org, newest(org) - 1))[-1] == ("CREATE", "Account", [account])
    with pytest.raises(ValueError, match="there is no object Nothing__c"):
        org.org.store.capture(["Nothing__c"])


def test_nothing_is_logged_where_nothing_is_selected(open_api: OpenApi) -> None:
    org = open_api(store=OrgStore(captured=[]))
    org.create("Account", Name="Acme")
    assert events(org) == []


def test_events_go_after_72_hours_of_the_org_s_clock(org: Api, clock: Clock) -> None:
    org.create("Account", Name="Old")
    clock.forward(hours=71, minutes=59)
    org.create("Account", Name="Young")
    assert len(events(org)) == 2
    clock.forward(minutes=1)
    assert [e["fields"]["Name"] for e in events(org)] == ["Young"]
    org.create("Account", Name="Newest")
    with org.org.store.reading() as conn:
        assert conn.execute("SELECT count(*) FROM emulator_change").fetchone()[0] == 2
    numbers = [e["number"] for e in events(org)]
    clock.forward(hours=72)
    assert events(org) == []
    org.create("Account", Name="Much later")
    assert events(org)[0]["number"] > max(numbers)


def test_the_log_and_the_selection_outlive_a_restart(tmp_path: Path, clock: Clock) -> None:
    file = tmp_path / "org.sqlite3"
    with OrgStore(file, clock=clock, captured=["Account"]) as store, store.session() as session:
        session.insert("Account", {"Name": "Acme"})
        session.insert("Contact", {"LastName": "Doe"})
    with OrgStore(file, clock=clock) as store:
        assert store.captured == {"Account"}
        assert [e.values["Name"] for e in store.changes.after(0, 10)] == ["Acme"]


def test_too_many_changes_overflow(org: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("salesforce_emulator.changes.events.MAX_CHANGES", 3)
    with org.org.store.session() as session:
        ids = [session.insert("Account", {"Name": f"Account {n}"}) for n in range(3)]
        session.insert("Account", {"Name": "One too many"})
        session.insert("Contact", {"LastName": "Doe"})
    assert told(events(org)) == [
        *(("CREATE", "Account", [i]) for i in ids),
        ("GAP_OVERFLOW", "Account", ["000000000000000AAA"]),
        ("GAP_OVERFLOW", "Contact", ["000000000000000AAA"]),
    ]


def test_an_event_above_a_megabyte_is_a_gap(open_api: OpenApi) -> None:
    texts = [custom_field(f"Text{n}__c", "textarea", length=131_072) for n in range(8)]
    org = open_api(store=OrgStore(custom_fields={"Account": texts}))
    large = org.create("Account", Name="Acme", **{f"Text{n}__c": "é" * 65_000 for n in range(8)})
    small = org.create("Account", Name="Acme", **{f"Text{n}__c": "e" * 65_000 for n in range(8)})
    found = events(org)
    assert told(found) == [("GAP_CREATE", "Account", [large]), ("CREATE", "Account", [small])]
    assert found[0]["fields"] == {}


@pytest.mark.parametrize(
    ("query", "code"), [({"after": "x"}, "INVALID_NUMBER"), ({"object": "Nothing"}, "INVALID_TYPE")]
)
def test_what_the_list_can_t_answer(org: Api, query: dict[str, str], code: str) -> None:
    answer = org.get("/__emulator/changes", params=query)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)


def test_a_data_file_selects_what_is_captured(tmp_path: Path) -> None:
    file = tmp_path / "org.json"
    things = [{"name": "Thing__c", "label": "Thing"}]
    file.write_text(json.dumps({"custom_objects": things, "change_events": ["Thing__c"]}))
    database = tmp_path / "org.sqlite3"
    _make(parser().parse_args([]), DataFile.read(file), database)
    with OrgStore(database) as store:
        assert store.captured == {"Thing__c"}
    file.write_text(json.dumps({"change_events": ["Nothing__c"]}))
    with pytest.raises(ValueError, match="there is no object Nothing__c"):
        _make(parser().parse_args([]), DataFile.read(file), tmp_path / "other.sqlite3")
    assert not (tmp_path / "other.sqlite3").exists()
    _make(parser().parse_args(["--change-events", "Lead,Contact"]), DataFile.read(file), tmp_path / "third.sqlite3")
    with OrgStore(tmp_path / "third.sqlite3") as store:
        assert store.captured == {"Lead", "Contact"}
