"""What every call passes on its way in and out: length, session, permission, allowance, log.

In this order, as a real org does: a URI that is too long, a session that isn't valid, an org or a user
without the API, an allowance used up.  On its way out an answer that counted carries Sforce-Limit-Info.
"""

from __future__ import annotations

import re
import time
import weakref
from collections.abc import Iterator
from email.utils import format_datetime
from io import BytesIO

from flask import Flask, Response, request

from salesforce_emulator.api.answers import ApiError, not_found
from salesforce_emulator.calls import Call
from salesforce_emulator.changes import api_origin, change_origin
from salesforce_emulator.changes.origin import FROM_PAGES
from salesforce_emulator.faults import Asked
from salesforce_emulator.faults.answers import answer_instead
from salesforce_emulator.faults.bodies import change
from salesforce_emulator.oauth.tokens import ApiSession
from salesforce_emulator.oauth.users import Users
from salesforce_emulator.runtime import (
    NEWEST_VERSION,
    OLDEST_VERSION,
    CallState,
    Emulator,
    begin_call,
    call_state,
    emulator,
)
from salesforce_emulator.store.conditions import NORMAL

PART = "salesforce_emulator.part"
"""Marks the environment of a composite's part: the whole has been counted."""
MAX_URI = 16_384
MAX_HEAD = 32_768
_DATA = re.compile(r"/services/data/v(\d+)\.0(?:/|$)")
_CLIENT = re.compile(r"(?:^|,)\s*client=([^,]+)")
_VERSION = re.compile(r"^/services/data/v<version>/?")
_CARRIES_LIMIT = frozenset({200, 201, 204, 400})


def install(app: Flask) -> None:
    """Make an application's calls pass the gate."""
    app.before_request(_before)
    app.after_request(_after)
    app.teardown_request(_end)


def _before() -> Response | None:
    org = emulator()
    state = begin_call(time.perf_counter())
    is_part = PART in request.environ
    if not is_part:
        others = org.under_way.begin()
        path = request.full_path.rstrip("?")
        state.struck = org.faults.before(Asked(request.method, path, _body, lambda: _known_as(org), others))
        org.store.conditions = state.struck.conditions
        fault = state.struck.fault
        if fault is not None and (answer := answer_instead(fault, org)) is not None:
            # A body that nobody read would be waited for by the server, and the fault with it.
            request.get_data(cache=False)
            return answer
        change_origin.set(_origin())
    org.store.purge()
    found = _DATA.match(request.path)
    if found is None:
        # A version is written in full: v67.0. Without a check of its session nobody gets further with another.
        return not_found().answer() if request.path.startswith("/services/data/v") else None
    try:
        _check(org, state, int(found[1]))
        if not is_part:
            count(org, state)
    except ApiError as error:
        answer = error.answer()
        if error.status == 401:
            answer.headers["WWW-Authenticate"] = "Token"
        return answer
    return None


def _body() -> str:
    """The request's body, which whoever answers the call can still read."""
    body = request.get_data()
    request.stream = BytesIO(body)
    return body.decode("utf-8", "replace")


def _known_as(org: Emulator) -> frozenset[str]:
    """Id and username of whoever calls."""
    session = _session(org)
    user = Users(org.store).by_id(session.user_id) if session is not None else None
    return frozenset((user.id, user.id[:15], user.username)) if user is not None else frozenset()


def _session(org: Emulator) -> ApiSession | None:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return org.tokens.access(token.strip()) if kind.lower() in ("bearer", "oauth") else None


def _origin() -> str:
    """What change events call the door that this call came by."""
    found = _DATA.match(request.path)
    if found is not None:
        return api_origin("rest", f"{found[1]}.0", request.headers.get("Sforce-Call-Options", ""))
    return "" if request.path.startswith("/services/") else FROM_PAGES


