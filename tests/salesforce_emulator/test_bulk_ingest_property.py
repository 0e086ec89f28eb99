"""Any file of rows: written together, they come out as if each had been written by itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesforce_emulator import OrgStore, ids
from salesforce_emulator.bulk import ingest
from salesforce_emulator.bulk.ingest import IngestJobs
from salesforce_emulator.schema import BASE
from salesforce_emulator.schema.entries import custom_field
from salesforce_emulator.store import Session

CUSTOM = {
    "Account": [
        custom_field("External__c", "string", externalId=True, unique=True, length=40),
        custom_field("Code__c", "string", externalId=True, length=40),
        custom_field("Tier__c", "picklist", values=("Gold", "Silver"), restrictedPicklist=True),
    ]
}
TABLES = ("Account", "Contact", "Campaign", "CampaignMember", "CampaignMemberStatus", "Opportunity",
          "OpportunityContactRole", "emulator_deletion", "emulator_emptied", "OpportunityHistory",
          "OpportunityFieldHistory", "emulator_sequence")  # fmt: skip
Rows = list[tuple[object, ...]]


def fill(store: OrgStore) -> None:
    with store.session() as session:
        first = [session.insert("Account", {"Name": f"A{n}", "External__c": f"e{n}", "Code__c": "c"}) for n in range(4)]
        session.delete("Account", first[3])
        people = [session.insert("Contact", {"LastName": f"C{n}", "AccountId": first[n % 3]}) for n in range(3)]
        campaigns = [session.insert("Campaign", {"Name": f"K{n}"}) for n in range(2)]
        session.insert("CampaignMember", {"CampaignId": campaigns[0], "ContactId": people[0]})
        for n in range(2):
            values = {"Name": f"O{n}", "StageName": "Prospecting", "CloseDate": "2026-12-31", "ContactId": people[n]}
            session.insert("Opportunity", values)


def some(prefix: str, count: int) -> st.SearchStrategy[str]:
    """Ids of records: there, deleted, not there yet, never there; in two lengths."""
    known = [ids.make(prefix, n) for n in range(1, count + 3)]
    return st.sampled_from([*known, known[0][:15], known[1].swapcase()[:15], "", "no id", ids.make("00Q", 1)])


ACCOUNT = {
    "Id": some("001", 4),
    "Name": st.sampled_from(["", "New", "#N/A", "x" * 256]),
    "External__c": st.sampled_from(["", "e0", "E1", "e2 ", "e9", "f", "#N/A"]),
    "Code__c": st.sampled_from(["", "c", "d", "D"]),
    "Tier__c": st.sampled_from(["", "gold", "Bronze"]),
    "NumberOfEmployees": st.sampled_from(["", "5", "many"]),
    "ParentId": some("001", 4),
    "Parent.External__c": st.sampled_from(["", "e0", "e3", "F", "zzz"]),
}
MEMBER = {
    "Id": some("00v", 1),
    "CampaignId": some("701", 2),
    "ContactId": some("003", 3),
    "Status": st.sampled_from(["", "Sent", "responded", "Nonsense"]),
}
STATUS = {
    "Id": some("01Y", 4),
    "CampaignId": some("701", 2),
    "Label": st.sampled_from(["", "Sent", "Met"]),
    "IsDefault": st.sampled_from(["", "true", "false"]),
}
OPPORTUNITY = {
    "Id": some("006", 2),
    "Name": st.sampled_from(["", "Deal"]),
    "StageName": st.sampled_from(["", "Closed Won", "Odd", "#N/A"]),
    "CloseDate": st.sampled_from(["", "2027-01-31", "soon"]),
    "ContactId": some("003", 3),
}
ROLE = {
    "Id": some("00K", 2),
    "OpportunityId": some("006", 2),
    "ContactId": some("003", 3),
    "IsPrimary": st.sampled_from(["", "true", "false"]),
}
OBJECTS = {
    "Account": ACCOUNT,
    "CampaignMember": MEMBER,
    "CampaignMemberStatus": STATUS,
    "Opportunity": OPPORTUNITY,
    "OpportunityContactRole": ROLE,
}


@st.composite
def jobs(draw: st.DrawFn) -> tuple[str, str, str, str]:
    """Object, operation, external id, CSV."""
    sobject = draw(st.sampled_from(["Account", "Account", *OBJECTS]))
    operation = draw(st.sampled_from(ingest.OPERATIONS))
    key = draw(st.sampled_from(["External__c", "Code__c", "Id"] if sobject == "Account" else ["Id"]))
    cells = OBJECTS[sobject]
    columns = draw(st.lists(st.sampled_from(list(cells)), min_size=1, unique=True))
    if operation in ("delete", "hardDelete"):
        columns = ["Id"]
    elif operation == "update" and "Id" not in columns:
        columns = ["Id", *columns]
    rows = draw(st.lists(st.tuples(*(cells[c] for c in columns)), min_size=1, max_size=6))
    lines = [",".join(columns), *(",".join(row) for row in rows)]
    return sobject, operation, key if operation == "upsert" else "", "\n".join(lines) + "\n"


@contextmanager
def one_by_one() -> Iterator[None]:
    """Rows are written by a plain session, a savepoint each."""

    @contextmanager
    def plain(store: OrgStore, user_id: str, origin: str = "") -> Iterator[Session]:
        with store.session(user_id, from_csv=True) as session:
            yield session

    with mock.patch.object(OrgStore, "batch", plain), mock.patch.object(ingest, "expect"):
        yield


def outcome(files: list[tuple[str, str, str, str]]) -> tuple[list[list[str]], dict[str, Rows]]:
    """The results of the jobs, one after the other in a new org, and what is in the tables afterwards."""
    with OrgStore(custom_fields=CUSTOM, clock=lambda: datetime(2026, 11, 24, tzinfo=UTC)) as store:
        fill(store)
        results = []
        for number, (sobject, operation, key, text) in enumerate(files):
            queue = IngestJobs(store)
            queue.started = number
            found = store.schema[sobject]
            job = queue.create(found, operation, key, BASE.integration, "60.0", delimiter="COMMA", line_ending="LF")
            job.data.write_text(text)
            assert queue.upload_complete(job)
            while job.state not in ingest.ENDED:
                time.sleep(0.001)
            queue.close()
            results.append([job.state, job.error, *(job.result(n).read_text() for n in ("successful", "failed"))])
        with store.reading() as conn:
            return results, {t: conn.execute(f'SELECT * FROM "{t}" ORDER BY 1').fetchall() for t in TABLES}


@settings(max_examples=100, deadline=None)
@given(files=st.lists(jobs(), min_size=1, max_size=2))
def test_rows_written_together_come_out_as_if_written_one_by_one(files: list[tuple[str, str, str, str]]) -> None:
    together = outcome(files)
    with one_by_one():
        assert outcome(files) == together


@pytest.mark.parametrize("failing", [1, 2])
def test_a_row_that_fails_late_takes_back_what_it_wrote(failing: int) -> None:
    """An opportunity whose contact role is refused is not there either; its neighbours are."""
    contact = ids.make("003", 1)
    rows = [f"Deal {n},Prospecting,2026-12-31,{contact}" for n in range(3)]
    text = "Name,StageName,CloseDate,ContactId\n" + "\n".join(rows) + "\n"
    real, seen = Session.insert, []

    def refuse(session: Session, name: str, values: dict[str, object]) -> str:
        made = real(session, name, values)
        if name == "OpportunityContactRole":
            seen.append(made)
            if len(seen) == failing + 3:  # after the two that fill the org
                raise ingest.RecordError("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record")
        return made

    with mock.patch.object(Session, "insert", refuse):
        together = outcome([("Opportunity", "insert", "", text)])
    seen.clear()
    with mock.patch.object(Session, "insert", refuse), one_by_one():
        assert outcome([("Opportunity", "insert", "", text)]) == together
    assert "UNABLE_TO_LOCK_ROW" in together[0][0][3]
    assert len(together[1]["Opportunity"]) == 4
