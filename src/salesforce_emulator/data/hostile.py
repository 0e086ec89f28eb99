"""A small org built to hurt whoever imports it.

Salesforce would refuse many of these values; but values reach people's orgs by ways that check less, formulas
print what they like, and the next format nobody thought of is always on its way.  An importer must never crash,
never lose a record beside a bad one, and always say what it left out: :func:`load` returns what it has to make of
each record (:class:`Trap`), so that a test can compare.

Between any two traps stands an ordinary record, its neighbour.  Besides single values there are records that are
hard together: fifty accounts of one domain and one CreatedDate, and accounts merged in circles.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from salesforce_emulator.data.loading import Value, insert_records, prepare
from salesforce_emulator.data.traps import Case, Verdict, cases
from salesforce_emulator.schema import BASE, create_indexes, reserve_ids

__all__ = ["Hostile", "Trap", "Verdict", "expected", "load"]

_OBJECTS = ("Account", "Contact", "Lead", "Opportunity")
_CREATED = "2026-01-15T12:00:00.000Z"
_STAMP = "2026-01-15T12:00:01.000Z"
TWINS = 50
"""Accounts of one domain, created in one second."""
TWIN_DOMAIN = "twins-0h3aa.com"


@dataclass(frozen=True)
class Trap:
    """A bad value in the org: where it is, what it is, what must come of it."""

    sobject: str
    record_id: str
    field: str
    value: Value
    verdict: Verdict
    why: str


@dataclass(frozen=True)
class Hostile:
    """What :func:`load` has put into the org."""

    traps: tuple[Trap, ...]
    neighbours: dict[str, tuple[str, ...]]
    """Ids of the ordinary records by object. All of them must arrive, complete."""
    twins: tuple[str, ...]
    """Ids of the accounts that share TWIN_DOMAIN. The first is the primary one: all were created at once, and ids
    decide."""
    circles: tuple[str, ...]
    """Ids of deleted accounts that were merged into themselves, into each other, and into nothing."""


def load(conn: sqlite3.Connection) -> Hostile:
    """Fill an empty org with the traps and their neighbours, index it, and commit.

    :raises ValueError: the org already holds accounts.
    """
    prepare(conn, name="Hostile Org", edition="Enterprise Edition")
    traps: list[Trap] = []
    neighbours: dict[str, tuple[str, ...]] = {}
    accounts: tuple[str, ...] = ()
    for sobject in _OBJECTS:
        of_object = [case for case in cases() if case.sobject == sobject]
        record_ids = reserve_ids(conn, sobject, 2 * len(of_object))
        bad, good = record_ids[::2], tuple(record_ids[1::2])
        accounts = accounts or good
        records = list(_records(sobject, of_object, record_ids, accounts))
        insert_records(conn, sobject, record_ids, records)
        neighbours[sobject] = good
        traps += [
            Trap(sobject, record_id, case.field, _stored(conn, sobject, record_id, case.field), case.verdict, case.why)
            for record_id, case in zip(bad, of_object, strict=True)
        ]
    twins, circles = _load_twins(conn), _load_circles(conn)
    conn.commit()
    create_indexes(conn)
    return Hostile(tuple(traps), neighbours, twins, circles)


def expected() -> Hostile:
    """What :func:`load` would return: for those who know the org only from outside."""
    conn = sqlite3.connect(":memory:")
    try:
        return load(conn)
    finally:
        conn.close()


def _records(
    sobject: str, of_object: list[Case], record_ids: list[str], accounts: tuple[str, ...]
) -> Iterator[dict[str, Value]]:
    """Trap and neighbour by turns."""
    for number, case in enumerate(of_object):
        mine, other = record_ids[2 * number], record_ids[2 * number + 1]
        trap = _ordinary(sobject, 2 * number, accounts)
        neighbour = _ordinary(sobject, 2 * number + 1, accounts)
        trap[case.field] = case.value
        if case.value == "{self}":
            trap[case.field] = mine
        elif case.value == "{other}":
            trap[case.field] = other
            if case.field == "ParentId":
                neighbour["ParentId"] = mine
        if case.field == "ConvertedContactId":
            trap |= {"IsConverted": 1, "ConvertedDate": "2026-01-15", "Status": "Closed - Converted"}
        yield trap
        yield neighbour


def _ordinary(sobject: str, number: int, accounts: tuple[str, ...]) -> dict[str, Value]:
    """A record that nothing is wrong with, different from all others."""
    code = f"{number:04}-0h4"
    record: dict[str, Value] = {
        "OwnerId": BASE.reps[0],
        "CreatedDate": _CREATED,
        "LastModifiedDate": _STAMP,
        "SystemModstamp": _STAMP,
    }
    if sobject == "Account":
        record |= {"Name": f"Neighbour {code}", "Website": f"https://www.account-{code}.com", "Industry": "Other"}
        record |= {"AnnualRevenue": 1000.0 + number, "NumberOfEmployees": 10 + number}
    elif sobject == "Contact":
        record |= {"FirstName": "Nell", "LastName": f"Neighbour {code}", "Email": f"nell@contact-{code}.com"}
        record |= {"AccountId": accounts[number % len(accounts)]}
    elif sobject == "Lead":
        record |= {"FirstName": "Leo", "LastName": f"Neighbour {code}", "Company": f"Neighbours {code}"}
        record |= {"Email": f"leo@lead-{code}.com", "Status": "Open - Not Contacted", "IsConverted": 0}
    else:
        record |= {"Name": f"Neighbour {code}", "AccountId": accounts[number % len(accounts)], "Amount": 100.0}
        record |= {"StageName": "Prospecting", "CloseDate": "2026-06-30", "Probability": 10.0, "IsWon": 0}
        record |= {"ForecastCategory": "Pipeline", "ForecastCategoryName": "Pipeline"}
    return record


def _stored(conn: sqlite3.Connection, sobject: str, record_id: str, field: str) -> Value:
    """The value as the database keeps it, which may be another type than was given."""
    row = conn.execute(f'SELECT "{field}" FROM "{sobject}" WHERE "Id" = ?', (record_id,)).fetchone()
    value: Value = row[0]
    return value


def _load_twins(conn: sqlite3.Connection) -> tuple[str, ...]:
    twins = reserve_ids(conn, "Account", TWINS)
    ways = (f"https://www.{TWIN_DOMAIN}", TWIN_DOMAIN.upper(), f"http://{TWIN_DOMAIN}/a?b=c", f"{TWIN_DOMAIN}.")
    records: list[dict[str, Value]] = [
        {**_ordinary("Account", 9000 + number, ()), "Website": ways[number % len(ways)]} for number in range(TWINS)
    ]
    insert_records(conn, "Account", twins, records)
    return tuple(twins)


def _load_circles(conn: sqlite3.Connection) -> tuple[str, ...]:
    """Deleted accounts whose winners are no winners."""
    itself, one, other, lost = reserve_ids(conn, "Account", 4)
    nothing = _ordinary("Account", 0, ())
    winners = {itself: itself, one: other, other: one, lost: lost[:15] + "AAA"}
    records: list[dict[str, Value]] = [
        {**nothing, "Name": f"Merged {number}", "Website": None, "IsDeleted": 1, "MasterRecordId": winner}
        for number, winner in enumerate(winners.values())
    ]
    insert_records(conn, "Account", list(winners), records)
    return tuple(winners)
