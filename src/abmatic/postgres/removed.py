"""Rows that many others hang on are removed in two steps, so that nobody waits for the others.

Whoever removes one only marks it: ``removed_at`` is set, and from then on it is there for nobody. A job deletes what
hangs on it, so many rows in a transaction, and the row itself last: a job that is killed is taken up by the next.
"""

from __future__ import annotations

from typing import TypeVar

from django.db import models

# Rows that are deleted in one transaction.
BATCH = 5_000

_Row = TypeVar("_Row", bound=models.Model)


class NotRemoved(models.Manager[_Row]):
    """The rows that are not marked."""

    def get_queryset(self) -> models.QuerySet[_Row]:
        """All of them."""
        return super().get_queryset().filter(removed_at=None)
