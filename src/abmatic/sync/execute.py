"""Executes a run: one object of one connection, from its window to its outcome.

1. Take the run: an advisory lock, so that a run is executed once however often its job is delivered.
2. Plan: mappings held against describe; mappings that the org no longer offers are marked, never read as empty. Where
   the fields aren't those that the mirror holds, it is made ready for them, and every record is read.
3. Window: [cursor - lag, Salesforce's clock), fixed before reading and kept in the checkpoint.
4. Read and apply, chunk by chunk; each chunk's rows, changes, counts and position commit together.
5. The cursor moves, once as many records are committed as Salesforce says it found. A bulk job that nobody needs any
   more leaves Salesforce, and its copy of the records with it.
6. Push, where anything of the object may be written to Salesforce (see `push`).
7. The outcome is said in a sentence.

Killed at any point, the next execution goes on after the last committed chunk. Killed while writing to Salesforce, it
reads what has changed there since, and compares what is left again.
"""

from __future__ import annotations

import logging
import resource
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import django.db
import psycopg
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from psycopg.types.json import Jsonb

from abmatic.audiences.models import Collection
from abmatic.changes.models import Cause
from abmatic.identity.sealing import SealBroken
from abmatic.postgres import sessions
from abmatic.postgres.locks import LockBusy, held
from abmatic.salesforce import Client, errors
from abmatic.salesforce.bulk import BulkQueryJob
from abmatic.sync import budget, clients, outcomes, undo
from abmatic.sync.models import Connection, ConnectionProblem, FieldMapping, Finding, ObjectSetting, Run, Write
from abmatic.sync.objects import OBJECTS
from abmatic.sync.pull import mirrored, offers
from abmatic.sync.pull import plan as planning
from abmatic.sync.pull.bulk_reading import BulkReading
from abmatic.sync.pull.chunk import Counts, Target
from abmatic.sync.pull.parts import Position
from abmatic.sync.pull.plan import PullPlan
from abmatic.sync.pull.reading import Cancelled, FieldsMissing, Session, open_writer, read_by_rest
from abmatic.sync.push.outcomes import PushCounts
from abmatic.sync.push.phase import Push
from abmatic.sync.push.unknown import Unsettled
from abmatic.sync.reasons import REASONS

logger = logging.getLogger(__name__)

# Salesforce's reads lag behind its writes by seconds; a transaction may carry a stamp older than its commit.
LAG = timedelta(minutes=5)
RESTARTS = 3


def execute(run_id: int) -> bool:
    """Executes the run, or does nothing when it is over. False when another worker holds it.

    Raises django.db.OperationalError when the database is lost, in whichever session that showed.
    """
    run = Run.objects.select_related("connection").get(pk=run_id)
    try:
        with (
            sessions.session(f"run {run_id}", _LOCK_SETTINGS) as session,
            held(session, "pull", run.connection_id, run.sobject),
        ):
            run.refresh_from_db()
            if not run.is_over:
                _Execution(run).perform()
            elif run.state == Run.State.CANCELLED and "job" in run.checkpoint:
                # Cancelled while no worker had it: the one that did was killed.
                _Execution(run).tidy()
    except LockBusy:
        logger.info("run %s is held by another worker", run_id)
        return False
    except psycopg.OperationalError as error:
        raise django.db.OperationalError(str(error)) from error
    return True


