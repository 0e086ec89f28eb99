"""Reads a window into a preview's transaction, as a run reads it: by REST, or by a bulk job, chunk by chunk."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import psycopg
from django.conf import settings

from abmatic.salesforce import Client, errors
from abmatic.salesforce.bulk import BulkQueryJob, ResultPage
from abmatic.sync.preview.found import Preview
from abmatic.sync.preview.samples import NOBODY, Here
from abmatic.sync.pull import edited, parts, vanished
from abmatic.sync.pull.careful import careful_rows
from abmatic.sync.pull.chunk import ChunkWriter, Counts
from abmatic.sync.pull.parts import Position
from abmatic.sync.pull.plan import PullPlan
from abmatic.sync.pull.reading import require_columns

logger = logging.getLogger(__name__)

Session = psycopg.Connection[tuple[Any, ...]]

# What a bulk job costs beside its pages: made, looked at a few times, its pages listed, removed.
JOB_CALLS = 6
_PAGE = 2_000

Progress = Callable[[Preview], None]
"""Told after each chunk; what it raises ends the preview."""


class Reading:
    """The window of one preview."""

    def __init__(
        self, client: Client, session: Session, writer: ChunkWriter, plan: PullPlan, found: Preview, progress: Progress
    ) -> None:
        self._client = client
        self._session = session
        self._writer = writer
        self._plan = plan
        self._found = found
        self._progress = progress
        self._here = Here(session, plan.spec)
        self._counts = Counts()

    def read(self, soql: str, *, whole: bool) -> None:
        """Reads and applies the window, or of a large one the first records."""
        found, limit = self._found, settings.ENVIRONMENT.rest_limit
        if self._stage_by_rest(soql, limit, whole=whole):
            self._apply(found.looked_at)
        else:
            self._read_whole(soql)
        found.calls_of_run += _reading_calls(found.records, limit)
        self._tell()

    def merge_edited(self, sf_ids: list[str]) -> None:
        """What people changed here since the last sync, after the window."""
        for some in edited.chunks(sf_ids):
            counts = self._writer.apply_edited(some)
            self._counts.add(counts)
            self._here.note_chunk(counts)
            self._writer.empty()
        self._tell()

    def mark_vanished(self, connection: int, *, are_deleted: bool) -> None:
        """What the mirror has and Salesforce no longer, after all was read (see `vanished`).

        ``are_deleted``: however many they are.
        """
        found, client, plan = self._found, self._client, self._plan
        before = client.calls
        missing = vanished.find(
            self._session, client, plan, connection=connection, run=NOBODY,
            limit=settings.ENVIRONMENT.rest_limit, commits=False,
        )  # fmt: skip
        found.calls_of_run += client.calls - before
        try:
            if not are_deleted:
                vanished.require_few(self._session, plan, missing, connection=connection)
        except vanished.TooMany as many:
            found.notes.append(str(many))
            return
        for sf_ids in vanished.chunks(self._session):
            counts = self._writer.mark_vanished(sf_ids)
            self._counts.add(counts)
            self._here.note_chunk(counts)
            self._writer.empty()
            self._progress(found)
        self._tell()

    def _tell(self) -> None:
        self._found.to_abmatic = self._counts.as_json()
        self._found.samples["to_abmatic"] = self._here.collected()

    def _stage_by_rest(self, soql: str, limit: int, *, whole: bool) -> bool:
        """Stages the records, or the first of them. False where all are wanted and a run would take the Bulk API."""
        try:
            for page in self._client.query_pages(soql, include_deleted=True):
                self._found.records, self._found.looked_at = page.total_size, page.seen
                if whole and page.total_size > limit:
                    return False
                if page.count:
                    self._writer.stage_records(page.records_json)
                if page.seen >= limit:
                    break
        except errors.QueryTooLong:
            if not whole:
                raise
            return False
        return True

    def _apply(self, staged: int) -> None:
        if staged:
            self._writer.type_rows()
            counts = self._writer.apply()
            self._counts.add(counts)
            self._here.note_chunk(counts)
        self._progress(self._found)

    def _read_whole(self, soql: str) -> None:
        self._found.looked_at = 0
        job = self._client.bulk_query(soql, include_deleted=True)
        try:
            job.wait(lambda _: self._progress(self._found))
            self._found.records = job.records or self._found.records
            for page in job.pages(settings.ENVIRONMENT.import_page_records):
                self._read_page(job, page)
        finally:
            _discard(job)

    def _read_page(self, job: BulkQueryJob, page: ResultPage) -> None:
        part_bytes = settings.ENVIRONMENT.import_chunk_bytes
        with job.open_page(page) as stream:
            require_columns(self._plan, stream)
            for data, _ in parts.cut(stream.chunks, part_bytes, Position(page.index)):
                if stream.columns:
                    staged, damaged = self._stage(stream.columns, data)
                    self._found.looked_at += staged + damaged
                    self._counts.add(Counts(read=damaged, skipped=damaged))
                    self._counts.reasons["row_unusable"] += damaged
                    self._apply(staged)
                    self._writer.empty()

    def _stage(self, columns: list[str], data: list[bytes]) -> tuple[int, int]:
        """How many rows were staged, and how many were too damaged for it."""
        try:
            with self._session.transaction():
                return self._writer.stage_csv(columns, data), 0
        except psycopg.DataError as error:
            logger.info("a page of the preview is read row by row: %s", error)
        rows = careful_rows(data, len(columns))
        staged = self._writer.stage_csv(columns, rows.encoded())
        self._writer.mark_replaced()
        return staged, rows.damaged


def _discard(job: BulkQueryJob) -> None:
    try:
        job.discard()
    except errors.SalesforceError as error:
        logger.info("the preview's bulk job %s stays in Salesforce: %s", job.id, error)


def _reading_calls(records: int, rest_limit: int) -> int:
    """Calls that reading so many records takes: pages, or the first one and a bulk job."""
    if records <= rest_limit:
        return max(1, -(-records // _PAGE))
    return 1 + JOB_CALLS + -(-records // settings.ENVIRONMENT.import_page_records)
