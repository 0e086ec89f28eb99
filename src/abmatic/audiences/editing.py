"""Edits of local records by people and programs: one record or many, one field or several, in a few statements.

An edit is judged (types, keys, who has the key already), then written together with its changes, in one transaction:
whoever follows the change log, the push among them, sees it when it is committed and not before. One edit that is
refused costs its neighbours nothing. A sync's own writes don't come through here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, LiteralString

from django.db import IntegrityError, OperationalError, connection, transaction
from psycopg import errors, sql

from abmatic.audiences import canonical
from abmatic.audiences.fields import LocalField, fields
from abmatic.audiences.inputs import ValueRefused, judged, objection
from abmatic.audiences.models import Account, Contact, Opportunity
from abmatic.audiences.seen import mark
from abmatic.changes.models import Cause

# Somebody else may make a record with the same key at the same moment: then it is there at the next look.
_ATTEMPTS = 4
MODELS: dict[str, type[Account | Contact | Opportunity]] = {
    "account": Account,
    "contact": Contact,
    "opportunity": Opportunity,
}
# References that are given when a record is made; from then on they follow the CRM.
REFERENCES: dict[str, dict[str, str]] = {
    "contact": {"account_id": "account"},
    "opportunity": {"account_id": "account"},
}


@dataclass(frozen=True, slots=True)
class PrimaryKey:
    """What tells records of one kind apart: the field it is made of, its column, and what makes it."""

    field: str
    column: str
    label: str
    function: LiteralString


KEYS = {
    "account": PrimaryKey("website", "domain", "domain", "domain_of(e.raw, true)"),
    "contact": PrimaryKey("work_email", "email_key", "e-mail address", "email_of(e.raw)"),
}

# By one of these people tell such records apart: a new one needs it. Others are made by syncs alone.
TOLD_BY: dict[str, tuple[str, ...]] = {
    "account": ("name", "website"),
    "contact": ("last_name", "work_email"),
    "opportunity": ("name",),
    "campaign": ("name",),
}


@dataclass(frozen=True, slots=True)
class Edit:
    """What one record is to become. Fields that are not named stay as they are.

    ``id``: of the record; None makes one, or (``by_key``) changes the one that has the key, or makes it where none has.
    ``keeps``: with ``by_key``, the one that has the key stays as it is, whoever made it and however lately.
    ``seen``: the ``updated_at`` that the editor saw: the edit is refused where the record has changed since.
    ``saw``: by field, the mark (see `abmatic.audiences.seen`) of the value that the editor saw: the edit is refused
    where that field has another value by now, unless it is the very one that the edit gives it.
    ``is_crms``: the values are those that a CRM has: whatever they are, they are not refused as nobody's meaning.
    """

    values: Mapping[str, object]
    id: int | None = None
    by_key: bool = False
    keeps: bool = False
    seen: datetime | None = None
    saw: Mapping[str, str] = field(default_factory=dict)
    is_crms: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an edit is refused. ``field`` is empty where it is about the whole record; ``other`` has the key already."""

    code: Literal["invalid", "unknown", "fixed", "duplicate", "missing", "changed", "keyless", "empty", "twice"]
    reason: str
    remedy: str
    field: str = ""
    other: int | None = None


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of one edit. ``fields``: those that changed."""

    status: Literal["created", "updated", "unchanged", "refused"]
    id: int | None
    fields: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def save(record: str, edits: Sequence[Edit], cause: Callable[[], Cause]) -> list[Saved]:
    """Makes and changes records of one kind. What is refused is not written, everything else is.

    ``cause`` makes the act's cause, and is called only when something is to be written. The transaction is the
    caller's, where there is one. Answers in the order of the edits.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with transaction.atomic():
                return _Saving(record, edits).save(cause)
        except _KeyMoved:
            if attempt == _ATTEMPTS:
                raise
        except (IntegrityError, OperationalError) as error:
            passing = isinstance(error.__cause__, errors.UniqueViolation | errors.DeadlockDetected)
            if attempt == _ATTEMPTS or not passing:
                raise
    raise AssertionError("the last attempt answers or raises")


