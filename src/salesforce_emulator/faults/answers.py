"""What a fault does before a call is worked on, and what it answers instead."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from flask import Response, request

from salesforce_emulator.api.answers import ApiError
from salesforce_emulator.faults.bodies import closing
from salesforce_emulator.faults.rules import Fault

if TYPE_CHECKING:
    from salesforce_emulator.runtime import Emulator

_JSON = "application/json;charset=UTF-8"
_PAGE = "<!DOCTYPE html><html><head><title>Maintenance</title></head><body>We are down for maintenance.</body></html>"
_UNAVAILABLE = [{"message": "Server unavailable", "errorCode": "SERVER_UNAVAILABLE"}]
_LIMITS = {
    "TotalRequests": "TotalRequests Limit exceeded.",
    "ConcurrentRequests": "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
    "ConcurrentPerOrgLongTxn": "ConcurrentPerOrgLongTxn Limit exceeded.",
}


def answer_instead(fault: Fault, org: Emulator) -> Response | None:
    """Do what comes before the work; an answer, where that ends the call."""
    match fault.action:
        case "status":
            return _answer(fault, json.dumps(fault.options.get("body", _UNAVAILABLE)), _JSON)
        case "html":
            return _answer(fault, fault.options.get("body", _PAGE), "text/html;charset=UTF-8")
        case "limit":
            body = [{"message": _LIMITS[fault.options["which"]], "errorCode": "REQUEST_LIMIT_EXCEEDED"}]
            return _answer(fault, json.dumps(body), _JSON)
        case "unauthorized":
            answer = ApiError(401, "INVALID_SESSION_ID", "Session expired or invalid").answer()
            answer.headers["WWW-Authenticate"] = "Token"
            return answer
        case "reset" if fault.options["when"] == "before":
            return closing()
        case "locator_expired":
            return _expire_locators(org)
        case "slow":
            org.faults.released.wait(fault.options["seconds"])
        case "session_expired" | "token_revoked":
            org.tokens.end_all(kind="access")
            if fault.action == "token_revoked":
                org.tokens.end_all(kind="refresh")
    return None


def _answer(fault: Fault, body: str, content_type: str) -> Response:
    answer = Response(body, status=fault.options["status"], content_type=content_type)
    for name, value in fault.options.get("headers", {}).items():
        answer.headers[name] = value
    if "retry_after" in fault.options:
        answer.headers["Retry-After"] = f"{fault.options['retry_after']:g}"
    return answer


def _expire_locators(org: Emulator) -> Response | None:
    """A locator of a Bulk result is a place in it, kept nowhere: one that a call names is refused."""
    org.cursors.close_all()
    locator = request.args.get("locator")
    if locator is None or "/jobs/query/" not in request.path:
        return None
    return ApiError(400, "INVALID_QUERY_LOCATOR", f"invalid query locator: {locator}").answer()
