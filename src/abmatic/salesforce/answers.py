"""Reading what Salesforce answers: JSON, or which error it means.

REST errors are an array of ``{"errorCode", "message", "fields"?}``, OAuth errors an object of
``{"error", "error_description"}``, and in front of both may stand a proxy or a maintenance page
that answers HTML under any status. Here, and only here, an answer becomes a typed value or one
of the errors of ``errors``.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx2
import orjson

from . import errors

# JSON as it came; every reader below narrows it at once.
Json = Any

_MISSING_COLUMN = re.compile(
    r"No such column '(?P<field>[^']+)'(?: on (?:entity|sobject of type) '?(?P<sobject>[\w]+)'?)?"
)
_MISSING_RELATION = re.compile(r"Didn't understand relationship '(?P<field>[^']+)' in field path", re.IGNORECASE)
_FIELD_IN_CARET = re.compile(r"field '(?P<field>[\w.]+)'", re.IGNORECASE)
_MISSING_TYPE = re.compile(r"sObject type '(?P<sobject>[^']+)' is not supported", re.IGNORECASE)
_TITLE = re.compile(rb"<title[^>]*>\s*([^<]{1,200}?)\s*</title>", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """A complete answer: ``body`` is decoded, at most what fits in memory. 304 has none."""

    status: int
    headers: httpx2.Headers
    body: bytes

    def json(self) -> Json:
        """The parsed body. Raises BadAnswer."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as fault:
            raise not_json(self.status, self.headers, self.body) from fault

    def object(self) -> dict[str, Json]:
        """The parsed body, which must be a JSON object. Raises BadAnswer."""
        value = self.json()
        if not isinstance(value, dict):
            raise errors.BadAnswer(f"expected a JSON object, got {type(value).__name__}", status=self.status)
        return value


def not_json(status: int, headers: httpx2.Headers, body: bytes) -> errors.BadAnswer:
    """The error for a body that isn't JSON; says what it looks like."""
    title = _TITLE.search(body[:20_000])
    kind = headers.get("content-type", "no content type").split(";")[0]
    if title:
        seen = f"an HTML page titled {title[1].decode('utf-8', 'replace')!r}"
    elif body.lstrip()[:1] in (b"{", b"["):
        seen = f"JSON that breaks off or is damaged ({len(body)} bytes)"
    else:
        seen = f"{kind}, {len(body)} bytes"
    return errors.BadAnswer(f"expected JSON, got {seen}", status=status)


# --- REST

_Maker = Callable[[str, str, int], errors.SalesforceError]


def _as(kind: type[errors.SalesforceError]) -> _Maker:
    return lambda code, message, status: kind(message, code=code, status=status)


def _limit(code: str, message: str, status: int) -> errors.SalesforceError:
    """One code for two things: calls open at once (passes in seconds) and calls a day."""
    kind = errors.TooManyConcurrent if "concurrent" in message.lower() else errors.LimitReached
    return kind(message, code=code, status=status)


def _quota(code: str, message: str, status: int) -> errors.SalesforceError:
    """An allowance other than that of API calls: bulk jobs a day, storage, open cursors."""
    return errors.LimitReached(
        message,
        code=code,
        status=status,
        meaning="The org has used up one of its Salesforce allowances.",
        remedy="Sync again when it is back. Salesforce's message names it; Setup shows its use.",
    )


def _invalid_field(code: str, message: str, status: int) -> errors.SalesforceError:
    found = _MISSING_COLUMN.search(message) or _MISSING_RELATION.search(message)
    found = found or _FIELD_IN_CARET.search(message)
    named = found.groupdict() if found else {}
    return errors.InvalidField(
        message,
        code=code,
        status=status,
        field=named.get("field") or "",
        sobject=named.get("sobject") or "",
    )


def _invalid_type(code: str, message: str, status: int) -> errors.SalesforceError:
    found = _MISSING_TYPE.search(message)
    return errors.InvalidType(message, code=code, status=status, sobject=found["sobject"] if found else "")


def _not_enabled(code: str, message: str, status: int) -> errors.SalesforceError:
    """ "API is not enabled for this Organization or Partner" and "… for this user" share a code."""
    kind: type[errors.SalesforceError] = (
        errors.ApiDisabledForOrg if "organization" in message.lower() else errors.ApiNotEnabledForUser
    )
    return kind(message, code=code, status=status)


