"""Imports from the CRM that somebody asked for: the records of a list view, a report or a query."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from abmatic.audiences.models import Collection
from abmatic.sync.models.connections import Connection


class CrmImport(models.Model):
    """An import of chosen records: found and previewed by a worker, then read by a run, into a collection."""

    class Kind(models.TextChoices):
        LIST_VIEW = "list_view", "List view"
        REPORT = "report", "Report"
        SOQL = "soql", "SOQL"

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting for a worker"
        RUNNING = "running", "Looking"
        READY = "ready", "Previewed"
        FAILED = "failed", "Can’t be imported"
        CANCELLED = "cancelled", "Given up"
        STARTED = "started", "Started"

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="imports")
    sobject = models.TextField(db_collation="C")
    kind = models.TextField(choices=Kind.choices)
    # The list view's or report's Id, or the query; and what it is called.
    source = models.TextField()
    name = models.TextField()
    state = models.TextField(choices=State.choices, default=State.QUEUED)
    # How many records it found; None before it has looked.
    size = models.BigIntegerField(null=True)
    # See `importing.looking`; None until it is previewed.
    found = models.JSONField(null=True)
    # Why it can't be imported, and what helps.
    problem = models.TextField(blank=True, default="")
    # Where its records are put.
    collection = models.ForeignKey(Collection, null=True, on_delete=models.SET_NULL, related_name="+")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, db_index=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "crm_import"

    def __str__(self) -> str:
        return f"import {self.pk} of {self.name}"

    @property
    def is_looking(self) -> bool:
        """Whether its preview is still to come."""
        return self.state in {self.State.QUEUED, self.State.RUNNING}


class CrmImportRecord(models.Model):
    """One record of an import. Removed a day later."""

    pk = models.CompositePrimaryKey("wanted_id", "sf_id")
    wanted = models.ForeignKey(CrmImport, on_delete=models.CASCADE, db_constraint=False, db_index=False)
    sf_id = models.TextField(db_collation="C")

    class Meta:
        db_table = "crm_import_record"

    def __str__(self) -> str:
        return f"record {self.sf_id} of import {self.wanted_id}"
