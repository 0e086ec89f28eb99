"""What changed concerns few touches and deals; following it comes to what making everything anew does."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from tests.attribution.deals import deal, person, response
from tests.attribution.happenings import HAPPENINGS, World
from tests.engagement.test_identifying import in_thread, wait_for_lock_or

from abmatic.attribution import concerned, refreshing
from abmatic.attribution.models import (
    AttributionDue,
    AttributionRefresh,
    AttributionSetting,
    Credit,
    OpportunityPath,
    Touch,
)
from abmatic.attribution.refreshing import Refreshed, refresh, refresh_due
from abmatic.audiences.models import Account, Contact, Opportunity, OpportunityContact
from abmatic.campaigns.models import Campaign, CampaignMember
from abmatic.engagement.models import Visitor, WebSession
from abmatic.postgres import sessions
from abmatic.postgres.sql import block

Rows = list[tuple[Any, ...]]
BEGIN = datetime(2026, 11, 20, tzinfo=UTC)


def made() -> tuple[Rows, Rows, Rows]:
    """Touches, paths and credits, by what they were made of."""
    touches = Touch.objects.order_by("source", "source_key").values_list(
        "source", "source_key", "kind", "channel", "campaign_id", "page", "occurred_at", "contact_id", "account_id"
    )
    paths = OpportunityPath.objects.order_by("opportunity_id").values_list(
        "opportunity_id", "account_id", "lead_at", "opened_at", "begins_at", "ends_at", "touches", "inputs", "is_due"
    )
    keys = {pk: key for pk, *key in Touch.objects.values_list("pk", "source", "source_key")}
    credits = [
        (deal, model, *keys[touch], share, amount)
        for deal, model, touch, share, amount in Credit.objects.values_list(
            "opportunity_id", "model", "touch_id", "share", "amount"
        )
    ]
    return list(touches), list(paths), sorted(credits, key=repr)


def anew_is_the_same() -> None:
    """What was followed is what everything is made to, and so are the credits of all deals."""
    followed = made()
    assert refresh() == Refreshed(0, 0)
    assert made() == followed
    OpportunityPath.objects.update(is_due=True, credited_at=None)
    refreshing.make_due_credits(AttributionSetting())
    assert made() == followed


@pytest.mark.django_db
@pytest.mark.parametrize("remembers", [True, False])
@pytest.mark.parametrize("seed", range(2))
def test_following_changes_comes_to_what_making_all_anew_does(
    seed: int, remembers: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(f"{seed} {remembers}")
    world = World(chance, remembers=remembers)
    refresh()
    wrote = 0
    for _ in range(15):
        for name in chance.choices(list(HAPPENINGS), list(HAPPENINGS.values()), k=chance.choice([1, 5, 20])):
            getattr(world, name)()
        with monkeypatch.context() as patch:
            # Nothing is made anew as a whole.
            patch.setattr(refreshing, "refresh", None)
            done = refresh_due()
        wrote += done.touches if done else 0
        assert not AttributionDue.objects.exists()
        anew_is_the_same()
    assert wrote > 50
    if not remembers:
        touches, paths, _ = made()
        for model in (Touch, OpportunityPath, Credit):
            model.objects.all().delete()
        refresh()
        assert made()[:2] == (touches, paths)


@pytest.fixture
def ann() -> Contact:
    return person(Account.objects.create(name="Acme"))


@pytest.fixture
def webinar() -> Campaign:
    return Campaign.objects.create(name="Spring", type="Webinar")


@pytest.mark.django_db
def test_only_what_changed_is_asked_about(ann: Contact, webinar: Campaign) -> None:
    deal(ann.account, ann)
    response(ann, webinar, 10)
    bob = person()
    member = response(bob, webinar, 11)
    assert refresh_due() == Refreshed(2, 1)
    assert refresh_due() is None
    Touch.objects.filter(contact_id=ann.pk).update(channel="Told by nobody")
    CampaignMember.objects.filter(pk=member.pk).update(first_responded=date(2026, 3, 3))
    assert refresh_due() == Refreshed(1, 0)
    assert Touch.objects.filter(channel="Told by nobody").exists()
    assert refresh() == Refreshed(1, 1)


@pytest.mark.django_db
def test_what_nothing_follows_from_leaves_no_mark(ann: Contact, webinar: Campaign) -> None:
    won = deal(ann.account, ann)
    member = response(ann, webinar, 10)
    refresh()
    Contact.objects.update(engagement_score=7, first_name="Ann")
    Opportunity.objects.filter(pk=won.pk).update(stage="Won", name="Other")
    CampaignMember.objects.filter(pk=member.pk).update(status="Attended")
    Campaign.objects.update(budgeted_cost=5)
    assert not AttributionDue.objects.exists()
    assert refresh_due() is None


@pytest.mark.django_db
def test_who_was_taken_out_of_a_campaign_responded_unless_who_they_became_did(ann: Contact, webinar: Campaign) -> None:
    """What a membership lives on in concerns the one before it too."""
    bob = CampaignMember.objects.create(campaign=webinar, contact=person(), has_responded=False)
    before = response(ann, webinar, 10)
    CampaignMember.objects.filter(pk=before.pk).update(is_removed=True, lives_on=bob)
    refresh_due()
    assert Touch.objects.get().source_key == str(before.pk)
    CampaignMember.objects.filter(pk=bob.pk).update(has_responded=True, first_responded=date(2026, 3, 9))
    assert refresh_due() == Refreshed(2, 0)
    assert Touch.objects.get().source_key == str(bob.pk)


def marks() -> set[tuple[str, str]]:
    return set(AttributionDue.objects.values_list("what", "key"))


@pytest.mark.django_db
def test_what_moves_is_marked_where_it_was_and_where_it_is(ann: Contact) -> None:
    before, after = deal(ann.account, ann), deal()
    refresh()
    OpportunityContact.objects.update(opportunity=after)
    assert marks() == {("opportunity", str(before.pk)), ("opportunity", str(after.pk))}
    AttributionDue.objects.all().delete()
    OpportunityContact.objects.update(contact=person())
    assert {key for what, key in marks() if what == "opportunity"} == {str(after.pk)}


@pytest.mark.django_db
def test_visits_are_asked_about_only_where_a_campaign_has_another_name(ann: Contact, webinar: Campaign) -> None:
    response(ann, webinar, 10)
    refresh()
    Campaign.objects.update(type="Event")
    assert marks() == {("campaign_type", str(webinar.pk))}
    with CaptureQueriesContext(connection) as captured:
        assert refresh_due() == Refreshed(1, 0)
    assert Touch.objects.get().channel == "Event"
    assert not [one for one in captured if "INSERT INTO concerned_session" in one["sql"]]
    Campaign.objects.update(type="Fair", name="Autumn")
    assert marks() == {("campaign", str(webinar.pk))}
    assert refresh_due() == Refreshed(1, 0)


@pytest.mark.django_db
def test_visits_of_a_campaign_are_found_by_its_name(ann: Contact, webinar: Campaign) -> None:
    visitor = Visitor.objects.create(key="v1", first_seen_at=BEGIN, last_seen_at=BEGIN)
    WebSession.objects.bulk_create(
        WebSession(
            visitor=visitor, site_id=1, began_at=BEGIN, ended_at=BEGIN, stay_began_at=BEGIN, stay_ended_at=BEGIN,
            first_event=UUID(int=number), events=1, pages=1, seconds=0, forms=0, clicks=0, channel="email",
            channel_version=1, campaign=f"Campaign {number}", contact_id=ann.pk,
        )
        for number in range(5_000)
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE web_session; ANALYZE campaign")
        cursor.execute("CREATE TEMPORARY TABLE taken ON COMMIT DROP AS SELECT what, key FROM attribution_due")
        cursor.execute("CREATE TEMPORARY TABLE concerned_session (id bigint) ON COMMIT DROP")
        cursor.execute("EXPLAIN " + block("abmatic.attribution", "sql/concerned.sql", "sessions_of_campaigns"))
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "web_session_of_campaign" in plan


@pytest.mark.django_db
def test_a_statement_that_writes_very_much_leaves_one_mark(ann: Contact) -> None:
    refresh()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO contact (last_name, kind, custom, created_at, updated_at) "
            "SELECT 'Person', '', '{}', now(), now() FROM generate_series(1, 20001)"
        )
    assert list(AttributionDue.objects.values_list("what", "key")) == [("all", "")]
    assert refresh_due() == Refreshed(0, 0)
    assert not AttributionDue.objects.exists()


@pytest.fixture
def anew(monkeypatch: pytest.MonkeyPatch) -> list[Refreshed | None]:
    """Each time that everything is made anew."""
    times: list[Refreshed | None] = []

    def counted(*settings: AttributionSetting) -> Refreshed | None:
        times.append(refresh(*settings))
        return times[-1]

    monkeypatch.setattr(refreshing, "refresh", counted)
    return times


@pytest.mark.django_db
def test_all_is_made_anew_where_rules_are_others_or_very_much_changed(
    ann: Contact, webinar: Campaign, anew: list[Refreshed | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    deal(ann.account, ann)
    response(ann, webinar, 10)
    assert (refresh_due(), anew) == (Refreshed(1, 1), [Refreshed(1, 1)])
    AttributionSetting.objects.create(lookback_days=30)
    assert (refresh_due(), len(anew)) == (Refreshed(0, 1), 2)
    # What is only about reports is no rule.
    AttributionSetting.objects.create(lookback_days=30, least_won=10)
    assert (refresh_due(), len(anew)) == (None, 2)
    monkeypatch.setattr(refreshing, "VERSION", 2)
    assert (refresh_due(), len(anew)) == (Refreshed(0, 1), 3)
    monkeypatch.setattr(refreshing, "blocks", lambda *file: {"web_form": "told otherwise"})
    assert (refresh_due(), len(anew)) == (Refreshed(0, 0), 4)
    monkeypatch.setattr(concerned, "MANY", 1)
    response(person(), webinar, 11)
    assert AttributionDue.objects.count() == 3
    assert (refresh_due(), len(anew)) == (Refreshed(1, 0), 5)
    # The same mark twice is one.
    monkeypatch.setattr(concerned, "MANY", 2)
    response(person(), webinar, 11)
    assert AttributionDue.objects.count() == 3
    assert (refresh_due(), len(anew)) == (Refreshed(1, 0), 5)
    monkeypatch.setattr(concerned, "MANY", 3)
    CampaignMember.objects.update(first_responded=date(2026, 3, 3))
    assert (refresh_due(), len(anew)) == (Refreshed(3, 1), 5)


@pytest.mark.django_db
def test_what_was_killed_is_done_again(
    ann: Contact, webinar: Campaign, anew: list[Refreshed | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh_due()
    deal(ann.account, ann)
    response(ann, webinar, 10)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(refreshing, "_take_paths", killed)
        with pytest.raises(KeyboardInterrupt):
            refresh_due()
    assert refresh_due() == Refreshed(1, 1)
    assert len(anew) == 1
    with monkeypatch.context() as patch:
        patch.setattr(refreshing, "_take_paths", killed)
        with pytest.raises(KeyboardInterrupt):
            refresh()
    assert set(AttributionRefresh.objects.get().seen) == {"run"}
    refresh_due()
    assert len(anew) == 2


@pytest.mark.django_db(transaction=True)
def test_what_commits_late_is_told_late(ann: Contact, webinar: Campaign, anew: list[Refreshed | None]) -> None:
    """A change that began before another, and is committed after that was followed."""
    beta = Account.objects.create(name="Beta")
    won = deal(beta)
    response(ann, webinar, 10)
    refresh_due()
    with sessions.session("late") as session:
        session.execute("UPDATE contact SET account_id = %s WHERE id = %s", (beta.pk, ann.pk))
        response(person(), webinar, 11)
        assert refresh_due() == Refreshed(1, 0)
        assert refresh_due() is None
        session.commit()
    assert refresh_due() == Refreshed(1, 1)
    assert Credit.objects.filter(opportunity_id=won.pk, model="linear").count() == 1
    # What is taken back was never told.
    with sessions.session("late") as session:
        session.execute("UPDATE contact SET account_id = NULL WHERE id = %s", (ann.pk,))
        session.rollback()
    assert refresh_due() is None
    assert len(anew) == 1


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_for_who_follows(ann: Contact, webinar: Campaign) -> None:
    refresh_due()
    response(ann, webinar, 10)
    with sessions.session("follower") as session:
        session.execute("LOCK TABLE attribution_due IN SHARE UPDATE EXCLUSIVE MODE")
        session.execute("DELETE FROM attribution_due")
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '2s'")
            response(person(), webinar, 11)
        session.commit()
    # Marked meanwhile, it is there.
    assert set(AttributionDue.objects.values_list("what", flat=True)) == {"campaign_member", "contact"}


@pytest.mark.django_db(transaction=True)
def test_who_makes_credits_is_alone(ann: Contact, webinar: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    """A touch that another run takes while credits are made isn't lost to them."""
    won = deal(ann.account, ann)
    response(ann, webinar, 10)
    expo = Campaign.objects.create(name="Expo", type="Event")
    run = refreshing._run

    def another() -> Refreshed | None:
        response(ann, expo, 11)
        return refresh_due()

    with ThreadPoolExecutor(1) as one:
        others: list[Any] = []

        def ran(file: Any, name: Any, *rest: Any, **parts: Any) -> int:
            done = run(file, name, *rest, **parts)
            if name == "walk" and not others:
                others.append(one.submit(in_thread, another))
                wait_for_lock_or(others[0])
            return done

        monkeypatch.setattr(refreshing, "_run", ran)
        refresh_due()
        others[0].result()
    monkeypatch.undo()
    refresh_due()
    assert Credit.objects.filter(opportunity_id=won.pk, model="linear").count() == 2
    anew_is_the_same()


