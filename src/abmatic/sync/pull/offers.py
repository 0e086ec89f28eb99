"""Which fields of an object the org offers, remembered for a day.

A run with nothing to do should cost the one call that says so, not a describe besides. What is remembered is believed
only while it shows every field the pull wants: a mapping that is broken is looked at again on every run, and a field
taken away since makes the query fail, upon which the pull asks anew.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from abmatic.salesforce import Describe
from abmatic.sync.models import ObjectSetting
from abmatic.sync.objects import SObject

BELIEVED = timedelta(days=1)
_NUMBERS = frozenset({"int", "double", "currency", "percent", "long"})
_OF_THEIR_OWN = frozenset({"date", "datetime", "time", "boolean"})


def kind_of(field_type: str) -> str:
    """What a field's type is one of: text, number, date, datetime, time, boolean. A picklist or a reference is text."""
    if field_type in _NUMBERS:
        return "number"
    return field_type if field_type in _OF_THEIR_OWN else "text"


def kinds(setting: ObjectSetting, spec: SObject) -> dict[str, str]:
    """The kinds of the object's fields, as describe last showed them."""
    found: dict[str, str] = setting.offered.get(spec.name, {}).get("kinds", {})
    return found


def kept(setting: ObjectSetting | None, spec: SObject) -> list[str] | None:
    """The remembered fields, or None where describe has to be asked."""
    entry = setting.offered.get(spec.name) if setting else None
    if setting is None or entry is None or abs(timezone.now() - datetime.fromisoformat(entry["at"])) > BELIEVED:
        return None
    fields: list[str] = entry["fields"]
    wanted = {column.sf_field for column in spec.system} | {
        default.sf_field for default in spec.fixed if not default.optional
    }
    if spec.rides_with is None:
        if any(mapping.broken for mapping in setting.mappings.all()):
            return None
        wanted |= {mapping.sf_field for mapping in setting.mappings.all()}
    # What is optional may be absent for good, and is not worth a call a run.
    wanted -= {column.sf_field for column in spec.system if column.optional}
    return fields if wanted <= set(fields) else None


def keep(setting: ObjectSetting | None, spec: SObject, described: Describe) -> list[str]:
    """Remembers what describe showed, and gives it back."""
    readable = [f for f in described.fields.values() if f.in_bulk]
    shown = sorted(f.name for f in readable)
    kinds = {f.name: kind_of(f.type) for f in readable}
    calculated = sorted(f.name for f in readable if f.calculated)
    if setting is not None:
        with transaction.atomic():
            stored = ObjectSetting.objects.select_for_update().get(pk=setting.pk)
            stored.offered = {
                **stored.offered,
                spec.name: {
                    "fields": shown,
                    "kinds": kinds,
                    "calculated": calculated,
                    "at": timezone.now().isoformat(),
                },
            }
            stored.save(update_fields=["offered"])
        setting.offered = stored.offered
    return shown
