"""State and country picklists: codes beside the texts, which an org has once they are switched on.

Each address gets a StateCode and a CountryCode.  Their values are those of the recorded Account; what a text field
takes is the integration value, here the label.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from salesforce_emulator.schema.dependent import places
from salesforce_emulator.schema.entries import JsonObject
from salesforce_emulator.schema.objects import Field, SObject

PICKLISTS = ("StateCode", "CountryCode")
_MODEL = "Billing"
"""The address whose picklists all others are like."""


def without_codes(describe: JsonObject) -> JsonObject:
    """The describe of an org that has not switched on state and country picklists."""
    fields = [f for f in describe["fields"] if not f["name"].endswith(PICKLISTS)]
    return {**describe, "fields": fields}


def with_codes(describe: JsonObject, account: JsonObject) -> JsonObject:
    """The describe of an org that has; ``account`` is the recorded one, which has them."""
    if describe is account:
        return describe
    model = {f["name"]: f for f in account["fields"]}
    fields: list[JsonObject] = []
    for field in describe["fields"]:
        fields.append(field)
        if field["name"].endswith("Country") and field["compoundFieldName"]:
            fields.extend(_codes(field, model))
    return {**describe, "fields": fields}


def _codes(country: JsonObject, model: Mapping[str, JsonObject]) -> Iterable[JsonObject]:
    prefix = country["name"].removesuffix("Country")
    label = country["label"].removesuffix("Country").strip()
    rights = {k: country[k] for k in ("createable", "updateable", "nillable", "permissionable", "compoundFieldName")}
    for part, words in zip(PICKLISTS, ("State/Province Code", "Country Code"), strict=True):
        made = {**model[_MODEL + part], **rights, "name": prefix + part, "label": f"{label} {words}".strip()}
        yield {**made, "controllerName": f"{prefix}CountryCode" if part == "StateCode" else None}


@dataclass(frozen=True)
class Address:
    """An address of an object, and what its picklists know."""

    state: Field
    country: Field
    state_code: Field
    country_code: Field
    countries: Mapping[str, str]
    """Codes by their labels in lower case."""
    country_labels: Mapping[str, str]
    states: Mapping[str, str]
    """State codes by country code and label in lower case, as US-california."""
    state_labels: Mapping[str, str]
    """Labels by country code and state code, as US-CA: two countries may use the same code."""

    @property
    def names(self) -> tuple[str, str, str, str]:
        return self.state.name, self.country.name, self.state_code.name, self.country_code.name


@lru_cache(maxsize=512)
def addresses(sobject: SObject) -> tuple[Address, ...]:
    """The addresses of an object that have picklists."""
    codes = (f for f in sobject.stored if f.name.endswith("CountryCode") and f.describe["compoundFieldName"])
    found = (_address(sobject, f) for f in codes)
    return tuple(a for a in found if a is not None)


def _address(sobject: SObject, country_code: Field) -> Address | None:
    prefix = country_code.name.removesuffix("CountryCode")
    others = [f for part in ("State", "Country", "StateCode") if (f := sobject.get(prefix + part)) is not None]
    if len(others) < 3:  # one is hidden: the others are what they are without picklists
        return None
    state, country, state_code = others
    known = country_code.describe["picklistValues"]
    state_labels = {
        f"{known[place]['value']}-{value['value']}": str(value["label"])
        for value in state_code.describe["picklistValues"]
        if value["active"] and value["validFor"]
        for place in places(value["validFor"])
    }
    return Address(
        state,
        country,
        state_code,
        country_code,
        countries={v["label"].lower(): v["value"] for v in known if v["active"]},
        country_labels={v["value"]: v["label"] for v in known if v["active"]},
        states={f"{key[:2]}-{label.lower()}": key[3:] for key, label in state_labels.items()},
        state_labels=state_labels,
    )
