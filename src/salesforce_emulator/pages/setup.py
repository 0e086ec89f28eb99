"""Watching the org: the calls it was sent, and what has changed in it. Only where /__emulator answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import unquote_plus

from flask import abort, render_template, request

from salesforce_emulator.pages import layout, shown
from salesforce_emulator.pages.acting import readable, schema
from salesforce_emulator.pages.site import blueprint
from salesforce_emulator.runtime import emulator
from salesforce_emulator.schema import SObject
from salesforce_emulator.soql.conditions import stamp

_SHOWN = 200
_CHANGES = 100


def only_with_control() -> None:
    if not emulator().settings.control:
        abort(403, "This org was started without --control, and not on a loopback address.")


@blueprint.app_template_filter("readable")
def _readable_query(query: str) -> str:
    """A query string as its sender wrote it."""
    return shown.visible(unquote_plus(query))


@blueprint.get("/watch/calls")
def calls() -> str:
    """The latest calls, of the API alone or all of them."""
    only_with_control()
    everything = "everything" in request.args
    org = emulator()
    found = org.calls.latest(_SHOWN, api_only=not everything)
    return render_template("pages/calls.html", calls=found, everything=everything, org=org, most=_SHOWN)


@dataclass(frozen=True)
class Change:
    """A change of a record: when, what kind of change, by whom. ``what`` are the fields, ``origin`` the door."""

    stamp: str
    kind: str
    sobject: SObject
    record_id: str
    name: str
    by: str
    what: str = ""
    origin: str = ""


@blueprint.get("/watch/changes")
def changes() -> str:
    """The latest change events; and the records that were changed last, of every object."""
    only_with_control()
    by_stamp = "stamps" in request.args
    found = [c for o in layout.bar(schema()) for c in _stamped(o)] if by_stamp else _events()
    latest = sorted(found, key=lambda c: c.stamp, reverse=True)[:_CHANGES]
    return render_template("pages/changes.html", changes=[_readable(c) for c in latest], by_stamp=by_stamp)


def _events() -> list[Change]:
    """The newest change events on records that the rep may read, the last one first."""
    log = emulator().store.changes
    latest = log.after(max(0, log.newest() - _CHANGES), _CHANGES)
    found = []
    for event in reversed(latest):
        sobject = schema().get(event.sobject)
        if sobject is None or readable(sobject):
            continue
        moment = datetime.fromtimestamp(event.committed / 1000, UTC)
        what = ", ".join(n for n in event.values if n in sobject.columns) if event.kind == "UPDATE" else ""
        for record_id in event.record_ids:
            name = shown.name_of(emulator().store, record_id) or record_id
            found.append(Change(stamp(moment), event.kind, sobject, record_id, name, event.user_id, what, event.origin))
    return found


def _stamped(sobject: SObject) -> list[Change]:
    name = layout.name_field(sobject)
    with emulator().store.reading() as conn:
        rows = conn.execute(
            f'SELECT t."SystemModstamp", t."IsDeleted", t."CreatedDate" = t."SystemModstamp", t."Id",'
            f' {name.sql("t") if name else "NULL"}, t."LastModifiedById" FROM "{sobject.name}" AS t'
            f' WHERE 1{readable(sobject)} ORDER BY t."SystemModstamp" DESC, t."Id" LIMIT {_CHANGES}'
        ).fetchall()
    return [
        Change(
            str(moment),
            "Deleted" if deleted else "Created" if new else "Changed",
            sobject,
            str(record_id),
            str(title or record_id),
            str(user_id),
        )
        for moment, deleted, new, record_id, title, user_id in rows
    ]


def _readable(change: Change) -> Change:
    by = shown.name_of(emulator().store, change.by) or change.by
    return replace(
        change,
        stamp=shown.moment(change.stamp),
        name=shown.visible(change.name),
        by=shown.visible(by),
        what=change.what,
        origin=shown.visible(change.origin),
    )
