"""Who may do what: permissions on objects and fields by profile and permission set, and who sees whose records.

Written as the Metadata API writes them; what is left out stays as it is::

    {"profiles": [{"fullName": "Standard User",
                   "objectPermissions": [{"object": "Campaign", "allowRead": true, "allowEdit": false}],
                   "fieldPermissions": [{"field": "Account.AnnualRevenue", "readable": false}],
                   "userPermissions": [{"name": "ViewAllData", "enabled": true}]}],
     "permission_sets": [{"fullName": "Revenue", "assignees": ["rita@emulator.example"],
                          "fieldPermissions": [{"field": "Account.AnnualRevenue", "readable": true}]}],
     "sharing": {"Opportunity": "Private"}}

A profile allows what it doesn't name; ``"object": "*"`` names all objects without an entry of their own.  A permission
set only adds.  ``sharing`` is an object's org-wide default: Private, Read or ReadWrite.  An address is one field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from salesforce_emulator.schema import Schema
from salesforce_emulator.store.wording import BadRule, Json, entries, flag, known_object, only, text

ANY = "*"
SHARING = ("Private", "Read", "ReadWrite")
_OBJECT_KEYS = {
    "allowRead": "read",
    "allowCreate": "create",
    "allowEdit": "edit",
    "allowDelete": "delete",
    "viewAllRecords": "view_all",
    "modifyAllRecords": "modify_all",
}
_NEVER = frozenset(
    {"User", "UserRole", "Group", "QueueSobject", "Profile", "Organization", "Name", "LeadStatus", "OpportunityStage",
     "TaskStatus", "TaskPriority"}
)  # fmt: skip
"""Objects that profiles have no permissions on."""
_FOLLOWS = {"OpportunityHistory": "Opportunity", "OpportunityFieldHistory": "Opportunity"}
_GRANT_KEYS = ("fullName", "objectPermissions", "fieldPermissions")


@dataclass(frozen=True)
class ObjectRights:
    """What may be done with an object's records; view_all and modify_all whoever owns them."""

    read: bool = False
    create: bool = False
    edit: bool = False
    delete: bool = False
    view_all: bool = False
    modify_all: bool = False

    def __or__(self, other: ObjectRights) -> ObjectRights:
        return ObjectRights(*(getattr(self, name) or getattr(other, name) for name in _OBJECT_KEYS.values()))

    def to_json(self, name: str) -> dict[str, object]:
        return {"object": name, **{key: getattr(self, right) for key, right in _OBJECT_KEYS.items()}}


@dataclass(frozen=True)
class FieldRights:
    read: bool = False
    edit: bool = False

    def __or__(self, other: FieldRights) -> FieldRights:
        return FieldRights(self.read or other.read, self.edit or other.edit)

    def to_json(self, name: str) -> dict[str, object]:
        return {"field": name, "readable": self.read, "editable": self.edit}


_EVERYTHING = ObjectRights(read=True, create=True, edit=True, delete=True)
_BOTH = FieldRights(read=True, edit=True)


@dataclass(frozen=True)
class Grants:
    """What a profile or a permission set says. ``adds``: a permission set, which allows nothing it doesn't name."""

    name: str
    adds: bool = False
    objects: Mapping[str, ObjectRights] = field(default_factory=dict)
    fields: Mapping[str, FieldRights] = field(default_factory=dict)
    """By object and field: ``Account.Industry``."""
    assignees: tuple[str, ...] = ()

    def of_object(self, name: str) -> ObjectRights:
        if name in _NEVER:
            return _EVERYTHING
        found = self.objects.get(_FOLLOWS.get(name, name)) or self.objects.get(ANY)
        return found or (ObjectRights() if self.adds else _EVERYTHING)

    def of_field(self, name: str) -> FieldRights:
        return self.fields.get(name) or (FieldRights() if self.adds else _BOTH)

    def to_json(self) -> dict[str, object]:
        return {
            "fullName": self.name,
            **({"assignees": list(self.assignees)} if self.adds else {}),
            "objectPermissions": [rights.to_json(name) for name, rights in self.objects.items()],
            "fieldPermissions": [rights.to_json(name) for name, rights in self.fields.items()],
        }


ALL = Grants("")
"""What somebody may do of whom nothing is said: everything."""


@dataclass(frozen=True)
class Permissions:
    """All that was laid down. ``changed`` tells when an object's permissions were changed last, in ISO's form."""

    profiles: Mapping[str, Grants] = field(default_factory=dict)
    sets: Mapping[str, Grants] = field(default_factory=dict)
    sharing: Mapping[str, str] = field(default_factory=dict)
    changed: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.profiles or self.sets or self.sharing)

    def to_json(self) -> dict[str, object]:
        return {
            "profiles": [grants.to_json() for grants in self.profiles.values()],
            "permission_sets": [grants.to_json() for grants in self.sets.values()],
            "sharing": dict(self.sharing),
        }

    def kept(self) -> dict[str, object]:
        """All that has to be kept with the org's file; :func:`restored` reads it."""
        return {**self.to_json(), "changed": dict(self.changed)}

    def named(self) -> set[str]:
        """The objects that something is said about; ``*`` for all."""
        grants = (*self.profiles.values(), *self.sets.values())
        return {name for one in grants for name in (*one.objects, *(path.split(".")[0] for path in one.fields))}


def restored(kept: Mapping[str, Any]) -> Permissions:
    """Permissions as they were kept. Objects and fields that they name may be gone since."""
    return Permissions(
        {p["fullName"]: _grants(p, adds=False) for p in kept.get("profiles", ())},
        {p["fullName"]: _grants(p, adds=True) for p in kept.get("permission_sets", ())},
        kept.get("sharing", {}),
        kept.get("changed", {}),
    )


