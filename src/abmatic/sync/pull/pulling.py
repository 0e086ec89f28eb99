"""The pull of one run: from its window to the moved cursor. See `execute` for the run as a whole."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection as database
from django.db import transaction
from django.utils import timezone
from psycopg.types.json import Jsonb

from abmatic.audiences.counted import counted
from abmatic.audiences.models import Collection
from abmatic.changes import following
from abmatic.postgres import sessions
from abmatic.salesforce import Client, errors
from abmatic.salesforce.bulk import BulkQueryJob
from abmatic.sync import org_fields
from abmatic.sync.comparing import RECYCLE_BIN
from abmatic.sync.models import FieldMapping, Finding, ObjectSetting, Run
from abmatic.sync.objects import OBJECTS, SObject
from abmatic.sync.pull import edited, mirrored, offers, rates, removals, vanished
from abmatic.sync.pull import plan as planning
from abmatic.sync.pull.bulk_reading import BulkReading
from abmatic.sync.pull.campaigns import member_rules
from abmatic.sync.pull.chunk import ChunkWriter, Counts, Target
from abmatic.sync.pull.parts import Position
from abmatic.sync.pull.plan import PullPlan
from abmatic.sync.pull.reading import (
    CONTENDED,
    CONTENDED_ATTEMPTS,
    Cancelled,
    FieldsMissing,
    Session,
    open_writer,
    pause,
    read_by_rest,
    stage_by_ids,
)
from abmatic.sync.pull.removals import Removals
from abmatic.sync.reasons import REASONS
from abmatic.sync.running import Running, peak_memory

logger = logging.getLogger(__name__)

# Salesforce's reads lag behind its writes by seconds; a transaction may carry a stamp older than its commit.
LAG = timedelta(minutes=5)
RESTARTS = 3
_ANALYZE_FROM = 1_000
# What the text of a page gives rise to, whatever is known of its records.
_OF_THE_TEXT = ("row_unusable", "row_repeated", "nul_removed", "text_replaced")


def cursor_of(setting: ObjectSetting | None, spec: SObject) -> datetime | None:
    """How far pulls of an object have come. What rides with another object keeps its cursor there."""
    if spec.rides_with is None:
        return setting.cursor if setting else None
    stored = (setting.riders if setting else {}).get(spec.name)
    return datetime.fromisoformat(stored) if stored else None


class Pull:
    """Reads what has changed in Salesforce, and applies it here."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._run, self._spec = running.run, running.spec
        self._connection, self._setting = running.connection, running.setting
        self._job: BulkQueryJob | None = None
        # Whether all that the mirror has was looked for.
        self._is_compared = False
        self._heeded = 0
        self._removals = Removals(self._setting, self._spec, self._cursor, LAG) if self._spec.vanishes else None

    def read_all(self, client: Client) -> None:
        try:
            self._pull(client)
        except (Cancelled, FieldsMissing, errors.StartOver):
            self.discard_job(client)
            raise

    def read_these(
        self, client: Client, chunks: Iterable[list[str]], follow: Callable[[Session, list[str]], None]
    ) -> None:
        """Reads records by their Ids, a chunk at a time; the cursor stays where it is.

        ``follow`` is told of each chunk in its transaction. The checkpoint says which Id was the last (``imported``).
        """
        plan, upper = self._plan(client), self._running.window(client)
        self._running.note(phase=Run.Phase.READING, reader="REST")
        left = iter(chunks)
        sf_ids = next(left, None)
        for is_described_anew in (False, True):
            try:
                with open_writer(plan, self._target(upper)) as (session, writer):
                    while sf_ids is not None:
                        self._read_chunk(client, plan, session, writer, sf_ids, follow)
                        sf_ids = next(left, None)
                    if self._running.counts.duplicate:
                        writer.after_run()
                        session.commit()
                return
            except (errors.InvalidField, FieldsMissing) as hidden:
                if is_described_anew:
                    raise
                # As in `_pull`: what was read stays, and the chunk that was refused is read without the field.
                logger.warning("run %s asks anew which fields there are: %s", self._run.pk, hidden)
                plan = self._plan(client, anew=True)

    def _read_chunk(
        self, client: Client, plan: PullPlan, session: Session, writer: ChunkWriter, sf_ids: list[str],
        follow: Callable[[Session, list[str]], None],
    ) -> None:  # fmt: skip
        for attempt in range(CONTENDED_ATTEMPTS):
            try:
                stage_by_ids(client, plan, writer, sf_ids)
                writer.type_rows()
                counts = writer.apply()
                follow(session, sf_ids)
                self._run.checkpoint["imported"] = sf_ids[-1]
                self._checkpoint(session, counts, None)
                return
            except CONTENDED as error:
                session.rollback()
                if attempt + 1 == CONTENDED_ATTEMPTS:
                    raise
                pause(attempt, error)

    def _pull(self, client: Client) -> None:
        plan = self._plan(client)
        is_described_anew = False
        for restart in range(RESTARTS):
            try:
                self._read(client, plan)
                break
            except errors.StartOver as gone:
                # The cursor or the job is gone. Everything committed stays; reading the window again is harmless.
                if restart + 1 == RESTARTS:
                    raise
                logger.warning("run %s starts its window over: %s", self._run.pk, gone)
            except (errors.InvalidField, FieldsMissing) as hidden:
                # Described earlier, and taken away since: the mapping is broken, the others go on.
                if is_described_anew or restart + 1 == RESTARTS:
                    raise
                logger.warning("run %s asks anew which fields there are: %s", self._run.pk, hidden)
                plan, is_described_anew = self._plan(client, anew=True), True
            self._begin_anew(client)
        self._remove(client, plan)
        self._heed(client, plan)
        rates.read(client, plan, self._connection.pk)
        self._finish(client, plan)

    def _begin_anew(self, client: Client) -> None:
        """The window is read again from its beginning; what was read of it before is not to be counted twice.

        A record that was committed is known when it comes again. Entries that don't depend on that are taken back: they
        are made again.
        """
        self.discard_job(client)
        counts = Counts.from_json(self._running.counts.as_json())
        with transaction.atomic():
            for reason in _OF_THE_TEXT:
                entries, _ = Finding.objects.filter(run=self._run, reason=reason).delete()
                counts.reasons[reason] -= entries
                if REASONS[reason].kind == "skipped":
                    counts.read -= entries
                    counts.skipped -= entries
            again = Finding.objects.filter(run=self._run, reason="value_unreadable", field__in=self._unread)
            counts.reasons["value_unreadable"] -= again.delete()[0]
            checkpoint = {
                **{name: self._run.checkpoint[name] for name in ("upper", "log_from") if name in self._run.checkpoint},
                "again": counts.read,
            }
            self._running.note(checkpoint=checkpoint, counts=counts.as_json(), processed=counts.read)
        self._running.counts = counts

    def _plan(self, client: Client, *, anew: bool = False) -> PullPlan:
        """The plan; the mirror is made ready for its fields."""
        offered = None if anew else offers.kept(self._setting, self._spec)
        if offered is None:
            described = client.describe(self._spec.name)
            offered = offers.keep(self._setting, self._spec, described)
            if self._setting is not None and self._spec.rides_with is None:
                org_fields.keep(self._setting.connection, self._spec, described)
        kinds = offers.kinds(self._setting, self._spec) if self._setting else {}
        plan, broken = planning.make(self._spec, self._setting, offered, kinds)
        if self._setting is not None:
            if self._spec.rides_with is None:
                self._note_mappings({entry.mapping.pk: entry.reason for entry in broken}, kinds)
            if not mirrored.adopt(self._setting, plan):
                self._read_everything(Run.FullBecause.SETTINGS)
        return plan

    def _note_mappings(self, reasons: Mapping[int, str], kinds: Mapping[str, str]) -> None:
        """Which mappings are broken and why, and what the fields of new ones hold."""
        assert self._setting is not None
        for mapping in self._setting.mappings.all():
            if mapping.broken != reasons.get(mapping.pk, ""):
                FieldMapping.objects.filter(pk=mapping.pk).update(broken=reasons.get(mapping.pk, ""))
            if not mapping.sf_kind and mapping.sf_field in kinds:
                FieldMapping.objects.filter(pk=mapping.pk).update(sf_kind=kinds[mapping.sf_field])

    def _read_everything(self, because: Run.FullBecause) -> None:
        """The run reads every record, if it doesn't anyway: the first one does."""
        if self._cursor is not None and not self._run.is_full and self._run.imports_id is None:
            self._running.note(is_full=True, full_because=because)

    def _read(self, client: Client, plan: PullPlan) -> None:
        upper = self._running.window(client)
        if edited.heeded(self._setting, self._spec) is None:
            # What is here by now is merged with what is read.
            self._run.checkpoint.setdefault("log_from", following.log_end())
        if self._cursor is not None and self._cursor < upper - RECYCLE_BIN:
            # Whatever was deleted before has left the recycle bin: no query of changes would find it.
            self._read_everything(Run.FullBecause.RECYCLE_BIN)
        lower = None if self._run.is_full or self._cursor is None else self._cursor - LAG
        soql = plan.soql(lower, upper)
        target = self._target(upper)
        if self._run.checkpoint.get("query", soql) != soql:
            logger.warning("run %s: the mappings were changed while it waited; it reads its window anew", self._run.pk)
            self._begin_anew(client)
        if self._run.checkpoint.get("is_read"):
            if self._run.expected is None:
                self._running.note(expected=self._running.counts.read)
            return
        if "job" not in self._run.checkpoint:
            self._run.checkpoint |= {"query": soql}
            self._running.note(phase=Run.Phase.READING, reader="REST")
            ask = self._removals.pages(client, upper) if self._removals else None
            total = read_by_rest(client, plan, target, soql, settings.ENVIRONMENT.rest_limit, self._checkpoint, ask=ask)
            if total is not None:
                self._running.note(expected=total)
                return
        self._read_bulk(client, plan, target, soql)

    def _read_bulk(self, client: Client, plan: PullPlan, target: Target, soql: str) -> None:
        page_records = settings.ENVIRONMENT.import_page_records
        if "job" in self._run.checkpoint:
            job = self._job = client.resume_bulk_query(self._run.checkpoint["job"])
            page_records = self._run.checkpoint["page_records"]
        else:
            job = self._job = client.bulk_query(soql, include_deleted=True)
            self._run.checkpoint |= {
                "job": job.id, "query": soql, "page_records": page_records, "of_job": 0, **Position().as_json(),
            }  # fmt: skip
            self._running.note(phase=Run.Phase.PREPARING, reader="Bulk API 2.0", checkpoint=self._run.checkpoint)
        job.wait(lambda info: self._running.note(expected=info.records))
        self._running.note(phase=Run.Phase.READING, expected=job.records)
        pages = job.pages(page_records)
        position = Position.from_json(self._run.checkpoint)
        if position.page < len(pages):
            part_bytes = settings.ENVIRONMENT.import_chunk_bytes
            BulkReading(job, plan, target, self._checkpoint, part_bytes=part_bytes).run(pages, position)
        self._require_all(job)

    def _remove(self, client: Client, plan: PullPlan) -> None:
        """Applies what no query shows, because Salesforce removed it for good."""
        if self._removals is None:
            return
        upper = self._running.window(client)
        gone = self._removals.gone(client, upper)
        if not gone:
            return
        with open_writer(plan, self._target(upper)) as (session, writer):
            self._apply_more(session, lambda: writer.apply_gone(gone))

    def _heed(self, client: Client, plan: PullPlan) -> None:
        """Holds what people changed here since the last pull against what Salesforce last said (see `edited`)."""
        seen = edited.heeded(self._setting, self._spec)
        if seen is None:
            seen = self._run.checkpoint["log_from"]
        self._heeded = following.log_end()
        with database.cursor() as cursor:
            ids = edited.find(plan, self._connection.pk, seen, self._heeded, cursor.execute)
        if not ids:
            return
        with open_writer(plan, self._target(self._running.window(client))) as (session, writer):
            for some in edited.chunks(ids):
                self._apply_more(session, partial(writer.apply_edited, some))

    def _apply_more(self, session: Session, apply: Callable[[], Counts]) -> None:
        """A chunk of what no query of changes brings. What counts of it counts as expected, too."""
        for attempt in range(CONTENDED_ATTEMPTS):
            try:
                self._checkpoint(session, apply(), None, is_more=True)
                return
            except CONTENDED as error:
                session.rollback()
                if attempt + 1 == CONTENDED_ATTEMPTS:
                    raise
                pause(attempt, error)

    def _require_all(self, job: BulkQueryJob) -> None:
        """Raises ResultIncomplete where the pages held fewer records than the job found: the cursor must not pass them.

        Of a damaged page nobody can say how many records its damaged rows were, unless its header does.
        """
        read = self._run.checkpoint.get("of_job", 0)
        if job.records is not None and read < job.records and not self._run.checkpoint.get("is_uncountable"):
            raise errors.ResultIncomplete(f"{read:,} of {counted(job.records, 'record')} came", job_id=job.id)

    def discard_job(self, client: Client) -> None:
        """Best effort: Salesforce forgets a job and its results after a week by itself."""
        job_id = self._run.checkpoint.get("job")
        if job_id is None or not Run.objects.filter(pk=self._run.pk, attempts=self._run.attempts).exists():
            # None, or one that another worker reads by now.
            return
        try:
            held = self._job
            job = held if held is not None and held.id == job_id else client.resume_bulk_query(job_id)
            job.discard()
        except errors.SalesforceError as error:
            logger.info("run %s: bulk job %s stays in Salesforce: %s", self._run.pk, job_id, error)

    @property
    def _cursor(self) -> datetime | None:
        """How far pulls of this object have come."""
        return cursor_of(self._setting, self._spec)

    @property
    def _unread(self) -> list[str]:
        return mirrored.unread(self._setting, self._spec.name) if self._setting else []

    def _target(self, upper: datetime) -> Target:
        assert self._run.cause_id is not None
        collection = None
        if self._cursor is None and self._spec.collection and self._run.imports_id is None:
            collection = Collection.objects.get_or_create(
                source=f"salesforce-import:{self._connection.pk}:{self._spec.local}",
                defaults={
                    "name": "Salesforce Import",
                    "record": self._spec.local,
                    "kind": Collection.Kind.IMPORT,
                },
            )[0].pk
        return Target(
            self._connection.pk, self._run.pk, self._run.cause_id, upper, collection, tuple(self._unread),
            is_pushed=self._setting is not None and self._setting.is_pushed,
            created_elsewhere=tuple(
                ObjectSetting.objects.filter(
                    create_in_salesforce=True,
                    sobject__in=[spec.name for spec in OBJECTS.values() if spec.local == self._spec.local],
                )
                .exclude(connection=self._connection)
                .values_list("connection_id", "sobject")
            ),
            members=member_rules(self._connection.pk),
            user=self._connection.user_id,
            notes_read=self._is_compare,
        )  # fmt: skip

    def _checkpoint(
        self, session: Session, counts: Counts, position: Position | None, *, is_countable: bool = True,
        is_more: bool = False,
    ) -> None:  # fmt: skip
        """Within the chunk's transaction: what is committed with it. Only one chunk is applied at a time.

        ``is_more``: beside what Salesforce said there is to read.
        """
        together = Counts.from_json(self._running.counts.as_json())
        together.add(counts)
        checkpoint = dict(self._run.checkpoint)
        # Read before the window was begun anew, and as it was then.
        twice = min(checkpoint.get("again", 0), counts.unchanged)
        if twice:
            together.read -= twice
            together.unchanged -= twice
            checkpoint["again"] -= twice
        if position is not None:
            checkpoint |= position.as_json()
            checkpoint["of_job"] = checkpoint.get("of_job", 0) + counts.read
            if not is_countable:
                checkpoint["is_uncountable"] = True
        else:
            # By REST there is one chunk: killed after it, the run has only its end left to do.
            checkpoint["is_read"] = True
        more = counts.read if is_more else 0
        updated = session.execute(
            "UPDATE run SET processed = %s, counts = %s, checkpoint = %s, api_calls = %s, peak_memory = %s, "
            "expected = CASE WHEN %s = 0 THEN expected ELSE coalesce(expected, 0) + %s END, "
            "updated_at = now() WHERE id = %s AND state = 'running' AND attempts = %s",
            (
                together.read,
                Jsonb(together.as_json()),
                Jsonb(checkpoint),
                self._running.calls(),
                peak_memory(),
                more,
                more,
                self._run.pk,
                self._run.attempts,
            ),
        )
        if updated.rowcount == 0:
            session.rollback()
            raise self._running.lost()
        # Not yet committed: should the commit fail, the page is applied again on top of the former counts.
        session.commit()
        self._running.counts, self._run.checkpoint = together, checkpoint
        self._running.require_budget()

    def _finish(self, client: Client, plan: PullPlan) -> None:
        self._run.checkpoint["is_read"] = True
        self._running.note(phase=Run.Phase.LINKING, checkpoint=self._run.checkpoint)
        self.discard_job(client)
        upper = datetime.fromisoformat(self._run.checkpoint["upper"]).astimezone(UTC)
        is_compare = self._is_compare and "IsDeleted" in plan.base
        if is_compare or self._running.counts.duplicate:
            with open_writer(plan, self._target(upper)) as (session, writer):
                if is_compare:
                    self._mark_vanished(client, plan, session, writer)
                if self._running.counts.duplicate:
                    writer.after_run()
                session.commit()
        counts = self._running.counts
        if counts.created + counts.linked + counts.duplicate > _ANALYZE_FROM:
            with sessions.session(f"pull {self._spec.name}") as session:
                _analyze(session, plan)
                session.commit()
        with transaction.atomic():
            self._move_cursor(plan, upper)
            self._running.note(checkpoint={**self._run.checkpoint, "is_pulled": True})

    @property
    def _is_compare(self) -> bool:
        """Whether the run reads every record of what was read before."""
        return self._run.is_full and self._cursor is not None

    def _mark_vanished(self, client: Client, plan: PullPlan, session: Session, writer: ChunkWriter) -> None:
        """What the mirror has and Salesforce no longer counts as deleted (see `vanished`)."""
        missing = vanished.find(
            session, client, plan, connection=self._connection.pk, run=self._run.pk,
            limit=settings.ENVIRONMENT.rest_limit,
        )  # fmt: skip
        try:
            if self._run.full_because != Run.FullBecause.ACCEPTED:
                vanished.require_few(session, plan, missing, connection=self._connection.pk)
            for ids in vanished.chunks(session):
                self._checkpoint(session, writer.mark_vanished(ids), None)
            self._is_compared = True
        except vanished.TooMany as many:
            logger.warning("run %s: %s", self._run.pk, many)
            self._running.remarks.append(str(many))
        vanished.forget(session, self._run.pk)
        session.commit()

    def _move_cursor(self, plan: PullPlan, upper: datetime) -> None:
        if self._setting is None:
            return
        setting = ObjectSetting.objects.select_for_update().get(pk=self._setting.pk)
        if self._spec.rides_with is None:
            is_first = setting.cursor is None
            setting.cursor = upper
            setting.last_pull_at = timezone.now()
            if self._run.is_full or is_first:
                setting.last_full_at = setting.last_pull_at
        else:
            setting.riders = {**setting.riders, self._spec.name: upper.isoformat()}
        if self._removals is not None:
            setting.removals = {**setting.removals, self._spec.name: self._removals.entry(upper)}
            if self._is_compared:
                removals.compared(setting, self._spec, upper)
        setting.mirrored = mirrored.filled(setting, plan, self._heeded)
        setting.save(update_fields=["cursor", "last_pull_at", "last_full_at", "riders", "removals", "mirrored"])


def _analyze(session: psycopg.Connection[tuple[Any, ...]], plan: PullPlan) -> None:
    """The planner should know of a first import before the pages do, as well as it knows other tables."""
    for table in dict.fromkeys((plan.spec.local, plan.spec.mirror)):
        session.execute(psycopg.sql.SQL("ANALYZE {}").format(psycopg.sql.Identifier(table)))
