"""Which runs a filter of the Activity Log leaves, and in which of them something happened to a record."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.db import transaction
from django.utils import timezone
from tests.web import org

from abmatic.changes.models import Cause
from abmatic.identity.models import User
from abmatic.sync import activity
from abmatic.sync.activity import Filter, listed, meant
from abmatic.sync.models import Connection, Issue, MirrorCampaign, Run, Write

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection() -> Connection:
    return org.connect()


def ids(**wanted: Any) -> list[int]:
    return [run.pk for run in listed(Filter(**wanted))]


def written(run: Run, local_id: int, state: str = "written", sobject: str = "Account") -> None:
    Write.objects.create(
        run=run, connection=run.connection, sobject=sobject, local_id=local_id, operation="update", state=state
    )


class TestWhatIsLeftForAPerson:
    @pytest.mark.parametrize(
        ("pushed", "number"),
        [({}, 0), ({"refused": 0, "held": 0, "waiting": 9, "returned": 2}, 0), ({"refused": 2, "held": 5}, 7)],
    )
    def test_what_was_refused_or_is_held_back(self, connection: Connection, pushed: Any, number: int) -> None:
        run = org.run(connection, direction="both", pushed=pushed)
        assert run.refused == number
        assert run.status == ("Succeeded with 7 refused" if number else "Succeeded")
        assert ids(state=activity.REFUSED) == ([run.pk] if number else [])

    def test_a_failed_run_stays_failed(self, connection: Connection) -> None:
        run = org.run(connection, state="failed", pushed={"refused": 1})
        assert run.status == "Failed"
        assert ids(state=activity.REFUSED) == [run.pk]


class TestFilter:
    def test_each_part(self, connection: Connection) -> None:
        oscar = User.objects.create_user("oscar@example.com")
        other, now = org.connect(), timezone.now()
        mine = org.run(connection, "Lead", direction="both", trigger="schedule", started_by=oscar, state="failed")
        Run.objects.filter(pk=mine.pk).update(queued_at=now - timedelta(days=3))
        others = [org.run(connection).pk, org.run(other, "Contact").pk]
        for part in (
            {"sobject": "Lead"}, {"direction": "both"}, {"state": "failed"}, {"trigger": "schedule"},
            {"started_by": oscar.pk}, {"until": now - timedelta(days=1)},
        ):  # fmt: skip
            assert ids(**part) == [mine.pk], part
        assert ids(since=now - timedelta(days=1)) == others[::-1]
        assert ids(connection=other) == [others[1]]
        assert ids() == [*others[::-1], mine.pk]
        assert activity.people(connection) == [oscar]
        assert activity.people(other) == []

    def test_pages(self, connection: Connection) -> None:
        made = [org.run(connection).pk for _ in range(5)]
        assert [run.pk for run in listed(Filter(connection), before=made[3], limit=2)] == [made[2], made[1]]


class TestOfARecord:
    def test_made_changed_written_or_refused(self, connection: Connection) -> None:
        runs = [org.run(connection) for _ in range(6)]
        made, changed, wrote, refused, held, nothing = runs
        account, bystander = org.account("Acme", cause=made.cause), org.account("Acme Two")
        assert changed.cause is not None
        org.change(account, "city", "Rome", "Bonn", cause=changed.cause)
        org.change(account, "city", "Bonn", "Graz", cause=Cause.objects.create(kind="user"))
        written(wrote, account.pk)
        written(refused, account.pk, "refused")
        # The same number, and another kind of record.
        written(nothing, account.pk, sobject="Opportunity")
        written(nothing, bystander.pk)
        Issue.objects.create(connection=connection, sobject="Account", local_id=account.pk, code="X", run=held)
        found = meant(f"account:{account.pk}")
        assert [str(one) for one in found] == [f"account:{account.pk} (Acme)"]
        assert ids(of=found) == [run.pk for run in (held, refused, wrote, changed, made)]
        assert ids(of=found, connection=org.connect()) == []
        assert ids(of=()) == []

    def test_is_meant_by_salesforce_id_name_or_how_that_begins(self, connection: Connection) -> None:
        account = org.account("Acme 100% \\ Ltd", domain="acme.com")
        org.link(connection, account, "001580000000001AAA")
        person = org.contact("Müller", first_name="Jane", work_email="jane@acme.com", email_key="jane@acme.com")
        deal, fair = org.opportunity(account, "Renewal"), org.campaign("Fair")
        MirrorCampaign.objects.create(
            connection=connection, sf_id="701580000000001AAA", modstamp=timezone.now(), local_id=fair.pk
        )
        for text, record in (
            ("001580000000001AAA", account), ("001580000000001", account), ("001580000000002", None),
            ("acme.com", account), ("ACME 1", account),
            (" acme 100% \\ ltd ", account), ("müll", person), ("jane müller", person), ("john müller", None),
            ("jane@acme.com", person), ("renew", deal), ("fair", fair), ("701580000000001AAA", fair), ("zzz", None),
            ("...", None), ("\x00", None), ("'; --", None),
        ):  # fmt: skip
            assert [one.id for one in meant(text)] == ([record.pk] if record else []), text

    def test_of_many_of_one_name_some_are_meant(self) -> None:
        org.accounts(50)
        assert len(meant("firm")) == activity.MOST_MEANT


def test_indexes_find_them(connection: Connection) -> None:
    """However many runs and changes there are: nothing is read from one end to the other."""
    account = org.account("Acme")
    states = ["succeeded"] * 97 + ["failed", "cancelled", "succeeded"]
    made = Run.objects.bulk_create(
        Run(connection=connection, sobject="Account", batch=uuid.uuid4(), trigger="schedule", state=state,
            pushed={"refused": int(place == 99), "held": 0})
        for _ in range(30) for place, state in enumerate(states)
    )  # fmt: skip
    Run.objects.filter(pk__lt=made[-100].pk).update(queued_at=timezone.now() - timedelta(days=9))
    plans = {
        "run_refused": Filter(connection, state=activity.REFUSED),
        "run_by_state": Filter(connection, state="failed"),
        "run_by_time": Filter(connection, since=timezone.now() - timedelta(hours=1), until=timezone.now()),
        # Which of their indexes depends on what the tables hold: what counts is that none is read as a whole.
        "": Filter(connection, of=meant(f"account:{account.pk}")),
    }
    for index, wanted in plans.items():
        with transaction.atomic(), database.cursor() as cursor:
            cursor.execute("ANALYZE run")
            cursor.execute("SET LOCAL enable_seqscan = off")
            # A page is as well read from the newest run on; what is asked here is what can be looked up.
            where = activity.conditions(wanted).as_string(database.connection)
            cursor.execute(f"EXPLAIN SELECT r.state, r.queued_at, r.pushed FROM run AS r WHERE {where}")
            plan = "\n".join(row[0] for row in cursor.fetchall())
        assert index in plan, plan
        assert "Seq Scan" not in plan, plan
