"""A change event as Avro's binary encoding has it, by the schema of its object.

nulledFields and changedFields say which fields by bitmaps over their places in the schema, in hexadecimal; those of a
nested record follow with the place of their record: ``["0x20000002", "4-0x06"]``.  diffFields stays empty: values are
sent whole.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime

from salesforce_emulator.changes.journal import UPDATE, Values
from salesforce_emulator.changes.log import ChangeEvent
from salesforce_emulator.changes.schemas import KINDS, EventField, EventSchema, Part

_NULL = b"\x00"


def encoded(event: ChangeEvent, schema: EventSchema) -> bytes:
    """The payload of an event."""
    out = bytearray()
    _header(out, event, schema)
    for field in schema.fields:
        _field(out, field, event.values)
    return bytes(out)


# -- header


def _header(out: bytearray, event: ChangeEvent, schema: EventSchema) -> None:
    updated = event.values if event.kind == UPDATE else {}
    _text(out, event.sobject)
    _texts(out, event.record_ids)
    _whole(out, KINDS.index(event.kind))
    _text(out, event.origin)
    _text(out, event.transaction_key)
    _whole(out, event.sequence)
    _whole(out, event.committed)
    _whole(out, event.commit_number)
    _text(out, event.user_id)
    _texts(out, _bitmaps(schema, {column for column, value in updated.items() if value is None}))
    _texts(out, ())
    _texts(out, _bitmaps(schema, updated.keys()))


def _bitmaps(schema: EventSchema, columns: Iterable[str]) -> list[str]:
    wanted = set(columns)
    own = 0
    nested = []
    for place, field in enumerate(schema.fields, 1):
        if field.part is not None and field.part.column in wanted:
            own |= 1 << place
        inside = sum(1 << n for n, part in enumerate(field.parts) if part.column in wanted)
        if inside:
            nested.append(f"{place}-{_hex(inside)}")
    return [*([_hex(own)] if own else []), *nested]


def _hex(bits: int) -> str:
    digits = f"{bits:X}"
    return f"0x{'0' * (len(digits) % 2)}{digits}"


# -- fields


def _field(out: bytearray, field: EventField, values: Values) -> None:
    if field.part is not None:
        _nullable(out, field.part, values)
    elif all(values.get(part.column or "") is None for part in field.parts):
        out += _NULL
    else:
        _whole(out, 1)
        for part in field.parts:
            _nullable(out, part, values)


def _nullable(out: bytearray, part: Part, values: Values) -> None:
    value = values.get(part.column or "")
    try:
        made = None if value is None else _MADE[part.type if part.type in _MADE else "string"](value)
    except (TypeError, ValueError):
        made = None  # only a hostile org has values that aren't of their field's type; Avro has no way to send them
    if made is None:
        out += _NULL
        return
    _whole(out, 1)
    if isinstance(made, str):
        _text(out, made)
    elif isinstance(made, bool):
        out.append(made)
    elif isinstance(made, int):
        _whole(out, made)
    else:
        out += struct.pack("<d", made)


def _moment(value: object) -> int:
    return round(datetime.fromisoformat(str(value).replace("Z", "+00:00")).timestamp() * 1000)


def _day(value: object) -> int:
    day = date.fromisoformat(str(value))
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)


def _time(value: object) -> int:
    return _moment(f"1970-01-01T{str(value).removesuffix('Z')}+00:00")


_MADE: Mapping[str, Callable[[object], str | bool | int | float]] = {
    "string": str,
    "boolean": bool,
    "int": lambda value: int(str(value)),
    "long": lambda value: int(str(value)),
    "double": lambda value: float(str(value)),
    "currency": lambda value: float(str(value)),
    "percent": lambda value: float(str(value)),
    "datetime": _moment,
    "date": _day,
    "time": _time,
}


# -- Avro


def _whole(out: bytearray, number: int) -> None:
    """An int or a long: zig-zag, seven bits a byte, the low ones first."""
    left = number << 1 if number >= 0 else ((-number) << 1) - 1
    while left > 0x7F:
        out.append(left & 0x7F | 0x80)
        left >>= 7
    out.append(left)


def _text(out: bytearray, text: str) -> None:
    data = text.encode("utf-8", "replace")
    _whole(out, len(data))
    out += data


def _texts(out: bytearray, texts: Iterable[str]) -> None:
    """An array of strings: one block, and the empty one that ends it."""
    there = list(texts)
    if there:
        _whole(out, len(there))
        for text in there:
            _text(out, text)
    out += _NULL
