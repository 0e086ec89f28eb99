"""Fields and objects as an administrator describes them, made into describe results.

::

    {"name": "Score__c", "kind": "double", "precision": 6, "scale": 1, "label": "Score", "default": 0}
    {"name": "Thing__c", "label": "Thing", "fields": […],
     "nameField": {"kind": "autonumber", "displayFormat": "T-{0000}"}}

``kind`` is a type of describe, or ``masterdetail``, ``autonumber``, ``formula``.  Keys that describe has too are called
as there: label, length, precision, scale, unique, caseSensitive, externalId, restrictedPicklist, referenceTo,
relationshipName, controllerName, inlineHelpText, htmlFormatted, formulaTreatNullNumberAsZero.  The others are

=================  ====================================================================================
required           a record can't be without a value
default            the value of a new record that brings none; "TODAY()" and "NOW()" for dates
values             of a picklist: texts, or {"value", "label", "default", "active", "validFor": [values of the
                   controlling field]}
childRelationship  what the parent calls the records that refer to it, without __r
displayFormat      of an auto-number field, as "T-{0000}"
formula, returns   a formula (:mod:`salesforce_emulator.formula`), and the type of what it computes
=================  ====================================================================================

An entry may hold, beside what describe says: ``_children`` (the child relationship's name), ``_number_format``,
``_expression`` (the SQL that computes it).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from salesforce_emulator import ids
from salesforce_emulator.schema import entries
from salesforce_emulator.schema.custom import JsonObject
from salesforce_emulator.schema.dependent import bitmap

_NAME = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*(?:__[A-Za-z](?:_?[A-Za-z0-9])*)?__c")
_NUMBER_FORMAT = re.compile(r"[^{}]*\{0+\}[^{}]*")
_LENGTHS = {"string": (255, 255), "textarea": (255, 131_072)}
"""Length where none is given, and the longest."""
_NUMBERS = ("double", "currency", "percent")
_KINDS = frozenset(
    {"string", "textarea", "picklist", "multipicklist", "boolean", "int", *_NUMBERS, "date", "datetime", "email",
     "phone", "url", "reference", "masterdetail", "autonumber", "formula"}
)  # fmt: skip
_EVERY = frozenset({"name", "kind", "label", "inlineHelpText"})
_VALUED = frozenset({"required", "default"})
_KEYED = frozenset({"unique", "caseSensitive", "externalId"})
_OWN: Mapping[str, frozenset[str]] = {
    "string": _VALUED | _KEYED | {"length"},
    "textarea": _VALUED | {"length", "htmlFormatted"},
    "picklist": _VALUED | {"values", "restrictedPicklist", "controllerName"},
    "multipicklist": _VALUED | {"values", "restrictedPicklist", "controllerName", "length"},
    "boolean": frozenset({"default"}),
    "int": _VALUED | _KEYED,
    "double": _VALUED | _KEYED | {"precision", "scale"},
    "currency": _VALUED | {"precision", "scale"},
    "percent": _VALUED | {"precision", "scale"},
    "date": _VALUED,
    "datetime": _VALUED,
    "email": _VALUED | _KEYED,
    "phone": _VALUED,
    "url": _VALUED,
    "reference": frozenset({"required", "referenceTo", "childRelationship"}),
    "masterdetail": frozenset({"referenceTo", "childRelationship"}),
    "autonumber": frozenset({"displayFormat", "externalId"}),
    "formula": frozenset({"formula", "returns", "precision", "scale", "formulaTreatNullNumberAsZero"}),
}
_OBJECT_KEYS = frozenset({"name", "label", "labelPlural", "nameField", "fields"})
_NAME_FIELD_KEYS = frozenset({"label", "kind", "displayFormat"})
_VALUE_KEYS = frozenset({"value", "label", "default", "active", "validFor"})
_RETURNS = frozenset({"string", "boolean", *_NUMBERS, "date", "datetime"})
_NOW = {"date": "TODAY()", "datetime": "NOW()"}


class BadSpec(ValueError):
    """An administrator asks for what can't be; the message names the thing, the reason and the remedy."""


