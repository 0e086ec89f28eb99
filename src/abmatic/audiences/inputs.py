"""What a value given by a person or a program must be, field by field: judged here once, typed from then on.

Values are JSON's: null empties a field, and so does blank text. Text of the right form is welcome where a number or a
date is wanted, because files and forms have nothing else.
"""

from __future__ import annotations

import math
import re
from datetime import date
from decimal import Decimal, InvalidOperation

from abmatic.audiences.fields import FieldType, LocalField

# Salesforce's own longest text.
LONGEST_TEXT = 131_072
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,2})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SIX_DECIMALS = Decimal("0.000001")
_TOO_LARGE = Decimal(10) ** 20


class ValueRefused(ValueError):
    """Why a value can't be stored in a field; the message says what would be right."""


def judged(field: LocalField, value: object) -> str | None:
    """The value as text that the database casts to the field's type; None is empty. Raises `ValueRefused`."""
    if value is None or (isinstance(value, str) and not value.strip()):
        if field.type is FieldType.BOOLEAN:
            raise ValueRefused("must be true or false")
        return None
    match field.type:
        case FieldType.INTEGER:
            return _whole(value)
        case FieldType.NUMBER:
            return _number(value)
        case FieldType.DATE:
            return _date(value)
        case FieldType.BOOLEAN:
            return _boolean(value)
        case FieldType.DATETIME:
            raise ValueRefused("can't be edited")
        case _:
            return _text(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueRefused(f"must be text, and is {_kind(value)}")
    if "\x00" in value:
        raise ValueRefused("holds a NUL character, which can't be stored")
    if not value.isascii() and any("\ud800" <= sign <= "\udfff" for sign in value):
        raise ValueRefused("holds half of a surrogate pair, which is no character")
    text = value.strip()
    if len(text) > LONGEST_TEXT:
        raise ValueRefused(f"has {len(text):,} characters; {LONGEST_TEXT:,} are the most")
    return text


def _whole(value: object) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e18:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | str) or not _WHOLE.fullmatch(str(value).strip()):
        raise ValueRefused("must be a whole number of at most 18 digits")
    return str(int(value))


def _number(value: object) -> str:
    wanted = "must be a number below 10^20"
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise ValueRefused(wanted)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueRefused(wanted)
    text = str(value).strip()
    if isinstance(value, str) and not _NUMBER.fullmatch(text):
        raise ValueRefused(wanted)
    try:
        number = Decimal(text)
        if not number.is_finite() or abs(number) >= _TOO_LARGE:
            raise ValueRefused(wanted)
        number = number.quantize(_SIX_DECIMALS)
    except InvalidOperation:
        raise ValueRefused(wanted) from None
    if abs(number) >= _TOO_LARGE:
        raise ValueRefused(wanted)
    return format(number, "f")


def _date(value: object) -> str:
    if isinstance(value, str) and _DATE.fullmatch(value.strip()):
        try:
            return date.fromisoformat(value.strip()).isoformat()
        except ValueError:
            pass
    raise ValueRefused("must be a date, written like 2026-01-31")


def _boolean(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    raise ValueRefused("must be true or false")


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), f"a {type(value).__name__}")
