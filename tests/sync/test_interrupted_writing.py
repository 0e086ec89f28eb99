"""A run that was interrupted while it wrote to Salesforce reads its window again, and counts nothing of it twice."""

from __future__ import annotations

import contextlib

import django.db
import pytest
from tests.sync.invariants import assert_adds_up
from tests.sync.live import Orgs
from tests.sync.test_push import account, allow, edit, mode

from abmatic.audiences.models import Account
from abmatic.sync.execute import _Execution, execute
from abmatic.sync.models import MirrorAccount, Run
from abmatic.sync.pull.chunk import Counts
from abmatic.sync.push import outcomes

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("limit", [2000, 2], ids=["read by REST", "read in bulk"])
def test_what_is_read_again_is_counted_once(orgs: Orgs, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    live = orgs.sample()
    live.sync_well()
    allow("Account")
    mode("Account", "Industry", to_salesforce="overwrite")
    live.sync_well("Account")
    orgs.allow(rest_limit=limit)
    with live.editing() as session:
        session.update("Account", account(live, "Edge Communications")["Id"], {"NumberOfEmployees": 9})
    edit(Account.objects.get(name="GenePoint"), industry="Banking")
    run = next(run for run in live.start("Account") if run.sobject == "Account")
    with monkeypatch.context() as broken:
        broken.setattr(outcomes, "put", lambda *_: (_ for _ in ()).throw(django.db.OperationalError("gone")))
        with pytest.raises(django.db.OperationalError):
            execute(run.pk)
    run.refresh_from_db()
    before = Counts.from_json(run.counts)
    assert before.updated == 1
    # Somebody goes on working meanwhile: that is news, and counts.
    with live.editing() as session:
        session.update("Account", account(live, "Burlington Textiles Corp of America")["Id"], {"NumberOfEmployees": 8})
    assert execute(run.pk)
    run.refresh_from_db()
    assert run.state == Run.State.SUCCEEDED, run.error_message
    after = Counts.from_json(run.counts)
    assert_adds_up(after, run)
    assert (after.read, after.updated, after.unchanged) == (before.read + 1, before.updated + 1, before.unchanged)
    assert account(live, "GenePoint")["Industry"] == "Banking"


def test_of_a_record_whose_creation_was_found_out_later_everything_is_read(
    orgs: Orgs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its owner, which Salesforce added, comes with the next read, however much later the answer was looked for."""
    live = orgs.sample()
    live.sync_well()
    allow("Account")
    made = Account.objects.create(name="Acme", website="https://acme.example", domain="acme.example")
    others, run = [], None
    for each in live.start("Account"):
        if each.sobject == "Account":
            run = each
        else:
            others.append(each)
    assert run is not None
    assert all(execute(each.pk) for each in others)
    with monkeypatch.context() as broken:
        broken.setattr(outcomes, "put", lambda *_: (_ for _ in ()).throw(django.db.OperationalError("gone")))
        with pytest.raises(django.db.OperationalError):
            execute(run.pk)
    live.org.store.set_clock(by=600)
    assert execute(run.pk)
    live.org.store.set_clock(by=1)
    live.sync_well("Account")
    made.refresh_from_db()
    assert live.number('SELECT count(*) FROM "Account" WHERE "Name" = ?', "Acme") == 1
    assert made.owner is not None


def test_a_run_that_only_reads_takes_nothing_for_a_stranger_s(orgs: Orgs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a key nothing but the lost answer says whose the record in Salesforce is."""
    live = orgs.sample()
    live.sync_well()
    allow("Account")
    made = Account.objects.create(name="Acme")
    with monkeypatch.context() as broken:
        broken.setattr(outcomes, "put", lambda *_: (_ for _ in ()).throw(django.db.OperationalError("gone")))
        for run in live.start("Account"):
            with contextlib.suppress(django.db.OperationalError):
                execute(run.pk)
    Run.objects.exclude(state=Run.State.SUCCEEDED).update(state=Run.State.FAILED)
    allow("Account", create_in_salesforce=False, update_in_salesforce=False)
    live.org.store.set_clock(by=60)
    run = live.sync_well("Account")["Account"]
    assert run.direction == Run.Direction.PULL
    assert live.number('SELECT count(*) FROM "Account" WHERE "Name" = ?', "Acme") == 1
    assert Account.objects.get(name="Acme") == made
    assert MirrorAccount.objects.get(local_id=made.pk).role == 1


def test_killed_after_its_cursor_had_moved_a_run_reads_nothing_more(
    orgs: Orgs, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = orgs.sample()
    (run,) = (run for run in live.start("Account") if run.sobject == "Account")
    with monkeypatch.context() as broken:
        broken.setattr(_Execution, "_end", lambda *_, **__: (_ for _ in ()).throw(django.db.OperationalError("gone")))
        with pytest.raises(django.db.OperationalError):
            execute(run.pk)
    calls = live.org.counted_calls()
    assert execute(run.pk)
    run.refresh_from_db()
    assert run.state == Run.State.SUCCEEDED
    assert (run.expected, run.processed) == (run.counts["read"], run.counts["read"])
    assert run.expected
    assert live.org.counted_calls() == calls
