"""The Avro schema of an object's change events, as Salesforce describes them.

The fields follow the describe of the object.  What makes up a name or an address is nested in a record, in the place
of the compound field; what SQL computes is left out.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from salesforce_emulator import ids
from salesforce_emulator.changes.journal import told_columns
from salesforce_emulator.schema import Field, SObject
from salesforce_emulator.schema.objects import JsonObject

NAMESPACE = "com.sforce.eventbus"
KINDS = (
    "CREATE", "UPDATE", "DELETE", "UNDELETE", "GAP_CREATE", "GAP_UPDATE", "GAP_DELETE", "GAP_UNDELETE",
    "GAP_OVERFLOW", "SNAPSHOT",
)  # fmt: skip
_TEXTS: JsonObject = {"type": "array", "items": "string"}
_HEADER: JsonObject = {
    "name": "ChangeEventHeader",
    "type": {
        "type": "record",
        "name": "ChangeEventHeader",
        "fields": [
            {"name": "entityName", "type": "string"},
            {"name": "recordIds", "type": _TEXTS},
            {"name": "changeType", "type": {"type": "enum", "name": "ChangeType", "symbols": list(KINDS)}},
            {"name": "changeOrigin", "type": "string"},
            {"name": "transactionKey", "type": "string"},
            {"name": "sequenceNumber", "type": "int"},
            {"name": "commitTimestamp", "type": "long"},
            {"name": "commitNumber", "type": "long"},
            {"name": "commitUser", "type": "string"},
            {"name": "nulledFields", "type": _TEXTS},
            {"name": "diffFields", "type": _TEXTS},
            {"name": "changedFields", "type": _TEXTS},
        ],
    },
    "doc": "Data:ComplexValueType",
}
_AVRO = {
    "boolean": "boolean",
    "int": "int",
    "long": "long",
    "double": "double",
    "currency": "double",
    "percent": "double",
    "date": "long",
    "datetime": "long",
    "time": "long",
}
_DOCS = {
    "boolean": "Data:Boolean",
    "int": "Data:Integer",
    "long": "Data:Integer",
    "double": "Data:Double",
    "currency": "Data:Currency",
    "percent": "Data:Percent",
    "date": "Data:DateOnly",
    "datetime": "Data:DateTime",
    "time": "Data:TimeOnly",
    "reference": "ForeignKey:EntityId",
    "email": "Data:Email",
    "phone": "Data:Phone",
    "url": "Data:Url",
    "picklist": "Data:DynamicEnum",
    "multipicklist": "Data:MultiEnum",
    "combobox": "Data:TextEnum",
    "encryptedstring": "Data:EncryptedText",
}
_LONG_TEXT = 255
_NAME_PARTS = ("Salutation", "FirstName", "LastName", "MiddleName", "InformalName", "Suffix")
_ADDRESS_PARTS = (
    "Street", "City", "State", "PostalCode", "Country", "StateCode", "CountryCode", "Latitude", "Longitude",
    "GeocodeAccuracy",
)  # fmt: skip
_CODES = frozenset({"StateCode", "CountryCode"})


@dataclass(frozen=True)
class Part:
    """A column in an event: ``type`` is the field's, ``avro`` what it is sent as. ``column`` None: always null."""

    name: str
    column: str | None
    type: str
    avro: str


@dataclass(frozen=True)
class EventField:
    """A field of an event: a column, or a record of several."""

    name: str
    doc: str
    part: Part | None = None
    record: str = ""
    parts: tuple[Part, ...] = ()
    switchable: bool = False
    """Whether the column's text may be replaced by a record: a person account's name, which no account here has."""


@dataclass(frozen=True)
class EventSchema:
    """``fields`` are those after the header, whose place is 0. The id follows from the text."""

    sobject: str
    name: str
    fields: tuple[EventField, ...]
    text: str
    id: str


def event_name(sobject: str) -> str:
    """``AccountChangeEvent``, ``Thing__ChangeEvent``."""
    return f"{sobject.removesuffix('__c')}__ChangeEvent" if sobject.endswith("__c") else f"{sobject}ChangeEvent"


