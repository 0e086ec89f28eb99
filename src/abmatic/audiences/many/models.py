"""An edit of many records, as it is asked for and as far as it has come."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class FieldEdit(models.Model):
    """One field of many records is given one value; or, with ``puts_back``, gets back what another such edit took."""

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"
        FAILED = "failed", "Failed"

    record = models.TextField()
    field = models.TextField()
    # As `inputs.judged` gives it; NULL empties the field.
    value = models.TextField(null=True)
    # See `selection.Selection.as_json`. Empty once it is over.
    selection = models.JSONField(default=dict)
    puts_back = models.ForeignKey("self", null=True, on_delete=models.CASCADE, related_name="put_back_by")
    state = models.TextField(choices=State.choices, default=State.QUEUED)
    # Records when it was asked for; looked at; changed. ``position``: the record, or the change, that was last.
    total = models.BigIntegerField(default=0)
    looked_at = models.BigIntegerField(default=0)
    changed = models.BigIntegerField(default=0)
    position = models.BigIntegerField(default=0)
    # Between which numbers of the log its changes lie.
    first_change = models.BigIntegerField(default=0)
    last_change = models.BigIntegerField(default=0)
    cause = models.ForeignKey(
        "changes.Cause", null=True, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False
    )
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    problem = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "field_edit"

    def __str__(self) -> str:
        return f"{self.field} of {self.total} {self.record} records"

    @property
    def is_over(self) -> bool:
        return self.state not in UNFINISHED


UNFINISHED = (FieldEdit.State.QUEUED, FieldEdit.State.RUNNING)
