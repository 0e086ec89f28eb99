"""Objects and fields, read from describe results.

The describe result is the one source: which fields exist, their types and limits, what may be written.
Five are recorded from real orgs (``describe/*.json.gz``), the rest is written by hand in
:mod:`~salesforce_emulator.schema.handmade` or added by an org's administrators; all of them are put together in
:mod:`~salesforce_emulator.schema.building`.  This module adds what a describe does not say: which fields are stored,
and how the others are computed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

from salesforce_emulator.schema.polymorphic import NAME, is_polymorphic

JsonObject = dict[str, Any]
"""A describe result as Salesforce sends it: JSON of many shapes, handed on untouched."""

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


@dataclass(frozen=True)
class Field:
    """One field: its describe result and, where it is not stored, how SQL computes it.

    ``expression`` is an SQL template with ``{t}`` for the alias of the object's table; ``number_format`` shapes the
    numbers of an auto-number field, as ``T-{0000}``.
    """

    describe: JsonObject
    expression: str | None = None
    number_format: str | None = None
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
    def case_sensitive(self) -> bool:
        """Whether its values differ by case, as those of a unique field may."""
        return self.type in TEXT_TYPES and self.unique and bool(self.describe["caseSensitive"])

    @cached_property
    def default(self) -> str | int | float | bool | None:
        """What a new record has without being given a value; TODAY() and NOW() are left to the writer."""
        given = self.describe["defaultValue"]
        formula = self.describe["defaultValueFormula"]
        if self.type == "boolean":
            return bool(given)
        if not self.createable:
            return None
        if given is not None or formula is None:
            return cast("str | int | float | None", given)
        return formula if formula in ("TODAY()", "NOW()") else cast("str | int | float", json.loads(formula))

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
    def allowed_values(self) -> Mapping[str, str]:
        """The active values by their lower case."""
        return {v.lower(): v for v in self.picklist_values}

    @cached_property
    def compound(self) -> bool:
        """Whether this is an address or a location: made of other fields, absent from Bulk results."""
        return self.type in COMPOUND_TYPES

    @cached_property
    def stored(self) -> bool:
        """Whether the table has a column for it."""
        return self.expression is None and not self.compound and not (self.custom and self.describe["calculated"])

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
    """One object. Field names are looked up whatever their case, as SOQL does.

    ``hidden`` are columns of fields that nobody can see; what the org itself says of them is still kept.
    """

    def __init__(self, describe: JsonObject, fields: Iterable[Field], hidden: Iterable[str] = ()) -> None:
        self.describe = describe
        self.hidden = frozenset(hidden)
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
        return frozenset(self.stored_names) | self.hidden

    @cached_property
    def defaults(self) -> tuple[Field, ...]:
        """The stored fields that a new record has a value of, given or not."""
        return tuple(f for f in self.stored if f.name == "OwnerId" or f.default is not None)

    @cached_property
    def required(self) -> tuple[Field, ...]:
        """The fields that a new record must bring a value of."""
        return tuple(f for f in self.fields if f.required)

    @cached_property
    def never_null(self) -> tuple[Field, ...]:
        return tuple(f for f in self.fields if not f.nillable)

    @cached_property
    def unique(self) -> tuple[Field, ...]:
        """The fields of which no two records have the same value."""
        return tuple(f for f in self.stored if f.unique)

    @cached_property
    def numbered(self) -> tuple[Field, ...]:
        """The fields whose values the org counts up."""
        return tuple(f for f in self.stored if f.number_format)

    @cached_property
    def dependent(self) -> tuple[Field, ...]:
        """The picklists whose choice depends on another field."""
        return tuple(f for f in self.stored if f.describe["dependentPicklist"])

    @cached_property
    def custom(self) -> bool:
        return bool(self.describe["custom"])

    @property
    def kept(self) -> bool:
        """Whether it has a table. Name has none."""
        return bool(self.stored)

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
    """The org's objects. Iterates in alphabetical order, like the global describe.

    A schema doesn't change: the org gets another one. ``version`` counts them; ``changed`` tells when an object was
    changed last, in ISO's form; one that it doesn't name never was.
    """

    def __init__(
        self, objects: Iterable[SObject], *, version: int = 0, changed: Mapping[str, str] | None = None
    ) -> None:
        self.version = version
        self.changed = dict(changed or {})
        self._objects = {o.name.lower(): o for o in sorted(objects, key=lambda o: o.name)}
        self._by_prefix = {o.prefix: o for o in self._objects.values() if o.prefix}

    @cached_property
    def names_by_prefix(self) -> dict[str, str]:
        """The names of the objects by the key prefix of their ids."""
        return {prefix: o.name for prefix, o in self._by_prefix.items()}

    def __iter__(self) -> Iterator[SObject]:
        return iter(self._objects.values())

    def __getitem__(self, name: str) -> SObject:
        return self._objects[name.lower()]

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._objects

    def get(self, name: str) -> SObject | None:
        return self._objects.get(name.lower())

    def with_objects(self, objects: Iterable[SObject]) -> Schema:
        """The same with these objects in the place of those of their names."""
        changed = {o.name: o for o in objects}
        if not changed:
            return self
        return Schema((changed.get(o.name, o) for o in self), version=self.version, changed=self.changed)

    def by_id(self, record_id: str) -> SObject | None:
        """The object whose key prefix an id carries."""
        return self._by_prefix.get(record_id[:3])

    def target(self, reference: Field) -> SObject | None:
        """The object that a relationship through this field leads to: Name, where it may lead to several."""
        if is_polymorphic(reference):
            return self._objects.get(NAME.lower())
        found = [self._objects[n.lower()] for n in reference.reference_to if n.lower() in self._objects]
        return found[0] if found else None
