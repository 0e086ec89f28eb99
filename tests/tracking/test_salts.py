"""Without a cookie a visitor is the same for a day, and nothing connects one day with the next."""

from __future__ import annotations

from datetime import date, timedelta
from ipaddress import ip_network

import pytest
from django.db import connection
from django.utils import timezone

from abmatic.tracking import salts, tasks
from abmatic.tracking.models import TrackingSalt

pytestmark = pytest.mark.django_db

DAY = date(2026, 11, 20)
HOME = ip_network("192.0.2.0/24")


def test_a_visitor_is_the_same_all_day_in_every_process() -> None:
    first = salts.visitor_of(DAY, 1, HOME, "Firefox")
    salts.forget_cached()
    assert salts.visitor_of(DAY, 1, HOME, "Firefox") == first


def test_site_network_browser_and_day_make_another_visitor() -> None:
    told = [
        salts.visitor_of(DAY, 1, HOME, "Firefox"),
        salts.visitor_of(DAY, 2, HOME, "Firefox"),
        salts.visitor_of(DAY, 1, None, "Firefox"),
        salts.visitor_of(DAY, 1, HOME, "Chrome"),
        salts.visitor_of(DAY + timedelta(days=1), 1, HOME, "Firefox"),
    ]
    assert len(set(told)) == 5


def test_a_days_salt_is_destroyed_by_the_next_day_and_by_the_clock() -> None:
    before = salts.visitor_of(DAY, 1, HOME, "Firefox")
    salts.visitor_of(DAY + timedelta(days=1), 1, HOME, "Firefox")
    assert list(TrackingSalt.objects.values_list("day", flat=True)) == [DAY + timedelta(days=1)]
    assert salts.visitor_of(DAY, 1, HOME, "Firefox") != before, "the salt is gone for good"
    assert salts.destroy_old(timezone.now().date() + timedelta(days=1)) >= 1
    assert not TrackingSalt.objects.exists()


def test_salts_are_kept_out_of_the_write_ahead_log() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relpersistence FROM pg_class WHERE relname = 'tracking_salt'")
        assert cursor.fetchone() == ("u",)


@pytest.mark.django_db(transaction=True)
def test_the_hourly_job_makes_months_and_destroys_salts() -> None:
    TrackingSalt.objects.create(day=date(2020, 1, 1), salt=b"x")
    tasks.keep_months(0)
    assert not TrackingSalt.objects.exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [f"web_event_{timezone.now():%Y_%m}"])
        assert cursor.fetchone() == (True,)
