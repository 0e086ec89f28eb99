"""An org's rates of exchange, read along with its opportunities where it has several currencies.

Source: "Object Reference for the Salesforce Platform", CurrencyType and DatedConversionRate. A rate says what one unit
of the corporate currency is in another; dated ones (advanced currency management) are for deals by their close date.
"""

from __future__ import annotations

import logging
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from abmatic.attribution import org_rates
from abmatic.attribution.models import CurrencyRate
from abmatic.attribution.org_rates import OrgRate
from abmatic.salesforce import Client, errors
from abmatic.sync.pull.plan import PullPlan

logger = logging.getLogger(__name__)

# They change a few times a year; each reading is a call or two.
EVERY = timedelta(hours=1)
_RATES = "SELECT IsoCode, ConversionRate, IsCorporate FROM CurrencyType"
_DATED = "SELECT IsoCode, ConversionRate, StartDate, NextStartDate FROM DatedConversionRate"


def read(client: Client, plan: PullPlan, connection: int) -> None:
    """Reads them where the pull is of opportunities with a currency, and they weren't read lately."""
    if plan.spec.name != "Opportunity" or not any(each.sf_field == "CurrencyIsoCode" for each in plan.fields):
        return
    lately = CurrencyRate.objects.filter(source=connection, read_at__gt=timezone.now() - EVERY)
    if lately.exists():
        return
    rates = [
        OrgRate(str(row["IsoCode"]), _rate(row), bool(row["IsCorporate"])) for row in _rows(client, _RATES)
    ]  # fmt: skip
    if not rates:
        return
    dated = [
        OrgRate(str(row["IsoCode"]), _rate(row), starts=_day(row["StartDate"]), ends=_day(row["NextStartDate"]))
        for row in _rows(client, _DATED)
        if row["StartDate"]
    ]
    org_rates.replace(connection, [*rates, *dated])


def _rows(client: Client, soql: str) -> list[dict[str, Any]]:
    """What the query finds; nothing where the org, or the connected user, doesn't have such records."""
    try:
        return [row for row in client.query_rows(soql) if row["ConversionRate"]]
    except errors.BadRequest as refused:
        logger.info("no rates of exchange by “%s”: %s", soql, refused)
        return []


def _rate(row: dict[str, Any]) -> Decimal:
    return Decimal(str(row["ConversionRate"]))


def _day(text: Any) -> date | None:
    return date.fromisoformat(str(text)[:10]) if text else None
