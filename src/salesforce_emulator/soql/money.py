"""Amounts in an org of several currencies, as SQL: in the corporate currency, in the user's.

With rates of days those of opportunities are converted by the rates of the day on which they close.
"""

from __future__ import annotations

from salesforce_emulator.schema import Field, Schema, SObject

_CODE = "CurrencyIsoCode"


def knows_currencies(schema: Schema) -> bool:
    """Whether the org has several."""
    return schema.get("CurrencyType") is not None


def in_corporate(schema: Schema, sobject: SObject, field: Field, alias: str) -> str:
    """An amount in the corporate currency; "" where the field is no amount, or the org has one currency only."""
    if field.type != "currency" or not knows_currencies(schema):
        return ""
    if sobject.get(_CODE) is None:
        return field.sql(alias)
    return f"({field.sql(alias)} / {rate(f'{alias}.{_CODE}', rates_of(schema, sobject, alias))})"


def rates_of(schema: Schema, sobject: SObject, alias: str) -> str:
    """The day of whose rates an object's amounts are converted, in SQL; "" where it is by those that are of no day."""
    return f'{alias}."CloseDate"' if sobject.name == "Opportunity" and schema.get("DatedConversionRate") else ""


def in_users(corporate: str, user_id: str, day: str) -> str:
    """An amount in the user's currency, made of that in the corporate one by the rates of the same ``day``."""
    user = f"""(SELECT cu."DefaultCurrencyIsoCode" FROM "User" AS cu WHERE cu."Id" = '{user_id}')"""
    return f"round({corporate} * {rate(user, day)}, 6)"


def literal(text: str) -> tuple[str, float]:
    """``USD5000`` as a code and an amount."""
    return text[:3].upper(), float(text[3:])


def rate(code: str, day: str) -> str:
    """The rate of a currency on a day, both in SQL; without a day that which is of none."""
    if day:
        return (
            f'(SELECT dr."ConversionRate" FROM "DatedConversionRate" AS dr WHERE dr."IsoCode" = {code}'
            f' AND dr."StartDate" <= {day} ORDER BY dr."StartDate" DESC, dr."Id" DESC LIMIT 1)'
        )
    return f'(SELECT ct."ConversionRate" FROM "CurrencyType" AS ct WHERE ct."IsoCode" = {code})'
