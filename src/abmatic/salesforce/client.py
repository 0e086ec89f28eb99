"""The Salesforce client: one org, many threads.

It reads who and what the org is, its objects and fields, its limits, and records by query or by bulk job; it writes
records by collections or by bulk job. It knows nothing of what the records are for.
"""

from __future__ import annotations

import random as chance
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Literal, Self

import httpx2

from . import bulk, collections, errors, ingest, jobs, listings, query, removals
from .answers import Answer, Json, http_date
from .describe import Describe, GlobalDescribe, Remembered, read_describe, read_global
from .retry import RetryPolicy
from .tokens import TokenSource
from .usage import Limit, Usage, read_limits
from .wire import Call, Wire

# The newest API version this release was tested with, and the oldest it speaks.
TESTED_VERSION = "67.0"
OLDEST_VERSION = "60.0"

_VERSION = re.compile(r"\d{2,3}\.0", re.ASCII)
_SOBJECT = re.compile(r"[A-Za-z]\w{0,79}", re.ASCII)
_ORGANIZATION = (
    "SELECT Id, Name, OrganizationType, IsSandbox, InstanceName, TrialExpirationDate, NamespacePrefix, "
    "DefaultLocaleSidKey, TimeZoneSidKey FROM Organization LIMIT 1"
)


@dataclass(frozen=True)
class UserInfo:
    """The connected user, from the OpenID userinfo resource."""

    user_id: str
    organization_id: str
    username: str
    name: str
    email: str


@dataclass(frozen=True)
class Organization:
    """The org, from its Organization record. ``edition`` is OrganizationType ("Enterprise Edition")."""

    id: str
    name: str
    edition: str
    is_sandbox: bool
    instance_name: str
    is_trial: bool
    namespace_prefix: str
    locale: str
    time_zone: str


