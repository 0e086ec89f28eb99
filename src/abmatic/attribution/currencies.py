"""Amounts of several currencies in one: converted where a rate is known, left out and named where none is.

Never are two currencies added up. What a period's deals with touches (and those without) had in one currency is
converted and rounded once; the rows that it is made of are rounded together (`dividing`), so that they add up to it to
the cent.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Generic, TypeVar

from django.db.models import Count

from abmatic.attribution.dividing import rounded_together
from abmatic.attribution.models import AttributionSetting
from abmatic.audiences.models import Opportunity

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Converted(Generic[K]):
    """Sums in one currency, and the currencies that are left out of them."""

    currency: str
    sums: dict[K, Decimal] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rates:
    """The currency of reports, and what one unit of it is in others."""

    currency: str
    others: Mapping[str, Decimal] = field(default_factory=dict)


def rates_of(settings: AttributionSetting) -> Rates:
    """As they are set. Where no currency is, the one that most deals have, and no rate for any other."""
    if settings.currency:
        return Rates(settings.currency, {name: Decimal(str(rate)) for name, rate in settings.rates.items()})
    counted = Opportunity.objects.exclude(currency=None).values("currency").annotate(deals=Count("id"))
    usual = counted.order_by("-deals", "currency").first()
    return Rates(str(usual["currency"]) if usual else "")


def converted(
    sums: Iterable[tuple[K, str | None, Decimal]], rates: Rates, together: Callable[[K], Hashable] = lambda key: key
) -> Converted[K]:
    """Sums by a key, each of one currency, in the currency of reports.

    An amount without a currency is of an org that has one only, which is that of reports. ``together`` tells of a key
    which sums are rounded as one, currency by currency: whatever they are parted into comes to the same, to the cent.
    By default each is rounded by itself.
    """
    into = rates.currency
    found: dict[K, Decimal] = {}
    left_out = set()
    grouped: dict[tuple[str, Hashable], list[tuple[K, Decimal]]] = {}
    for key, currency, amount in sums:
        grouped.setdefault((currency or into, together(key)), []).append((key, amount))
    for (currency, _), parts in grouped.items():
        rate = Decimal(1) if currency == into else rates.others.get(currency)
        if rate is None:
            left_out.add(currency)
            continue
        for key, amount in _at(rate, parts):
            found[key] = found.get(key, Decimal(0)) + amount
    return Converted(into, found, tuple(sorted(left_out)))


def _at(rate: Decimal, parts: list[tuple[K, Decimal]]) -> list[tuple[K, Decimal]]:
    if rate == 1:
        return parts
    cents = rounded_together([100 * Fraction(amount) / Fraction(rate) for _, amount in parts])
    return [(key, Decimal(each) / 100) for (key, _), each in zip(parts, cents, strict=True)]
