"""Values in forms: how a field's value is written into its control, and what comes back of it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from abmatic.audiences.fields import FieldType, LocalField
from abmatic.web.viewer import plain_number, typed_number

# A longer text, or one of several lines, gets room; a single line would lose its line ends.
_LONG = 120


def written(value: Any) -> str:
    """A value as a control holds it: without separators between thousands, a fraction as the viewer writes it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return typed_number(value)
    return value.isoformat() if isinstance(value, date) else str(value)


def control(field: LocalField, text: str) -> str:
    """Which control suits: "yesno", "date", "number", "lines" or "text"."""
    match field.type:
        case FieldType.BOOLEAN:
            return "yesno"
        case FieldType.DATE:
            return "date"
        case FieldType.INTEGER | FieldType.NUMBER:
            return "number"
    return "lines" if len(text) > _LONG or "\n" in text or "\r" in text else "text"


def read(field: LocalField, text: str, before: str = "") -> object:
    """What a form sent for the field, to be judged by the door. ``before``: what stood there.

    Browsers send every line end as CR LF: where the value had others, those are what was meant.
    """
    if field.type is FieldType.BOOLEAN:
        return {"true": True, "false": False}.get(text)
    if field.type in {FieldType.INTEGER, FieldType.NUMBER}:
        return plain_number(text)
    return text if "\r\n" in before else text.replace("\r\n", "\n")


def stored(field: LocalField, text: str | None) -> object:
    """The value that a judged text stands for."""
    if text is None:
        return None
    match field.type:
        case FieldType.BOOLEAN:
            return text == "true"
        case FieldType.DATE:
            return date.fromisoformat(text)
        case FieldType.INTEGER | FieldType.NUMBER:
            return Decimal(text)
    return text
