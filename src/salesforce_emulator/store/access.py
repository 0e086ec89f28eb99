"""What one user may see and do, by the permissions of his profile and his permission sets."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from salesforce_emulator.schema import Field, Schema, SObject
from salesforce_emulator.schema.objects import JsonObject
from salesforce_emulator.schema.polymorphic import NAME, name_expressions
from salesforce_emulator.store.permissions import FieldRights, Grants, ObjectRights, Permissions

_USER = """
SELECT u."Username", p."Name", coalesce(p."PermissionsViewAllData", 0), coalesce(p."PermissionsModifyAllData", 0)
FROM "User" AS u LEFT JOIN "Profile" AS p ON p."Id" = u."ProfileId" WHERE u."Id" = ?
"""


@dataclass(frozen=True)
class Access:
    """A user's permissions. ``views_all`` and ``modifies_all`` are those on all data."""

    user_id: str
    grants: tuple[Grants, ...]
    sharing: dict[str, str]
    views_all: bool
    modifies_all: bool

    @property
    def key(self) -> tuple[str, ...]:
        """Users with the same key see the same objects and fields."""
        return tuple(grants.name for grants in self.grants)

    def of_object(self, name: str) -> ObjectRights:
        first, *others = (grants.of_object(name) for grants in self.grants)
        for rights in others:
            first |= rights
        return first

    def of_field(self, sobject: SObject, field: Field) -> FieldRights:
        """An address goes for its parts."""
        compound = field.describe["compoundFieldName"]
        of = sobject.get(compound) if compound else None
        name = of.name if of is not None and of.compound else field.name
        first, *others = (grants.of_field(f"{sobject.name}.{name}") for grants in self.grants)
        for rights in others:
            first |= rights
        return first

    def only_own(self, name: str) -> bool:
        """Whether of this object the user sees only what he owns."""
        if self.sharing.get(name) != "Private" or self.views_all or self.modifies_all:
            return False
        rights = self.of_object(name)
        return not rights.view_all and not rights.modify_all

    def may_change(self, name: str, owner: object) -> bool:
        """Whether an object's record with this owner may be changed, as far as sharing goes."""
        if name not in self.sharing or owner == self.user_id or self.modifies_all:
            return True
        return self.of_object(name).modify_all


def access_of(permissions: Permissions, conn: sqlite3.Connection, user_id: str) -> Access:
    """A user's permissions. One who isn't there has those of nobody in particular."""
    username, profile, views_all, modifies_all = conn.execute(_USER, (user_id,)).fetchone() or ("", None, 0, 0)
    standing = permissions.profiles.get(str(profile)) or Grants(str(profile))
    added = [grants for grants in permissions.sets.values() if username in grants.assignees]
    return Access(user_id, (standing, *added), dict(permissions.sharing), bool(views_all), bool(modifies_all))


def visible(schema: Schema, access: Access, changed: dict[str, str]) -> Schema:
    """The objects and fields that a user may see, with what he may do with them in their describes.

    :param changed: when permissions on an object were changed last; ``*`` for all objects.
    """
    readable = [sobject for sobject in schema if access.of_object(sobject.name).read]
    fields = {sobject.name: _fields(sobject, access) for sobject in readable}
    seen = frozenset(f"{name}.{f.name}" for name, of in fields.items() for f in of)
    objects = [_object(sobject, access, fields[sobject.name], schema, seen) for sobject in readable]
    objects = [_name(o, objects, schema) if o.name == NAME else o for o in objects]
    moments = dict(schema.changed)
    for sobject in schema:
        latest = max(changed.get(sobject.name, ""), changed.get("*", ""), moments.get(sobject.name, ""))
        if latest:
            moments[sobject.name] = latest
    return Schema(objects, version=schema.version, changed=moments)


def _fields(sobject: SObject, access: Access) -> list[Field]:
    found = []
    for field in sobject.fields:
        rights = access.of_field(sobject, field)
        if not rights.read:
            continue
        if rights.edit or not (field.createable or field.updateable):
            found.append(field)
        else:
            locked = {**field.describe, "createable": False, "updateable": False}
            found.append(Field(locked, field.expression, field.number_format))
    return found


def _object(sobject: SObject, access: Access, fields: list[Field], schema: Schema, seen: frozenset[str]) -> SObject:
    """The object as its user sees it; itself where nothing is kept from him.

    :param seen: the fields of all objects that he sees, as ``Account.Industry``.
    """
    rights = access.of_object(sobject.name)
    children = [c for c in sobject.describe["childRelationships"] if _leads_to_seen(c, schema, seen)]
    describe = {
        **sobject.describe,
        "childRelationships": children,
        "createable": sobject.createable and rights.create,
        "updateable": sobject.updateable and rights.edit,
        "deletable": sobject.deletable and rights.delete,
        "undeletable": sobject.describe["undeletable"] and rights.delete,
    }
    if fields == list(sobject.fields) and describe == sobject.describe:
        return sobject
    return SObject(describe, fields, sobject.hidden)


def _name(name: SObject, objects: list[SObject], schema: Schema) -> SObject:
    """Name as its user sees it: what is kept from him of a lead or an account isn't read through Who or What either."""
    expressions = name_expressions([*(o for o in objects if o is not name), schema[NAME]])
    if all(f.expression == expressions[f.name] for f in name.fields):
        return name
    return SObject(name.describe, [Field(f.describe, expressions[f.name]) for f in name.fields], name.hidden)


def _leads_to_seen(relationship: JsonObject, schema: Schema, seen: frozenset[str]) -> bool:
    """Whether nothing is kept from the user of a child relationship; many lead to objects that this org hasn't."""
    child = schema.get(relationship["childSObject"])
    if child is None:
        return True
    by = child.get(relationship["field"])
    return f"{child.name}.{by.name if by is not None else 'Id'}" in seen
