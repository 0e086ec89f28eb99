"""A change made here reaches Salesforce by itself, and idleness costs Salesforce nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.db import connections
from django.utils import timezone
from procrastinate.contrib.django.utils import connector_params
from tests.cli.processes import wait_until
from tests.sync.live import Live, Orgs
from tests.sync.test_push import account, allow, edit, mode

from abmatic.audiences.models import Account, Contact
from abmatic.changes.models import Cause, Change
from abmatic.cli import domain_pushing
from abmatic.sync import auto_push
from abmatic.sync.auto_push import AutoPush
from abmatic.sync.execute import execute
from abmatic.sync.models import Connection, Due, MirrorAccount, ObjectSetting, Run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def live(orgs: Orgs) -> Live:
    """Accounts and contacts are pushed by themselves, and everything was compared once."""
    live = orgs.sample()
    live.sync_well()
    for sobject, field in (("Account", "Industry"), ("Contact", "Title")):
        allow(sobject, auto_push=True)
        mode(sobject, field, to_salesforce="overwrite")
    live.sync_well("Account", "Contact")
    return live


def perform(started: list[Run]) -> list[Run]:
    for run in started:
        execute(run.pk)
        run.refresh_from_db()
        assert run.state == Run.State.SUCCEEDED, run.error_message
    return started


def test_a_change_starts_a_run_of_its_object_alone_and_reaches_salesforce(live: Live) -> None:
    automatic = AutoPush()
    assert automatic.start_due() == []
    edit(Account.objects.get(name="GenePoint"), industry="Banking")
    started = perform(automatic.start_due())
    assert [(run.sobject, run.trigger) for run in started] == [("Account", Run.Trigger.AUTO_PUSH)]
    assert account(live, "GenePoint")["Industry"] == "Banking"
    assert automatic.start_due() == []


def test_idle_costs_salesforce_nothing(live: Live) -> None:
    before, automatic = live.org.emulator.usage.used, AutoPush()
    for _ in range(5):
        assert automatic.start_due() == []
    assert live.org.emulator.usage.used == before


def test_what_a_pull_of_the_object_wrote_here_is_no_reason(live: Live) -> None:
    with live.editing() as session:
        session.update("Account", account(live, "GenePoint")["Id"], {"Industry": "Energy"})
    changes = Change.objects.count()
    perform(live.start("Account"))
    assert Change.objects.count() > changes
    assert AutoPush().start_due() == []


def test_many_changes_are_one_run_and_the_last_value_counts(live: Live) -> None:
    record = Account.objects.get(name="GenePoint")
    for industry in ("Banking", "Energy", "Media"):
        edit(record, industry=industry)
    (run,) = perform(AutoPush().start_due())
    assert run.pushed["updated"] == 1
    assert account(live, "GenePoint")["Industry"] == "Media"


def test_what_changes_during_a_run_is_the_next_ones(live: Live) -> None:
    automatic, record = AutoPush(), Account.objects.get(name="GenePoint")
    edit(record, industry="Banking")
    (run,) = automatic.start_due()
    edit(record, industry="Energy")
    assert automatic.start_due() == []
    perform([run])
    edit(record, industry="Media")
    perform(automatic.start_due())
    assert account(live, "GenePoint")["Industry"] == "Media"


def test_a_record_made_here_is_created(live: Live) -> None:
    cause = Cause.objects.create(kind=Cause.Kind.USER)
    made = Account.objects.create(name="Fresh", website="https://fresh.example.org", created_by=cause)
    Change.objects.create(record="account", record_id=made.pk, field="", cause=cause)
    perform(AutoPush().start_due())
    assert live.number('SELECT count(*) FROM "Account" WHERE "Name" = ?', "Fresh") == 1


def test_a_change_that_commits_late_is_not_missed(live: Live) -> None:
    automatic = AutoPush()
    with _another_session() as late:
        late.execute("SELECT pg_current_xact_id()")
        edit(Account.objects.get(name="GenePoint"), industry="Banking")
        # It can't be told yet which changes there will be: no run that would find nothing.
        assert automatic.start_due() == []
        late.connection.commit()
    assert [run.sobject for run in automatic.start_due()] == ["Account"]


@contextmanager
def _another_session() -> Iterator[Any]:
    import psycopg

    with psycopg.connect(**connector_params()) as session:
        yield session.cursor()


@pytest.mark.parametrize("missing", ["auto_push", "update_in_salesforce", "cursor", "connection"])
def test_where_it_is_not_wanted_nothing_starts(live: Live, missing: str) -> None:
    edit(Account.objects.get(name="GenePoint"), industry="Banking")
    if missing == "connection":
        Connection.objects.update(status=Connection.Status.NEEDS_ATTENTION)
    elif missing == "update_in_salesforce":
        ObjectSetting.objects.update(create_in_salesforce=False, update_in_salesforce=False)
    else:
        ObjectSetting.objects.update(**{missing: None if missing == "cursor" else False})
    assert AutoPush().start_due() == []


def test_what_a_run_left_is_tried_again_after_a_while(live: Live) -> None:
    setting = ObjectSetting.objects.get(sobject="Account")
    Due.objects.create(connection_id=setting.connection_id, sobject="Account", local_id=Account.objects.all()[0].pk)
    assert AutoPush().start_due() == []
    Run.objects.update(finished_at=timezone.now() - auto_push.LEFT_PAUSE)
    assert [run.sobject for run in AutoPush().start_due()] == ["Account"]


def test_what_waits_for_its_account_goes_a_while_after_it_is_there(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    allow("Contact", auto_push=True)
    firm = Account.objects.create(name="Acme", website="acme.example", domain="acme.example")
    person = Contact.objects.create(last_name="Newcomer", account=firm)
    Due.objects.create(connection_id=live.connection.pk, sobject="Contact", local_id=person.pk)
    Run.objects.update(finished_at=timezone.now() - auto_push.LEFT_PAUSE)
    worker = AutoPush()
    assert worker.start_due() == []
    MirrorAccount.objects.create(
        connection=live.connection, sf_id="001000000000999AAA", local_id=firm.pk, role=1, modstamp=timezone.now()
    )
    assert worker.start_due() == [], "it has just looked, and many may wait"
    monkeypatch.setattr(auto_push, "LEFT_PAUSE", timedelta(0))
    assert [run.sobject for run in worker.start_due()] == ["Contact"]


def test_a_failed_run_is_followed_later_and_later(live: Live) -> None:
    edit(Account.objects.get(name="GenePoint"), industry="Banking")
    last = Run.objects.filter(sobject="Account").order_by("-id")[0]
    Run.objects.filter(pk=last.pk).update(state=Run.State.FAILED, finished_at=timezone.now())
    assert AutoPush().start_due() == []
    Run.objects.filter(pk=last.pk).update(finished_at=timezone.now() - auto_push.FAILED_PAUSE)
    assert AutoPush().start_due() != []
    pauses = [auto_push.after_failures(n) for n in range(11)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[2], pauses[-1]) == (timedelta(0), timedelta(minutes=1), timedelta(hours=1))


def test_above_the_ceiling_it_waits(live: Live) -> None:
    edit(Account.objects.get(name="GenePoint"), industry="Banking")
    Connection.objects.update(api_used=80, api_allowed=100, api_seen_at=timezone.now())
    assert AutoPush().start_due() == []
    Connection.objects.update(api_used=10)
    assert AutoPush().start_due() != []


@contextmanager
def listening() -> Iterator[None]:
    """What a worker does beside its jobs."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(domain_pushing.push_changes(connector_params()))

    def work() -> None:
        try:
            loop.run_until_complete(task)
        except asyncio.CancelledError:
            pass
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join()
        loop.close()


