"""Of an erased person nothing of their visits stays in what Abmatic keeps of its writes to Salesforce."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from tests.engagement.test_identifying import sent, wait_for_lock_or
from tests.engagement.test_people import come, tables_with
from tests.engagement.visits import did, left
from tests.sync.live import Live, Orgs
from tests.sync.test_custom_fields import add_field
from tests.sync.test_push import allow
from tests.sync.test_visit_tasks import LATER, tasks

from abmatic.audiences.fields import ENGAGEMENT
from abmatic.audiences.models import Contact
from abmatic.changes.models import Change
from abmatic.engagement.models import Visitor, WebSession
from abmatic.salesforce import Client
from abmatic.salesforce.collections import RowOutcome
from abmatic.sync import people, runs
from abmatic.sync.engagement_fields import _SUGGESTED
from abmatic.sync.execute import execute
from abmatic.sync.models import Batch, Connection, FieldMapping, Finding, Issue, MirrorContact, Run, VisitTask, Write
from abmatic.sync.objects import OBJECTS
from abmatic.sync.people import WriteUnderWay
from abmatic.sync.settings_edit import look, save
from abmatic.sync.settings_history import COMMAND_LINE
from abmatic.sync.visit_tasks import write_due

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "anns-unmistakable-key"
CAMPAIGN = "june-unmistakable"
PATH = "/unmistakable-page"
COMPUTED = [name for name, _ in _SUGGESTED.values()]
KINDS: list[tuple[str, dict[str, Any]]] = [
    ("double", {"precision": 3, "scale": 0}), ("string", {"length": 10}), ("date", {}), ("string", {"length": 40}),
    ("string", {"length": 255}),
]  # fmt: skip


@pytest.fixture
def live(orgs: Orgs) -> Live:
    """Scores of contacts are written to fields of the org, and visits as tasks."""
    live = orgs.sample()
    for name, (kind, more) in zip(COMPUTED, KINDS, strict=True):
        add_field(live, "Contact", name, kind, **more)
    live.sync_well()
    Connection.objects.update(writes_visits=True)
    allow("Contact")
    spec = OBJECTS["Contact"]
    seen = look(live.connection, spec)
    mappings = [
        {"salesforce": m.salesforce, "abmatic": m.abmatic, "to_abmatic": m.to_abmatic, "to_salesforce": m.to_salesforce}
        for m in seen.state.mappings
    ]
    mappings += [
        {"salesforce": sf_field, "abmatic": each.name} for sf_field, each in zip(COMPUTED, ENGAGEMENT, strict=True)
    ]
    save(live.connection, spec, {"mappings": mappings}, mark=seen.mark, by=COMMAND_LINE)
    live.sync_well("Account", "Contact")
    return live


@pytest.fixture
def ann(live: Live) -> Contact:
    """A contact who is in the org, and has been on the website."""
    linked = MirrorContact.objects.filter(role=1).values("local_id")
    ann = Contact.objects.filter(pk__in=linked).exclude(email_key=None).order_by("pk")[0]
    come(
        did(0, visitor=KEY, path=PATH, utm={"source": "news", "medium": "email", "campaign": CAMPAIGN}),
        left(5, 240, visitor=KEY, path=PATH), sent(6, str(ann.work_email), KEY),
    )  # fmt: skip
    ann.refresh_from_db()
    assert ann.engagement_score
    assert ann.first_campaign == CAMPAIGN
    return ann


def kept(ann: Contact) -> list[dict[str, Any]]:
    """What is kept of writes of a person, wherever it says something worked out of visits."""
    found: list[dict[str, Any]] = []
    for row in Write.objects.filter(local_id=ann.pk, sobject="Contact"):
        found += [row.before, row.sent, row.ours or {}]
    found += [issue.sent for issue in Issue.objects.filter(local_id=ann.pk, sobject="Contact")]
    return [each for each in found if any(each.get(name) is not None for name in COMPUTED)]


def test_it_is_told(live: Live, ann: Contact) -> None:
    assert write_due(LATER) == 1
    told = people.told(str(ann.work_email))
    ((_, who, *_),) = tasks(live)
    assert [(row["who"], row["state"]) for row in told["visit_task"]] == [(who, "written")]
    assert len(told["web_event"]) == 3


def test_nothing_stays_in_any_column_of_any_table(live: Live, ann: Contact) -> None:
    live.sync_well("Contact")
    assert write_due(LATER) == 1
    write = Write.objects.get(local_id=ann.pk, sobject="Contact")
    assert write.sent["Abmatic_Engagement_Score__c"] == ann.engagement_score
    # As the next ones would be: one of a fuller record, one that was refused, and what runs said of such values.
    Write.objects.filter(pk=write.pk).update(before={"Title": "CTO", **dict.fromkeys(COMPUTED, CAMPAIGN)})
    Issue.objects.create(
        connection=live.connection, sobject="Contact", local_id=ann.pk, code="X", sent={**write.sent, "Title": "CTO"}
    )
    for field in ("Abmatic_First_Campaign__c", "first_campaign"):
        Finding.objects.create(run_id=write.run_id, reason="conflict", local_id=ann.pk, field=field, value=CAMPAIGN)
    assert {"visitor", "web_session", "contact", "change", "salesforce_write", "issue", "finding"} <= tables_with(
        KEY, CAMPAIGN, PATH
    )
    counted = people.erase(str(ann.work_email), only_count=True)
    assert (counted.erased.events, counted.tasks, counted.in_salesforce, counted.writes) == (3, 1, 1, 1)
    assert VisitTask.objects.exists()
    assert people.erase(str(ann.work_email)) == counted
    # The mirror is what Salesforce has, where the person's record is too; and of their company it is told what was.
    assert tables_with(KEY, CAMPAIGN, PATH) <= {"mirror_contact", "change"}
    told = Change.objects.filter(record="contact", record_id=ann.pk, field__in=[each.name for each in ENGAGEMENT])
    assert set(told.values_list("before", "after")) == {(None, None)}
    assert set(Change.objects.filter(before=CAMPAIGN).values_list("record", flat=True)) <= {"account"}
    assert not VisitTask.objects.exists()
    assert kept(ann) == []
    write.refresh_from_db()
    assert (write.state, write.before) == ("written", {"Title": "CTO"})
    assert Issue.objects.get().sent == {"Title": "CTO"}
    assert len(tasks(live)) == 1, "and the task is Salesforce's"
    # Neither does it come back with the next look or the next sync, which empties Salesforce's fields.
    write_due(LATER)
    live.sync_well("Contact")
    assert kept(ann) == []
    assert live.rows('SELECT "Abmatic_First_Campaign__c" FROM "Contact" WHERE "Id" = ?', write.sf_id) == [(None,)]
    live.sync_well("Contact")
    assert tables_with(KEY, CAMPAIGN, PATH) <= {"change"}


def test_values_of_fields_that_were_mapped_once_go_too(live: Live, ann: Contact) -> None:
    live.sync_well("Contact")
    spec = OBJECTS["Contact"]
    seen = look(live.connection, spec)
    mappings = [
        {"salesforce": m.salesforce, "abmatic": m.abmatic} for m in seen.state.mappings if m.salesforce not in COMPUTED
    ]
    save(live.connection, spec, {"mappings": mappings}, mark=seen.mark, by=COMMAND_LINE)
    assert not FieldMapping.objects.filter(sf_field__in=COMPUTED).exists()
    assert kept(ann)
    people.erase(str(ann.work_email))
    assert kept(ann) == []


def test_what_the_org_had_of_its_own_comes_back_with_an_undo(live: Live, ann: Contact) -> None:
    """A score mapped to a field that is in use there, and that empties what is there: nobody was ever erased."""
    field = "Abmatic_Engagement_Score__c"
    live.sync_well("Contact")
    written = MirrorContact.objects.get(local_id=ann.pk, role=1).sf_id
    theirs = MirrorContact.objects.filter(role=1).exclude(local_id=ann.pk).order_by("sf_id")[0].sf_id
    with live.editing() as session:
        session.update("Contact", theirs, {field: 77})
    FieldMapping.objects.filter(sf_field=field).update(clear_with_empty=True)
    Contact.objects.filter(pk=ann.pk).update(engagement_score=None)
    run = live.sync_well("Contact", full=True)["Contact"]
    values = f'SELECT "{field}" FROM "Contact" WHERE "Id" = ?'
    assert [live.rows(values, sf_id) for sf_id in (theirs, written)] == [[(None,)], [(None,)]]
    made = runs.undo(run)
    execute(made.pk)
    made.refresh_from_db()
    assert made.state == "succeeded", made.outcome
    # What we wrote ourselves is not kept.
    assert [live.rows(values, sf_id) for sf_id in (theirs, written)] == [[(77,)], [(None,)]]


def test_a_visit_that_is_somebody_elses_by_now_keeps_its_task(live: Live, ann: Contact) -> None:
    """So that it doesn't get another one."""
    assert write_due(LATER) == 1
    other = Visitor.objects.create(key="bobs", first_seen_at=LATER, last_seen_at=LATER)
    WebSession.objects.filter(contact_id=ann.pk).update(visitor=other, contact_id=None)
    assert people.erase(str(ann.work_email)).tasks == 0
    assert VisitTask.objects.values_list("who", "state").get() == ("", "written")


