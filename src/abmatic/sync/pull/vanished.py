"""Records that the mirror has and Salesforce has not: deleted for good, or purged from the recycle bin.

A run that reads every record keeps the Ids that it met (``full_read``, with each chunk), and at its end looks for those
of the mirror that are not among them. A record that somebody changed while the run read can be missing from its window
as well, so each is asked for once more, by its Id and whatever its stamp. Only what does not come then, not even from
the recycle bin, counts as deleted: its link is marked as by any deletion, and a record that comes back revives it.

Many at once are more likely a permission that was taken away than deletions: then nothing is marked, and it is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, LiteralString

import psycopg
from django.conf import settings
from psycopg import sql

from abmatic.audiences.counted import counted
from abmatic.postgres.sql import block
from abmatic.salesforce import Client, errors
from abmatic.sync.pull.plan import PullPlan

Session = psycopg.Connection[tuple[Any, ...]]

# Of all records of an object, in per cent, so many may vanish between two compares; a few always may.
MOST_PER_CENT, FEW = 20, 50
_IDS_A_QUERY = 200
_A_CHUNK = 5_000


class TooMany(Exception):
    """More records are missing than are believed to be deleted."""

    def __init__(self, missing: int, known: int, plural: str) -> None:
        super().__init__(
            f"{missing:,} of {known:,} {plural.lower()} can't be seen in Salesforce any more. So many at once look "
            "like a permission that was taken away (View All, a sharing rule), so none counts as deleted. Give the "
            "connected user its access back; if they are deleted, run `abmatic sync --full --vanished-are-deleted`."
        )
        self.missing = missing


def find(
    session: Session, client: Client, plan: PullPlan, *, connection: int, run: int, limit: int, commits: bool = True
) -> int:
    """Fills ``missing`` with what Salesforce has no longer. Answers how many. ``limit``: as of a query by REST.

    A preview ``commits`` nothing.
    """
    mirror = sql.Identifier(plan.spec.mirror)
    session.execute(_text("missing_table"))
    parameters = {"connection": connection, "run": run}
    missing = session.execute(_composed("missing", mirror=mirror), parameters).rowcount
    if commits:
        # Nothing is kept open while Salesforce is asked.
        session.commit()
    if missing:
        found = _by_bulk(client, plan, session) if missing > limit else _by_id(client, plan, session)
        session.execute("DELETE FROM missing WHERE sf_id = ANY (%s)", (list(found),))
    row = session.execute("SELECT count(*) FROM missing").fetchone()
    assert row is not None
    return int(row[0])


def require_few(session: Session, plan: PullPlan, missing: int, *, connection: int) -> None:
    """Raises `TooMany`."""
    known = session.execute(
        _composed("known", mirror=sql.Identifier(plan.spec.mirror)), {"connection": connection}
    ).fetchone()
    assert known is not None
    if missing > FEW and missing * 100 > known[0] * MOST_PER_CENT:
        raise TooMany(missing, known[0], plan.spec.label_plural)


def chunks(session: Session) -> Iterator[list[str]]:
    """The Ids of ``missing``, a few thousand at a time; the caller commits each."""
    ids = [row[0] for row in session.execute("SELECT sf_id FROM missing ORDER BY sf_id").fetchall()]
    for start in range(0, len(ids), _A_CHUNK):
        yield ids[start : start + _A_CHUNK]


def forget(session: Session, run: int) -> None:
    """What the run has met is needed no longer."""
    session.execute(_text("forget"), {"run": run})


def _by_id(client: Client, plan: PullPlan, session: Session) -> Iterator[str]:
    ids = [row[0] for row in session.execute("SELECT sf_id FROM missing ORDER BY sf_id").fetchall()]
    for start in range(0, len(ids), _IDS_A_QUERY):
        listed = ", ".join(f"'{sf_id}'" for sf_id in ids[start : start + _IDS_A_QUERY])
        soql = f"SELECT Id FROM {plan.spec.name} WHERE Id IN ({listed})"
        yield from (str(row["Id"]) for row in client.query_rows(soql, include_deleted=True))


def _by_bulk(client: Client, plan: PullPlan, session: Session) -> Iterator[str]:
    """Every Id that there is: many are missing, and asking for each would take as many calls."""
    wanted = {row[0] for row in session.execute("SELECT sf_id FROM missing").fetchall()}
    job = client.bulk_query(f"SELECT Id FROM {plan.spec.name}", include_deleted=True)
    job.wait()
    read = 0
    for page in job.pages(settings.ENVIRONMENT.import_page_records):
        with job.open_page(page) as stream:
            ids = [cell.strip('"') for cell in b"".join(stream.chunks).decode().split()]
        read += len(ids)
        yield from wanted.intersection(ids)
    if job.records is not None and read < job.records:
        raise errors.ResultIncomplete(f"{read:,} of {counted(job.records, 'record')} came", job_id=job.id)
    job.discard()


def _text(name: LiteralString) -> LiteralString:
    return block("abmatic.sync", "sql/vanished.sql", name)


def _composed(name: LiteralString, **parts: sql.Composable) -> sql.Composed:
    return sql.SQL(_text(name)).format(**parts)
