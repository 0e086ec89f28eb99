"""Reading the org's own rules as somebody wrote them: what is missing, unknown or of the wrong type is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from salesforce_emulator.schema import Schema, SObject

Json = Mapping[str, Any]
"""JSON that somebody wrote: any names, any values."""


class BadRule(ValueError):
    """A rule, permission or lock that can't be followed; the message says what is wrong with it."""


def only(given: Json, known: Sequence[str], where: str) -> None:
    """
    :raises BadRule: there are other keys.
    """
    if unknown := sorted(set(given) - set(known)):
        raise BadRule(f"{where}: unknown {', '.join(unknown)}; known are {', '.join(known)}")


def text(given: Json, key: str, where: str) -> str:
    value = given.get(key)
    if not isinstance(value, str) or not value.strip():
        raise BadRule(f"{where}: {key} is missing or no text")
    return value


def flag(given: Json, key: str, where: str, *, default: bool) -> bool:
    value = given.get(key, default)
    if not isinstance(value, bool):
        raise BadRule(f"{where}: {key} is true or false, not {value!r}")
    return value


def entries(given: Json, key: str, where: str) -> list[Json]:
    """A list of objects; an absent one is empty."""
    value = given.get(key, [])
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise BadRule(f"{where}: {key} is a list of objects")
    return value


def known_object(given: Json, schema: Schema, where: str) -> SObject:
    name = text(given, "object", where)
    found = schema.get(name)
    if found is None:
        raise BadRule(f"{where}: there is no object {name}")
    return found