@lru_cache(maxsize=256)
def event_schema(sobject: SObject) -> EventSchema:
    """The schema of an object's change events."""
    fields = tuple(_fields(sobject))
    name = event_name(sobject.name)
    entries = [_HEADER, *_entries(fields)]
    text = json.dumps(
        {"type": "record", "name": name, "namespace": NAMESPACE, "fields": entries}, separators=(",", ":")
    )
    digest = sha256(text.encode()).digest()[:16]
    return EventSchema(sobject.name, name, fields, text, urlsafe_b64encode(digest).decode().rstrip("="))


def _fields(sobject: SObject) -> Iterator[EventField]:
    told = told_columns(sobject)
    compounds = {f.name for f in sobject.fields if f.compound}
    person = sobject.get("FirstName") if "FirstName" in told and sobject.get("Name") is not None else None
    for field in sobject.fields:
        inside = field.describe.get("compoundFieldName")
        if field.compound:
            yield _compound(sobject, field)
        elif person is not None and field.name == "Name":
            yield EventField("Name", "Data:PersonName", None, "PersonName", _name_parts(sobject))
        elif field.name not in told or inside in compounds or (person is not None and inside == "Name"):
            continue
        else:
            part = Part(field.name, field.name, field.type, _AVRO.get(field.type, "string"))
            switchable = sobject.name == "Account" and field.name == "Name"
            yield EventField(field.name, _doc(sobject, field), part, switchable=switchable)


def _name_parts(sobject: SObject) -> tuple[Part, ...]:
    here = sobject.columns
    return tuple(Part(n, n, "string", "string") for n in _NAME_PARTS if n in here)


def _compound(sobject: SObject, compound: Field) -> EventField:
    columns = [f for f in sobject.stored if f.describe.get("compoundFieldName") == compound.name]
    codes = any(f.name.removesuffix("__s").endswith("StateCode") for f in sobject.stored)
    wanted = _ADDRESS_PARTS if compound.type == "address" else ("Latitude", "Longitude")
    parts = []
    for name in wanted:
        if name in _CODES and not codes:
            continue
        found = next((f.name for f in columns if f.name.removesuffix("__s").endswith(name)), None)
        kind = "double" if name in ("Latitude", "Longitude") else "string"
        parts.append(Part(name, found, kind, kind))
    record = "Address" if compound.type == "address" else "Location"
    return EventField(compound.name, _own(f"Data:{record}", sobject, compound), None, record, tuple(parts))


def _doc(sobject: SObject, field: Field) -> str:
    if field.name == "CreatedDate":
        return "CreatedDate:DateTime"
    long = field.type == "textarea" and field.length > _LONG_TEXT
    doc = "Data:StringPlusClob" if long else _DOCS.get(field.type, "Data:Text")
    switchable = sobject.name == "Account" and field.name == "Name"
    return _own("Data:Switchable_PersonName" if switchable else doc, sobject, field)


def _own(doc: str, sobject: SObject, field: Field) -> str:
    """A custom field's documentation ends with the field's id."""
    return f"{doc}:{ids.derived('00N', f'{sobject.name}.{field.name}')[:15]}" if field.custom else doc


def _entries(fields: tuple[EventField, ...]) -> Iterator[JsonObject]:
    """The fields as Avro has them: a record is described where it is met first."""
    described: set[str] = set()
    for field in fields:
        types: list[object] = ["null"]
        if field.part is not None:
            types.append(field.part.avro)
        if field.switchable:
            parts = tuple(Part(n, None, "string", "string") for n in _NAME_PARTS[:3])
            types.append(_record("Switchable_PersonName", parts))
        if field.record:
            types.append(field.record if field.record in described else _record(field.record, field.parts))
            described.add(field.record)
        yield {"name": field.name, "type": types, "doc": field.doc, "default": None}


def _record(name: str, parts: tuple[Part, ...]) -> JsonObject:
    fields = [{"name": p.name, "type": ["null", p.avro], "default": None} for p in parts]
    return {"type": "record", "name": name, "fields": fields}
