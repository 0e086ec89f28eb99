"""What holds of every run, whatever was read: its numbers add up, and its entries are the ones it counted."""

from __future__ import annotations

from collections import Counter

from abmatic.sync.models import Finding, Run
from abmatic.sync.pull.chunk import Counts


def assert_adds_up(counts: Counts, run: Run) -> None:
    """Every record counts once, and the reasons are the findings."""
    outcomes = {
        name: getattr(counts, name)
        for name in ("created", "linked", "duplicate", "updated", "deleted", "skipped", "unchanged")
    }
    assert min(outcomes.values()) >= 0, counts
    assert sum(outcomes.values()) == counts.read, counts
    assert +counts.reasons == Counter(Finding.objects.filter(run=run).values_list("reason", flat=True))
    assert min(counts.reasons.values(), default=0) >= 0
    skipping = sum(n for reason, n in counts.reasons.items() if reason in SKIPPING)
    assert skipping == counts.skipped, counts


# One entry a skipped record.
SKIPPING = {"deleted_in_salesforce", "create_is_off", "awaits_record", "row_unusable", "row_repeated"}
