"""Lists and records: looking at them, creating, editing, deleting, bringing back."""

from __future__ import annotations

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict

from salesforce_emulator import ids
from salesforce_emulator.pages import layout, lists, path, records
from salesforce_emulator.pages.acting import acting
from salesforce_emulator.pages.forms import Form
from salesforce_emulator.pages.lists import Asked
from salesforce_emulator.pages.records import Record
from salesforce_emulator.pages.site import Answer, blueprint, record_of, sobject_named
from salesforce_emulator.runtime import emulator
from salesforce_emulator.schema import Field, SObject
from salesforce_emulator.store import RecordError

_KEPT = ("view", "q", "sort", "by", "of")
_LONG = 600
"""Characters, from which on a text has a box of its own to be scrolled in."""


@blueprint.get("/o/<name>")
def listing(name: str) -> str:
    sobject = sobject_named(name)
    asked = _asked(sobject)
    found = lists.listing(emulator().store, sobject, asked, acting().id)
    return render_template(
        "pages/list.html",
        sobject=sobject,
        asked=asked,
        found=found,
        views=lists.views(sobject),
        kept={k: request.args[k] for k in _KEPT if request.args.get(k)},
        parent=records.one(emulator().store, *_parent(asked)) if asked.parent else None,
        mergeable=sobject.mergeable and asked.view != "bin",
    )


def _asked(sobject: SObject) -> Asked:
    """What the address asks for; what it misspells is left out."""
    given = request.args
    view = given.get("view", "all")
    by = sobject.get(given.get("by", ""))
    of = given.get("of", "")
    sort = sobject.get(given.get("sort", "").removeprefix("-"))
    return Asked(
        view=view if view in lists.views(sobject) else "all",
        search=given.get("q", "").strip()[:255],
        parent=(by, ids.to18(of)) if by is not None and by.type == "reference" and ids.is_id(of) else None,
        sort=sort if sort in layout.columns(sobject) else None,
        descending=given.get("sort", "").startswith("-"),
        page=min(max(0, given.get("page", 0, type=int)), 1_000_000),
    )


def _parent(asked: Asked) -> tuple[SObject, str]:
    assert asked.parent is not None
    by, parent_id = asked.parent
    schema = emulator().store.schema
    return schema.by_id(parent_id) or schema[by.reference_to[0]], parent_id


@blueprint.get("/o/<name>/<record_id>")
def view(name: str, record_id: str) -> str:
    record = record_of(name, record_id)
    store = emulator().store
    return render_template(
        "pages/view.html",
        sobject=record.sobject,
        record=record,
        highlights=[record.shown(f) for f in layout.highlights(record.sobject)],
        sections=[(s, [record.shown(f) for f in s.fields]) for s in layout.view_sections(record.sobject)],
        related=[] if record.deleted else records.related(store, record),
        steps=path.steps(store, record),
        can=_can(record),
        long=_LONG,
    )


def _can(record: Record) -> set[str]:
    """What the page offers to do with a record."""
    sobject = record.sobject
    if record.deleted:
        return {"undelete"} if not record.value("MasterRecordId") else set()
    found = set()
    if sobject.updateable and not record.converted:
        found.add("edit")
    if sobject.name == "Lead" and not record.converted:
        found.add("convert")
    if sobject.name in ("Lead", "Contact") and not record.converted:
        found.add("join")
    if sobject.mergeable and not record.converted:
        found.add("merge")
    if sobject.deletable:
        found.add("delete")
    return found


@blueprint.route("/o/<name>/new", methods=["GET", "POST"])
def create(name: str) -> Answer:
    sobject = sobject_named(name)
    if not sobject.createable:
        abort(404, f"Records of {sobject.label} are made by the org itself, not by people.")
    return _edit(sobject, None, f"New {sobject.label}")


@blueprint.route("/o/<name>/<record_id>/edit", methods=["GET", "POST"])
def edit(name: str, record_id: str) -> Answer:
    record = record_of(name, record_id)
    return _edit(record.sobject, record, f"Edit {record.title[:80]}")


def _edit(sobject: SObject, record: Record | None, title: str) -> Answer:
    posted = request.method == "POST"
    form = Form(emulator().store, sobject, record, request.form if posted else _asked_for(sobject), acting().id)
    if posted and (saved := form.save()) is not None:
        flash("Saved.")
        return redirect(url_for("pages.view", name=sobject.name, record_id=saved))
    page = render_template(
        "pages/edit.html",
        sobject=sobject,
        record=record,
        title=title,
        sections=form.sections(sent=posted),
        problems=form.problems,
    )
    return page, 422 if form.problems else 200


def _asked_for(sobject: SObject) -> MultiDict[str, str]:
    """What the address of a new record's form fills in, such as the account it belongs to."""
    return MultiDict([(k, v) for k, v in request.args.items() if _known(sobject.get(k))])


def _known(field: Field | None) -> bool:
    return field is not None and field.createable


@blueprint.post("/o/<name>/<record_id>/delete")
def delete(name: str, record_id: str) -> Answer:
    return _do(record_of(name, record_id), "delete")


@blueprint.post("/o/<name>/<record_id>/undelete")
def undelete(name: str, record_id: str) -> Answer:
    return _do(record_of(name, record_id), "undelete")


def _do(record: Record, what: str) -> Answer:
    """Delete or undelete; to the record's page while it has one."""
    sobject = record.sobject
    try:
        with emulator().store.session(acting().id) as writing:
            (writing.delete if what == "delete" else writing.undelete)(sobject.name, record.id)
    except RecordError as error:
        flash(error.message, "problem")
        return redirect(url_for("pages.view", name=sobject.name, record_id=record.id))
    if what == "delete" and not sobject.deletes:
        flash("Deleted.")
        return redirect(url_for("pages.listing", name=sobject.name))
    flash("Moved to the recycle bin." if what == "delete" else "Taken out of the recycle bin.")
    return redirect(url_for("pages.view", name=sobject.name, record_id=record.id))
