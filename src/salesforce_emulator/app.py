"""The Flask application of one org."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from pathlib import Path

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException, InternalServerError, MethodNotAllowed, NotFound

from salesforce_emulator import changes_control, control, rules_control, schema_control
from salesforce_emulator.api import (
    actions,
    batch,
    collections,
    composite,
    describe,
    gate,
    graph,
    limits,
    listviews,
    query,
    recent,
    records,
    relationships,
    replication,
    reports,
    search,
    tree,
    versions,
)
from salesforce_emulator.api.answers import ApiError, not_found
from salesforce_emulator.api.cursors import Cursors
from salesforce_emulator.bulk import classic_routes, ingest_routes, query_routes
from salesforce_emulator.bulk.classic import ClassicJobs
from salesforce_emulator.bulk.ingest import IngestJobs
from salesforce_emulator.bulk.query import QueryJobs
from salesforce_emulator.calls import CallLog
from salesforce_emulator.faults import FaultPlan
from salesforce_emulator.hosts import KnownHosts
from salesforce_emulator.oauth import routes as oauth_routes
from salesforce_emulator.oauth.apps import App, Apps
from salesforce_emulator.oauth.codes import Codes
from salesforce_emulator.oauth.tokens import Tokens
from salesforce_emulator.pages import routes as page_routes
from salesforce_emulator.runtime import Emulator, Settings
from salesforce_emulator.soap import routes as soap_routes
from salesforce_emulator.store import OrgStore

_MAX_BODY = 150 * 1024 * 1024 + 1024 * 1024
_BLUEPRINTS = (
    versions.blueprint,
    describe.blueprint,
    query.blueprint,
    collections.blueprint,
    composite.blueprint,
    batch.blueprint,
    graph.blueprint,
    tree.blueprint,
    limits.blueprint,
    listviews.blueprint,
    replication.blueprint,
    search.blueprint,
    reports.blueprint,
    relationships.blueprint,
    records.blueprint,
    actions.blueprint,
    recent.blueprint,
    query_routes.blueprint,
    ingest_routes.blueprint,
    classic_routes.blueprint,
    soap_routes.blueprint,
    oauth_routes.blueprint,
    control.blueprint,
    changes_control.blueprint,
    schema_control.blueprint,
    rules_control.blueprint,
    page_routes.blueprint,
)


def create_app(
    store: OrgStore | Path | str,
    *,
    settings: Settings | None = None,
    apps: Iterable[App] = (),
    faults: object = None,
) -> Flask:
    """The WSGI application of an org.

    :param store: the org, or the file it is in (made with the base records where it doesn't exist).
    :param apps: the registered apps; without any, one for demos is there (its client id and secret are in
        :data:`salesforce_emulator.oauth.apps.DEFAULT_APP`).
    :param faults: the fault plan to begin with; :mod:`salesforce_emulator.faults` says what it looks like.
    """
    org_store = store if isinstance(store, OrgStore) else OrgStore(store)
    chosen = settings or Settings()
    plan = FaultPlan()
    plan.set([] if faults is None else faults)
    app = Flask("salesforce_emulator", static_url_path="/__static")
    app.secret_key = secrets.token_bytes(32)
    app.config["MAX_CONTENT_LENGTH"] = _MAX_BODY
    app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
    app.extensions["salesforce_emulator"] = Emulator(
        store=org_store,
        settings=chosen,
        apps=Apps(apps),
        codes=Codes(),
        tokens=Tokens(org_store, chosen.session_seconds),
        cursors=Cursors(),
        query_jobs=QueryJobs(org_store, chosen.job_seconds),
        ingest_jobs=IngestJobs(org_store),
        classic_jobs=ClassicJobs(org_store, chosen.job_seconds),
        faults=plan,
        calls=CallLog(),
    )
    gate.install(app)
    relationships.install(app)
    page_routes.install(app)
    for blueprint in _BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.register_error_handler(ApiError, lambda error: error.answer())
    app.register_error_handler(HTTPException, _http_error)
    if chosen.allowed_hosts is not None:
        app.wsgi_app = KnownHosts(app.wsgi_app, chosen.allowed_hosts)  # type: ignore[method-assign]  # as Flask says
    return app


def _http_error(error: HTTPException) -> Response | tuple[str, int]:
    """Errors of the framework: as a page outside the API, worded as the API words them inside."""
    if not request.path.startswith("/services/"):
        return page_routes.error_page(error)
    if isinstance(error, NotFound):
        return not_found().answer()
    if isinstance(error, MethodNotAllowed):
        allowed = ",".join(m for m in error.valid_methods or () if m not in ("HEAD", "OPTIONS"))
        message = f"HTTP Method '{request.method}' not allowed. Allowed are {allowed}"
        return ApiError(405, "METHOD_NOT_ALLOWED", message).answer()
    if isinstance(error, InternalServerError):
        return _unexpected().answer()
    code = "URI_TOO_LONG" if error.code == 414 else "UNKNOWN_EXCEPTION"
    return ApiError(error.code or 500, code, error.description or "An unexpected error occurred").answer()


def _unexpected() -> ApiError:
    """What the emulator failed at, in no more words than Salesforce's: the number finds the traceback in the log."""
    error_id = f"{secrets.randbelow(10**9)}-{secrets.randbelow(10**5)}"
    current_app.logger.error("The traceback above is of ErrorId %s", error_id)
    message = f"An unexpected error occurred. Please include this ErrorId if you contact support: {error_id}"
    return ApiError(500, "UNKNOWN_EXCEPTION", message)
