"""Previews that a worker makes, because they take longer than a page waits."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from abmatic.sync.models.connections import Connection
from abmatic.sync.models.runs import Run


class PreviewJob(models.Model):
    """A preview of one object, asked for by a person, and what it said. Kept for a day."""

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="previews", db_index=False)
    sobject = models.TextField(db_collation="C")
    direction = models.TextField(choices=Run.Direction.choices, default=Run.Direction.BOTH)
    is_full = models.BooleanField(default=False)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, db_index=False)
    state = models.TextField(choices=State.choices, default=State.QUEUED)
    # Of how many records so many were looked at; None before Salesforce has said how many there are.
    records = models.BigIntegerField(null=True)
    looked_at = models.BigIntegerField(default=0)
    # `Preview.as_json()`, once it is done.
    found = models.JSONField(null=True)
    # Why there is none, and what helps.
    problem = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "preview_job"
        indexes = (models.Index(fields=["connection", "sobject", "-id"], name="preview_job_latest"),)

    def __str__(self) -> str:
        return f"preview {self.pk}: {self.sobject}"

    @property
    def is_over(self) -> bool:
        return self.state in {self.State.DONE, self.State.FAILED, self.State.CANCELLED}
