"""Changing the settings of attribution. Each change is a row of its own: what held when can be looked up."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import transaction

from abmatic.attribution.crediting import Parts
from abmatic.attribution.models import AttributionSetting, in_force
from abmatic.identity.audit import Author, Difference, note
from abmatic.identity.models import AuditEntry

LONGEST_LOOKBACK = 730
LONGEST_HALF_LIFE = 365
FIELDS = (
    "lookback_days", "half_life_days", "weight_first", "weight_lead", "weight_opportunity", "weight_last",
    "weight_others", "least_won", "currency", "rates",
)  # fmt: skip
_RATE = re.compile(r"^([A-Z]{3})\s*[:=\s]\s*(\d+(?:[.]\d+)?)$")


class RateRefused(ValueError):
    """A line of rates can't be read, or rates are of no currency; the message says which and how it should be."""


def read_rates(text: str) -> dict[str, str]:
    """Rates a line each, as ``EUR 0.92``: by ISO code, what one unit of the reports' currency is.

    Raises `RateRefused`.
    """
    found = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        match = _RATE.match(line.upper())
        if match is None or not _positive(match[2]):
            raise RateRefused(f"“{line}” is no rate; write a line such as EUR 0.92, with a number above zero.")
        found[match[1]] = match[2]
    return found


def _positive(text: str) -> bool:
    try:
        return Decimal(text) > 0
    except InvalidOperation:
        return False


def change(values: Mapping[str, Any], by: Author) -> AttributionSetting | None:
    """Puts settings in force; None where they are as before. Raises `crediting.PartsRefused`, `RateRefused`."""
    before = in_force()
    wanted = {name: values.get(name, getattr(before, name)) for name in FIELDS}
    if wanted["rates"] and not wanted["currency"]:
        raise RateRefused("These rates are of no currency; give the currency of reports that they are for, or none.")
    Parts(*(wanted[f"weight_{part}"] for part in ("first", "lead", "opportunity", "last", "others")))
    changed = [
        Difference(name, getattr(before, name), value)
        for name, value in wanted.items()
        if value != getattr(before, name)
    ]
    if not changed:
        return None
    with transaction.atomic():
        made = AttributionSetting.objects.create(**wanted, made_by=by.user)
        note(AuditEntry.About.SETTINGS, "Attribution", "changed", by=by, subject_id=made.pk, differences=changed)
    return made
