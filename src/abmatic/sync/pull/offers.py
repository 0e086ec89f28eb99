"""Which fields of an object the org offers, remembered for a day.

A run with nothing to do should cost the one call that says so, not a describe besides. What is remembered is believed
only while it shows every field the pull wants: a mapping that is broken is looked at again on every run, and a field
taken away since makes the query fail, upon which the pull asks anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from abmatic.sync.models import ObjectSetting
from abmatic.sync.objects import SObject

BELIEVED = timedelta(days=1)


def kept(setting: ObjectSetting | None, spec: SObject) -> list[str] | None:
    """The remembered fields, or None where describe has to be asked."""
    entry = setting.offered.get(spec.name) if setting else None
    if setting is None or entry is None or abs(timezone.now() - datetime.fromisoformat(entry["at"])) > BELIEVED:
        return None
    fields: list[str] = entry["fields"]
    wanted = {column.sf_field for column in spec.system} | {default.sf_field for default in spec.fixed}
    if spec.rides_with is None:
        wanted |= {mapping.sf_field for mapping in setting.mappings.all()}
    # What is optional may be absent for good, and is not worth a call a run.
    wanted -= {column.sf_field for column in spec.system if column.optional}
    return fields if wanted <= set(fields) else None


def keep(setting: ObjectSetting | None, spec: SObject, fields: Sequence[str]) -> list[str]:
    """Remembers what describe showed, and gives it back."""
    shown = sorted(fields)
    if setting is not None:
        with transaction.atomic():
            stored = ObjectSetting.objects.select_for_update().get(pk=setting.pk)
            stored.offered = {**stored.offered, spec.name: {"fields": shown, "at": timezone.now().isoformat()}}
            stored.save(update_fields=["offered"])
    return shown
