"""Every value of the hostile org goes out as it is, by REST and by Bulk: what a client must survive."""

from __future__ import annotations

import csv
import io
import re

import pytest
from tests.salesforce_emulator.client import Api, OpenApi

from salesforce_emulator import OrgStore
from salesforce_emulator.data import hostile
from salesforce_emulator.data.hostile import Trap

OBJECTS = ("Account", "Contact", "Lead", "Opportunity")
TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})Z")


@pytest.fixture(name="api", scope="module")
def hostile_api(module_api: OpenApi) -> Api:
    return module_api(store=OrgStore(loader=hostile.load))


@pytest.fixture(name="traps", scope="module")
def all_traps() -> tuple[Trap, ...]:
    return hostile.expected().traps


def fields_of(traps: tuple[Trap, ...], sobject: str) -> list[str]:
    return sorted({t.field for t in traps if t.sobject == sobject})


@pytest.mark.parametrize("sobject", OBJECTS)
def test_rest_sends_what_is_stored(api: Api, traps: tuple[Trap, ...], sobject: str) -> None:
    """A number that isn't one is a JSON string; a text keeps its NUL."""
    page = api.query(f"SELECT Id, {', '.join(fields_of(traps, sobject))} FROM {sobject}")
    records = page["records"]
    while not page["done"]:
        page = api.get(page["nextRecordsUrl"]).json()
        records += page["records"]
    sent = {r["Id"]: r for r in records}
    for trap in (t for t in traps if t.sobject == sobject):
        stored = trap.value
        as_time = TIME.sub(r"\1+0000", stored) if isinstance(stored, str) and trap.field == "CreatedDate" else stored
        assert sent[trap.record_id][trap.field] == as_time, trap


@pytest.mark.parametrize("sobject", OBJECTS)
def test_bulk_sends_what_is_stored(api: Api, traps: tuple[Trap, ...], sobject: str) -> None:
    csv.field_size_limit(1 << 24)
    job = api.bulk_query(f"SELECT Id, {', '.join(fields_of(traps, sobject))} FROM {sobject}")
    answer = api.get(f"jobs/query/{job}/results")
    header, *rows = csv.reader(io.StringIO(answer.content.decode(), newline=""))
    sent = {row[0]: dict(zip(header, row, strict=True)) for row in rows}
    for trap in (t for t in traps if t.sobject == sobject):
        cell = sent[trap.record_id][trap.field]
        if isinstance(trap.value, str):
            assert cell == trap.value, trap
        else:
            assert trap.value is not None
            assert float(cell) == pytest.approx(float(trap.value)), trap


def test_quotes_around_a_number_and_a_nul_beside_quotes(open_api: OpenApi) -> None:
    api = open_api()
    record = api.create("Account", Name="A")
    with api.org.store.writing() as conn:
        changed = ('12" by 5', 'a\x00"b"', "x;\x00", record)
        conn.execute('UPDATE "Account" SET "AnnualRevenue" = ?, "Name" = ?, "Site" = ? WHERE "Id" = ?', changed)
    job = api.bulk_query("SELECT Name, AnnualRevenue, IsDeleted, ParentId, Site FROM Account")
    row = api.get(f"jobs/query/{job}/results").content.split(b"\n")[1]
    assert row == b'"a\x00""b""","12"" by 5","false","","x;\x00"'


def test_the_pages_show_every_record(api: Api, traps: tuple[Trap, ...]) -> None:
    for trap in traps[::25]:
        answer = api.get(f"/{trap.record_id}", follow_redirects=True)
        assert answer.status_code == 200, trap
