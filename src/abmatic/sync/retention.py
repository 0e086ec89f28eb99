"""Retention: what is old enough goes, a few thousand rows in each transaction, so that nothing waits long for a lock.

After ``KEEP_DETAILS_DAYS``  what a run found and wrote, record by record. The run is marked first, in a commit of its
own, and can't be undone from there on; its counts and outcome stay.
After ``KEEP_CHANGES_DAYS``  changes, settled issues, and the runs themselves.

Never what is still needed, however old: records, mirrors and what both sides agreed on; open issues; changes that a
push has not read, or that the policy "most recent change" may ask for since the last pull; runs that are being undone,
or have a batch without an answer; the newest twenty runs of each object. Causes stay: records name the one that made
them, and they are small.

Done by the workers every hour (see tasks). Killed anywhere, the next time goes on.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString

import psycopg
from django.conf import settings
from django.utils import timezone

from abmatic.changes.models import Change
from abmatic.postgres import sessions
from abmatic.postgres.locks import LockBusy, held
from abmatic.postgres.sql import block
from abmatic.sync.objects import OBJECTS

logger = logging.getLogger(__name__)

Session = psycopg.Connection[tuple[Any, ...]]

# Rows deleted, or ids looked at, in one transaction; runs marked at a time.
ROWS = 10_000
_RUNS = 100
_SETTINGS = {"jit": "off", "timezone": "UTC"}


@dataclass(slots=True)
class Removed:
    """How many rows went."""

    findings: int = 0
    writes: int = 0
    batches: int = 0
    changes: int = 0
    issues: int = 0
    runs: int = 0

    def __bool__(self) -> bool:
        return any((self.findings, self.writes, self.batches, self.changes, self.issues, self.runs))


def remove_old(now: datetime | None = None) -> Removed:
    """Removes what the settings no longer want kept. Where another process is at it, nothing."""
    now = now or timezone.now()
    removed = Removed()
    try:
        with sessions.session("retention", _SETTINGS) as session, held(session, "retention"):
            removing = _Removing(session, removed)
            if (days := settings.ENVIRONMENT.keep_details_days) is not None:
                removing.details(now - timedelta(days=days))
            if (days := settings.ENVIRONMENT.keep_changes_days) is not None:
                removing.history(now - timedelta(days=days))
    except LockBusy:
        logger.info("what is old is being removed by another process")
    if removed:
        logger.info("removed what is old: %s", removed)
    return removed


class _Removing:
    """One round. Each statement is a transaction."""

    def __init__(self, session: Session, removed: Removed) -> None:
        self._session = session
        self._removed = removed

    def details(self, before: datetime) -> None:
        """What runs that ended before found and wrote."""
        for (run,) in self._rows("half_trimmed"):
            self._details_of(run)
        while runs := self._rows("trim_runs", before=before, most=_RUNS):
            for (run,) in runs:
                self._details_of(run)

    def _details_of(self, run: int) -> None:
        self._removed.findings += self._all("remove_findings", run=run)
        self._removed.writes += self._all("remove_writes", run=run)
        self._removed.batches += self._all("remove_batches", run=run)

    def history(self, before: datetime) -> None:
        """Changes, settled issues and runs from before."""
        self._changes(before)
        self._removed.issues += self._all("remove_issues", before=before)
        self._removed.runs += self._all("remove_runs", before=before)

    def _changes(self, before: datetime) -> None:
        ((last,),) = self._rows("last_change", before=before)
        if last is None:
            return
        self._some("forget_unread", before=before)
        unread: dict[str, tuple[int | None, datetime | None]] = {
            sobject: (seen, since) for sobject, seen, since in self._rows("unread_from")
        }
        ((first,),) = self._rows("first_change")
        for record in Change.Record.values:
            theirs = [unread[name] for name, spec in OBJECTS.items() if spec.local == record and name in unread]
            seen = min((seen for seen, _ in theirs if seen is not None), default=None)
            since = min((since for _, since in theirs if since is not None), default=None)
            for above in range(first - 1, last, ROWS):
                upto = min(above + ROWS, last)
                self._removed.changes += self._some(
                    "remove_changes", record=record, above=above, upto=upto, before=before, seen=seen, since=since
                )

    def _all(self, name: LiteralString, **parameters: Any) -> int:
        """Executes a statement until nothing is left for it."""
        total = 0
        while some := self._some(name, **parameters, most=ROWS):
            total += some
        return total

    def _some(self, name: LiteralString, **parameters: Any) -> int:
        done = self._session.execute(_text(name), parameters).rowcount
        self._session.commit()
        return done

    def _rows(self, name: LiteralString, **parameters: Any) -> list[tuple[Any, ...]]:
        found = self._session.execute(_text(name), parameters).fetchall()
        self._session.commit()
        return found


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes on disk, indexes included: of the database, the change log, and what runs found and wrote."""

    database: int
    changes: int
    details: int
    records: int


def sizes() -> Sizes:
    """How much there is, for `abmatic doctor`."""
    with sessions.session("sizes") as session:
        row = session.execute(_text("sizes")).fetchone()
    assert row is not None
    return Sizes(*map(int, row))


def _text(name: LiteralString) -> LiteralString:
    return block("abmatic.sync", "sql/retention.sql", name)
