"""Objects and fields, read from describe results.

The describe result is the one source: which fields exist, their types and limits, what may be written.
Five are recorded from real orgs (``describe/*.json.gz``), the rest is written by hand in
:mod:`~salesforce_emulator.schema.handmade`.  This module adds what a describe does not say: which fields
are stored, and how the others are computed.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib import resources
from typing import Any

from salesforce_emulator.schema.computed import EXPRESSIONS
from salesforce_emulator.schema.handmade import handmade_describes

JsonObject = dict[str, Any]
"""A describe result as Salesforce sends it: JSON of many shapes, handed on untouched."""

RECORDED = ("Account.v58", "Contact", "Lead", "Opportunity", "OpportunityContactRole")

TEXT_TYPES = frozenset(
    {
        "string",
        "textarea",
        "picklist",
        "multipicklist",
        "combobox",
        "email",
        "phone",
        "url",
        "encryptedstring",
    }
)
NUMBER_TYPES = frozenset({"int", "double", "currency", "percent", "long"})
COMPOUND_TYPES = frozenset({"address", "location"})

_SQLITE_TYPES = {
    "boolean": "INTEGER",
    "int": "INTEGER",
    "long": "INTEGER",
    "double": "REAL",
    "currency": "REAL",
    "percent": "REAL",
    "anyType": "",  # no affinity: a value stays a number or a text
}
_STATE_PICKLISTS = ("StateCode", "CountryCode")
_OBJECT_DEFAULTS: JsonObject = {"associateEntityType": None, "associateParentEntity": None}


@dataclass(frozen=True)
class Field:
    """One field: its describe result and, where it is not stored, how SQL computes it.

    ``expression`` is an SQL template with ``{t}`` for the alias of the object's table.
    """

    describe: JsonObject
    expression: str | None = None
    name: str = field(init=False)
    type: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.describe["name"])
        object.__setattr__(self, "type", self.describe["type"])

    @cached_property
    def label(self) -> str:
        return str(self.describe["label"])

    @cached_property
    def length(self) -> int:
        return int(self.describe["length"])

    @cached_property
    def custom(self) -> bool:
        return bool(self.describe["custom"])

    @cached_property
    def nillable(self) -> bool:
        return bool(self.describe["nillable"])

    @cached_property
    def createable(self) -> bool:
        return bool(self.describe["createable"])

    @cached_property
    def updateable(self) -> bool:
        return bool(self.describe["updateable"])

    @cached_property
    def filterable(self) -> bool:
        return bool(self.describe["filterable"])

    @cached_property
    def sortable(self) -> bool:
        return bool(self.describe["sortable"])

    @cached_property
    def groupable(self) -> bool:
        return bool(self.describe["groupable"])

    @cached_property
    def required(self) -> bool:
        """Whether a new record must bring a value of its own."""
        return self.createable and not self.nillable and not self.describe["defaultedOnCreate"]

    @cached_property
    def external_id(self) -> bool:
        return bool(self.describe["externalId"])

    @cached_property
    def unique(self) -> bool:
        return bool(self.describe["unique"])

    @cached_property
    def reference_to(self) -> tuple[str, ...]:
        return tuple(self.describe["referenceTo"])

    @cached_property
    def relationship_name(self) -> str | None:
        name = self.describe["relationshipName"]
        return None if name is None else str(name)

    @cached_property
    def picklist_values(self) -> tuple[str, ...]:
        """The active values, in their order."""
        return tuple(str(p["value"]) for p in self.describe["picklistValues"] if p["active"])

    @cached_property
    def compound(self) -> bool:
        """Whether this is an address or a location: made of other fields, absent from Bulk results."""
        return self.type in COMPOUND_TYPES

    @cached_property
    def stored(self) -> bool:
        """Whether the table has a column for it."""
        return self.expression is None and not self.compound

    @cached_property
    def sqlite_type(self) -> str:
        return _SQLITE_TYPES.get(self.type, "TEXT")

    def sql(self, alias: str) -> str:
        """The SQL expression of this field's value, given the alias of the object's table."""
        if self.expression is None:
            return f'{alias}."{self.name}"'
        return self.expression.replace("{t}", alias)


@dataclass(frozen=True)
class ChildRelationship:
    """``relationship`` is the name a child subquery uses: ``Contacts`` of Account."""

    relationship: str
    child: str
    field: str


class SObject:
    """One object. Field names are looked up whatever their case, as SOQL does."""

    def __init__(self, describe: JsonObject, fields: Iterable[Field]) -> None:
        self.describe = describe
        self.fields = tuple(fields)
        self.name = str(describe["name"])
        self.label = str(describe["label"])
        self.prefix = str(describe["keyPrefix"] or "")
        self._by_name = {f.name.lower(): f for f in self.fields}
        self._by_relationship = {f.relationship_name.lower(): f for f in self.fields if f.relationship_name}

    def __repr__(self) -> str:
        return f"SObject({self.name})"

    def __getitem__(self, name: str) -> Field:
        return self._by_name[name.lower()]

    def get(self, name: str) -> Field | None:
        return self._by_name.get(name.lower())

    def parent(self, relationship: str) -> Field | None:
        """The reference field that a relationship name (``Account``, ``Owner``, ``Parent__r``) follows."""
        return self._by_relationship.get(relationship.lower())

    @cached_property
    def stored(self) -> tuple[Field, ...]:
        """The fields that have a column, in the order of the describe."""
        return tuple(f for f in self.fields if f.stored)

    @cached_property
    def stored_names(self) -> tuple[str, ...]:
        return tuple(f.name for f in self.stored)

    @cached_property
    def columns(self) -> frozenset[str]:
        return frozenset(self.stored_names)

    @cached_property
    def deletes(self) -> bool:
        """Whether a record that is deleted stays, marked as such."""
        return "IsDeleted" in self.columns

    @cached_property
    def children(self) -> dict[str, ChildRelationship]:
        """Child relationships by lower-case name."""
        return {
            str(c["relationshipName"]).lower(): ChildRelationship(
                str(c["relationshipName"]), str(c["childSObject"]), str(c["field"])
            )
            for c in self.describe["childRelationships"]
            if c["relationshipName"]
        }

    @property
    def name_field(self) -> Field | None:
        return next((f for f in self.fields if f.describe["nameField"]), None)

    @property
    def mergeable(self) -> bool:
        return bool(self.describe["mergeable"])

    @property
    def deletable(self) -> bool:
        return bool(self.describe["deletable"])

    @property
    def createable(self) -> bool:
        return bool(self.describe["createable"])

    @property
    def updateable(self) -> bool:
        return bool(self.describe["updateable"])


class Schema:
    """The org's objects. Iterates in alphabetical order, like the global describe."""

    def __init__(self, describes: Iterable[JsonObject]) -> None:
        made = [_sobject(describe) for describe in describes]
        self._objects = {o.name.lower(): o for o in sorted(made, key=lambda o: o.name)}
        self._by_prefix = {o.prefix: o for o in self._objects.values() if o.prefix}

    def __iter__(self) -> Iterator[SObject]:
        return iter(self._objects.values())

    def __getitem__(self, name: str) -> SObject:
        return self._objects[name.lower()]

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._objects

    def get(self, name: str) -> SObject | None:
        return self._objects.get(name.lower())

    def by_id(self, record_id: str) -> SObject | None:
        """The object whose key prefix an id carries."""
        return self._by_prefix.get(record_id[:3])

    def target(self, reference: Field) -> SObject | None:
        """The object that a relationship through this field leads to.

        A polymorphic owner (User or Group) is read as a User: this org has no queues.
        """
        found = [self._objects[n.lower()] for n in reference.reference_to if n.lower() in self._objects]
        return found[0] if found else None


