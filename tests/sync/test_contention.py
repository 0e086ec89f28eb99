"""Somebody else makes the same records while a result is read: both get theirs, and nobody's run fails for it."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from tests.sync.live import Live, Orgs

from abmatic.audiences.models import Account
from abmatic.sync.pull import reading
from abmatic.sync.pull.chunk import ChunkWriter, Counts

pytestmark = pytest.mark.django_db(transaction=True)

ACCOUNTS = 80


@pytest.fixture
def live(orgs: Orgs) -> Live:
    orgs.page_records(20)
    orgs.allow(rest_limit=10)
    return orgs.generated(ACCOUNTS)


@pytest.fixture
def pauses(live: Live, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What had to be read again, by the error that made it so."""
    found: list[str] = []
    for reader in ("reading", "bulk_reading"):
        monkeypatch.setattr(
            f"abmatic.sync.pull.{reader}.pause", lambda attempt, error: found.append(type(error).__name__)
        )
    return found


def test_a_newcomer_that_somebody_makes_meanwhile_is_linked_and_stops_nobody(
    live: Live, pauses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = ChunkWriter._look_up
    made: list[str] = []

    def overtaken(self: ChunkWriter) -> None:
        look_up(self)
        row = None if made else self._session.execute("SELECT key FROM work WHERE key IS NOT NULL LIMIT 1").fetchone()
        if row is not None:
            made.append(row[0])
            Account.objects.create(name="Made by a person", website=row[0], domain=row[0])

    monkeypatch.setattr(ChunkWriter, "_look_up", overtaken)
    counts = live.sync_well("Account")["Account"].counts
    assert made
    assert (counts["read"], counts["linked"]) == (ACCOUNTS, 1)
    assert Account.objects.count() == counts["created"] + 1
    # A part that waits for its turn stops neither itself nor the one before.
    assert pauses == []


@pytest.mark.parametrize("rest_limit", [10, 200], ids=["in bulk", "by REST"])
def test_many_conflicts_in_a_row_are_waited_out(
    orgs: Orgs, live: Live, pauses: list[str], monkeypatch: pytest.MonkeyPatch, rest_limit: int
) -> None:
    orgs.allow(rest_limit=rest_limit)
    apply = ChunkWriter.apply
    refused = 4 * reading.ATTEMPTS

    def contended(self: ChunkWriter, *args: Any) -> Counts:
        if len(pauses) < refused:
            raise psycopg.errors.UniqueViolation("duplicate key value violates unique constraint")
        return apply(self, *args)

    monkeypatch.setattr(ChunkWriter, "apply", contended)
    counts = live.sync_well("Account")["Account"].counts
    assert counts["read"] == ACCOUNTS
    assert pauses == ["UniqueViolation"] * refused
