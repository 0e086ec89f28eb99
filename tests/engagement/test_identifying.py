"""Whose visit it was: by an address that was given or a link that was sent; the visits before join."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core import signing
from django.db import connection
from django.utils import timezone
from tests.engagement.visits import at, did, site_that_makes_people

from abmatic.audiences import editing
from abmatic.audiences.editing import Edit
from abmatic.audiences.models import Account, Contact
from abmatic.changes.models import Cause, Change
from abmatic.engagement import links
from abmatic.engagement.identifying import _judge_some, confidence_label, identify, person_of
from abmatic.engagement.models import NewPeople, Visitor, VisitorSign, WebSession
from abmatic.engagement.sessions import make_sessions
from abmatic.postgres import sessions
from abmatic.tracking import store
from abmatic.tracking.events import Kind, WebEvent
from abmatic.tracking.models import TrackingSite

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def site(transactional_db: None) -> TrackingSite:
    """People are made of forms and identify()."""
    return site_that_makes_people()


def sent(minutes: float, email: str, visitor: str = "ann", **fields: str) -> WebEvent:
    """A form with an e-mail address."""
    properties = {"form": "demo", "fields": {"email": email, **fields}, "email": email}
    return did(minutes, Kind.FORM, visitor, path="/demo", properties=properties)


def said(minutes: float, email: str, visitor: str = "ann", **values: str) -> WebEvent:
    """The site said who it is."""
    return did(minutes, Kind.IDENTIFY, visitor, properties={"email": email, **values})


def followed(minutes: float, contact: int, visitor: str = "ann") -> WebEvent:
    """A link in an e-mail was followed."""
    return did(minutes, visitor=visitor, click_ids={"ab": links.token_for(contact)})


def come(*events: WebEvent) -> None:
    store.append(events)
    make_sessions()
    identify()


def whose() -> list[tuple[str, int | None]]:
    return list(WebSession.objects.order_by("began_at").values_list("visitor__key", "contact_id"))


def test_a_form_makes_the_person_and_the_company_and_the_visits_before_are_theirs() -> None:
    come(did(0), did(100), did(0, visitor="bob"))
    assert {contact for _, contact in whose()} == {None}
    come(sent(101, "Ann@Acme.com", first_name="Ann", last_name="Lee", company="Acme", job_title="CTO"))
    ann, acme = Contact.objects.get(), Account.objects.get()
    assert (ann.work_email, ann.email_key, ann.first_name, ann.last_name, ann.job_title) == (
        "ann@acme.com", "ann@acme.com", "Ann", "Lee", "CTO",
    )  # fmt: skip
    assert (acme.name, acme.domain, ann.account_id) == ("Acme", "acme.com", acme.pk)
    visits = WebSession.objects.filter(visitor__key="ann")
    assert set(visits.values_list("contact_id", "account_id")) == {(ann.pk, acme.pk)}
    assert visits.count() == 2
    assert WebSession.objects.get(visitor__key="bob").contact_id is None
    visitor = Visitor.objects.get(key="ann")
    assert (visitor.contact_id, visitor.account_id, visitor.confidence, visitor.known_by) == (
        ann.pk,
        acme.pk,
        90,
        "form",
    )
    # The log says so: that is what the push reads.
    made = Change.objects.filter(field="").values_list("record", "record_id", "cause__kind", "cause__note")
    assert set(made) == {
        ("contact", ann.pk, "web", "E-mail address in a form, /demo"),
        ("account", acme.pk, "web", "E-mail address in a form, /demo"),
    }
    come(did(300))
    assert WebSession.objects.filter(contact_id=ann.pk).count() == 3, "and later visits are theirs"


def test_who_is_there_already_stays_as_they_are() -> None:
    globex = Account.objects.create(name="Globex", website="globex.com", domain="globex.com")
    ann = Contact.objects.create(work_email="ann@acme.com", email_key="ann@acme.com", last_name="Lee", account=globex)
    come(sent(0, " ANN@acme.com ", last_name="Changed", job_title="Intern"))
    ann.refresh_from_db()
    assert (ann.last_name, ann.job_title, Contact.objects.count()) == ("Lee", None, 1)
    assert set(Account.objects.values_list("pk", flat=True)) == {globex.pk}
    assert WebSession.objects.values_list("contact_id", "account_id").get() == (ann.pk, globex.pk)
    assert not Change.objects.exists()


def test_a_company_that_is_there_is_found_by_its_domain() -> None:
    acme = Account.objects.create(name="Acme", website="www.acme.com", domain="acme.com")
    come(sent(0, "ann@mail.acme.com"), sent(1, "bob@acme.com", "bob", company="Other name"))
    assert set(Contact.objects.values_list("account_id", flat=True)) == {acme.pk}
    assert Account.objects.get().name == "Acme"


@pytest.mark.parametrize("email", ["ann@gmail.com", "ann@web.de", "ann@example.com"])
def test_free_mail_makes_a_person_and_no_company(email: str) -> None:
    come(sent(0, email, company="Acme"))
    assert Contact.objects.get().account_id is None
    assert not Account.objects.exists()


def test_several_forms_of_one_person_make_one() -> None:
    come(
        sent(0, "ann@acme.com", name="Ann Mary Lee"),
        sent(1, "ANN@acme.com", job_title="CTO", last_name="Later"),
        said(2, "bob@acme.com", "bob", first_name="Bob", plan="pro"),
    )
    ann = Contact.objects.get(email_key="ann@acme.com")
    assert (ann.first_name, ann.last_name, ann.job_title) == ("Ann Mary", "Lee", "CTO")
    assert Contact.objects.get(email_key="bob@acme.com").first_name == "Bob"
    assert Account.objects.count() == 1


def test_what_cannot_be_taken_is_left_out() -> None:
    come(sent(0, "ann@acme.com", last_name="Lee", job_title="x" * 5000), sent(1, "no@one@", "bob"))
    assert Contact.objects.get().last_name == "Lee"
    assert VisitorSign.objects.get(visitor__key="bob").problem == "What was given is no e-mail address"
    assert Visitor.objects.get(key="bob").confidence == 0


def test_a_link_says_who_follows_it() -> None:
    ann = Contact.objects.create(work_email="ann@acme.com", email_key="ann@acme.com", last_name="Lee")
    come(did(0), followed(100, ann.pk))
    assert whose() == [("ann", ann.pk), ("ann", ann.pk)]
    visitor = Visitor.objects.get()
    assert (visitor.confidence, visitor.known_by) == (70, "link")
    assert confidence_label(visitor.confidence) == "Likely"


def test_a_link_that_was_made_up_says_nothing() -> None:
    ann = Contact.objects.create(work_email="ann@acme.com", email_key="ann@acme.com", last_name="Lee")
    token = links.token_for(ann.pk)
    forged = [
        f"{ann.pk}.x",
        token[:-1],
        token.replace(str(ann.pk), str(ann.pk + 1), 1),
        # Of another day.
        token.replace(token.split(".")[1], str(int(token.split(".")[1]) + 1), 1),
        signing.Signer().sign(ann.pk),
        "",
    ]
    come(*(did(minute, visitor=f"v{minute}", click_ids={"ab": each}) for minute, each in enumerate(forged)))
    come(followed(50, 999_999, "gone"))
    assert {contact for _, contact in whose()} == {None}
    assert VisitorSign.objects.exclude(problem="").count() == 7


def test_a_link_counts_for_some_days(settings: Any) -> None:
    ann = Contact.objects.create(work_email="ann@acme.com", email_key="ann@acme.com", last_name="Lee")
    # The events are of 20 November.
    token = links.token_for(ann.pk, datetime(2026, 8, 22, 23, 59, tzinfo=UTC))
    assert links.contact_of(token, at(0)) == ann.pk, "ninety days, the last of them whole"
    old = links.token_for(ann.pk, datetime(2026, 8, 21, 23, 59, tzinfo=UTC))
    come(did(0, click_ids={"ab": old}))
    assert whose() == [("ann", None)]
    assert VisitorSign.objects.get().problem == "The link was made more than 90 days before (ABMATIC_LINK_DAYS)"
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, link_days=None)
    assert links.contact_of(old, at(0)) == ann.pk


def test_a_forwarded_link_makes_nobody_another_person() -> None:
    ann = Contact.objects.create(work_email="ann@acme.com", email_key="ann@acme.com", last_name="Lee")
    come(said(0, "bob@acme.com"), followed(100, ann.pk))
    bob = Contact.objects.get(email_key="bob@acme.com")
    assert whose() == [("ann", bob.pk), ("ann", bob.pk)]


def test_two_people_at_one_device_are_kept_apart() -> None:
    come(did(0), said(100, "ann@acme.com"), did(200), said(300, "bob@acme.com"), did(400))
    ann, bob = (Contact.objects.get(email_key=f"{name}@acme.com").pk for name in ("ann", "bob"))
    assert [contact for _, contact in whose()] == [ann, ann, ann, bob, bob]
    assert Visitor.objects.get().contact_id == bob


def test_what_was_given_is_not_kept_a_second_time() -> None:
    come(sent(0, "ann@acme.com", first_name="Ann"))
    sign = VisitorSign.objects.get()
    assert (sign.given, sign.is_judged, sign.contact_id) == ({}, True, Contact.objects.get().pk)


def counted() -> tuple[int, int, int]:
    return NewPeople.objects.values_list("made", "over_limit", "switched_off").get()


def test_unless_it_is_switched_on_nobody_is_made_and_who_is_here_is_known(site: TrackingSite) -> None:
    assert not TrackingSite(name="New").makes_people
    TrackingSite.objects.update(makes_people=False)
    ann = Contact.objects.create(work_email="ann@acme.com", email_key="ann@acme.com", last_name="Lee")
    come(sent(0, "ann@acme.com"), said(1, "bob@globex.com", "bob"), said(2, "Bob@globex.com", "bob"))
    assert whose() == [("ann", ann.pk), ("bob", None)]
    assert (Contact.objects.count(), Account.objects.count(), Change.objects.count()) == (1, 0, 0)
    assert counted() == (0, 0, 1)
    assert "makes no people" in VisitorSign.objects.filter(visitor__key="bob")[0].problem
    # Once a sync brings him the visits are his.
    bob = Contact.objects.create(work_email="bob@globex.com", email_key="bob@globex.com", last_name="B")
    identify()
    assert whose() == [("ann", ann.pk), ("bob", bob.pk)]
    assert not VisitorSign.objects.filter(visitor__key="bob").exclude(problem="").exists()
    assert counted() == (0, 0, 1)


def test_a_site_that_is_not_there_makes_nobody() -> None:
    come(did(0, Kind.IDENTIFY, site=2, properties={"email": "ann@acme.com"}))
    assert not Contact.objects.exists()


def test_a_day_has_a_limit() -> None:
    TrackingSite.objects.update(new_people_a_day=2)
    come(*(said(n, f"p{n}@c{n}.com", f"v{n}") for n in range(2)), said(3, "p0@c0.com", "v3"))
    come(said(4, "p4@c4.com", "v4"), said(5, "p1@c1.com", "v5"))
    assert (Contact.objects.count(), Account.objects.count(), counted()) == (2, 2, (2, 1, 0))
    assert "as many people" in VisitorSign.objects.get(visitor__key="v4").problem
    assert VisitorSign.objects.get(visitor__key="v5").contact_id is not None
    NewPeople.objects.update(day="2026-11-01")
    come(said(6, "p4@c4.com", "v4"))
    assert Contact.objects.count() == 3, "and the next day has its own"


def test_somebody_who_came_meanwhile_stays_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    def save(record: str, edits: list[Edit], cause: Any) -> Any:
        if record == "contact":
            Contact.objects.create(work_email="ann@acme.com", email_key="ann@acme.com", last_name="Of the CRM")
        else:
            Account.objects.create(name="Of the CRM", website="acme.com", domain="acme.com")
        return real(record, edits, cause)

    real = editing.save
    monkeypatch.setattr(editing, "save", save)
    come(sent(0, "ann@acme.com", last_name="Typed", job_title="Intern", company="Typed"))
    ann = Contact.objects.get()
    assert (ann.last_name, ann.job_title, Account.objects.get().name) == ("Of the CRM", None, "Of the CRM")
    assert whose() == [("ann", ann.pk)]
    assert not Change.objects.exists()


def test_each_page_and_kind_of_sign_has_a_cause_of_its_own() -> None:
    come(sent(0, "a@acme.com"), sent(1, "b@acme.com", "b"), said(2, "c@acme.com", "c"))
    notes = Change.objects.filter(record="contact").order_by("record_id").values_list("cause__note", flat=True)
    assert sorted(notes) == [
        "E-mail address in a form, /demo", "E-mail address in a form, /demo", "The site said who it is, /prices",
    ]  # fmt: skip


def wait_for_lock_or(done: Future[Any]) -> None:
    """Until somebody waits for a lock, or it is done without."""
    with sessions.session("watch") as watch:
        watch.autocommit = True
        while not done.done():
            asked = (
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            if watch.execute(asked).fetchone() != (0,):
                return


def test_who_is_due_while_somebody_says_that_they_are_not_stays_due() -> None:
    come(sent(0, "ann@acme.com"))
    Visitor.objects.update(is_due=True)
    VisitorSign.objects.update(is_judged=False)
    with sessions.session("other") as other, ThreadPoolExecutor(1) as one:
        other.execute("UPDATE visitor SET is_due = false")
        judged = one.submit(in_thread, lambda: _judge_some(10))
        wait_for_lock_or(judged)
        other.commit()
        assert judged.result() == 1
    assert Visitor.objects.get().is_due


def test_a_visitor_whose_sessions_are_being_made_is_left_to_the_next_time() -> None:
    come(sent(0, "ann@acme.com"), did(100))
    Visitor.objects.update(is_due=True)
    with sessions.session("other") as other, ThreadPoolExecutor(1) as one:
        other.execute("SELECT FROM visitor FOR UPDATE")
        other.execute("UPDATE web_session SET contact_id = NULL")
        assigned = one.submit(in_thread, identify)
        wait_for_lock_or(assigned)
        other.commit()
        assigned.result()
    identify()
    assert WebSession.objects.filter(contact_id=None).count() == 0


def in_thread(verb: Callable[[], Any]) -> Any:
    try:
        return verb()
    finally:
        connection.close()


def test_tried_again_nothing_changes() -> None:
    come(did(0), sent(1, "ann@acme.com"))
    before = list(WebSession.objects.values())
    VisitorSign.objects.update(is_judged=False)
    assert identify() == 1
    assert (list(WebSession.objects.values()), Contact.objects.count(), Cause.objects.count()) == (before, 1, 1)


@pytest.mark.parametrize(
    ("given", "person"),
    [
        ({"name": "Ann Lee"}, {"first_name": "Ann", "last_name": "Lee"}),
        ({"name": " Lee "}, {"last_name": "Lee"}),
        ({"name": "A B", "last_name": "C"}, {"last_name": "C"}),
        ({"first_name": "A", "name": "B C"}, {"first_name": "A", "last_name": "C"}),
        ({"email": "a@b.c", "plan": "pro", "phone": 1, "company": ""}, {}),
    ],
)
def test_a_person_of_what_was_given(given: dict[str, Any], person: dict[str, str]) -> None:
    assert person_of(given) == person


@pytest.mark.parametrize(("confidence", "label"), [(0, "Unknown"), (1, "Possible"), (60, "Likely"), (100, "Certain")])
def test_a_number_has_a_label(confidence: int, label: str) -> None:
    assert confidence_label(confidence) == label


def test_a_link_keeps_the_rest_of_its_address() -> None:
    made = links.link_for(7, "https://www.acme.com/a?x=1&ab=old&y=#top")
    parts = urlsplit(made)
    query = parse_qs(parts.query, keep_blank_values=True)
    assert (parts.path, parts.fragment, query["x"], query["y"]) == ("/a", "top", ["1"], [""])
    assert links.contact_of(query["ab"][0], timezone.now()) == 7
    with pytest.raises(links.NoLink, match=r"say https://www\.example\.com"):
        links.link_for(7, "javascript:alert(1)")
