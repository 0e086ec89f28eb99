"""Rates of exchange as an org keeps them: what one unit of its corporate currency is in each of its others.

Rates that hold from one day to another (dated exchange rates) count for deals that close then, the others for all else.
Of several orgs the one that was connected first says: two orgs' rates are never mixed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from abmatic.attribution.models import CurrencyRate


@dataclass(frozen=True, slots=True)
class OrgRate:
    """One rate; ``ends`` is the first day on which it holds no more."""

    code: str
    rate: Decimal
    is_corporate: bool = False
    starts: date | None = None
    ends: date | None = None


@dataclass(frozen=True, slots=True)
class OrgRates:
    """An org's rates that are of no days, by code; its corporate currency; whether it has dated ones too."""

    source: int
    corporate: str
    rates: dict[str, Decimal]
    is_dated: bool
    read_at: datetime


def replace(source: int, rates: Iterable[OrgRate]) -> None:
    """An org's rates are these from now on."""
    now = timezone.now()
    with transaction.atomic():
        CurrencyRate.objects.filter(source=source).delete()
        CurrencyRate.objects.bulk_create(
            CurrencyRate(
                source=source, code=each.code, rate=each.rate, is_corporate=each.is_corporate, starts=each.starts,
                ends=each.ends, read_at=now,
            )
            for each in rates
        )  # fmt: skip


def in_use() -> OrgRates | None:
    """The rates that count; None where no org has several currencies."""
    first = CurrencyRate.objects.filter(is_corporate=True, starts=None).order_by("source").first()
    if first is None:
        return None
    of_org = CurrencyRate.objects.filter(source=first.source)
    return OrgRates(
        first.source,
        first.code,
        dict(of_org.filter(starts=None).values_list("code", "rate")),
        of_org.filter(starts__isnull=False).exists(),
        first.read_at,
    )
