"""List views and reports: which there are, and what they hold.

A list view is told as the query that it stands for. A report is run while we wait, and Salesforce gives its first 2,000
rows. Sources: "REST API Developer Guide", List Views, List View Describe; "Reports and Dashboards REST API Developer
Guide", Report List, Execute Sync.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import errors
from .answers import Json
from .wire import Wire

_MOST_PAGES = 50


@dataclass(frozen=True, slots=True)
class Listed:
    """A list view or a report: its Id, and what it is called."""

    id: str
    label: str


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a report."""

    name: str
    label: str
    type: str


@dataclass(frozen=True, slots=True)
class ReportRows:
    """A report that was run: its columns, and the values of its rows in their order.

    ``total``: how many records it finds; None where that isn't told. ``is_whole``: whether these are all of its rows.
    """

    name: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Json, ...], ...]
    total: int | None
    is_whole: bool


def list_views(wire: Wire, version: str, sobject: str) -> list[Listed]:
    """The list views of an object that the connected user sees and that a query can tell."""
    found: list[Listed] = []
    path: str | None = f"/services/data/v{version}/sobjects/{sobject}/listviews"
    for _ in range(_MOST_PAGES):
        said = wire.call("GET", path or "", lambda answer: answer.object())
        shown = _objects(said.get("listviews"), "list views")
        found += [
            Listed(_text(each, "id"), _text(each, "label")) for each in shown if each.get("soqlCompatible") is not False
        ]
        following = said.get("nextRecordsUrl")
        path = following if isinstance(following, str) and following.startswith("/services/data/") else None
        if path is None:
            break
    return found


def list_view_query(wire: Wire, version: str, sobject: str, view_id: str) -> str:
    """The SOQL that a list view stands for."""
    path = f"/services/data/v{version}/sobjects/{sobject}/listviews/{view_id}/describe"
    return _text(wire.call("GET", path, lambda answer: answer.object()), "query")


def reports(wire: Wire, version: str) -> list[Listed]:
    """The reports that Salesforce lists: those that the connected user looked at last, 200 at most."""
    said = wire.call("GET", f"/services/data/v{version}/analytics/reports", lambda answer: answer.json())
    return [Listed(_text(each, "id"), _text(each, "name")) for each in _objects(said, "reports")]


def report(wire: Wire, version: str, report_id: str) -> ReportRows:
    """Runs a report. One call."""
    said = wire.call(
        "GET", f"/services/data/v{version}/analytics/reports/{report_id}", lambda answer: answer.object(),
        params={"includeDetails": "true"},
    )  # fmt: skip
    metadata, extended = _object(said.get("reportMetadata")), _object(said.get("reportExtendedMetadata"))
    infos = _object(extended.get("detailColumnInfo"))
    names = metadata.get("detailColumns")
    if not isinstance(names, list):
        raise errors.BadAnswer("a report says nothing of its columns")
    columns = []
    for name in names:
        info = _object(infos.get(str(name)))
        columns.append(Column(str(name), str(info.get("label") or name), str(info.get("dataType") or "")))
    facts = _object(said.get("factMap"))
    rows = tuple(row for fact in facts.values() for row in _rows(fact, len(columns)))
    return ReportRows(
        str(metadata.get("name") or ""), tuple(columns), rows, _total(facts), said.get("allData") is not False
    )


def _rows(fact: Json, width: int) -> list[tuple[Json, ...]]:
    found = []
    for row in _objects(_object(fact).get("rows") or [], "rows of a report"):
        cells = _objects(row.get("dataCells"), "cells of a report")
        if len(cells) != width:
            raise errors.BadAnswer("a row of a report hasn't as many cells as the report has columns")
        found.append(tuple(cell.get("value") for cell in cells))
    return found


def _total(facts: dict[str, Json]) -> int | None:
    aggregates = _object(facts.get("T!T")).get("aggregates")
    first = aggregates[0] if isinstance(aggregates, list) and aggregates else None
    value = first.get("value") if isinstance(first, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _objects(value: Json, what: str) -> list[dict[str, Json]]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise errors.BadAnswer(f"a list of {what} was expected")
    return [each for each in value if isinstance(each, dict)]


def _object(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _text(said: dict[str, Json], name: str) -> str:
    value = said.get(name)
    if not isinstance(value, str) or not value:
        raise errors.BadAnswer(f"an entry has no {name}")
    return value
