"""Runs, and what each found worth saying about single records."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from abmatic.audiences.counted import counted
from abmatic.changes.models import Cause
from abmatic.sync.models.connections import Connection
from abmatic.sync.models.imports import CrmImport
from abmatic.sync.models.selections import SelectedPush


class Run(models.Model):
    """One execution for one object of one connection."""

    class Trigger(models.TextChoices):
        MANUAL = "manual", "Started by a person"
        FIRST_IMPORT = "first_import", "First import"
        SCHEDULE = "schedule", "Schedule"
        CLI = "cli", "Command line"
        API = "api", "API"
        AUTO_PUSH = "auto_push", "A change here"
        UNDO = "undo", "Undo"

    class Direction(models.TextChoices):
        PULL = "pull", "Salesforce to Abmatic"
        # What changed in Salesforce is always read first: no edit there may be written over unseen.
        BOTH = "both", "Both ways"

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    class Phase(models.TextChoices):
        WAITING = "waiting", "Waiting for a worker"
        # Queued without a job: see budget. Its checkpoint says where it goes on.
        PAUSED = "paused", "Waiting for API calls"
        ASKING = "asking", "Asking Salesforce"
        PREPARING = "preparing", "Salesforce prepares the records"
        READING = "reading", "Reading records"
        LINKING = "linking", "Linking records"
        COMPARING = "comparing", "Comparing with Salesforce"
        SENDING = "sending", "Writing to Salesforce"
        DONE = "done", "Done"

    class FullBecause(models.TextChoices):
        """Why a run reads every record."""

        ASKED = "asked", "somebody asked for it"
        # … and said that whatever Salesforce shows no longer is deleted, however much that is.
        ACCEPTED = "accepted", "somebody asked for it, and for what vanished to count as deleted"
        SCHEDULE = "schedule", "it was time to compare everything"
        SETTINGS = "settings", "what is read, or may be written here, was changed in the settings"
        RECYCLE_BIN = "recycle_bin", "the last sync is older than Salesforce's recycle bin reaches back (15 days)"

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="runs")
    sobject = models.TextField()
    # Runs started together (one "Sync everything") share a batch.
    batch = models.UUIDField(db_index=True)
    trigger = models.TextField(choices=Trigger.choices)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    direction = models.TextField(choices=Direction.choices, default=Direction.PULL)
    is_full = models.BooleanField(default=False)
    full_because = models.TextField(choices=FullBecause.choices, blank=True, default="")
    # The run that this one undoes.
    undoes = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="undone_by", db_index=False)
    # It reads the records of this import, instead of what has changed.
    imports = models.ForeignKey(CrmImport, null=True, on_delete=models.SET_NULL, related_name="runs")
    # Its push is limited to the records of this one.
    selected = models.ForeignKey(SelectedPush, null=True, on_delete=models.SET_NULL, related_name="runs")
    state = models.TextField(choices=State.choices, default=State.QUEUED)
    phase = models.TextField(choices=Phase.choices, default=Phase.WAITING)
    queued_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(auto_now=True)

    # How many records Salesforce says there are, and how many are committed here.
    expected = models.BigIntegerField(null=True)
    processed = models.BigIntegerField(default=0)
    # read = created + linked + duplicate + updated + deleted + skipped + unchanged, and the findings by reason.
    counts = models.JSONField(default=dict)
    # What was written to Salesforce: see push.counts.
    pushed = models.JSONField(default=dict)
    reader = models.TextField(blank=True, default="")
    api_calls = models.IntegerField(default=0)
    peak_memory = models.BigIntegerField(null=True)
    attempts = models.SmallIntegerField(default=0)
    # Where an interrupted run goes on: window, bulk job, pages applied (see pull.checkpoint).
    checkpoint = models.JSONField(default=dict)
    outcome = models.TextField(blank=True, default="")
    error_code = models.TextField(blank=True, default="")
    error_message = models.TextField(blank=True, default="")
    error_remedy = models.TextField(blank=True, default="")
    cause = models.ForeignKey(Cause, null=True, on_delete=models.SET_NULL)
    # When what it wrote and found, record by record, was removed (see retention). It can't be undone since.
    trimmed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "run"
        ordering: ClassVar[list[str]] = ["-id"]
        indexes = (
            models.Index(fields=["connection", "sobject", "-id"], name="run_by_object"),
            models.Index(fields=["connection", "state", "-id"], name="run_by_state"),
            models.Index(fields=["connection", "queued_at"], name="run_by_time"),
            # Those that left something for a person (see sql/activity.sql).
            models.Index(
                fields=["connection", "-id"],
                name="run_refused",
                condition=models.Q(pushed__refused__gt=0) | models.Q(pushed__held__gt=0),
            ),
            # Those whose details are still there, oldest first.
            models.Index(fields=["id"], name="run_untrimmed", condition=models.Q(trimmed_at__isnull=True)),
        )
        constraints = (
            # Never two runs of one object at a time.
            models.UniqueConstraint(
                "connection",
                "sobject",
                name="run_one_at_a_time",
                condition=models.Q(state__in=["queued", "running"]),
            ),
        )

    def __str__(self) -> str:
        return f"run {self.pk}: {self.sobject}"

    @property
    def is_over(self) -> bool:
        return self.state not in {self.State.QUEUED, self.State.RUNNING}

    @property
    def refused(self) -> int:
        """Records that it left for a person: refused by Salesforce, or held back by an issue that they have."""
        return int(self.pushed.get("refused", 0)) + int(self.pushed.get("held", 0))

    @property
    def is_amber(self) -> bool:
        """Whether it ended well and all the same left something for a person."""
        return self.state == self.State.SUCCEEDED and self.refused > 0

    @property
    def status(self) -> str:
        """Its state in words; one that ended well says if it didn't for all."""
        told = str(self.get_state_display())
        return f"{told} with {self.refused:,} refused" if self.is_amber else told


class FullRead(models.Model):
    """The Ids that a run which reads every record has met, a row for each chunk; removed when it ends."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    ids = ArrayField(models.TextField(db_collation="C"))

    class Meta:
        db_table = "full_read"

    def __str__(self) -> str:
        return f"run {self.run_id}: {counted(len(self.ids), 'record')}"


class Finding(models.Model):
    """One thing a run has to say about one record: a value it could not use, a record it skipped, a duplicate."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="findings", db_constraint=False, db_index=False)
    reason = models.TextField()  # see reasons.py
    sf_id = models.TextField(db_collation="C")
    local_id = models.BigIntegerField(null=True)
    field = models.TextField(null=True)
    # An excerpt of at most 200 characters; of a conflict both values, whose stays and why.
    value = models.TextField(null=True)

    class Meta:
        db_table = "finding"
        indexes = (
            models.Index(fields=["run", "reason", "id"], name="finding_by_reason"),
            # A record's history. Most findings are of reasons that say nothing of what happened to it.
            models.Index(
                fields=["local_id", "-id"], name="finding_of_record",
                condition=models.Q(reason__in=[
                    "changed_after_save", "conflict", "converted", "duplicate", "merged_in_salesforce",
                    "undo_changed_here", "undo_changed_there", "vanished_in_salesforce",
                ]),
            ),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"{self.reason}: {self.sf_id}"