def test_not_while_a_sync_writes_it(live: Live, ann: Contact) -> None:
    live.sync_well("Contact")
    Write.objects.filter(local_id=ann.pk).update(state="sent")
    with pytest.raises(WriteUnderWay, match=r"Contacts of “.+”.*erase again"):
        people.erase(str(ann.work_email))
    assert Visitor.objects.filter(key=KEY).exists()
    # Of another field's write nothing has to go.
    Write.objects.filter(local_id=ann.pk).update(sent={"Title": "CTO"}, before={})
    people.erase(str(ann.work_email))
    assert not Visitor.objects.filter(key=KEY).exists()


@pytest.mark.parametrize("state", ["planned", "sent"])
def test_of_a_disabled_connection_nothing_is_waited_for(live: Live, ann: Contact, state: str) -> None:
    """Its org may be gone; and if it comes back, the next sync copes with what is left."""
    live.sync_well("Contact")
    write = Write.objects.get(local_id=ann.pk, sobject="Contact")
    assert write.batch is not None
    Write.objects.filter(pk=write.pk).update(state=state)
    Batch.objects.filter(pk=write.batch_id).update(state="unknown")
    Connection.objects.update(status="inactive")
    run = Run.objects.filter(sobject="Contact").latest("pk")
    Run.objects.filter(pk=run.pk).update(state="running")
    with pytest.raises(WriteUnderWay, match="cancel the sync and disable the connection"):
        people.erase(str(ann.work_email))
    Run.objects.filter(pk=run.pk).update(state="failed")
    people.erase(str(ann.work_email))
    assert kept(ann) == []
    assert Write.objects.filter(pk=write.pk).exists() == (state == "sent")
    Connection.objects.update(status="active")
    live.sync_well("Contact")
    assert kept(ann) == []
    assert not Write.objects.filter(state__in=["planned", "sent"]).exists()


