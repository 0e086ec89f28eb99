"""Writing the typed rows, chunk by chunk: a chunk's records, their changes, its members and how far the import is
commit together. Killed anywhere, the next execution goes on after the last chunk that committed, and makes nothing
twice. Somebody who makes a record with the same key at the same moment makes the chunk look again.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, LiteralString

from psycopg import errors, sql
from psycopg.types.json import Jsonb

from abmatic.audiences.csv_import import comparing, joining
from abmatic.audiences.csv_import.cells import Session, value
from abmatic.audiences.csv_import.mapping import Mapping
from abmatic.audiences.csv_import.models import FileImport
from abmatic.audiences.fields import FieldType
from abmatic.postgres.sql import block

CHUNK = 5_000
_ATTEMPTS = 6


class Cancelled(Exception):
    """Somebody cancelled the import: what is written stays, nothing more is."""


class _Moved(Exception):
    """Somebody changed whose a key is while the chunk was looking."""


@dataclass(slots=True)
class Counts:
    """What became of the rows. ``values`` counts single fields that changed; ``linked`` those that now have the account
    they name, ``unlinked`` those written without it, ``accounts_made`` new accounts.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    values: int = 0
    rejected: int = 0
    repeated: int = 0
    linked: int = 0
    unlinked: int = 0
    accounts_made: int = 0


