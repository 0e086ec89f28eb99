"""Bulk API 2.0 query jobs: create, wait, list the result's pages, stream each of them.

The pages come from ``resultPages`` and may be opened in parallel, in any order, and again.
Source: "Bulk API 2.0 and Bulk API Developer Guide", Query.
"""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

import httpx2

from . import errors
from .answers import Answer, Json, http_date
from .jobs import ENDED, JobInfo, Polling, gone, parse_job, read_job, wait
from .streams import CHUNK, PageStream, locator, read_page
from .wire import Wire

T = TypeVar("T")

_SELECT = re.compile(r"\s*SELECT\s+(?P<fields>.+?)\s+FROM\s+(?P<sobject>\w+)", re.IGNORECASE | re.DOTALL)
_MOST_PAGES = 100_000
_MOST_LISTS = 20
# Seconds: how long a job takes to show up in the list, and how far two clocks' seconds may differ.
_SETTLE = 2.0
_CLOCK_GRAIN = 2.0


@dataclass(frozen=True)
class ResultPage:
    """A page of the result, by its place and locator (None: from the beginning).

    ``max_records`` belongs to the locator: asked for with another number, a page would end too early
    or run into the next one. None where Salesforce cut the pages by itself.
    """

    index: int
    locator: str | None
    max_records: int | None = None


class BulkQueryJob:
    """One query job. Pages may be opened from several threads at once."""

    def __init__(self, wire: Wire, info: JobInfo, version: str, columns: list[str] | None = None) -> None:
        # Results must be fetched under the version the job was made with, else 409.
        self._path = f"/services/data/v{info.version or version}/jobs/query/{info.id}"
        self._wire = wire
        self._adopted_columns = columns
        self.info = info

    @property
    def id(self) -> str:
        return self.info.id

    @property
    def records(self) -> int | None:
        """numberRecordsProcessed, as of the last look; final once ``wait`` has returned. None where it isn't told."""
        return self.info.records

    def look(self) -> JobInfo:
        """Asks for the job's state, once. Raises JobGone."""
        self.info = self._ask("GET", self._path, read_job)
        return self.info

    def wait(self, on_progress: Callable[[JobInfo], None] | None = None, polling: Polling | None = None) -> JobInfo:
        """Waits until the result is ready.

        Raises JobFailed (or the reason of the failure, such as InvalidField, where beginning again would
        only fail again), JobAborted, JobGone, or JobUnfinished at ``polling.limit``. What ``on_progress``
        raises ends the waiting; the job goes on and can be resumed or aborted.
        """
        try:
            return wait(self._wire, self.look, on_progress, polling or Polling())
        except errors.JobFailed as failed:
            if failed.reason is None or isinstance(failed.reason, errors.Transient | errors.StartOver):
                raise
            raise failed.reason from failed

    def pages(self, max_records: int | None = None) -> list[ResultPage]:
        """The pages of a finished job, in order; none where it found nothing.

        ``max_records`` is a wish: where Salesforce lists the pages (see "Get Parallel Results for a Query Job")
        it cuts them as it likes. Whoever reads them all should find ``records`` of them.
        """
        if self.info.state == "JobComplete" and self.info.records == 0:
            return []
        try:
            pages = self._listed_pages(max_records)
        except errors.JobGone:
            self.look()  # raises JobGone where it is the job that is missing, not only the list
            pages = []
        return pages or self._chained_pages(max_records)

    def _listed_pages(self, max_records: int | None) -> list[ResultPage]:
        """From ``resultPages``: up to five at a time, each list naming the next."""
        found: list[ResultPage] = []
        params: Mapping[str, str] | None = _max_records(max_records)
        path: str | None = f"{self._path}/resultPages"
        visited: set[tuple[str, str | None]] = set()
        while path:
            value = self._ask("GET", path, Answer.object, params=params)
            entries = value.get("resultPages")
            if not isinstance(entries, list):
                raise errors.BadAnswer("a list of result pages without resultPages")
            for entry in entries:
                query = self._query_of(entry.get("resultUrl") if isinstance(entry, dict) else None, "results")
                limit = query.get("maxRecords", "")
                found.append(ResultPage(len(found), query.get("locator"), int(limit) if limit.isdecimal() else None))
            # The guide says nextRecordUrl; its other resources say nextRecordsUrl.
            following = value.get("nextRecordUrl") or value.get("nextRecordsUrl")
            if value.get("done") is not True and not following:
                raise errors.BadAnswer("a list of result pages says there is more, but not where")
            params = self._query_of(following, "resultPages") if following else None
            path = path if following else None
            step = (path or "", str(params))
            if step in visited or len({p.locator for p in found}) < len(found) or len(found) > _MOST_PAGES:
                raise errors.BadAnswer("a list of result pages repeats itself")
            visited.add(step)
        return found

    def _query_of(self, url: Json, resource: str) -> dict[str, str]:
        """The parameters of a URL Salesforce gave, if it is one of this job's; it is never called as such."""
        parts = urlsplit(url) if isinstance(url, str) else None
        if not parts or parts.scheme or parts.netloc or not parts.path.endswith(f"/{self.id}/{resource}"):
            raise errors.BadAnswer("a list of result pages points outside its job")
        return {name: values[0] for name, values in parse_qs(parts.query).items()}

    def _chained_pages(self, max_records: int | None) -> list[ResultPage]:
        """Where no list can be had: each page's header names the next. Costs a call a page."""
        pages = [ResultPage(0, None, max_records)]
        seen: set[str] = set()
        while len(pages) <= _MOST_PAGES:
            with self._results(pages[-1]) as response:
                following = locator(response.headers)
            if following is None:
                return pages
            if following in seen:
                break
            seen.add(following)
            pages.append(ResultPage(len(pages), following, max_records))
        raise errors.BadAnswer("the result's locators lead back to a page already seen")

    @contextmanager
    def open_page(self, page: ResultPage, *, chunk_size: int = CHUNK) -> Iterator[PageStream]:
        """Streams one page. Nothing is retried once the page is open: open it again instead."""
        with self._results(page) as response:
            stream = read_page(response, chunk_size)
            if self._adopted_columns and not _same_names(stream.columns, self._adopted_columns):
                raise errors.JobGone("the job found in the list turns out to be somebody else's")
            yield stream

    @contextmanager
    def _results(self, page: ResultPage) -> Iterator[httpx2.Response]:
        params = _max_records(page.max_records) | ({"locator": page.locator} if page.locator else {})
        with gone(), self._wire.stream(f"{self._path}/results", params=params, accept="text/csv") as response:
            yield response

    def abort(self) -> None:
        """Stops a running job; one that has ended already is left as it is."""
        try:
            self._ask("PATCH", self._path, _nothing, body={"state": "Aborted"})
        except errors.JobGone:
            return
        except errors.Rejected:
            if self.look().state not in ENDED:
                raise

    def discard(self) -> None:
        """Stops the job where it still runs, and removes it with its results."""
        if self.info.state not in ENDED:
            self.abort()
        self.delete()

    def delete(self) -> None:
        """Removes the job and its results from Salesforce; one that is gone counts as removed."""
        try:
            self._ask("DELETE", self._path, _nothing)
        except errors.JobGone:
            return

    def _ask(
        self,
        method: str,
        path: str,
        read: Callable[[Answer], T],
        *,
        params: Mapping[str, str] | None = None,
        body: dict[str, Json] | None = None,
    ) -> T:
        with gone():
            return self._wire.call(method, path, read, params=params, body=body)


