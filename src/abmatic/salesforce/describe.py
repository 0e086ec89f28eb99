"""What an org says of its objects and fields, typed, and asked for only when it may have changed.

Describe answers carry an ETag or Last-Modified; sent back, an unchanged one costs an empty 304.
A field that is missing here is one the org doesn't have or the user may not see: it is never
to be taken for an empty value.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Generic, TypeVar

from . import errors
from .answers import Answer, Json
from .wire import Wire

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PicklistValue:
    value: str
    label: str
    active: bool
    default: bool


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a describe; names as in Salesforce, in our spelling. ``type`` is Salesforce's
    (string, picklist, email, phone, url, int, double, currency, percent, boolean, date, datetime,
    reference, address, …). ``compound`` fields are made of others, which name them in
    ``compound_field_name``."""

    name: str
    label: str
    type: str
    length: int
    precision: int
    scale: int
    custom: bool
    nillable: bool
    createable: bool
    updateable: bool
    filterable: bool
    sortable: bool
    calculated: bool
    auto_number: bool
    defaulted_on_create: bool
    restricted_picklist: bool
    external_id: bool
    unique: bool
    id_lookup: bool
    name_field: bool
    picklist_values: tuple[PicklistValue, ...]
    reference_to: tuple[str, ...]
    relationship_name: str | None
    compound_field_name: str | None
    compound: bool

    @property
    def in_bulk(self) -> bool:
        """Whether a bulk query may select it: neither compound fields nor base64."""
        return not self.compound and self.type not in ("address", "location", "base64")

    @property
    def required_on_create(self) -> bool:
        """Whether a new record is refused without it."""
        return self.createable and not self.nillable and not self.defaulted_on_create and self.type != "boolean"