class Applying:
    """One import under way in a session that has staged it."""

    def __init__(self, session: Session, file: FileImport, mapping: Mapping) -> None:
        self._session = session
        self._file = file
        self._mapping = mapping
        self._table = sql.Identifier(mapping.record)
        self._key = sql.Identifier(mapping.key.column) if mapping.key is not None else None

    def apply(self, rows: int) -> None:
        """Writes what is left. Raises `Cancelled`."""
        while self._file.done < rows:
            self._chunk(min(self._file.done + CHUNK, rows))

    def _chunk(self, upto: int) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                self._write(upto)
                self._session.commit()
                return
            except (_Moved, errors.UniqueViolation, errors.DeadlockDetected):
                self._session.rollback()
                if attempt == _ATTEMPTS:
                    raise
            except BaseException:
                self._session.rollback()
                raise

    def _write(self, upto: int) -> None:
        cause = self._file.cause_id
        self._cut(upto)
        joined = joining.join(self._session, self._mapping, self._file)
        self._hold()
        self._compare()
        self._update()
        self._create()
        self._do("note_newcomers", record=self._mapping.record, cause=cause)
        self._do("note_changes", record=self._mapping.record, cause=cause)
        counts = self._counted()
        counts.rejected += joined.refused
        counts.accounts_made += joined.made
        counts.linked, counts.unlinked = counts.linked + self._linked(), counts.unlinked + self._keep_unlinked()
        self._collect()
        done = self._session.execute(
            _text("advance"), {"done": upto, "counts": Jsonb(asdict(counts)), "file": self._file.pk}
        ).rowcount
        if not done:
            raise Cancelled
        self._file.done, self._file.counts = upto, asdict(counts)

    def _cut(self, upto: int) -> None:
        """The chunk's rows with the records that have their keys.

        Records are looked up by index, here and below, whatever the planner takes for the size of their table: it grows
        while the import goes on, and a chunk must cost the same at the end as at the beginning.
        """
        found = sql.SQL("SELECT NULL::bigint AS id").format()
        if self._key is not None:
            found = sql.SQL("SELECT r.id FROM {} AS r WHERE r.{} = t.key LIMIT 1").format(self._table, self._key)
        self._session.execute(
            sql.SQL(
                "CREATE TEMP TABLE chunk ON COMMIT DROP AS SELECT t.*, r.id AS target, false AS is_new, "
                "NULL::bigint AS account, false AS makes_account, NULL::text AS note, false AS is_refused "
                "FROM typed AS t LEFT JOIN LATERAL ({}) AS r ON true "
                "WHERE t.n > {} AND t.n <= {} AND t.reason IS NULL"
            ).format(found, sql.Literal(self._file.done), sql.Literal(upto))
        )
        self._session.execute("ANALYZE chunk")

    def _hold(self) -> None:
        """The records that the rows are: nobody else changes them until the chunk commits. Raises `_Moved`."""
        self._session.execute(sql.SQL(_text("lock_targets")).format(table=self._table))
        if self._key is None:
            return
        moved = self._session.execute(sql.SQL(_text("moved_targets")).format(table=self._table, key=self._key))
        if (moved.fetchone() or (0,))[0]:
            raise _Moved

    def _compare(self) -> None:
        self._session.execute(
            sql.SQL(
                "CREATE TEMP TABLE changed ON COMMIT DROP AS "
                "SELECT t.n, v.at, a.id, v.field, v.before, v.after FROM chunk AS t "
                "CROSS JOIN LATERAL (SELECT * FROM {} AS r WHERE r.id = t.target LIMIT 1) AS a "
                "CROSS JOIN LATERAL (VALUES {}) AS v (at, field, is_changed, before, after) WHERE v.is_changed"
            ).format(self._table, comparing.sides(self._mapping))
        )

    def _update(self) -> None:
        if not self._mapping.changes_records:
            return
        self._session.execute(
            sql.SQL(
                "UPDATE {} AS a SET {}, updated_at = now() FROM chunk AS t "
                "WHERE a.id = t.target AND a.id = ANY (ARRAY(SELECT id FROM changed))"
            ).format(self._table, comparing.assignments(self._mapping))
        )

    def _create(self) -> None:
        self._session.execute(sql.SQL(_text("number_newcomers")).format(name=sql.Literal(self._mapping.record)))
        columns = [each.field.name for each in self._mapping.mapped]
        # A checkbox has no empty state.
        values: list[sql.Composable] = [
            sql.SQL("coalesce({}, false)" if each.field.type is FieldType.BOOLEAN else "{}").format(value(at))
            for at, each in enumerate(self._mapping.mapped)
        ]
        if self._mapping.key is not None:
            columns.append(self._mapping.key.column)
            values.append(sql.SQL("key"))
        if self._mapping.account is not None:
            columns.append(comparing.ACCOUNT)
            values.append(sql.SQL("account"))
        self._session.execute(
            sql.SQL(
                "INSERT INTO {} (id, {}, created_by_id, created_at, updated_at) "
                "SELECT target, {}, {}, now(), now() FROM chunk WHERE is_new ORDER BY key, n"
            ).format(
                self._table,
                sql.SQL(", ").join(map(sql.Identifier, columns)),
                sql.SQL(", ").join(values),
                sql.Literal(self._file.cause_id),
            )
        )

    def _counted(self) -> Counts:
        row = self._session.execute(_text("count_chunk")).fetchone()
        assert row is not None
        created, updated, met, changed = row
        counts = Counts(**self._file.counts)
        counts.created += created
        counts.updated += updated
        counts.values += changed
        if self._mapping.changes_records:
            counts.unchanged += met - updated
        else:
            counts.skipped += met
        return counts

    def _linked(self) -> int:
        if self._mapping.account is None:
            return 0
        row = self._session.execute(sql.SQL(_text("count_linked")).format(table=self._table)).fetchone()
        return row[0] if row else 0

    def _keep_unlinked(self) -> int:
        if self._mapping.account is None:
            return 0
        return self._do("keep_unlinked", file=self._file.pk, changes=self._mapping.changes_records)

    def _collect(self) -> None:
        if self._file.collection_id is not None:
            self._do("collect", collection=self._file.collection_id)

    def _do(self, name: LiteralString, **parameters: Any) -> int:
        return self._session.execute(_text(name), parameters).rowcount


def _text(name: LiteralString) -> LiteralString:
    return block("abmatic.audiences", "sql/csv_import.sql", name)