def is_custom_name(name: object) -> bool:
    """Whether a name can be that of something custom: ``Score__c``, ``pkg__Score__c``."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None and len(name) <= 60


def field_entry(spec: Mapping[str, object], controller: JsonObject | None = None) -> JsonObject:
    """The entry of a custom field.

    :param controller: the entry of the picklist or checkbox that ``controllerName`` names.
    :raises BadSpec: it can't be followed.
    """
    name, kind = spec.get("name"), spec.get("kind")
    if not isinstance(name, str) or not is_custom_name(name):
        raise BadSpec(f"a custom field can't be called {name!r}: letters, digits, single _, and __c at the end")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise BadSpec(f"{name}: no kind {kind!r}; there are {', '.join(sorted(_KINDS))}")
    _only(name, spec, _EVERY | _OWN[kind])
    made = _made(name, kind, spec)
    if spec.get("inlineHelpText"):
        made["inlineHelpText"] = str(spec["inlineHelpText"])
    if kind in ("picklist", "multipicklist"):
        set_values(made, _list(name, "values", spec.get("values")), controller)
    if spec.get("required"):
        made.update(nillable=False, permissionable=False)
    if spec.get("default") is not None:
        set_default(made, spec["default"])
    return made


def _made(name: str, kind: str, spec: Mapping[str, object]) -> JsonObject:
    label = str(spec.get("label") or "")
    plain = {k: spec[k] for k in ("caseSensitive", "externalId", "htmlFormatted", "restrictedPicklist") if k in spec}
    plain = {k: bool(v) for k, v in plain.items()}
    if kind == "formula":
        return _formula(name, label, spec)
    if kind == "autonumber":
        form = _number_format(name, spec.get("displayFormat"))
        more = {"autoNumber": True, "_number_format": form, **plain}
        return entries.custom_field(name, "string", label=label, flags="d", length=30, **more)
    if kind in ("reference", "masterdetail"):
        return _reference(name, label, kind, spec)
    sizes = _sizes(name, kind, spec)
    made = entries.custom_field(name, kind, label=label, **sizes, **plain)
    made["unique"] = bool(spec.get("unique"))
    made["idLookup"] = made["unique"] or made["externalId"]
    if made["htmlFormatted"]:
        made["extraTypeInfo"] = "richtextarea"
    return made


def _sizes(name: str, kind: str, spec: Mapping[str, object]) -> dict[str, int]:
    if kind in _LENGTHS:
        usual, most = _LENGTHS[kind]
        return {"length": _whole(name, "length", spec.get("length", usual), 1, most)}
    if kind == "multipicklist":
        return {"length": _whole(name, "length", spec.get("length", 4099), 1, 4099)}
    if kind in _NUMBERS:
        precision = _whole(name, "precision", spec.get("precision", 18), 1, 18)
        return {
            "precision": precision,
            "scale": _whole(name, "scale", spec.get("scale", min(2, precision)), 0, precision),
        }
    return {}


def _reference(name: str, label: str, kind: str, spec: Mapping[str, object]) -> JsonObject:
    target = spec.get("referenceTo")
    to = [target] if isinstance(target, str) else _list(name, "referenceTo", target)
    if len(to) != 1 or not isinstance(to[0], str):
        raise BadSpec(f"{name}: referenceTo names the one object that it refers to")
    master = kind == "masterdetail"
    children = str(spec.get("childRelationship") or "") or None
    if master and children is None:
        raise BadSpec(f"{name}: a master-detail field needs childRelationship, the name of its records at their master")
    more = {"cascadeDelete": True, "writeRequiresMasterRead": False, "relationshipOrder": 0} if master else {}
    return entries.custom_field(
        name,
        "reference",
        label=label,
        flags="c" if master else "cun",
        to=(to[0],),
        relationship=name.removesuffix("__c") + "__r",
        _children=children and f"{children}__r",
        **more,
    )


def kind_of(entry: JsonObject) -> str:
    """What an administrator calls the kind of a field."""
    if entry["autoNumber"]:
        return "autonumber"
    if entry["calculated"]:
        return "formula"
    return "masterdetail" if entry["type"] == "reference" and entry["cascadeDelete"] else str(entry["type"])


def changed_entry(entry: JsonObject, changes: Mapping[str, object], controller: JsonObject | None) -> JsonObject:
    """The entry of a field that exists, changed. Of a standard field label, help text and values can be changed.

    :param controller: as for :func:`field_entry`.
    """
    name = entry["name"]
    kind = kind_of(entry)
    allowed = (_EVERY - {"name", "kind"}) | (
        _OWN[kind] if entry["custom"] else {"values"} & _OWN.get(kind, frozenset())
    )
    _only(name, changes, frozenset(allowed) - {"referenceTo", "formula", "returns"})
    flags = ("caseSensitive", "externalId", "htmlFormatted", "restrictedPicklist", "unique")
    made = {**entry, **{k: bool(changes[k]) for k in flags if k in changes}}
    made.update({k: str(changes[k]) for k in ("label", "inlineHelpText") if changes.get(k)})
    if entry["custom"]:
        sizes: dict[str, object] = {k: made[k] for k in ("length", "precision", "scale") if k in _OWN[kind]}
        made.update(_sizes(name, kind, {**sizes, **changes}) if sizes else {})
    if {"externalId", "unique"} & set(changes):
        made["idLookup"] = made["externalId"] or made["unique"]
    if "values" in changes:
        set_values(made, _list(name, "values", changes["values"]), controller)
    if "displayFormat" in changes:
        made["_number_format"] = _number_format(name, changes["displayFormat"])
    if "childRelationship" in changes:
        made["_children"] = f"{changes['childRelationship']}__r"
    if "required" in changes:
        made.update(nillable=not changes["required"], permissionable=not changes["required"])
    if changes.get("default") is not None:
        set_default(made, changes["default"])
    elif "default" in changes:
        made.update(defaultValue=False if kind == "boolean" else None, defaultValueFormula=None)
        made["defaultedOnCreate"] = kind == "boolean"
    return made


def _formula(name: str, label: str, spec: Mapping[str, object]) -> JsonObject:
    text, returns = spec.get("formula"), spec.get("returns")
    if not isinstance(text, str) or not text.strip():
        raise BadSpec(f"{name}: formula says how it is computed")
    if returns not in _RETURNS:
        raise BadSpec(f"{name}: returns {returns!r} is none of {', '.join(sorted(_RETURNS))}")
    kind = str(returns)
    made = entries.custom_field(name, kind, label=label, flags="" if kind == "boolean" else "n")
    made.update(calculated=True, calculatedFormula=text, defaultedOnCreate=False)
    made["formulaTreatNullNumberAsZero"] = bool(spec.get("formulaTreatNullNumberAsZero", False))
    if kind == "string":
        made.update(length=1300, byteLength=3900)
    if kind in _NUMBERS:
        made.update(_sizes(name, kind, spec))
    return made


def _number_format(name: str, given: object) -> str:
    form = "{0}" if given is None else str(given)
    if not _NUMBER_FORMAT.fullmatch(form):
        raise BadSpec(f"{name}: displayFormat {form!r} has no place for the number, such as {{0000}}")
    return form


def set_default(entry: JsonObject, default: object) -> None:
    """Give a field the value that new records get."""
    name, kind = entry["name"], entry["type"]
    if kind == "boolean":
        if not isinstance(default, bool):
            raise BadSpec(f"{name}: the default of a checkbox is true or false")
        entry["defaultValue"] = default
        return
    if kind in ("picklist", "multipicklist"):
        _default_value(entry, str(default))
    elif isinstance(default, bool) or not isinstance(default, str | int | float):
        raise BadSpec(f"{name}: the default {default!r} is neither a text nor a number")
    elif isinstance(default, str) and default != _NOW.get(kind):
        entry["defaultValueFormula"] = json.dumps(default, ensure_ascii=False)
    else:
        entry["defaultValueFormula"] = str(default)
    entry["defaultedOnCreate"] = True


def _default_value(entry: JsonObject, wanted: str) -> None:
    if wanted not in [v["value"] for v in entry["picklistValues"]]:
        raise BadSpec(f"{entry['name']}: the default {wanted!r} is none of its values")
    entry["picklistValues"] = [{**v, "defaultValue": v["value"] == wanted} for v in entry["picklistValues"]]
    entry["defaultValue"] = wanted


def set_values(entry: JsonObject, values: Sequence[object], controller: JsonObject | None) -> None:
    """Give a picklist its values.

    :param controller: the entry of the field that says which of them are valid.
    """
    name = entry["name"]
    made = [_value(name, v, controller) for v in values]
    known = [v["value"].lower() for v in made]
    if twice := {v for v in known if known.count(v) > 1}:
        raise BadSpec(f"{name}: the value {', '.join(sorted(twice))} is there twice")
    entry["picklistValues"] = made
    entry["controllerName"] = controller["name"] if controller else None
    entry["dependentPicklist"] = controller is not None
    chosen = next((v["value"] for v in made if v["defaultValue"]), None)
    if chosen is not None:
        entry.update(defaultValue=chosen, defaultedOnCreate=True)


def _value(name: str, given: object, controller: JsonObject | None) -> JsonObject:
    value: Mapping[str, object] = given if isinstance(given, Mapping) else {"value": given}
    _only(name, value, _VALUE_KEYS)
    text = value.get("value")
    if not isinstance(text, str) or not text.strip() or len(text) > 255:
        raise BadSpec(f"{name}: a value is a text of 1 to 255 characters, not {text!r}")
    valid_for = value.get("validFor")
    if valid_for is not None and controller is None:
        raise BadSpec(f"{name}: {text!r} has validFor, but the field has no controllerName")
    places = [_place(name, str(v), controller) for v in _list(name, "validFor", valid_for or [])] if controller else []
    return {
        "active": bool(value.get("active", True)),
        "defaultValue": bool(value.get("default", False)),
        "label": str(value.get("label") or text),
        "validFor": bitmap(places) if controller else None,
        "value": text,
    }


def _place(name: str, value: str, controller: JsonObject | None) -> int:
    """Which of the controlling field's values this is; of a checkbox, false is the first."""
    assert controller is not None
    boolean = controller["type"] == "boolean"
    known = ["false", "true"] if boolean else [v["value"] for v in controller["picklistValues"]]
    sought = value.lower() if boolean else value
    if sought not in known:
        raise BadSpec(f"{name}: validFor {value!r} is no value of {controller['name']}")
    return known.index(sought)