def editable(record: str) -> tuple[LocalField, ...]:
    """The fields that people and programs may edit."""
    return tuple(each for each in fields(record) if not each.is_derived)


class _KeyMoved(Exception):
    """The record that had a key gave it up before it was locked."""


@dataclass(slots=True)
class _Row:
    """One edit under way. ``doc``: texts by field, to be cast; ``target``: the record that is there already."""

    number: int
    edit: Edit
    doc: dict[str, str | None] = field(default_factory=dict)
    references: dict[str, int | None] = field(default_factory=dict)
    key: str | None = None
    holder: int | None = None
    target: int | None = None
    old_key: str | None = None
    changes: list[dict[str, Any]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def refuse(self, *problem: Any, **more: Any) -> None:
        self.problems.append(Problem(*problem, **more))


class _Saving:
    """Some edits, in one transaction."""

    def __init__(self, record: str, edits: Sequence[Edit]) -> None:
        self._record = record
        known = fields(record)
        self._fields = {each.name: each for each in known}
        self._editable = [each for each in known if not each.is_derived]
        self._references = REFERENCES.get(record, {})
        self._key = KEYS.get(record)
        self._rows = [_Row(number, edit) for number, edit in enumerate(edits)]

    def save(self, cause: Callable[[], Cause]) -> list[Saved]:
        """1. Judge what is given. 2. Make keys. 3. Lock what is there, and compare. 4. Refuse what nobody may give a
        field, and taken keys. 5. Write."""
        for row in self._rows:
            self._judge(row)
        self._make_keys()
        self._lock()
        self._refuse_repeated()
        self._compare()
        self._refuse_unfit()
        self._refuse_taken_keys()
        created = [row for row in self._accepted() if row.target is None]
        updated = [row for row in self._accepted() if row.target is not None and row.changes]
        if created or updated:
            by = cause().pk
            self._update(updated, by)
            self._create(created, by)
        return [self._told(row, {row.number for row in created}) for row in self._rows]

    def _told(self, row: _Row, created: set[int]) -> Saved:
        if row.problems:
            return Saved("refused", row.edit.id if row.target is None else row.target, (), tuple(row.problems))
        if row.number in created:
            return Saved("created", row.target, tuple(name for name, value in row.doc.items() if value is not None))
        fields = tuple(change["field"] for change in row.changes)
        return Saved("updated" if fields else "unchanged", row.target, fields)

    def _accepted(self) -> list[_Row]:
        return [row for row in self._rows if not row.problems]

    # -- judge

    def _judge(self, row: _Row) -> None:
        for name, value in row.edit.values.items():
            if name in self._references:
                self._judge_reference(row, name, value)
                continue
            known = self._fields.get(name)
            if known is None:
                names = ", ".join([*(each.name for each in self._editable), *self._references])
                row.refuse("unknown", f"{name[:80]!r} is no field of this record", f"Fields are: {names}.", name[:80])
            elif known.is_derived:
                row.refuse("fixed", f"{known.label} {known.why_fixed}", "Leave it out.", name)
            else:
                try:
                    row.doc[name] = judged(known, value)
                except ValueRefused as refused:
                    row.refuse("invalid", f"{known.label} {refused}", "Correct it, or leave it out.", name)

    def _judge_reference(self, row: _Row, name: str, value: object) -> None:
        is_number = isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63
        if value is None or is_number:
            row.references[name] = value if isinstance(value, int) else None
        else:
            row.refuse("invalid", f"{name} must be the number of a record, or null", "Correct it.", name)

    # -- keys

    def _make_keys(self) -> None:
        """The key of each edit that gives one, and who has it now."""
        key = self._key
        if key is None:
            return
        given = [
            {"n": row.number, "raw": row.doc[key.field]}
            for row in self._accepted()
            if row.doc.get(key.field) is not None
        ]
        statement = sql.SQL(
            "SELECT e.n, k.key, o.id FROM jsonb_to_recordset({given}::jsonb) AS e (n int, raw text) "
            "CROSS JOIN LATERAL {function} AS k (key, problem) LEFT JOIN {table} AS o ON o.{column} = k.key"
        ).format(
            given=sql.Literal(json.dumps(given)), function=sql.SQL(key.function), table=self._table,
            column=sql.Identifier(key.column),
        )  # fmt: skip
        for number, made, holder in self._ask(statement) if given else ():
            row = self._rows[number]
            row.key, row.holder = made, holder
            if row.edit.id is None:
                self._refuse_no_address(row)
        for row in self._accepted():
            row.target = row.edit.id
            if row.edit.by_key and row.target is None:
                row.target = row.holder
                if row.edit.keeps and row.holder is not None:
                    row.doc, row.references = {}, {}
                if row.key is None:
                    row.refuse(
                        "keyless",
                        f"It has neither an id nor a {key.field} that gives a {key.label}, so it can't be told which "
                        "record it is",
                        f"Name the id, or a {key.field} of its own.",
                    )

    def _refuse_no_address(self, row: _Row) -> None:
        """An e-mail address has to be one, or nobody could be found by it."""
        if self._record == "contact" and row.key is None:
            row.refuse("invalid", f"{row.doc['work_email']!r:.300} is no e-mail address", "Correct it.", "work_email")

    # -- what is there

    def _lock(self) -> None:
        """Locks the records that are there, in the order of their ids, and refuses what doesn't fit them."""
        if self._key is None:
            for row in self._accepted():
                row.target = row.edit.id
        there = self._locked(sorted({row.target for row in self._accepted() if row.target is not None}))
        parents = self._parents()
        for row in self._accepted():
            for name, value in row.references.items():
                if value is not None and value not in parents[self._references[name]]:
                    reason = f"There is no {self._references[name]} {value}"
                    row.refuse("invalid", reason, "Name one that is there.", name)
            if row.target is not None:
                self._hold_against(row, there.get(row.target))
            elif all(value is None for value in row.doc.values()):
                row.refuse("empty", "It has no value at all", "Give it at least one.")

    def _locked(self, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        if not ids:
            return {}
        columns = ["id", "updated_at", *self._references, *([self._key.column] if self._key else [])]
        statement = sql.SQL("SELECT {} FROM {} WHERE id = ANY ({}) ORDER BY id FOR UPDATE").format(
            sql.SQL(", ").join(map(sql.Identifier, columns)), self._table, sql.Literal(list(ids))
        )
        return {values[0]: dict(zip(columns, values, strict=True)) for values in self._ask(statement)}

    def _parents(self) -> dict[str, set[int]]:
        """The records that references name and that are there."""
        wanted: dict[str, set[int]] = {table: set() for table in self._references.values()}
        for row in self._accepted():
            for name, value in row.references.items():
                if value is not None:
                    wanted[self._references[name]].add(value)
        return {table: set(MODELS[table].objects.in_bulk(ids)) if ids else set() for table, ids in wanted.items()}

    def _hold_against(self, row: _Row, there: dict[str, Any] | None) -> None:
        """An edit and the record that it changes."""
        if there is None:
            row.refuse("missing", f"There is no {self._record} {row.target}", "Name one that is there.")
            return
        if self._key is not None:
            row.old_key = there[self._key.column]
            if row.edit.id is None and row.old_key != row.key:
                raise _KeyMoved
        if row.edit.seen is not None and row.edit.seen != there["updated_at"]:
            row.refuse("changed", "Somebody has changed it meanwhile", "Read it again, then decide.")
        for name, value in row.references.items():
            if value != there[name]:
                reason = f"{name} is given when a record is made; from then on it follows the CRM"
                row.refuse("fixed", reason, f"Leave out {name}, or change it in the CRM.", name)

    # -- keys that others have

    def _refuse_repeated(self) -> None:
        first: dict[int, int] = {}
        for row in self._accepted():
            if row.target is not None and first.setdefault(row.target, row.number) != row.number:
                reason = f"It is the same record as number {first[row.target]} of this call"
                row.refuse("twice", reason, "Put both into one.", other=row.target)

    def _refuse_taken_keys(self) -> None:
        """Nobody takes a key that another record has. Two may swap theirs: until nothing more has to be refused."""
        key = self._key
        if key is None:
            return
        while True:
            moving = [row for row in self._accepted() if self._moves(row)]
            leaving = {row.target for row in moving}
            first: dict[str, int] = {}
            taken = []
            for row in moving:
                if row.key is None:
                    continue
                if first.setdefault(row.key, row.number) != row.number:
                    reason = f"Number {first[row.key]} of this call has the {key.label} {row.key} as well"
                    row.refuse("twice", reason, "Put both into one.", key.field)
                elif row.holder not in {None, row.target} and row.holder not in leaving:
                    taken.append(row)
            self._refuse_taken(taken, key)
            if not any(row.problems for row in moving):
                return

    def _moves(self, row: _Row) -> bool:
        """Whether the edit gives the record another key. The same text says nothing new, whoever has its key."""
        if self._key is None or self._key.field not in row.doc or row.key == row.old_key:
            return False
        return row.target is None or any(change["field"] == self._key.field for change in row.changes)

    def _refuse_taken(self, rows: Sequence[_Row], key: PrimaryKey) -> None:
        others = MODELS[self._record].objects.in_bulk([row.holder for row in rows]) if rows else {}
        for row in rows:
            row.refuse(
                "duplicate",
                f"The {self._record} {row.holder} ({others.get(row.holder)}) has the {key.label} {row.key} already",
                "Change that one, or give another.",
                key.field,
                other=row.holder,
            )

    # -- compare

    def _compare(self) -> None:
        """What each edit of a record that is there would change."""
        rows = {row.target: row for row in self._accepted() if row.target is not None}
        if not rows:
            return
        sides = sql.SQL(", ").join(
            sql.SQL("({}, to_jsonb({}), to_jsonb({}))").format(
                sql.Literal(each.name), canonical.local(each.type, sql.Identifier("a", each.name)), _given(each)
            )
            for each in self._editable
        )
        statement = sql.SQL(
            "SELECT a.id, v.field, v.before::text, v.after::text FROM {given} JOIN {table} AS a ON a.id = e.id "
            "CROSS JOIN LATERAL (VALUES {sides}) AS v (field, before, after) "
            "WHERE e.doc ? v.field AND v.before IS DISTINCT FROM v.after"
        ).format(given=self._given(rows.values()), table=self._table, sides=sides)
        for target, name, before, after in self._ask(statement):
            rows[target].changes.append({"id": target, "field": name, "before": before, "after": after})
        for row in rows.values():
            self._refuse_unseen(row)

    def _refuse_unseen(self, row: _Row) -> None:
        """A value that the editor never saw isn't written over."""
        for change in row.changes:
            name = change["field"]
            if row.edit.saw.get(name, was := mark(change["before"])) != was:
                reason = f"Somebody has changed {self._fields[name].label} meanwhile"
                row.refuse("changed", reason, "Look at the value that is there now, then decide.", name)

    # -- what nobody may give a field

    def _refuse_unfit(self) -> None:
        """Of a new record all is looked at, of one that is there what would change: the rest is as a CRM had it."""
        for row in self._accepted():
            if row.edit.is_crms:
                continue
            if row.target is None:
                self._refuse_nameless(row)
                names = [name for name, value in row.doc.items() if value is not None]
            else:
                names = [change["field"] for change in row.changes]
            for name in names:
                self._refuse_value(row, self._fields[name], row.doc[name])

    def _refuse_value(self, row: _Row, field: LocalField, text: str | None) -> None:
        if why := objection(field, text):
            else_do = "leave it out" if row.target is None else "leave it as it is"
            remedy = f"{'Correct it' if text is not None else 'Give a value'}, or {else_do}."
            row.refuse("invalid", f"{field.label} {why}", remedy, field.name)
        elif text is not None and self._key is not None and field.name == self._key.field:
            self._refuse_no_address(row)

    def _refuse_nameless(self, row: _Row) -> None:
        known = [self._fields[name] for name in TOLD_BY.get(self._record, ())]
        if known and all(row.doc.get(each.name) is None for each in known):
            reason = f"A new {self._record} needs a {' or a '.join(each.label.lower() for each in known)}"
            row.refuse("invalid", reason, "Give it one: without it nobody could tell which it is.", known[0].name)

    # -- write

    def _update(self, rows: Sequence[_Row], cause: int) -> None:
        if not rows:
            return
        names = {change["field"] for row in rows for change in row.changes}
        assignments = sql.SQL(", ").join(
            sql.SQL("{0} = CASE WHEN e.doc ? {1} THEN {2} ELSE a.{0} END").format(
                sql.Identifier(each.name), sql.Literal(each.name), _given(each)
            )
            for each in self._editable
            if each.name in names
        )
        given = self._given(rows)
        moving = [row for row in rows if self._moves(row)]
        if moving and self._key is not None:
            # First every key that changes is let go, then the new ones are taken: two records may swap theirs.
            column = sql.Identifier(self._key.column)
            ids = sql.Literal([row.target for row in moving])
            self._do(sql.SQL("UPDATE {} SET {} = NULL WHERE id = ANY ({})").format(self._table, column, ids))
        self._do(
            sql.SQL("UPDATE {table} AS a SET {assignments}, updated_at = now() FROM {given} WHERE a.id = e.id").format(
                table=self._table, assignments=assignments, given=given
            )
        )
        if moving and self._key is not None:
            self._do(
                sql.SQL("UPDATE {table} AS a SET {column} = e.key FROM {given} WHERE a.id = e.id").format(
                    table=self._table, column=sql.Identifier(self._key.column), given=self._given(moving)
                )
            )
        self._note([change for row in rows for change in row.changes], cause)

    def _create(self, rows: Sequence[_Row], cause: int) -> None:
        if not rows:
            return
        statement = sql.SQL("SELECT nextval(pg_get_serial_sequence({}, 'id')) FROM generate_series(1, {})").format(
            sql.Literal(self._record), sql.Literal(len(rows))
        )
        for row, (new,) in zip(rows, self._ask(statement), strict=True):
            row.target = new
        fields = self._editable
        columns = [each.name for each in fields]
        values: list[sql.Composable] = [_given(each) for each in fields]
        for name in self._references:
            columns.append(name)
            values.append(sql.SQL("(e.refs ->> {})::bigint").format(sql.Literal(name)))
        if self._key is not None:
            columns.append(self._key.column)
            values.append(sql.SQL("e.key"))
        self._do(
            sql.SQL(
                "INSERT INTO {table} (id, {columns}, created_by_id, created_at, updated_at) "
                "SELECT e.id, {values}, {cause}, now(), now() FROM {given} ORDER BY e.key"
            ).format(
                table=self._table, columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
                values=sql.SQL(", ").join(values), cause=sql.Literal(cause), given=self._given(rows),
            )
        )  # fmt: skip
        self._note([{"id": row.target, "field": ""} for row in rows], cause)

    def _note(self, changes: Sequence[Mapping[str, Any]], cause: int) -> None:
        self._do(
            sql.SQL(
                "INSERT INTO change (record, record_id, field, before, after, cause_id, at) "
                "SELECT {record}, e.id, e.field, e.before::jsonb, e.after::jsonb, {cause}, now() "
                "FROM jsonb_to_recordset({changes}::jsonb) AS e (id bigint, field text, before text, after text)"
            ).format(
                record=sql.Literal(self._record), cause=sql.Literal(cause), changes=sql.Literal(json.dumps(changes))
            )
        )

    # -- statements

    @property
    def _table(self) -> sql.Identifier:
        return sql.Identifier(self._record)

    def _given(self, rows: Any) -> sql.Composed:
        """The edits as a table ``e``."""
        document = [{"id": row.target, "doc": row.doc, "key": row.key, "refs": row.references} for row in rows]
        return sql.SQL("jsonb_to_recordset({}::jsonb) AS e (id bigint, doc jsonb, key text, refs jsonb)").format(
            sql.Literal(json.dumps(document))
        )

    def _ask(self, statement: sql.Composed) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def _do(self, statement: sql.Composed) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)


def _given(each: LocalField) -> sql.Composed:
    """The value of a field as the edit ``e`` gives it."""
    return canonical.given(each.type, sql.SQL("(e.doc ->> {})").format(sql.Literal(each.name)))
