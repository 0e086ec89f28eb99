"""Watching the org: the calls it was sent, and what has changed in it. Only where /__emulator answers."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote_plus

from flask import abort, render_template, request

from salesforce_emulator.pages import layout, shown
from salesforce_emulator.pages.acting import readable, schema
from salesforce_emulator.pages.site import blueprint
from salesforce_emulator.runtime import emulator
from salesforce_emulator.schema import SObject

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
    """A record's last change: when, what kind of change, by whom."""

    stamp: str
    kind: str
    sobject: SObject
    record_id: str
    name: str
    by: str


@blueprint.get("/watch/changes")
def changes() -> str:
    """The records that were changed last."""
    only_with_control()
    found = [c for o in layout.bar(schema()) for c in _changes(o)]
    latest = sorted(found, key=lambda c: c.stamp, reverse=True)[:_CHANGES]
    return render_template("pages/changes.html", changes=[_readable(c) for c in latest])


def _changes(sobject: SObject) -> list[Change]:
    name = layout.name_field(sobject)
    with emulator().store.reading() as conn:
        rows = conn.execute(
            f'SELECT t."SystemModstamp", t."IsDeleted", t."CreatedDate" = t."SystemModstamp", t."Id",'
            f' {name.sql("t") if name else "NULL"}, t."LastModifiedById" FROM "{sobject.name}" AS t'
            f' WHERE 1{readable(sobject)} ORDER BY t."SystemModstamp" DESC, t."Id" LIMIT {_CHANGES}'
        ).fetchall()
    return [
        Change(
            str(stamp),
            "Deleted" if deleted else "Created" if new else "Changed",
            sobject,
            str(record_id),
            str(title or record_id),
            str(user_id),
        )
        for stamp, deleted, new, record_id, title, user_id in rows
    ]


def _readable(change: Change) -> Change:
    by = shown.name_of(emulator().store, change.by) or change.by
    name = shown.visible(change.name)
    return Change(shown.moment(change.stamp), change.kind, change.sobject, change.record_id, name, shown.visible(by))