def object_describe(spec: Mapping[str, object], number: int) -> JsonObject:
    """The describe of a custom object without custom fields.

    :param number: how many there were before: its key prefix follows from it.
    """
    name = spec.get("name")
    if not isinstance(name, str) or not is_custom_name(name):
        raise BadSpec(f"a custom object can't be called {name!r}: letters, digits, single _, and __c at the end")
    _only(name, spec, _OBJECT_KEYS)
    label = str(spec.get("label") or name.removesuffix("__c").replace("_", " "))
    fields = [
        entries.id_entry("Record ID"),
        entries.user("OwnerId", "Owner ID", "Owner", "cud") | {"referenceTo": ["Group", "User"]},
        entries.deleted(),
        _name_field(name, label, spec.get("nameField")),
        *entries.audit(),
        *entries.viewed(),
    ]
    prefix = f"a{ids.DIGITS[number // 62]}{ids.DIGITS[number % 62]}"
    plural = str(spec.get("labelPlural") or f"{label}s")
    return entries.object_entry(
        name,
        prefix,
        fields,
        label=label,
        plural=plural,
        custom=True,
        undeletable=True,
        searchable=True,
        searchLayoutable=True,
        mruEnabled=True,
    )


def _name_field(sobject: str, label: str, given: object) -> JsonObject:
    spec = given if isinstance(given, Mapping) else {}
    _only(f"{sobject}: nameField", spec, _NAME_FIELD_KEYS)
    shown = str(spec.get("label") or f"{label} Name")
    kind = spec.get("kind", "string")
    if kind == "string":
        return entries.name("cund", label=shown, length=80)
    if kind == "autonumber":
        form = _number_format(f"{sobject}: nameField", spec.get("displayFormat"))
        return entries.name("d", label=shown, length=80, autoNumber=True, _number_format=form)
    raise BadSpec(f"{sobject}: the name is of kind string or autonumber, not {kind!r}")


def _only(name: str, given: Mapping[str, object], known: frozenset[str]) -> None:
    if unknown := set(given) - known:
        raise BadSpec(f"{name}: unknown {', '.join(sorted(map(str, unknown)))}; there are {', '.join(sorted(known))}")


def _list(name: str, key: str, given: object) -> list[object]:
    if not isinstance(given, list | tuple):
        raise BadSpec(f"{name}: {key} is a list")
    return list(given)


def _whole(name: str, key: str, given: object, least: int, most: int) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or not least <= given <= most:
        raise BadSpec(f"{name}: {key} is a whole number from {least} to {most}, not {given!r}")
    return given
