"""What came of an experience: people, impressions and clicks of each variant, against the control group.

Counted are people: the browsers of somebody who is known are one. Whoever was given two versions, in two browsers
before they were known, counts for the first. Only those who saw the page's part (the control group: its original) are
compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import connection

from abmatic.personalisation.intervals import Share, difference
from abmatic.personalisation.models import Experience
from abmatic.postgres.sql import block

# Of all comparisons of an experience together: with several variants each interval is wider (Bonferroni).
CONFIDENCE = 0.95
# People who saw it, in each of the two groups, below whom nothing is said about better and worse.
LEAST = 200


@dataclass(frozen=True, slots=True)
class Group:
    """One variant's people, or the control group's. ``clicked``: people who clicked, of those who saw it."""

    variant: int | None
    name: str
    assigned: int = 0
    seen: int = 0
    impressions: int = 0
    clicks: int = 0
    clicked: int = 0

    @property
    def share(self) -> Share | None:
        """Of those who saw it, who clicked; None where nobody saw it."""
        return Share(self.clicked, self.seen) if self.seen else None


@dataclass(frozen=True, slots=True)
class Compared:
    """A variant held against the control group. ``low`` and ``high``: of the difference of the shares."""

    group: Group
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    # better, worse, open (the interval holds zero), few, or none (nobody to compare with).
    verdict: str = "none"


@dataclass(frozen=True, slots=True)
class Results:
    """Of one experience. ``confidence``: of each single interval."""

    control: Group
    variants: list[Compared]
    confidence: float

    @property
    def assigned(self) -> int:
        """People in all groups."""
        return sum(each.assigned for each in self._groups)

    @property
    def seen(self) -> int:
        """Of them, who saw it."""
        return sum(each.seen for each in self._groups)

    @property
    def clicked(self) -> int:
        """Of those, who clicked."""
        return sum(each.clicked for each in self._groups)

    @property
    def _groups(self) -> list[Group]:
        return [self.control, *(each.group for each in self.variants)]


def results_of(experience: Experience) -> Results:
    """The results as of now."""
    (found,) = results_of_several([experience])
    return found


def results_of_several(experiences: Sequence[Experience]) -> list[Results]:
    """Those of each, in one statement for all (and what reads their variants, where these weren't read with them)."""
    counts: dict[int, dict[int | None, list[int]]] = {each.pk: {} for each in experiences}
    with connection.cursor() as cursor:
        cursor.execute(block("abmatic.personalisation", "sql/results.sql", "results"), {"experiences": list(counts)})
        for experience, variant, *numbers in cursor.fetchall():
            counts[experience][variant] = numbers
    return [_results(each, counts[each.pk]) for each in experiences]


def _results(experience: Experience, counts: Mapping[int | None, Sequence[int]]) -> Results:
    control = Group(None, "Control", *counts.get(None, ()))
    variants = list(experience.variants.all())
    confidence = 1 - (1 - CONFIDENCE) / max(len(variants), 1)
    compared = [compare(Group(each.pk, each.name, *counts.get(each.pk, ())), control, confidence) for each in variants]
    return Results(control, compared, confidence)


def compare(group: Group, control: Group, confidence: float) -> Compared:
    """Holds a variant against the control group."""
    one, other = group.share, control.share
    if one is None or other is None:
        return Compared(group)
    low, high = difference(one, other, confidence)
    if min(one.number, other.number) < LEAST:
        verdict = "few"
    else:
        verdict = "better" if low > 0 else "worse" if high < 0 else "open"
    return Compared(group, one.value - other.value, low, high, verdict)
