"""Faults on request: what makes an org as nasty as a real one can be.

A plan is a list of rules, set by ``POST /__emulator/faults``::

    [{"match": {"method": "GET", "path": "/query"}, "after": 2, "times": 1, "action": "status",
      "status": 503, "headers": {"Retry-After": "1"}}]

``path`` is a regular expression searched in path and query string; ``after`` calls that match pass before the
fault strikes, then ``times`` calls are struck (0: all that follow).  The actions:

================  ==========================================================================================
status            answers ``status`` (default 503) with ``body`` (JSON; default an error list) and ``headers``
html              answers ``status`` (default 200) with an HTML page
cut               sends the true answer's headers and the first ``bytes`` (default half), then closes
reset             closes the connection without a whole answer; ``when``: "before" (default) or "after" the work
slow              waits ``seconds`` (default 1), then answers truly
locator_expired   lets every open query locator expire first
session_expired   ends every session first
token_revoked     ends every session and refresh token first
field_missing     takes ``field`` out of the records of the answer (JSON and CSV)
row_count         sets Sforce-NumberOfRecords to ``count`` or takes it away
no_locator        takes the Sforce-Locator header away
job_failed        a Bulk job made by this call ends Failed half-way
job_aborted       a Bulk job made by this call ends Aborted half-way
limit             answers 403 REQUEST_LIMIT_EXCEEDED
================  ==========================================================================================
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flask import Response

if TYPE_CHECKING:
    from salesforce_emulator.runtime import Emulator

ACTIONS = frozenset(
    {
        "status", "html", "cut", "reset", "slow", "locator_expired", "session_expired", "token_revoked",
        "field_missing", "row_count", "no_locator", "job_failed", "job_aborted", "limit",
    }
)  # fmt: skip
_JOB_STATES = {"job_failed": "Failed", "job_aborted": "Aborted"}
_HTML = "<!DOCTYPE html><html><head><title>Maintenance</title></head><body>We are down for maintenance.</body></html>"
_KNOWN = {"match", "after", "times", "action"}


class ConnectionReset(ConnectionError):
    """The server is to close the connection now."""


@dataclass
class Fault:
    """One rule of the plan, and how often it has matched."""

    action: str
    method: str
    path: re.Pattern[str]
    after: int
    times: int
    options: dict[str, Any]  # each action's own, as sent
    seen: int = 0
    struck: int = 0

    @classmethod
    def from_json(cls, rule: dict[str, Any]) -> Fault:
        """A rule as sent.

        :raises ValueError: an unknown action, or a pattern that is no regular expression.
        """
        action = str(rule.get("action", ""))
        if action not in ACTIONS:
            raise ValueError(f"action: {action!r} is not one of {', '.join(sorted(ACTIONS))}")
        match = rule.get("match") or {}
        try:
            path = re.compile(str(match.get("path", "")))
        except re.error as error:
            raise ValueError(f"match.path is no regular expression: {error}") from error
        options = {k: v for k, v in rule.items() if k not in _KNOWN}
        method = str(match.get("method", "")).upper()
        return cls(action, method, path, int(rule.get("after", 0)), int(rule.get("times", 1)), options)

    def strikes(self, method: str, path: str) -> bool:
        """Count a call, and say whether it is struck."""
        if self.method not in ("", method) or not self.path.search(path):
            return False
        self.seen += 1
        if self.seen <= self.after or (self.times and self.struck >= self.times):
            return False
        self.struck += 1
        return True

    @property
    def job_state(self) -> str | None:
        """The state that a Bulk job made by this call ends in."""
        return _JOB_STATES.get(self.action)

    def answer_instead(self, org: Emulator) -> Response | None:
        """What happens before the call is worked on; an answer, where that ends it."""
        if self.action == "status":
            body = self.options.get("body")
            if body is None:
                body = [{"message": "Server unavailable", "errorCode": "SERVER_UNAVAILABLE"}]
            return self._answer(json.dumps(body), "application/json;charset=UTF-8", 503)
        if self.action == "html":
            return self._answer(str(self.options.get("body", _HTML)), "text/html;charset=UTF-8", 200)
        if self.action == "limit":
            body = [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]
            return self._answer(json.dumps(body), "application/json;charset=UTF-8", 403)
        if self.action == "reset" and self.options.get("when", "before") == "before":
            return _closing()
        if self.action == "slow":
            time.sleep(float(self.options.get("seconds", 1)))
        elif self.action == "locator_expired":
            org.cursors.close_all()
        elif self.action in ("session_expired", "token_revoked"):
            org.tokens.end_all(kind="access")
            if self.action == "token_revoked":
                org.tokens.end_all(kind="refresh")
        return None

    def _answer(self, body: str, content_type: str, status: int) -> Response:
        answer = Response(body, status=int(self.options.get("status", status)), content_type=content_type)
        for name, value in (self.options.get("headers") or {}).items():
            answer.headers[name] = str(value)
        return answer

    def change(self, answer: Response) -> Response:
        """What happens to the true answer."""
        if self.action == "reset" and self.options.get("when") == "after":
            return _closing()
        if self.action == "cut":
            return self._cut(answer)
        if self.action == "field_missing":
            return _without_field(answer, str(self.options.get("field", "")))
        if self.action == "no_locator":
            answer.headers.pop("Sforce-Locator", None)
        if self.action == "row_count":
            answer.headers.pop("Sforce-NumberOfRecords", None)
            if "count" in self.options:
                answer.headers["Sforce-NumberOfRecords"] = str(self.options["count"])
        return answer

    def _cut(self, answer: Response) -> Response:
        whole = b"".join(answer.iter_encoded())
        kept = whole[: int(self.options.get("bytes", len(whole) // 2))]

        def pieces() -> Iterator[bytes]:
            yield kept
            raise ConnectionReset("cut by a fault")

        cut = Response(pieces(), status=answer.status_code, headers=answer.headers)
        cut.headers["Content-Length"] = str(len(whole))
        return cut


class _Closing:
    """A body whose sending fails at once."""

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        raise ConnectionReset("reset by a fault")


def _closing() -> Response:
    closing = Response(_Closing(), status=200)
    closing.headers["Content-Length"] = "1"
    return closing


def _without_field(answer: Response, name: str) -> Response:
    body = answer.get_data()
    if answer.headers.pop("Content-Encoding", "") == "gzip":
        body = gzip.decompress(body)
        answer.set_data(body)
    if answer.mimetype == "text/csv":
        rows = list(csv.reader(io.StringIO(body.decode(), newline="")))
        if rows and name in rows[0]:
            at = rows[0].index(name)
            out = io.StringIO(newline="")
            csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(r[:at] + r[at + 1 :] for r in rows)
            answer.set_data(out.getvalue())
    elif answer.mimetype == "application/json":
        answer.set_data(json.dumps(_strip(json.loads(body), name), ensure_ascii=False))
    return answer


def _strip(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {k: _strip(v, name) for k, v in value.items() if k != name}
    return [_strip(v, name) for v in value] if isinstance(value, list) else value


@dataclass
class FaultPlan:
    """The rules in force. The first that strikes a call is the only one that does. Thread-safe."""

    faults: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def set(self, rules: list[dict[str, Any]]) -> None:
        """Replace the plan.

        :raises ValueError: a rule that can't be followed; the old plan stays.
        """
        faults = [Fault.from_json(r) for r in rules]
        with self._lock:
            self.faults = faults

    def before(self, method: str, path: str) -> Fault | None:
        """The fault that strikes this call, if one does."""
        with self._lock:
            return next((f for f in self.faults if f.strikes(method, path)), None)