def _check(org: Emulator, state: CallState, version: int) -> None:
    length = len(request.environ.get("RAW_URI") or request.full_path)
    if length > MAX_URI:
        raise ApiError(414, "URI_TOO_LONG", f"URI length exceeds the maximum of {MAX_URI} bytes")
    if length + sum(len(k) + len(v) for k, v in request.headers) > MAX_HEAD:
        raise ApiError(431, "REQUEST_HEADER_FIELDS_TOO_LARGE", "URI and headers are too large")
    if not OLDEST_VERSION <= version <= NEWEST_VERSION:
        raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")
    state.version = f"{version}.0"
    admit(org, state, _session(org))


def admit(org: Emulator, state: CallState, session: ApiSession | None) -> None:
    """Let a call of a session in.

    :raises ApiError: the session isn't valid, or its org or user has no API.
    """
    if session is None:
        raise ApiError(401, "INVALID_SESSION_ID", "Session expired or invalid")
    if not {"api", "full"} & set(session.scope.split()):
        raise ApiError(401, "INVALID_SESSION_ID", "This session is not valid for use with the REST API")
    if not org.has_api:
        raise ApiError(403, "API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization.")
    user = Users(org.store).by_id(session.user_id)
    if user is None or not user.active:
        raise ApiError(401, "INVALID_SESSION_ID", "Session expired or invalid")
    if not user.api_enabled:
        raise ApiError(403, "API_CURRENTLY_DISABLED", "API is not enabled for this user")
    state.session, state.user = session, user


def count(org: Emulator, state: CallState) -> None:
    """Count a call.

    :raises ApiError: the allowance is used up.
    """
    if not org.usage.take():
        raise ApiError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    state.counted = True


def _after(answer: Response) -> Response:
    org, state = emulator(), call_state()
    if PART in request.environ:
        return answer
    if state.counted and answer.status_code in _CARRIES_LIMIT:
        answer.headers["Sforce-Limit-Info"] = f"api-usage={org.usage.used}/{org.usage.allowance}"
    answer.headers["Date"] = format_datetime(org.store.now(), usegmt=True)
    struck = state.struck
    if struck is not None and struck.fault is not None:
        answer = change(struck.fault, answer, org.faults.released)
    _log(org, state, answer)
    # Not every server closes an answer whose caller is gone: werkzeug's doesn't where the connection was reset.
    ended = weakref.finalize(answer, org.under_way.end)
    ended.atexit = False
    answer.call_on_close(ended)
    return answer


def _log(org: Emulator, state: CallState, answer: Response) -> None:
    length = int(answer.headers["Content-Length"]) if "Content-Length" in answer.headers else None
    call = org.calls.add(
        Call(
            at=org.store.clock(),
            method=request.method,
            path=request.path,
            query=request.query_string.decode("latin-1"),
            kind=_kind(),
            status=answer.status_code,
            bytes=length,
            ms=round((time.perf_counter() - state.started) * 1000, 3),
            counted=state.counted,
            fault=state.struck.names if state.struck is not None else None,
            user=state.user.username if state.user is not None else None,
            client=_client(org, state),
        )
    )
    if length is None:
        answer.response = _counted(answer.iter_encoded(), call)


def _kind() -> str:
    """The call's path with names in place of what varies."""
    rule = str(request.url_rule) if request.url_rule is not None else "unknown"
    return f"{request.method} {_VERSION.sub('/', rule).rstrip('/') or '/'}"


def _client(org: Emulator, state: CallState) -> str | None:
    """What the caller of the API calls itself, or what its app is called."""
    session = state.session
    if session is None and state.struck is not None and state.struck.fault is not None:
        session = _session(org)  # struck before anybody asked
    if session is None:
        return None
    if state.client:
        return state.client
    named = _CLIENT.search(request.headers.get("Sforce-Call-Options", ""))
    app = org.apps.get(session.client_id)
    return named[1].strip() if named else app.name if app else None


def _counted(pieces: Iterator[bytes], call: Call) -> Iterator[bytes]:
    """A body of unknown length, whose bytes are noted as they are sent."""
    call.bytes = 0
    for piece in pieces:
        call.bytes += len(piece)
        yield piece


def _end(_: BaseException | None) -> None:
    if PART not in request.environ:
        emulator().store.conditions = NORMAL
        change_origin.set("")
