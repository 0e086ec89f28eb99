"""Settings of an object, or of a connection, changed by a person on a page or a program: as a settings file is.

Two people may have the same settings before them. What each saw is told by a mark: who saves second is not let write
over the first one's changes unseen, but shown them, and decides.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.db import transaction

from abmatic.sync import settings_file, settings_history
from abmatic.sync.models import Connection, Mode, ObjectSetting, SettingsChange
from abmatic.sync.objects import SObject
from abmatic.sync.settings_file import ObjectState
from abmatic.sync.settings_history import Author, Difference
from abmatic.sync.settings_reading import CONNECTION_SETTINGS, FileRefused, ObjectEntry, read_object

# What the setup guide recommends for a first import: read everything, write nothing.
FIRST_SETUP: Mapping[str, bool] = {
    "create_in_salesforce": False,
    "update_in_salesforce": False,
    "create_in_abmatic": True,
    "update_in_abmatic": True,
}
_ENTRIES = 5


class Outdated(Exception):
    """Somebody changed the settings since they were looked at. ``entries``: who and what, newest first."""

    def __init__(self, entries: Sequence[SettingsChange]) -> None:
        super().__init__("The settings were changed meanwhile, so nothing was saved.")
        self.entries = list(entries)


@dataclass(frozen=True, slots=True)
class Seen:
    """An object's settings as somebody sees them, and the mark by which that is told later."""

    state: ObjectState
    mark: str


def look(connection: Connection, spec: SObject) -> Seen:
    """The settings as they are now."""
    state = settings_file.state_of(connection, spec)
    return Seen(state, _mark(state, _newest(connection, spec)))


def judge(spec: SObject, said: Mapping[str, Any]) -> ObjectEntry:
    """What is said, held against what exists. Raises `FileRefused`, which names each problem with its place."""
    return read_object(spec, dict(said))


def save(connection: Connection, spec: SObject, said: Mapping[str, Any], *, mark: str, by: Author) -> list[Difference]:
    """Sets what is said, and answers what that changed. Raises `FileRefused`, or `Outdated`."""
    with transaction.atomic():
        # Whoever comes second waits here, and then sees what the first has done.
        ObjectSetting.objects.select_for_update().get(connection=connection, sobject=spec.name)
        entry = judge(spec, said)
        seen = look(connection, spec)
        if mark != seen.mark:
            raise Outdated(_since(connection, spec, mark))
        differences = list(settings_file.object_differences(seen.state, entry))
        if differences:
            settings_file.apply_object(connection, spec, entry, by)
    return differences


def save_connection(connection: Connection, said: Mapping[str, Any], *, by: Author) -> list[Difference]:
    """Sets what is said of a connection as a whole, and answers what that changed. Raises `FileRefused`."""
    problems = [f"{name}: {problem}" for name, value in said.items() if (problem := CONNECTION_SETTINGS[name](value))]
    if problems:
        raise FileRefused(problems)
    with transaction.atomic():
        now = Connection.objects.select_for_update().get(pk=connection.pk)
        differences = [
            Difference("changed", name, getattr(now, name), value)
            for name, value in said.items()
            if getattr(now, name) != value
        ]
        if differences:
            Connection.objects.filter(pk=now.pk).update(**said)
            settings_history.note(now, "", differences, by)
    return differences


def direction(to_salesforce: bool, to_abmatic: bool) -> str:
    """What the chip of an object or a field says."""
    if to_salesforce and to_abmatic:
        return "Sync both ways"
    if to_salesforce:
        return "Sync into Salesforce"
    return "Sync into Abmatic" if to_abmatic else "Not syncing"


def modes(to_salesforce: str, to_abmatic: str) -> tuple[bool, bool]:
    """Whether a field's modes move anything into either side."""
    return to_salesforce != Mode.NONE, to_abmatic != Mode.NONE


def is_first_setup(values: Mapping[str, Any]) -> bool:
    """Whether the boxes stand as recommended for a first import."""
    return all(values[name] == wanted for name, wanted in FIRST_SETUP.items())


# The mark says what was seen, and which was the latest entry then: so it can be told what has come since.


def _mark(state: ObjectState, newest: int) -> str:
    said = json.dumps([state.values, [asdict(mapping) for mapping in state.mappings]], sort_keys=True)
    return f"{newest}-{hashlib.sha256(said.encode()).hexdigest()[:16]}"


def _newest(connection: Connection, spec: SObject) -> int:
    found = settings_history.latest(connection, spec.name, 1)
    return found[0].pk if found else 0


def _since(connection: Connection, spec: SObject, mark: str) -> list[SettingsChange]:
    entry, _, _ = mark.partition("-")
    seen = int(entry) if entry.isascii() and entry.isdigit() and len(entry) < 19 else 0
    return [each for each in settings_history.latest(connection, spec.name, _ENTRIES) if each.pk > seen]
