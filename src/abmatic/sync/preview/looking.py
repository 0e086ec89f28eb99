"""One preview: the run's steps in one transaction, which is rolled back."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

import psycopg
from django.conf import settings
from psycopg import sql

from abmatic.audiences.counted import counted
from abmatic.changes import following
from abmatic.postgres import sessions
from abmatic.postgres.locks import LockBusy, held
from abmatic.postgres.sql import block
from abmatic.salesforce import Client, errors
from abmatic.sync import clients
from abmatic.sync.comparing import RECYCLE_BIN
from abmatic.sync.models import Connection, ObjectSetting, Write
from abmatic.sync.objects import OBJECTS, SObject
from abmatic.sync.preview.found import NotPreviewed, Preview, SelectedPreview
from abmatic.sync.preview.reading import JOB_CALLS, Progress, Reading
from abmatic.sync.preview.samples import NOBODY, There, withheld
from abmatic.sync.pull import edited, mirrored, offers
from abmatic.sync.pull import plan as planning
from abmatic.sync.pull.campaigns import member_rules
from abmatic.sync.pull.chunk import ChunkWriter, Target
from abmatic.sync.pull.plan import PullPlan
from abmatic.sync.pull.pulling import LAG, cursor_of
from abmatic.sync.pull.reading import CONTENDED, FieldsMissing, open_writer
from abmatic.sync.push import due, newcomers, waiting
from abmatic.sync.push import plan as push_planning
from abmatic.sync.push.phase import Taking, make_tables, plan_next
from abmatic.sync.push.plan import Picked
from abmatic.sync.push.sending import JOB_ROWS

logger = logging.getLogger(__name__)

Session = psycopg.Connection[tuple[Any, ...]]

_COLLECTION = 200


def preview(
    connection: Connection,
    sobject: str,
    *,
    full: bool = False,
    direction: str = "both",
    whole: bool = False,
    progress: Progress = lambda found: None,
    picked: Picked | None = None,
    vanished_are_deleted: bool = False,
) -> Preview:
    """What a run of the object would write. Raises `NotPreviewed`, and whatever ``progress`` raises.

    Of a window that a run would read by a bulk job the first records are looked at, or with ``whole`` all. ``picked``:
    the records to which the push would be limited; then the answer is a `SelectedPreview`. ``vanished_are_deleted``: of
    a full compare, however many they are.
    """
    spec = OBJECTS[sobject]
    setting = ObjectSetting.objects.get(connection=connection, sobject=spec.rides_with or sobject)
    try:
        with (
            sessions.session(f"preview {sobject}") as lock,
            held(lock, "pull", connection.pk, sobject),
            clients.open_client(connection) as client,
        ):
            looking = _Looking(
                connection, spec, setting, client, full=full, pushes=direction != "pull", picked=picked,
                vanished_are_deleted=vanished_are_deleted,
            )  # fmt: skip
            return looking.look(whole=whole, progress=progress)
    except LockBusy:
        raise NotPreviewed(f"A sync of {spec.label_plural} is running: preview again when it is over.") from None
    except errors.SalesforceError as error:
        raise NotPreviewed(str(error)) from error
    except FieldsMissing as error:
        raise NotPreviewed(str(error)) from error
    except CONTENDED as error:
        raise NotPreviewed("Somebody was changing the same records meanwhile: preview again.") from error


class _Looking:
    """One preview, under way."""

    def __init__(
        self, connection: Connection, spec: SObject, setting: ObjectSetting, client: Client, *, full: bool,
        pushes: bool, picked: Picked | None, vanished_are_deleted: bool,
    ) -> None:  # fmt: skip
        self._connection = connection
        self._spec = spec
        self._setting = setting
        self._client = client
        self._full = full
        self._picked = picked
        self._vanished_are_deleted = vanished_are_deleted
        # Of picked records it is said why they aren't written, even where none may be.
        self._pushes = pushes and (setting.is_pushed or picked is not None)
        self._parameters = {"connection": connection.pk, "sobject": spec.name, "run": NOBODY}
        self._found = self._nothing_yet()

    def _nothing_yet(self) -> Preview:
        kind = Preview if self._picked is None else SelectedPreview
        return kind(str(self._connection), self._spec.name, is_full=self._full)

    def look(self, *, whole: bool, progress: Progress) -> Preview:
        try:
            return self._look(self._plan(), whole=whole, progress=progress)
        except (errors.InvalidField, FieldsMissing) as hidden:
            # Described earlier, and taken away since. A run asks anew, too.
            logger.info("the preview of %s asks anew which fields there are: %s", self._spec.name, hidden)
            self._setting.refresh_from_db()
            self._found = self._nothing_yet()
            self._found.calls_of_run = 1
            return self._look(self._plan(anew=True), whole=whole, progress=progress)

    def _look(self, plan: PullPlan, *, whole: bool, progress: Progress) -> Preview:
        found = self._found
        upper = self._client.server_time()
        entry = mirrored.adopted(self._setting, plan)
        cursor = cursor_of(self._setting, self._spec)
        is_late = cursor is not None and cursor < upper - RECYCLE_BIN
        found.is_full = self._full or cursor is None or not entry["filled"] or is_late
        is_compare = found.is_full and cursor is not None and "IsDeleted" in plan.base
        lower = None if found.is_full or cursor is None else cursor - LAG
        target = Target(
            self._connection.pk, NOBODY, NOBODY, upper, None, tuple(entry["unread"]), is_pushed=self._pushes,
            members=member_rules(self._connection.pk), user=self._connection.user_id, notes_read=is_compare,
        )  # fmt: skip
        with open_writer(plan, target) as (session, writer):
            try:
                # While the transaction has written nothing: the log is followed up to the oldest that is open.
                seen, log_end = edited.heeded(self._setting, self._spec), following.log_end()
                reading = self._prepared(session, writer, plan, progress)
                compared = dict(self._setting.compared)
                reading.read(plan.soql(lower, upper), whole=whole)
                if found.is_complete and seen is not None:
                    reading.merge_edited(edited.find(plan, self._connection.pk, seen, log_end, session.execute))
                if found.is_complete and is_compare:
                    reading.mark_vanished(self._connection.pk, are_deleted=self._vanished_are_deleted)
                self._push_after(session, compared)
            finally:
                session.rollback()
        if is_compare and not found.is_complete:
            found.notes.append("What Salesforce has no longer is only found when all records are looked at.")
        elif self._spec.vanishes and not is_compare:
            found.notes.append("What was removed for good since the last sync is only found by a sync.")
        found.calls_made = self._client.calls
        return found

    def _plan(self, *, anew: bool = False) -> PullPlan:
        offered = None if anew else offers.kept(self._setting, self._spec)
        if offered is None:
            offered = [f.name for f in self._client.describe(self._spec.name).fields.values() if f.in_bulk]
            self._found.calls_of_run += 1
        kinds = offers.kinds(self._setting, self._spec)
        plan, broken = planning.make(self._spec, self._setting, offered, kinds)
        self._found.notes += [f"{each.mapping}: {each.reason}. The mapping is skipped." for each in broken]
        return plan

    def _prepared(self, session: Session, writer: ChunkWriter, plan: PullPlan, progress: Progress) -> Reading:
        """What a run does before it reads, in the session's transaction."""
        if self._pushes and self._picked is None:
            due.collect(session, self._spec, self._setting)
        statement = mirrored.spelling_out(self._setting, plan)
        if statement is not None:
            session.execute(statement)
        return Reading(self._client, session, writer, plan, self._found, progress)

    def _push_after(self, session: Session, compared: dict[str, Any]) -> None:
        found = self._found
        if self._pushes and self._picked is not None:
            self._push(session)
        elif self._pushes and found.is_complete:
            self._setting.compared = compared
            due.collect(session, self._spec, self._setting)
            self._push(session)
        elif self._pushes:
            found.notes.append(
                f"Too many to preview at once: {counted(found.records, 'record')}. The first {found.looked_at:,} were "
                "looked at; what would be written to Salesforce depends on the others, so it isn't known."
            )
        elif not found.is_complete:
            found.notes.append(
                f"{counted(found.records, 'record')} are too many to preview at once: the counts are those of the "
                f"first {found.looked_at:,}."
            )

    def _push(self, session: Session) -> None:
        """What would be written to Salesforce."""
        found = self._found
        session.execute(block("abmatic.sync", "sql/push.sql", "return_planned"), self._parameters)
        unanswered = session.execute(
            "DELETE FROM push_due AS d USING salesforce_write AS w WHERE w.connection_id = d.connection_id AND "
            "w.sobject = d.sobject AND w.local_id = d.local_id AND w.state = 'sent' "
            "AND w.connection_id = %(connection)s AND w.sobject = %(sobject)s",
            self._parameters,
        ).rowcount
        if unanswered:
            sent = counted(unanswered, "record was", "records were")
            found.notes.append(
                f"{sent} sent to Salesforce by an earlier sync that got no answer. The next sync finds out about "
                "that first; what it concerns is left out here."
            )
        found.to_salesforce = {"created": 0, "updated": 0, "held": 0}
        if self._picked is not None or due.are_any(session, self._spec, self._setting):
            self._compare(session, found.to_salesforce)
        if self._picked is None:
            ready = due.ready_of(self._spec, self._setting, sql.Literal(self._connection.pk))
            waits = waiting.tell(session, self._spec, self._setting, NOBODY, ready)
            if waits or waiting.may_wait(self._spec, self._setting):
                found.to_salesforce["waiting"] = waits
        found.samples["to_salesforce"] = There(session, self._spec, self._connection.pk).collected()

    def _compare(self, session: Session, numbers: dict[str, int]) -> None:
        found = self._found
        described = self._client.describe(self._spec.name)
        found.calls_of_run += 1
        plan = push_planning.make(self._spec, self._setting, described, self._picked)
        found.notes += [f"{each.sf_field} is not written: {each.reason}" for each in plan.unwritable]
        found.notes += [plan.denial] if plan.denial else []
        make_tables(session)
        taking = Taking(self._setting, self._picked)
        while (compared := plan_next(session, plan, self._parameters, taking)) is not None:
            numbers["held"] += compared.held
            if isinstance(found, SelectedPreview):
                for verdict, number in compared.verdicts.items():
                    found.verdicts[verdict] = found.verdicts.get(verdict, 0) + number
                withheld(session, plan, self._connection.pk, found.samples.setdefault("withheld", {}))
        if self._picked is None:
            self._take_back(session)
        planned: Counter[str] = Counter(
            dict(
                session.execute(
                    "SELECT operation, count(*) FROM salesforce_write WHERE run_id = %s GROUP BY 1", (NOBODY,)
                ).fetchall()
            )
        )
        for action, operation in (("created", Write.Operation.CREATE), ("updated", Write.Operation.UPDATE)):
            numbers[action] = planned[operation]
            found.calls_of_run += _sending_calls(planned[operation], settings.ENVIRONMENT.rest_limit)

    def _take_back(self, session: Session) -> None:
        """People who turn out to be in Salesforce as something else, which is not read yet."""
        unread = newcomers.unread(self._connection.pk, self._spec)
        if unread is None:
            return
        before = self._client.calls
        left = newcomers.take_back(unread, session, self._client, self._spec, self._parameters)
        self._found.calls_of_run += self._client.calls - before
        if left:
            self._found.notes.append(
                f"{left:,} of these people have come to Salesforce as {unread.spec.label_plural.lower()} meanwhile: "
                f"they are not created, and become one with those when {unread.spec.label_plural} are synced."
            )


def _sending_calls(writes: int, rest_limit: int) -> int:
    if writes <= rest_limit:
        return -(-writes // _COLLECTION)
    return (JOB_CALLS + 2) * -(-writes // JOB_ROWS)
