"""What was deleted and changed in a span of time, and how long the recycle bin keeps what is in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.salesforce_emulator.client import Api, Json, OpenApi

from salesforce_emulator import OrgStore, Settings
from salesforce_emulator.schema import BASE
from salesforce_emulator.store import RecordError, recycling

NOW = datetime(2026, 11, 20, 12, 30, 45, tzinfo=UTC)


class Clock:
    """The org's time, which a test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def api(open_api: OpenApi, clock: Clock) -> Api:
    # Its sessions outlast the days that a test lets pass.
    return open_api(store=OrgStore(clock=clock), settings=Settings(session_seconds=100 * 86_400))


def asked(api: Api, which: str, start: datetime, end: datetime, sobject: str = "Account") -> Json:
    answer = api.get(f"sobjects/{sobject}/{which}/", params={"start": start.isoformat(), "end": end.isoformat()})
    assert answer.status_code == 200, answer.text
    return answer.json()


def deleted_ids(api: Api, start: datetime, end: datetime, sobject: str = "Account") -> list[str]:
    return [r["id"] for r in asked(api, "deleted", start, end, sobject)["deletedRecords"]]


def seen(api: Api, sobject: str = "Account") -> list[str]:
    return [r["Id"] for r in api.rows(f"SELECT Id FROM {sobject} WHERE IsDeleted = true", deleted=True)]


def test_deleted_records_of_a_span(api: Api, clock: Clock) -> None:
    """ "earliestDateAvailable, deletedRecords (deletedDate, id), latestDateCovered"."""
    account = api.create("Account", Name="A")
    kept = api.create("Account", Name="B")
    contact = api.create("Contact", LastName="C", AccountId=account)
    clock.now += timedelta(minutes=5)
    assert api.delete(f"sobjects/Account/{account}").status_code == 204
    clock.now += timedelta(minutes=5)
    assert asked(api, "deleted", NOW, clock.now) == {
        "deletedRecords": [{"deletedDate": "2026-11-20T12:35:45.000+0000", "id": account}],
        "earliestDateAvailable": "2026-11-05T12:40:00.000+0000",
        "latestDateCovered": "2026-11-20T12:40:00.000+0000",
    }
    assert deleted_ids(api, NOW, clock.now, "Contact") == [contact], "what went along was deleted too"
    assert asked(api, "updated", NOW, clock.now)["ids"] == [kept], "what is gone wasn't updated"


def test_updated_records_of_a_span(api: Api, clock: Clock) -> None:
    first, second = api.create("Account", Name="A"), api.create("Account", Name="B")
    clock.now += timedelta(minutes=10)
    api.patch(f"sobjects/Account/{first}", json={"Name": "A2"})
    both = asked(api, "updated", NOW, clock.now + timedelta(hours=1))
    assert both == {"ids": [second, first], "latestDateCovered": "2026-11-20T12:40:00.000+0000"}
    later = asked(api, "updated", clock.now - timedelta(minutes=1), clock.now + timedelta(minutes=1))
    assert later["ids"] == [first]


def test_seconds_do_not_count(api: Api) -> None:
    """ "The API ignores the seconds portion of the specified dateTime value"."""
    account = api.create("Account", Name="A")
    assert asked(api, "updated", NOW + timedelta(seconds=10), NOW + timedelta(minutes=1))["ids"] == [account]
    assert asked(api, "updated", NOW - timedelta(hours=1), NOW + timedelta(seconds=14))["ids"] == []


@pytest.mark.parametrize("which", ["deleted", "updated"])
def test_spans_that_are_refused(api: Api, which: str) -> None:
    """ "startDate cannot be more than 30 days ago"; start "must chronologically precede" end by a minute."""

    def refused(**params: str) -> tuple[str, str]:
        answer = api.get(f"sobjects/Account/{which}/", params=params)
        assert answer.status_code == 400, answer.text
        return answer.json()[0]["errorCode"], answer.json()[0]["message"]

    now = NOW.isoformat()
    early = (NOW - timedelta(days=30, minutes=1)).isoformat()
    assert refused(start=early, end=now) == ("INVALID_REPLICATION_DATE", "startDate cannot be more than 30 days ago")
    assert refused(start=now, end=now)[0] == "INVALID_REPLICATION_DATE"
    assert refused(start="yesterday", end=now)[0] == "INVALID_REPLICATION_DATE"
    assert refused(start=now)[0] == "MISSING_ARGUMENT"
    assert asked(api, which, NOW - timedelta(days=30), NOW)
    assert api.get(f"sobjects/Nothing/{which}/", params={"start": early, "end": now}).status_code == 404


