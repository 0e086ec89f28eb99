"""Changes of settings as people read them: each setting and value by the label that the settings pages have for it.

What is kept (see `settings_history`, and the audit log) has the names of a settings file, which programs read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from abmatic.audiences.fields import LocalField, fields
from abmatic.audiences.wording import described
from abmatic.sync.models import Mode, ObjectSetting, SettingsChange
from abmatic.sync.objects import OBJECTS

LABELS: Mapping[str, str] = {
    "create_in_salesforce": "Create in Salesforce",
    "update_in_salesforce": "Update in Salesforce",
    "create_in_abmatic": "Create in Abmatic",
    "update_in_abmatic": "Update in Abmatic",
    "auto_push": "Automatically push changes to Salesforce",
    "frequency": "Sync frequency",
    "full_compare": "Compare every record",
    "conflict_policy": "When both sides changed a field",
    "push_filter": "Filters for pushing records",
    "new_people": "New people become",
}
# Of a mapping.
MAPPING_LABELS: Mapping[str, str] = {
    "abmatic": "Abmatic field",
    "to_abmatic": "Sync to Abmatic",
    "to_salesforce": "Sync to Salesforce",
    "clear_with_empty": "Clear with empty values",
}
# Of a connection as a whole; but for the last, these are set by a settings file or a program.
CONNECTION_LABELS: Mapping[str, str] = {
    "connection": "Connection",
    "name": "Name",
    "api_ceiling": "API calls of a day, in per cent, above which nothing starts by itself",
    "quiet_hours": "Quiet hours",
    "time_zone": "Time zone",
    "writes_visits": "Write visits as completed tasks",
}
_MAPPING = re.compile(r"mapping (\w+)(?: › (\w+))?")
_TOLD_MAPPING = re.compile(r"(\w+) \(to Abmatic (\w+), to Salesforce (\w+)(, clear with empty values)?\)")


@dataclass(frozen=True, slots=True)
class Told:
    """One difference in words. ``kind`` is "added", "changed" or "removed"; None is nothing."""

    kind: str
    what: str
    before: str | None
    after: str | None


@dataclass
class Wording:
    """Tells differences; what it has to ask for is asked once for each kind of record."""

    _records: dict[str, dict[str, LocalField]] = field(default_factory=dict)

    def tell(self, sobject: str, differences: Sequence[Mapping[str, Any]]) -> list[Told]:
        """The differences of an object's settings; ``sobject`` is empty where they are the connection's."""
        return [self._told(sobject, each) for each in differences]

    def _told(self, sobject: str, one: Mapping[str, Any]) -> Told:
        what = str(one["what"])
        known = _MAPPING.fullmatch(what)
        if known is not None:
            part = known[2] or ""
            label = f"Mapping of {known[1]}" + (f" › {MAPPING_LABELS.get(part, part)}" if part else "")
        else:
            part = what
            label = LABELS.get(what) or CONNECTION_LABELS.get(what) or what[:1].upper() + what[1:]
        before, after = (self._value(sobject, part, one[side]) for side in ("before", "after"))
        return Told(str(one["kind"]), label, before, after)

    def _value(self, sobject: str, name: str, value: Any) -> str | None:
        if value is None:
            return None
        if isinstance(value, bool):
            return "on" if value else "off"
        if name == "push_filter" and isinstance(value, dict):
            return described(OBJECTS[sobject].local, value) if value and sobject in OBJECTS else "no filter"
        if name == "abmatic":
            return self._field(sobject, str(value))
        if isinstance(value, str) and (mapping := _TOLD_MAPPING.fullmatch(value)):
            modes = f"Sync to Abmatic: {_MODES.get(mapping[2])}, Sync to Salesforce: {_MODES.get(mapping[3])}"
            return f"{self._field(sobject, mapping[1])} ({modes}{mapping[4] or ''})"
        if isinstance(value, list):
            return ", ".join(map(str, value))
        return _CHOICES.get(name, {}).get(str(value), str(value))

    def _field(self, sobject: str, name: str) -> str:
        if sobject not in OBJECTS:
            return name
        record = OBJECTS[sobject].local
        if record not in self._records:
            self._records[record] = {each.name: each for each in fields(record)}
        known = self._records[record].get(name)
        return known.label if known else name


def told(change: SettingsChange) -> list[Told]:
    """An entry's differences in words."""
    return Wording().tell(change.sobject, change.differences)


_MODES = {str(value): str(label) for value, label in Mode.choices}
_CHOICES: Mapping[str, Mapping[str, str]] = {
    "to_abmatic": _MODES,
    "to_salesforce": _MODES,
    "frequency": {
        "manual": str(ObjectSetting.Frequency.MANUAL.label),
        **{str(each.value): str(each.label) for each in ObjectSetting.Frequency if each.value},
    },
    "full_compare": {str(value): str(label) for value, label in ObjectSetting.FullCompare.choices},
    "conflict_policy": {str(value): str(label) for value, label in ObjectSetting.Policy.choices},
    "new_people": {str(value): str(label) for value, label in ObjectSetting.NewPeople.choices},
}
