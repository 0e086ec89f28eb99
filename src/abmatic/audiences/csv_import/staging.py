"""The rows of a file as typed rows of a temporary table, with their keys, and the reason of those that are rejected.

Batch by batch: COPY into ``staged`` (texts), one statement that types them into ``typed``, commit. Transactions stay
short, because whoever follows the change log waits for the oldest, and batches small, in rows and in text. Memory stays
flat: the mapped cells of some rows, a megabyte, are all there is of the file at any time. Both tables are gone with the
session, so a process that is killed leaves nothing behind.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, LiteralString

from psycopg import sql

from abmatic.audiences import canonical
from abmatic.audiences.csv_import import deciding, references, untouched
from abmatic.audiences.csv_import.cells import FIRM, OWN, Session, cell, quoted, value
from abmatic.audiences.csv_import.mapping import Mapping
from abmatic.audiences.csv_import.reading import Row, Rows
from abmatic.audiences.csv_import.typing import is_objectionable, typed, wrong
from abmatic.audiences.editing import TOLD_BY, editable
from abmatic.audiences.fields import FieldType, LocalField
from abmatic.postgres.sql import block

BATCH = 10_000
# Characters of mapped cells after which a batch ends before it has so many rows, and after which they are sent.
BATCH_TEXT = 32 << 20
_PIECE = 1 << 20
_FUNCTIONS: dict[str, LiteralString] = {"account": "domain_of({}, true)", "contact": "email_of({})"}
_NO_KEY: LiteralString = "SELECT NULL::text, NULL::text"
# What is wrong with websites that look like one and are none (see `domain_of`); others belong to many, or to nobody.
_NO_ADDRESS = ("no_website", "website_invalid", "website_single_label")


@dataclass(slots=True)
class Staged:
    """How many rows were read, and in how many each mapped column had a value that doesn't fit its field."""

    rows: int = 0
    unfit: dict[int, int] = field(default_factory=dict)


def stage(
    session: Session, rows: Rows, mapping: Mapping, progress: Callable[[Staged], None], most: int | None = None
) -> Staged:
    """Reads the file into ``typed``. ``progress`` is told after each batch and may raise. Commits."""
    _make_tables(session, mapping)
    statement = _typing(mapping)
    numbered = enumerate(islice(rows, most), 1)
    told = Staged()
    places = _places(mapping)
    while last := _copy(session, numbered, places):
        session.execute(statement)
        for at, many in session.execute(_text("unfit"), {"above": told.rows}):
            told.unfit[at] = told.unfit.get(at, 0) + many
        session.commit()
        told.rows = last
        progress(told)
    session.execute(_text("index_typed"))
    if most is None:
        deciding.decide(session, mapping)
    session.execute(_text("mark_repeats"), {"label": mapping.key_label})
    session.commit()
    session.execute("ANALYZE typed")
    session.commit()
    return told


def keep_rejected(session: Session, file_id: int) -> None:
    """Writes down what was rejected, in place of what an earlier reading rejected. The caller commits."""
    session.execute(_text("forget_rejected"), {"file": file_id})
    session.execute(_text("keep_rejected"), {"file": file_id})


def take_rejected(session: Session, file_id: int) -> None:
    """What was rejected when the import began stays so: since then accounts may have come that change the verdict.

    A row that only this reading rejects is judged once more when its chunk is written. Commits.
    """
    session.execute(_text("take_rejected"), {"file": file_id})
    session.commit()


def _make_tables(session: Session, mapping: Mapping) -> None:
    texts = [sql.SQL(", {} text").format(each) for each in _cells(mapping)]
    values = [
        sql.SQL(", {} {}").format(value(at), sql.SQL(canonical.SQL_TYPES[each.field.type]))
        for at, each in enumerate(mapping.mapped)
    ]
    session.execute("DROP TABLE IF EXISTS staged, typed")
    session.execute(
        sql.SQL("CREATE TEMP TABLE staged (n bigint, line bigint, fault text {}) ON COMMIT DELETE ROWS").format(
            sql.SQL("").join(texts)
        )
    )
    session.execute(
        sql.SQL(
            'CREATE TEMP TABLE typed (n bigint, line bigint {}, key text COLLATE "C", firm text COLLATE "C", '
            'firm_said text, own text COLLATE "C", own_said text, unfit int[], '
            "is_repeat boolean NOT NULL DEFAULT false, is_firm_fault boolean NOT NULL DEFAULT false, reason text, "
            "excused text)"
        ).format(sql.SQL("").join(values))
    )
    session.commit()


