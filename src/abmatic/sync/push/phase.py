"""The push of one run: after the pull, so that nothing is compared with what Salesforce said long ago.

1. `settle`, before anything is read: what became of batches without an answer. A creation that did happen must be
   known before its record is read as a stranger's.
2. `perform`: what is due is compared, a few ten thousand records at a time, and what differs is written down as
   planned; then it is sent, batch by batch. Of what is due and has to wait it is said why (see `waiting`).

Killed at any point, the next run returns to what is due whatever was planned and not sent, finds out about what was
sent, and compares again with what Salesforce says then.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, LiteralString

import psycopg
from django.conf import settings
from psycopg import sql

from abmatic.engagement import people
from abmatic.postgres import locks, sessions
from abmatic.postgres.sql import block
from abmatic.salesforce import Client
from abmatic.sync.models import Batch, FieldMapping, ObjectSetting, Run
from abmatic.sync.objects import SObject
from abmatic.sync.push import compare, due, newcomers, unknown, verdicts, waiting
from abmatic.sync.push import plan as planning
from abmatic.sync.push.outcomes import PushCounts
from abmatic.sync.push.plan import Picked, PushPlan
from abmatic.sync.push.release import release
from abmatic.sync.push.sending import SchemaChanged, Sender

Session = psycopg.Connection[tuple[Any, ...]]

logger = logging.getLogger(__name__)

# Unlike a pull's, these commits are what is known of Salesforce: none may be lost.
_SETTINGS = {"work_mem": "64MB", "jit": "off", "timezone": "UTC"}
CANDIDATES = 50_000


class Push:
    """The push of one run's object. ``note`` tells the run page, and raises where the run is over or another's."""

    def __init__(
        self, run: Run, spec: SObject, setting: ObjectSetting, client: Client, counts: PushCounts,
        note: Callable[[], None], *, at_boundary: Callable[[], None] = lambda: None, picked: Picked | None = None,
    ) -> None:  # fmt: skip
        self._run = run
        self._spec = spec
        self._setting = setting
        self._client = client
        self._counts = counts
        self._note = note
        # Told where a batch is done and the next not begun; may raise, to stop there.
        self._at_boundary = at_boundary
        self._picked = picked
        # What people may be as well: who is there by now isn't made here (see newcomers).
        self._unread = newcomers.unread(run.connection_id, spec, run.selected_id, after=run.pk)
        # Of picked records: how many have which verdict (see verdicts).
        self.verdicts: Counter[str] = Counter()
        # What the run's outcome has to say besides.
        self.remarks: list[str] = []
        self._parameters = {"connection": run.connection_id, "sobject": spec.name, "run": run.pk}

    def settle(self, upper: datetime) -> None:
        """Finds out about earlier batches. Raises `unknown.Unsettled` where that can't be known yet."""
        batches = list(
            Batch.objects.filter(connection=self._run.connection_id, sobject=self._spec.name)
            .exclude(state=Batch.State.DONE)
            .select_related("run")
            .order_by("pk")
        )
        with self._session() as session:
            session.execute(_text("return_planned"), self._parameters)
            session.commit()
            if not batches:
                return
            plan = self._plan()
            sender = self._sender(session, plan, upper)
            if not unknown.settle(session, self._client, plan, sender, batches):
                raise unknown.Unsettled

    def perform(self, upper: datetime, comparing: Callable[[], None], sending: Callable[[], None]) -> None:
        """Compares and sends. The callbacks are told when each begins."""
        with self._session() as session:
            if self._picked is not None:
                self._look(session, upper, comparing, sending)
                return
            is_due = self._is_any_due(session)
            if not is_due and self._is_anything_barred():
                # Looked at again by every run: where it may be written now, everything is due.
                self._plan()
                is_due = self._is_any_due(session)
            if is_due:
                self._look(session, upper, comparing, sending)
            ready = due.ready_of(self._spec, self._setting, sql.Literal(self._run.connection_id))
            self._counts.waiting = waiting.tell(session, self._spec, self._setting, self._run.pk, ready)
            session.commit()

    def _is_anything_barred(self) -> bool:
        """Whether something that is meant to be written couldn't be, when that was last asked."""
        is_denied = due.denied(self._spec, self._setting)
        return bool(is_denied) or self._setting.mappings.exclude(unwritable="").exists()

    def _look(
        self, session: Session, upper: datetime, comparing: Callable[[], None], sending: Callable[[], None]
    ) -> None:  # fmt: skip
        make_tables(session)
        session.commit()
        try:
            self._compare_and_send(session, upper, comparing, sending, plans_anew=True)
        except SchemaChanged as gone:
            logger.warning("run %s asks anew what may be written: %s", self._run.pk, gone)
            session.rollback()
            session.execute(_text("return_planned"), self._parameters)
            session.commit()
            # It is compared again right now.
            self._counts.returned = 0
            self._compare_and_send(session, upper, comparing, sending, plans_anew=False)

    def _is_any_due(self, session: Session) -> bool:
        due.collect(session, self._spec, self._setting)
        session.commit()
        return due.are_any(session, self._spec, self._setting)

    def _compare_and_send(
        self, session: Session, upper: datetime, comparing: Callable[[], None], sending: Callable[[], None], *,
        plans_anew: bool,
    ) -> None:  # fmt: skip
        comparing()
        plan = self._plan()
        planned = 0
        if self._picked is not None:
            # All of them are looked at again, where what is due is looked at once.
            self.verdicts.clear()
            self._counts.held = 0
        taking = Taking(self._setting, self._picked)
        while (chunk := self._compare(session, plan, taking)) is not None:
            planned += chunk
            self._note()
        if planned and self._unread is not None:
            planned -= self._take_back(self._unread, session)
        if planned:
            sending()
            self._sender(session, plan, upper, plans_anew=plans_anew).send_all()

    def _take_back(self, unread: newcomers.Unread, session: Session) -> int:
        left = newcomers.take_back(unread, session, self._client, self._spec, self._parameters)
        session.commit()
        if self._picked is not None:
            self.verdicts["created"] -= left
        return left

    def send_planned(self, upper: datetime) -> None:
        """Sends what is planned already: an undo plans by itself."""
        with self._session() as session:
            self._sender(session, self._plan(), upper).send_all()

    def put_back(self) -> None:
        """What was planned and is not going to be sent is due again."""
        with self._session() as session:
            session.execute(_text("return_planned"), self._parameters)
            session.commit()

    def _plan(self) -> PushPlan:
        """The plan, by what the org says now. Mappings that can't be written say so from here on."""
        plan = planning.make(self._spec, self._setting, self._client.describe(self._spec.name), self._picked)
        if self._picked is None:
            due.note_denied(self._spec, self._setting, plan.denied)
            self.remarks = [plan.denial] if plan.denial else []
        reasons = {each.sf_field: each.reason for each in plan.unwritable}
        for mapping in self._setting.mappings.all():
            reason = reasons.get(mapping.sf_field, "")
            if mapping.unwritable != reason:
                FieldMapping.objects.filter(pk=mapping.pk).update(unwritable=reason)
        return plan

    def _sender(self, session: Session, plan: PushPlan, upper: datetime, *, plans_anew: bool = False) -> Sender:
        return Sender(
            session, self._client, plan, run=self._run.pk, attempt=self._run.attempts,
            connection=self._run.connection_id, upper=upper, counts=self._counts,
            bulk_from=settings.ENVIRONMENT.rest_limit, note=self._note, at_boundary=self._at_boundary,
            plans_anew=plans_anew,
        )  # fmt: skip

    @contextmanager
    def _session(self) -> Iterator[Session]:
        with sessions.session(f"push {self._spec.name}", _SETTINGS) as session:
            yield session

    def _compare(self, session: Session, plan: PushPlan, taking: Taking) -> int | None:
        """Looks at the next records, in one transaction. How many writes it planned; None at the end."""
        if self._spec.local == "contact":
            # Nothing of a person who is just being erased.
            locks.shared_until_the_end(people.LOCK, session=session)
        compared = plan_next(session, plan, self._parameters, taking)
        if compared is None:
            session.rollback()
            return None
        self._counts.held += compared.held
        self.verdicts.update(compared.verdicts)
        session.commit()
        return compared.planned


