"""Who changed which setting, and when: one entry for each act and object.

The audit log has the same, for all of Abmatic; here it belongs to an object, so that its page can tell what has come
between, and goes with its connection.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from abmatic.identity import audit
from abmatic.identity.models import AuditEntry, User
from abmatic.sync.models import Connection, SettingsChange

# In the audit log: what was done, and what stands between a connection and its object.
ACT = "settings changed"
WITHIN = " › "


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is added, changed or removed. Values are as in a settings file."""

    kind: Literal["added", "changed", "removed"]
    where: str
    before: Any = None
    after: Any = None


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes settings: a person who is signed in, or what else it is called."""

    user: User | None = None
    name: str = ""


COMMAND_LINE = Author(name="Command line")


def note(connection: Connection, sobject: str, differences: Iterable[Difference], by: Author) -> None:
    """Keeps an entry, where there is anything to keep, and one in the audit log. The transaction is the caller's."""
    differences = list(differences)
    kept = [{"kind": each.kind, "what": each.where, "before": each.before, "after": each.after} for each in differences]
    if kept:
        SettingsChange.objects.create(
            connection=connection, sobject=sobject, user=by.user, by=by.name, differences=kept
        )
        audit.note(
            AuditEntry.About.SETTINGS,
            f"{connection}{WITHIN}{sobject}" if sobject else str(connection),
            ACT,
            by=audit.Author(user=by.user, name=by.name),
            subject_id=connection.pk,
            differences=[audit.Difference(each.where, each.before, each.after, each.kind) for each in differences],
        )


def latest(connection: Connection, sobject: str, most: int) -> list[SettingsChange]:
    """The latest entries of an object, newest first."""
    found = connection.settings_changes.filter(sobject=sobject).select_related("user")
    return list(found.order_by("-id")[:most])
