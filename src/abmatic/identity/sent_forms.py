"""Forms that were sent and done, and where they led: kept a day, so that the same one isn't done twice."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from abmatic.identity.models import SentForm

KEPT = timedelta(days=1)


def claim(digest: str) -> str | None:
    """None: the caller does it, in this transaction. Else where it led the one who did it; waits for that one."""
    SentForm.objects.filter(sent_at__lt=timezone.now() - KEPT).delete()
    # Returns when the other's transaction is over, and writes nothing then where it was committed.
    SentForm.objects.bulk_create([SentForm(digest=digest)], ignore_conflicts=True)
    return SentForm.objects.get(digest=digest).led_to or None


def note(digest: str, address: str) -> None:
    """It is done, and leads there."""
    SentForm.objects.filter(digest=digest).update(led_to=address)