# A worker whose machine died can't say so: its lock is free once the server has asked in vain, within a minute.
_LOCK_SETTINGS = {"tcp_keepalives_idle": "30", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3"}


def abandon(run_id: int, error: Exception) -> bool:
    """Ends a run whose executions failed for a reason outside it, so that the next one can start.

    False when that couldn't be written down, because the database is still gone: the run must be executed once more.
    """
    unfinished = Run.objects.filter(pk=run_id, state__in=[Run.State.QUEUED, Run.State.RUNNING])
    try:
        unfinished.update(
            state=Run.State.FAILED,
            phase=Run.Phase.DONE,
            finished_at=timezone.now(),
            outcome="Stopped. What was read before is kept, and the next sync goes on from there.",
            error_code=type(error).__name__,
            error_message=str(error)[:2000],
            error_remedy="Check that the database can be reached (`abmatic doctor`), then sync again.",
        )
    except (django.db.OperationalError, django.db.InterfaceError) as still:
        logger.error("run %s is left as it is, the database being gone: %s", run_id, still)
        return False
    return True


class Superseded(Exception):
    """Another execution has taken the run over: this one had lost its lock, as after a machine's sleep."""


class _Execution:
    """One execution of a run, with its counts so far."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._connection: Connection = run.connection
        self._spec = OBJECTS[run.sobject]
        self._counts = Counts.from_json(run.counts)
        self._pushed = PushCounts.from_json(run.pushed)
        self._calls_before = run.api_calls
        self._client: Client | None = None
        self._job: BulkQueryJob | None = None
        self._setting = ObjectSetting.objects.filter(
            connection=run.connection, sobject=self._spec.rides_with or run.sobject
        ).first()

    def perform(self) -> None:
        """Runs to the end, and records how it ended."""
        try:
            self._begin()
            self._require_budget()
            with clients.open_client(self._connection) as client:
                self._client = client
                self._end(Run.State.SUCCEEDED, self._do(client))
                Connection.objects.filter(pk=self._connection.pk, problem__in=_MENDED_BY_SUCCESS).update(
                    status=Connection.Status.ACTIVE, problem=ConnectionProblem.NONE, problem_detail=""
                )
        except Cancelled:
            self._end(Run.State.CANCELLED, outcomes.cancelled(self._counts))
        except Superseded:
            logger.warning("run %s was taken over by another worker", self._run.pk)
        except budget.Paused as enough:
            self._pause(str(enough))
        except Unsettled:
            self._fail("outcome_unknown", "", _WAIT_FOR_OUTCOME, None)
        except errors.LimitReached as error:
            clients.mark_problem(self._connection.pk, ConnectionProblem.LIMIT_REACHED, str(error))
            budget.wait(self._connection.pk)
            if self._run.trigger in budget.AUTOMATIC:
                self._pause(error.meaning)
            else:
                self._fail(error.code, str(error), error.remedy, None)
        except errors.SalesforceError as error:
            self._fail(error.code or type(error).__name__, str(error), error.remedy, clients.problem_of(error))
        except (planning.ObjectUnreadable, FieldsMissing) as error:
            self._fail("INSUFFICIENT_ACCESS", str(error), "", None)
        except SealBroken as error:
            self._fail("seal_broken", str(error), "", ConnectionProblem.SEAL_BROKEN)
        except (django.db.OperationalError, psycopg.OperationalError) as error:
            # The database went away: nothing can be recorded now, and the job is tried again.
            raise django.db.OperationalError(str(error)) from error
        except Exception as error:
            logger.exception("run %s stopped", self._run.pk)
            self._fail(
                "internal_error",
                f"{type(error).__name__}: {error}",
                "This is a fault of Abmatic. What was committed is kept; please report it with the worker's log.",
                None,
            )

    def _do(self, client: Client) -> str:
        """What the run is for. Answers its outcome."""
        if self._run.trigger == Run.Trigger.UNDO:
            return self._undo(client)
        push = self._push(client)
        if push is None:
            self._read_all(client)
        else:
            self._both_ways(client, push)
        return outcomes.succeeded(self._spec, self._counts, self._pushed)

    def tidy(self) -> None:
        """Removes what a run that is over left in Salesforce."""
        try:
            with clients.open_client(self._connection) as client:
                self._client = client
                self._discard_job(client)
        except (errors.SalesforceError, SealBroken) as error:
            logger.info("run %s: its bulk job stays in Salesforce: %s", self._run.pk, error)
        kept = {name: value for name, value in self._run.checkpoint.items() if name != "job"}
        Run.objects.filter(pk=self._run.pk).update(checkpoint=kept, api_calls=self._calls())

    def _begin(self) -> None:
        run = self._run
        with transaction.atomic():
            # Locked and read anew: a former execution that had lost its lock may be committing a chunk right now.
            run.refresh_from_db(from_queryset=Run.objects.select_for_update(of=("self",)))
            self._counts, self._calls_before = Counts.from_json(run.counts), run.api_calls
            self._pushed = PushCounts.from_json(run.pushed)
            if run.cause_id is None:
                run.cause = Cause.objects.create(kind=Cause.Kind.RUN, run_id=run.pk, user=run.started_by)
            run.state = Run.State.RUNNING
            run.phase = Run.Phase.ASKING
            run.started_at = run.started_at or timezone.now()
            run.attempts += 1
            begun = Run.objects.filter(pk=run.pk, state__in=[Run.State.QUEUED, Run.State.RUNNING]).update(
                cause=run.cause, state=run.state, phase=run.phase, started_at=run.started_at, attempts=run.attempts,
                updated_at=timezone.now(),
            )  # fmt: skip
            if not begun:
                raise self._lost()

    def _push(self, client: Client) -> Push | None:
        """The run's push; None where nothing may be written."""
        if self._run.direction != Run.Direction.BOTH or self._setting is None or not self._setting.is_pushed:
            return None
        return Push(
            self._run, self._spec, self._setting, client, self._pushed, lambda: self._note(),
            at_boundary=self._require_budget,
        )  # fmt: skip

    def _require_budget(self) -> None:
        """Where nothing is half done: raises `budget.Paused` when a run that nobody asked for has used enough."""
        if self._run.trigger not in budget.AUTOMATIC:
            return
        usage = self._client.usage if self._client else None
        ceiling = self._connection.api_ceiling
        if budget.is_used_up(usage, ceiling) if usage else budget.holds_back(self._connection):
            raise budget.Paused(f"{ceiling} % of the org's API calls of the day are used.")

    def _pause(self, why: str) -> None:
        """The run waits, and is taken up where it is when calls are back (see automatic)."""
        budget.wait(self._connection.pk)
        logger.info("run %s waits: %s", self._run.pk, why)
        try:
            self._note(
                state=Run.State.QUEUED,
                phase=Run.Phase.PAUSED,
                outcome=f"{why} The sync goes on by itself when calls are back; whoever starts it by hand goes on now.",
                counts=self._counts.as_json(),
            )
        except Cancelled:
            self._end(Run.State.CANCELLED, outcomes.cancelled(self._counts))
        except Superseded:
            logger.warning("run %s was taken over by another worker before it paused here", self._run.pk)

    def _both_ways(self, client: Client, push: Push) -> None:
        if self._run.checkpoint.get("is_pulled"):
            # Interrupted while writing: what is left is compared again, with what Salesforce has by now.
            self._note(checkpoint={})
        upper = self._window(client)
        push.settle(upper)
        self._read_all(client)
        try:
            push.perform(
                upper,
                lambda: self._note(phase=Run.Phase.COMPARING),
                lambda: self._note(phase=Run.Phase.SENDING),
            )
        except BaseException:
            push.put_back()
            raise
        if self._setting is not None:
            ObjectSetting.objects.filter(pk=self._setting.pk).update(last_push_at=timezone.now())

    def _undo(self, client: Client) -> str:
        """Puts back what another run wrote (see `undo`). What an interrupted one has put back stays so."""
        undone = self._run.undoes
        assert undone is not None
        assert self._setting is not None
        push = Push(self._run, self._spec, self._setting, client, self._pushed, lambda: self._note())
        upper = self._window(client)
        push.settle(upper)
        self._note(phase=Run.Phase.COMPARING)
        try:
            undo.put_back(self._run, undone, client)
            if Write.objects.filter(run=self._run, state=Write.State.PLANNED).exists():
                self._note(phase=Run.Phase.SENDING)
                push.send_planned(upper)
        except undo.Lost:
            raise self._lost() from None
        except BaseException:
            push.put_back()
            raise
        finally:
            undo.let_go(self._run)
        looked_at, back, _ = self._run.checkpoint["here"]
        self._counts = Counts(read=looked_at, updated=back, unchanged=looked_at - back)
        self._counts.reasons.update(Finding.objects.filter(run=self._run).values_list("reason", flat=True))
        return outcomes.undone(undone.pk, self._counts, self._pushed)

    def _read_all(self, client: Client) -> None:
        try:
            self._pull(client)
        except (Cancelled, FieldsMissing, errors.StartOver):
            self._discard_job(client)
            raise

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
        self._finish(client, plan)

    def _begin_anew(self, client: Client) -> None:
        """The window is read again from its beginning; what was read of it before is not to be counted twice.

        A record that was committed is known when it comes again. Entries that don't depend on that are taken back: they
        are made again.
        """
        self._discard_job(client)
        counts = Counts.from_json(self._counts.as_json())
        with transaction.atomic():
            for reason in _OF_THE_TEXT:
                entries, _ = Finding.objects.filter(run=self._run, reason=reason).delete()
                counts.reasons[reason] -= entries
                if REASONS[reason].kind == "skipped":
                    counts.read -= entries
                    counts.skipped -= entries
            again = Finding.objects.filter(run=self._run, reason="value_unreadable", field__in=self._unread)
            counts.reasons["value_unreadable"] -= again.delete()[0]
            checkpoint = {"upper": self._run.checkpoint["upper"], "again": counts.read}
            self._note(checkpoint=checkpoint, counts=counts.as_json(), processed=counts.read)
        self._counts = counts

    def _plan(self, client: Client, *, anew: bool = False) -> PullPlan:
        """The plan; the mirror is made ready for its fields."""
        offered = None if anew else offers.kept(self._setting, self._spec)
        if offered is None:
            described = client.describe(self._spec.name)
            offered = offers.keep(self._setting, self._spec, [f.name for f in described.fields.values() if f.in_bulk])
        plan, broken = planning.make(self._spec, self._setting, offered)
        if self._setting is not None:
            reasons = {entry.mapping.pk: entry.reason for entry in broken}
            for mapping in self._setting.mappings.all():
                if mapping.broken != reasons.get(mapping.pk, ""):
                    FieldMapping.objects.filter(pk=mapping.pk).update(broken=reasons.get(mapping.pk, ""))
            if not mirrored.adopt(self._setting, plan) and self._cursor is not None and not self._run.is_full:
                self._note(is_full=True)
        return plan

    def _read(self, client: Client, plan: PullPlan) -> None:
        upper = self._window(client)
        lower = None if self._run.is_full or self._cursor is None else self._cursor - LAG
        soql = plan.soql(lower, upper)
        target = self._target(upper)
        if self._run.checkpoint.get("query", soql) != soql:
            logger.warning("run %s: the mappings were changed while it waited; it reads its window anew", self._run.pk)
            self._begin_anew(client)
        if self._run.checkpoint.get("is_read"):
            if self._run.expected is None:
                self._note(expected=self._counts.read)
            return
        if "job" not in self._run.checkpoint:
            self._run.checkpoint |= {"query": soql}
            self._note(phase=Run.Phase.READING, reader="REST")
            total = read_by_rest(client, plan, target, soql, settings.ENVIRONMENT.rest_limit, self._checkpoint)
            if total is not None:
                self._note(expected=total)
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
            self._note(phase=Run.Phase.PREPARING, reader="Bulk API 2.0", checkpoint=self._run.checkpoint)
        job.wait(lambda info: self._note(expected=info.records))
        self._note(phase=Run.Phase.READING, expected=job.records)
        pages = job.pages(page_records)
        position = Position.from_json(self._run.checkpoint)
        if position.page < len(pages):
            part_bytes = settings.ENVIRONMENT.import_chunk_bytes
            BulkReading(job, plan, target, self._checkpoint, part_bytes=part_bytes).run(pages, position)
        self._require_all(job)

    def _require_all(self, job: BulkQueryJob) -> None:
        """Raises ResultIncomplete where the pages held fewer records than the job found: the cursor must not pass them.

        Of a damaged page nobody can say how many records its damaged rows were, unless its header does.
        """
        read = self._run.checkpoint.get("of_job", 0)
        if job.records is not None and read < job.records and not self._run.checkpoint.get("is_uncountable"):
            raise errors.ResultIncomplete(f"{read:,} of {job.records:,} records came", job_id=job.id)

    def _discard_job(self, client: Client) -> None:
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
        """How far pulls of this object have come. What rides with another object keeps its cursor there."""
        if self._spec.rides_with is None:
            return self._setting.cursor if self._setting else None
        stored = (self._setting.riders if self._setting else {}).get(self._spec.name)
        return datetime.fromisoformat(stored) if stored else None

    @property
    def _unread(self) -> list[str]:
        return mirrored.unread(self._setting, self._spec.name) if self._setting else []

    def _window(self, client: Client) -> datetime:
        """The upper bound: Salesforce's clock when the run first asked, kept for every later attempt."""
        if "upper" not in self._run.checkpoint:
            self._run.checkpoint = {"upper": client.server_time().isoformat()}
            self._note(checkpoint=self._run.checkpoint)
        return datetime.fromisoformat(self._run.checkpoint["upper"]).astimezone(UTC)

    def _target(self, upper: datetime) -> Target:
        assert self._run.cause_id is not None
        collection = None
        if self._cursor is None and self._spec.collection:
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
        )  # fmt: skip

    def _checkpoint(
        self, session: Session, counts: Counts, position: Position | None, *, is_countable: bool = True
    ) -> None:
        """Within the chunk's transaction: what is committed with it. Only one chunk is applied at a time."""
        together = Counts.from_json(self._counts.as_json())
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
        updated = session.execute(
            "UPDATE run SET processed = %s, counts = %s, checkpoint = %s, api_calls = %s, peak_memory = %s, "
            "updated_at = now() WHERE id = %s AND state = 'running' AND attempts = %s",
            (
                together.read,
                Jsonb(together.as_json()),
                Jsonb(checkpoint),
                self._calls(),
                _peak_memory(),
                self._run.pk,
                self._run.attempts,
            ),
        )
        if updated.rowcount == 0:
            session.rollback()
            raise self._lost()
        # Not yet committed: should the commit fail, the page is applied again on top of the former counts.
        session.commit()
        self._counts, self._run.checkpoint = together, checkpoint
        self._require_budget()

    def _finish(self, client: Client, plan: PullPlan) -> None:
        self._run.checkpoint["is_read"] = True
        self._note(phase=Run.Phase.LINKING, checkpoint=self._run.checkpoint)
        self._discard_job(client)
        upper = datetime.fromisoformat(self._run.checkpoint["upper"]).astimezone(UTC)
        with open_writer(plan, self._target(upper)) as (session, writer):
            if self._counts.duplicate:
                writer.after_run()
            if self._counts.created + self._counts.linked + self._counts.duplicate > _ANALYZE_FROM:
                _analyze(session, plan)
            session.commit()
        with transaction.atomic():
            self._move_cursor(plan, upper)
            self._note(checkpoint={**self._run.checkpoint, "is_pulled": True})

    def _move_cursor(self, plan: PullPlan, upper: datetime) -> None:
        if self._setting is None:
            return
        setting = ObjectSetting.objects.select_for_update().get(pk=self._setting.pk)
        if self._spec.rides_with is None:
            setting.cursor = upper
            setting.last_pull_at = timezone.now()
        else:
            setting.riders = {**setting.riders, self._spec.name: upper.isoformat()}
        setting.mirrored = mirrored.filled(setting, plan)
        setting.save(update_fields=["cursor", "last_pull_at", "riders", "mirrored"])

    def _fail(self, code: str, message: str, remedy: str, problem: ConnectionProblem | None) -> None:
        logger.error("run %s failed: %s %s", self._run.pk, code, message)
        if problem in _NEEDS_PERSON:
            clients.mark_problem(self._connection.pk, problem, message)
        try:
            self._end(Run.State.FAILED, outcomes.failed(self._counts), code=code, message=message, remedy=remedy)
        except Cancelled:
            # Somebody cancelled what was about to fail.
            self._end(Run.State.CANCELLED, outcomes.cancelled(self._counts))
        except Superseded:
            logger.warning("run %s was taken over by another worker before it failed here", self._run.pk)

    def _end(self, state: Run.State, outcome: str, *, code: str = "", message: str = "", remedy: str = "") -> None:
        self._note(
            state=state,
            phase=Run.Phase.DONE,
            finished_at=timezone.now(),
            outcome=outcome,
            counts=self._counts.as_json(),
            pushed=self._pushed.as_json() if self._run.direction == Run.Direction.BOTH else {},
            error_code=code,
            error_message=message[:2000],
            error_remedy=remedy,
            peak_memory=_peak_memory(),
        )

    def _note(self, **changes: Any) -> None:
        """Tells the run page, in a transaction of its own. A run that somebody cancelled stays cancelled."""
        is_cancelled = changes.get("state") == Run.State.CANCELLED
        ours = Run.objects.filter(pk=self._run.pk, attempts=self._run.attempts)
        live = ours.filter(state=Run.State.CANCELLED if is_cancelled else Run.State.RUNNING)
        if not live.update(api_calls=self._calls(), updated_at=timezone.now(), **changes) and not is_cancelled:
            raise self._lost()
        for name, value in changes.items():
            setattr(self._run, name, value)

    def _lost(self) -> Cancelled | Superseded:
        """Why the run is not this execution's any more."""
        state = Run.objects.filter(pk=self._run.pk).values_list("state", flat=True).first()
        return Cancelled() if state == Run.State.CANCELLED else Superseded()

    def _calls(self) -> int:
        return self._calls_before + (self._client.calls if self._client else 0)


