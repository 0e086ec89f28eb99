"""Which fields the mirror holds, and what happens when a mapping is added, removed or pointed elsewhere.

``base`` is NULL where both sides agreed on every mapped field. That says nothing of a field mapped later: read as
"agreed to be empty", it would make a difference of years look like a change of today. So when the fields of a plan are
not those of the last one, every NULL is spelled out for the fields that both have, what belongs to others is dropped
from the bases, and the next pull reads every record, whatever its stamp.

A field that can't be read for a while (permission taken away) counts as removed: when it is back, its values meet as if
for the first time.
"""

from __future__ import annotations

import json
from typing import Any

from django.db import connection as database
from django.db import transaction
from psycopg import sql

from abmatic.sync.models import ObjectSetting
from abmatic.sync.pull.plan import PullPlan


def adopt(setting: ObjectSetting, plan: PullPlan) -> bool:
    """Makes the mirror ready for the plan's fields. Answers whether it holds their values already.

    A second call for the same plan does nothing.
    """
    wanted = {f.sf_field: f.local.name for f in plan.fields}
    with transaction.atomic():
        stored = ObjectSetting.objects.select_for_update().get(pk=setting.pk)
        known: dict[str, Any] = stored.mirrored.get(plan.spec.name, {})
        held: dict[str, str] = known.get("fields", {})
        if held == wanted:
            return bool(known.get("filled"))
        if held:
            _spell_out(stored.connection_id, plan, held, wanted)
        # A field less asks for nothing to be read again.
        is_filled = bool(known.get("filled")) and wanted.items() <= held.items()
        stored.mirrored = {**stored.mirrored, plan.spec.name: {"fields": wanted, "filled": is_filled}}
        stored.save(update_fields=["mirrored"])
    return is_filled


def filled(setting: ObjectSetting, plan: PullPlan) -> dict[str, Any]:
    """``setting.mirrored`` once a pull has ended: it read every record, or they were filled before."""
    known = setting.mirrored.get(plan.spec.name, {})
    return {**setting.mirrored, plan.spec.name: {**known, "filled": True}}


def _spell_out(connection_id: int, plan: PullPlan, held: dict[str, str], wanted: dict[str, str]) -> None:
    kept = sorted(held.items() & wanted.items())
    others = sorted({*held, *wanted} - {sf_field for sf_field, _ in kept})
    statement = sql.SQL(
        "UPDATE {mirror} SET base = coalesce(base, %(nulls)s::jsonb || values) - %(others)s::text[] "
        "WHERE connection_id = %(connection)s AND role <> 0 AND (base IS NULL OR base ?| %(others)s::text[])"
    ).format(mirror=sql.Identifier(plan.spec.mirror))
    with database.cursor() as cursor:
        cursor.execute(
            statement,
            {
                "connection": connection_id,
                "nulls": json.dumps({sf_field: None for sf_field, _ in kept}),
                "others": others,
            },
        )
