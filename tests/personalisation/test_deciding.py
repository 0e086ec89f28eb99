"""What a page is answered: for whom, how steadily, how safely, in how few statements."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
import time_machine
from django.db import connection
from django.utils import timezone
from tests.personalisation import worlds
from tests.personalisation.worlds import HEADLINE, ORIGIN, Somebody, experience
from tests.tracking.conftest import uuid7

from abmatic.audiences.models import Account, Collection, CollectionMember, Contact
from abmatic.engagement.models import Visitor, WebSession
from abmatic.personalisation import managing, previewing, running
from abmatic.personalisation.models import Assignment, Variant
from abmatic.personalisation.wanted import ExperienceWanted
from abmatic.tracking.models import TrackingSite

pytestmark = pytest.mark.django_db

ANN = "visitor-ann-0123456789"
TWO = [{"name": "A", "changes": [HEADLINE]}, {"name": "B", "changes": [HEADLINE | {"value": "Hi"}]}]


def visitor(key: str = ANN, contact: Contact | None = None, account: Account | None = None) -> Visitor:
    now = timezone.now()
    return Visitor.objects.create(
        key=key,
        first_seen_at=now,
        last_seen_at=now,
        contact_id=contact and contact.pk,
        account_id=account and account.pk,
    )


def visit(of: Visitor, site: TrackingSite, ago: timedelta, **values: Any) -> WebSession:
    """A session that ended so long ago."""
    ended = timezone.now() - ago
    began = ended - timedelta(minutes=5)
    return WebSession.objects.create(
        visitor=of, site_id=site.pk, began_at=began, ended_at=ended, stay_began_at=began, stay_ended_at=ended,
        first_event=uuid7(began), events=1, pages=1, seconds=1, forms=0, clicks=0, channel="direct", channel_version=1,
        **values,
    )  # fmt: skip


@pytest.fixture
def ann(site: TrackingSite) -> Somebody:
    return Somebody(site, ANN)


def test_the_answer_is_what_is_to_be_changed_and_nothing_else(site: TrackingSite, ann: Somebody) -> None:
    contact = Contact.objects.create(last_name="Adler", work_email="ann@acme.com")
    visitor(contact=contact)
    made = experience(site)
    answer = ann.asks(made)
    assert answer.json() == {"experiences": [{"id": made.pk, "variant": made.variants.get().pk, "changes": [HEADLINE]}]}
    assert answer["Access-Control-Allow-Origin"] == ORIGIN
    assert answer["Cache-Control"] == "no-store"
    assert answer["Content-Length"] == str(len(answer.content))
    assert not answer.cookies


def test_the_control_group_is_told_so_and_changes_nothing(site: TrackingSite) -> None:
    made = experience(site, control_percent=50)
    told = [Somebody(site, f"visitor-{number:015}").asks(made).json()["experiences"][0] for number in range(40)]
    controls = [each for each in told if each["variant"] == 0]
    assert 5 < len(controls) < 35
    assert all(each["changes"] == [] for each in controls)
    assert Assignment.objects.filter(variant=None).count() == len(controls)


def test_only_what_is_asked_for_on_its_pages_in_its_time(site: TrackingSite, ann: Somebody) -> None:
    now = timezone.now()
    runs = experience(site, starts_at=now - timedelta(hours=1), ends_at=now + timedelta(hours=1))
    others = [
        experience(site, is_on=False), experience(site, starts_at=now + timedelta(hours=1)),
        experience(site, ends_at=now - timedelta(hours=1)), experience(site, pages=["/blog/*"]),
        experience(TrackingSite.objects.create(name="B", origins=["https://b.example"])),
    ]  # fmt: skip
    not_asked_for = experience(site)
    assert set(ann.sees(runs, *others)) == {runs.pk}
    assert set(ann.sees(runs, *others, url=f"{ORIGIN}/blog/x")) == {others[3].pk}
    assert set(Assignment.objects.values_list("experience", flat=True)) == {runs.pk, others[3].pk}
    assert not_asked_for.pk not in ann.sees(runs)


def test_a_collection_of_contacts_or_of_accounts(site: TrackingSite, ann: Somebody) -> None:
    account = Account.objects.create(name="Acme")
    contact = Contact.objects.create(last_name="Adler", work_email="ann@acme.com", account=account)
    made = {}
    for record, member in (("contact", contact.pk), ("account", account.pk)):
        collection = Collection.objects.create(name=record, record=record)
        CollectionMember.objects.create(collection=collection, record_id=member)
        made[record] = experience(site, collection=collection.pk)
    both = (made["contact"], made["account"])
    assert ann.sees(*both) == {}
    seen = visitor(contact=contact)
    assert set(ann.sees(*both)) == {each.pk for each in both}
    Visitor.objects.filter(pk=seen.pk).update(contact_id=None, account_id=account.pk)
    assert set(ann.sees(*both)) == {made["account"].pk}
    CollectionMember.objects.all().delete()
    assert ann.sees(*both) == {}


def test_nobody_is_in_a_collection_that_is_gone(site: TrackingSite, ann: Somebody) -> None:
    collection = Collection.objects.create(name="Gone", record="account")
    made = experience(site, collection=collection.pk)
    visitor(account=Account.objects.create(name="Acme"))
    collection.delete()
    assert ann.sees(made) == {}


def test_known_and_returning(site: TrackingSite, ann: Somebody) -> None:
    known, unknown = experience(site, known="known"), experience(site, known="unknown")
    first, later = experience(site, visit="first"), experience(site, visit="returning")
    every = (known, unknown, first, later)
    assert set(ann.sees(*every)) == {unknown.pk, first.pk}
    seen = visitor()
    visit(seen, site, timedelta(minutes=2))
    assert set(ann.sees(*every)) == {unknown.pk, first.pk}, "the visit that is under way is no earlier one"
    visit(seen, site, timedelta(days=2))
    contact = Contact.objects.create(last_name="Adler", work_email="ann@acme.com")
    Visitor.objects.filter(pk=seen.pk).update(contact_id=contact.pk)
    assert set(ann.sees(*every)) == {known.pk, later.pk}


def test_utm_of_the_page_of_the_page_before_and_of_the_visit(site: TrackingSite, ann: Somebody) -> None:
    made = experience(site, utm_source="News", utm_campaign="may")
    utm = "utm_source=news&utm_campaign=May"
    assert ann.sees(made) == {}
    assert ann.sees(made, url=f"{ORIGIN}/prices?{utm}")
    assert ann.sees(made, referrer=f"{ORIGIN}/?{utm}")
    assert not ann.sees(made, referrer=f"https://other.example/?{utm}")
    seen = visitor()
    visit(seen, site, timedelta(minutes=2), source="news", campaign="may")
    assert ann.sees(made)
    assert not ann.sees(made, url=f"{ORIGIN}/prices?utm_source=other"), "another campaign brought them"
    WebSession.objects.update(stay_ended_at=timezone.now() - timedelta(hours=1))
    assert not ann.sees(made), "that was an earlier visit"


def test_what_was_decided_stays_whatever_the_weights_are_later(site: TrackingSite) -> None:
    made = experience(site, variants=TWO, control_percent=30)
    people = [Somebody(site, f"visitor-{number:015}") for number in range(40)]
    before = [each.sees(made) for each in people]
    assert len({told[made.pk] for told in before}) == 3
    assert [each.sees(made) for each in people] == before
    variants = managing.wanted_of(made)["variants"]
    told = managing.wanted_of(made) | {
        "control_percent": 0, "variants": [variants[0] | {"weight": 0}, variants[1] | {"weight": 9}]
    }  # fmt: skip
    managing.change(made.pk, ExperienceWanted.model_validate(told), by=worlds.ALICE)
    worlds.forget()
    assert [each.sees(made) for each in people] == before
    assert Somebody(site, "visitor-who-is-new-000").sees(made) == {made.pk: variants[1]["id"]}


def test_a_person_sees_the_same_in_every_browser(site: TrackingSite) -> None:
    made = experience(site, variants=TWO, control_percent=30)
    contact = Contact.objects.create(last_name="Adler", work_email="ann@acme.com")
    keys = [f"visitor-{number:015}" for number in range(12)]
    for key in keys:
        visitor(key, contact)
    told = [Somebody(site, key).sees(made)[made.pk] for key in keys]
    assert len(set(told)) == 1


def test_what_a_browser_saw_before_it_was_known_is_what_the_person_sees(site: TrackingSite) -> None:
    made = experience(site, variants=TWO, control_percent=30)
    contact = Contact.objects.create(last_name="Adler", work_email="ann@acme.com")
    first, second = Somebody(site, ANN), Somebody(site, "visitor-of-hers-at-home")
    told = first.sees(made)
    other = next(one for one in [*made.variants.values_list("pk", flat=True), 0] if one != told[made.pk])
    Assignment.objects.update(variant=other or None)
    visitor(ANN, contact)
    visitor("visitor-of-hers-at-home", contact)
    assert first.sees(made) == second.sees(made) == {made.pk: other}
    assert Assignment.objects.count() == 2


def test_who_leaves_the_audience_sees_the_original_again(site: TrackingSite, ann: Somebody) -> None:
    made = experience(site, known="unknown")
    assert ann.sees(made)
    visitor(contact=Contact.objects.create(last_name="Adler", work_email="ann@acme.com"))
    assert ann.sees(made) == {}
    assert Assignment.objects.count() == 1


def test_a_site_without_cookies_knows_visitors_by_the_day(site: TrackingSite) -> None:
    TrackingSite.objects.filter(pk=site.pk).update(mode="cookieless")
    made = experience(site, variants=TWO)
    told = Somebody(site, None).sees(made)
    assert Somebody(site, "visitor-whatever-it-says").sees(made) == told
    assert Assignment.objects.get().visitor.startswith("d-")


@pytest.mark.parametrize(
    ("meta", "status"),
    [
        ({"HTTP_ORIGIN": "https://evil.example"}, 403), ({"HTTP_SEC_GPC": "1"}, 200), ({"HTTP_DNT": "1"}, 200),
        ({"HTTP_USER_AGENT": "Googlebot/2.1 (+http://www.google.com/bot.html)"}, 200), ({"HTTP_USER_AGENT": ""}, 200),
    ],
)  # fmt: skip
def test_who_is_told_nothing(site: TrackingSite, ann: Somebody, meta: dict[str, str], status: int) -> None:
    made = experience(site)
    answer = ann.post({"visitor": ANN, "url": f"{ORIGIN}/prices", "experiences": [made.pk]}, **meta)
    assert (answer.status_code, answer.json()) == (status, {"experiences": []})
    assert not Assignment.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{", b"\xff", b'{"experiences": ["x"]}', b'{"experiences": [0]}', b'{"experiences": 1}',
        b'{"visitor": 7}', b'{"experiences": [%s]}' % b",".join([b"1"] * 51), b'{"url": "%s"}' % (b"x" * 3_000),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(ann: Somebody, body: bytes) -> None:
    assert ann.post(body).status_code == 400


@pytest.mark.parametrize("name", [None, "short", "x" * 65, "no spaces in it please ok", "'; DROP TABLE visitor; --"])
def test_a_visitor_without_a_name_is_told_nothing(site: TrackingSite, name: str | None) -> None:
    assert Somebody(site, name).sees(experience(site)) == {}
    assert not Assignment.objects.exists()


def test_one_network_is_slowed_down(site: TrackingSite, ann: Somebody, settings: Any) -> None:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, collect_rate=1)
    made = experience(site)
    statuses = {ann.asks(made).status_code for _ in range(20)}
    assert statuses == {200, 429}


def test_pages_of_other_origins_may_not_even_ask(site: TrackingSite, ann: Somebody) -> None:
    url = f"/collect/{site.public_id}/decide"
    asked = ann.client.options(url, HTTP_ORIGIN=ORIGIN)
    assert (asked.status_code, asked["Access-Control-Allow-Methods"]) == (204, "POST")
    assert "Access-Control-Allow-Origin" not in ann.client.options(url, HTTP_ORIGIN="https://evil.example")
    assert ann.client.get(url).status_code == 405
    assert Somebody(TrackingSite(public_id="unknown")).post({}).status_code == 404


def test_changes_that_the_rules_refuse_by_now_are_not_told(site: TrackingSite, ann: Somebody) -> None:
    made = experience(site)
    Variant.objects.update(changes=[{"kind": "link", "selector": "a", "value": "javascript:alert(1)"}])
    worlds.forget()
    assert ann.asks(made).json()["experiences"][0]["changes"] == []


def test_the_statement_keeps_its_plan(site: TrackingSite, ann: Somebody) -> None:
    made = experience(site)
    for _ in range(3):
        ann.sees(made)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT generic_plans + custom_plans FROM pg_prepared_statements WHERE statement LIKE '%is_returning%'"
        )
        assert cursor.fetchall() == [(3,)]


@contextmanager
def statements() -> Iterator[list[str]]:
    """What is executed meanwhile, by Django or beside it."""
    said: list[str] = []
    execute = psycopg.Cursor.execute

    def noted(self: Any, query: Any, *args: Any, **options: Any) -> Any:
        said.append(str(query))
        return execute(self, query, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg.Cursor, "execute", noted)
        yield said


def test_a_visitor_who_was_here_costs_one_statement_and_a_new_one_two(site: TrackingSite) -> None:
    several = [experience(site, pages=["/*"]) for _ in range(5)]
    people = [Somebody(site, f"visitor-{number:015}") for number in range(3)]
    people[0].sees(*several)
    with statements() as said:
        people[0].sees(*several)
    assert len([each for each in said if "SAVEPOINT" not in each]) == 1, said
    with statements() as said:
        people[1].sees(*several)
    assert len([each for each in said if "SAVEPOINT" not in each]) == 2, said


def test_a_preview_shows_a_variant_and_counts_nobody(site: TrackingSite, ann: Somebody) -> None:
    made = experience(site, is_on=False, pages=["/blog/*"], known="known", control_percent=90)
    variant = made.variants.get()
    link = previewing.link_of(made, variant)
    assert link.startswith(f"{ORIGIN}/blog/?abmatic_preview=")
    token = link.partition("=")[2]
    answer = ann.post({"preview": token}, HTTP_SEC_GPC="0")
    assert answer.json() == {"experiences": [{"id": made.pk, "variant": variant.pk, "changes": [HEADLINE]}]}
    assert not Assignment.objects.exists()
    assert ann.post({"preview": token[:-2]}).json() == {"experiences": []}
    other = TrackingSite.objects.create(name="B", origins=[ORIGIN])
    assert Somebody(other).post({"preview": token}).json() == {"experiences": []}


def test_a_preview_lives_for_a_week(site: TrackingSite, ann: Somebody) -> None:
    variant = experience(site).variants.get()
    with time_machine.travel(timezone.now() - timedelta(days=8), tick=False):
        token = previewing.token_of(variant)
    assert ann.post({"preview": token}).json() == {"experiences": []}


def test_a_change_is_known_at_once_in_the_process_that_made_it(
    site: TrackingSite, ann: Somebody, django_capture_on_commit_callbacks: Any
) -> None:
    made = experience(site)
    assert ann.sees(made)
    with django_capture_on_commit_callbacks(execute=True):
        managing.switch(made.pk, False, by=worlds.ALICE)
    assert ann.sees(made) == {}
    assert running.of_site(site.pk) == ()