def test_the_bin_is_emptied_after_fifteen_days(api: Api, clock: Clock) -> None:
    """getDeleted and queryAll agree on it."""
    account = api.create("Account", Name="A")
    contact = api.create("Contact", LastName="C", AccountId=account)
    api.delete(f"sobjects/Account/{account}")
    clock.now += timedelta(days=15) - timedelta(seconds=1)
    later = api.create("Account", Name="B")
    api.delete(f"sobjects/Account/{later}")
    assert sorted(seen(api)) == sorted([account, later])
    assert sorted(deleted_ids(api, NOW, clock.now + timedelta(minutes=1))) == sorted([account, later])
    clock.now += timedelta(seconds=1)
    assert seen(api) == [later]
    assert seen(api, "Contact") == []
    assert deleted_ids(api, NOW, clock.now + timedelta(minutes=1)) == [later]
    assert deleted_ids(api, NOW, clock.now, "Contact") == []
    with pytest.raises(RecordError, match="NOT_FOUND"), api.org.store.session() as session:
        session.undelete("Contact", contact)


def test_what_is_removed_for_good_is_in_the_log_alone(api: Api, clock: Clock) -> None:
    account = api.create("Account", Name="A")
    api.ingest("Account", "hardDelete", f"Id\n{account}\n")
    clock.now += timedelta(minutes=1)
    assert seen(api) == []
    assert deleted_ids(api, NOW, clock.now) == [account]


def test_an_emptied_bin_gives_nothing_back(api: Api) -> None:
    """ "invalid record id; no recycle bin entry found"; what is deleted is still seen by queryAll."""
    account = api.create("Account", Name="A")
    contact = api.create("Contact", LastName="C", AccountId=account)
    store = api.org.store
    with pytest.raises(RecordError, match="INVALID_ID_FIELD"), store.session() as session:
        recycling.empty_bin(session, account)
    api.delete(f"sobjects/Account/{account}")
    with pytest.raises(RecordError, match="INVALID_ID_FIELD"), store.session() as session:
        recycling.empty_bin(session, contact)  # it went along with its account
    with store.session() as session:
        recycling.empty_bin(session, account)
    with pytest.raises(RecordError, match="Entity is not in the recycle bin"), store.session() as session:
        session.undelete("Account", account)
    with pytest.raises(RecordError, match="no recycle bin entry found"), store.session() as session:
        recycling.empty_bin(session, account)
    assert seen(api) == [account]


def test_what_went_along_comes_back_only_with_what_it_went_with(api: Api) -> None:
    account = api.create("Account", Name="A")
    contact = api.create("Contact", LastName="C", AccountId=account)
    api.delete(f"sobjects/Account/{account}")
    with pytest.raises(RecordError, match="UNDELETE_FAILED"), api.org.store.session() as session:
        session.undelete("Contact", contact)
    with api.org.store.session() as session:
        session.undelete("Account", account)
    assert api.rows("SELECT Id, AccountId FROM Contact") == [{"Id": contact, "AccountId": account}]
    with pytest.raises(RecordError, match="UNDELETE_FAILED"), api.org.store.session() as session:
        session.undelete("Account", account)


def test_deleting_empties_lookups_and_undeleting_fills_them(api: Api, clock: Clock) -> None:
    """Lookups that don't cascade are emptied, and restored unless they have been replaced."""
    parent, other = api.create("Account", Name="Parent"), api.create("Account", Name="Other")
    stays = api.create("Account", Name="Stays", ParentId=parent)
    moves = api.create("Account", Name="Moves", ParentId=parent)
    clock.now += timedelta(minutes=1)
    api.delete(f"sobjects/Account/{parent}")
    (row,) = api.rows(f"SELECT ParentId, LastModifiedDate, SystemModstamp FROM Account WHERE Id = '{stays}'")
    assert row == {
        "ParentId": None,
        "LastModifiedDate": "2026-11-20T12:30:45.000+0000",  # nobody changed it
        "SystemModstamp": "2026-11-20T12:31:45.000+0000",
    }
    api.patch(f"sobjects/Account/{moves}", json={"ParentId": other})
    with api.org.store.session() as session:
        session.undelete("Account", parent)
    rows = api.rows(f"SELECT Id, ParentId FROM Account WHERE Id IN ('{stays}', '{moves}')")
    assert {r["Id"]: r["ParentId"] for r in rows} == {stays: parent, moves: other}


