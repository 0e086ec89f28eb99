"""What campaigns cost: the whole of it, with the days that it was for, whatever range a report is of."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Q

from abmatic.attribution.currencies import Rates, converted
from abmatic.campaigns.models import Campaign


@dataclass(frozen=True, slots=True)
class Cost:
    """A campaign's actual cost in the currency of reports, and when it ran, as far as is known."""

    amount: Decimal
    began: date | None = None
    ended: date | None = None


def costs_of(since: date, until: date, keys: Collection[str | None], rates: Rates) -> dict[str | None, Cost]:
    """By key, of the campaigns of ``keys``, and of all others that cost something and ran in the range."""
    named = [int(key) for key in keys if key and key.isdigit()]
    # One without an end is under way for as long as it is active.
    ended_later = Q(end_date__gte=since) | Q(end_date=None, is_active=True) | Q(end_date=None, start_date__gte=since)
    ran = Q(start_date__lte=until) & ended_later
    costs: dict[str | None, Cost] = {}
    for one in Campaign.objects.filter(Q(pk__in=named) | ran, actual_cost__gt=0):
        for key, amount in converted([(str(one.pk), one.currency, one.actual_cost or Decimal(0))], rates).sums.items():
            costs[key] = Cost(amount, one.start_date, one.end_date)
    return costs
