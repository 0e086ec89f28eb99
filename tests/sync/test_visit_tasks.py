"""A visit becomes one completed task of its person in Salesforce, where that is wanted, whatever happens meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.utils import timezone
from tests.engagement.test_scoring import NOW, visit
from tests.sync.live import Live, Orgs

from abmatic.audiences.models import Contact
from abmatic.engagement.models import WebSession
from abmatic.identity.sealing import SealBroken
from abmatic.salesforce import Client
from abmatic.salesforce.collections import RowError, RowOutcome
from abmatic.salesforce.errors import ApiDisabledForOrg, InsufficientAccess, LimitReached, ServerTrouble
from abmatic.sync import budget, visit_tasks
from abmatic.sync.models import Connection, Installation, MirrorContact, MirrorLead, VisitTask
from abmatic.sync.visit_days import told_of
from abmatic.sync.visit_lookup import SETTLED
from abmatic.sync.visit_tasks import MOST_A_DAY, OLDEST, OVER, write_due

pytestmark = pytest.mark.django_db(transaction=True)
LATER = NOW + 2 * OVER


@pytest.fixture
def live(orgs: Orgs) -> Live:
    live = orgs.sample()
    live.sync_well()
    Connection.objects.update(writes_visits=True)
    return live


@pytest.fixture
def ann(live: Live) -> Contact:
    """A contact who is in the org."""
    return Contact.objects.get(pk=MirrorContact.objects.filter(role=1).order_by("sf_id")[0].local_id)


def tasks(live: Live) -> list[tuple[Any, ...]]:
    return live.rows(
        'SELECT "Subject", "WhoId", "Status", "ActivityDate", "Description" FROM "Task" '
        'WHERE "Subject" LIKE \'Website visit%\' ORDER BY length("Subject"), "Subject"'
    )


def test_nothing_is_written_unless_it_is_wanted(live: Live, ann: Contact) -> None:
    Connection.objects.update(writes_visits=False)
    visit(0, ann)
    assert write_due(LATER) == 0
    assert tasks(live) == []


def test_a_visit_is_a_completed_task_once(live: Live, ann: Contact) -> None:
    made = visit(0, ann, pages=3, seconds=90, forms=1, channel="email", campaign="june", landing_path="/prices")
    assert write_due(LATER) == 1
    ((subject, who, status, day, text),) = tasks(live)
    assert (subject, status) == (f"Website visit {made.pk}", "Completed")
    assert who == MirrorContact.objects.get(local_id=ann.pk, role=1).sf_id
    assert day == NOW.date().isoformat()
    assert text.splitlines() == [
        "Pages: 3", "Minutes: 1.5", "Channel: E-mail (june)", "First page: /prices", "Forms: 1",
        f"Reference: abmatic-{Installation.objects.get().mark}-{made.first_event}",
    ]  # fmt: skip
    used = live.org.emulator.usage.used
    assert write_due(LATER + timedelta(days=1)) == 0
    assert live.org.emulator.usage.used == used, "and costs nothing when there is nothing to do"
    assert len(tasks(live)) == 1


def test_leads_have_theirs_too(live: Live) -> None:
    mirror = MirrorLead.objects.filter(role=1, is_converted=False).order_by("sf_id")[0]
    visit(0, Contact.objects.get(pk=mirror.local_id))
    write_due(LATER)
    assert [who for _, who, *_ in tasks(live)] == [mirror.sf_id]


def test_what_goes_on_is_old_or_of_nobody_there_is_not_written(live: Live, ann: Contact) -> None:
    visit(0, ann)
    assert write_due(NOW + OVER / 2) == 0, "it may go on"
    visit(OLDEST.days + 1, ann)
    visit(1)
    visit(1, Contact.objects.create(last_name="Not in the org"))
    assert write_due(LATER) == 1


@pytest.mark.parametrize("is_carried_out", [True, False])
def test_killed_while_sending_it_is_written_once(
    live: Live, ann: Contact, monkeypatch: pytest.MonkeyPatch, is_carried_out: bool
) -> None:
    for days in (1, 2):
        visit(days, ann)
    real = Client.create_records

    class Killed(BaseException):
        """As a process ends: nothing after it is done."""

    def dies(self: Client, sobject: str, records: Sequence[Any], **more: Any) -> list[RowOutcome]:
        if is_carried_out:
            real(self, sobject, records, **more)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Client, "create_records", dies)
        with pytest.raises(Killed):
            write_due(LATER)
    assert set(VisitTask.objects.values_list("state", flat=True)) == {"sent"}
    # Right after that nobody knows yet what became of it, so nothing is sent again.
    write_due(LATER + timedelta(minutes=1))
    assert len(tasks(live)) == (2 if is_carried_out else 0)
    # The emulator's clock is the machine's: what was sent is looked for from before that.
    VisitTask.objects.update(sent_at=NOW - timedelta(days=1))
    assert write_due(LATER + 2 * SETTLED) == 2
    assert len(tasks(live)) == 2
    assert set(VisitTask.objects.values_list("state", flat=True)) == {"written"}
    assert write_due(LATER + 4 * SETTLED) == 0
    assert len(tasks(live)) == 2


def test_what_salesforce_refuses_is_kept_with_its_reason_and_costs_the_others_nothing(live: Live, ann: Contact) -> None:
    other = Contact.objects.get(pk=MirrorContact.objects.filter(role=1).exclude(local_id=ann.pk)[0].local_id)
    refused, written = visit(1, ann), visit(2, other)
    with live.editing() as session:
        session.delete("Contact", MirrorContact.objects.get(local_id=ann.pk, role=1).sf_id)
    assert write_due(LATER) == 1
    assert VisitTask.objects.get(session_id=refused.pk).state == "refused"
    assert VisitTask.objects.get(session_id=refused.pk).problem
    assert VisitTask.objects.get(session_id=written.pk).sf_id
    assert write_due(LATER) == 0


def test_what_was_only_locked_is_sent_again(live: Live, ann: Contact, monkeypatch: pytest.MonkeyPatch) -> None:
    visit(0, ann)
    locked = RowOutcome(None, (RowError("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access"),))
    with monkeypatch.context() as patch:
        patch.setattr(Client, "create_records", lambda self, sobject, records, **more: [locked] * len(records))
        assert write_due(LATER) == 0
    assert tasks(live) == []
    task = VisitTask.objects.get()
    assert (task.state, task.problem) == ("planned", "UNABLE_TO_LOCK_ROW: unable to obtain exclusive access")
    assert write_due(LATER + timedelta(minutes=5)) == 1
    task.refresh_from_db()
    assert (task.state, task.problem, len(tasks(live))) == ("written", "", 1)


def test_a_visit_that_is_gone_by_then_has_no_task(live: Live, ann: Contact) -> None:
    made = visit(0, ann)
    VisitTask.objects.create(connection=live.connection, session_id=made.pk, who="003000000000001AAA")
    WebSession.objects.all().delete()
    assert write_due(LATER) == 0
    assert tasks(live) == []
    assert VisitTask.objects.get().problem == "The visit is not here any more"


def test_a_refusal_of_the_whole_call_is_tried_again_until_the_visit_is_too_old(
    live: Live, ann: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit(0, ann)

    def refuses(self: Client, sobject: str, records: Sequence[Any], **more: Any) -> list[RowOutcome]:
        raise InsufficientAccess("no tasks for you", code="INSUFFICIENT_ACCESS")

    with monkeypatch.context() as patch:
        patch.setattr(Client, "create_records", refuses)
        assert write_due(LATER) == 0
    task = VisitTask.objects.get()
    assert task.state == "planned"
    assert "no tasks for you" in task.problem
    assert write_due(LATER + OLDEST) == 0
    task.refresh_from_db()
    assert (task.state, tasks(live)) == ("refused", [])
    assert "older than a week" in task.problem


def test_whom_it_is_for_is_known_when_it_is_sent(live: Live, ann: Contact) -> None:
    made = visit(0, ann)
    VisitTask.objects.create(connection=live.connection, session_id=made.pk, who="003000000000001AAA")
    assert write_due(LATER) == 1
    who = MirrorContact.objects.get(local_id=ann.pk, role=1).sf_id
    assert (tasks(live)[0][1], VisitTask.objects.get().who) == (who, who)


def test_of_one_persons_day_only_the_first_visits_have_tasks(live: Live, ann: Contact) -> None:
    for _ in range(MOST_A_DAY + 2):
        visit(0, ann)
    visit(1, ann)
    assert write_due(LATER) == MOST_A_DAY + 1
    assert write_due(LATER) == 0
    visit(0, ann)
    assert write_due(LATER) == 0


def test_a_batch_is_looked_up_by_when_it_went_itself(live: Live, ann: Contact, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look that began long before its last batch went says nothing of what became of that."""
    for days in (1, 2):
        visit(days, ann)
    monkeypatch.setattr(visit_tasks, "MOST_RECORDS", 1)
    real = Client.create_records
    late = time_machine.travel(timezone.now() + 2 * SETTLED, tick=False)

    class Killed(BaseException):
        """As a process ends."""

    def slow(self: Client, sobject: str, records: Sequence[Any], **more: Any) -> list[RowOutcome]:
        if VisitTask.objects.filter(state="written").exists():
            raise Killed
        done = real(self, sobject, records, **more)
        late.start()
        return done

    with monkeypatch.context() as patch:
        patch.setattr(Client, "create_records", slow)
        try:
            with pytest.raises(Killed):
                write_due(LATER)
        finally:
            late.stop()
    assert len(tasks(live)) == 1
    # Ten minutes after the look began, but not after the second batch went.
    assert write_due(LATER + SETTLED + timedelta(minutes=1)) == 0
    assert len(tasks(live)) == 1


