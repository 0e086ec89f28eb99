"""What the tour's steps need to be allowed: that a change of two fields of accounts goes into Salesforce in seconds.

The demo begins as any installation does, writing nothing. An administrator switches this on with one button, or by
hand; either way it is the object's settings, and their history says who did it.
"""

from __future__ import annotations

from dataclasses import asdict, replace

from django.db import transaction

from abmatic.sync import settings_edit
from abmatic.sync.models import Connection, Mode, ObjectSetting
from abmatic.sync.objects import OBJECTS
from abmatic.sync.settings_history import Author
from abmatic.sync.settings_reading import MappingState

_OBJECT = "Account"
# The fields that are edited on the tour, by their names there and here.
CITY = ("BillingCity", "city")
EMPLOYEES = ("NumberOfEmployees", "employee_count")
_FIELDS = (CITY, EMPLOYEES)
_SWITCHES = ("update_in_salesforce", "update_in_abmatic", "auto_push")


def is_allowed(setting: ObjectSetting) -> bool:
    """Whether the settings of accounts let the two fields go both ways by themselves."""
    if not all(getattr(setting, switch) for switch in _SWITCHES):
        return False
    both = {
        (mapping.sf_field, mapping.local_field)
        for mapping in setting.mappings.all()
        if mapping.to_abmatic == mapping.to_salesforce == Mode.OVERWRITE and not mapping.broken
    }
    return both.issuperset(_FIELDS)


def allow(connection: Connection, by: Author) -> None:
    """Switches it on, as Save on the settings page does. Raises `FileRefused` where other mappings are in the way."""
    spec = OBJECTS[_OBJECT]
    with transaction.atomic():
        # Nobody saves between looking and saving.
        ObjectSetting.objects.select_for_update().get(connection=connection, sobject=_OBJECT)
        seen = settings_edit.look(connection, spec)
        said = {
            **seen.state.values,
            **dict.fromkeys(_SWITCHES, True),
            "mappings": [asdict(mapping) for mapping in _both_ways(seen.state.mappings)],
        }
        settings_edit.save(connection, spec, said, mark=seen.mark, by=by)


def _both_ways(mappings: tuple[MappingState, ...]) -> list[MappingState]:
    overwrite = Mode.OVERWRITE.value
    found = [
        replace(each, to_abmatic=overwrite, to_salesforce=overwrite)
        if (each.salesforce, each.abmatic) in _FIELDS
        else each
        for each in mappings
    ]
    there = {(each.salesforce, each.abmatic) for each in found}
    return found + [MappingState(*names, overwrite, overwrite, False) for names in _FIELDS if names not in there]
