"""From the describe results that every org has, and what its administrators added, to its schema."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from importlib import resources

from salesforce_emulator.schema import persons
from salesforce_emulator.schema.computed import EXPRESSIONS
from salesforce_emulator.schema.currencies import rates, with_currency
from salesforce_emulator.schema.custom import Customization, JsonObject
from salesforce_emulator.schema.entries import child
from salesforce_emulator.schema.handmade import handmade_describes
from salesforce_emulator.schema.objects import Field, Schema, SObject
from salesforce_emulator.schema.places import with_codes, without_codes
from salesforce_emulator.schema.polymorphic import NAME, name_expressions

RECORDED = ("Account.v58", "Contact", "Lead", "Opportunity", "OpportunityContactRole")
_OBJECT_DEFAULTS: JsonObject = {"associateEntityType": None, "associateParentEntity": None}


def build_schema(custom: Customization | None = None, before: Schema | None = None) -> Schema:
    """The org's schema.

    :param before: the schema so far. Objects that are as they were are taken over from it, with what was worked out
        about them.
    """
    made = custom or Customization()
    whole = [with_currency(d, made.currencies) for d in (*_standard(made.features), *made.objects.values())]
    whole += rates(made.currencies, made.features)
    if persons.FEATURE in made.features:
        whole = _with_persons(whole, made)
    relations = _relations(made)
    objects = []
    for describe in whole:
        name = str(describe["name"])
        if name in made.hidden:
            continue
        present = _fields(describe, made)
        fields = [f for f in present if f"{name}.{f['name']}" not in made.hidden]
        hidden = {f["name"] for f in present if f not in fields}
        relationships = [*describe["childRelationships"], *relations.get(name, ())]
        entry = {**describe, "fields": [_shown(f) for f in fields], "childRelationships": relationships}
        known = before.get(name) if before else None
        same = known is not None and known.describe == entry and known.hidden == hidden
        objects.append(known if known is not None and same else _sobject(entry, fields, hidden))
    objects = [_name(o, objects) if o.name == NAME else o for o in objects]
    return Schema(objects, version=made.version, changed=made.changed)


def _name(sobject: SObject, objects: Iterable[SObject]) -> SObject:
    """The object Name, whose fields are those of whatever a polymorphic reference of these objects may lead to."""
    expressions = name_expressions(objects)
    return SObject(sobject.describe, [Field(f, expressions.get(f["name"])) for f in sobject.describe["fields"]])


@lru_cache(maxsize=1)
def default_schema() -> Schema:
    """The schema of an org with nothing changed. Made once."""
    return build_schema()


def _fields(describe: JsonObject, custom: Customization) -> list[JsonObject]:
    """An object's fields: those it has, as changed, and those that were added. A detail has the owner of its master."""
    own = dict(custom.fields.get(describe["name"], {}))
    fields = [own.pop(f["name"], f) for f in describe["fields"]]
    if describe["custom"] and any(f["cascadeDelete"] for f in own.values()):
        fields = [f for f in fields if f["name"] != "OwnerId"]
    return [*fields, *own.values()]


def _with_persons(describes: list[JsonObject], custom: Customization) -> list[JsonObject]:
    """The same of an org whose accounts may be persons."""
    contact = next(d for d in describes if d["name"] == "Contact")
    added = {"Account": persons.account_fields(_fields(contact, custom)), "Contact": persons.contact_fields()}
    made = [{**d, "fields": [*d["fields"], *added.get(d["name"], ())]} for d in describes]
    for describe in made:
        if describe["name"] == "Account":
            describe["recordTypeInfos"] = persons.record_type_infos(describe["recordTypeInfos"])
    return [*made, persons.record_type()]


def _shown(entry: JsonObject) -> JsonObject:
    return {k: v for k, v in entry.items() if k[0] != "_"} if any(k[0] == "_" for k in entry) else entry


def _relations(custom: Customization) -> Mapping[str, list[JsonObject]]:
    """The child relationships that custom references make, by parent."""
    found: dict[str, list[JsonObject]] = defaultdict(list)
    for name, entries in custom.fields.items():
        for entry in entries.values():
            if {name, f"{name}.{entry['name']}"} & custom.hidden or not entry["custom"]:
                continue
            for target in entry["referenceTo"]:
                relationship = entry.get("_children")
                found[target].append(child(name, entry["name"], relationship, entry["cascadeDelete"]))
    return found


def _sobject(describe: JsonObject, fields: Iterable[JsonObject], hidden: Iterable[str]) -> SObject:
    expressions = EXPRESSIONS.get(describe["name"], {})
    return SObject(
        describe,
        [
            Field(shown, f.get("_expression") or expressions.get(f["name"]), f.get("_number_format"))
            for shown, f in zip(describe["fields"], fields, strict=True)
        ],
        hidden=hidden,
    )


@cache
def _standard(features: frozenset[str]) -> tuple[JsonObject, ...]:
    """The describe results of the objects that an org with these features has.

    The recorded Account comes from an org with state and country picklists, the other recorded objects from
    orgs without; one org has one or the other.
    """
    made = [*map(_recorded, RECORDED), *handmade_describes()]
    if "state_country_picklists" in features:
        return tuple(with_codes(d, made[0]) for d in made)
    return tuple(without_codes(d) for d in made)


@cache
def _recorded(name: str) -> JsonObject:
    packed = (resources.files("salesforce_emulator") / "describe" / f"{name}.json.gz").read_bytes()
    describe: JsonObject = json.loads(gzip.decompress(packed))
    return {**_OBJECT_DEFAULTS, **describe}