class Killed(BaseException):
    """As a process ends: nothing after it is done."""


def test_another_installations_task_of_the_same_number_is_not_taken_for_it(
    live: Live, ann: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = visit(0, ann)
    theirs = f"Reference: abmatic-0123456789ab-{uuid4()}"
    with live.editing() as session:
        session.insert("Task", {"Subject": f"Website visit {made.pk}", "Description": theirs})

    def dies(self: Client, sobject: str, records: Sequence[Any], **more: Any) -> list[RowOutcome]:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Client, "create_records", dies)
        with pytest.raises(Killed):
            write_due(LATER)
    VisitTask.objects.update(sent_at=NOW - timedelta(days=1))
    assert write_due(LATER + 2 * SETTLED) == 1
    assert len(tasks(live)) == 2


def test_a_restored_database_writes_no_visit_again(live: Live, ann: Contact) -> None:
    known = visit(1, ann)
    assert write_due(LATER) == 1
    # Of after the backup: of the one that was written it knows nothing any more, and the next has its number.
    VisitTask.objects.all().delete()
    Installation.objects.update(server="another")
    new = visit(2, ann)
    assert write_due(LATER + timedelta(minutes=5)) == 1
    assert [subject for subject, *_ in tasks(live)] == sorted(f"Website visit {each.pk}" for each in (known, new))
    assert set(VisitTask.objects.values_list("state", flat=True)) == {"written"}
    assert VisitTask.objects.exclude(sf_id=None).count() == 2
    # Each is looked up once.
    assert VisitTask.objects.filter(looked_up_at=LATER + timedelta(minutes=5)).count() == 2


