"""Records as SOAP writes and reads them: sObjects, whose values are text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from salesforce_emulator import ids
from salesforce_emulator.runtime import visible_schema
from salesforce_emulator.schema import SObject
from salesforce_emulator.soap.calls import Flavour, SoapCall
from salesforce_emulator.soap.markup import Element, Xml, joined, tag
from salesforce_emulator.store import RecordError

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000")
_XSD_TYPES = {bool: "xsd:boolean", int: "xsd:int", float: "xsd:double", str: "xsd:string"}

# -- out


def record_xml(name: str, record: Mapping[str, object], flavour: Flavour) -> Xml:
    """A record of a query's answer.

    The partner flavour gives the id twice where it was asked for: once because every sObject has the element, nil
    where it was not asked for, and once among the fields.
    """
    attributes = record["attributes"]
    type_ = str(attributes["type"]) if isinstance(attributes, dict) else ""
    fields = {k: v for k, v in record.items() if k != "attributes"}
    aggregate = type_ == "AggregateResult"
    sobject = visible_schema().get(type_)
    inner = [field_xml(k, v, sobject, flavour, typed=aggregate) for k, v in fields.items()]
    if not flavour.is_partner:
        return tag(name, joined(*inner), xsi__type=f"sf:{type_}")
    record_id = next((v for k, v in fields.items() if k.lower() == "id"), None)
    head = joined(tag("sf:type", type_), tag("sf:Id", None if aggregate else record_id))
    return tag(name, joined(head, *inner), xsi__type="sf:sObject")


def field_xml(name: str, value: object, sobject: SObject | None, flavour: Flavour, *, typed: bool = False) -> Xml:
    """One field: a value, a parent, an address, or child records."""
    if isinstance(value, dict):
        if "attributes" in value:
            return record_xml(f"sf:{name}", value, flavour)
        if "records" in value:
            locator = str(value.get("nextRecordsUrl", "")).rpartition("/")[2] or None
            return query_result(f"sf:{name}", value["records"], value["totalSize"], locator, flavour)
        parts = (tag(key, part) for key, part in sorted(value.items()))
        return tag(f"sf:{name}", joined(*parts), xsi__type="address")
    field = sobject.get(name) if sobject is not None else None
    if isinstance(value, str) and (field is None or field.type == "datetime") and _MOMENT.fullmatch(value):
        value = value.replace("+0000", "Z")
    if (typed or (field is not None and field.type == "anyType")) and value is not None:
        return tag(f"sf:{name}", value, xsi__type=_XSD_TYPES.get(type(value), "xsd:string"))
    return tag(f"sf:{name}", value)


def query_result(
    name: str, records: Sequence[Mapping[str, object]], size: int, locator: str | None, flavour: Flavour
) -> Xml:
    """A page of records."""
    shown = (record_xml("records", record, flavour) for record in records)
    content = joined(tag("done", locator is None), tag("queryLocator", locator), *shown, tag("size", size))
    return tag(name, content, xsi__type="QueryResult")


# -- in


def sobject_of(element: Element, call: SoapCall) -> tuple[SObject, str | None, dict[str, object]]:
    """The object, the id and the values that a client sent as one sObject.

    :raises RecordError: INVALID_TYPE, MALFORMED_ID.
    """
    name = element.value("type") if call.flavour.is_partner else element.xsi_type
    found = visible_schema().get(name or "")
    if found is None:
        raise RecordError("INVALID_TYPE", f"sObject type '{name or ''}' is not supported.")
    values: dict[str, object] = {}
    for child in element.children:
        if (child.name == "type" and call.flavour.is_partner) or child.name in ("Id", "fieldsToNull") or child.nil:
            continue
        values[child.name] = _value(child)
    values.update(dict.fromkeys(element.values("fieldsToNull")))
    record_id = element.value("Id")
    return found, None if record_id is None else full_id(record_id), values


def _value(element: Element) -> object:
    """A text; of a parent named by its external id, what it is named by."""
    if element.children:
        return {c.name: c.text for c in element.children if c.name != "type" and not c.nil}
    return element.text


def full_id(text: str) -> str:
    try:
        return ids.to18(text.strip())
    except ValueError:
        raise RecordError("MALFORMED_ID", f"malformed id {text}", ["Id"]) from None