_REST: dict[str, _Maker] = {
    "INVALID_SESSION_ID": _as(errors.SessionExpired),
    "INVALID_AUTH_HEADER": _as(errors.SessionExpired),
    "REQUEST_LIMIT_EXCEEDED": _limit,
    "TXN_SECURITY_METERING_ERROR": _as(errors.InsufficientAccess),
    "LIMIT_EXCEEDED": _quota,
    "EXCEEDED_QUOTA": _quota,
    "EXCEEDEDQUOTA": _quota,
    "ExceededQuota": _quota,
    "API_DISABLED_FOR_ORG": _as(errors.ApiDisabledForOrg),
    "API_CURRENTLY_DISABLED": _not_enabled,
    "FUNCTIONALITY_NOT_ENABLED": _as(errors.AskPerson),
    "FUNCTIONALITY_TEMPORARILY_UNAVAILABLE": _as(errors.ServerTrouble),
    "SERVER_UNAVAILABLE": _as(errors.ServerTrouble),
    "UNKNOWN_EXCEPTION": _as(errors.ServerTrouble),
    "UNABLE_TO_LOCK_ROW": _as(errors.RowLocked),
    "QUERY_TIMEOUT": _as(errors.QueryTimedOut),
    "INVALID_FIELD": _invalid_field,
    "INVALID_TYPE": _invalid_type,
    "MALFORMED_QUERY": _as(errors.MalformedQuery),
    "INVALID_QUERY_FILTER_OPERATOR": _as(errors.InvalidQueryFilter),
    "INVALID_QUERY_LOCATOR": _as(errors.LocatorExpired),
    "QUERY_TOO_COMPLICATED": _as(errors.QueryTooLong),
    "URI_TOO_LONG": _as(errors.QueryTooLong),
    "INSUFFICIENT_ACCESS": _as(errors.InsufficientAccess),
    "INSUFFICIENT_ACCESS_OR_READONLY": _as(errors.InsufficientAccess),
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": _as(errors.InsufficientAccess),
    "CANNOT_EXECUTE_FLOW_TRIGGER": _as(errors.Rejected),
    "FORBIDDEN": _as(errors.InsufficientAccess),
    "NOT_FOUND": _as(errors.NotFound),
    "ENTITY_IS_DELETED": _as(errors.NotFound),
    "UNSUPPORTED_API_VERSION": _as(errors.UnsupportedVersion),
}

_BY_STATUS: dict[int, type[errors.SalesforceError]] = {
    401: errors.SessionExpired,
    403: errors.InsufficientAccess,
    404: errors.NotFound,
    408: errors.TimedOut,
    414: errors.QueryTooLong,
    420: errors.TooManyConcurrent,
    429: errors.TooManyConcurrent,
    431: errors.QueryTooLong,
}
# How userinfo refuses a token: 403 (or 401) and this word as plain text.
_TOKEN_REFUSED = frozenset({b"Bad_OAuth_Token", b"Missing_OAuth_Token"})
# Statuses that mean the same whoever answers; a bare 400, 403 or 404 may come from a proxy.
_SPEAKS_FOR_ITSELF = frozenset({401, 408, 414, 420, 429, 431})


def rest_error(status: int, headers: httpx2.Headers, body: bytes) -> errors.SalesforceError:
    """The error a REST or Bulk answer of status 300 and above stands for."""
    if 300 <= status < 400:
        return errors.HostMoved("the org answers with a redirect, which is never followed", status=status)
    code, message = _rest_code(body)
    if code in _REST:
        error = _REST[code](code, message, status)
    elif body.strip() in _TOKEN_REFUSED:
        error = errors.SessionExpired(body.decode().strip(), status=status)
    elif status >= 500:
        error = errors.ServerTrouble(message or _seen(headers, body), code=code, status=status)
    elif code or status in _SPEAKS_FOR_ITSELF:
        kind = _BY_STATUS.get(status, errors.Rejected)
        error = kind(message or _seen(headers, body), code=code, status=status)
    else:
        # A status of Salesforce's without a body of Salesforce's: something in between answers.
        error = not_json(status, headers, body)
    if isinstance(error, errors.Transient):
        error.retry_after = retry_after(headers)
    return error


def named_error(code: str, message: str, status: int = 400) -> errors.SalesforceError | None:
    """The error for a code found inside a text (a job's errorMessage), or None if it isn't known."""
    return _REST[code](code, message, status) if code in _REST else None


