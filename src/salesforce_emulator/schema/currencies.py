"""Several currencies: CurrencyIsoCode on records, CurrencyType with the rates, DatedConversionRate with those of days.

A rate says what one unit of the corporate currency is worth, whose own rate is 1.  A record's amounts are in the
record's currency; converting them is left to who reads them (:mod:`salesforce_emulator.soql.money`).  Rates of days are
there where advanced currency management is on; one holds until the next of its currency starts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from salesforce_emulator.schema.entries import JsonObject, audit, field, id_entry, object_entry

CODE = "CurrencyIsoCode"
DATED = "advanced_currency_management"
"""The feature that makes rates of days."""
EVER = ("0001-01-01", "9999-12-31")
"""From when the first rates hold, and until when those that no others follow."""
USERS_CODE = "DefaultCurrencyIsoCode"
_HAVE_ONE = ("Account", "Campaign", "CampaignMember", "Contact", "Lead", "Opportunity", "User")


def corporate(currencies: Mapping[str, float]) -> str:
    """The org's own currency: the first whose rate is 1.

    :raises ValueError: there is none, or a code or a rate can't be one.
    """
    for code, rate in currencies.items():
        if not re.fullmatch(r"[A-Z]{3}", code) or isinstance(rate, bool) or not 0 < float(rate) < 10**9:
            raise ValueError(f"currency {code}={rate}: a code is three capitals, as EUR, and a rate above 0")
    found = next((code for code, rate in currencies.items() if rate == 1), None)
    if found is None:
        raise ValueError("currencies: one of them, the corporate currency, has rate 1")
    return found


def with_currency(describe: JsonObject, currencies: Mapping[str, float]) -> JsonObject:
    """An object's describe with the currency of its records, where its records have one."""
    if not currencies or not (describe["custom"] or describe["name"] in _HAVE_ONE):
        return describe
    own = corporate(currencies)
    label = "Currency ISO Code" if describe["custom"] else f"{describe['label']} Currency"
    fields = [_code(CODE, label, currencies, own)]
    if describe["name"] == "User":
        fields.append(_code(USERS_CODE, "Default Currency ISO Code", currencies, own))
    return {**describe, "fields": [*describe["fields"], *fields]}


def _code(name: str, label: str, currencies: Mapping[str, float], own: str) -> JsonObject:
    return field(
        name,
        "picklist",
        "cud",
        label=label,
        length=3,
        values=tuple(currencies),
        default=own,
        restrictedPicklist=True,
    )


def rates(currencies: Mapping[str, float], features: frozenset[str]) -> list[JsonObject]:
    """The objects that hold an org's rates.

    :raises ValueError: there are to be rates of days, and one currency only.
    """
    if DATED not in features:
        return [_currency_type()] if currencies else []
    if not currencies:
        raise ValueError(f"{DATED}: the org has one currency only; name several")
    return [_currency_type(), _dated_conversion_rate(currencies)]


def _dated_conversion_rate(currencies: Mapping[str, float]) -> JsonObject:
    """As the Object Reference and the field reference have it. Neither lists IsDeleted; a deleted one is gone."""
    fields = [
        id_entry("DatedConversion Rate ID"),
        field("IsoCode", "picklist", "c", label="Currency Code", length=40, values=tuple(currencies),
              restrictedPicklist=True, groupable=False),
        field("StartDate", "date", "c", label="Date", groupable=False),
        field("NextStartDate", "date", "n", label="Next Start Date", groupable=False),
        field("ConversionRate", "double", "cu", label="Exchange Rate", precision=18, scale=6),
        *audit(),
    ]  # fmt: skip
    return object_entry(
        "DatedConversionRate", "04w", fields, label="Dated Conversion Rate", writable=False, createable=True,
        updateable=True, deletable=True,
    )  # fmt: skip


def _currency_type() -> JsonObject:
    fields = [
        id_entry("Currency Type ID"),
        field("IsoCode", "picklist", "c", label="Currency ISO Code", length=3, nameField=True),
        field("ConversionRate", "double", "cu", label="Conversion Rate", precision=18, scale=9),
        field("DecimalPlaces", "int", "cu", label="Decimal Places"),
        field("IsActive", "boolean", "cu", label="Active", default=True),
        field("IsCorporate", "boolean", "d", label="Corporate Currency"),
        *audit(),
    ]
    return object_entry("CurrencyType", "01L", fields, label="Currency Type", writable=False, updateable=True)
