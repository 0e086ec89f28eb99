"""/__emulator: what tests and demos ask of the emulator itself. No part of what it imitates."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from flask import Blueprint, Response, request

from salesforce_emulator.api.answers import ApiError, json_answer
from salesforce_emulator.calls import Wanted
from salesforce_emulator.clock import ClockRefused
from salesforce_emulator.faults import BadPlan
from salesforce_emulator.hosts import same_origin
from salesforce_emulator.runtime import emulator

blueprint = Blueprint("control", __name__, url_prefix="/__emulator")


@blueprint.before_request
def allowed() -> Response | None:
    """Nothing, or the refusal of an org that is not to be controlled, or not by a page of somebody else's."""
    site, origin = request.headers.get("Sec-Fetch-Site", "none"), request.headers.get("Origin")
    others = site not in ("none", "same-origin") or (origin is not None and not same_origin(origin, request.host))
    if others and request.method not in ("GET", "HEAD"):
        return ApiError(403, "CROSS_SITE", "a page of another site may not control this org").answer()
    if emulator().settings.control:
        return None
    return ApiError(403, "CONTROL_OFF", "started without --control, and not on a loopback address").answer()


@blueprint.post("/faults")
def set_faults() -> Response:
    """Replace the fault plan; :mod:`salesforce_emulator.faults` says what a rule is. [] ends all faults."""
    org = emulator()
    try:
        org.faults.set(request.get_json(force=True, silent=True))
    except BadPlan as error:
        return ApiError(400, "INVALID_PLAN", str(error)).answer()
    return json_answer({"rules": len(org.faults.faults)})


@blueprint.get("/faults")
def faults() -> Response:
    """The plan in force: each rule as sent, how many calls it saw, how many it struck."""
    return json_answer(emulator().faults.report())


@blueprint.post("/faults/release")
def release() -> Response:
    """Let the calls go on that are held up."""
    emulator().faults.release()
    return Response(status=204)


@blueprint.get("/calls")
def calls() -> Response:
    """The calls, the oldest first; only those that fit: path (a regular expression), method, status, fault, client,
    since (a call's number, or a time)."""
    return json_answer(emulator().calls.all(_wanted()))


@blueprint.get("/calls/summary")
def summary() -> Response:
    """Counts of the calls that fit, together and by kind."""
    return json_answer(emulator().calls.summary(_wanted()))


def _wanted() -> Wanted:
    told = request.args
    if unknown := set(told) - {"path", "method", "status", "fault", "client", "since"}:
        raise ApiError(400, "INVALID_FILTER", f"{', '.join(sorted(unknown))}: no filter of calls")
    status, since = told.get("status", ""), told.get("since", "")
    if status and not status.isdigit():
        raise ApiError(400, "INVALID_FILTER", f"status: {status} is no number")
    try:
        path = re.compile(told["path"]) if told.get("path") else None
    except re.error as error:
        raise ApiError(400, "INVALID_FILTER", f"path: no regular expression: {error}") from None
    return Wanted(
        path=path,
        method=told.get("method", "").upper(),
        status=int(status) if status else None,
        fault=told.get("fault", ""),
        client=told.get("client", ""),
        number=int(since) if since.isdigit() else 0,
        since=_moment("since", since) if since and not since.isdigit() else None,
    )


def _moment(name: str, text: object) -> datetime:
    """A time as ISO 8601 writes it; UTC where no zone is said."""
    try:
        # A plus sign that nobody encoded arrives in a query string as a blank.
        moment = datetime.fromisoformat(str(text).strip().replace(" ", "+"))
    except ValueError:
        message = f"{name}: {text} is no time such as 2026-01-31T09:30:00Z"
        raise ApiError(400, "INVALID_TIME", message) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


@blueprint.post("/reset-calls")
def reset_calls() -> Response:
    emulator().calls.clear()
    return Response(status=204)


@blueprint.post("/usage")
def usage() -> Response:
    """Set the allowance, or what is used of it: {"allowance": N, "used": N}."""
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict) or set(body) - {"allowance", "used"}:
        raise ApiError(400, "INVALID_USAGE", 'a JSON object such as {"allowance": 15000, "used": 0} is wanted')
    for name, count in body.items():
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise ApiError(400, "INVALID_USAGE", f"{name}: a whole number of at least 0 is wanted")
    org = emulator()
    org.usage.set(**body)
    return json_answer({"allowance": org.usage.allowance, "used": org.usage.used})


@blueprint.get("/org")
def org() -> Response:
    """What the org is: id, edition, version, the first app's credentials."""
    found = emulator()
    app = found.apps.first
    return json_answer(
        {
            "organization_id": found.store.organization_id,
            "edition": found.store.edition,
            "client_id": app.client_id,
            "client_secret": app.client_secret,
            "app": app.name,
        }
    )


@blueprint.get("/clock")
def clock() -> Response:
    """The org's time, and how its clock runs."""
    found = emulator().store.clock
    return json_answer({"now": found().isoformat(timespec="milliseconds"), "rate": found.rate, "run": found.runs})


@blueprint.post("/clock")
def set_clock() -> Response:
    """Change the clock: {"set": time, "advance": seconds, "rate": times as fast, "run": whether it goes on, "force":
    whether it may be set back}. All that tells the time in the org follows it."""
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        raise ApiError(400, "INVALID_CLOCK", "a JSON object is wanted")
    if unknown := set(body) - {"set", "advance", "rate", "run", "force"}:
        raise ApiError(400, "INVALID_CLOCK", f"{', '.join(sorted(unknown))}: nothing that a clock can be told")
    try:
        emulator().store.set_clock(
            to=_moment("set", body["set"]) if "set" in body else None,
            by=_number(body, "advance") or 0.0,
            rate=_number(body, "rate"),
            runs=_flag(body, "run"),
            forced=bool(_flag(body, "force")),
        )
    except ClockRefused as error:
        raise ApiError(400, "INVALID_CLOCK", str(error)) from None
    return clock()


def _number(body: dict[str, object], name: str) -> float | None:
    value = body.get(name)
    if name in body and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise ApiError(400, "INVALID_CLOCK", f"{name}: a number is wanted")
    try:
        return float(value) if isinstance(value, int | float) else None
    except OverflowError:  # JSON's whole numbers have no end
        raise ApiError(400, "INVALID_CLOCK", f"{name}: a smaller number is wanted") from None


def _flag(body: dict[str, object], name: str) -> bool | None:
    value = body.get(name)
    if name in body and not isinstance(value, bool):
        raise ApiError(400, "INVALID_CLOCK", f"{name}: true or false is wanted")
    return value if isinstance(value, bool) else None
