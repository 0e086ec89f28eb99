"""Writes as rows of a bulk job's CSV, and its results back again.

Both ways set by set: Postgres writes the file and reads the results. A bulk job's results come in no order and carry
nothing but the columns that were sent, so a row is known by all of its cells together. Rows that are alike stand for
records that are alike: which of two is which makes no difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from abmatic.postgres.sql import block
from abmatic.salesforce import errors
from abmatic.salesforce.ingest import MOST_BYTES, NULL, BulkIngestJob, Results

Session = psycopg.Connection[tuple[Any, ...]]

# A text that a file would take for "empty this field" can't go into one.
FITS: LiteralString = f"NOT sent @? '$.* ? (@ == \"{NULL}\")'"


# Which writes a job carries. It outlives the transaction that chose them: nothing is open while they are sent.
CHOSEN: LiteralString = "chosen_write"


def write_csv(session: Session, run: int, operation: str, most: int) -> bytes:
    """The next planned writes of a run as a CSV with a header line. An empty cell changes nothing.

    Leaves in `CHOSEN` which they are, and commits.
    """
    session.execute(f"CREATE TEMP TABLE IF NOT EXISTS {CHOSEN} (write_id bigint PRIMARY KEY)")
    while True:
        session.execute(f"TRUNCATE {CHOSEN}")
        number = session.execute(
            f"INSERT INTO {CHOSEN} SELECT id FROM salesforce_write WHERE run_id = %s AND operation = %s "
            f"AND state = 'planned' AND {FITS} ORDER BY parent_sf_id, id LIMIT %s",
            (run, operation, most),
        ).rowcount
        session.execute(f"ANALYZE {CHOSEN}")
        query = sql.SQL(
            "COPY (SELECT {} FROM salesforce_write AS w JOIN {} AS c ON c.write_id = w.id ORDER BY parent_sf_id, id) "
            "TO STDOUT (FORMAT csv, HEADER)"
        ).format(
            sql.SQL(", ").join(
                sql.SQL("{} AS {}").format(_cell(name), sql.Identifier(name)) for name in _columns(session)
            ),
            sql.Identifier(CHOSEN),
        )
        with session.cursor().copy(query) as copy:
            csv = b"".join(copy)
        session.commit()
        if len(csv) <= MOST_BYTES or number == 1:
            return csv
        most = number // 2


def _columns(session: Session) -> list[str]:
    """Id, where the records have one, and every field that any of the writes sends."""
    found = session.execute(
        f"SELECT DISTINCT e.key FROM salesforce_write AS w JOIN {CHOSEN} AS c ON c.write_id = w.id "
        "CROSS JOIN LATERAL jsonb_object_keys(w.sent) AS e (key) ORDER BY 1"
    ).fetchall()
    has_ids = session.execute(
        f"SELECT FROM salesforce_write AS w JOIN {CHOSEN} AS c ON c.write_id = w.id WHERE sf_id IS NOT NULL LIMIT 1"
    )
    return [*(["Id"] if has_ids.rowcount else []), *(row[0] for row in found)]


def _cell(name: str) -> sql.Composable:
    """The cell of a column: NULL (nothing between the commas) where the write doesn't send it."""
    if name == "Id":
        return sql.SQL("sf_id")
    return sql.SQL("CASE WHEN sent ? {0} THEN coalesce(sent ->> {0}, {1}) END").format(
        sql.Literal(name), sql.Literal(NULL)
    )


def read_results(session: Session, batch: int, job: BulkIngestJob) -> None:
    """Puts the outcome of every write of the batch into ``outcome``. What the job never tried is due again."""
    session.execute(block("abmatic.sync", "sql/push.sql", "outcomes_table"))
    session.execute(f"CREATE TEMP TABLE IF NOT EXISTS {CHOSEN} (write_id bigint PRIMARY KEY)")
    session.execute(f"TRUNCATE {CHOSEN}")
    session.execute(
        f"INSERT INTO {CHOSEN} SELECT id FROM salesforce_write WHERE batch_id = %s AND state = 'sent'",
        (batch,),
    )
    session.execute(f"ANALYZE {CHOSEN}")
    columns = _columns(session)
    session.execute(
        "CREATE TEMP TABLE IF NOT EXISTS result_row (sf_id text, error text, content text) ON COMMIT DELETE ROWS"
    )
    session.execute("CREATE TEMP TABLE IF NOT EXISTS sent_row (write_id bigint, content text) ON COMMIT DELETE ROWS")
    session.execute("TRUNCATE result_row, sent_row")
    session.execute(
        sql.SQL(
            "INSERT INTO sent_row SELECT id, (ARRAY[{}]::text[])::text "
            "FROM salesforce_write AS w JOIN {} AS c ON c.write_id = w.id"
        ).format(
            sql.SQL(", ").join(sql.SQL("coalesce({}, '')").format(_cell(name)) for name in columns),
            sql.Identifier(CHOSEN),
        )
    )
    _read(session, job, "successfulResults", columns)
    _read(session, job, "failedResults", columns)
    session.execute(block("abmatic.sync", "sql/push.sql", "bulk_outcomes"))
    session.execute(
        "INSERT INTO outcome (write_id, code) SELECT write_id, '' FROM sent_row "
        "WHERE write_id NOT IN (SELECT write_id FROM outcome)"
    )


def _read(session: Session, job: BulkIngestJob, which: Results, columns: list[str]) -> None:
    with job.open_results(which) as page:
        if not page.columns:
            return
        names = [name.casefold() for name in page.columns]
        if not {"sf__id", *(name.casefold() for name in columns)} <= set(names):
            raise errors.BadAnswer(f"the {which} of a bulk job lack columns that were sent")
        table = sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(f"c{n}")) for n in range(len(names)))
        session.execute("DROP TABLE IF EXISTS back")
        session.execute(sql.SQL("CREATE TEMP TABLE back ({}) ON COMMIT DROP").format(table))
        with session.cursor().copy("COPY back FROM STDIN (FORMAT csv, ENCODING 'UTF8')") as copy:
            for chunk in _without_nul(page.chunks):
                copy.write(chunk)
        at = {name: sql.Identifier(f"c{place}") for place, name in enumerate(names)}
        error = at.get("sf__error")
        session.execute(
            sql.SQL("INSERT INTO result_row SELECT {}, {}, (ARRAY[{}]::text[])::text FROM back").format(
                at["sf__id"],
                error or sql.SQL("NULL"),
                sql.SQL(", ").join(sql.SQL("coalesce({}, '')").format(at[name.casefold()]) for name in columns),
            )
        )


def _without_nul(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """We send no NUL, and no error message needs one."""
    return (chunk.replace(b"\0", b"") for chunk in chunks)
