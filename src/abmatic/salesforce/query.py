"""SOQL by REST: page after page, each page's records kept as the JSON bytes Salesforce sent.

The sync copies those bytes into the database, so building Python objects for every row would
be wasted; a page is parsed once, to prove that it is JSON and to count its records.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

import orjson

from . import errors
from .answers import Answer, Json, not_json
from .wire import Wire

# Salesforce refuses URIs above 16,384 bytes with 414.
_LONGEST_URI = 16_000
_EMPTY_PAGES = 5

_STRING = rb'"(?:[^"\\]|\\.)*"'
_MEMBER = _STRING + rb"\s*:\s*(?:" + _STRING + rb"|[-+.\w]+)"
_HEAD = re.compile(rb"\s*\{\s*(?:" + _MEMBER + rb'\s*,\s*)*"records"\s*:\s*(?=\[)', re.DOTALL)
_TAIL = re.compile(rb"\s*(?:,\s*" + _MEMBER + rb"\s*)*\}\s*", re.DOTALL)
_TAIL_LENGTH = 4_096
_NEXT = re.compile(r"/services/data/v\d+\.\d+/query(?:All)?/(?P<locator>[\w.~-]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class QueryPage:
    """One page of a query's answer.

    ``total_size`` is what Salesforce says the query finds, ``count`` the records of this page,
    ``seen`` those of all pages up to and with this one; ``records_json`` a JSON array, UTF-8.
    Where ``done`` and ``seen`` < ``total_size``, records went away while the pages were read
    (or the query is a bare ``count()``, whose records are none).
    """

    total_size: int
    done: bool
    count: int
    seen: int
    records_json: bytes


@dataclass(frozen=True, slots=True)
class Body:
    """A page as it was answered."""

    total_size: int
    done: bool
    next_path: str | None
    count: int
    records_json: bytes


def query_pages(
    wire: Wire, version: str, soql: str, include_deleted: bool, first: Callable[[], Body] | None = None
) -> Iterator[QueryPage]:
    """The pages of ``soql``, fetched as they are asked for; the first by ``first``, where it is given.

    Raises LocatorExpired when a later page can't be had any more: the cursor belongs to the
    session that opened it, so a renewed token doesn't bring it back. Raises BadAnswer on pages
    that repeat, contradict themselves or never end.
    """
    path: str | None = f"/services/data/v{version}/{'queryAll' if include_deleted else 'query'}"
    params: dict[str, str] | None = {"q": soql}
    if len(urlencode({"q": soql})) + len(path or "") > _LONGEST_URI:
        raise errors.QueryTooLong(f"the query takes {len(urlencode({'q': soql}))} bytes in a URL")
    total, seen, empty = 0, 0, 0
    visited: set[str] = set()
    while path:
        body = first() if first and not visited else _fetch(wire, path, params)
        visited.add(path)
        total, seen = max(total, body.total_size), seen + body.count
        empty = 0 if body.count else empty + 1
        if body.next_path in visited:
            raise errors.BadAnswer("a query's pages lead back to a page already read")
        if seen > total or (body.next_path and empty >= _EMPTY_PAGES):
            raise errors.BadAnswer(f"a query of {total} records goes on after {seen} of them")
        yield QueryPage(body.total_size, body.next_path is None, body.count, seen, body.records_json)
        path, params = body.next_path, None


def query_rows(wire: Wire, version: str, soql: str, include_deleted: bool) -> Iterator[dict[str, Json]]:
    """The records of ``soql`` as dicts without their ``attributes``; for small results."""
    for page in query_pages(wire, version, soql, include_deleted):
        for row in orjson.loads(page.records_json):
            row.pop("attributes", None)
            yield row


def _fetch(wire: Wire, path: str, params: dict[str, str] | None) -> Body:
    try:
        return wire.call("GET", path, read_page, params=params)
    except (errors.SessionExpired, errors.NotFound) as refused:
        if params is not None:
            raise
        raise errors.LocatorExpired(refused.message, code=refused.code, status=refused.status) from refused


def read_page(answer: Answer) -> Body:
    """A page of a query. Raises BadAnswer where it isn't one, or contradicts itself."""
    outer, records, count = _split(answer)
    total, done, following = outer.get("totalSize"), outer.get("done"), outer.get("nextRecordsUrl")
    if not isinstance(total, int) or not isinstance(done, bool):
        raise errors.BadAnswer("a query's page without totalSize or done", status=answer.status)
    if not done and not following:
        raise errors.BadAnswer("a query's page says there is more, but not where", status=answer.status)
    # A page that is done and yet names a next one is followed: reading too much is harmless.
    return Body(total, done, _next_path(following), count, records)


def _next_path(following: Json) -> str | None:
    """nextRecordsUrl as a path on this org; anything else is never called."""
    if not following:
        return None
    if not isinstance(following, str) or not _NEXT.fullmatch(following):
        raise errors.BadAnswer("nextRecordsUrl is not the path of a query's page")
    return following


def _split(answer: Answer) -> tuple[dict[str, Json], bytes, int]:
    """The page without its records, the records' bytes, and how many they are.

    Salesforce sends ``{"totalSize":…,"done":…,"nextRecordsUrl":…,"records":[…]}``; the array is cut
    out by its place and parsed by itself, which proves the cut right. A page of another shape is
    parsed whole and its records written anew.
    """
    body = answer.body
    head = _HEAD.match(body)
    end = _records_end(body) if head else None
    if head and end:
        try:
            records = orjson.loads(memoryview(body)[head.end() : end])
            outer = orjson.loads(body[: head.end()] + b"[]" + body[end:])
        except orjson.JSONDecodeError:
            pass
        else:
            return outer, body[head.end() : end], len(records)
    outer = answer.object()
    records = outer.get("records")
    if not isinstance(records, list):
        raise (
            not_json(answer.status, answer.headers, body)
            if not outer
            else errors.BadAnswer("a query's page without records", status=answer.status)
        )
    return outer, orjson.dumps(records), len(records)


def _records_end(body: bytes) -> int | None:
    """Where the top-level array ends: the last "]" followed by nothing but simple members."""
    start = max(0, len(body) - _TAIL_LENGTH)
    bracket = body.rfind(b"]", start)
    while bracket >= 0:
        if _TAIL.fullmatch(body, bracket + 1):
            return bracket + 1
        bracket = body.rfind(b"]", start, bracket)
    return None
