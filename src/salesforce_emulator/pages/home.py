"""The org's front page, search, and what the bar asks for."""

from __future__ import annotations

from flask import Response, abort, jsonify, redirect, render_template, request, session, url_for

from salesforce_emulator import ids
from salesforce_emulator.pages import layout, lists
from salesforce_emulator.pages.acting import schema
from salesforce_emulator.pages.site import Answer, back_to, blueprint
from salesforce_emulator.runtime import NEWEST_VERSION, emulator
from salesforce_emulator.schema import SObject
from salesforce_emulator.store import DEFAULT_PASSWORD

_SUGGESTED = 8


@blueprint.get("/")
def home() -> str:
    org = emulator()
    known = layout.bar(schema())
    others = [o for o in schema() if o.kept and o not in known]
    return render_template(
        "pages/home.html",
        org=org,
        app=org.apps.first,
        counts=lists.counts(org.store, [*known, *others]),
        base=request.host_url.rstrip("/"),
        version=NEWEST_VERSION,
        password=DEFAULT_PASSWORD,
    )


@blueprint.post("/acting")
def act_as() -> Answer:
    session["acting"] = request.form.get("user_id", "")
    return redirect(back_to(request.form.get("next", "/")))


@blueprint.get("/search")
def search() -> Answer:
    """Records by their name, whatever their object; or the one with an id."""
    asked = request.args.get("q", "").strip()[:255]
    store = emulator().store
    if ids.is_id(asked) and (sobject := schema().by_id(asked)) is not None:
        return redirect(url_for("pages.view", name=sobject.name, record_id=ids.to18(asked)))
    found = [(o, lists.named(store, o, asked)) for o in _searched()] if asked else []
    return render_template("pages/search.html", asked=asked, found=[(o, m) for o, m in found if m])


def _searched() -> list[SObject]:
    return [*layout.bar(schema()), *[o for o in schema() if o.name == "User"]]


@blueprint.get("/pick")
def pick() -> Response:
    """Suggestions for a reference: names that contain what was typed, of the objects it may refer to."""
    store = emulator().store
    names = request.args.get("of", "").split(",")
    objects = [sobject for name in names if (sobject := schema().get(name)) is not None]
    asked = request.args.get("q", "").strip()[:255]
    found = [(o, m) for o in objects for m in lists.named(store, o, asked, limit=_SUGGESTED)]
    return jsonify(
        [{"id": m.id, "name": m.name, "hint": " · ".join(filter(None, (o.label, m.hint)))} for o, m in found]
    )


@blueprint.get("/<record_id>")
def by_id(record_id: str) -> Answer:
    """A record by its id alone, as links out of other systems name it."""
    sobject = schema().by_id(record_id) if ids.is_id(record_id) else None
    if sobject is None:
        abort(404, "There is no such page, and no record with this id.")
    return redirect(url_for("pages.view", name=sobject.name, record_id=ids.to18(record_id)))
