"""Which fields the mirror holds, and what happens when a mapping is added, removed, pointed elsewhere or allowed more.

``base`` is NULL where both sides agreed on every mapped field. That says nothing of a field mapped later: read as
"agreed to be empty", it would make a difference of years look like a change of today. So when the fields of a plan are
not those of the last one, every NULL is spelled out for the fields that both have, what belongs to others is dropped
from the bases, and the next pull reads every record, whatever its stamp.

The next pull reads every record as well when a person allows more than before: "Create in Abmatic" or "Update in
Abmatic" switched on, a mode changed to one that writes here. What was read and left alone until then would otherwise
stay out of date until somebody happened to change it in Salesforce.

Until then the fields that are new are kept as ``unread``: of an unchanged record, too, a value of theirs that is none
is worth an entry.

A field that can't be read for a while (permission taken away) counts as removed: when it is back, its values meet as if
for the first time.
"""

from __future__ import annotations

import json
from typing import Any

from django.db import connection as database
from django.db import transaction
from psycopg import sql

from abmatic.sync.models import Mode, ObjectSetting
from abmatic.sync.pull.plan import PullPlan


def adopt(setting: ObjectSetting, plan: PullPlan) -> bool:
    """Makes the mirror ready for the plan. Answers whether it holds the plan's fields and every record was held to it.

    A second call for the same plan does nothing.
    """
    with transaction.atomic():
        stored = ObjectSetting.objects.select_for_update().get(pk=setting.pk)
        setting.mirrored = stored.mirrored
        entry = adopted(stored, plan)
        known = stored.mirrored.get(plan.spec.name, {})
        if (known.get("fields", {}), known.get("allowed")) == (entry["fields"], entry["allowed"]):
            return bool(known.get("filled"))
        statement = spelling_out(stored, plan)
        if statement is not None:
            with database.cursor() as cursor:
                cursor.execute(statement)
        stored.mirrored = setting.mirrored = {**stored.mirrored, plan.spec.name: entry}
        stored.save(update_fields=["mirrored"])
    return bool(entry["filled"])


def adopted(setting: ObjectSetting, plan: PullPlan) -> dict[str, Any]:
    """The entry in ``setting.mirrored`` once the plan is adopted."""
    wanted, allowed = {f.sf_field: f.local.name for f in plan.fields}, _allowed(plan)
    known: dict[str, Any] = setting.mirrored.get(plan.spec.name, {})
    held: dict[str, str] = known.get("fields", {})
    was_allowed: dict[str, Any] = known.get("allowed", allowed)
    if (held, known.get("allowed")) == (wanted, allowed):
        return known
    # A field or a permission less asks for nothing to be read again.
    is_filled = bool(known.get("filled")) and wanted.items() <= held.items() and not _is_more(was_allowed, allowed)
    # Of a first import every field is new, and so is every record.
    is_new = dict(wanted.items() - held.items()).keys() if held else set()
    unread = sorted((is_new | set(known.get("unread", []))) & wanted.keys())
    entry = {"fields": wanted, "allowed": allowed, "filled": is_filled, "unread": unread}
    return entry | ({"heeded": known["heeded"]} if "heeded" in known else {})


def _allowed(plan: PullPlan) -> dict[str, Any]:
    """What the pull may do here, as stored: the object's switches, and each field's modes."""
    modes = {f.sf_field: [f.to_abmatic.value, f.to_salesforce.value, f.clear_with_empty] for f in plan.fields}
    return {"create": plan.create, "update": plan.update, "modes": modes}


def _is_more(before: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether records that were left alone before may be written now."""
    is_switched_on = any(now[name] and not before[name] for name in ("create", "update"))
    return is_switched_on or any(
        modes[0] != Mode.NONE and before["modes"].get(sf_field, modes) != modes
        for sf_field, modes in now["modes"].items()
    )


def unread(setting: ObjectSetting, sobject: str) -> list[str]:
    """The Salesforce fields that were mapped since every record was read."""
    return list(setting.mirrored.get(sobject, {}).get("unread", []))


def filled(setting: ObjectSetting, plan: PullPlan, heeded: int) -> dict[str, Any]:
    """``setting.mirrored`` once a pull has ended: it read every record, or they were filled before.

    ``heeded``: how far it followed the change log (see `edited`).
    """
    known = setting.mirrored.get(plan.spec.name, {})
    return {**setting.mirrored, plan.spec.name: {**known, "filled": True, "unread": [], "heeded": heeded}}


def spelling_out(setting: ObjectSetting, plan: PullPlan) -> sql.Composed | None:
    """What makes the mirror's bases ready for the plan's fields; None where they are the fields that it has."""
    wanted = {f.sf_field: f.local.name for f in plan.fields}
    held: dict[str, str] = setting.mirrored.get(plan.spec.name, {}).get("fields", {})
    if not held or held == wanted:
        return None
    kept = sorted(held.items() & wanted.items())
    others = sorted({*held, *wanted} - {sf_field for sf_field, _ in kept})
    return sql.SQL(
        "UPDATE {mirror} SET base = coalesce(base, {nulls}::jsonb || values) - {others}::text[] "
        "WHERE connection_id = {connection} AND role <> 0 AND (base IS NULL OR base ?| {others}::text[])"
    ).format(
        mirror=sql.Identifier(plan.spec.mirror),
        nulls=sql.Literal(json.dumps({sf_field: None for sf_field, _ in kept})),
        others=sql.Literal(others),
        connection=sql.Literal(setting.connection_id),
    )
