"""Setting a field of many records, putting it back, cancelling. A few are changed while the person waits."""

from __future__ import annotations

from django.db import transaction

from abmatic.audiences import editing
from abmatic.audiences.fields import FieldType, LocalField
from abmatic.audiences.inputs import ValueRefused, judged, objection
from abmatic.audiences.many import writing
from abmatic.audiences.many.jobs import work
from abmatic.audiences.many.models import FieldEdit
from abmatic.audiences.many.working import execute, finish
from abmatic.audiences.many.writing import Preview
from abmatic.audiences.refusals import ConditionRefused
from abmatic.audiences.selection import Selection
from abmatic.changes.models import Cause
from abmatic.identity.models import User

# Up to so many are changed while the person waits; more are a worker's.
AT_ONCE = 500


class EditRefused(ValueError):
    """Why many records can't be edited so, and what helps."""


def settable(record: str) -> tuple[LocalField, ...]:
    """The fields that many records can be given one value of: not what tells records apart."""
    key = editing.KEYS[record].field if record in editing.KEYS else ""
    return tuple(each for each in editing.editable(record) if each.name != key and each.type is not FieldType.DATETIME)


def judge(record: str, name: str, value: object) -> tuple[LocalField, str | None]:
    """The field and the value as it is stored. Raises `EditRefused`."""
    target = next((each for each in settable(record) if each.name == name), None)
    if target is None:
        raise EditRefused("Choose a field from the list.")
    try:
        text = judged(target, value)
    except ValueRefused as refused:
        raise EditRefused(f"{target.label} {refused}.") from None
    if why := objection(target, text):
        raise EditRefused(f"{target.label} {why}. {'Correct it.' if text is not None else 'Give a value.'}")
    return target, text


def preview(selection: Selection, name: str, value: object) -> Preview:
    """What it would change. Raises `EditRefused`."""
    target, text = judge(selection.record, name, value)
    try:
        return writing.preview(selection, target, text)
    except ConditionRefused as refused:
        raise EditRefused(f"The filter can’t be used: {refused}.") from None


def start(selection: Selection, name: str, value: object, by: User) -> FieldEdit:
    """Asks for it; a few are changed at once. Raises `EditRefused`."""
    target, text = judge(selection.record, name, value)
    try:
        total = selection.count()
    except ConditionRefused as refused:
        raise EditRefused(f"The filter can’t be used: {refused}.") from None
    if not total:
        raise EditRefused("No record is selected any more.")
    return _begin(
        FieldEdit(
            record=selection.record, field=target.name, value=text, selection=selection.as_json(), total=total,
            asked_by=by,
        )
    )  # fmt: skip


def put_back(edit: FieldEdit, by: User) -> FieldEdit:
    """Asks for the former values, wherever the edit's value still stands. Raises `EditRefused`."""
    with transaction.atomic():
        edit = FieldEdit.objects.select_for_update().get(pk=edit.pk)
        if not edit.is_over or not edit.changed:
            raise EditRefused("It has changed nothing that could be put back.")
        if edit.put_back_by.exists():
            raise EditRefused("It is put back already.")
        return _begin(
            FieldEdit(
                record=edit.record, field=edit.field, puts_back=edit, total=edit.changed, asked_by=by,
                position=edit.first_change,
            )
        )  # fmt: skip


def cancel(edit: FieldEdit) -> bool:
    """Stops it where its next part ends; what is done stays, and can be put back. False when it is over already."""
    with transaction.atomic():
        locked = FieldEdit.objects.select_for_update().get(pk=edit.pk)
        if locked.is_over:
            return False
        finish(locked, FieldEdit.State.CANCELLED)
    return True


def _begin(edit: FieldEdit) -> FieldEdit:
    """Writes it down with its job; does it at once, where it is small."""
    note = "Put back" if edit.puts_back_id else "Edit of many"
    with transaction.atomic():
        edit.cause = Cause.objects.create(kind=Cause.Kind.USER, user=edit.asked_by, note=note)
        edit.first_change = edit.last_change = writing.last_change()
        edit.save()
        # Always: who is killed before it is done at once leaves it to a worker, and a job that finds it done is none.
        work.configure(lock=f"field-edit-{edit.record}").defer(edit_id=edit.pk)
    if edit.total <= AT_ONCE:
        execute(edit.pk)
        edit.refresh_from_db()
    return edit
