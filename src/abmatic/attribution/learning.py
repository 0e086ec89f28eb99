"""What models that learn were asked before is looked up: drawing deals again takes seconds, and asking goes on.

An answer is kept by a digest of all that it follows from, the walks of the deals first. So it holds exactly as long as
these stay the same, whatever is refreshed or set meanwhile.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import timedelta

from django.utils import timezone

from abmatic.attribution import data_driven
from abmatic.attribution.data_driven import Estimate, Walk
from abmatic.attribution.models import AttributionEstimate

# What nobody can ask for any more, because the deals are others, goes after so long.
KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Learned:
    """Shares by channel, and how many times the deals were drawn for their intervals."""

    shares: dict[str, Estimate]
    resamples: int


def learned(method: str, walks: Sequence[Walk], least_won: int) -> Learned:
    """The shares, made where they aren't kept. Raises `data_driven.TooFewWon`."""
    data_driven.require_enough_won(walks, least_won)
    resamples = data_driven.resamples_of(walks)
    key = _digest(method, walks, resamples)
    kept = AttributionEstimate.objects.filter(pk=key).first()
    if kept is not None:
        return Learned({channel: Estimate(*numbers) for channel, numbers in kept.shares}, resamples)
    shares = data_driven.estimate(method, walks, least_won=least_won, resamples=resamples)
    AttributionEstimate.objects.filter(made_at__lt=timezone.now() - KEPT).delete()
    made = AttributionEstimate(pk=key, shares=[[channel, astuple(each)] for channel, each in shares.items()])
    # Somebody else may have asked the same at the same time, and has the same answer.
    AttributionEstimate.objects.bulk_create([made], ignore_conflicts=True)
    return Learned(shares, resamples)


def _digest(method: str, walks: Sequence[Walk], resamples: int) -> str:
    asked = [data_driven.VERSION, data_driven.SEED, method, resamples, sorted(astuple(walk) for walk in walks)]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()