def _grants(json: Mapping[str, Any], *, adds: bool) -> Grants:
    objects = {
        o["object"]: ObjectRights(*(bool(o[key]) for key in _OBJECT_KEYS)) for o in json.get("objectPermissions", ())
    }
    fields = {f["field"]: FieldRights(f["readable"], f["editable"]) for f in json.get("fieldPermissions", ())}
    return Grants(json["fullName"], adds, objects, fields, tuple(json.get("assignees", ())))


# -- what somebody wrote


def changed_by(permissions: Permissions, given: Json, schema: Schema, moment: str) -> Permissions:
    """The permissions after what somebody wrote: entries take the place of those on the same object or field.

    :param moment: when that is, in ISO's form.
    :raises BadRule: it names what isn't there, or what no permission is given on.
    """
    only(given, ("profiles", "permission_sets", "sharing"), "permissions")
    profiles, sets = dict(permissions.profiles), dict(permissions.sets)
    for entry in entries(given, "profiles", "permissions"):
        name = text(entry, "fullName", "profile")
        only(entry, (*_GRANT_KEYS, "userPermissions"), f"profile {name}")
        profiles[name] = _with(profiles.get(name, Grants(name)), entry, schema, f"profile {name}")
    for entry in entries(given, "permission_sets", "permissions"):
        name = text(entry, "fullName", "permission set")
        where = f"permission set {name}"
        only(entry, (*_GRANT_KEYS, "assignees"), where)
        sets[name] = _with(sets.get(name, Grants(name, adds=True)), entry, schema, where)
    sharing = {**permissions.sharing, **_sharing(given.get("sharing", {}), schema)}
    made = Permissions(profiles, sets, {n: m for n, m in sharing.items() if m != "ReadWrite"}, permissions.changed)
    return stamped(made, _touched(given), moment)


def stamped(permissions: Permissions, names: Iterable[str], moment: str) -> Permissions:
    return replace(permissions, changed={**permissions.changed, **dict.fromkeys(names, moment)})


def _touched(given: Json) -> set[str]:
    """The objects that somebody wrote about."""
    grants = [*given.get("profiles", ()), *given.get("permission_sets", ())]
    objects = {str(o["object"]) for g in grants for o in g.get("objectPermissions", ())}
    return objects | {str(f["field"]).split(".")[0] for g in grants for f in g.get("fieldPermissions", ())}


def _with(grants: Grants, entry: Json, schema: Schema, where: str) -> Grants:
    objects = dict(_object_entry(o, schema, where, grants.adds) for o in entries(entry, "objectPermissions", where))
    fields = dict(_field_entry(f, schema, where, grants.adds) for f in entries(entry, "fieldPermissions", where))
    assignees = entry.get("assignees", grants.assignees)
    if not isinstance(assignees, list | tuple) or not all(isinstance(a, str) for a in assignees):
        raise BadRule(f"{where}: assignees is a list of user names")
    return replace(
        grants,
        objects={**grants.objects, **objects},
        fields={**grants.fields, **fields},
        assignees=tuple(assignees),
    )


def _object_entry(entry: Json, schema: Schema, where: str, adds: bool) -> tuple[str, ObjectRights]:
    only(entry, ("object", *_OBJECT_KEYS), where)
    name = ANY if entry.get("object") == ANY else known_object(entry, schema, where).name
    if name in _NEVER or name in _FOLLOWS:
        follows = f"; it follows those on {_FOLLOWS[name]}" if name in _FOLLOWS else ""
        raise BadRule(f"{where}: no permissions are given on {name}{follows}")
    where = f"{where}: {name}"
    read = flag(entry, "allowRead", where, default=True)
    given = {
        right: flag(entry, key, where, default=read and not adds and not right.endswith("_all"))
        for key, right in _OBJECT_KEYS.items()
        if right != "read"
    }
    if not read and any(given.values()):
        raise BadRule(f"{where}: nothing else is allowed without allowRead")
    return name, ObjectRights(read=read, **given)


def _field_entry(entry: Json, schema: Schema, where: str, adds: bool) -> tuple[str, FieldRights]:
    only(entry, ("field", "readable", "editable"), where)
    path = text(entry, "field", where)
    sobject = schema.get(path.partition(".")[0])
    found = sobject.get(path.partition(".")[2]) if sobject is not None else None
    if sobject is None or found is None:
        raise BadRule(f"{where}: there is no field {path}; fields are named as Account.Industry")
    compound = found.describe["compoundFieldName"]
    if compound and compound != found.name and not found.compound:
        raise BadRule(f"{where}: {path} is a part of {sobject.name}.{compound}: give the permission on that")
    if not found.describe["permissionable"] and not found.compound:
        raise BadRule(f"{where}: {path} is always visible: no permission can be given on it")
    read = flag(entry, "readable", where, default=True)
    edit = flag(entry, "editable", where, default=read and not adds)
    if edit and not read:
        raise BadRule(f"{where}: {path} can't be editable without being readable")
    return f"{sobject.name}.{found.name}", FieldRights(read, edit)


def _sharing(given: object, schema: Schema) -> dict[str, str]:
    if not isinstance(given, dict):
        raise BadRule('sharing: an object such as {"Opportunity": "Private"} is wanted')
    for name, model in given.items():
        sobject = schema.get(name)
        if sobject is None or sobject.get("OwnerId") is None:
            raise BadRule(f"sharing: {name} is no object whose records have owners")
        if model not in SHARING:
            raise BadRule(f"sharing: {name} is {', '.join(SHARING)}, not {model!r}")
    return {schema[name].name: model for name, model in given.items()}
