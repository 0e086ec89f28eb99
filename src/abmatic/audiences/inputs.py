"""What a value given by a person or a program must be, field by field: judged here once, typed from then on.

Values are JSON's: null empties a field, and so does blank text. Text of the right form is welcome where a number or a
date is wanted, because files and forms have nothing else.

`judged` says what can be stored at all; `objection` what nobody may give a field here, though a CRM may hold it. So the
second is asked only of what an edit changes: whoever sends a record back with a value that came from there, untouched,
is not refused for it.
"""

from __future__ import annotations

import math
import re
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import LiteralString

from abmatic.audiences.fields import FieldType, LocalField

# Salesforce's own longest text.
LONGEST_TEXT = 131_072
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,2})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# Parts of an address; Python and Postgres read these patterns alike. Blanks are every kind that Unicode has, dots those
# that domain names may be parted by, and a label is whatever holds neither them nor ASCII's signs but - and _.
_BLANKS: LiteralString = r"\x01-\x20\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_DOTS: LiteralString = r"[.\u3002\uff0e\uff61]"
_SIGNS: LiteralString = r"\x21-\x2c\x2e\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7e\u3002\uff0e\uff61"
_LABEL: LiteralString = "[^" + _BLANKS + _SIGNS + "]"
# A name of two parts or more whose last one is no number, or an IP address.
_NAMED_HOST: LiteralString = (
    "(" + _LABEL + "+" + _DOTS + ")+(?![0-9]+" + _DOTS + "?([:/?#]|$))" + _LABEL + "{2,}" + _DOTS + "?"
)
_IP_ADDRESS: LiteralString = r"[0-9]{1,3}(\.[0-9]{1,3}){3}|\[[0-9a-f:.]+\]"
# What a website may look like, whatever its case: acme.com, www.acme.com/about, https://acme.com:8080.
WEB_ADDRESS: LiteralString = (
    "^(https?://([^" + _BLANKS + "/?#@]*@)?|//)?"
    "(" + _NAMED_HOST + "|" + _IP_ADDRESS + ")"
    r"(:[0-9]{1,5})?([/?#][^\x01-\x1f]*)?$"
)
_WEB_ADDRESS = re.compile(WEB_ADDRESS, re.IGNORECASE)
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


def objection(field: LocalField, text: str | None) -> str:
    """Why nobody may give the field this judged value; empty where nothing speaks against it. See `wanted`."""
    if text is None:
        return "can't be empty" if field.is_required else ""
    if field.type is FieldType.URL and not _WEB_ADDRESS.match(text):
        return wanted(field)
    if field.least is not None and Decimal(text) < field.least:
        return wanted(field)
    return ""


def wanted(field: LocalField) -> str:
    """What a value that is there must be, beyond its type; empty where that is all."""
    if field.type is FieldType.URL:
        return "must be a web address, such as acme.com or https://www.acme.com"
    return f"must be {field.least} or more" if field.least is not None else ""


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
