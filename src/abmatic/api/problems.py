"""What goes wrong, in one form everywhere (RFC 9457): the thing, the reason, the remedy.

::

    {"type": "about:blank", "title": "The account can't be saved", "status": 409, "code": "duplicate",
     "detail": "The account 7 (Acme) has the domain acme.com already", "remedy": "Change that one, or give another.",
     "errors": [{"where": "website", "code": "duplicate", "reason": "…", "remedy": "…", "other": 7}]}
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from django.core.exceptions import RequestDataTooBig
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from ninja import Schema
from ninja.errors import AuthenticationError, HttpError, ValidationError
from pydantic import Field

from abmatic.audiences.csv_import import refusals as imports
from abmatic.campaigns.following import TookTooLong
from abmatic.campaigns.membership import StatusUnknown
from abmatic.campaigns.rules import RuleRefused
from abmatic.sync.issues import NoSuchIssue
from abmatic.sync.linking import NotLinked
from abmatic.sync.preview import NotPreviewed
from abmatic.sync.runs import AlreadyRunning, ConnectionNotReady, UnknownObject
from abmatic.sync.selected.rules import NotPushed
from abmatic.sync.settings_edit import Outdated
from abmatic.sync.settings_reading import FileRefused
from abmatic.sync.undo import NotUndone

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


class Fault(Schema):
    """One thing that is wrong with what was sent. ``where`` names the field; ``other`` the record in the way."""

    where: str = ""
    code: str = "invalid"
    reason: str
    remedy: str = ""
    other: int | None = None


class ProblemShown(Schema):
    """Why a request was not carried out, and what to do. Nothing of it was done."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    remedy: str
    errors: list[Fault] = Field(default_factory=list)


class ApiProblem(Exception):
    """A request that is not carried out."""

    def __init__(
        self,
        status: int,
        code: str,
        thing: str,
        reason: str,
        remedy: str,
        *,
        errors: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(reason)
        self.shown = ProblemShown(
            title=thing, status=status, code=code, detail=reason, remedy=remedy, errors=list(errors)
        )
        self.headers = dict(headers or {})

    def answer(self) -> HttpResponse:
        """As it is sent."""
        content = orjson.dumps(self.shown.model_dump())
        return HttpResponse(content, status=self.shown.status, content_type=MEDIA_TYPE, headers=self.headers)


# Every operation may answer these.
PROBLEMS: dict[int, Any] = dict.fromkeys((400, 401, 403, 404, 409, 412, 413, 422, 429, 500, 503), ProblemShown)

_NOT_NOW = "Wait until it is over, then ask again. GET /api/v1/runs tells what is under way."
# Errors of the domain: status, code, thing, remedy. Their own words say the reason.
_KNOWN: tuple[tuple[type[Exception], int, str, str, str], ...] = (
    (AlreadyRunning, 409, "already_running", "The sync can't start", _NOT_NOW),
    (ConnectionNotReady, 409, "connection_not_ready", "The connection is not ready",
     "An administrator mends it under Settings, Integrations."),
    (UnknownObject, 404, "unknown_object", "There is no such object",
     "GET /api/v1/connections/{id} names the objects of a connection."),
    (NotUndone, 409, "not_undone", "The run can't be undone", "See the reason."),
    (NotLinked, 409, "not_linked", "The two can't be linked", "See the reason."),
    (NotPushed, 409, "not_pushed", "The records can't be pushed", "See the reason."),
    (NotPreviewed, 409, "not_previewed", "There is no preview", "See the reason; then ask again."),
    (Outdated, 412, "changed", "The settings were changed meanwhile", "Read them again, then decide."),
    (imports.FileRefused, 422, "unreadable_file", "The file can't be read", "Correct the file and send it again."),
    (imports.MappingRefused, 422, "invalid_mapping", "The file can't be imported so", "Choose otherwise."),
    (imports.ImportRefused, 409, "not_imported", "The file can't be imported now", "See the reason."),
    (RuleRefused, 422, "invalid_rule", "The campaign can't have this rule", "See the reason."),
    (StatusUnknown, 422, "unknown_status", "The campaign has no such status", "Give one that it has."),
    (TookTooLong, 422, "too_much", "It can't be told at once", "Ask for a later `counts_from`."),
    (NoSuchIssue, 404, "not_found", "There is no such issue", "GET /api/v1/issues lists the open ones."),
    (OperationalError, 503, "unavailable", "The database can't be used now", "Try again in a few seconds."),
)  # fmt: skip


def problem_of(error: Exception) -> ApiProblem:
    """Any error that an operation raised, as a problem."""
    if isinstance(error, ApiProblem):
        return error
    for kind, status, code, thing, remedy in _KNOWN:
        if isinstance(error, kind):
            if status == 503:
                logger.warning("The database refused the API", exc_info=error)
                reason = "It doesn't answer, or somebody else's work is in the way."
            else:
                reason = str(error)
            return ApiProblem(status, code, thing, reason, remedy)
    if isinstance(error, FileRefused):
        faults = [_fault(problem) for problem in error.problems]
        return ApiProblem(422, "invalid", "The settings can't be changed", str(error), "Correct them.", errors=faults)
    if isinstance(error, ValidationError):
        faults = [_invalid(each) for each in error.errors]
        reason = "; ".join(f"{fault.where}: {fault.reason}" for fault in faults)[:1000]
        return ApiProblem(422, "invalid", "The request can't be read", reason, "Correct it.", errors=faults)
    if isinstance(error, AuthenticationError):
        return unauthorized("There is no API key in the request.")
    if isinstance(error, RequestDataTooBig):
        reason = "The body is larger than 2.5 MB."
        return ApiProblem(413, "too_large", "The request can't be read", reason, "Send fewer records in a call.")
    if isinstance(error, Http404):
        return not_found()
    if isinstance(error, HttpError):
        reason, remedy = str(error), "The body must be JSON in UTF-8."
        return ApiProblem(error.status_code, "unreadable", "The request can't be read", reason, remedy)
    logger.error("The API failed", exc_info=error)
    return failed()


def _fault(problem: str) -> Fault:
    where, colon, reason = problem.partition(": ")
    return Fault(where=where if colon else "", reason=reason if colon else problem)


def _invalid(error: Mapping[str, Any]) -> Fault:
    where = [str(part) for part in error.get("loc", ())]
    if where[:1] == ["body"]:
        del where[1:2]  # the name of our parameter
    return Fault(where=".".join(where), reason=str(error.get("msg", "is not valid")))


def unauthorized(reason: str) -> ApiProblem:
    """No key, or none that opens."""
    remedy = "Send a key: Authorization: Bearer abm_…. An administrator makes one under Settings, API keys."
    return ApiProblem(
        401, "unauthorized", "You can't be let in", reason, remedy, headers={"WWW-Authenticate": "Bearer"}
    )


def not_found(thing: str = "address", name: object = "") -> ApiProblem:
    """Something that isn't there."""
    reason = f"There is no {thing} {name}".strip() + "."
    remedy = "GET /api/v1/openapi.json lists the addresses." if thing == "address" else "It may have been removed."
    return ApiProblem(404, "not_found", f"The {thing} can't be found", reason, remedy)


def failed() -> ApiProblem:
    """Our own fault."""
    reason = "Something went wrong here. Nothing was changed."
    remedy = "Try again; if it stays so, tell whoever runs this installation, whose log says what happened."
    return ApiProblem(500, "failed", "The request failed", reason, remedy)


def answer(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
    """The handler of every error."""
    return problem_of(error if isinstance(error, Exception) else error()).answer()