def overtaken(monkeypatch: pytest.MonkeyPatch, transaction_no: int, by: Callable[[], Any]) -> None:
    """Before that transaction of a run, another one does this in between."""
    alone, times = concerned.alone, [0]

    def late() -> None:
        times[0] += 1
        if times[0] == transaction_no:
            with ThreadPoolExecutor(1) as one:
                one.submit(in_thread, by).result()
        alone()

    monkeypatch.setattr(concerned, "alone", late)


def begins_and_is_killed(monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    """Everything is made anew, and that is killed where it comes to this."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(refreshing, at, killed)
        with pytest.raises(KeyboardInterrupt):
            refresh()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("transaction_no", [3, 6, 7])
def test_who_is_overtaken_while_all_is_made_anew_says_nothing_of_it(
    ann: Contact, webinar: Campaign, monkeypatch: pytest.MonkeyPatch, transaction_no: int
) -> None:
    """Marks that another run took away were followed by nobody, if it was killed."""
    deal(ann.account, ann)

    def another() -> None:
        response(ann, webinar, 10)
        begins_and_is_killed(monkeypatch, "_take_touches")

    with monkeypatch.context() as patch:
        overtaken(patch, transaction_no, another)
        assert refresh() is None
    assert not AttributionDue.objects.exists()
    assert not Touch.objects.exists()
    assert refresh_due() == Refreshed(1, 1)
    anew_is_the_same()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("transaction_no", [1, 2])
def test_who_is_overtaken_by_other_rules_makes_nothing_by_the_old_ones(
    ann: Contact, webinar: Campaign, monkeypatch: pytest.MonkeyPatch, transaction_no: int
) -> None:
    deal(ann.account, ann)
    response(ann, webinar, 1)
    response(ann, Campaign.objects.create(name="Expo", type="Event"), 10)
    refresh_due()
    rules = AttributionSetting(half_life_days=1)

    def another() -> None:
        rules.save()
        begins_and_is_killed(monkeypatch, "_make_some")

    response(ann, Campaign.objects.create(name="Fair", type="Event"), 12)
    with monkeypatch.context() as patch:
        overtaken(patch, transaction_no, another)
        assert refresh_due() is None
    assert refresh_due() is not None
    followed = made()
    OpportunityPath.objects.update(is_due=True, credited_at=None)
    refreshing.make_due_credits(rules)
    assert made() == followed
