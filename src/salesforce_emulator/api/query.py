"""query and queryAll, and their further pages."""

from __future__ import annotations

import re
import sqlite3
from array import array
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import Blueprint, Response, request

from salesforce_emulator.api.answers import ApiError, json_answer
from salesforce_emulator.api.explain import explained
from salesforce_emulator.api.listing import Listing, begin, one_state
from salesforce_emulator.runtime import api_session, api_user, api_version, emulator, visible_schema
from salesforce_emulator.soql import Plan, QueryContext, SoqlError, compile_soql
from salesforce_emulator.soql.columns import columns
from salesforce_emulator.soql.render import Record, Renderer
from salesforce_emulator.store import OrgStore, viewed

blueprint = Blueprint("query", __name__)

MAX_BATCH = 2000
MIN_BATCH = 200
LONG_TEXT_BATCH = 1000
"""Rows of a page that holds long text: seen in a recording."""
_BATCH_OPTION = re.compile(r"batchSize\s*=\s*(\d+)", re.IGNORECASE)
_LOCATOR = re.compile(r"([0-9A-Za-z]{18})-(\d+)")


def context(store: OrgStore, user_id: str, time_zone: str, *, include_deleted: bool) -> QueryContext:
    """Who asks: date literals count days in the user's time zone."""
    zone: tzinfo = UTC
    with suppress(ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo(time_zone)
    own = store.seen_by_owner_alone(user_id)
    return QueryContext(store.now().astimezone(zone), user_id, include_deleted, own, store.fiscal_start)


def _asker(*, include_deleted: bool) -> QueryContext:
    return context(emulator().store, api_session().user_id, api_user().time_zone, include_deleted=include_deleted)


def compile_for_api(soql: str, *, include_deleted: bool) -> Plan:
    """Compile a query of the current user.

    :raises ApiError: 400 with the query's error.
    """
    try:
        return compile_soql(soql, visible_schema(), _asker(include_deleted=include_deleted))
    except SoqlError as error:
        raise ApiError(400, error.code, error.message) from None


@blueprint.get("/services/data/v<version>/query/")
@blueprint.get("/services/data/v<version>/query")
def query(version: str) -> Response:
    return _first_page(include_deleted=False)


@blueprint.get("/services/data/v<version>/queryAll/")
@blueprint.get("/services/data/v<version>/queryAll")
def query_all(version: str) -> Response:
    return _first_page(include_deleted=True)


def _first_page(*, include_deleted: bool) -> Response:
    soql = request.args.get("q")
    if soql is None and (asked_about := request.args.get("explain")):
        try:
            return explained(asked_about, visible_schema(), _asker(include_deleted=include_deleted))
        except SoqlError as error:
            raise ApiError(400, error.code, error.message) from None
    if soql is None:
        raise ApiError(400, "MALFORMED_QUERY", "unexpected end of query: the parameter q is missing")
    plan = compile_for_api(soql, include_deleted=include_deleted)
    if request.args.get("columns", "").lower() == "true":
        return json_answer(columns(soql, plan, visible_schema()))
    asked = _BATCH_OPTION.search(request.headers.get("Sforce-Query-Options", ""))
    page = first_page(plan, int(asked[1][:9]) if asked else None)
    if plan.viewed and plan.kind == "rows":
        _note_looks(page.records)
    return page_answer(page)


def _note_looks(records: list[Record]) -> None:
    """FOR VIEW, FOR REFERENCE: the user has looked at these."""
    attributes = [record["attributes"] for record in records]
    ids = [str(a["url"]).rsplit("/", 1)[1] for a in attributes if isinstance(a, dict)]
    with emulator().store.writing() as conn:
        viewed.note(conn, api_session().user_id, ids)


@dataclass(frozen=True)
class Page:
    """Records of a query, how many it found, and the locator of the page that follows."""

    total: int
    records: list[Record]
    more: str | None = None


def first_page(plan: Plan, asked: int | None) -> Page:
    """The beginning of what a query finds.

    :param asked: rows of a page, as the client would like.
    """
    with ExitStack() as held:
        conn = held.enter_context(emulator().store.querying())
        if plan.kind == "count":
            return Page(conn.execute(plan.sql(narrow=True), plan.params).fetchone()[0], [])
        if plan.kind == "aggregate":
            return _groups(conn, plan)
        renderer = Renderer(conn, api_version(), _open_children)
        batch = _batch_size(plan, asked)
        can_stay = held.enter_context(one_state(conn))
        rows = conn.execute(plan.first(batch + 1), plan.params).fetchall()
        if len(rows) <= batch:
            return Page(len(rows), renderer.records(plan, rows))
        records = renderer.records(plan, rows[:batch])
        total, numbers, source = begin(conn, plan)
        listing = Listing(total, numbers, source, held.pop_all() if source is not None and can_stay else None)
        if not can_stay:
            listing.complete()
        session = api_session()
        cursor = emulator().cursors.open(session.key, session.user_id, plan, listing, batch)
        return Page(total, records, f"{cursor.locator}-{batch}")


def _groups(conn: sqlite3.Connection, plan: Plan) -> Page:
    """Aggregates have no row numbers to page by; Salesforce too answers them in one page of 2,000 at most."""
    rows = conn.execute(plan.sql(), plan.params).fetchmany(MAX_BATCH + 1)
    if len(rows) > MAX_BATCH:
        message = "Aggregate query does not support queryMore(), use LIMIT to restrict the results to a single batch"
        raise ApiError(400, "EXCEEDED_ID_LIMIT", message)
    return Page(len(rows), Renderer(conn, api_version()).records(plan, rows))


def _open_children(plan: Plan, rows: array[int], batch: int) -> str:
    session = api_session()
    listing = Listing(len(rows), rows)
    cursor = emulator().cursors.open(session.key, session.user_id, plan, listing, batch, children=True)
    return f"{cursor.locator}-{batch}"


def _batch_size(plan: Plan, asked: int | None) -> int:
    """The rows of a page: what the client would like, between 200 and what Salesforce gives at most."""
    most = LONG_TEXT_BATCH if plan.long_text else MAX_BATCH
    return most if asked is None else max(MIN_BATCH, min(asked, most))


@blueprint.get("/services/data/v<version>/query/<locator>")
@blueprint.get("/services/data/v<version>/queryAll/<locator>")
def next_page(version: str, locator: str) -> Response:
    return page_answer(following_page(locator))


def following_page(locator: str) -> Page:
    """The page that a locator leads to.

    :raises ApiError: it isn't one of this session's, or has ended.
    """
    session = api_session()
    found = _LOCATOR.fullmatch(locator)
    cursor = emulator().cursors.get(session.key, session.user_id, found[1]) if found else None
    start = int(found[2]) if found else 0
    if cursor is None or start >= cursor.listing.total:
        raise _invalid_locator()
    with emulator().store.querying() as conn:
        rows = cursor.page(conn, start)
        if rows is None:
            raise _invalid_locator()
        records = Renderer(conn, api_version(), _open_children).records(cursor.plan, rows)
    following = start + cursor.batch
    more = f"{cursor.locator}-{following}" if following < cursor.listing.total else None
    return Page(cursor.listing.total, records, more)


def _invalid_locator() -> ApiError:
    return ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")


def page_answer(page: Page) -> Response:
    """A page as query answers it."""
    body: dict[str, object] = {"totalSize": page.total, "done": page.more is None}
    if page.more is not None:
        body["nextRecordsUrl"] = f"/services/data/v{api_version()}/query/{page.more}"
    return json_answer({**body, "records": page.records})