_WAIT_FOR_OUTCOME = (
    "Wait a minute and sync again: an earlier sync created records and got no answer. Until it is known whether they "
    "are in Salesforce, nothing is read or sent, so that none is made twice."
)
_ANALYZE_FROM = 1_000
# What the text of a page gives rise to, whatever is known of its records.
_OF_THE_TEXT = ("row_unusable", "row_repeated", "nul_removed", "text_replaced")
_NEEDS_PERSON = frozenset(
    {
        ConnectionProblem.INVALID_GRANT,
        ConnectionProblem.INSUFFICIENT_PRIVILEGES,
        ConnectionProblem.API_DISABLED,
        ConnectionProblem.SEAL_BROKEN,
    }
)
_MENDED_BY_SUCCESS = (ConnectionProblem.LIMIT_REACHED, ConnectionProblem.UNREACHABLE, ConnectionProblem.OTHER)


def _analyze(session: psycopg.Connection[tuple[Any, ...]], plan: PullPlan) -> None:
    """The planner should know of a first import before the pages do, as well as it knows other tables."""
    session.execute("SET LOCAL default_statistics_target TO DEFAULT")
    for table in dict.fromkeys((plan.spec.local, plan.spec.mirror)):
        session.execute(psycopg.sql.SQL("ANALYZE {}").format(psycopg.sql.Identifier(table)))


def _peak_memory() -> int:
    """The process's highest resident size so far, in bytes (Linux counts in KiB, macOS in bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