@dataclass(frozen=True, slots=True)
class Compared:
    """Of a few ten thousand records: how many writes were planned, and how many were held back by an issue.

    Of picked ones also how many have which verdict.
    """

    planned: int
    held: int
    verdicts: Counter[str] = field(default_factory=Counter)


class Taking:
    """Which records are compared next: those that are due, or in their order those that were picked."""

    def __init__(self, setting: ObjectSetting, picked: Picked | None = None) -> None:
        self._setting = setting
        self.picked = picked
        self._after = 0

    def take(self, session: Session, plan: PushPlan, parameters: dict[str, Any]) -> bool:
        """Puts some into ``candidate``; False where none are left."""
        if self.picked is None:
            take = sql.SQL(_text("take_due")).format(ready=due.ready(plan.spec, self._setting))
            return session.execute(take, {**parameters, "most": CANDIDATES}).rowcount > 0
        of = {**parameters, "push": self.picked.push, "after": self._after, "most": CANDIDATES}
        (reached,) = session.execute(_selected("reached"), of).fetchone() or (None,)
        if reached is None:
            return False
        session.execute(_selected("take"), of)
        self._after = reached
        return True

    def judge(self, session: Session, plan: PushPlan, parameters: dict[str, Any]) -> Counter[str]:
        """What becomes of those that were picked; nothing is said of others."""
        if self.picked is None:
            return Counter()
        session.execute(_selected("not_due"), parameters)
        found = verdicts.judge(session, plan, self._setting, parameters)
        session.execute(_selected("close_equal"), parameters)
        return found


