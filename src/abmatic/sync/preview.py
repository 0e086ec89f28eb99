"""Preview: what a run would write on either side, and nothing is written.

The run's own code in one transaction that is rolled back: what changed in Salesforce is read and applied, then what is
due is compared with what that leaves, and the writes are planned and not sent. So a preview can't promise what a run
would not do. It holds the object's lock: a run of the same object waits for its end.

Read by REST, up to as many records as a run reads that way. Of a larger window the first are looked at, and what would
be written to Salesforce is not told, because it depends on the others. Batches without an answer are left alone.
Objects are previewed one by one: what a run of Account would make here is not there yet for the preview of Contact.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any, LiteralString

import psycopg
from django.conf import settings
from psycopg import sql

from abmatic.audiences.fields import FIELDS
from abmatic.postgres import sessions
from abmatic.postgres.locks import LockBusy, held
from abmatic.postgres.sql import block
from abmatic.salesforce import Client, errors
from abmatic.sync import clients
from abmatic.sync.models import Connection, ObjectSetting, Write
from abmatic.sync.objects import OBJECTS, SObject
from abmatic.sync.pull import mirrored, offers
from abmatic.sync.pull import plan as planning
from abmatic.sync.pull.chunk import ChunkWriter, Counts, Target
from abmatic.sync.pull.plan import PullPlan
from abmatic.sync.pull.pulling import LAG
from abmatic.sync.pull.reading import CONTENDED, open_writer
from abmatic.sync.push import compare, due
from abmatic.sync.push import plan as push_planning
from abmatic.sync.push.phase import plan_next
from abmatic.sync.push.sending import JOB_ROWS

Session = psycopg.Connection[tuple[Any, ...]]

SAMPLES = 20
# Of no run: nothing that is committed has it.
_NOBODY = 0
# What a bulk job costs beside its pages: made, looked at a few times, its pages listed, removed.
_JOB_CALLS = 6
_PAGE = 2_000
_COLLECTION = 200


class NotPreviewed(Exception):
    """Why there is no preview, and what helps."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One record that would be written: each field's value before and after."""

    name: str
    local_id: int | None
    sf_id: str | None
    fields: dict[str, dict[str, Any]] = field(default_factory=dict)
    code: str = ""


@dataclass(slots=True)
class Preview:
    """What a run of one object would do.

    ``records``: how many Salesforce has in the run's window; ``looked_at``: of how many the counts are. ``to_abmatic``:
    as a run's counts; ``to_salesforce``: created, updated, held; None where it isn't known or nothing may be written.
    ``samples``: by side and action, at most 20 each. ``calls``: API calls that a run would need, about, and those that
    the preview itself made.
    """

    connection: str
    sobject: str
    is_full: bool
    records: int = 0
    looked_at: int = 0
    to_abmatic: dict[str, Any] = field(default_factory=dict)
    to_salesforce: dict[str, int] | None = None
    samples: dict[str, dict[str, list[Sample]]] = field(default_factory=dict)
    calls_of_run: int = 0
    calls_made: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        return self.looked_at == self.records

    def as_json(self) -> dict[str, Any]:
        """For `--json`, pages and the API."""
        return {**asdict(self), "is_complete": self.is_complete}


def preview(connection: Connection, sobject: str, *, full: bool = False, direction: str = "both") -> Preview:
    """What a run of the object would write. Raises `NotPreviewed`."""
    spec = OBJECTS[sobject]
    setting = ObjectSetting.objects.get(connection=connection, sobject=sobject)
    try:
        with (
            sessions.session(f"preview {sobject}") as lock,
            held(lock, "pull", connection.pk, sobject),
            clients.open_client(connection) as client,
        ):
            looking = _Looking(connection, spec, setting, client, full=full, pushes=direction != "pull")
            return looking.look()
    except LockBusy:
        raise NotPreviewed(f"A sync of {spec.label_plural} is running: preview again when it is over.") from None
    except errors.SalesforceError as error:
        raise NotPreviewed(f"{error} {error.remedy}".strip()) from error
    except CONTENDED as error:
        raise NotPreviewed("Somebody was changing the same records meanwhile: preview again.") from error