class Client:
    """A client for the org the tokens belong to. Thread-safe; close it, or use it with ``with``.

    ``client_name`` is what change events name as the origin of our writes. ``connections`` is the
    most requests open at once; further ones wait. ``on_call`` is told of every request, from the
    thread that makes it.
    """

    def __init__(
        self,
        tokens: TokenSource,
        *,
        api_version: str | None = None,
        client_name: str = "abmatic",
        transport: httpx2.BaseTransport | None = None,
        on_call: Callable[[Call], None] | None = None,
        retry: RetryPolicy | None = None,
        connections: int = 16,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        random: Callable[[], float] = chance.random,
    ) -> None:
        if api_version is not None:
            _check_version(api_version)
        self._version = api_version
        self._version_lock = threading.Lock()
        self._wire = Wire(
            tokens,
            client_name=client_name,
            transport=transport,
            on_call=on_call,
            retry=retry or RetryPolicy(),
            clock=clock,
            sleep=sleep,
            random=random,
            connections=connections,
        )
        self._describes: Remembered[Describe] = Remembered(self._wire, read_describe)
        self._globals: Remembered[GlobalDescribe] = Remembered(self._wire, read_global)
        self._jobs = bulk.JobMaker(self._wire, lambda: self.userinfo().user_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections, unless the transport was handed in."""
        self._wire.close()

    @property
    def usage(self) -> Usage | None:
        """API calls used and allowed, as the last answer that said so had it."""
        return self._wire.usage

    @property
    def calls(self) -> int:
        """How many requests of this client Salesforce has counted."""
        return self._wire.calls

    @property
    def heard_at(self) -> datetime | None:
        """When the last answer was given, by Salesforce's clock, to the second; None before the first."""
        return self._wire.heard_at

    @property
    def api_version(self) -> str:
        """The version spoken with this org ("67.0"), discovered on first use."""
        with self._version_lock:
            if self._version is None:
                self._version = self._wire.call("GET", "/services/data", newest_version, signed=False)
            return self._version

    def server_time(self) -> datetime:
        """Salesforce's own clock, to the second, UTC: the Date of an answer that doesn't count as an API call.

        Windows over SystemModstamp are cut by this clock, never by ours.
        """
        return self._wire.call("GET", "/services/data", _read_date, signed=False)

    def userinfo(self) -> UserInfo:
        """Who is connected. Doesn't count as an API call."""
        return self._wire.call("GET", "/services/oauth2/userinfo", _read_userinfo)

    def organization(self) -> Organization:
        """The org's name, edition and kind."""
        for row in self.query_rows(_ORGANIZATION):
            return Organization(
                id=str(row["Id"]),
                name=str(row.get("Name") or ""),
                edition=str(row.get("OrganizationType") or ""),
                is_sandbox=bool(row.get("IsSandbox")),
                instance_name=str(row.get("InstanceName") or ""),
                is_trial=bool(row.get("TrialExpirationDate")),
                namespace_prefix=str(row.get("NamespacePrefix") or ""),
                locale=str(row.get("DefaultLocaleSidKey") or ""),
                time_zone=str(row.get("TimeZoneSidKey") or ""),
            )
        raise errors.BadAnswer("the org shows no Organization record")

    def limits(self) -> dict[str, Limit]:
        """The org's limits by Salesforce's names (DailyApiRequests, DailyBulkV2QueryJobs, …)."""
        return self._wire.call("GET", self._path("limits"), lambda a: read_limits(a.object()))

    def describe_global(self) -> GlobalDescribe:
        """The objects the connected user can see."""
        return self._globals.get(self._path("sobjects"))

    def describe(self, sobject: str) -> Describe:
        """An object and its fields. Raises InvalidType where the user can't see it."""
        if not _SOBJECT.fullmatch(sobject):
            raise errors.InvalidType("this is not an object's API name", sobject=sobject)
        try:
            return self._describes.get(self._path(f"sobjects/{sobject}/describe"))
        except errors.NotFound as missing:
            raise errors.InvalidType(
                missing.message, code=missing.code, status=missing.status, sobject=sobject
            ) from missing

    def query_pages(self, soql: str, include_deleted: bool = False) -> Iterator[query.QueryPage]:
        """The pages of a query by REST, fetched as they are asked for; see ``query.query_pages``."""
        return query.query_pages(self._wire, self.api_version, soql, include_deleted)

    def deleted(self, sobject: str, start: datetime, end: datetime) -> removals.Deleted:
        """What of an object was deleted from ``start`` on, at most `removals.FURTHEST_BACK`. One call."""
        return removals.deleted(self._wire, self.api_version, sobject, start, end)

    def pages_and_deleted(
        self, soql: str, sobject: str, start: datetime, end: datetime, tell: Callable[[removals.Deleted], None]
    ) -> Iterator[query.QueryPage]:
        """The pages of a query with deleted records; ``tell`` gets what `deleted` would say. One call for the first.

        ``tell`` is not called where Salesforce won't say what was deleted.
        """

        def first() -> query.Body:
            page, found = removals.with_query(self._wire, self.api_version, soql, sobject, start, end)
            if found is not None:
                tell(found)
            return page

        return query.query_pages(self._wire, self.api_version, soql, True, first)

    def query_rows(self, soql: str, include_deleted: bool = False) -> Iterator[dict[str, Json]]:
        """The records of a query as dicts without ``attributes``; for small results."""
        return query.query_rows(self._wire, self.api_version, soql, include_deleted)

    def count(self, soql: str, include_deleted: bool = False) -> int:
        """How many records a ``SELECT count() FROM …`` finds. One call."""
        return next(self.query_pages(soql, include_deleted)).total_size

    def bulk_query(self, soql: str, include_deleted: bool = False) -> bulk.BulkQueryJob:
        """Creates a bulk query job; ``wait`` for it, then open its ``pages``."""
        return self._jobs.create(self.api_version, soql, include_deleted)

    def resume_bulk_query(self, job_id: str) -> bulk.BulkQueryJob:
        """A job created earlier, perhaps by another process or release. Raises JobGone."""
        path = f"/services/data/v{self.api_version}/jobs/query/{jobs.check_job_id(job_id)}"
        try:
            info = self._wire.call("GET", path, jobs.read_job)
        except errors.NotFound as missing:
            raise errors.JobGone(missing.message, code=missing.code, status=missing.status) from missing
        return bulk.BulkQueryJob(self._wire, info, self.api_version)

    def list_views(self, sobject: str) -> list[listings.Listed]:
        """The list views of an object. One call."""
        return listings.list_views(self._wire, self.api_version, sobject)

    def list_view_query(self, sobject: str, view_id: str) -> str:
        """The SOQL that a list view stands for. One call."""
        return listings.list_view_query(self._wire, self.api_version, sobject, view_id)

    def reports(self) -> list[listings.Listed]:
        """The reports that Salesforce lists. One call."""
        return listings.reports(self._wire, self.api_version)

    def report(self, report_id: str) -> listings.ReportRows:
        """Runs a report while we wait; its first 2,000 rows. One call."""
        return listings.report(self._wire, self.api_version, report_id)

    def create_records(
        self, sobject: str, records: Sequence[Mapping[str, Json]], *, save_duplicates: bool = False
    ) -> list[collections.RowOutcome]:
        """Creates up to 200 records, and answers what became of each, in order. One call, sent once.

        A Transient error with ``outcome_unknown`` leaves open whether any was created: look before sending again.
        """
        return collections.write(
            self._wire, self.api_version, "POST", sobject, records, save_duplicates=save_duplicates
        )

    def update_records(
        self, sobject: str, records: Sequence[Mapping[str, Json]], *, save_duplicates: bool = False
    ) -> list[collections.RowOutcome]:
        """Updates up to 200 records, each with its ``Id``, and answers what became of each; as `create_records`."""
        return collections.write(
            self._wire, self.api_version, "PATCH", sobject, records, save_duplicates=save_duplicates
        )

    def delete_records(self, ids: Sequence[str]) -> list[collections.RowOutcome]:
        """Moves up to 200 records to the recycle bin, and answers what became of each, in order. One call."""
        return collections.delete(self._wire, self.api_version, ids)

    def bulk_ingest(
        self, sobject: str, operation: Literal["insert", "update"], csv: bytes, *, save_duplicates: bool = False
    ) -> ingest.BulkIngestJob:
        """Sends records to a bulk job that is still to be closed; see `ingest`."""
        return ingest.open_job(self._wire, self.api_version, sobject, operation, csv, save_duplicates=save_duplicates)

    def resume_bulk_ingest(self, job_id: str) -> ingest.BulkIngestJob:
        """A job opened earlier, perhaps by another process or release. Raises JobGone."""
        return ingest.resume(self._wire, self.api_version, job_id)

    def _path(self, resource: str) -> str:
        return f"/services/data/v{self.api_version}/{resource}"


def newest_version(answer: Answer) -> str:
    """The newest version of ``/services/data`` up to TESTED_VERSION. Raises UnsupportedVersion."""
    value = answer.json()
    if not isinstance(value, list) or not value:
        raise errors.BadAnswer("the list of API versions is not a list")
    offered = [v["version"] for v in value if isinstance(v, dict) and _VERSION.fullmatch(str(v.get("version")))]
    usable = [v for v in offered if float(OLDEST_VERSION) <= float(v) <= float(TESTED_VERSION)]
    if not usable:
        newest = max(offered, key=float, default="none")
        raise errors.UnsupportedVersion(
            f"the org offers API versions up to {newest}; {OLDEST_VERSION} to {TESTED_VERSION} can be used"
        )
    return str(max(usable, key=float))


def _read_date(answer: Answer) -> datetime:
    date = http_date(answer.headers.get("date", ""))
    if date is None:
        raise errors.BadAnswer("an answer without a Date says nothing of Salesforce's clock")
    return date


def _check_version(version: str) -> None:
    if not _VERSION.fullmatch(version) or float(version) < float(OLDEST_VERSION):
        raise errors.UnsupportedVersion(f"{version!r} is not an API version from {OLDEST_VERSION} on")


def _read_userinfo(answer: Answer) -> UserInfo:
    value = answer.object()
    return UserInfo(
        user_id=str(value.get("user_id") or ""),
        organization_id=str(value.get("organization_id") or ""),
        username=str(value.get("preferred_username") or ""),
        name=str(value.get("name") or ""),
        email=str(value.get("email") or ""),
    )
