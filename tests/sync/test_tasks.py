"""A job whose database goes away and stays away: the run ends in words, or goes on later, and never hangs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import procrastinate
import pytest
from django.db import OperationalError, connection
from tests.sync.org import new_connection

from abmatic.sync import tasks
from abmatic.sync.models import Run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run() -> Run:
    return Run.objects.create(
        connection=new_connection(), sobject="Account", batch="00000000-0000-0000-0000-000000000000",
        trigger="manual", state=Run.State.RUNNING,
    )  # fmt: skip


@contextmanager
def no_database() -> Iterator[None]:
    name = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = "abmatic_gone"
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = name


def attempt(run: Run, number: int) -> procrastinate.RetryDecision | None:
    """Does the job for the n-th time, and answers what the queue makes of how it failed."""
    job: Any = SimpleNamespace(attempts=number - 1)
    do = cast("Callable[..., None]", tasks.pull.func)
    with pytest.raises((OperationalError, tasks.RunLeft)) as failure:
        do(SimpleNamespace(job=job), run_id=run.pk)
    assert isinstance(tasks.pull.retry_strategy, tasks._Again)
    return tasks.pull.retry_strategy.get_retry_decision(exception=failure.value, job=job)


def test_a_database_that_is_away_for_long_leaves_the_run_to_a_later_attempt(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    with no_database():
        assert attempt(run, 1) is not None
        assert attempt(run, tasks.ATTEMPTS) is not None
        assert f"run {run.pk} is left as it is" in caplog.text
        assert attempt(run, tasks.ATTEMPTS + 3) is not None
    run.refresh_from_db()
    assert run.state == Run.State.RUNNING


def test_a_run_that_loses_the_database_time_and_again_says_so_and_lets_the_next_one_start(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(_: int) -> bool:
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(tasks, "execute", lose)
    assert attempt(run, tasks.ATTEMPTS - 1) is not None
    run.refresh_from_db()
    assert run.state == Run.State.RUNNING
    assert attempt(run, tasks.ATTEMPTS) is None
    run.refresh_from_db()
    assert (run.state, run.error_message) == (Run.State.FAILED, "server closed the connection unexpectedly")
    assert "abmatic doctor" in run.error_remedy