def test_an_account_takes_its_people_and_empties_who_reports_to_them(api: Api) -> None:
    account = api.create("Account", Name="A")
    boss = api.create("Contact", LastName="Boss", AccountId=account)
    outside = api.create("Contact", LastName="Outside", ReportsToId=boss)
    inside = api.create("Contact", LastName="Inside", AccountId=account, ReportsToId=boss)
    campaign = api.create("Campaign", Name="C")
    deal = api.create("Opportunity", Name="O", StageName="Prospecting", CloseDate="2026-12-01", CampaignId=campaign)
    api.delete(f"sobjects/Account/{account}")
    api.delete(f"sobjects/Campaign/{campaign}")
    assert api.rows("SELECT Id, ReportsToId FROM Contact") == [{"Id": outside, "ReportsToId": None}]
    assert api.rows("SELECT Id, CampaignId FROM Opportunity") == [{"Id": deal, "CampaignId": None}]
    with api.org.store.session() as session:
        session.undelete("Account", account)
    rows = api.rows(f"SELECT Id, ReportsToId FROM Contact WHERE Id IN ('{outside}', '{inside}')")
    assert {r["Id"]: r["ReportsToId"] for r in rows} == {outside: boss, inside: boss}


@pytest.fixture
def member(api: Api) -> str:
    campaign, contact = api.create("Campaign", Name="C"), api.create("Contact", LastName="L")
    return api.create("CampaignMember", CampaignId=campaign, ContactId=contact)


def test_what_cannot_be_undeleted(api: Api, member: str) -> None:
    api.delete(f"sobjects/CampaignMember/{member}")
    with pytest.raises(RecordError, match="INVALID_TYPE_FOR_OPERATION"), api.org.store.session() as session:
        session.undelete("CampaignMember", member)


@pytest.mark.parametrize("door", ["record", "collection"])
def test_a_campaign_member_is_removed_at_once(api: Api, clock: Clock, member: str, door: str) -> None:
    if door == "record":
        assert api.delete(f"sobjects/CampaignMember/{member}").status_code == 204
    else:
        assert api.delete(f"composite/sobjects?ids={member}").json()[0]["success"]
    clock.now += timedelta(minutes=1)
    assert api.rows("SELECT Id FROM CampaignMember", deleted=True) == []
    assert api.get(f"sobjects/CampaignMember/{member}").status_code == 404
    assert deleted_ids(api, NOW, clock.now, "CampaignMember") == [member]


def test_a_campaign_member_goes_and_comes_back_with_its_campaign(api: Api, clock: Clock, member: str) -> None:
    (campaign,) = (row["Id"] for row in api.rows("SELECT Id FROM Campaign"))
    api.delete(f"sobjects/Campaign/{campaign}")
    clock.now += timedelta(minutes=1)
    assert api.rows("SELECT Id, IsDeleted FROM CampaignMember", deleted=True) == [{"Id": member, "IsDeleted": True}]
    assert deleted_ids(api, NOW, clock.now, "CampaignMember") == [member]
    with api.org.store.session() as session:
        session.undelete("Campaign", str(campaign))
    assert api.rows("SELECT Id FROM CampaignMember") == [{"Id": member}]


def test_of_private_records_one_learns_only_of_his_own(api: Api, clock: Clock) -> None:
    """ "Records are returned only if the user has access to them"."""
    mine, theirs = (api.create("Account", Name=n, OwnerId=o) for n, o in (("M", BASE.reps[0]), ("T", BASE.reps[1])))
    gone = [api.create("Account", Name="G", OwnerId=o) for o in BASE.reps[:2]]
    for account in gone:
        api.delete(f"sobjects/Account/{account}")
    clock.now += timedelta(minutes=1)
    assert api.post("/__emulator/permissions", json={"sharing": {"Account": "Private"}}).status_code == 200
    assert asked(api, "updated", NOW, clock.now)["ids"] == [mine, theirs], "an administrator sees all"
    api.http.headers["Authorization"] = f"Bearer {api.org.access_token(BASE.reps[0])}"
    assert asked(api, "updated", NOW, clock.now)["ids"] == [mine]
    assert deleted_ids(api, NOW, clock.now) == gone[:1]
