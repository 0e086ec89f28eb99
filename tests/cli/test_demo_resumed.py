"""A demo that is started again tells what came of an import that was interrupted, all of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from tests.web import org

from abmatic.cli.domain_demo import left_unfinished
from abmatic.sync.models import Run

pytestmark = pytest.mark.django_db


def test_what_the_worker_ended_before_anybody_looked_is_told_too() -> None:
    connection = org.connect()
    began = timezone.now()

    def made(sobject: str, state: str, queued: float, finished: float | None = None) -> Run:
        run = org.run(connection, sobject=sobject, state=state)
        moments = {
            "queued_at": began + timedelta(seconds=queued),
            "finished_at": None if finished is None else began + timedelta(seconds=finished),
        }
        Run.objects.filter(pk=run.pk).update(**moments)
        return run

    made("User", "succeeded", -90, -80)
    resumed = made("Account", "succeeded", -90, 2)
    under_way = made("Contact", "running", -90)
    waiting = made("Lead", "queued", -90)
    by_itself = made("Campaign", "succeeded", 1, 2)
    found = left_unfinished(connection, began)
    assert found == [resumed, under_way, waiting]
    assert by_itself not in found