def _cells(mapping: Mapping) -> list[sql.Identifier]:
    """The columns of ``staged`` that hold texts of the file: those of fields, then the references."""
    found = [cell(at) for at in range(len(mapping.mapped))]
    if mapping.account is not None:
        found.append(FIRM)
    if mapping.own_id is not None:
        found.append(OWN)
    return found


def _places(mapping: Mapping) -> list[int]:
    """Where in the file those are."""
    found = [each.place for each in mapping.mapped]
    return [*found, *(each.place for each in (mapping.account, mapping.own_id) if each is not None)]


def _copy(session: Session, rows: Iterator[tuple[int, Row]], places: Sequence[int]) -> int:
    """Sends the next batch. Answers the number of its last row; 0 when none is left."""
    last = sent = 0
    buffer = io.StringIO()
    # An empty cell is written as nothing at all, which COPY reads as NULL.
    writer = csv.writer(buffer)
    with session.cursor() as cursor, cursor.copy("COPY staged FROM STDIN (FORMAT csv, ENCODING 'UTF8')") as copy:
        for last, row in islice(rows, BATCH):
            writer.writerow(_line(last, row, places))
            if (size := buffer.tell()) >= _PIECE:
                copy.write(buffer.getvalue().encode())
                buffer.seek(0)
                buffer.truncate()
                sent += size
                if sent >= BATCH_TEXT:
                    break
        copy.write(buffer.getvalue().encode())
    return last


def _line(number: int, row: Row, places: Sequence[int]) -> list[Any]:
    if row.fault:
        return [number, row.line, row.fault, *[""] * len(places)]
    return [number, row.line, "", *[row.cells[place].strip() for place in places]]


def _typing(mapping: Mapping) -> sql.Composed:
    """From ``staged`` into ``typed``."""
    key_column = mapping.key_column
    key: sql.Composable = sql.SQL(_NO_KEY)
    if key_column is not None:
        key = sql.SQL("SELECT * FROM {}").format(sql.SQL(_FUNCTIONS[mapping.record]).format(cell(key_column)))
    mapped = range(len(mapping.mapped))
    firm = own = firm_said = own_said = sql.SQL("NULL::text").format()
    if mapping.account is not None:
        firm, firm_said = references.key(mapping.account.by, FIRM), sql.SQL("{}").format(FIRM)
    if mapping.own_id is not None:
        own, own_said = references.own_key(OWN), sql.SQL("{}").format(OWN)
    return sql.SQL(
        "INSERT INTO typed (n, line {names}, key, firm, firm_said, own, own_said, unfit, reason, excused) "
        "SELECT n, line {values}, key, {firm}, {firm_said}, {own}, {own_said}, "
        "nullif(array_remove(ARRAY[{unfit}]::int[], NULL), '{{}}'), "
        "nullif(concat_ws('; ', {reasons}), ''), {excused} "
        "FROM (SELECT s.* {typed}, k.key, k.problem FROM staged AS s CROSS JOIN LATERAL ({key}) AS k (key, problem) "
        "OFFSET 0) AS s{beside} ORDER BY n"
    ).format(
        names=_listed(value(at) for at in mapped),
        values=_listed(value(at) for at in mapped),
        typed=_listed(sql.SQL("{} AS {}").format(_typed(mapping, at), value(at)) for at in mapped),
        unfit=sql.SQL(", ").join(
            sql.SQL("CASE WHEN {} THEN {} END").format(_is_unfit(mapping, at), sql.Literal(at)) for at in mapped
        ),
        reasons=sql.SQL(", ").join(_reasons(mapping)),
        excused=_excused(mapping),
        key=key,
        beside=untouched.beside(mapping),
        firm=firm,
        firm_said=firm_said,
        own=own,
        own_said=own_said,
    )


def _listed(columns: Iterator[sql.Composable]) -> sql.Composed:
    return sql.SQL("").join(sql.SQL(", {}").format(each) for each in columns)


def _typed(mapping: Mapping, at: int) -> sql.Composed:
    return typed(mapping.mapped[at].field, cell(at), decimal_comma=mapping.decimal_comma, day_first=mapping.day_first)


