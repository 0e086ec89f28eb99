"""An org in which one account in a hundred is broken, and what an import must make of each.

Salesforce would refuse such values; they come from formulas, from older days, and from what stands in between.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from salesforce_emulator import OrgStore
from salesforce_emulator.data.loading import prepare
from salesforce_emulator.schema import bulk_insert, create_indexes, reserve_ids

EVERY = 100
_STAMP = "2026-01-15T12:00:00.000Z"
_COLUMNS = (
    "Id", "Name", "Website", "AnnualRevenue", "NumberOfEmployees", "CreatedDate", "LastModifiedDate", "SystemModstamp",
)  # fmt: skip
# In turn: what is wrong, and the entry that says so. The record arrives with what is in order of it, except that one
# without an Id that could be one can't be kept.
KINDS = ("unreadable number", "unreadable whole number", "NUL", "no Id")
REASONS = {
    "unreadable number": "value_unreadable", "unreadable whole number": "value_unreadable", "NUL": "nul_removed",
    "no Id": "row_unusable",
}  # fmt: skip


def make(path: Path, accounts: int) -> None:
    """Makes the org's file."""

    def load(conn: sqlite3.Connection) -> None:
        prepare(conn, name="Broken Org", edition="Enterprise Edition")
        bulk_insert(conn, "Account", _COLUMNS, _rows(reserve_ids(conn, "Account", accounts)))
        conn.commit()
        create_indexes(conn)
        conn.commit()

    OrgStore(path, loader=load).close()


def wrong(number: int) -> str | None:
    """What is wrong with an account, by its number."""
    return KINDS[number // EVERY % len(KINDS)] if number % EVERY == EVERY // 2 else None


def expected(accounts: int) -> tuple[Counter[str], int]:
    """How many entries of each reason there must be, and how many accounts arrive."""
    entries = Counter(REASONS[kind] for number in range(accounts) if (kind := wrong(number)) is not None)
    return entries, accounts - entries["row_unusable"]


def _rows(ids: list[str]) -> Iterator[tuple[object, ...]]:
    for number, sf_id in enumerate(ids):
        kind = wrong(number)
        yield (
            f"broken {number:08}" if kind == "no Id" else sf_id,
            f"Firm\x00 {number}" if kind == "NUL" else f"Firm {number}",
            f"https://www.firm-{number}.com",
            "about a million" if kind == "unreadable number" else 1000.0 + number,
            "some" if kind == "unreadable whole number" else number,
            _STAMP, _STAMP, _STAMP,
        )  # fmt: skip
