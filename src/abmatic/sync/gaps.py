"""Where a record's values here and in Salesforce differ, why, and how a person may close such a gap.

Most gaps close by themselves: the value is on its way. Others are meant: the settings write nothing, Salesforce refused
the value, or an undo put one side back and left the other (``held`` of the mirror), which no sync touches until
somebody changes one of the two. Of those it is said by which undo, and two ways out are offered: taking Salesforce's
value is an edit like any other (`take`), writing ours is a selected push that counts the field as changed
(`abmatic.sync.selected`, `release`).

What Salesforce has is told as it was last seen. Ours is compared as Salesforce would store it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.db import connection as database
from psycopg import sql

from abmatic.audiences import editing
from abmatic.audiences.editing import Edit, Saved
from abmatic.audiences.fields import FieldType, LocalField, fields
from abmatic.audiences.seen import mark, marks
from abmatic.changes.models import Cause, Change
from abmatic.sync import issues, org_fields, outlook
from abmatic.sync.models import Connection, FieldMapping, Issue, Mode, Run, SelectedPush, Write
from abmatic.sync.outlook import Outlook, Side
from abmatic.sync.pull import values
from abmatic.sync.push import compare
from abmatic.sync.push.plan import PushedField
from abmatic.sync.refusals import refusal

# Undos of one record that are looked through for the one that left a gap.
_LOOKED_AT = 20
# By setting and Salesforce field: an undo, and the run that it undid.
_Undos = dict[tuple[int, str], tuple[int, int | None]]


@dataclass(frozen=True, slots=True)
class Gap:
    """A field that differs. Values are JSON's; None is empty.

    ``undo``: the run that left it so, which undid the run ``undone``. ``is_held``: no sync closes it. ``not_taken``,
    ``not_written``: why a person can't close it in that direction; both are None of what isn't held.
    """

    connection: Connection
    sobject: str
    sf_field: str
    local_field: str
    theirs: Any
    ours: Any
    reason: str
    outlook: Outlook | None = None
    is_held: bool = False
    undo: int | None = None
    undone: int | None = None
    not_taken: str | None = None
    not_written: str | None = None

    @property
    def place(self) -> str:
        """The field in Salesforce."""
        return f"{self.sobject}.{self.sf_field}"

    @property
    def mark(self) -> str:
        """Stands for the two values, so that nobody decides about others than were shown."""
        return mark(json.dumps([self.theirs, self.ours]))

    @property
    def can_be_taken(self) -> bool:
        return self.is_held and self.not_taken is None

    @property
    def can_be_written(self) -> bool:
        return self.is_held and self.not_written is None

    def as_dict(self) -> dict[str, Any]:
        """As `--json` and the API tell it."""
        return {
            "connection": self.connection.name,
            "object": self.sobject,
            "salesforce_field": self.sf_field,
            "field": self.local_field,
            "salesforce": self.theirs,
            "abmatic": self.ours,
            "reason": self.reason,
            "left_by_undo": self.undo,
            "of_run": self.undone,
        }


@dataclass(frozen=True, slots=True)
class _Found:
    """A field that differs, and whether an undo (or Salesforce's own automation) is why."""

    side: Side
    mapping: FieldMapping
    local: LocalField
    theirs: Any
    ours: Any
    is_held: bool


def gaps(record: str, record_id: int, open_issues: Sequence[Issue] | None = None) -> list[Gap]:
    """Every mapped field of a record that differs; ``open_issues``: the record's, where they were asked for already."""
    known = {each.name: each for each in fields(record)}
    mapped = [each for each in outlook.linked_fields(record, record_id) if each[1].local_field in known]
    mapped.sort(key=lambda each: each[1].setting_id)  # stable: fields stay in their order
    found = [
        each
        for _, some in groupby(mapped, key=lambda each: each[1].setting_id)
        for each in _differing(record_id, list(some), known)
    ]
    if not found:
        return []
    refused = issues.of_record(record, record_id) if open_issues is None else open_issues
    undos = _undos(record, record_id, found)
    return [_told(each, record, record_id, refused, undos) for each in found]


def take(record: str, record_id: int, gap: Gap, cause: Callable[[], Cause]) -> Saved:
    """Gives the field here the value that Salesforce has: an edit like any other."""
    value = gap.theirs
    number = isinstance(value, int | float) and not isinstance(value, bool)
    edit = Edit(
        {gap.local_field: str(value) if number else value},
        id=record_id,
        saw={gap.local_field: marks(record, record_id).get(gap.local_field, "")},
        is_crms=True,
    )
    (saved,) = editing.save(record, [edit], cause)
    return saved


# -- what differs


def _differing(
    record_id: int, mapped: list[tuple[Side, FieldMapping]], known: dict[str, LocalField]
) -> list[_Found]:  # fmt: skip
    """The fields of one linked record whose values differ."""
    side = mapped[0][0]
    assert side.mirror is not None
    offer = org_fields.known(side.setting.connection, side.spec)
    rows = sql.SQL(", ").join(
        _row(number, _pushed(mapping, known[mapping.local_field], offer)) for number, (_, mapping) in enumerate(mapped)
    )
    statement = sql.SQL(
        "SELECT v.number, v.theirs, v.ours, v.is_held FROM {mirror} AS m JOIN {local} AS a ON a.id = {record} "
        "CROSS JOIN LATERAL (VALUES {rows}) AS v (number, theirs, ours, is_held, is_read) "
        "WHERE m.connection_id = {connection} AND m.sf_id = {sf_id} AND v.is_read "
        "AND v.theirs IS DISTINCT FROM v.ours ORDER BY v.number"
    ).format(
        mirror=sql.Identifier(side.spec.mirror), local=sql.Identifier(side.spec.local), record=sql.Literal(record_id),
        rows=rows, connection=sql.Literal(side.setting.connection_id), sf_id=sql.Literal(side.mirror.sf_id),
    )  # fmt: skip
    with database.cursor() as cursor:
        # Values of picklists may hold percent signs, so it has no parameters.
        cursor.execute(statement)
        rows = cursor.fetchall()
    found = []
    for number, theirs, ours, is_held in rows:
        of, mapping = mapped[number]
        found.append(_Found(of, mapping, known[mapping.local_field], _value(theirs), _value(ours), is_held))
    return found


def _value(told: str | None) -> Any:
    return None if told is None else json.loads(told)


def _pushed(mapping: FieldMapping, local: LocalField, offer: org_fields.Offer | None) -> PushedField:
    """The field as a push sees it, by what the org said last."""
    theirs = offer.fields.get(mapping.sf_field) if offer else None
    return PushedField(
        mapping.sf_field, local, Mode(mapping.to_abmatic), Mode(mapping.to_salesforce), mapping.clear_with_empty,
        theirs.type if theirs else "", theirs.length if theirs else 0, theirs.scale if theirs else 6, True, True, True,
        theirs.values if theirs and theirs.restricted else None,
    )  # fmt: skip


def _row(number: int, f: PushedField) -> sql.Composed:
    seen = values.from_json(f.local.type, sql.SQL("m.values"), f.sf_field)
    theirs = sql.SQL("coalesce({}, false)").format(seen) if f.local.type is FieldType.BOOLEAN else seen
    ours = sql.Identifier("a", f.column)
    # A field that was mapped since is not empty there; it was never read.
    return sql.SQL(
        "({number}, to_jsonb({theirs}), to_jsonb({ours}), {is_held}, "
        "m.base IS NULL OR m.base ? {name} OR m.values ? {name})"
    ).format(
        number=sql.Literal(number), theirs=theirs, ours=compare.as_there(f, ours, seen),
        is_held=values.is_held(f.local.type, f.sf_field, seen, ours), name=sql.Literal(f.sf_field),
    )  # fmt: skip


# -- why


def _told(found: _Found, record: str, record_id: int, refused: Sequence[Issue], undos: _Undos) -> Gap:
    side, mapping = found.side, found.mapping
    of = (side.setting.connection, side.spec.name, mapping.sf_field, found.local.name, found.theirs, found.ours)
    if found.is_held:
        undo, undone = undos.get((side.setting.pk, mapping.sf_field), (None, None))
        return Gap(
            *of, _why_held(undo, undone), is_held=True, undo=undo, undone=undone,
            not_taken=_not_taken(record, found), not_written=_not_written(record, found),
        )  # fmt: skip
    if (issue := _refusal(side, mapping.sf_field, refused)) is not None:
        return Gap(*of, f"It was not written to Salesforce: {refusal(issue.code).label}.")
    expected = outlook.course(side, record_id)
    return Gap(*of, expected.text, outlook=expected)


def _why_held(undo: int | None, undone: int | None) -> str:
    if undo is None:
        return (
            "Left so by an undo, or because Salesforce changes the value after each save. No sync writes either side "
            "until one of the two is changed."
        )
    of = f" of run {undone}" if undone is not None else ""
    return f"Left so by an undo{of}. No sync writes either side until one of the two is changed."


def _refusal(side: Side, sf_field: str, refused: Iterable[Issue]) -> Issue | None:
    """The open issue that keeps the value from being written, of all that the record has."""
    for issue in refused:
        if (issue.connection_id, issue.sobject) != (side.setting.connection_id, side.spec.name):
            continue
        if sf_field == issue.field or sf_field in issue.fields or (not issue.field and sf_field in issue.sent):
            return issue
    return None


def _not_taken(record: str, found: _Found) -> str | None:
    if record not in editing.MODELS or found.local.is_derived or found.local.type is FieldType.DATETIME:
        return f"{found.local.label} can’t be edited here."
    return None


def _not_written(record: str, found: _Found) -> str | None:
    """Why a push wouldn't write it, by the modes and switches as they are; the same as `release` asks for."""
    side, mapping = found.side, found.mapping
    place, objects = side.place, side.spec.label_plural
    settings = "An administrator can change that in the settings."
    if record not in SelectedPush.Record.values:
        return f"{objects} are not pushed one by one."
    if not side.setting.update_in_salesforce:
        return f"“Update in Salesforce” of {objects} is off. {settings}"
    if mapping.to_salesforce == Mode.NONE:
        return f"{place} is not written to (“Don’t sync” to Salesforce). {settings}"
    if mapping.unwritable:
        return f"It can’t be written: {mapping.unwritable}"
    if mapping.to_salesforce == Mode.FILL and found.theirs is not None:
        return f"Only an empty {place} is filled (“Fill” to Salesforce). {settings}"
    if mapping.to_salesforce == Mode.FILL and mapping.to_abmatic == Mode.OVERWRITE and mapping.clear_with_empty:
        return f"Salesforce leads in {place}, empty values included. {settings}"
    return None


# -- by which undo


def _undos(record: str, record_id: int, found: Sequence[_Found]) -> _Undos:
    """By setting and Salesforce field: the undo that left it so, and the run that it undid. Three queries at most."""
    held = [each for each in found if each.is_held]
    if not held:
        return {}
    undoing = Run.objects.filter(trigger=Run.Trigger.UNDO)
    here = Change.objects.filter(
        record=record, record_id=record_id, field__in={each.local.name for each in held},
        cause__run_id__in=undoing.values("pk"),
    )  # fmt: skip
    changes = list(here.select_related("cause").order_by("-id")[:_LOOKED_AT])
    there = Write.objects.filter(
        sobject__in={each.side.spec.name for each in held}, local_id=record_id, state=Write.State.WRITTEN,
        run__trigger=Run.Trigger.UNDO,
    )  # fmt: skip
    writes = list(there.order_by("-id")[:_LOOKED_AT])
    runs = Run.objects.in_bulk({*(each.cause.run_id for each in changes), *(each.run_id for each in writes)} - {None})
    told = {}
    for each in held:
        run = max((*_put_back_here(each, changes), *_put_back_there(each, writes)), default=None)
        if run is not None and run in runs:
            told[each.side.setting.pk, each.mapping.sf_field] = (run, runs[run].undoes_id)
    return told


def _put_back_here(found: _Found, changes: Sequence[Change]) -> list[int]:
    return [
        each.cause.run_id for each in changes
        if each.field == found.local.name and each.after == found.ours and each.cause.run_id is not None
    ]  # fmt: skip


def _put_back_there(found: _Found, writes: Sequence[Write]) -> list[int]:
    of = (found.side.setting.connection_id, found.side.spec.name)
    return [
        each.run_id for each in writes
        if (each.connection_id, each.sobject) == of and found.mapping.sf_field in each.sent
        and each.sent[found.mapping.sf_field] == found.theirs
    ]  # fmt: skip