def _sobject(describe: JsonObject) -> SObject:
    expressions = EXPRESSIONS.get(describe["name"], {})
    return SObject(describe, [Field(f, expressions.get(f["name"])) for f in describe["fields"]])


def _recorded(name: str) -> JsonObject:
    packed = (resources.files("salesforce_emulator") / "describe" / f"{name}.json.gz").read_bytes()
    describe: JsonObject = json.loads(gzip.decompress(packed))
    return {**_OBJECT_DEFAULTS, **describe}


def _without_state_picklists(describe: JsonObject) -> JsonObject:
    """The describe of an org that has not switched on state and country picklists."""
    fields = [f for f in describe["fields"] if not f["name"].endswith(_STATE_PICKLISTS)]
    return {**describe, "fields": fields}


def _add_custom_fields(describe: JsonObject, extra: Iterable[JsonObject]) -> JsonObject:
    return {**describe, "fields": [*describe["fields"], *extra]}


def build_schema(*, state_picklists: bool = False, custom_fields: dict[str, list[JsonObject]] | None = None) -> Schema:
    """The standard objects, with the org's own settings.

    The recorded Account comes from an org with state and country picklists, the other recorded objects from
    orgs without; one org has one or the other, so the picklists' fields stay only when asked for.

    :param custom_fields: more fields by object name, as full describe entries
        (:func:`salesforce_emulator.schema.entries.custom_field` makes them).
    """
    extra = custom_fields or {}
    describes: list[JsonObject] = []
    for describe in [*map(_recorded, RECORDED), *handmade_describes()]:
        kept = describe if state_picklists else _without_state_picklists(describe)
        describes.append(_add_custom_fields(kept, extra.get(kept["name"], ())))
    return Schema(describes)


@lru_cache(maxsize=1)
def default_schema() -> Schema:
    """The schema of an org with nothing changed. Made once."""
    return build_schema()
