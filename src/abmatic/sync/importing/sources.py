"""Where the records of an import come from, and how their Ids are found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.core.cache import cache

from abmatic.audiences.counted import counted
from abmatic.salesforce import Client, errors
from abmatic.salesforce.answers import Json
from abmatic.salesforce.listings import Column, Listed, ReportRows
from abmatic.sync import clients
from abmatic.sync.history import long_id
from abmatic.sync.models import Connection, CrmImport
from abmatic.sync.objects import OBJECTS

# More are a matter of a sync.
MOST_RECORDS = 100_000
LONGEST_SOQL = 20_000
KEPT_SECONDS = 60
# The objects of each kind of record, as lists show them; the key prefix is the beginning of their Ids.
OBJECTS_OF: dict[str, tuple[str, ...]] = {
    "account": ("Account",), "contact": ("Contact", "Lead"), "opportunity": ("Opportunity",),
}  # fmt: skip
_PREFIXES = {"Account": "001", "Contact": "003", "Lead": "00Q", "Opportunity": "006"}
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?", re.ASCII)
# One that isn't closed goes to the end: nothing of it is looked at twice. Salesforce refuses such a query.
_TEXTS = re.compile(r"'(?:[^'\\]|\\.)*(?:'|\\?\Z)", re.DOTALL)
_SELECT_ID = re.compile(r"\s*SELECT\s+Id\s+FROM\s+(?P<object>\w+)(?P<rest>\s.*)?", re.IGNORECASE | re.DOTALL | re.ASCII)
# Clauses that mark records as looked at, lock them, or find what is deleted.
_UNWANTED = re.compile(r"\b(FOR\s+(?:VIEW|REFERENCE|UPDATE)|ALL\s+ROWS|UPDATE\s+\w+)\b", re.IGNORECASE)
_PLACE = re.compile(r"ERROR at Row:(\d+):Column:(\d+)")


class NotImported(Exception):
    """Why nothing is imported, and what helps."""


@dataclass(frozen=True, slots=True)
class Found:
    """The Ids of an import's records, and what is to be said of how they were found."""

    ids: tuple[str, ...]
    notes: tuple[str, ...] = ()


def listed(connection: Connection, sobject: str, kind: str) -> list[Listed]:
    """The list views of an object, or the reports, by name, kept for a minute. Raises `NotImported`.

    Somebody who searches asks for them at each pause in typing, and each time would cost an API call.
    """
    # Reports are the same ones for every object.
    about = "" if kind == CrmImport.Kind.REPORT else sobject
    kept = f"importing:listed:{connection.pk}:{connection.org_id}:{connection.user_id}:{kind}:{about}"
    found: list[Listed] | None = cache.get(kept)
    if found is None:
        found = _listed(connection, sobject, kind)
        cache.set(kept, found, KEPT_SECONDS)
    return found


def _listed(connection: Connection, sobject: str, kind: str) -> list[Listed]:
    try:
        with clients.open_client(connection) as client:
            found = client.reports() if kind == CrmImport.Kind.REPORT else client.list_views(sobject)
    except errors.SalesforceError as error:
        raise NotImported(str(error)) from error
    return sorted(found, key=lambda each: each.label.casefold())


def require_id(source: str) -> str:
    """A list view's or report's Id. Raises `NotImported`."""
    if not _ID.fullmatch(source):
        raise NotImported("Choose a list view or a report.")
    return long_id(source)


def checked_soql(sobject: str, soql: str) -> str:
    """A query that may be asked. Raises `NotImported`."""
    soql = soql.strip()
    if not soql:
        raise NotImported(f"Write a query: SELECT Id FROM {sobject} WHERE …")
    if "\0" in soql:
        raise NotImported("The query holds a NUL character, which no query can hold. Take it out.")
    if len(soql) > LONGEST_SOQL:
        raise NotImported(f"The query has more than {LONGEST_SOQL:,} characters.")
    bare = _TEXTS.sub("''", soql)
    match = _SELECT_ID.fullmatch(bare)
    if match is None:
        raise NotImported(f"The query must select the Id and nothing else: SELECT Id FROM {sobject} WHERE …")
    if match["object"].casefold() != sobject.casefold():
        raise NotImported(f"The query is of {match['object']}, and {OBJECTS[sobject].label_plural} are imported here.")
    if unwanted := _UNWANTED.search(bare):
        raise NotImported(f"Leave out {unwanted[0].upper()}: the query may only read, and only what isn’t deleted.")
    return soql


