"""Records that a person chose to push to Salesforce now: which, how, and what a push of them would do."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from abmatic.sync.models.connections import Connection, ObjectSetting


class SelectedPush(models.Model):
    """A push of chosen records: previewed by a worker, then carried out by a run of each object that they are.

    The records are looked up once, when it is previewed first (`SelectedRecord`): what is pushed is what was looked at.
    """

    class Record(models.TextChoices):
        ACCOUNT = "account", "Accounts"
        CONTACT = "contact", "Contacts"
        OPPORTUNITY = "opportunity", "Opportunities"

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting for a worker"
        RUNNING = "running", "Looking"
        READY = "ready", "Previewed"
        FAILED = "failed", "Can’t be previewed"
        CANCELLED = "cancelled", "Given up"
        STARTED = "started", "Started"

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="selected_pushes")
    record = models.TextField(choices=Record.choices)
    # `Selection.as_json()`, and how many records that was; None before they were looked up.
    selection = models.JSONField()
    size = models.BigIntegerField(null=True)
    # What people who are in Salesforce as neither become there; empty: what the Leads tab says.
    new_people = models.TextField(choices=ObjectSetting.NewPeople.choices, blank=True, default="")
    # Whether records that a push filter leaves out are pushed as well. A toggle that is off stays off.
    past_filter = models.BooleanField(default=False)
    # Local fields that count as changed here, though an undo left the two sides different (see `push.release`).
    insists = models.JSONField(default=list, db_default=[])
    state = models.TextField(choices=State.choices, default=State.QUEUED)
    # Raised when something else is chosen: a worker that looks at an older one stops.
    revision = models.IntegerField(default=1)
    # See `selected.looking`; None until it is previewed.
    found = models.JSONField(null=True)
    # Why there is no preview, and what helps.
    problem = models.TextField(blank=True, default="")
    # By object, once its run has compared: how many records were left as they are in Salesforce, by reason.
    results = models.JSONField(default=dict)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, db_index=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "selected_push"

    def __str__(self) -> str:
        return f"push {self.pk} of {self.get_record_display().lower()}"

    @property
    def is_looking(self) -> bool:
        """Whether its preview is still to come."""
        return self.state in {self.State.QUEUED, self.State.RUNNING}


class SelectedRecord(models.Model):
    """One record of a selected push. Removed a day later."""

    pk = models.CompositePrimaryKey("push_id", "local_id")
    push = models.ForeignKey(SelectedPush, on_delete=models.CASCADE, db_constraint=False, db_index=False)
    local_id = models.BigIntegerField()

    class Meta:
        db_table = "selected_record"

    def __str__(self) -> str:
        return f"record {self.local_id} of push {self.push_id}"
