"""Amounts in an org of several currencies, as SQL: in the corporate currency, in the user's."""

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
    return f"({field.sql(alias)} / {rate(f'{alias}.{_CODE}')})"


def in_users(corporate: str, user_id: str) -> str:
    """An amount in the user's currency, made of that in the corporate one."""
    user = f"""(SELECT cu."DefaultCurrencyIsoCode" FROM "User" AS cu WHERE cu."Id" = '{user_id}')"""
    return f"round({corporate} * {rate(user)}, 6)"


def literal(text: str) -> tuple[str, float]:
    """``USD5000`` as a code and an amount."""
    return text[:3].upper(), float(text[3:])


def rate(code: str) -> str:
    """The rate of a currency, whose code is given in SQL."""
    return f'(SELECT ct."ConversionRate" FROM "CurrencyType" AS ct WHERE ct."IsoCode" = {code})'