def _is_listening() -> bool:
    with database.cursor() as cursor:
        cursor.execute("SELECT FROM pg_stat_activity WHERE query LIKE 'LISTEN abmatic_change%' AND state = 'idle'")
        return cursor.rowcount > 0


def _runs() -> int:
    return Run.objects.filter(trigger=Run.Trigger.AUTO_PUSH).count()


def test_a_worker_is_told_of_a_change_when_it_is_committed(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domain_pushing, "POLL", 600)
    with listening():
        wait_until(_is_listening)
        contact = Contact.objects.exclude(account=None)[0]

        def told() -> bool:
            # Again each time: another test's transaction on this server may hold the first one back.
            edit(contact, job_title=f"{contact.job_title}!")
            return _runs() == 1

        assert wait_until(told, 5) < 5
    assert Run.objects.get(trigger=Run.Trigger.AUTO_PUSH).sobject == "Contact"


def test_a_worker_finds_what_it_was_not_told_of(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domain_pushing, "POLL", 0.2)
    with database.cursor() as cursor:
        cursor.execute("ALTER TABLE change DISABLE TRIGGER change_told")
    try:
        with listening():
            wait_until(_is_listening)
            edit(Account.objects.get(name="GenePoint"), industry="Banking")
            wait_until(lambda: _runs() == 1, 5)
    finally:
        with database.cursor() as cursor:
            cursor.execute("ALTER TABLE change ENABLE TRIGGER change_told")