def _rest_code(body: bytes) -> tuple[str, str]:
    """errorCode and message of a REST error body; ("", "") where it isn't one."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "", ""
    first = value[0] if isinstance(value, list) and value else value
    if not isinstance(first, dict):
        return "", ""
    code = first.get("errorCode") or first.get("error") or ""
    message = first.get("message") or first.get("error_description") or ""
    return str(code), str(message)


def _seen(headers: httpx2.Headers, body: bytes) -> str:
    title = _TITLE.search(body[:20_000])
    if title:
        return f"an HTML page titled {title[1].decode('utf-8', 'replace')!r}"
    return headers.get("content-type", "") or "no body"


def retry_after(headers: httpx2.Headers, now: dt.datetime | None = None) -> float | None:
    """Seconds out of Retry-After, which is a number or a date; None where absent or unreadable."""
    value = headers.get("retry-after", "").strip()
    if value.isdecimal():
        return float(value)
    when = http_date(value)
    return max(0.0, (when - (now or dt.datetime.now(dt.UTC))).total_seconds()) if when else None


def http_date(value: str) -> dt.datetime | None:
    """A header's date (RFC 9110, always GMT) in UTC, or None where it isn't one."""
    try:
        date = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return date.astimezone(dt.UTC) if date.tzinfo else date.replace(tzinfo=dt.UTC)


# --- OAuth

_OAUTH: dict[str, type[errors.SalesforceError]] = {
    "access_denied": errors.ConsentDenied,
    "access-denied": errors.ConsentDenied,
    "inactive_user": errors.UserInactive,
    "inactive_org": errors.UserInactive,
    "invalid_app_access": errors.AppNotApproved,
    "OAUTH_APP_ACCESS_DENIED": errors.AppNotApproved,
    "OAUTH_APPROVAL_ERROR_GENERIC": errors.AppNotApproved,
    "OAUTH_APP_BLOCKED": errors.AppBlocked,
    "invalid_client_id": errors.UnknownClient,
    "OAUTH_EC_APP_NOT_FOUND": errors.UnknownClient,
    "invalid_client": errors.WrongClientSecret,
    "invalid_client_credentials": errors.WrongClientSecret,
    "redirect_uri_mismatch": errors.RedirectMismatch,
    "redirect_uri_missing": errors.RedirectMismatch,
    "unsupported_grant_type": errors.FlowNotEnabled,
    "unsupported_response_type": errors.FlowNotEnabled,
    "unauthorized_client": errors.FlowNotEnabled,
    "invalid_scope": errors.FlowNotEnabled,
    "no_client_credentials_user_enabled": errors.FlowNotEnabled,
    "server_error": errors.ServerTrouble,
    "temporarily_unavailable": errors.ServerTrouble,
    "unknown_error": errors.ServerTrouble,
    "rate_limit_exceeded": errors.TooManyConcurrent,
    "invalid_request": errors.AppMisconfigured,
}


def oauth_error(code: str, description: str, status: int | None = None) -> errors.SalesforceError:
    """The error behind an OAuth error code, from a token answer or from the callback's query."""
    said = description.lower()
    kind: type[errors.SalesforceError]
    if code == "invalid_grant":
        kind = _grant_error(said)
    elif code == "invalid_request" and "client credentials" in said:
        kind = errors.FlowNotEnabled
    else:
        kind = _OAUTH.get(code, errors.LoginDenied)
    return kind(description, code=code, status=status)


def _grant_error(said: str) -> type[errors.SalesforceError]:
    """invalid_grant covers a dozen causes; some of them aren't cured by signing in again."""
    if "authorization code" in said or "code verifier" in said or "code_verifier" in said:
        return errors.CodeExpired
    if "approved this consumer" in said or "admin approved" in said:
        return errors.AppNotApproved
    if "ip restricted" in said or "invalid login hours" in said:
        return errors.LoginDenied
    if "inactive" in said or "locked" in said:
        return errors.UserInactive
    if "audience" in said or "invalid assertion" in said:
        return errors.AppMisconfigured
    if "no client credentials user" in said:
        return errors.FlowNotEnabled
    return errors.InvalidGrant


def oauth_answer_error(answer: Answer) -> errors.SalesforceError:
    """The error a token endpoint's answer of status 300 and above stands for."""
    try:
        value = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        value = None
    if isinstance(value, dict) and isinstance(value.get("error"), str):
        return oauth_error(value["error"], str(value.get("error_description") or ""), answer.status)
    return rest_error(answer.status, answer.headers, answer.body)
