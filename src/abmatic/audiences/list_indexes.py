"""Indexes that lists need once there are many records: one for each column to sort and filter by, one to search.

A first import writes millions of rows, and each index would slow it; a list of some thousand rows needs none. So they
are not part of the tables: a worker builds what is missing once a table is large and nobody writes to it by the
thousand, without holding anybody up. Until then lists are right and slower. Who reads them: `quick`, which has to know
that they are there, and the sorting of lists.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import LiteralString

from django.db import DatabaseError, connection
from psycopg import sql

from abmatic.audiences.fields import FieldType, LocalField, fields
from abmatic.audiences.sorting import sort_key_of

logger = logging.getLogger(__name__)

# Below so many rows the planner reads the table faster than anybody notices.
LARGE = 20_000
RECORDS = ("account", "contact", "opportunity")
# Where a search looks: the fields whose texts are found by any part of them.
SEARCHED: dict[str, tuple[str, ...]] = {
    "account": ("name", "domain"),
    "contact": ("first_name", "last_name", "work_email", "company", "job_title"),
    "opportunity": ("name",),
}
# Beside the fields: what lists are sorted and filtered by as well, and how.
_FURTHER: dict[str, tuple[LocalField, ...]] = {
    "account": (LocalField("updated_at", "", FieldType.DATETIME),),
    "contact": (LocalField("kind", "", FieldType.PICKLIST), LocalField("updated_at", "", FieldType.DATETIME)),
    "opportunity": (LocalField("updated_at", "", FieldType.DATETIME),),
}
# Those that tables have from the start (see models).
_BUILT_IN: dict[str, tuple[str, ...]] = {"account": ("name",), "contact": ("last_name",), "opportunity": ()}
_TEXTS = frozenset({FieldType.TEXT, FieldType.URL, FieldType.EMAIL, FieldType.PHONE, FieldType.PICKLIST})
# Of custom fields the oldest; each index makes every change of a record dearer.
_MOST_CUSTOM = 30
_MEMORY: LiteralString = "256MB"


@dataclass(frozen=True, slots=True)
class Table:
    """What a list has to know of its table: about how many rows there are, and which columns have an index."""

    rows: int
    columns: frozenset[str]
    is_searchable: bool
    # Whether texts are sorted by the codes of their characters.
    is_by_code: bool = True

    @property
    def is_large(self) -> bool:
        """Whether finding rows by reading them all takes long."""
        return self.rows >= LARGE


def table_of(record: str, known: Sequence[LocalField] | None = None) -> Table:
    """How it is now. One statement, where the fields of such records are known."""
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, [record])
        rows, names, is_by_code = cursor.fetchone() or (-1, [], False)
    built = set(names)
    columns = {each.name for each in _sorted_by(record, known) if _name(record, each.name) in built}
    return Table(
        rows, frozenset(columns.union(_BUILT_IN.get(record, ()))), record in SEARCHED and _name(record, "*") in built,
        is_by_code,
    )  # fmt: skip


def searched_text(record: str, alias: sql.Composable) -> sql.Composed:
    """The texts that are searched, one after the other, as the index holds them."""
    parts = [sql.SQL("coalesce({}.{}, '')").format(alias, sql.Identifier(name)) for name in SEARCHED[record]]
    return sql.SQL("({})").format(sql.SQL(" || E'\\n' || ").join(parts))


def missing(record: str) -> Iterator[tuple[str, sql.Composed]]:
    """Name and statement of each index that a large table lacks."""
    table = table_of(record)
    if not table.is_large:
        return
    wanted = dict(_wanted(record))
    there = _there(list(wanted))
    for name, definition in wanted.items():
        if name not in there:
            yield (
                name,
                sql.SQL("CREATE INDEX CONCURRENTLY IF NOT EXISTS {} ON {} {}").format(
                    sql.Identifier(name), sql.Identifier(record), definition
                ),
            )


def build() -> int:
    """Builds what is missing, one after the other. How many were built. Not to be called in a transaction."""
    built = 0
    for record in RECORDS:
        lacking = list(missing(record))
        done = sum(_try_to_build(name, statement) for name, statement in lacking)
        built += done
        if done:
            with connection.cursor() as cursor:
                # What is known of an expression's values is known of its index.
                cursor.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(record)))
    return built


def writes() -> int:
    """How many rows were written to the tables so far, as Postgres counts them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::bigint FROM pg_stat_user_tables "
            "WHERE relid = ANY (%s::regclass[])",
            [list(RECORDS)],
        )
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def is_any_missing() -> bool:
    """Whether there is anything to build."""
    return any(True for record in RECORDS for _ in missing(record))


