"""Records by the Id that the CRM gave them: the room that knows those Ids is above this one, and offers them here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import LiteralString


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """How Ids of the CRM are read and looked up, as SQL.

    ``label``: what people call such an Id. ``key``: the Id in the text under {text} as it is compared, NULL where the
    text is none. ``finds``: for each kind of record, the ids of those that have the Id under {key}. ``follows``: tests
    whether the account of the record under {r} is what the CRM says, so that nothing else can be written there.
    """

    label: str
    key: LiteralString
    finds: Mapping[str, LiteralString]
    follows: Mapping[str, LiteralString]


_offered: list[Elsewhere] = []


def offer(elsewhere: Elsewhere) -> None:
    """Makes the CRM's Ids known, when the program starts."""
    _offered[:] = [elsewhere]


def known() -> Elsewhere | None:
    """What was offered."""
    return _offered[0] if _offered else None
