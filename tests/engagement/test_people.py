"""What is known of a person's visits is told whole, and erased from every table."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from psycopg import sql
from tests.engagement.test_identifying import followed, in_thread, said, sent, wait_for_lock_or
from tests.engagement.visits import did, site_that_makes_people

from abmatic.attribution.refreshing import refresh as refresh_touches
from abmatic.audiences.fields import COMPUTED
from abmatic.audiences.models import Contact
from abmatic.changes.models import Change
from abmatic.engagement import people, scoring
from abmatic.engagement.identifying import identify
from abmatic.engagement.models import Engagement, Visitor, WebSession
from abmatic.engagement.people import Erased, Person
from abmatic.engagement.sessions import make_sessions
from abmatic.tracking import store
from abmatic.tracking.events import WebEvent
from abmatic.tracking.store import Session

pytestmark = pytest.mark.django_db(transaction=True)

ANN = "ann.unmistakable@acme.com"
# The record itself, and the log of its making, are the CRM's affair and not the visits'.
OF_THE_RECORD = {"contact", "change"}


def come(*events: WebEvent) -> None:
    store.append(events)
    make_sessions()
    identify()
    scoring.refresh()


def tables_with(*texts: str) -> set[str]:
    """The tables that hold one of these texts anywhere."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class AS c WHERE c.relkind = 'r' "
            "AND c.relnamespace = 'public'::regnamespace AND NOT starts_with(c.relname, 'procrastinate')"
        )
        names = [name for (name,) in cursor.fetchall()]
        found = set()
        for name in names:
            statement = sql.SQL("SELECT EXISTS (SELECT FROM {} AS t WHERE t::text ILIKE ANY (%s))")
            cursor.execute(statement.format(sql.Identifier(name)), [[f"%{text}%" for text in texts]])
            if cursor.fetchone() == (True,):
                found.add(name)
    return found


@pytest.fixture
def ann() -> Contact:
    """Came on two browsers, one of them by a link, and anonymously before; Bob came as well."""
    site_that_makes_people()
    come(
        did(0, visitor="anns-laptop-key"), sent(40, ANN, "anns-laptop-key", first_name="Ann"),
        said(0, "bob@acme.com", "bobs-key"),
    )  # fmt: skip
    ann = Contact.objects.get(email_key=ANN)
    come(followed(100, ann.pk, "anns-phone-key"))
    return ann


def test_everything_is_told(ann: Contact) -> None:
    told: dict[str, list[dict[str, Any]]] = people.told(f" {ANN.upper()} ".strip())
    assert {name: len(rows) for name, rows in told.items()} == {
        "visitor": 2, "visitor_sign": 2, "web_session": 3, "web_form": 1, "engagement": 1, "web_event": 3,
    }  # fmt: skip
    assert {row["visitor"] for row in told["web_event"]} == {"anns-laptop-key", "anns-phone-key"}
    assert {row["contact_id"] for row in told["web_session"]} == {ann.pk}


def test_everything_is_erased_from_every_table(ann: Contact) -> None:
    refresh_touches()
    keys = ("anns-laptop-key", "anns-phone-key")
    assert {"visitor", "visitor_sign"} <= tables_with(ANN, *keys)
    found = Erased(events=3, visitors=2, sessions=3, forms=1, signs=2)
    assert people.erase(f" {ANN.upper()} ", only_count=True) == found
    assert WebSession.objects.filter(contact_id=ann.pk).count() == 3, "counted only"
    assert people.erase(f" {ANN.upper()} ") == found
    assert tables_with(ANN, *keys) <= OF_THE_RECORD
    assert not WebSession.objects.filter(contact_id=ann.pk).exists()
    assert not Engagement.objects.filter(record="contact", record_id=ann.pk).exists()
    ann.refresh_from_db()
    assert (ann.engagement_score, ann.last_visit_on) == (None, None)
    # That the fields changed is still told to whoever follows the log, but not from what to what.
    told = Change.objects.filter(record="contact", record_id=ann.pk, field__in=COMPUTED)
    assert "engagement_score" in set(told.values_list("field", flat=True))
    assert set(told.values_list("before", "after")) == {(None, None)}
    refresh_touches()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM touch WHERE contact_id = %s", [ann.pk])
        assert cursor.fetchone() == (0,)
    # Nothing comes back when the events are read on.
    make_sessions()
    assert list(Visitor.objects.values_list("key", flat=True)) == ["bobs-key"]
    assert people.erase(ANN) == Erased(0, 0, 0, 0, 0)


def test_others_keep_what_is_theirs(ann: Contact) -> None:
    bob = Contact.objects.get(email_key="bob@acme.com")
    people.erase(ANN)
    assert WebSession.objects.get().contact_id == bob.pk
    account = Engagement.objects.get(record="account", record_id=bob.account_id)
    assert account.visits == 1
    assert [row["visitor"] for row in people.told("bob@acme.com")["web_event"]] == ["bobs-key"]


def test_a_link_that_was_forwarded_leaves_the_other_their_browser(ann: Contact) -> None:
    bob = Contact.objects.get(email_key="bob@acme.com")
    come(followed(200, ann.pk, "bobs-key"))
    erased = people.erase(ANN)
    assert (erased.visitors, erased.signs) == (2, 3)
    assert set(Visitor.objects.values_list("key", "contact_id")) == {("bobs-key", bob.pk)}
    assert set(WebSession.objects.values_list("contact_id", flat=True)) == {bob.pk}


def test_what_was_not_read_yet_is_erased_too(ann: Contact) -> None:
    store.append([did(200, visitor="anns-laptop-key")])
    assert people.erase(ANN).events == 4
    make_sessions()
    assert not Visitor.objects.filter(key="anns-laptop-key").exists()


def test_it_is_one_transaction(ann: Contact, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed at its end, nothing is erased, and it can be done again."""
    before = people.told(ANN)

    class Killed(BaseException):
        """As a process ends."""

    def dies(*args: Any) -> int:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(people, "empty", dies)
        with pytest.raises(Killed):
            people.erase(ANN)
    assert people.told(ANN) == before
    ann.refresh_from_db()
    assert ann.engagement_score
    assert people.erase(ANN).visitors == 2


def test_nobody_is_made_of_a_sign_while_they_are_erased() -> None:
    site_that_makes_people()
    store.append([sent(0, ANN, "anns-laptop-key")])
    make_sessions()
    with ThreadPoolExecutor(1) as one:
        judging: list[Future[Any]] = []

        def meanwhile(session: Session, person: Person) -> None:
            assert person.contact is None
            judging.append(one.submit(in_thread, identify))
            wait_for_lock_or(judging[0])

        people.erase(ANN, also=meanwhile)
        assert judging[0].result() == 0
    assert not Contact.objects.exists()
    assert tables_with(ANN, "anns-laptop-key") == set()
