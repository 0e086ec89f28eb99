"""What is old goes: files and the rows that were rejected, some days after their import ended or nothing came of it.

What an import did stays in the list, with its counts; the records it made name it as their cause.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from abmatic.audiences.csv_import.models import FileImport, FilePart, RejectedRow

_State = FileImport.State
# An upload that isn't whole by then never will be.
_LONGEST_UPLOAD = timedelta(days=1)


def remove_old(now: datetime | None = None) -> int:
    """Removes files that are old. Answers of how many imports."""
    now = now or timezone.now()
    FileImport.objects.filter(state=_State.UPLOADING, created_at__lt=now - _LONGEST_UPLOAD).delete()
    before = now - timedelta(days=settings.ENVIRONMENT.keep_files_days)
    left = Q(state__in=[_State.MAPPING, _State.CHECKED], created_at__lt=before)
    old = FileImport.objects.filter(left | Q(state__in=FileImport.OVER, finished_at__lt=before), removed_at=None)
    ids = list(old.values_list("pk", flat=True))
    for pk in ids:
        # Given up first: somebody may be about to start it.
        FileImport.objects.filter(pk=pk, state__in=[_State.MAPPING, _State.CHECKED]).update(
            state=_State.CANCELLED, finished_at=now, problem="Nothing came of it in time, so the file was removed."
        )
        if not FileImport.objects.filter(pk=pk, state__in=FileImport.OVER).exists():
            continue
        FilePart.objects.filter(file=pk).delete()
        RejectedRow.objects.filter(file=pk).delete()
        FileImport.objects.filter(pk=pk).update(removed_at=now, sample=[])
    return len(ids)