def test_records_that_a_bulk_job_made_there_are_waited_for_a_week(live: Live, ann: Contact) -> None:
    live.sync_well("Contact")
    write = Write.objects.get(local_id=ann.pk, sobject="Contact")
    Write.objects.filter(pk=write.pk).update(state="sent", operation="create")
    Batch.objects.filter(pk=write.batch_id).update(state="unknown", job_id="750000000000001AAA")
    Connection.objects.update(status="inactive")
    with pytest.raises(WriteUnderWay, match="eight days"):
        people.erase(str(ann.work_email))
    Write.objects.filter(pk=write.pk).update(at=write.at - timedelta(days=9))
    people.erase(str(ann.work_email))
    assert kept(ann) == []


def beside(verb: Callable[[], Any], one: ThreadPoolExecutor) -> Future[Any]:
    """Another process at work, as far as it comes."""

    def work() -> Any:
        try:
            return verb()
        finally:
            connection.close()

    done = one.submit(work)
    wait_for_lock_or(done)
    return done


def test_a_push_that_compares_meanwhile_plans_nothing_of_before(
    live: Live, ann: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = people._forget_values
    with ThreadPoolExecutor(1) as one:
        pushes: list[Future[Any]] = []

        def forget(*args: Any) -> int:
            found = real(*args)
            pushes.append(beside(lambda: live.sync("Contact"), one))
            return found

        monkeypatch.setattr(people, "_forget_values", forget)
        people.erase(str(ann.work_email))
        assert pushes[0].result()["Contact"].state == "succeeded"
    assert kept(ann) == []


def test_no_task_is_written_meanwhile(live: Live, ann: Contact, monkeypatch: pytest.MonkeyPatch) -> None:
    real = people._forget_values
    with ThreadPoolExecutor(1) as one:
        written: list[int] = []

        def forget(*args: Any) -> int:
            written.append(beside(lambda: write_due(LATER), one).result())
            return real(*args)

        monkeypatch.setattr(people, "_forget_values", forget)
        people.erase(str(ann.work_email))
    assert written == [0]
    assert (write_due(LATER), tasks(live)) == (0, [])


def test_a_task_that_is_just_sent_is_waited_for(live: Live, ann: Contact, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Client.create_records
    with ThreadPoolExecutor(1) as one:
        erasing: list[Future[Any]] = []

        def slow(self: Client, sobject: str, records: Sequence[Any], **more: Any) -> list[RowOutcome]:
            erasing.append(beside(lambda: people.erase(str(ann.work_email)), one))
            assert not erasing[0].done()
            return real(self, sobject, records, **more)

        monkeypatch.setattr(Client, "create_records", slow)
        assert write_due(LATER) == 1
        assert erasing[0].result().in_salesforce == 1
    assert not VisitTask.objects.exists()