def found(client: Client, wanted: CrmImport) -> Found:
    """The Ids of the records. Raises `NotImported`."""
    try:
        if wanted.kind == CrmImport.Kind.REPORT:
            return _of_report(wanted.sobject, client.report(wanted.source))
        soql = (
            wanted.source
            if wanted.kind == CrmImport.Kind.SOQL
            else client.list_view_query(wanted.sobject, wanted.source)
        )
        return Found(_of_query(client, wanted.sobject, soql))
    except errors.NotFound as gone:
        raise NotImported(f"“{wanted.name}” is not there any more, or the connected user may not see it.") from gone
    except errors.BadRequest as refused:
        raise NotImported(_refused(refused)) from refused


def _refused(error: errors.BadRequest) -> str:
    place = _PLACE.search(error.message)
    where = f" in line {place[1]}, column {place[2]}" if place else ""
    return f"Salesforce refuses the query{where}:\n{error.message}"


def _of_query(client: Client, sobject: str, soql: str) -> tuple[str, ...]:
    ids: dict[str, None] = {}
    for row in client.query_rows(soql):
        value = row.get("Id")
        if not _is_id(value, sobject):
            raise NotImported(f"It shows no Ids of {OBJECTS[sobject].label_plural}, so nobody knows which they are.")
        ids[long_id(str(value))] = None
        if len(ids) > MOST_RECORDS:
            raise _too_many()
    return tuple(ids)


def _too_many() -> NotImported:
    return NotImported(f"It finds more than {MOST_RECORDS:,} records. Narrow it, or sync the object instead.")


def _of_report(sobject: str, report: ReportRows) -> Found:
    place = _id_column(sobject, report)
    ids = dict.fromkeys(long_id(str(row[place])) for row in report.rows if row[place])
    notes = []
    if not report.is_whole:
        of_all = f" of {report.total:,}" if report.total is not None else ""
        first = counted(len(report.rows), "row")
        notes.append(
            f"Salesforce gives the first {first}{of_all} of a report, so the others are not "
            "imported. Narrow the report, or use a list view or SOQL."
        )
    return Found(tuple(ids), tuple(notes))


def _id_column(sobject: str, report: ReportRows) -> int:
    """The column that says which record of the object a row is: its Id, or its name, behind which the Id stands."""
    plural, label = OBJECTS[sobject].label_plural, OBJECTS[sobject].label
    holding = [
        place
        for place in range(len(report.columns))
        if any(row[place] for row in report.rows)
        and all(row[place] is None or _is_id(row[place], sobject) for row in report.rows)
    ]
    if not report.rows:
        raise NotImported("The report has no rows.")
    own = [place for place in holding if _is_own(report.columns[place], label)]
    for candidates in (own, holding):
        if len({tuple(row[place] for row in report.rows) for place in candidates}) == 1:
            return candidates[0]
    if not holding:
        raise NotImported(
            f"No column of the report holds Ids of {plural}. Add the column “{label} ID” to it, or choose a report of "
            f"{plural} without summaries."
        )
    named = ", ".join(f"“{report.columns[place].label}”" for place in holding)
    raise NotImported(f"Several columns of the report hold Ids of {plural} ({named}). Leave one of them in it.")


def _is_own(column: Column, label: str) -> bool:
    """Whether a column is the object's own Id or name, and not another record's (its parent's, for one)."""
    words = re.sub(r"[^a-z]", "", column.name.casefold())
    own = label.casefold()
    return words in {f"{own}id", f"{own}name", "id", "name", "fullname"} or column.label.casefold() in {
        f"{own} id",
        f"{own} name",
    }


def _is_id(value: Json, sobject: str) -> bool:
    return isinstance(value, str) and bool(_ID.fullmatch(value)) and value.startswith(_PREFIXES[sobject])


def in_chunks(ids: Sequence[str], size: int) -> Iterable[Sequence[str]]:
    """Some Ids at a time."""
    return (ids[start : start + size] for start in range(0, len(ids), size))
