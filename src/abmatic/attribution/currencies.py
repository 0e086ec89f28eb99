"""Amounts of several currencies in one: converted where a rate is known, left out and named where none is.

Never are two currencies added up. Totals are converted and rounded once; what they are made of is divided in proportion
(`dividing`), so that it adds up to them to the cent.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Generic, TypeVar

from django.db.models import Count

from abmatic.attribution.dividing import divide
from abmatic.attribution.models import AttributionSetting
from abmatic.audiences.models import Opportunity

K = TypeVar("K", bound=Hashable)

_CENT = Decimal("0.01")
# Amounts are kept to the sixth decimal.
_MILLIONTHS = 10**6


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


def converted(sums: Iterable[tuple[K, str | None, Decimal]], rates: Rates) -> Converted[K]:
    """Sums by a key, each of one currency, in the currency of reports.

    An amount without a currency is of an org that has one only, which is that of reports.
    """
    into = rates.currency
    found: dict[K, Decimal] = {}
    left_out = set()
    by_currency: dict[str, list[tuple[K, Decimal]]] = {}
    for key, currency, amount in sums:
        by_currency.setdefault(currency or into, []).append((key, amount))
    for currency, parts in sorted(by_currency.items()):
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
    if any(amount < 0 for _, amount in parts) or not any(amount for _, amount in parts):
        return [(key, (amount / rate).quantize(_CENT, ROUND_HALF_EVEN)) for key, amount in parts]
    whole = sum(amount for _, amount in parts) / rate
    cents = int((whole * 100).to_integral_value(ROUND_HALF_EVEN))
    divided = divide(cents, [int(amount * _MILLIONTHS) for _, amount in parts])
    return [(key, Decimal(each) / 100) for (key, _), each in zip(parts, divided, strict=True)]
