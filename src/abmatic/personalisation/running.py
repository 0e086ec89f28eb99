"""The experiences of a site as deciding needs them, remembered for some seconds."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any

from pydantic import ValidationError

from abmatic.personalisation.changes import changes_of, selectors_of
from abmatic.personalisation.choosing import Audience
from abmatic.personalisation.models import Experience
from abmatic.personalisation.paths import known_as

# Seconds for which a process goes on with what it knows: for as long a change may take.
_FRESH = 5.0
_UTM = ("source", "medium", "campaign")


@dataclass(frozen=True, slots=True)
class Choice:
    """A variant. ``changes`` as the script reads them."""

    id: int
    weight: int
    changes: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Running:
    """An experience that is on, whenever it begins or ends. ``pages``: patterns, as `paths.fits` reads them."""

    id: int
    audience: Audience
    pages: tuple[str, ...]
    control_percent: int
    choices: tuple[Choice, ...]
    selectors: tuple[str, ...]

    def changes_of(self, variant: int) -> tuple[dict[str, Any], ...]:
        """What a variant changes."""
        return next(each.changes for each in self.choices if each.id == variant)

    def has(self, variant: int) -> bool:
        """Whether it is one of its variants."""
        return any(each.id == variant for each in self.choices)


_known: dict[int, tuple[float, tuple[Running, ...]]] = {}
_lock = Lock()


def of_site(site_id: int) -> tuple[Running, ...]:
    """The experiences of a site that are on, as they were some seconds ago at most."""
    now = time.monotonic()
    with _lock:
        known = _known.get(site_id)
    if known is not None and now - known[0] < _FRESH:
        return known[1]
    rows = Experience.objects.filter(site_id=site_id, is_on=True).prefetch_related("variants").order_by("pk")
    found = tuple(as_running(row) for row in rows)
    with _lock:
        _known[site_id] = (now, found)
    return found


def as_running(row: Experience) -> Running:
    """What deciding needs of a row. A variant whose changes the rules of now refuse changes nothing."""
    choices, selectors = [], []
    for variant in row.variants.all():
        try:
            changes = changes_of(variant.changes)
        except ValidationError:
            changes = []
        selectors += selectors_of(changes)
        told = tuple(each.model_dump(exclude_none=True) for each in changes)
        choices.append(Choice(variant.pk, variant.weight, told))
    return Running(
        id=row.pk,
        audience=Audience(
            collection=row.collection_id,
            known=row.known,
            visit=row.visit,
            utm=tuple((name, value) for name in _UTM if (value := getattr(row, f"utm_{name}"))),
            starts_at=row.starts_at,
            ends_at=row.ends_at,
        ),
        pages=tuple(known_as(each) for each in row.pages),
        control_percent=row.control_percent,
        choices=tuple(choices),
        selectors=tuple(dict.fromkeys(selectors)),
    )


def is_over(running: Running, now: datetime) -> bool:
    """Whether its time has gone by."""
    return running.audience.ends_at is not None and running.audience.ends_at <= now


def forget_known() -> None:
    """Makes the next request ask the database."""
    with _lock:
        _known.clear()