class JobMaker:
    """Creates query jobs; a creation whose outcome is unknown is looked up before it is repeated."""

    def __init__(self, wire: Wire, user_id: Callable[[], str]) -> None:
        self._wire = wire
        self._user_id = user_id
        self._lock = threading.Lock()
        self._known: set[str] = set()

    def create(self, version: str, soql: str, include_deleted: bool) -> BulkQueryJob:
        """A new job for ``soql``, which may hold no subquery, aggregate or compound field."""
        body: dict[str, Json] = {
            "operation": "queryAll" if include_deleted else "query",
            "query": soql,
            "contentType": "CSV",
            "columnDelimiter": "COMMA",
            "lineEnding": "LF",
        }
        path = f"/services/data/v{version}/jobs/query"
        started = self._wire.clock()
        try:
            return self._made(self._post(path, body), version)
        except errors.Transient as trouble:
            if not trouble.outcome_unknown:
                raise
        self._wire.sleep(_SETTLE)
        found = self._find(path, str(body["operation"]), soql, started)
        if found:
            return self._made(found, version, select_list(soql))
        return self._made(self._post(path, body), version)

    def _post(self, path: str, body: dict[str, Json]) -> JobInfo:
        return self._wire.call("POST", path, read_job, body=body, repeat=False)

    def _made(self, info: JobInfo, version: str, adopted_columns: list[str] | None = None) -> BulkQueryJob:
        with self._lock:
            self._known.add(info.id)
        return BulkQueryJob(self._wire, info, version, adopted_columns)

    def _find(self, path: str, operation: str, soql: str, started: float) -> JobInfo | None:
        """The one job that can be ours: our user's, the same object and operation, made since we asked.

        The list doesn't show the query, so a stranger's job could still fit: its columns are
        compared when a page is opened, and where two jobs fit, neither is taken. A spare job
        costs little, reading the wrong one would lose records.
        """
        select = _SELECT.match(soql)
        sobject = select["sobject"].lower() if select else ""
        user_id, fitting = self._user_id(), []
        jobs, server_now = self._recent(path)
        since = server_now - dt.timedelta(seconds=self._wire.clock() - started + _CLOCK_GRAIN)
        for job in jobs:
            ours = (job.operation, job.sobject.lower(), job.created_by) == (operation, sobject, user_id)
            if ours and job.created_at and job.created_at >= since and job.id not in self._known:
                fitting.append(job)
        return fitting[0] if len(fitting) == 1 else None

    def _recent(self, path: str) -> tuple[list[JobInfo], dt.datetime]:
        """The org's Bulk 2.0 query jobs, and the time by Salesforce's clock."""
        jobs: list[JobInfo] = []
        params: dict[str, str] = {"jobType": "V2Query"}
        now = dt.datetime.now(dt.UTC)
        for _ in range(_MOST_LISTS):
            value, date = self._wire.call("GET", path, _list_and_date, params=params)
            now = date or now
            jobs += [parse_job(entry) for entry in value.get("records") or ()]
            following = parse_qs(urlsplit(str(value.get("nextRecordsUrl") or "")).query)
            if value.get("done") is True or not following.get("queryLocator"):
                break
            params = {"jobType": "V2Query", "queryLocator": following["queryLocator"][0]}
        return jobs, now


def select_list(soql: str) -> list[str]:
    """The columns a bulk query asks for; it can hold neither subqueries nor functions with commas."""
    select = _SELECT.match(soql)
    return [name.strip() for name in select["fields"].split(",")] if select else []


def _list_and_date(answer: Answer) -> tuple[dict[str, Json], dt.datetime | None]:
    return answer.object(), http_date(answer.headers.get("date", ""))


def _same_names(given: list[str], asked: list[str]) -> bool:
    return [name.casefold() for name in given] == [name.casefold() for name in asked]


def _max_records(value: int | None) -> dict[str, str]:
    return {"maxRecords": str(value)} if value else {}


def _nothing(_: Answer) -> None:
    return None
