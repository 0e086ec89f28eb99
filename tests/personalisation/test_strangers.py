"""What forgotten strangers were shown is looked for before impressions have to wait, and goes in parts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from tests.engagement.test_identifying import wait_for_lock_or
from tests.personalisation import worlds
from tests.personalisation.test_counting import person, told
from tests.personalisation.test_deciding import TWO
from tests.personalisation.worlds import Somebody, experience

from abmatic.engagement.models import Visitor
from abmatic.personalisation import following, managing, people
from abmatic.personalisation.models import Assignment, Experience, Reaction
from abmatic.personalisation.wanted import ExperienceWanted
from abmatic.postgres import sessions
from abmatic.postgres.sql import block
from abmatic.tracking import store
from abmatic.tracking.models import TrackingSite

pytestmark = pytest.mark.django_db(transaction=True)

ALONE = block("abmatic.personalisation", "sql/people.sql", "alone")
LONG_AGO = timedelta(days=500)


def seen_long_ago(site: TrackingSite, strangers: int, known: int = 0) -> Experience:
    """An experience that strangers saw, the first of them three times, and visitors who are known."""
    made = experience(site)
    for number in range(strangers + known):
        Somebody(site, person(number)).sees(made)
    every = [*range(strangers + known), 0, 0]
    store.append([told(made, person(number), minutes=place) for place, number in enumerate(every)])
    assert following.follow() == len(every)
    then = timezone.now() - LONG_AGO
    Assignment.objects.update(assigned_at=then)
    for number in range(strangers, strangers + known):
        Visitor.objects.create(key=person(number), first_seen_at=then, last_seen_at=then)
    return made


def forget(batch: int = 100) -> int:
    return people.forget_strangers(timezone.now(), 13, batch)


def test_it_goes_in_parts_and_what_others_saw_stays(site: TrackingSite) -> None:
    seen_long_ago(site, strangers=5, known=3)
    assert forget(batch=2) == 5
    assert set(Assignment.objects.values_list("visitor", flat=True)) == {person(number) for number in (5, 6, 7)}
    assert Reaction.objects.count() == 3
    assert forget(batch=2) == 0


def test_where_there_are_none_nobody_waits(site: TrackingSite) -> None:
    seen_long_ago(site, strangers=0, known=3)
    with sessions.session("personalisation") as taking, ThreadPoolExecutor(1) as one:
        taking.execute(ALONE)
        begun = one.submit(forget)
        wait_for_lock_or(begun)
        assert begun.done()


def test_who_comes_back_meanwhile_keeps_what_they_saw(site: TrackingSite) -> None:
    seen_long_ago(site, strangers=2)
    with sessions.session("personalisation") as taking, ThreadPoolExecutor(1) as one:
        taking.execute(ALONE)
        begun = one.submit(forget)
        wait_for_lock_or(begun)
        now = timezone.now()
        Visitor.objects.create(key=person(0), first_seen_at=now, last_seen_at=now)
        taking.commit()
        assert begun.result() == 1
    assert Assignment.objects.get().visitor == person(0)
    assert Reaction.objects.count() == 3


def plan_of(statement: Any, parameters: Any) -> str:
    """As it is where rows are many."""
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        cursor.execute("SET enable_bitmapscan = off")
        try:
            cursor.execute(f"EXPLAIN {statement}", parameters)
            return "\n".join(line for (line,) in cursor.fetchall())
        finally:
            cursor.execute("RESET enable_seqscan")
            cursor.execute("RESET enable_bitmapscan")


def test_indexes_serve_whoever_looks_for_strangers_or_removes_a_variant(site: TrackingSite) -> None:
    strangers = block("abmatic.personalisation", "sql/people.sql", "strangers")
    now = timezone.now()
    plan = plan_of(strangers, {"before": now, "at": now - LONG_AGO, "id": 0, "batch": 10})
    assert "experience_assignment_at" in plan
    made = experience(site, variants=TWO)
    told = managing.wanted_of(made)
    asked: list[tuple[str, Any]] = []

    def noted(execute: Any, statement: str, parameters: Any, many: bool, context: Any) -> Any:
        if "experience_assignment" in statement:
            asked.append((statement, parameters))
        return execute(statement, parameters, many, context)

    with connection.execute_wrapper(noted):
        wanted = ExperienceWanted.model_validate(told | {"variants": told["variants"][:1]})
        managing.change(made.pk, wanted, by=worlds.ALICE)
    assert made.variants.count() == 1
    plans = [plan_of(*each) for each in asked]
    assert plans
    assert all("experience_assignment_variant" in plan and "variant_id = " in plan for plan in plans)
    assert all("Index Cond: ((experience_id = " in plan for plan in plans), "no whole index is read"