def make_tables(session: Session) -> None:
    """What `plan_next` needs."""
    for statement in compare.TABLES:
        session.execute(statement)
    verdicts.prepare(session)


def plan_next(session: Session, plan: PushPlan, parameters: dict[str, Any], taking: Taking) -> Compared | None:
    """Compares the next records, and writes down what is to be sent; None where none are left.

    The caller commits, or rolls back (`preview`). Parameters: connection, sobject, run. `make_tables` was called.
    """
    session.execute("TRUNCATE candidate, planned")
    if not taking.take(session, plan, parameters):
        return None
    session.execute("ANALYZE candidate")
    connection: int = parameters["connection"]
    link = compare.link_unlinked(plan, connection, parameters["run"])
    if link is not None:
        session.execute(link)
    released = release(plan, connection, taking.picked) if taking.picked is not None else None
    if released is not None:
        session.execute(released)
    if plan.update and any(f.updateable for f in plan.fields):
        session.execute(compare.plan_updates(plan, connection))
    if plan.create and any(f.createable for f in plan.fields):
        session.execute(compare.plan_creates(plan, connection))
    said = {**parameters, "settings": plan.settings}
    session.execute(compare.close_issues(plan, connection, is_picked=taking.picked is not None))
    session.execute(_text("open_issues"), said)
    computed = [each.sf_field for each in plan.fields if each.local.is_computed]
    writes = sql.SQL(_text("plan_writes")).format(mirror=sql.Identifier(plan.spec.mirror))
    planned = session.execute(writes, {**said, "computed": computed}).rowcount
    found = taking.judge(session, plan, parameters)
    # What Salesforce refused in this run is counted as that.
    wanted = session.execute(
        "SELECT count(*) FROM planned AS p WHERE p.sent <> '{}' "
        "AND NOT EXISTS (SELECT FROM verdict AS v WHERE v.local_id = p.local_id AND v.verdict = 'answered')"
    ).fetchone()
    assert wanted is not None
    return Compared(planned, wanted[0] - planned, found)


def _text(name: LiteralString) -> LiteralString:
    return block("abmatic.sync", "sql/push.sql", name)


def _selected(name: LiteralString) -> LiteralString:
    return block("abmatic.sync", "sql/selected.sql", name)
