"""What administrators have made of an org's schema, apart from what every org has.

Kept with the org as JSON and never changed in place: a change makes another one, and
:func:`~salesforce_emulator.schema.building.build_schema` the schema of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

JsonObject = dict[str, Any]

FEATURES = frozenset({"advanced_currency_management", "person_accounts", "state_country_picklists"})
"""What can be switched on in a new org, and never off again."""

_Fields = Mapping[str, Mapping[str, JsonObject]]


@dataclass(frozen=True)
class Customization:
    """``objects``: describe results of custom objects, with the fields that each such object has.
    ``fields``: by object and name, the entries of custom fields, and of standard ones that were changed; keys that
    begin with an underscore are not part of describe (:mod:`~salesforce_emulator.schema.spec` says which).
    ``hidden``: names of objects, and ``Object.Field``, that are there but that nobody can see.
    ``currencies``: rates by code, of an org with several.
    ``prefixes``: how many key prefixes were given out.
    ``version`` counts changes; ``changed`` tells when each object was changed last, in ISO's form.
    """

    objects: Mapping[str, JsonObject] = field(default_factory=dict)
    fields: _Fields = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    features: frozenset[str] = frozenset()
    currencies: Mapping[str, float] = field(default_factory=dict)
    prefixes: int = 0
    version: int = 0
    changed: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if unknown := self.features - FEATURES:
            raise ValueError(f"unknown feature {', '.join(sorted(unknown))}: there are {', '.join(sorted(FEATURES))}")

    @classmethod
    def of_fields(cls, entries: Mapping[str, Iterable[JsonObject]]) -> Customization:
        """Fields added to the objects of every org."""
        return cls(fields={name: {e["name"]: e for e in made} for name, made in entries.items()})

    @classmethod
    def from_json(cls, data: JsonObject) -> Customization:
        """What :meth:`to_json` made."""
        sets = {name: frozenset(data[name]) for name in ("hidden", "features")}
        return cls(**{**data, **sets})

    def to_json(self) -> JsonObject:
        return {**asdict(self), "hidden": sorted(self.hidden), "features": sorted(self.features)}

    def with_field(self, sobject: str, entry: JsonObject) -> Customization:
        """The same with a field added or put in the place of the one of its name."""
        return self._with_fields(sobject, {**self.fields.get(sobject, {}), entry["name"]: entry})

    def without_field(self, sobject: str, name: str) -> Customization:
        kept = {n: e for n, e in self.fields.get(sobject, {}).items() if n != name}
        return replace(self._with_fields(sobject, kept), hidden=self.hidden - {f"{sobject}.{name}"})

    def _with_fields(self, sobject: str, entries: Mapping[str, JsonObject]) -> Customization:
        return replace(self, fields={**self.fields, sobject: entries})

    def with_object(self, describe: JsonObject) -> Customization:
        return replace(self, objects={**self.objects, describe["name"]: describe}, prefixes=self.prefixes + 1)

    def without_object(self, name: str) -> Customization:
        """The same without a custom object, and without what refers to it alone."""
        fields: dict[str, Mapping[str, JsonObject]] = {
            sobject: {n: e for n, e in entries.items() if e["referenceTo"] != [name]}
            for sobject, entries in self.fields.items()
            if sobject != name
        }
        hidden = frozenset(h for h in self.hidden if h.split(".")[0] != name)
        objects = {n: d for n, d in self.objects.items() if n != name}
        return replace(self, objects=objects, fields=fields, hidden=hidden)