@dataclass(frozen=True)
class Describe:
    """An object: what may be done with it, and its fields by API name."""

    name: str
    label: str
    label_plural: str
    key_prefix: str | None
    custom: bool
    createable: bool
    updateable: bool
    deletable: bool
    queryable: bool
    mergeable: bool
    replicateable: bool
    triggerable: bool
    fields: Mapping[str, Field] = field(repr=False)
    # Objects whose records refer to this one's, and by which field: those that the user may see.
    children: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def get(self, name: str) -> Field | None:
        """The field of that API name, in any case, as Salesforce matches them."""
        found = self.fields.get(name)
        if found:
            return found
        return next((f for f in self.fields.values() if f.name.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True)
class ObjectSummary:
    """An object in the global describe."""

    name: str
    label: str
    label_plural: str
    key_prefix: str | None
    custom: bool
    createable: bool
    updateable: bool
    queryable: bool
    replicateable: bool


@dataclass(frozen=True)
class GlobalDescribe:
    """The objects the connected user can see, by API name."""

    max_batch_size: int
    objects: Mapping[str, ObjectSummary] = field(repr=False)


def read_describe(answer: Answer) -> Describe:
    """Raises BadAnswer where the answer is no describe of an object."""
    return parse_describe(answer.object())


def parse_describe(value: dict[str, Json]) -> Describe:
    """A describe result as parsed JSON. Raises BadAnswer."""
    try:
        compounds = {f.get("compoundFieldName") for f in value["fields"]}
        # Account.Name names itself; that doesn't make it compound.
        fields = [
            _field(f, f["name"] in compounds and f.get("compoundFieldName") != f["name"]) for f in value["fields"]
        ]
        return Describe(
            name=value["name"],
            label=value["label"],
            label_plural=value.get("labelPlural") or value["label"],
            key_prefix=value.get("keyPrefix"),
            custom=bool(value.get("custom")),
            createable=bool(value.get("createable")),
            updateable=bool(value.get("updateable")),
            deletable=bool(value.get("deletable")),
            queryable=bool(value.get("queryable")),
            mergeable=bool(value.get("mergeable")),
            replicateable=bool(value.get("replicateable")),
            triggerable=bool(value.get("triggerable")),
            fields=MappingProxyType({f.name: f for f in fields}),
            children=tuple(
                (str(child["childSObject"]), str(child["field"]))
                for child in value.get("childRelationships") or ()
                if not child.get("deprecatedAndHidden")
            ),
        )
    except (KeyError, TypeError, AttributeError) as fault:
        raise errors.BadAnswer(f"a describe of unexpected shape ({fault!r})") from fault


def _field(value: dict[str, Json], compound: bool) -> Field:
    return Field(
        name=value["name"],
        label=value["label"],
        type=value["type"],
        length=int(value.get("length") or 0),
        precision=int(value.get("precision") or 0),
        scale=int(value.get("scale") or 0),
        custom=bool(value.get("custom")),
        nillable=bool(value.get("nillable")),
        createable=bool(value.get("createable")),
        updateable=bool(value.get("updateable")),
        filterable=bool(value.get("filterable")),
        sortable=bool(value.get("sortable")),
        calculated=bool(value.get("calculated")),
        auto_number=bool(value.get("autoNumber")),
        defaulted_on_create=bool(value.get("defaultedOnCreate")),
        restricted_picklist=bool(value.get("restrictedPicklist")),
        external_id=bool(value.get("externalId")),
        unique=bool(value.get("unique")),
        id_lookup=bool(value.get("idLookup")),
        name_field=bool(value.get("nameField")),
        picklist_values=tuple(
            PicklistValue(
                str(p["value"]), str(p.get("label") or p["value"]), bool(p.get("active")), bool(p.get("defaultValue"))
            )
            for p in value.get("picklistValues") or ()
        ),
        reference_to=tuple(value.get("referenceTo") or ()),
        relationship_name=value.get("relationshipName"),
        compound_field_name=value.get("compoundFieldName"),
        compound=compound or value["type"] in ("address", "location"),
    )


def read_global(answer: Answer) -> GlobalDescribe:
    """Raises BadAnswer where the answer is no global describe."""
    value = answer.object()
    try:
        objects = [
            ObjectSummary(
                name=o["name"],
                label=o["label"],
                label_plural=o.get("labelPlural") or o["label"],
                key_prefix=o.get("keyPrefix"),
                custom=bool(o.get("custom")),
                createable=bool(o.get("createable")),
                updateable=bool(o.get("updateable")),
                queryable=bool(o.get("queryable")),
                replicateable=bool(o.get("replicateable")),
            )
            for o in value["sobjects"]
        ]
        return GlobalDescribe(int(value.get("maxBatchSize") or 200), MappingProxyType({o.name: o for o in objects}))
    except (KeyError, TypeError, AttributeError) as fault:
        raise errors.BadAnswer(f"a global describe of unexpected shape ({fault!r})") from fault


@dataclass(frozen=True)
class _Kept(Generic[T]):
    value: T
    conditions: Mapping[str, str]


class Remembered(Generic[T]):
    """Answers kept by path and asked for again on condition that they have changed. Thread-safe."""

    def __init__(self, wire: Wire, read: Callable[[Answer], T]) -> None:
        self._wire = wire
        self._read = read
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept[T]] = {}

    def get(self, path: str) -> T:
        with self._lock:
            kept = self._kept.get(path)

        def read(answer: Answer) -> _Kept[T]:
            if answer.status == 304 and kept:
                return kept
            return _Kept(self._read(answer), _conditions(answer))

        fresh = self._wire.call("GET", path, read, headers=kept.conditions if kept else None)
        with self._lock:
            self._kept[path] = fresh
        return fresh.value


def _conditions(answer: Answer) -> dict[str, str]:
    """The headers that make the next request conditional."""
    found = {
        "If-None-Match": answer.headers.get("etag", ""),
        "If-Modified-Since": answer.headers.get("last-modified", ""),
    }
    return {name: value for name, value in found.items() if value}
