"""How far people are on the guided tour of the demo (see `abmatic.sync.tour`). Elsewhere the table stays empty."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from abmatic.sync.models.connections import Connection


class Tour(models.Model):
    """One person's tour: which account it is about, the step they are at, and what was seen of those behind them."""

    class Step(models.TextChoices):
        ARRIVAL = "arrival", "A change arrives"
        EDIT = "edit", "Edit here, see it there"
        CONFLICT = "conflict", "Changed on both sides"
        REFUSAL = "refusal", "Salesforce says no"
        UNDO = "undo", "Undo"
        OVER = "over", "That was the tour"

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+")
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+", db_index=False)
    # The local record.
    account_id = models.BigIntegerField()
    step = models.TextField(choices=Step.choices, default=Step.ARRIVAL)
    # The newest change, run and write when the step began: only what came after them counts.
    marks = models.JSONField(default=dict)
    # By step: what was seen, as `tour.proofs.Proof` has it. Kept, because what it tells of is trimmed one day.
    proofs = models.JSONField(default=dict)
    is_hidden = models.BooleanField(default=False)
    started_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "tour"

    def __str__(self) -> str:
        return f"{self.user_id}: {self.step}"