def test_a_visit_that_got_another_number_by_the_restore_is_found_all_the_same(live: Live, ann: Contact) -> None:
    known = visit(1, ann)
    event = known.first_event
    assert write_due(LATER) == 1
    VisitTask.objects.all().delete()
    known.delete()
    again = visit(1, ann)
    WebSession.objects.filter(pk=again.pk).update(first_event=event)
    Installation.objects.update(server="another")
    assert write_due(LATER + timedelta(minutes=5)) == 0
    assert len(tasks(live)) == 1


def test_neither_does_one_that_is_restored_from_before_it_had_a_mark(live: Live, ann: Contact) -> None:
    visit(1, ann)
    assert write_due(LATER) == 1
    VisitTask.objects.all().delete()
    Installation.objects.all().delete()
    new = visit(2, ann)
    assert write_due(LATER + timedelta(minutes=5)) == 1
    assert len(tasks(live)) == 2
    assert f"Reference: abmatic-{Installation.objects.get().mark}-{new.first_event}" in "".join(tasks(live)[1][-1])


def test_what_a_visitor_says_is_never_taken_for_our_line(
    live: Live, ann: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = f"x\r\nReference: abmatic-0123456789ab-{uuid4()}\u2028Pages: 9"
    visit(1, ann, campaign=line, landing_path=f"/\n{line}")
    with monkeypatch.context() as patch:
        # As it was written until now.
        patch.setattr(visit_tasks, "_one_line", lambda text: text)
        assert write_due(LATER) == 1
    visit(2, ann, campaign=line, landing_path=f"/\n{line}")
    assert write_due(LATER) == 1
    written = [text.splitlines() for *_, text in tasks(live)]
    assert (written[1][2], len(written[1])) == (f"Channel: Direct ({' '.join(line.split())})", 6)
    VisitTask.objects.all().delete()
    Installation.objects.update(server="another")
    assert write_due(LATER + timedelta(minutes=5)) == 0
    assert len(tasks(live)) == 2


def test_the_same_server_is_no_restore(live: Live, ann: Contact) -> None:
    visit(0, ann)
    write_due(LATER)
    one = Installation.objects.get()
    visit(1, ann)
    write_due(LATER + timedelta(minutes=5))
    again = Installation.objects.get()
    # At the first look nobody knows.
    assert (again.mark, again.server, again.restored_at) == (one.mark, one.server, LATER)
    # The system's identifier, the timeline, the table.
    assert len(one.server.split(".")) == 3


def test_above_the_days_limit_of_the_connection_visits_are_left_out(live: Live, settings: Any) -> None:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, visit_tasks_a_day=2)
    people = [each.local_id for each in MirrorContact.objects.filter(role=1).order_by("sf_id")[:4]]
    made = [visit(0, Contact.objects.get(pk=pk)) for pk in people[:3]]
    visit(1, Contact.objects.get(pk=people[3]))
    assert write_due(LATER) == 3
    left_out = VisitTask.objects.get(state="left_out")
    assert (left_out.session_id, left_out.day) == (made[2].pk, NOW.date())
    # The day's limit stays used up, whoever comes later.
    visit(0, Contact.objects.get(pk=people[3]))
    assert write_due(LATER + timedelta(minutes=5)) == 0
    assert VisitTask.objects.filter(state="left_out").count() == 2
    days = told_of(live.connection, NOW.date())
    assert [(each.day, each.written, each.left_out) for each in days[:2]] == [
        (NOW.date(), 2, 2), (NOW.date() - timedelta(days=1), 1, 0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("trouble", "problem", "status"),
    [
        (LimitReached("no calls left", code="REQUEST_LIMIT_EXCEEDED"), "limit_reached", "active"),
        (ApiDisabledForOrg("no API", code="API_DISABLED_FOR_ORG"), "api_disabled", "needs_attention"),
        (SealBroken(), "seal_broken", "needs_attention"),
        # That tasks can't be written stops no sync: the tasks tell it.
        (InsufficientAccess("no tasks for you", code="INSUFFICIENT_ACCESS"), "", "active"),
        # That passes, and is tried at the next look.
        (ServerTrouble("down", code="SERVER_UNAVAILABLE"), "", "active"),
    ],
)
def test_the_connection_says_what_is_wrong(
    live: Live, ann: Contact, monkeypatch: pytest.MonkeyPatch, trouble: Exception, problem: str, status: str
) -> None:
    visit(0, ann)

    def refuses(self: Client, sobject: str, records: Sequence[Any], **more: Any) -> list[RowOutcome]:
        raise trouble

    with monkeypatch.context() as patch:
        patch.setattr(Client, "create_records", refuses)
        assert write_due(LATER) == 0
    live.connection.refresh_from_db()
    assert (live.connection.problem, live.connection.status) == (problem, status)
    assert (live.connection.api_waiting_since is not None) == (problem == "limit_reached")


def test_calls_that_are_back_are_noticed_without_a_sync(live: Live, ann: Contact) -> None:
    visit(0, ann)
    Connection.objects.update(
        problem="limit_reached", api_waiting_since=timezone.now() - timedelta(hours=1),
        api_recheck_at=timezone.now() - timedelta(minutes=1),
    )  # fmt: skip
    assert write_due(LATER) == 1
    live.connection.refresh_from_db()
    assert (live.connection.problem, live.connection.api_waiting_since) == ("", None)


def test_what_went_by_is_taken_back_once_it_works(live: Live, ann: Contact) -> None:
    visit(0, ann)
    Connection.objects.update(problem="unreachable")
    assert write_due(LATER) == 1
    live.connection.refresh_from_db()
    assert live.connection.problem == ""


def test_what_was_asked_nothing_takes_nothing_back(live: Live, ann: Contact) -> None:
    made = visit(0, ann)
    VisitTask.objects.create(
        connection=live.connection, session_id=made.pk, event=made.first_event, who="x", state="sent", sent_at=LATER
    )
    Connection.objects.update(problem="unreachable")
    assert write_due(LATER) == 0
    live.connection.refresh_from_db()
    assert live.connection.problem == "unreachable"


def test_that_calls_were_used_up_meanwhile_stays(live: Live, ann: Contact, monkeypatch: pytest.MonkeyPatch) -> None:
    visit(0, ann)
    real = Client.create_records

    def last(self: Client, sobject: str, records: Sequence[Any], **more: Any) -> list[RowOutcome]:
        done = real(self, sobject, records, **more)
        budget.exhausted(live.connection.pk, LimitReached("no calls left", code="REQUEST_LIMIT_EXCEEDED"))
        return done

    monkeypatch.setattr(Client, "create_records", last)
    assert write_due(LATER) == 1
    live.connection.refresh_from_db()
    assert live.connection.problem == "limit_reached"
