"""The work of an edit of many records, part by part, as a request or a worker does it."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from abmatic.audiences.fields import field
from abmatic.audiences.many import writing
from abmatic.audiences.many.models import FieldEdit
from abmatic.audiences.many.writing import Part
from abmatic.audiences.refusals import ConditionRefused
from abmatic.audiences.selection import Selection

# Records that are committed together.
PART = 5_000


def execute(edit_id: int) -> None:
    """Does it part by part, from where it stopped. Raises OperationalError when the database is lost."""
    while _next_part(edit_id):
        pass


def _next_part(edit_id: int) -> bool:
    """One part, committed with the place where the next begins. False when it is over."""
    with transaction.atomic():
        edit = FieldEdit.objects.select_for_update(of=["self"]).select_related("puts_back").filter(pk=edit_id).first()
        if edit is None or edit.is_over:
            return False
        try:
            part = _part(edit)
        except (ConditionRefused, KeyError) as gone:
            # A field or a collection that it asks for was taken away meanwhile.
            edit.problem = str(gone.args[0] if gone.args else gone)
            finish(edit, FieldEdit.State.FAILED)
            return False
        edit.looked_at += part.looked_at
        edit.changed += part.changed
        if part.changed:
            edit.last_change = writing.last_change()
        if not part.last:
            finish(edit, FieldEdit.State.DONE)
            return False
        edit.position, edit.state = part.last, FieldEdit.State.RUNNING
        edit.save()
    return True


def _part(edit: FieldEdit) -> Part:
    target = field(edit.record, edit.field)
    assert edit.cause_id is not None
    if edit.puts_back is not None:
        taken = edit.puts_back
        assert taken.cause_id is not None
        return writing.put_back_part(
            edit.record, target, taken.cause_id, edit.position, taken.last_change, PART, edit.cause_id
        )
    selection = Selection.from_json(edit.selection)
    return writing.set_part(selection, target, edit.value, edit.position, PART, edit.cause_id)


def finish(edit: FieldEdit, state: FieldEdit.State) -> None:
    """It is over. What was selected is not needed any more."""
    edit.state, edit.finished_at, edit.selection = state, timezone.now(), {}
    edit.save()
