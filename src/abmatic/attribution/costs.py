"""What campaigns cost: the whole of it, with the days that it was for, whatever range a report is of."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Exists, OuterRef, Q

from abmatic.attribution.currencies import Rates, converted
from abmatic.attribution.models import Touch
from abmatic.campaigns.models import Campaign


@dataclass(frozen=True, slots=True)
class Cost:
    """A campaign's actual cost in the currency of reports, and when it ran, as far as is known."""

    amount: Decimal
    began: date | None = None
    ended: date | None = None
    # Whether anybody had a touch of it, ever.
    is_touched: bool = True


@dataclass(frozen=True, slots=True)
class Costs:
    """By campaign's key; and the currencies in which campaigns cost something that no rate is known for."""

    by_key: dict[str | None, Cost]
    left_out: tuple[str, ...] = ()


def costs_of(since: date, until: date, keys: Collection[str | None], rates: Rates) -> Costs:
    """Of the campaigns of ``keys``, and of all others that cost something, unless their dates say that they didn't run.

    A campaign without any dates may have run in every range.
    """
    named = [int(key) for key in keys if key and key.isdigit()]
    # One without an end is under way for as long as it is active.
    ended_later = Q(end_date__gte=since) | Q(end_date=None, is_active=True) | Q(end_date=None, start_date__gte=since)
    ran = Q(start_date__lte=until) & ended_later | Q(start_date=None, end_date__gte=since)
    undated = Q(start_date=None, end_date=None)
    touched = Exists(Touch.objects.filter(campaign_id=OuterRef("pk")))
    costs: dict[str | None, Cost] = {}
    left_out: set[str] = set()
    found = Campaign.objects.filter(Q(pk__in=named) | ran | undated, actual_cost__gt=0).annotate(is_touched=touched)
    for one in found:
        told = converted([(str(one.pk), one.currency, one.actual_cost or Decimal(0))], rates)
        left_out.update(told.left_out)
        for key, amount in told.sums.items():
            costs[key] = Cost(amount, one.start_date, one.end_date, one.is_touched)
    return Costs(costs, tuple(sorted(left_out)))
