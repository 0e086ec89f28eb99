"""What was deleted, and what was changed, in a span of time: for clients that keep a copy.

Moments are held to the minute, whatever their seconds.  The log of deletions goes back as far as the recycle bin,
that of changes thirty days.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import Blueprint, Response, request

from salesforce_emulator.api.answers import ApiError, json_answer
from salesforce_emulator.api.describe import sobject_or_404
from salesforce_emulator.runtime import api_session, emulator
from salesforce_emulator.schema import SObject
from salesforce_emulator.soql.conditions import stamp
from salesforce_emulator.store import OrgStore, recycling

blueprint = Blueprint("replication", __name__)

MAX_IDS = 600_000
_BACK = timedelta(days=30)
_MINUTE = timedelta(minutes=1)
_BASE = "/services/data/v<version>/sobjects/<name>"


@dataclass(frozen=True)
class Span:
    """From ``start`` to before ``end``, whole minutes; ``covered`` is how far the answer goes."""

    start: datetime
    end: datetime
    covered: datetime


@dataclass(frozen=True)
class Deleted:
    """Ids and stamps of what was deleted, since when that is known and until when it is complete."""

    records: list[tuple[str, str]]
    earliest: datetime
    covered: datetime


@dataclass(frozen=True)
class Updated:
    """Ids of what was created or changed, and until when they are complete."""

    record_ids: list[str]
    covered: datetime


def span(start: str | None, end: str | None, now: datetime) -> Span:
    """The span a client names.

    :raises ApiError: INVALID_REPLICATION_DATE, MISSING_ARGUMENT.
    """
    first, last = _moment("start", start), _moment("end", end)
    if last - first < _MINUTE:
        raise _refused("endDate must be at least one minute greater than startDate")
    if first < _minute(now) - _BACK:
        raise _refused("startDate cannot be more than 30 days ago")
    return Span(first, last, min(last, _minute(now)))


def deleted(store: OrgStore, user_id: str, sobject: SObject, asked: Span) -> Deleted:
    """What of an object was deleted in a span, as far as the user sees it.

    :raises ApiError: EXCEEDED_ID_LIMIT.
    """
    _check_replicateable(sobject)
    owner = user_id if sobject.name in store.seen_by_owner_alone(user_id) else None
    with store.querying() as conn:
        found = recycling.deleted_between(conn, sobject, stamp(asked.start), stamp(asked.end), MAX_IDS, owner)
    _check_count(len(found))
    return Deleted(found, _minute(store.now() - recycling.KEPT), asked.covered)


def updated(store: OrgStore, user_id: str, sobject: SObject, asked: Span) -> Updated:
    """What of an object was created or changed in a span, as far as the user sees it.

    :raises ApiError: EXCEEDED_ID_LIMIT.
    """
    _check_replicateable(sobject)
    owner = user_id if sobject.name in store.seen_by_owner_alone(user_id) else None
    with store.querying() as conn:
        found = recycling.updated_between(conn, sobject, stamp(asked.start), stamp(asked.end), MAX_IDS, owner)
    _check_count(len(found))
    return Updated(found, asked.covered)


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _moment(name: str, text: str | None) -> datetime:
    if not text:
        raise ApiError(400, "MISSING_ARGUMENT", f"the parameter {name} is required")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _refused(f"{name}Date is not a valid date and time: {text}") from None
    return _minute((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC))


def _refused(message: str) -> ApiError:
    return ApiError(400, "INVALID_REPLICATION_DATE", message)


def _check_replicateable(sobject: SObject) -> None:
    if not sobject.describe["replicateable"]:
        raise ApiError(400, "INVALID_TYPE_FOR_OPERATION", f"entity type {sobject.name} is not replicateable")


def _check_count(count: int) -> None:
    if count > MAX_IDS:
        raise ApiError(400, "EXCEEDED_ID_LIMIT", f"more than {MAX_IDS} ids were found: choose a shorter span")


def _asked() -> Span:
    return span(request.args.get("start"), request.args.get("end"), emulator().store.now())


def _printed(moment: str | datetime) -> str:
    text = moment if isinstance(moment, str) else stamp(moment)
    return text.replace("Z", "+0000")


@blueprint.get(f"{_BASE}/deleted/")
@blueprint.get(f"{_BASE}/deleted")
def get_deleted(version: str, name: str) -> Response:
    found = deleted(emulator().store, api_session().user_id, sobject_or_404(name), _asked())
    return json_answer(
        {
            "deletedRecords": [{"deletedDate": _printed(at), "id": one} for one, at in found.records],
            "earliestDateAvailable": _printed(found.earliest),
            "latestDateCovered": _printed(found.covered),
        }
    )


@blueprint.get(f"{_BASE}/updated/")
@blueprint.get(f"{_BASE}/updated")
def get_updated(version: str, name: str) -> Response:
    found = updated(emulator().store, api_session().user_id, sobject_or_404(name), _asked())
    return json_answer({"ids": found.record_ids, "latestDateCovered": _printed(found.covered)})
