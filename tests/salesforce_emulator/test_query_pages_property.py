"""The pages of any query make up what it found when it was asked, whatever is written between them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.salesforce_emulator.client import Api, Json, OpenApi, wait_for

from salesforce_emulator import OrgStore
from salesforce_emulator.api import listing
from salesforce_emulator.schema import BASE
from salesforce_emulator.soql import QueryContext, compile_soql

COUNT = 500
PAGE = 200
CONDITIONS = (
    "",
    "Name LIKE 'A%'",
    "NumberOfEmployees > 2",
    "SystemModstamp > 2000-01-01T00:00:00Z",
    "ParentId = null OR Parent.NumberOfEmployees < 5",
    "Id NOT IN (SELECT AccountId FROM Contact WHERE Account.NumberOfEmployees = 3)",
)
ORDERS = ("", "ORDER BY Name", "ORDER BY NumberOfEmployees DESC NULLS LAST", "ORDER BY Parent.Name, Id DESC")
WINDOWS = ("", "LIMIT 450", "LIMIT 401 OFFSET 30", "OFFSET 100")
FIELDS = ("Id", "Id, Name", "Id, SystemModstamp", "Id, Parent.Name, Rating", "Id, (SELECT LastName FROM Contacts)")
QUERIES = st.tuples(
    st.sampled_from(FIELDS), st.sampled_from(CONDITIONS), st.sampled_from(ORDERS), st.sampled_from(WINDOWS)
).map(lambda parts: soql(*parts))
ACTS = st.lists(st.tuples(st.sampled_from(("insert", "update", "delete", "purge")), st.integers(0, COUNT)), max_size=6)


def soql(fields: str, condition: str, order: str, window: str) -> str:
    where = f"WHERE {condition}" if condition else ""
    return " ".join(part for part in (f"SELECT {fields} FROM Account", where, order, window) if part)


@pytest.fixture(scope="module")
def org(module_api: OpenApi) -> Iterator[Api]:
    """An org whose listings are made in small pieces. Ids and row numbers rise the same way nowhere."""
    with mock.patch.object(listing, "_FOUND_AT_ONCE", 250), mock.patch.object(listing, "_CHUNK", 30):
        api = module_api(store=OrgStore())
        fill(api.org.store, COUNT)
        with api.org.store.writing() as conn:
            conn.execute('UPDATE "Account" SET rowid = 100000 - rowid WHERE rowid % 3 = 0')
        yield api


def fill(store: OrgStore, count: int) -> None:
    with store.session() as session:
        parent = ""
        for number in range(count):
            values = {"Name": f"{'AB'[number % 2]}{number % 40}", "NumberOfEmployees": number % 11 or None}
            account = session.insert("Account", values)
            if number % 5 == 0:
                session.insert("Contact", {"LastName": "Jones", "AccountId": account})
            elif number % 7 == 0:
                session.update("Account", account, {"ParentId": parent})
            parent = account


def found(store: OrgStore, text: str, *, deleted: bool) -> list[str]:
    """The ids that a query finds, all in one piece."""
    plan = compile_soql(text, store.schema, QueryContext(store.now(), BASE.administrator, deleted))
    with store.reading() as conn:
        return [str(row[0]) for row in conn.execute(plan.sql(), plan.params)]


def act(store: OrgStore, what: str, number: int, gone: set[str]) -> None:
    """Write something about one of the accounts; ``gone`` gathers those that are nowhere any more.

    Never about the newest: were it purged, the next one would have its row number, by which a cursor knows it.
    """
    newest = 'SELECT max(rowid) FROM "Account"'
    sql = f'SELECT "Id" FROM "Account" WHERE "IsDeleted" = 0 AND rowid < ({newest}) ORDER BY "Id"'
    with store.session() as session:
        living = [str(row[0]) for row in session.read(sql)]
        chosen = living[number % len(living)]
        if what == "insert":
            session.insert("Account", {"Name": f"A{number}", "NumberOfEmployees": 5})
        elif what == "update":
            session.update("Account", chosen, {"Name": f"Z{number}", "NumberOfEmployees": 1, "Rating": "Hot"})
        else:
            session.delete("Account", chosen, hard=what == "purge")
            gone.update([chosen] if what == "purge" else [])
        for _ in range(COUNT - len(living)):
            session.insert("Account", {"Name": "Another"})


def first_page(org: Api, text: str, *, deleted: bool = False) -> Json:
    path = "queryAll" if deleted else "query"
    answer = org.get(path, params={"q": text}, headers={"Sforce-Query-Options": f"batchSize={PAGE}"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(page: Json) -> list[str]:
    return [record["attributes"]["url"].rsplit("/", 1)[-1] for record in page["records"]]


@settings(max_examples=60, deadline=None)
@given(text=QUERIES, deleted=st.booleans(), between=st.lists(ACTS, min_size=1, max_size=5))
def test_pages_make_up_the_whole(org: Api, text: str, deleted: bool, between: list[list[tuple[str, int]]]) -> None:
    store = org.org.store
    whole = found(store, text, deleted=deleted)
    page = first_page(org, text, deleted=deleted)
    gone: set[str] = set()
    turns = iter(between)
    for start in range(0, max(1, len(whole)), PAGE):
        expected = [record_id for record_id in whole[start : start + PAGE] if record_id not in gone]
        assert (ids(page), page["totalSize"]) == (expected, len(whole)), text
        assert page["done"] == (start + PAGE >= len(whole))
        for what, number in next(turns, []):
            act(store, what, number, gone)
        if not page["done"]:
            page = org.get(page["nextRecordsUrl"]).json()


def test_pages_come_in_any_order(org: Api) -> None:
    whole = found(org.org.store, "SELECT Id FROM Account", deleted=True)
    name = first_page(org, "SELECT Id FROM Account", deleted=True)["nextRecordsUrl"].rsplit("-", 1)[0]
    for start in (400, 200, 400, 0, len(whole) - 1):
        assert ids(org.get(f"{name}-{start}").json()) == whole[start : start + PAGE]
    assert org.get(f"{name}-{len(whole)}").json()[0]["errorCode"] == "INVALID_QUERY_LOCATOR"


def is_held(store: OrgStore) -> bool:
    """Whether the log of writes can't begin anew, since somebody sees an earlier state."""
    with closing(store.connect()) as conn:
        conn.execute("PRAGMA busy_timeout = 0")
        return bool(conn.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()[0])


def settle(store: OrgStore) -> None:
    """Nobody sees an earlier state, and something has been written since the log began."""
    act(store, "insert", 1, set())
    assert wait_for(lambda: not is_held(store))
    act(store, "insert", 1, set())


def test_a_write_makes_queries_let_go_of_the_state_that_they_see(org: Api) -> None:
    """The log of writes would grow for as long as a client leaves its further pages alone."""
    store = org.org.store
    settle(store)
    url = first_page(org, "SELECT Id FROM Account")["nextRecordsUrl"]
    assert is_held(store)
    act(store, "insert", 1, set())
    assert wait_for(lambda: not is_held(store))
    assert len(org.get(url).json()["records"]) == PAGE


def test_a_cursor_that_gives_way_lets_go(org: Api) -> None:
    store = org.org.store
    settle(store)
    url = first_page(org, "SELECT Id FROM Account")["nextRecordsUrl"]
    assert is_held(store)
    for _ in range(10):  # these are listed at once
        first_page(org, "SELECT Id FROM Account WHERE IsDeleted = false LIMIT 240")
    assert not is_held(store)
    assert org.get(url).json()[0]["errorCode"] == "INVALID_QUERY_LOCATOR"
