"""What all pages have in common: who acts, the app bar, and protection against other sites."""

from __future__ import annotations

import secrets

from flask import Blueprint, Flask, Response, abort, render_template, request, session
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from salesforce_emulator import ids
from salesforce_emulator.oauth.users import Users
from salesforce_emulator.pages import layout, records, shown
from salesforce_emulator.pages.acting import acting, schema
from salesforce_emulator.pages.records import Record
from salesforce_emulator.runtime import emulator
from salesforce_emulator.schema import SObject

Answer = Response | BaseResponse | str | tuple[str, int]

blueprint = Blueprint("pages", __name__)

_FORM_BYTES = 32 * 1024 * 1024
# Nothing of a page comes from elsewhere, and nothing in a record's text can act.
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_SAME_SITE_FORMS = "; form-action 'self'"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def install(app: Flask) -> None:
    """Give every page its headers, those of signing in as well."""
    app.after_request(_guard)
    # Cookies know no ports: those of two orgs on one machine must not have one name.
    app.config["SESSION_COOKIE_NAME"] = f"emulator_{app.extensions['salesforce_emulator'].store.organization_id}"


def _guard(answer: Response) -> Response:
    if answer.mimetype == "text/html" and not request.path.startswith("/services/data"):
        # The consent form leads to the app that asked, and browsers hold redirects to form-action too.
        forms = "" if request.blueprint == "oauth" else _SAME_SITE_FORMS
        answer.headers.setdefault("Content-Security-Policy", _POLICY + forms)
        for name, value in _HEADERS.items():
            answer.headers.setdefault(name, value)
    return answer


def error_page(error: HTTPException) -> tuple[str, int]:
    """An error of the pages."""
    found = render_template("pages/error.html", **_bar(), error=error)
    return found, error.code or 500


@blueprint.context_processor
def _bar() -> dict[str, object]:
    session.setdefault("csrf", secrets.token_urlsafe(16))
    store = emulator().store
    return {
        "acting": acting(),
        "users": Users(store).everybody(),
        "bar_objects": layout.bar(schema()),
        "csrf": session["csrf"],
        "org_name": shown.visible(shown.name_of(store, store.organization_id) or ""),
        "control": emulator().settings.control,
        "label": layout.label,
    }


@blueprint.before_request
def _same_site() -> None:
    # A text of 131,072 characters grows ninefold on its way.
    request.max_form_memory_size = _FORM_BYTES
    known = session.get("csrf")
    if request.method == "POST" and (not known or request.form.get("csrf") != known):
        abort(403, "This form is out of date. Go back, reload the page and try again.")


def sobject_named(name: str) -> SObject:
    found = schema().get(name)
    if found is None or not found.kept:
        abort(404, f"This org has no object {name[:80]}.")
    return found


def record_of(name: str, record_id: str) -> Record:
    sobject = sobject_named(name)
    known = ids.to18(record_id) if ids.is_id(record_id) else ""
    found = records.one(emulator().store, sobject, known)
    if found is None:
        abort(404, f"There is no {sobject.label} with this id.")
    return found


def back_to(path: str) -> str:
    """A path of this site to go back to."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"
