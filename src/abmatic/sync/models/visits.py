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
        LEFT_OUT = "left_out", "Left out, more than the day's limit"

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, db_index=False)
    session_id = models.BigIntegerField()
    # The visit's first event when it was planned: with the installation's mark, what the task is known by in the org.
    event = models.UUIDField(null=True)
    # Of the visit's beginning (UTC).
    day = models.DateField(null=True)
    # The contact or lead that it is for, by its Salesforce Id.
    who = models.TextField(db_collation="C")
    state = models.TextField(choices=State.choices, default=State.PLANNED)
    sent_at = models.DateTimeField(null=True)
    # When it was last looked up in the org before it was sent, because the database had been restored.
    looked_up_at = models.DateTimeField(null=True)
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
            models.Index(fields=["connection", "day", "state"], name="visit_task_of_day"),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"Website visit {self.session_id}"


class Installation(models.Model):
    """One row: what tells this installation from others of one org, and a restored database from what it was.

    A copy of the database is the same installation.
    """

    THE_ONE = 1

    id = models.SmallIntegerField(primary_key=True, default=THE_ONE)
    # Random, made once.
    mark = models.TextField()
    # Which server the database was last seen on, and when first on that one.
    server = models.TextField(blank=True, default="")
    restored_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "installation"
        constraints = (models.CheckConstraint(condition=models.Q(id=1), name="installation_is_one"),)

    def __str__(self) -> str:
        return self.mark
