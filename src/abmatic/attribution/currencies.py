"""Amounts of several currencies in one: converted where a rate is known, left out and named where none is.

Rates are those that the org keeps (`org_rates`), or, in an org of one currency, that somebody typed; a typed one stands
in for the org's. An amount without a currency is in the corporate one.

Never are two currencies added up. What a period's deals with touches (and those without) had in one currency is
converted and rounded once; the rows that it is made of are rounded together (`dividing`), so that they add up to it to
the cent.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Generic, NamedTuple, TypeVar

from django.db.models import Count

from abmatic.attribution import org_rates
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


class Dated(NamedTuple):
    """A currency, and what one unit of the reports' currency was in it on the day."""

    code: str
    rate: Decimal


Currency = str | Dated | None


@dataclass(frozen=True, slots=True)
class Rates:
    """The currency of reports, and what one unit of it is in others.

    ``corporate``: of the org, where it has several; ``typed``: whose rates somebody typed; ``dated``: whose rates of
    days there are (`CurrencyRate.source`).
    """

    currency: str
    others: Mapping[str, Decimal] = field(default_factory=dict)
    corporate: str = ""
    typed: frozenset[str] = frozenset()
    dated: int | None = None


def rates_of(settings: AttributionSetting) -> Rates:
    """Those that count. Reports are in the currency that is set, or the org's corporate one, or most deals'."""
    typed = {name: Decimal(str(rate)) for name, rate in settings.rates.items()}
    org = org_rates.in_use()
    if org is None:
        return Rates(settings.currency or _usual(), typed if settings.currency else {}, typed=frozenset(typed))
    into = settings.currency or org.corporate
    own = org.rates.get(into)
    others = {code: rate / own for code, rate in org.rates.items()} if own else {}
    return Rates(
        into, {**others, **typed}, org.corporate, frozenset(typed), org.source if org.is_dated and own else None
    )  # fmt: skip


def _usual() -> str:
    counted = Opportunity.objects.exclude(currency=None).values("currency").annotate(deals=Count("id"))
    usual = counted.order_by("-deals", "currency").first()
    return str(usual["currency"]) if usual else ""


def converted(
    sums: Iterable[tuple[K, Currency, Decimal]], rates: Rates, together: Callable[[K], Hashable] = lambda key: key
) -> Converted[K]:
    """Sums by a key, each of one currency, in the currency of reports.

    An amount without a currency is in the corporate one; in an org that has one only, that is the one of reports.
    ``together`` tells of a key which sums are rounded as one, currency by currency and rate by rate: whatever they
    are parted into comes to the same, to the cent. By default each is rounded by itself.
    """
    into = rates.currency
    found: dict[K, Decimal] = {}
    left_out = set()
    grouped: dict[tuple[str | Dated, Hashable], list[tuple[K, Decimal]]] = {}
    for key, currency, amount in sums:
        grouped.setdefault((currency or rates.corporate or into, together(key)), []).append((key, amount))
    for (currency, _), parts in grouped.items():
        rate = _rate(currency, rates)
        if rate is None:
            left_out.add(str(currency))
            continue
        for key, amount in _at(rate, parts):
            found[key] = found.get(key, Decimal(0)) + amount
    return Converted(into, found, tuple(sorted(left_out)))


def _rate(currency: str | Dated, rates: Rates) -> Decimal | None:
    if isinstance(currency, Dated):
        return currency.rate
    return Decimal(1) if currency == rates.currency else rates.others.get(currency)


def _at(rate: Decimal, parts: list[tuple[K, Decimal]]) -> list[tuple[K, Decimal]]:
    if rate == 1:
        return parts
    cents = rounded_together([100 * Fraction(amount) / Fraction(rate) for _, amount in parts])
    return [(key, Decimal(each) / 100) for (key, _), each in zip(parts, cents, strict=True)]