def _is_unfit(mapping: Mapping, at: int) -> sql.Composable:
    """Something is in the cell, and it isn't what the field holds, nor what the record has already."""
    test = sql.SQL("{} IS NOT NULL AND {} IS NULL AND NOT {}").format(
        cell(at), value(at), untouched.is_untouched(mapping, at)
    )
    if mapping.mapped[at].field.type is FieldType.EMAIL and at == mapping.key_column:
        return sql.SQL("({} OR {} IS NOT NULL AND key IS NULL)").format(test, cell(at))
    return sql.SQL("({})").format(test)


def _reasons(mapping: Mapping) -> Iterator[sql.Composable]:
    """Why a row is rejected: all that is wrong with it."""
    yield sql.SQL("fault")
    for at, each in enumerate(mapping.mapped):
        yield _wrong_where(_is_unfit(mapping, at), each.field, at)
    nothing = sql.SQL(" AND ").join(sql.SQL("{} IS NULL").format(cell(at)) for at in range(len(mapping.mapped)))
    yield sql.SQL("CASE WHEN fault IS NULL AND {} THEN 'It has no value in any column that is imported' END").format(
        nothing
    )
    if mapping.key is not None:
        # Of opportunities `deciding` says what is lacking: one that is here needs no name.
        yield _nameless(mapping, nothing)
    if mapping.takes_keyless or mapping.key_column is None:
        return
    heading = mapping.mapped[mapping.key_column].field.label
    key_cell = cell(mapping.key_column)
    so = f"so we can't check whether this {mapping.record} already exists"
    tick = "or tick “Import them too”."
    missing = f"{heading} is empty, {so}. Fill it in, {tick}"
    yield sql.SQL("CASE WHEN fault IS NULL AND {} IS NULL AND NOT ({}) THEN {} END").format(
        key_cell, nothing, sql.Literal(missing)
    )
    if mapping.record == "account":
        yield sql.SQL(
            "CASE WHEN key IS NULL AND NOT {} THEN '“' || {} || CASE WHEN problem = ANY ({}) THEN {} ELSE {} END END"
        ).format(
            _is_unfit(mapping, mapping.key_column), quoted(cell(mapping.key_column)), sql.Literal(list(_NO_ADDRESS)),
            sql.Literal(f"” is not a web address, {so}. Correct it, {tick}"),
            sql.Literal(f"” is not a company's own web address, {so}. Correct it, {tick}"),
        )  # fmt: skip


def _excused(mapping: Mapping) -> sql.Composable:
    """Why a row would be rejected if its record had not the same already; NULL where that is not so."""
    reasons = [
        _wrong_where(
            sql.SQL("{} IS NULL AND {}").format(value(at), untouched.is_untouched(mapping, at)), each.field, at
        )
        for at, each in enumerate(mapping.mapped)
        if is_objectionable(each.field)
    ]
    if not reasons:
        return sql.SQL("NULL::text")
    return sql.SQL("nullif(concat_ws('; ', {}), '')").format(sql.SQL(", ").join(reasons))


def _wrong_where(test: sql.Composable, field: LocalField, at: int) -> sql.Composed:
    """What is wrong with a cell where that holds."""
    return sql.SQL("CASE WHEN {} THEN {} || {} || {} END").format(
        test, sql.Literal(f"{field.label}: “"), quoted(cell(at)), sql.Literal(f"” {wrong(field)}")
    )


def _nameless(mapping: Mapping, nothing: sql.Composable) -> sql.Composed:
    """A row that would make a record of which nobody could tell which it is."""
    known = {each.name: each for each in editable(mapping.record)}
    names = TOLD_BY[mapping.record]
    cells = [cell(at) for at, each in enumerate(mapping.mapped) if each.field.name in names]
    none = sql.SQL(" AND ").join([sql.SQL("fault IS NULL"), *(sql.SQL("{} IS NULL").format(each) for each in cells)])
    reason = f"It has no {' and no '.join(known[name].label for name in names)}, so nobody could tell which it is"
    return sql.SQL("CASE WHEN {} AND NOT ({}) THEN {} END").format(none, nothing, sql.Literal(reason))


def _text(name: LiteralString) -> LiteralString:
    return block("abmatic.audiences", "sql/csv_import.sql", name)
