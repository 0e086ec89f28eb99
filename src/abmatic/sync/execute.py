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

import django.db
import psycopg
from django.db import transaction
from django.utils import timezone

from abmatic.identity.sealing import SealBroken
from abmatic.postgres import sessions
from abmatic.postgres.locks import LockBusy, held
from abmatic.salesforce import Client, errors
from abmatic.sync import alarms, budget, clients, outcomes, undo, undo_created
from abmatic.sync.importing import reading as importing
from abmatic.sync.models import Batch, ConnectionProblem, Finding, ObjectSetting, Run, Write
from abmatic.sync.pull import plan as planning
from abmatic.sync.pull.chunk import Counts
from abmatic.sync.pull.pulling import Pull
from abmatic.sync.pull.reading import Cancelled, FieldsMissing
from abmatic.sync.push import namesakes, waiting
from abmatic.sync.push.phase import Push
from abmatic.sync.push.unknown import Unsettled
from abmatic.sync.running import Running, Superseded, peak_memory
from abmatic.sync.selected import results
from abmatic.sync.selected.rules import picked

logger = logging.getLogger(__name__)


def execute(run_id: int) -> bool:
    """Executes the run, or does nothing when it is over. False when another worker holds it.

    Raises django.db.OperationalError when the database is lost, in whichever session that showed.
    """
    run = Run.objects.select_related("connection", "selected", "imports").get(pk=run_id)
    try:
        with (
            sessions.session(f"run {run_id}", sessions.LOCK_SETTINGS) as session,
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


class _Execution:
    """One execution of a run: what it does, and how it ends."""

    def __init__(self, run: Run) -> None:
        self._running = Running(run)
        self._run, self._spec = run, self._running.spec
        self._connection, self._setting = self._running.connection, self._running.setting
        self._pull = Pull(self._running)

    def perform(self) -> None:
        """Runs to the end, and records how it ended."""
        try:
            self._running.begin()
            self._running.require_budget()
            with clients.open_client(self._connection) as client:
                self._running.client = client
                self._end(Run.State.SUCCEEDED, self._do(client))
                clients.mark_mended(self._connection.pk)
        except Cancelled:
            self._end(Run.State.CANCELLED, outcomes.cancelled(self._running.counts))
        except Superseded:
            logger.warning("run %s was taken over by another worker", self._run.pk)
        except results.EarlierFailed as error:
            self._fail("earlier_failed", str(error), "Mend what it says, then push the records again.", None)
        except undo.NotUndone as error:
            self._fail("not_undoable", str(error), "", None)
        except budget.Paused as enough:
            self._pause(str(enough))
        except Unsettled:
            self._fail("outcome_unknown", "", _WAIT_FOR_OUTCOME, None)
        except errors.LimitReached as error:
            budget.exhausted(self._connection.pk, error)
            if self._run.trigger in budget.AUTOMATIC:
                self._pause(error.meaning)
            else:
                self._fail(error.code, error.cause, error.remedy, None)
        except errors.SalesforceError as error:
            self._fail(error.code or type(error).__name__, error.cause, error.remedy, clients.problem_of(error))
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
        results.require_earlier(self._run)
        push = self._push(client)
        if push is None:
            self._settle(client)
        if self._run.imports is not None:
            self._pull.read_these(
                client, importing.chunks(self._run.imports, self._run.checkpoint.get("imported", "")),
                importing.Collecting(self._run.imports, self._spec),
            )  # fmt: skip
            return outcomes.imported(self._running.counts)
        if push is None:
            # Killed after its cursor had moved, it has only its end left to say.
            if not self._run.checkpoint.get("is_pulled"):
                self._read_all(client)
        else:
            self._both_ways(client, push)
        return outcomes.succeeded(self._run, self._running.counts, self._running.pushed, self._running.remarks)

    def _read_all(self, client: Client) -> None:
        self._pull.read_all(client)
        # Whoever waited to be read as one of these is seen for what they are, from the next push of their object on.
        with django.db.connection.cursor() as cursor:
            waiting.read_now(cursor.execute, self._spec, self._connection.pk)
            namesakes.look_again(cursor.execute, self._spec, self._connection.pk)

    def tidy(self) -> None:
        """Removes what a run that is over left in Salesforce."""
        try:
            with clients.open_client(self._connection) as client:
                self._running.client = client
                self._pull.discard_job(client)
        except (errors.SalesforceError, SealBroken) as error:
            logger.info("run %s: its bulk job stays in Salesforce: %s", self._run.pk, error)
        kept = {name: value for name, value in self._run.checkpoint.items() if name != "job"}
        Run.objects.filter(pk=self._run.pk).update(checkpoint=kept, api_calls=self._running.calls())

    def _settle(self, client: Client) -> None:
        """Of a run that only reads: what was created without an answer must not come in as somebody else's."""
        open_ones = Batch.objects.filter(connection=self._connection, sobject=self._spec.name)
        if self._setting is not None and open_ones.exclude(state=Batch.State.DONE).exists():
            upper = self._running.window(client)
            Push(self._run, self._spec, self._setting, client, self._running.pushed, self._running.note).settle(upper)

    def _push(self, client: Client) -> Push | None:
        """The run's push; None where nothing may be written, and nobody chose records of which that is to be said."""
        if self._run.imports is not None or self._setting is None:
            return None
        may_write = self._run.direction == Run.Direction.BOTH and self._setting.is_pushed
        if not may_write and self._run.selected is None:
            return None
        return Push(
            self._run, self._spec, self._setting, client, self._running.pushed, self._running.note,
            at_boundary=self._running.require_budget,
            picked=picked(self._run.selected) if self._run.selected else None,
        )  # fmt: skip

    def _pause(self, why: str) -> None:
        """The run waits, and is taken up where it is when calls are back (see automatic)."""
        budget.wait(self._connection.pk)
        logger.info("run %s waits: %s", self._run.pk, why)
        try:
            self._running.note(
                state=Run.State.QUEUED,
                phase=Run.Phase.PAUSED,
                outcome=f"{why} The sync goes on by itself when calls are back; whoever starts it by hand goes on now.",
                counts=self._running.counts.as_json(),
            )
        except Cancelled:
            self._end(Run.State.CANCELLED, outcomes.cancelled(self._running.counts))
        except Superseded:
            logger.warning("run %s was taken over by another worker before it paused here", self._run.pk)

    def _both_ways(self, client: Client, push: Push) -> None:
        if self._run.checkpoint.get("is_pulled"):
            # Interrupted while writing: what is left is compared again, with what Salesforce has by now. What was read
            # before comes again, and what was written since: neither is counted twice.
            again = self._running.counts.read + Write.objects.filter(run=self._run).count()
            self._running.note(checkpoint={"again": again})
        upper = self._running.window(client)
        push.settle(upper)
        # What was left, by earlier runs or before this one was interrupted, is compared again by this one.
        self._running.pushed.returned = self._running.pushed.unknown = 0
        self._read_all(client)
        try:
            push.perform(
                upper,
                lambda: self._running.note(phase=Run.Phase.COMPARING),
                lambda: self._running.note(phase=Run.Phase.SENDING),
            )
        except BaseException:
            push.put_back()
            raise
        self._running.remarks += push.remarks
        if self._run.selected is not None:
            results.keep(self._run, push.verdicts)
        elif self._setting is not None:
            ObjectSetting.objects.filter(pk=self._setting.pk).update(last_push_at=timezone.now())

    def _undo(self, client: Client) -> str:
        """Puts back what another run wrote (see `undo`). What an interrupted one has put back stays so."""
        undone = self._run.undoes
        assert undone is not None
        assert self._setting is not None
        undo.require_undoable(undone)
        push = Push(
            self._run,
            self._spec,
            self._setting,
            client,
            self._running.pushed,
            self._running.note,
        )
        upper = self._running.window(client)
        push.settle(upper)
        self._running.note(phase=Run.Phase.COMPARING)
        try:
            undo.put_back(self._run, undone, client)
            if Write.objects.filter(run=self._run, state=Write.State.PLANNED).exists():
                self._running.note(phase=Run.Phase.SENDING)
                push.send_planned(upper)
            if undo.deletes_created(self._run):
                undo.remove_created(self._run, undone, client)
        except undo_created.Lost:
            raise self._running.lost() from None
        except BaseException:
            push.put_back()
            raise
        finally:
            undo.let_go(self._run)
        looked_at, back, _ = self._run.checkpoint["here"]
        self._running.counts = Counts(read=looked_at, updated=back, unchanged=looked_at - back)
        self._running.counts.reasons.update(Finding.objects.filter(run=self._run).values_list("reason", flat=True))
        removed = Write.objects.filter(run=self._run, operation=Write.Operation.DELETE).count()
        return outcomes.undone(undone.pk, self._running.counts, self._running.pushed, removed)

    def _fail(self, code: str, message: str, remedy: str, problem: ConnectionProblem | None) -> None:
        logger.error("run %s failed: %s %s", self._run.pk, code, message)
        clients.mark_lost(self._connection.pk, problem, f"{message} {remedy}".strip())
        try:
            self._end(
                Run.State.FAILED, outcomes.failed(self._running.counts), code=code, message=message, remedy=remedy
            )
        except Cancelled:
            # Somebody cancelled what was about to fail.
            self._end(Run.State.CANCELLED, outcomes.cancelled(self._running.counts))
        except Superseded:
            logger.warning("run %s was taken over by another worker before it failed here", self._run.pk)

    def _end(self, state: Run.State, outcome: str, *, code: str = "", message: str = "", remedy: str = "") -> None:
        with transaction.atomic():
            self._running.note(
                state=state,
                phase=Run.Phase.DONE,
                finished_at=timezone.now(),
                outcome=outcome,
                counts=self._running.counts.as_json(),
                pushed=self._running.pushed.as_json() if self._run.direction == Run.Direction.BOTH else {},
                error_code=code,
                error_message=message[:2000],
                error_remedy=remedy,
                peak_memory=peak_memory(),
            )
            alarms.run_ended(self._run)


_WAIT_FOR_OUTCOME = (
    "Wait a minute and sync again: an earlier sync created records and got no answer. Until it is known whether they "
    "are in Salesforce, nothing is read or sent, so that none is made twice."
)
