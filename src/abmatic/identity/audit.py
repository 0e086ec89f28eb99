"""Who changed what of how Abmatic is set up: users, roles, keys, connections, settings. (Records have `changes`.)

One function, `note`, called by the function that makes the change, in the transaction that makes it: an act that
isn't committed leaves no entry, and none is committed without one. The database refuses to change or delete entries.

What is secret never gets in: a value whose name sounds like a secret is kept only as "set" or not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from django.db import transaction

from abmatic.identity.models import ApiKey, AuditEntry, User

_SECRET = re.compile(r"secret|password|token|private_?key|recovery|webhook|credential|cookie", re.IGNORECASE)
SET = "(secret, set)"


@dataclass(frozen=True, slots=True)
class Author:
    """Who acts: a person who is signed in, an API key, or what else it is called."""

    user: User | None = None
    api_key: ApiKey | None = None
    name: str = ""

    def __str__(self) -> str:
        if self.user is not None:
            return f"{self.user.name} <{self.user.email}>" if self.user.name else self.user.email
        if self.api_key is not None:
            return f"API key {self.api_key.name} ({self.api_key.prefix})"
        return self.name


# Whoever may run commands on the machine; nobody is signed in there.
COMMAND_LINE = Author(name="Command line")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is added, changed or removed, with its value before and after (JSON values)."""

    what: str
    before: Any = None
    after: Any = None
    kind: Literal["added", "changed", "removed"] = "changed"


def note(
    about: AuditEntry.About,
    name: str,
    act: str,
    *,
    by: Author,
    subject_id: int | None = None,
    differences: Iterable[Difference] = (),
) -> AuditEntry:
    """Keeps an entry. ``name`` is what the changed thing is called, ``act`` what was done, as "role changed".

    Call it in the transaction of the change itself.
    """
    assert transaction.get_connection().in_atomic_block, "an entry is written in the transaction of what it is about"
    return AuditEntry.objects.create(
        user=by.user,
        api_key=by.api_key,
        by=str(by),
        about=about,
        subject_id=subject_id,
        subject=name,
        act=act,
        differences=[_kept(each) for each in differences],
    )


def _kept(difference: Difference) -> dict[str, Any]:
    before, after = difference.before, difference.after
    if _SECRET.search(difference.what):
        before, after = (SET if value not in (None, "") else None for value in (before, after))
    return {"what": difference.what, "kind": difference.kind, "before": _harmless(before), "after": _harmless(after)}


def _harmless(value: Any) -> Any:
    """A value without what is secret inside it, at any depth."""
    if isinstance(value, dict):
        return {
            name: SET if _SECRET.search(str(name)) and inner not in (None, "") else _harmless(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [_harmless(inner) for inner in value]
    return value
