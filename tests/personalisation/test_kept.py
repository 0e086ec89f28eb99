"""What a page is told is what is kept, and counts: also where a process doesn't know yet what others have done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from tests.personalisation.test_deciding import ANN, TWO
from tests.personalisation.worlds import HEADLINE, Somebody, experience

from abmatic.personalisation import deciding
from abmatic.personalisation.models import Assignment, Experience, Variant
from abmatic.tracking.models import TrackingSite

pytestmark = pytest.mark.django_db


def removed_elsewhere(made: Experience) -> None:
    """Another process has removed it: nothing that this one remembers is forgotten."""
    Experience.objects.filter(pk=made.pk).update(is_on=False, removed_at=timezone.now())


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    """Something happens after it was asked what is known of the visitor, and before it is written down."""

    def happens(act: Callable[[], Any]) -> None:
        fits = deciding.fits

        def after(*args: Any) -> bool:
            act()
            return fits(*args)

        monkeypatch.setattr(deciding, "fits", after)

    return happens


def test_what_another_process_removed_is_shown_to_nobody(site: TrackingSite) -> None:
    gone, stays = experience(site), experience(site)
    known = Somebody(site, ANN)
    assert set(known.sees(gone, stays)) == {gone.pk, stays.pk}
    removed_elsewhere(gone)
    assert set(known.sees(gone, stays)) == {stays.pk}
    assert set(Somebody(site, "visitor-who-is-new-000").sees(gone, stays)) == {stays.pk}
    assert Assignment.objects.filter(experience=gone.pk).count() == 1


def test_what_is_removed_just_then_is_not_shown(site: TrackingSite, meanwhile: Any) -> None:
    made = experience(site)
    meanwhile(lambda: removed_elsewhere(made))
    assert Somebody(site, ANN).sees(made) == {}
    assert not Assignment.objects.exists()


def test_a_variant_that_is_removed_just_then_is_not_shown(site: TrackingSite, meanwhile: Any) -> None:
    made = experience(site)
    meanwhile(Variant.objects.all().delete)
    assert Somebody(site, ANN).sees(made) == {}
    assert not Assignment.objects.exists()


@pytest.mark.parametrize("is_control", [True, False])
def test_what_another_page_was_told_just_then_holds(site: TrackingSite, meanwhile: Any, is_control: bool) -> None:
    made = experience(site, variants=TWO)
    told = Somebody(site, ANN).sees(made)[made.pk]
    Assignment.objects.all().delete()
    other = None if is_control else made.variants.exclude(pk=told).get().pk
    when = timezone.now()
    meanwhile(lambda: Assignment.objects.create(visitor=ANN, experience_id=made.pk, variant_id=other, assigned_at=when))
    assert Somebody(site, ANN).sees(made) == {made.pk: other or 0}
    assert Assignment.objects.get().assigned_at == when


def test_a_variant_that_this_process_does_not_know_yet_is_not_shown_as_another(site: TrackingSite) -> None:
    made = experience(site)
    ann = Somebody(site, ANN)
    ann.sees(made)
    new = Variant.objects.create(experience=made, name="B", position=2, changes=[HEADLINE])
    Assignment.objects.update(variant=new)
    assert ann.sees(made) == {}
