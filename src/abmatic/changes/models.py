"""Causes and changes.

A *cause* is one act: a run, a person saving a form, an API call, an import. A *change* is one field of one record
going from a value to a value. A record's creation is not a row here: the record names its cause itself
(``created_by``), which keeps the first import of a million records from writing seven million rows that say nothing.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models

from abmatic.identity.models import ApiKey


class Cause(models.Model):
    """One act that changed records."""

    class Kind(models.TextChoices):
        RUN = "run", "Synchronisation"
        USER = "user", "Person"
        API = "api", "API key"
        FORM = "form", "Form"
        IMPORT = "import", "Import"
        RULE = "rule", "Rule"
        WEB = "web", "Website"

    kind = models.TextField(choices=Kind.choices)
    # The run's id where kind is "run"; no foreign key, because sync is a room above this one.
    run_id = models.BigIntegerField(null=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    # Of an act through the API; its name is also in the note.
    api_key = models.ForeignKey(ApiKey, null=True, on_delete=models.SET_NULL, db_index=False)
    at = models.DateTimeField(auto_now_add=True)
    note = models.TextField(blank=True, default="")

    class Meta:
        db_table = "cause"
        indexes = (models.Index(fields=["run_id"], name="cause_run", condition=models.Q(run_id__isnull=False)),)

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.run_id or self.user_id or ''}".strip()


class Change(models.Model):
    """One field of one local record going from ``before`` to ``after`` (JSON values; None is empty).

    An empty ``field`` says that the record was created, by anything but a run. The database adds ``tx``, the
    transaction that wrote the row: who follows the log asks for those of transactions that are over, and misses none
    that commits later under a lower id.
    """

    class Record(models.TextChoices):
        ACCOUNT = "account", "Account"
        CONTACT = "contact", "Contact"
        OPPORTUNITY = "opportunity", "Opportunity"
        CAMPAIGN = "campaign", "Campaign"
        CAMPAIGN_MEMBER = "campaign_member", "Campaign member"

    record = models.TextField(choices=Record.choices)
    record_id = models.BigIntegerField()
    field = models.TextField()
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    # Written by the million: indexed through (record, record_id, id), and no constraint is checked per row.
    cause = models.ForeignKey(Cause, on_delete=models.DO_NOTHING, db_constraint=False)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "change"
        indexes = (
            models.Index(fields=["record", "record_id", "id"], name="change_record"),
            # Rows come in the order of time, so this is a few kilobytes: for what is asked since a moment, or is old.
            BrinIndex(fields=["at"], name="change_at"),
        )

    def __str__(self) -> str:
        return f"{self.record} {self.record_id} {self.field}"
