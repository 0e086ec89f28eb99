"""Visitors whom nobody knows go when their events do; what is known of people and companies stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.engagement.test_identifying import come, sent
from tests.engagement.visits import BEGIN, did, site_that_makes_people

from abmatic.engagement.models import Visitor, VisitorSign, WebForm, WebSession
from abmatic.engagement.retention import forget_strangers
from abmatic.tracking.events import Kind

pytestmark = pytest.mark.django_db(transaction=True)

# The events are of November 2026. In this month those of November are not kept any more.
LATER = datetime(2027, 12, 1, tzinfo=UTC)


def test_strangers_go_with_their_visits_and_forms() -> None:
    site_that_makes_people()
    form = {"form": "demo", "fields": {}}
    come(
        sent(0, "ann@acme.com", "ann"), did(0, visitor="x"), did(1, Kind.FORM, "x", properties=form),
        did(0, visitor="y"), sent(0, "no address", "z"),
    )  # fmt: skip
    WebSession.objects.filter(visitor__key="y").update(account_id=7)
    assert forget_strangers(LATER - timedelta(days=1), 12) == 0, "their month is kept"
    assert forget_strangers(LATER, 12, batch=1) == 2
    assert set(Visitor.objects.values_list("key", flat=True)) == {"ann", "y"}
    assert set(WebSession.objects.values_list("visitor__key", flat=True)) == {"ann", "y"}
    assert VisitorSign.objects.get().visitor.key == "ann"
    assert WebForm.objects.count() == 1


def test_who_came_again_stays_with_all_their_visits() -> None:
    come(did(0), did(60 * 24 * 30))
    assert forget_strangers(LATER, 12) == 0
    assert WebSession.objects.filter(began_at=BEGIN).exists()
