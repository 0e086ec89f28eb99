"""Visits that are written to Salesforce as completed tasks."""

from __future__ import annotations

from django.db import models

from abmatic.sync.models.connections import Connection


class VisitTask(models.Model):
    """One visit's task in one org. Written down before it is sent, so that none is ever sent twice."""

    class State(models.TextChoices):
        PLANNED = "planned", "To be written"
        SENT = "sent", "Sent, without an answer yet"
        WRITTEN = "written", "Written"
        REFUSED = "refused", "Refused"

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, db_index=False)
    session_id = models.BigIntegerField()
    # The contact or lead that it is for, by its Salesforce Id.
    who = models.TextField(db_collation="C")
    state = models.TextField(choices=State.choices, default=State.PLANNED)
    sent_at = models.DateTimeField(null=True)
    sf_id = models.TextField(null=True, db_collation="C")
    # Salesforce's code and message where it was refused.
    problem = models.TextField(blank=True, default="")

    class Meta:
        db_table = "visit_task"
        constraints = (models.UniqueConstraint(fields=["connection", "session_id"], name="visit_task_once"),)
        indexes = (
            models.Index(
                fields=["connection", "state", "id"], name="visit_task_open",
                condition=models.Q(state__in=["planned", "sent"]),
            ),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"Website visit {self.session_id}"
