"""An experience that is removed is there for nobody at once; what hangs on it goes in parts, whatever comes between."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tests.engagement.test_identifying import wait_for_lock_or
from tests.personalisation import worlds
from tests.personalisation.test_counting import person, told
from tests.personalisation.worlds import Somebody, experience

from abmatic.personalisation import following, managing, previewing, removing
from abmatic.personalisation.models import Assignment, Experience, Reaction, Variant
from abmatic.postgres import sessions
from abmatic.postgres.sql import block
from abmatic.tracking import store
from abmatic.tracking.models import TrackingSite

pytestmark = pytest.mark.django_db(transaction=True)


class Killed(BaseException):
    """The process is."""


def seen(site: TrackingSite, people: int) -> Experience:
    """An experience that people saw."""
    made = experience(site)
    for number in range(people):
        Somebody(site, person(number)).sees(made)
    store.append([told(made, person(number)) for number in range(people)])
    assert following.follow() == people
    return made


def test_it_is_there_for_nobody_from_then_on_and_who_removes_it_waits_for_no_rows(site: TrackingSite) -> None:
    made = seen(site, 3)
    impression = told(made, person(1), minutes=5)
    link = previewing.link_of(made, made.variants.get()).partition("=")[2]
    with CaptureQueriesContext(connection) as asked:
        managing.remove(made.pk, by=worlds.ALICE)
    assert not [each["sql"] for each in asked if "DELETE" in each["sql"] or "experience_assignment" in each["sql"]]
    worlds.forget()
    assert not Experience.objects.exists()
    assert Somebody(site, person(1)).sees(made) == {}
    assert Somebody(site, person(9)).post({"preview": link}).json() == {"experiences": []}
    store.append([impression])
    assert following.follow() == 0
    with pytest.raises(Experience.DoesNotExist):
        managing.remove(made.pk, by=worlds.ALICE)
    assert removing.delete_removed() == 1
    assert removing.delete_removed() == 0


def test_a_run_that_is_killed_is_taken_up_by_the_next(site: TrackingSite, monkeypatch: pytest.MonkeyPatch) -> None:
    made, other = seen(site, 5), seen(site, 2)
    managing.remove(made.pk, by=worlds.ALICE)
    run, times = removing._delete_some, []

    def killed_in_the_second(*args: Any) -> bool:
        times.append(1)
        if len(times) == 2:
            raise Killed
        return run(*args)

    with monkeypatch.context() as patch:
        patch.setattr(removing, "_delete_some", killed_in_the_second)
        with pytest.raises(Killed):
            removing.delete_removed(batch=2)
    assert Assignment.objects.filter(experience_id=made.pk).count() == 5
    assert Reaction.objects.filter(assignment__experience_id=made.pk).count() == 3
    assert removing.delete_removed(batch=2) == 1
    assert not Experience._base_manager.filter(pk=made.pk).exists()
    assert set(Assignment.objects.values_list("experience_id", flat=True)) == {other.pk}
    assert set(Reaction.objects.values_list("assignment__experience_id", flat=True)) == {other.pk}
    assert Variant.objects.get().experience_id == other.pk


def test_what_is_given_at_the_same_moment_goes_too(site: TrackingSite) -> None:
    made = seen(site, 1)
    variant = made.variants.get()
    with sessions.session("web") as web, ThreadPoolExecutor(1) as one:
        given = {"visitor": person(7), "experiences": [made.pk], "variants": [variant.pk]}
        web.execute(block("abmatic.personalisation", "sql/deciding.sql", "assign"), given)
        managing.remove(made.pk, by=worlds.ALICE)
        begun = one.submit(removing.delete_removed)
        wait_for_lock_or(begun)
        web.commit()
        assert begun.result() == 1
    assert not Assignment.objects.exists()
    assert not Variant.objects.exists()


def test_each_transaction_deletes_so_many_events_at_most_while_others_are_taken(
    site: TrackingSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, other = seen(site, 2), seen(site, 1)
    store.append([told(made, person(0), minutes=minutes) for minutes in range(1, 8)])
    assert following.follow() == 7
    managing.remove(made.pk, by=worlds.ALICE)
    run, rows = removing._delete_some, []

    def watched(*args: Any) -> bool:
        found = run(*args)
        with sessions.session("watch") as watch:
            # Nobody who takes impressions waits.
            watch.execute("SELECT FROM experience_read FOR UPDATE NOWAIT")
        args[0].commit()
        rows.append((Assignment.objects.count(), Reaction.objects.count()))
        return found

    monkeypatch.setattr(removing, "_delete_some", watched)
    assert removing.delete_removed(batch=2) == 1
    steps = list(itertools.pairwise(rows))
    assert all(was[part] - now[part] <= 2 for was, now in steps for part in (0, 1))
    assert rows[0] == (3, 8)
    assert rows[-1] == (1, 1)
    assert Reaction.objects.get().assignment.experience_id == other.pk


def test_impressions_that_are_taken_at_the_same_moment_go_too(site: TrackingSite) -> None:
    made = seen(site, 1)
    store.append([told(made, person(0), minutes=5)])
    with sessions.session("personalisation") as taking, ThreadPoolExecutor(1) as one:
        taking.execute("SELECT")
        assert following._take_some(taking, 100) == (1, 1)
        managing.remove(made.pk, by=worlds.ALICE)
        begun = one.submit(removing.delete_removed)
        wait_for_lock_or(begun)
        taking.commit()
        assert begun.result() == 1
    assert not Assignment.objects.exists()
    assert not Reaction.objects.exists()