class _Looking:
    """One preview, under way."""

    def __init__(
        self, connection: Connection, spec: SObject, setting: ObjectSetting, client: Client, *, full: bool, pushes: bool
    ) -> None:
        self._connection = connection
        self._spec = spec
        self._setting = setting
        self._client = client
        self._full = full
        self._pushes = pushes and setting.is_pushed
        self._parameters = {"connection": connection.pk, "sobject": spec.name, "run": _NOBODY}
        self._found = Preview(str(connection), spec.name, is_full=full)

    def look(self) -> Preview:
        found, plan = self._found, self._plan()
        upper = self._client.server_time()
        entry = mirrored.adopted(self._setting, plan)
        found.is_full = self._full or self._setting.cursor is None or not entry["filled"]
        lower = None if found.is_full or self._setting.cursor is None else self._setting.cursor - LAG
        target = Target(
            self._connection.pk, _NOBODY, _NOBODY, upper, None, tuple(entry["unread"]), is_pushed=self._pushes
        )
        with open_writer(plan, target) as (session, writer):
            try:
                self._within(session, writer, plan, plan.soql(lower, upper))
            finally:
                session.rollback()
        found.calls_made = self._client.calls
        return found

    def _plan(self) -> PullPlan:
        offered = offers.kept(self._setting, self._spec)
        if offered is None:
            offered = [f.name for f in self._client.describe(self._spec.name).fields.values() if f.in_bulk]
            self._found.calls_of_run += 1
        plan, broken = planning.make(self._spec, self._setting, offered)
        self._found.notes += [f"{each.mapping}: {each.reason}. The mapping is skipped." for each in broken]
        return plan

    def _within(self, session: Session, writer: ChunkWriter, plan: PullPlan, soql: str) -> None:
        """All that a run would do, in the session's transaction."""
        compared = dict(self._setting.compared)
        if self._pushes:
            # While the transaction has written nothing: the log is followed up to the oldest that is open.
            due.collect(session, self._spec, self._setting)
        statement = mirrored.spelling_out(self._setting, plan)
        if statement is not None:
            session.execute(statement)
        newest = _number(session, sql.SQL("SELECT coalesce(max(id), 0) FROM {}").format(self._local))
        counts = self._read(session, writer, plan, soql)
        self._found.to_abmatic = counts.as_json()
        self._found.samples["to_abmatic"] = self._pulled(session, newest, counts)
        if self._pushes and self._found.is_complete:
            self._setting.compared = compared
            due.collect(session, self._spec, self._setting)
            self._push(session)
        elif self._pushes:
            self._found.notes.append(
                f"Too many to preview: {self._found.records:,} records. The first {self._found.looked_at:,} were "
                "looked at; what would be written to Salesforce depends on the others, so it isn't known."
            )
        elif not self._found.is_complete:
            self._found.notes.append(
                f"{self._found.records:,} records are too many to preview: the counts are those of the first "
                f"{self._found.looked_at:,}."
            )

    @property
    def _local(self) -> sql.Identifier:
        return sql.Identifier(self._spec.local)

    def _read(self, session: Session, writer: ChunkWriter, plan: PullPlan, soql: str) -> Counts:
        found, limit = self._found, settings.ENVIRONMENT.rest_limit
        for page in self._client.query_pages(soql, include_deleted=True):
            found.records, found.looked_at = page.total_size, page.seen
            if page.count:
                writer.stage_records(page.records_json)
            if page.seen >= limit:
                break
        found.calls_of_run += _reading_calls(found.records, limit)
        if not found.looked_at:
            return Counts()
        writer.type_rows()
        return writer.apply()

    # -- what was written

    def _pulled(self, session: Session, newest: int, counts: Counts) -> dict[str, list[Sample]]:
        """Samples of what would be written here, by action."""
        samples = {
            "created": self._created(session, newest) if counts.created else [],
            "updated": self._updated(session),
            "linked": self._decided(session, "'link', 'takeover'") if counts.linked else [],
            "duplicate": self._decided(session, "'duplicate'") if counts.duplicate else [],
            "deleted": self._decided(session, "'deleted'") if counts.deleted else [],
        }
        return {action: found for action, found in samples.items() if found}

    def _created(self, session: Session, newest: int) -> list[Sample]:
        columns = [f.name for f in FIELDS[self._spec.local]]
        rows = session.execute(
            sql.SQL(
                "SELECT a.id, {name}, (SELECT sf_id FROM {mirror} AS m WHERE m.local_id = a.id ORDER BY role LIMIT 1), "
                "jsonb_strip_nulls(jsonb_build_object({pairs})) FROM {local} AS a "
                "WHERE a.id > {newest} AND a.created_by_id = {nobody} ORDER BY a.id LIMIT {most}"
            ).format(
                name=_name(self._spec), mirror=sql.Identifier(self._spec.mirror), local=self._local,
                pairs=_pairs(columns), newest=newest, nobody=_NOBODY, most=SAMPLES,
            )
        ).fetchall()  # fmt: skip
        return [
            Sample(name, local_id, sf_id, {f: {"before": None, "after": value} for f, value in values.items()})
            for local_id, name, sf_id, values in rows
        ]

    def _updated(self, session: Session) -> list[Sample]:
        rows = session.execute(
            sql.SQL(
                "SELECT h.record_id, {name}, jsonb_object_agg(h.field, jsonb_build_object('before', h.before, "
                "'after', h.after)) FROM change AS h JOIN {local} AS a ON a.id = h.record_id "
                "WHERE h.tx = pg_current_xact_id()::text::bigint AND h.cause_id = {nobody} AND h.record = {record} "
                "GROUP BY 1, 2 ORDER BY 1 LIMIT {most}"
            ).format(name=_name(self._spec), local=self._local, nobody=_NOBODY, record=self._spec.local, most=SAMPLES)
        ).fetchall()
        return [Sample(name, local_id, None, fields) for local_id, name, fields in rows]

    def _decided(self, session: Session, actions: LiteralString) -> list[Sample]:
        rows = session.execute(
            sql.SQL(
                "SELECT d.local_id, coalesce({name}, ''), d.sf_id FROM decided AS d LEFT JOIN {local} AS a "
                "ON a.id = d.local_id WHERE d.action IN ({actions}) ORDER BY d.sf_id LIMIT {most}"
            ).format(name=_name(self._spec), local=self._local, actions=sql.SQL(actions), most=SAMPLES)
        ).fetchall()
        return [Sample(name, local_id, sf_id) for local_id, name, sf_id in rows]

    # -- what would be written to Salesforce

    def _push(self, session: Session) -> None:
        found = self._found
        session.execute(block("abmatic.sync", "sql/push.sql", "return_planned"), self._parameters)
        unanswered = session.execute(
            "DELETE FROM push_due AS d USING salesforce_write AS w WHERE w.connection_id = d.connection_id AND "
            "w.sobject = d.sobject AND w.local_id = d.local_id AND w.state = 'sent' "
            "AND w.connection_id = %(connection)s AND w.sobject = %(sobject)s",
            self._parameters,
        ).rowcount
        if unanswered:
            found.notes.append(
                f"{unanswered:,} records were sent to Salesforce by an earlier sync that got no answer. The next sync "
                "finds out about them first; they are left out here."
            )
        found.to_salesforce = {"created": 0, "updated": 0, "held": 0}
        if not due.are_any(session, self._spec, self._setting):
            return
        described = self._client.describe(self._spec.name)
        found.calls_of_run += 1
        plan = push_planning.make(self._spec, self._setting, described)
        found.notes += [f"{each.sf_field} is not written: {each.reason}" for each in plan.unwritable]
        for statement in compare.TABLES:
            session.execute(statement)
        while (compared := plan_next(session, plan, self._parameters)) is not None:
            found.to_salesforce["held"] += compared.held
        planned: Counter[str] = Counter(
            dict(
                session.execute(
                    "SELECT operation, count(*) FROM salesforce_write WHERE run_id = %s GROUP BY 1", (_NOBODY,)
                ).fetchall()
            )
        )
        for action, operation in (("created", Write.Operation.CREATE), ("updated", Write.Operation.UPDATE)):
            found.to_salesforce[action] = planned[operation]
            found.calls_of_run += _sending_calls(planned[operation], settings.ENVIRONMENT.rest_limit)
        samples = {
            "created": self._planned(session, Write.Operation.CREATE),
            "updated": self._planned(session, Write.Operation.UPDATE),
            "held": self._held(session),
        }
        found.samples["to_salesforce"] = {action: those for action, those in samples.items() if those}

    def _planned(self, session: Session, operation: str) -> list[Sample]:
        rows = session.execute(
            sql.SQL(
                "SELECT w.local_id, {name}, w.sf_id, w.before, w.sent FROM salesforce_write AS w JOIN {local} AS a "
                "ON a.id = w.local_id WHERE w.run_id = {nobody} AND w.operation = {operation} "
                "ORDER BY w.id LIMIT {most}"
            ).format(name=_name(self._spec), local=self._local, nobody=_NOBODY, operation=operation, most=SAMPLES)
        ).fetchall()
        return [
            Sample(name, local_id, sf_id, {f: {"before": before.get(f), "after": value} for f, value in sent.items()})
            for local_id, name, sf_id, before, sent in rows
        ]

    def _held(self, session: Session) -> list[Sample]:
        rows = session.execute(
            sql.SQL(
                "SELECT i.local_id, {name}, i.sf_id, i.fields, i.code FROM issue AS i JOIN {local} AS a "
                "ON a.id = i.local_id WHERE i.is_open AND i.connection_id = {connection} AND i.sobject = {sobject} "
                "AND i.run_id = {nobody} ORDER BY i.id LIMIT {most}"
            ).format(
                name=_name(self._spec), local=self._local, connection=self._connection.pk, sobject=self._spec.name,
                nobody=_NOBODY, most=SAMPLES,
            )
        ).fetchall()  # fmt: skip
        return [
            Sample(name, local_id, sf_id, {f: {} for f in fields}, code) for local_id, name, sf_id, fields, code in rows
        ]


def _name(spec: SObject) -> sql.SQL:
    """What people call a local record ``a``."""
    if spec.local == "contact":
        return sql.SQL("coalesce(nullif(concat_ws(' ', a.first_name, a.last_name), ''), a.work_email, '')")
    return sql.SQL("coalesce(a.name, '')")


def _pairs(columns: list[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.SQL("{}, a.{}").format(sql.Literal(c), sql.Identifier(c)) for c in columns)


def _number(session: Session, statement: sql.Composed) -> int:
    row = session.execute(statement).fetchone()
    assert row is not None
    return int(row[0])


def _reading_calls(records: int, rest_limit: int) -> int:
    """Calls that reading so many records takes: pages, or the first one and a bulk job."""
    if records <= rest_limit:
        return max(1, -(-records // _PAGE))
    return 1 + _JOB_CALLS + -(-records // settings.ENVIRONMENT.import_page_records)


def _sending_calls(writes: int, rest_limit: int) -> int:
    if writes <= rest_limit:
        return -(-writes // _COLLECTION)
    return (_JOB_CALLS + 2) * -(-writes // JOB_ROWS)
