"""What an import would do, counted over all of its rows and shown for a few. Writes no record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from psycopg import sql

from abmatic.audiences.csv_import import comparing, naming
from abmatic.audiences.csv_import.cells import Session
from abmatic.audiences.csv_import.mapping import Mapping
from abmatic.audiences.csv_import.staging import Staged
from abmatic.postgres.sql import block

SAMPLES = 3


@dataclass(slots=True)
class Checked:
    """Numbers of rows. ``fields``: in how many records each field would change; ``unfit``: rejected cells by column.

    ``samples``: by "created" and "updated", each with its line, a name, and its fields before and after.
    """

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    rejected: int = 0
    repeated: int = 0
    fields: dict[str, int] = field(default_factory=dict)
    unfit: dict[str, int] = field(default_factory=dict)
    samples: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    # What became of the accounts that rows name (see `naming`); empty where no column names one.
    accounts: dict[str, Any] = field(default_factory=dict)


def check(session: Session, mapping: Mapping, staged: Staged) -> Checked:
    """Looks at the staged rows beside the records that are here."""
    found = Checked(rows=staged.rows)
    found.rejected, found.repeated = rejected(session)
    found.unfit = {str(mapping.mapped[at].place): many for at, many in sorted(staged.unfit.items())}
    _count(session, mapping, found)
    found.samples = {"created": _samples(session, mapping, new=True), "updated": _samples(session, mapping, new=False)}
    found.accounts = naming.told(session, mapping)
    return found


def rejected(session: Session) -> tuple[int, int]:
    """How many rows are rejected for what they are, and how many because they repeat another."""
    row = session.execute(block("abmatic.audiences", "sql/csv_import.sql", "count_rejected")).fetchone()
    return row or (0, 0)


def _count(session: Session, mapping: Mapping, found: Checked) -> None:
    names = [each.field.name for each in mapping.mapped]
    tests = [comparing.is_changed(mapping, at) for at in range(len(mapping.mapped))]
    if mapping.account is not None:
        names.append(comparing.ACCOUNT)
        tests.append(comparing.is_account_changed(mapping))
    per_field = [sql.SQL("count(*) FILTER (WHERE a.id IS NOT NULL AND {})").format(test) for test in tests]
    statement = sql.SQL(
        "SELECT count(*) FILTER (WHERE a.id IS NULL), count(*) FILTER (WHERE a.id IS NOT NULL), "
        "count(*) FILTER (WHERE a.id IS NOT NULL AND {changed}), {fields} FROM {joined}"
    ).format(
        changed=comparing.changes_anything(mapping), fields=sql.SQL(", ").join(per_field), joined=naming.rows(mapping)
    )
    row = session.execute(statement).fetchone()
    assert row is not None
    found.created, met, found.updated, *fields = row
    if mapping.changes_records:
        found.unchanged = met - found.updated
    else:
        found.skipped = met
    found.fields = {name: many for name, many in zip(names, fields, strict=True) if many}


def _samples(session: Session, mapping: Mapping, *, new: bool) -> list[dict[str, Any]]:
    """The first rows that make records, or that change some."""
    old = sql.SQL("a.id IS NOT NULL AND {}").format(comparing.changes_anything(mapping))
    test = sql.SQL("a.id IS NULL") if new else old
    shown = sql.SQL("v.after IS NOT NULL") if new else sql.SQL("v.is_changed")
    statement = sql.SQL(
        "SELECT t.line, a.id, {called}, (SELECT jsonb_object_agg(v.field, jsonb_build_array("
        "left(v.before #>> '{{}}', 300), left(v.after #>> '{{}}', 300)) ORDER BY v.at) "
        "FROM (VALUES {sides}) AS v (at, field, is_changed, before, after) WHERE {shown}) "
        "FROM (SELECT t.*, a.id AS target FROM {joined} AND {test} ORDER BY t.n LIMIT {most}) AS t "
        "LEFT JOIN {table} AS a ON a.id = t.target ORDER BY t.n"
    ).format(
        called=_called(mapping),
        sides=comparing.sides(mapping, by_name=True),
        shown=shown,
        joined=naming.rows(mapping),
        test=test,
        most=sql.Literal(SAMPLES),
        table=sql.Identifier(mapping.record),
    )
    order = {each.field.name: at for at, each in enumerate(mapping.mapped)}
    order[comparing.ACCOUNT] = len(order)
    return [
        {
            "line": line,
            "id": record_id,
            "key": key,
            "fields": [
                {"field": name, "before": sides[0], "after": sides[1]}
                for name, sides in sorted((fields or {}).items(), key=lambda item: order[item[0]])
            ],
        }
        for line, record_id, key, fields in session.execute(statement)
    ]


def _called(mapping: Mapping) -> sql.Composable:
    """What a row's record is called: its key, or the name of a record that has none."""
    if mapping.key is not None:
        return sql.SQL("t.key")
    at = mapping.column("name")
    return (
        sql.SQL("coalesce({}, a.name)").format(sql.Identifier("t", f"v{at}")) if at is not None else sql.SQL("a.name")
    )
