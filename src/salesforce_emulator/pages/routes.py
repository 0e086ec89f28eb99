"""The pages: the org, lists, records; edit, delete, undelete, convert as a named sales rep."""

from __future__ import annotations

import secrets

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as BaseResponse

from salesforce_emulator import ids
from salesforce_emulator.oauth.users import OrgUser, Users
from salesforce_emulator.pages import records
from salesforce_emulator.runtime import NEWEST_VERSION, emulator
from salesforce_emulator.schema import BASE, SObject
from salesforce_emulator.store import DEFAULT_PASSWORD, RecordError

blueprint = Blueprint("pages", __name__)

Answer = Response | BaseResponse | str | tuple[str, int]


def _acting() -> OrgUser:
    """Who the pages' edits are made by: the rep chosen in the bar."""
    users = Users(emulator().store)
    found = users.by_id(session.get("acting", "")) or users.by_id(BASE.reps[0]) or users.by_id(BASE.administrator)
    if found is None:
        abort(404)
    return found


@blueprint.context_processor
def _bar() -> dict[str, object]:
    session.setdefault("csrf", secrets.token_urlsafe(16))
    store = emulator().store
    return {
        "acting": _acting(),
        "users": Users(store).everybody(),
        "bar_objects": [store.schema[n] for n in records.SHOWN[:5] if n in store.schema],
        "csrf": session["csrf"],
        "org_name": records.name_of(store, store.organization_id),
    }


@blueprint.before_request
def _same_site() -> None:
    known = session.get("csrf")
    if request.method == "POST" and (not known or request.form.get("csrf") != known):
        abort(403, "This form is out of date: reload the page and try again.")


def _sobject(name: str) -> SObject:
    found = emulator().store.schema.get(name)
    if found is None or not found.kept:
        abort(404)
    return found


@blueprint.get("/")
def home() -> str:
    org = emulator()
    return render_template(
        "pages/home.html",
        org=org,
        app=org.apps.first,
        counts=records.counts(org.store),
        base=request.host_url.rstrip("/"),
        version=NEWEST_VERSION,
        password=DEFAULT_PASSWORD,
    )


@blueprint.post("/acting")
def act_as() -> Answer:
    session["acting"] = request.form.get("user_id", "")
    return redirect(_back(request.form.get("next", "/")))


def _back(path: str) -> str:
    """A path of this site to go back to."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"


@blueprint.get("/o/<name>")
def listing(name: str) -> str:
    sobject = _sobject(name)
    page = max(0, request.args.get("page", 0, type=int))
    search, bin_only = request.args.get("q", "").strip(), "bin" in request.args
    found = records.listing(emulator().store, sobject, search, page, bin_only=bin_only)
    last = max(0, (found.total - 1) // records.PAGE)
    return render_template(
        "pages/list.html", sobject=sobject, found=found, page=page, last=last, search=search, bin_only=bin_only
    )


@blueprint.get("/<record_id>")
def by_id(record_id: str) -> Answer:
    """A record by its id alone, as links out of other systems name it."""
    sobject = emulator().store.schema.by_id(record_id) if ids.is_id(record_id) else None
    if sobject is None:
        abort(404)
    return redirect(url_for("pages.view", name=sobject.name, record_id=ids.to18(record_id)))


@blueprint.get("/o/<name>/<record_id>")
def view(name: str, record_id: str) -> str:
    sobject = _sobject(name)
    cells = records.one(emulator().store, sobject, record_id)
    if cells is None:
        abort(404)
    facts = {c.field.name: c for c in cells}
    name_field = sobject.name_field
    return render_template(
        "pages/view.html",
        sobject=sobject,
        record_id=record_id,
        cells=[c for c in cells if c.value is not None],
        title=facts[name_field.name].text if name_field else record_id,
        deleted=bool(facts["IsDeleted"].value) if "IsDeleted" in facts else False,
        converted=bool(facts["IsConverted"].value) if "IsConverted" in facts and sobject.name == "Lead" else None,
        editable=sobject.updateable,
        related=records.related(emulator().store, sobject, record_id),
    )


@blueprint.route("/o/<name>/new", methods=["GET", "POST"])
def create(name: str) -> Answer:
    sobject = _sobject(name)
    problem = ""
    if request.method == "POST":
        values = records.form_values(sobject, request.form, creating=True)
        given = {k: v for k, v in values.items() if v is not None}
        try:
            with emulator().store.session(_acting().id, from_csv=True) as writing:
                record_id = writing.insert(sobject.name, given)
            return redirect(url_for("pages.view", name=sobject.name, record_id=record_id))
        except RecordError as error:
            problem = error.message
    fields = records.editable(sobject, creating=True)
    current = {f.name: request.form.get(f.name, "") for f in fields}
    return _form(sobject, None, fields, current, problem)


@blueprint.route("/o/<name>/<record_id>/edit", methods=["GET", "POST"])
def edit(name: str, record_id: str) -> Answer:
    sobject = _sobject(name)
    cells = records.one(emulator().store, sobject, record_id)
    if cells is None:
        abort(404)
    current = {c.field.name: c.value for c in cells}
    problem = ""
    if request.method == "POST":
        values = records.form_values(sobject, request.form, creating=False)
        changed = {k: v for k, v in values.items() if _differs(v, current.get(k))}
        try:
            if changed:
                with emulator().store.session(_acting().id, from_csv=True) as writing:
                    writing.update(sobject.name, record_id, changed)
            flash("Saved." if changed else "Nothing was changed.")
            return redirect(url_for("pages.view", name=sobject.name, record_id=record_id))
        except RecordError as error:
            problem = error.message
            current = {**current, **values}
    return _form(sobject, record_id, records.editable(sobject, creating=False), current, problem)


def _differs(given: object, stored: object) -> bool:
    if isinstance(given, bool):
        return given != bool(stored)
    if isinstance(stored, float) and given is not None:
        try:
            return float(str(given)) != stored
        except ValueError:
            return True
    return ("" if given is None else str(given)) != ("" if stored is None else str(stored))


def _form(
    sobject: SObject, record_id: str | None, fields: object, current: dict[str, object] | dict[str, str], problem: str
) -> tuple[str, int]:
    page = render_template(
        "pages/edit.html", sobject=sobject, record_id=record_id, fields=fields, current=current, problem=problem
    )
    return page, 422 if problem else 200


def _do(name: str, record_id: str, action: str, done: str) -> Answer:
    sobject = _sobject(name)
    try:
        with emulator().store.session(_acting().id) as writing:
            (writing.delete if action == "delete" else writing.undelete)(sobject.name, record_id)
        flash(done)
    except RecordError as error:
        flash(error.message, "problem")
    return redirect(url_for("pages.view", name=sobject.name, record_id=record_id))


@blueprint.post("/o/<name>/<record_id>/delete")
def delete(name: str, record_id: str) -> Answer:
    return _do(name, record_id, "delete", "Moved to the recycle bin.")


@blueprint.post("/o/<name>/<record_id>/undelete")
def undelete(name: str, record_id: str) -> Answer:
    return _do(name, record_id, "undelete", "Taken out of the recycle bin.")


@blueprint.post("/o/Lead/<record_id>/convert")
def convert(record_id: str) -> Answer:
    try:
        found = emulator().store.convert_lead(record_id, user_id=_acting().id)
    except RecordError as error:
        flash(error.message, "problem")
        return redirect(url_for("pages.view", name="Lead", record_id=record_id))
    flash("The lead has been converted.")
    return redirect(url_for("pages.view", name="Account", record_id=found.account_id))
