"""Changes that administrators make to an org's schema while it runs.

A change is a JSON object; ``action`` says which it is:

=========================  ====================================================================================
add_object                 and what :mod:`~salesforce_emulator.schema.spec` says of an object
remove_object              object
add_field                  object, field (as ``spec`` says)
change_field               object, field (its name), set: {what is to be different}
remove_field               object, field
add_picklist_value         object, field, value, and label, default, validFor where wanted
deactivate_picklist_value  object, field, value
activate_picklist_value    object, field, value
hide, show                 object, or object and field: nobody can see it, its values stay
=========================  ====================================================================================

Nothing here touches the tables: :mod:`~salesforce_emulator.store.altering` makes them follow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from salesforce_emulator.schema import spec
from salesforce_emulator.schema.building import build_schema
from salesforce_emulator.schema.custom import Customization, JsonObject
from salesforce_emulator.schema.objects import Schema, SObject
from salesforce_emulator.schema.spec import BadSpec

Change = Mapping[str, object]
_NEEDED = frozenset(
    {"Account", "CampaignMemberStatus", "Contact", "Event", "Lead", "LeadStatus", "Name", "Opportunity",
     "OpportunityStage", "Organization", "Profile", "Task", "User", "UserRole"}
)  # fmt: skip
"""Standard objects that rules and pages work with."""


def apply(custom: Customization, changes: Sequence[Change], now: datetime) -> Customization:
    """The customization after these changes, in this order.

    :raises BadSpec: one of them can't be made; none is.
    """
    before = build_schema(custom)
    for change in changes:
        action = change.get("action")
        made = _ACTIONS.get(action) if isinstance(action, str) else None
        if made is None:
            raise BadSpec(f"no action {action!r}; there are {', '.join(sorted(_ACTIONS))}")
        custom = made(custom, whole(custom), change)
    touched = _touched(before, build_schema(custom))
    # Whoever asks what changed since a second he has seen must hear of every change after it.
    latest = max((datetime.fromisoformat(at) for at in custom.changed.values()), default=None)
    at = now if latest is None else max(now, latest + timedelta(seconds=1))
    changed = {**custom.changed, **dict.fromkeys(touched, at.isoformat())}
    return replace(custom, version=custom.version + 1, changed=changed)


def whole(custom: Customization, before: Schema | None = None) -> Schema:
    """The schema with what is hidden.

    :param before: as for :func:`~salesforce_emulator.schema.building.build_schema`.
    """
    return build_schema(replace(custom, hidden=frozenset()), before)


def _touched(before: Schema, after: Schema) -> set[str]:
    old, new = ({o.name: o.describe for o in schema} for schema in (before, after))
    return {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}


def _add_object(custom: Customization, schema: Schema, change: Change) -> Customization:
    given = {k: v for k, v in change.items() if k != "action"}
    describe = spec.object_describe(given, custom.prefixes)
    name = describe["name"]
    if name in schema:
        raise BadSpec(f"there is an object {name} already")
    made = custom.with_object(describe)
    fields = given.get("fields", [])
    if not isinstance(fields, list):
        raise BadSpec(f"{name}: fields is a list")
    for field in fields:
        made = _add_field(made, whole(made), {"object": name, "field": field})
    return made


def _remove_object(custom: Customization, schema: Schema, change: Change) -> Customization:
    name = _object(schema, change).name
    if name not in custom.objects:
        raise BadSpec(f"{name} is a standard object, which can't be removed; it can be hidden")
    return custom.without_object(name)


def _add_field(custom: Customization, schema: Schema, change: Change) -> Customization:
    sobject = _object(schema, change)
    given = change.get("field")
    if not isinstance(given, Mapping):
        raise BadSpec(f"{sobject.name}: field says what the new field is, as {{'name': 'Score__c', 'kind': 'double'}}")
    entry = spec.field_entry(given, _controller(custom, sobject, given.get("controllerName")))
    if sobject.get(entry["name"]) is not None:
        raise BadSpec(f"{sobject.name} has a field {entry['name']} already")
    for target in entry["referenceTo"]:
        if target not in schema:
            raise BadSpec(f"{sobject.name}.{entry['name']}: there is no object {target} to refer to")
        entry["referenceTo"] = [schema[target].name]
        children = (entry.get("_children") or "").lower()
        if children in schema[target].children:
            raise BadSpec(f"{target} has a child relationship {entry['_children']} already: name another")
    return custom.with_field(sobject.name, entry)


def _change_field(custom: Customization, schema: Schema, change: Change) -> Customization:
    sobject, entry = _field(custom, schema, change)
    given = change.get("set")
    if not isinstance(given, Mapping):
        raise BadSpec(f"{sobject.name}.{entry['name']}: set says what is to be different")
    if "kind" in given and entry["custom"]:
        bare = custom.without_field(sobject.name, entry["name"])
        field = {"label": entry["label"], **given, "name": entry["name"]}
        return _add_field(bare, whole(bare), {"object": sobject.name, "field": field})
    controller = _controller(custom, sobject, given.get("controllerName", entry["controllerName"]))
    return custom.with_field(sobject.name, spec.changed_entry(entry, given, controller))


def _remove_field(custom: Customization, schema: Schema, change: Change) -> Customization:
    sobject, entry = _field(custom, schema, change)
    if not entry["custom"] or entry["name"] not in custom.fields.get(sobject.name, {}):
        raise BadSpec(f"{sobject.name}.{entry['name']} is a standard field, which can't be removed; it can be hidden")
    if dependent := next((f.name for f in sobject.fields if f.describe["controllerName"] == entry["name"]), None):
        raise BadSpec(f"{sobject.name}.{entry['name']} controls {dependent}: remove that first")
    return custom.without_field(sobject.name, entry["name"])


def _add_value(custom: Customization, schema: Schema, change: Change) -> Customization:
    sobject, entry = _picklist(custom, schema, change)
    given = {k: v for k, v in change.items() if k not in ("action", "object", "field")}
    controller = _controller(custom, sobject, entry["controllerName"])
    grown = {**entry, "picklistValues": []}
    spec.set_values(grown, [given], controller)
    (added,) = grown["picklistValues"]
    known = entry["picklistValues"]
    if added["value"].lower() in [v["value"].lower() for v in known]:
        raise BadSpec(f"{sobject.name}.{entry['name']} has a value {added['value']!r} already")
    if added["defaultValue"]:
        known = [{**v, "defaultValue": False} for v in known]
    return custom.with_field(sobject.name, {**grown, "picklistValues": [*known, added]})


def _switch_value(active: bool) -> Callable[[Customization, Schema, Change], Customization]:
    def switch(custom: Customization, schema: Schema, change: Change) -> Customization:
        sobject, entry = _picklist(custom, schema, change)
        wanted = change.get("value")
        if wanted not in [v["value"] for v in entry["picklistValues"]]:
            raise BadSpec(f"{sobject.name}.{entry['name']} has no value {wanted!r}")
        values = [{**v, "active": active} if v["value"] == wanted else v for v in entry["picklistValues"]]
        return custom.with_field(sobject.name, {**entry, "picklistValues": values})

    return switch


def _hide(custom: Customization, schema: Schema, change: Change) -> Customization:
    return replace(custom, hidden=custom.hidden | {_what(custom, schema, change)})


def _show(custom: Customization, schema: Schema, change: Change) -> Customization:
    return replace(custom, hidden=custom.hidden - {_what(custom, schema, change)})


def _what(custom: Customization, schema: Schema, change: Change) -> str:
    if "field" not in change:
        name = _object(schema, change).name
        if name in _NEEDED:
            raise BadSpec(f"{name} can't be hidden: the org itself works with it. Hide its fields instead")
        return name
    sobject, entry = _field(custom, schema, change)
    if not entry["permissionable"]:
        raise BadSpec(f"{sobject.name}.{entry['name']} can't be hidden: Salesforce shows it to whoever sees the object")
    return f"{sobject.name}.{entry['name']}"


def _object(schema: Schema, change: Change) -> SObject:
    found = schema.get(str(change.get("object")))
    if found is None:
        raise BadSpec(f"there is no object {change.get('object')!r}")
    return found


def _field(custom: Customization, schema: Schema, change: Change) -> tuple[SObject, JsonObject]:
    sobject = _object(schema, change)
    found = sobject.get(str(change.get("field")))
    if found is None:
        raise BadSpec(f"{sobject.name} has no field {change.get('field')!r}")
    return sobject, _entry(custom, sobject, found.name)


def _picklist(custom: Customization, schema: Schema, change: Change) -> tuple[SObject, JsonObject]:
    sobject, entry = _field(custom, schema, change)
    if entry["type"] not in ("picklist", "multipicklist"):
        raise BadSpec(f"{sobject.name}.{entry['name']} is no picklist")
    return sobject, entry


def _entry(custom: Customization, sobject: SObject, name: str) -> JsonObject:
    """A field's entry with what describe doesn't say."""
    own = custom.fields.get(sobject.name, {}).get(name)
    return own if own is not None else sobject[name].describe


def _controller(custom: Customization, sobject: SObject, name: object) -> JsonObject | None:
    if not name:
        return None
    found = sobject.get(str(name))
    if found is None or found.type not in ("picklist", "boolean"):
        raise BadSpec(f"{sobject.name}: {name} is no picklist and no checkbox, so that it can't control another field")
    return _entry(custom, sobject, found.name)


_ACTIONS: Mapping[str, Callable[[Customization, Schema, Change], Customization]] = {
    "add_object": _add_object,
    "remove_object": _remove_object,
    "add_field": _add_field,
    "change_field": _change_field,
    "remove_field": _remove_field,
    "add_picklist_value": _add_value,
    "deactivate_picklist_value": _switch_value(False),
    "activate_picklist_value": _switch_value(True),
    "hide": _hide,
    "show": _show,
}
