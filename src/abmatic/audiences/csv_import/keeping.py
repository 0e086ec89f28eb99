"""What is old goes: files and the rows that were rejected, some days after their import ended or nothing came of it.

What an import did stays in the list, with its counts; the records it made name it as their cause.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from abmatic.audiences.csv_import.models import FileImport, FilePart, RejectedRow

_State = FileImport.State
# Not started; a check that takes so long has lost its worker.
_WAITING = (_State.MAPPING, _State.CHECKED, _State.CHECKING)
# An upload that isn't whole by then never will be.
_LONGEST_UPLOAD = timedelta(days=1)


def remove_old(now: datetime | None = None) -> int:
    """Removes files that are old. Answers of how many imports."""
    now = now or timezone.now()
    FileImport.objects.filter(state=_State.UPLOADING, created_at__lt=now - _LONGEST_UPLOAD).delete()
    days = settings.ENVIRONMENT.keep_files_days
    before, time = now - timedelta(days=days), f"{days} day{'' if days == 1 else 's'}"
    # Nobody is at it any more. It can still be gone on with, for as long again.
    FileImport.objects.filter(state=_State.IMPORTING, started_at__lt=before).update(
        state=_State.FAILED,
        finished_at=now,
        problem=f"It didn't come to its end within {time}. What was written stays.",
    )
    waiting = Q(state__in=_WAITING, created_at__lt=before)
    old = FileImport.objects.filter(waiting | Q(state__in=FileImport.OVER, finished_at__lt=before), removed_at=None)
    return sum(_remove(pk, now, time) for pk in list(old.values_list("pk", flat=True)))


def _remove(pk: int, now: datetime, time: str) -> bool:
    """Removes one, unless somebody started it just now."""
    with transaction.atomic():
        FileImport.objects.filter(pk=pk, state__in=_WAITING).update(
            state=_State.CANCELLED,
            finished_at=now,
            problem=f"It wasn't imported within {time}, so the file was deleted.",
        )
        # Held from here on: it can't be gone on with.
        over = FileImport.objects.filter(pk=pk, state__in=FileImport.OVER, removed_at=None)
        if not over.update(removed_at=now, sample=[], found=None):
            return False
        FilePart.objects.filter(file=pk).delete()
        RejectedRow.objects.filter(file=pk).delete()
    return True