def _try_to_build(name: str, statement: sql.Composed) -> bool:
    """Whether it was built. What one of them stumbles over (a full disk) the others need not; it is tried again."""
    try:
        _build(name, statement)
    except DatabaseError as error:
        logger.error("index %s could not be built, and lists stay slower: %s", name, error)
        return False
    return True


def _build(name: str, statement: sql.Composed) -> None:
    """Builds one, beside everybody's reading and writing; one that was broken off is begun anew."""
    with connection.cursor() as cursor:
        # Postgres leaves what was broken off in place, invalid.
        cursor.execute(
            "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(%s) AND NOT indisvalid", [f'"{name}"']
        )  # fmt: skip
        if cursor.fetchone():
            cursor.execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(name)))
        cursor.execute(f"SET maintenance_work_mem = '{_MEMORY}'")
        try:
            cursor.execute(statement)
        finally:
            cursor.execute("RESET maintenance_work_mem")
    logger.info("index %s was built", name)


def _wanted(record: str) -> Iterator[tuple[str, sql.Composed]]:
    for each in _sorted_by(record):
        column = sql.Identifier(each.name)
        # A number needs no parentheses, and nothing is hurt by them.
        key = sort_key_of(column) if each.type in _TEXTS else column
        yield _name(record, each.name), sql.SQL("(({}), id)").format(key)
    if record == "contact":
        # The order of their list: of one last name there may be tens of thousands.
        keys = (sort_key_of(sql.Identifier(name)) for name in ("last_name", "first_name"))
        yield _name(record, "name"), sql.SQL("(({}), ({}), id)").format(*keys)
    text = sql.SQL(" || E'\\n' || ").join(
        sql.SQL("coalesce({}, '')").format(sql.Identifier(name)) for name in SEARCHED[record]
    )
    yield _name(record, "*"), sql.SQL("USING gin (grams({}))").format(text)


def _sorted_by(record: str, known: Sequence[LocalField] | None = None) -> Iterator[LocalField]:
    custom = 0
    if record not in RECORDS:
        return
    for each in (*(fields(record) if known is None else known), *_FURTHER[record]):
        custom += each.is_custom
        is_left_out = each.is_custom and custom > _MOST_CUSTOM
        if each.type is not FieldType.BOOLEAN and each.name not in _BUILT_IN[record] and not is_left_out:
            yield each


def _name(record: str, column: str) -> str:
    """Of an index; those of long columns keep what makes them different."""
    if column == "*":
        return f"list_{record}_searched_v1"
    mark = hashlib.sha256(column.encode()).hexdigest()[:6] if len(column) > 30 else ""
    return f"list_{record}_by_{column[:30]}{mark}_v1"


def _there(names: list[str]) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class AS c JOIN pg_index AS i ON i.indexrelid = c.oid "
            "WHERE c.oid = ANY (SELECT to_regclass(quote_ident(n)) FROM unnest(%s::text[]) AS n) AND i.indisvalid",
            [names],
        )
        return {row[0] for row in cursor.fetchall()}


_STANDING: LiteralString = """
    SELECT c.reltuples::bigint,
           array(SELECT i.relname::text FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid
                  WHERE x.indrelid = c.oid AND x.indisvalid),
           (SELECT d.datlocprovider = 'b' OR (
                    d.datlocprovider = 'c' AND lower(d.datcollate) IN ('c', 'posix', 'c.utf8', 'c.utf-8'))
              FROM pg_database AS d WHERE d.datname = current_database())
      FROM pg_class AS c WHERE c.oid = %s::regclass
"""
