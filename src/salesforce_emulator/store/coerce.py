"""One value on its way into a field: its type, its length, its list of allowed values.

JSON brings typed values, Bulk CSV only text; both are held to the field's describe.  Text loses the blanks
around it, and what is left empty is null.
"""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import NoReturn

from salesforce_emulator import ids
from salesforce_emulator.schema import Field, Schema
from salesforce_emulator.schema.objects import TEXT_TYPES
from salesforce_emulator.soql.conditions import stamp
from salesforce_emulator.store.errors import RecordError

_EMAIL = re.compile(r"[^\s@<>()\[\],;:\"\\]+@[^\s@<>()\[\],;:\"\\]+\.[^\s@<>()\[\],;:\"\\.]+")
_INT_DIGITS = 8
_EXACT = 1e18
"""From here on a number has no fractions that could be rounded."""
_PLACE = re.compile(r"\{(0+)\}")
_JSON_NAMES = {
    str: "VALUE_STRING",
    int: "VALUE_NUMBER_INT",
    float: "VALUE_NUMBER_FLOAT",
    dict: "START_OBJECT",
    list: "START_ARRAY",
}
_TYPE_NAMES = {"datetime": "datetime", "reference": "id", "currency": "double", "percent": "double"}


def coerce(field: Field, value: object, schema: Schema, *, from_csv: bool = False) -> object:
    """The value as the table holds it.

    :param from_csv: the value is text from a Bulk job.
    :raises RecordError: the field can't hold it.
    """
    if isinstance(value, str) and field.type != "textarea":
        value = value.strip()
    if value is None or value == "":
        return None
    if field.type in TEXT_TYPES:
        return _text(field, value, from_csv)
    if field.type == "boolean":
        return _boolean(field, value, from_csv)
    if field.type in ("id", "reference"):
        return _reference(field, value, schema)
    if field.type in ("int", "long"):
        return _int(field, value, from_csv)
    if field.type in ("double", "currency", "percent"):
        return _double(field, value, from_csv)
    if field.type == "date":
        return _date(field, value, from_csv)
    if field.type == "datetime":
        return _datetime(field, value, from_csv)
    return value


def numbered(form: str, number: int) -> str:
    """An auto-number: ``T-{0000}`` and 7 make ``T-0007``."""
    return _PLACE.sub(lambda found: str(number).zfill(len(found[1])), form)


def _wrong_type(field: Field, value: object, from_csv: bool) -> NoReturn:
    if from_csv:
        message = f"{field.label}: value not of required type: {value}"
        raise RecordError("INVALID_TYPE_ON_FIELD_IN_RECORD", message, [field.name])
    kind = _TYPE_NAMES.get(field.type, field.type if field.type not in TEXT_TYPES else "string")
    shape = f"VALUE_{str(value).upper()}" if isinstance(value, bool) else _JSON_NAMES.get(type(value), "VALUE")
    shown = json.dumps(value) if isinstance(value, bool | dict | list) else str(value)
    message = (
        f"Cannot deserialize instance of {kind} from {shape} value {shown} or request may be missing a required "
        "field at [line:1, column:1]"
    )
    raise RecordError("JSON_PARSER_ERROR", message)


def _text(field: Field, value: object, from_csv: bool) -> str | None:
    if not isinstance(value, str):
        _wrong_type(field, value, from_csv)
    text = value.rstrip() if field.type == "textarea" else value
    if not text:
        return None
    if "\x00" in text:
        text = text.replace("\x00", "")
    if field.length and len(text) > field.length:
        message = f"{field.label}: data value too large: {text} (max length={field.length})"
        raise RecordError("STRING_TOO_LONG", message, [field.name])
    if field.type == "email":
        return _email(field, text)
    if field.describe["restrictedPicklist"] and field.type in ("picklist", "multipicklist"):
        return _restricted(field, text)
    return text


def _email(field: Field, text: str) -> str:
    if not _EMAIL.fullmatch(text):
        raise RecordError("INVALID_EMAIL_ADDRESS", f"{field.label}: invalid email address: {text}", [field.name])
    return text.lower()


def _restricted(field: Field, text: str) -> str:
    allowed = field.allowed_values
    parts = text.split(";") if field.type == "multipicklist" else [text]
    for part in parts:
        if part.strip().lower() not in allowed:
            message = f"{field.label}: bad value for restricted picklist field: {part.strip()}"
            raise RecordError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, [field.name])
    return ";".join(allowed[p.strip().lower()] for p in parts)


def _boolean(field: Field, value: object, from_csv: bool) -> int:
    if isinstance(value, bool):
        return int(value)
    words = {"true": 1, "false": 0, "1": 1, "0": 0}
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    _wrong_type(field, value, from_csv)


def _reference(field: Field, value: object, schema: Schema) -> str:
    shown = str(value)
    try:
        record_id = ids.to18(shown)
    except ValueError:
        record_id = ""
    known = [schema[name].prefix for name in field.reference_to if name in schema]
    if not record_id or (known and record_id[:3] not in known):
        raise RecordError("MALFORMED_ID", f"{field.label}: id value of incorrect type: {shown}", [field.name])
    return record_id


def _number(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _int(field: Field, value: object, from_csv: bool) -> int:
    number = _number(value)
    if number is None or number != int(number):
        _wrong_type(field, value, from_csv)
    digits = int(field.describe["digits"]) or _INT_DIGITS
    if abs(number) >= 10**digits:
        _out_of_range(field, value)
    return int(number)


def _double(field: Field, value: object, from_csv: bool) -> float:
    number = _number(value)
    if number is None:
        _wrong_type(field, value, from_csv)
    precision, scale = int(field.describe["precision"]), int(field.describe["scale"])
    if precision and field.custom:
        number = _rounded(number, scale)
    if precision and abs(number) >= 10 ** (precision - scale):
        _out_of_range(field, number)
    return number


def _rounded(number: float, scale: int) -> float:
    """As Salesforce rounds: a half goes away from zero."""
    exact = Decimal(repr(number))
    return float(exact.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)) if abs(number) < _EXACT else number


def _out_of_range(field: Field, value: object) -> NoReturn:
    message = f"{field.label}: value outside of valid range on numeric field: {value}"
    raise RecordError("NUMBER_OUTSIDE_VALID_RANGE", message, [field.name])


def _date(field: Field, value: object, from_csv: bool) -> str:
    if not isinstance(value, str):
        _wrong_type(field, value, from_csv)
    try:
        return date.fromisoformat(value[:10]).isoformat()
    except ValueError:
        _wrong_type(field, value, from_csv)


def _datetime(field: Field, value: object, from_csv: bool) -> str:
    if not isinstance(value, str):
        _wrong_type(field, value, from_csv)
    try:
        moment = datetime.fromisoformat(value.upper().replace("Z", "+00:00"))
        return stamp(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        _wrong_type(field, value, from_csv)
