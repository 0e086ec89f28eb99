"""Seventeen regions of the world, from ``regions.json``: how companies, people and places are called there.

The words are invented or common ones, put together at random: no company and no person is meant.  Telephone
numbers come from ranges kept for fiction where the country has them, else they are full of zeros.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from typing import Any

from salesforce_emulator.data.generate.chance import Chance

SALUTATIONS = ("Mr.", "Ms.", "Mrs.", "Dr.", "Prof.", None, None, None)

Name = tuple[str, str]
"""A first or last name as it is written, and as an e-mail address has it."""


@dataclass(frozen=True)
class Place:
    street: str
    city: str
    state: str | None
    postal_code: str | None
    country: str


@dataclass(frozen=True)
class Region:
    """Pools of a region: 64 names, 1024 of everything else."""

    key: str
    weight: int
    companies: tuple[str, ...]
    """Company names; ``{brand}`` stands for an invented brand where companies have one."""
    first_names: tuple[Name, ...]
    last_names: tuple[Name, ...]
    places: tuple[Place, ...]
    phones: tuple[str, ...]
    suffixes: tuple[str, ...]
    """64 domain suffixes: ``com``, ``co.uk``."""


def load_regions(chance: Chance) -> tuple[Region, ...]:
    """The regions; their weights add up to 1024."""
    file = resources.files("salesforce_emulator.data.generate") / "regions.json"
    return tuple(_region(words, chance) for words in json.loads(file.read_text(encoding="utf-8")))


def _region(words: dict[str, Any], chance: Chance) -> Region:  # Any: the words of the file, lists of texts
    return Region(
        key=words["key"],
        weight=words["weight"],
        companies=chance.pool(_company(words, chance) for _ in range(1024)),
        first_names=chance.pool(zip(words["first"], words["first_ascii"], strict=True), 6),
        last_names=chance.pool(zip(words["last"], words["last_ascii"], strict=True), 6),
        places=chance.pool(_place(words, chance) for _ in range(1024)),
        phones=chance.pool(chance.digits(chance.one_of(words["phones"])) for _ in range(1024)),
        suffixes=chance.pool(words["suffixes"], 6),
    )


# How a company's plain name is spoilt, in one of 64 cases.
_SPOILT = (
    '{brand} "{tail}" {form}',
    "{brand}, {tail} & Partners",
    "{brand} 🚀 {tail}",
    "L'{brand} {tail}",
    "{brand}\\{tail}",
    "  {brand}  {tail}",
    "*** DO NOT USE *** {brand} {tail}",
    "{brand} / {tail} (duplicate?)",
    "=cmd|'{tail}'!{brand}",
    "{brand};{tail};{form}",
    "<b>{brand}</b> {tail}",
    "{brand} 100% {tail} ☕",
)


def _company(words: dict[str, Any], chance: Chance) -> str:
    heads: Iterable[str] = words.get("heads") or ["{brand}"]
    pattern = str(words["order"]).replace("{head}", "{brand}") if "heads" not in words else words["order"]
    if chance.bits(6) == 0:
        pattern = chance.one_of(_SPOILT)
    values = {
        "head": chance.one_of(list(heads)),
        "tail": chance.one_of(words["tails"]),
        "form": chance.one_of(words["forms"]),
        "brand": "{brand}",
    }
    name = pattern.format(**values).strip().replace(" ,", ",")
    return name if chance.bits(3) or "{brand}" in name else f"{name} ({{brand}})"


def _place(words: dict[str, Any], chance: Chance) -> Place:
    city, state, postal_code, countries = chance.one_of(words["cities"])
    street = chance.one_of(words["streets"]).format(n=1 + chance.below(399), m=1 + chance.below(30))
    return Place(
        street=street,
        city=city,
        state=state or None,
        postal_code=chance.digits(postal_code) or None,
        country=chance.one_of(countries),
    )
