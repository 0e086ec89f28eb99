"""What every call passes on its way in and out: length, session, permission, allowance, log.

In this order, as a real org does: a URI that is too long, a session that isn't valid, an org or a user
without the API, an allowance used up.  On its way out an answer that counted carries Sforce-Limit-Info.
"""

from __future__ import annotations

import re
import time

from flask import Flask, Response, request

from salesforce_emulator.api.answers import ApiError
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

PART = "salesforce_emulator.part"
"""Marks the environment of a composite's part: the whole has been counted."""
MAX_URI = 16_384
MAX_HEAD = 32_768
_DATA = re.compile(r"/services/data/v(\d+)\.0(?:/|$)")
_CLIENT = re.compile(r"(?:^|,)\s*client=([^,]+)")
_CARRIES_LIMIT = frozenset({200, 201, 204, 400})


def install(app: Flask) -> None:
    """Make an application's calls pass the gate."""
    app.before_request(_before)
    app.after_request(_after)


def _before() -> Response | None:
    org = emulator()
    state = begin_call(time.perf_counter())
    is_part = PART in request.environ
    if not is_part:
        state.fault = org.faults.before(request.method, request.full_path.rstrip("?"))
        if state.fault is not None and (answer := state.fault.answer_instead(org)) is not None:
            # A body that nobody read would be waited for by the server, and the fault with it.
            request.get_data(cache=False)
            return answer
    org.store.purge()
    found = _DATA.match(request.path)
    if found is None:
        return None
    try:
        _check(org, state, int(found[1]))
        if not is_part:
            _count(org, state)
    except ApiError as error:
        answer = error.answer()
        if error.status == 401:
            answer.headers["WWW-Authenticate"] = "Token"
        return answer
    return None


def _check(org: Emulator, state: CallState, version: int) -> None:
    length = len(request.environ.get("RAW_URI") or request.full_path)
    if length > MAX_URI:
        raise ApiError(414, "URI_TOO_LONG", f"URI length exceeds the maximum of {MAX_URI} bytes")
    if length + sum(len(k) + len(v) for k, v in request.headers) > MAX_HEAD:
        raise ApiError(431, "REQUEST_HEADER_FIELDS_TOO_LARGE", "URI and headers are too large")
    if not OLDEST_VERSION <= version <= NEWEST_VERSION:
        raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")
    state.version = f"{version}.0"
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    session = org.tokens.access(token.strip()) if kind.lower() in ("bearer", "oauth") else None
    if session is None:
        raise ApiError(401, "INVALID_SESSION_ID", "Session expired or invalid")
    if not {"api", "full", "web"} & set(session.scope.split()):
        raise ApiError(401, "INVALID_SESSION_ID", "This session is not valid for use with the REST API")
    if not org.has_api:
        raise ApiError(403, "API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization.")
    user = Users(org.store).by_id(session.user_id)
    if user is None or not user.active:
        raise ApiError(401, "INVALID_SESSION_ID", "Session expired or invalid")
    if not user.api_enabled:
        raise ApiError(403, "API_CURRENTLY_DISABLED", "API is not enabled for this user")
    state.session, state.user = session, user


def _count(org: Emulator, state: CallState) -> None:
    if not org.usage.take():
        raise ApiError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    state.counted = True


def _after(answer: Response) -> Response:
    org, state = emulator(), call_state()
    if PART in request.environ:
        return answer
    if state.counted and answer.status_code in _CARRIES_LIMIT:
        answer.headers["Sforce-Limit-Info"] = f"api-usage={org.usage.used}/{org.usage.allowance}"
    if state.fault is not None:
        answer = state.fault.change(answer)
    org.calls.add(
        request.method,
        request.path,
        request.query_string.decode("latin-1"),
        answer.status_code,
        answer.content_length,
        round((time.perf_counter() - state.started) * 1000, 3),
        counted=state.counted,
        fault=state.fault.action if state.fault is not None else None,
        user=state.user.username if state.user is not None else None,
        client=_client(org, state),
    )
    return answer


def _client(org: Emulator, state: CallState) -> str | None:
    """What the caller of the API calls itself, or what its app is called."""
    if state.session is None:
        return None
    named = _CLIENT.search(request.headers.get("Sforce-Call-Options", ""))
    app = org.apps.get(state.session.client_id)
    return named[1].strip() if named else app.name if app else None
