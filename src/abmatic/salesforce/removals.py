"""What was deleted in a span of time: for objects whose deleted records no query shows.

`deleted` asks for that alone. `with_query` asks for it together with the first page of a query, which Composite counts
as one call, so that whoever looks at both again and again pays for one.
Source: "REST API Developer Guide", sObject Get Deleted; Composite ("the entire series of requests counts as a single
call toward your API limits").
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import httpx2
import orjson

from . import errors, query
from .answers import Answer, Json, rest_error
from .wire import Wire

logger = logging.getLogger(__name__)

# startDate may be 30 days back at most; a day less, whatever the two clocks make of it.
FURTHEST_BACK = timedelta(days=29)
_RECORD_ID = re.compile(r"[A-Za-z0-9]{18}", re.ASCII)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Deleted:
    """Ids (18 characters) of what was deleted; ``earliest``: since when that is known; ``covered``: until when."""

    ids: tuple[str, ...]
    earliest: datetime
    covered: datetime


def deleted(wire: Wire, version: str, sobject: str, start: datetime, end: datetime) -> Deleted:
    """What of an object was deleted in [start, end), whole minutes. One call."""
    return wire.call(
        "GET", f"/services/data/v{version}/sobjects/{sobject}/deleted/", lambda answer: _read(answer.object()),
        params=_span(start, end),
    )  # fmt: skip


def with_query(
    wire: Wire, version: str, soql: str, sobject: str, start: datetime, end: datetime
) -> tuple[query.Body, Deleted | None]:
    """The first page of a query for all records (deleted ones that it shows included), and `deleted`. One call.

    None where Salesforce refuses to say what was deleted; a refusal of the query is raised.
    """
    base = f"/services/data/v{version}"
    asked: list[Json] = [
        {"method": "GET", "referenceId": "changed", "url": f"{base}/queryAll?{urlencode({'q': soql})}"},
        {
            "method": "GET",
            "referenceId": "deleted",
            "url": f"{base}/sobjects/{sobject}/deleted/?{urlencode(_span(start, end))}",
        },
    ]
    return wire.call("POST", f"{base}/composite", _read_both, body={"allOrNone": False, "compositeRequest": asked})


def _span(start: datetime, end: datetime) -> dict[str, str]:
    """Seconds don't count, so the minute that ``end`` lies in is asked for as well."""
    first = start.astimezone(UTC).replace(second=0, microsecond=0)
    last = max(end.astimezone(UTC).replace(second=0, microsecond=0), first) + _MINUTE
    return {"start": first.strftime("%Y-%m-%dT%H:%M:%SZ"), "end": last.strftime("%Y-%m-%dT%H:%M:%SZ")}


def _read_both(answer: Answer) -> tuple[query.Body, Deleted | None]:
    parts = answer.object().get("compositeResponse")
    if not isinstance(parts, list) or len(parts) != 2:
        raise errors.BadAnswer("two things were asked for together, and the answer isn't a list of two")
    page = query.read_page(_body(parts[0]))
    try:
        return page, _read(_body(parts[1]).object())
    except errors.BadRequest as refused:
        logger.warning("what was deleted isn't told: %s", refused)
        return page, None


def _body(part: Json) -> Answer:
    """One part's answer. Raises what its status says, as if it had been asked for alone."""
    if not isinstance(part, dict) or not isinstance(status := part.get("httpStatusCode"), int):
        raise errors.BadAnswer("a part of a composite answer has no status")
    answer = Answer(status, httpx2.Headers(), orjson.dumps(part.get("body")))
    if status >= 300:
        raise rest_error(status, answer.headers, answer.body)
    return answer


def _read(said: dict[str, Json]) -> Deleted:
    records = said.get("deletedRecords")
    if not isinstance(records, list):
        raise errors.BadAnswer("an answer about deleted records has no list of them")
    ids = tuple(str(record.get("id")) for record in records if isinstance(record, dict))
    if len(ids) != len(records) or not all(_RECORD_ID.fullmatch(each) for each in ids):
        raise errors.BadAnswer("a deleted record has no Id")
    return Deleted(ids, _moment(said, "earliestDateAvailable"), _moment(said, "latestDateCovered"))


def _moment(said: dict[str, Json], name: str) -> datetime:
    try:
        return datetime.fromisoformat(str(said.get(name))).astimezone(UTC)
    except ValueError:
        raise errors.BadAnswer(f"an answer about deleted records has no {name}") from None
