"""What is written to Salesforce: what is due, what was sent and what became of it, and what needs a person.

A *write* is one record's change in Salesforce: it is planned, marked as sent before it is sent, and has an outcome. So
a run that is killed leaves no doubt about what may have happened and what did not.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from abmatic.sync.models.connections import Connection
from abmatic.sync.models.runs import Run


class Due(models.Model):
    """A local record that the next push of an object looks at. Being due says nothing of what there is to write."""

    pk = models.CompositePrimaryKey("connection_id", "sobject", "local_id")
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, db_constraint=False, db_index=False)
    sobject = models.TextField(db_collation="C")
    local_id = models.BigIntegerField()
    # Why it waits for another record (see push.waiting); NULL where it doesn't, empty where a sync sees to it.
    waits = models.TextField(null=True)

    class Meta:
        db_table = "push_due"

    def __str__(self) -> str:
        return f"{self.sobject} {self.local_id}"


class KeptApart(models.Model):
    """A local record that a person took a link from: no push creates it in Salesforce until a person says so."""

    pk = models.CompositePrimaryKey("connection_id", "sobject", "local_id")
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, db_constraint=False, db_index=False)
    sobject = models.TextField(db_collation="C")
    local_id = models.BigIntegerField()

    class Meta:
        db_table = "kept_apart"

    def __str__(self) -> str:
        return f"{self.sobject} {self.local_id}"


class Batch(models.Model):
    """Writes that were sent together: one collections call, or one bulk job."""

    class State(models.TextChoices):
        SENT = "sent", "Sent, outcome to come"
        UNKNOWN = "unknown", "Outcome unknown"
        DONE = "done", "Done"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="batches")
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, db_index=False)
    sobject = models.TextField(db_collation="C")
    operation = models.TextField()
    # The bulk job; empty for a collections call.
    job_id = models.TextField(blank=True, default="")
    state = models.TextField(choices=State.choices, default=State.SENT)
    # By Salesforce's clock, at the beginning of the run: nothing of this batch is older.
    since = models.DateTimeField()
    sent_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "write_batch"
        indexes = (
            # What a later run has to find out about first.
            models.Index(fields=["connection", "sobject"], name="write_batch_open", condition=~models.Q(state="done")),
        )

    def __str__(self) -> str:
        return f"batch {self.pk}: {self.operation} {self.sobject}"


class Write(models.Model):
    """One record's write: the fields that are sent, by their Salesforce names, and what they were before."""

    class Operation(models.TextChoices):
        CREATE = "create", "Create"
        UPDATE = "update", "Update"
        # Only by an undo that was asked for it (see undo_created).
        DELETE = "delete", "Delete"

    class State(models.TextChoices):
        PLANNED = "planned", "Planned"
        SENT = "sent", "Sent"
        WRITTEN = "written", "Written"
        REFUSED = "refused", "Refused"
        # Salesforce never carried it out, and nothing was wrong with it: it is due again.
        RETURNED = "returned", "Not written"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="writes", db_constraint=False, db_index=False)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, db_constraint=False, db_index=False)
    sobject = models.TextField(db_collation="C")
    local_id = models.BigIntegerField()
    sf_id = models.TextField(null=True, db_collation="C")
    operation = models.TextField(choices=Operation.choices)
    # Canonical JSON values; null is empty.
    before = models.JSONField(default=dict)
    sent = models.JSONField(default=dict)
    # What was here, of fields that Salesforce stores otherwise (rounded, trimmed, spelled its way).
    ours = models.JSONField(null=True)
    # Records under one parent lock it while they are written, so they are sent one after another.
    parent_sf_id = models.TextField(null=True, db_collation="C")
    batch = models.ForeignKey(Batch, null=True, on_delete=models.SET_NULL, db_constraint=False, db_index=False)
    state = models.TextField(choices=State.choices, default=State.PLANNED)
    code = models.TextField(null=True)
    message = models.TextField(null=True)
    fields = ArrayField(models.TextField(), null=True)
    at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "salesforce_write"
        indexes = (
            models.Index(fields=["run", "id"], name="salesforce_write_run"),
            # A record's history.
            models.Index(fields=["sobject", "local_id", "id"], name="salesforce_write_record"),
            models.Index(fields=["batch"], name="salesforce_write_batch", condition=models.Q(state="sent")),
        )
        constraints = (
            # Never two writes of one record under way: a creation that is planned twice would be made twice.
            models.UniqueConstraint(
                fields=["connection", "sobject", "local_id"],
                name="salesforce_write_once",
                condition=models.Q(state__in=["planned", "sent"]),
            ),
        )

    def __str__(self) -> str:
        return f"{self.operation} {self.sobject} {self.sf_id or self.local_id}"


class Issue(models.Model):
    """A record, or one field of it, that can't be written until a person or another value mends it.

    While it is open the same values are not sent again under the same settings, unless a person says so. It closes by
    itself when the record is written, or has nothing to write any more.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="issues", db_index=False)
    sobject = models.TextField(db_collation="C")
    local_id = models.BigIntegerField()
    sf_id = models.TextField(null=True, db_collation="C")
    # The Salesforce field that is left out; empty where the whole record is refused.
    field = models.TextField(blank=True, default="")
    code = models.TextField()
    message = models.TextField(blank=True, default="")
    fields = ArrayField(models.TextField(), default=list)
    # What was refused, and under which settings.
    sent = models.JSONField(default=dict)
    settings = models.TextField(blank=True, default="")
    run = models.ForeignKey(Run, null=True, on_delete=models.SET_NULL, db_constraint=False, db_index=False)
    is_open = models.BooleanField(default=True)
    # When a person said that it is to be tried once more; None again when that has an answer.
    retry_at = models.DateTimeField(null=True)
    first_at = models.DateTimeField(auto_now_add=True)
    last_at = models.DateTimeField(auto_now=True)
    times = models.IntegerField(default=1)

    class Meta:
        db_table = "issue"
        constraints = (
            models.UniqueConstraint(
                fields=["connection", "sobject", "local_id", "field"],
                name="issue_open_once",
                condition=models.Q(is_open=True),
            ),
        )
        indexes = (
            models.Index(fields=["connection", "code", "-id"], name="issue_by_code", condition=models.Q(is_open=True)),
            # A record's history, and what is open of it.
            models.Index(fields=["sobject", "local_id", "-id"], name="issue_of_record"),
            # The newest of all; the others are history.
            models.Index(fields=["-id"], name="issue_open", condition=models.Q(is_open=True)),
            # What the next push looks at again.
            models.Index(
                fields=["connection", "sobject"], name="issue_retried",
                condition=models.Q(is_open=True, retry_at__isnull=False),
            ),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"{self.code}: {self.sobject} {self.local_id}"
