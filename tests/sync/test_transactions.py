"""Which transactions are over: what is under way in this database counts, what is elsewhere on the server doesn't."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from django.db import connection
from tests.sync.test_crash import database_url

from abmatic.postgres.transactions import _whole, over_below

pytestmark = pytest.mark.django_db(transaction=True)


def ask(statement: str) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        found: tuple[Any, ...] = cursor.fetchone()
    return found


def begun(session: psycopg.Connection[Any]) -> int:
    """The id of the session's transaction, which is open from now on."""
    row = session.execute("SELECT pg_current_xact_id()::text::bigint").fetchone()
    assert row is not None
    return int(row[0])


def test_what_is_under_way_here_is_not_over_and_what_is_under_way_elsewhere_holds_nobody_up() -> None:
    elsewhere = database_url().replace(f"/{connection.settings_dict['NAME']}?", "/postgres?")
    with psycopg.connect(elsewhere) as other, psycopg.connect(database_url()) as here:
        first, second = begun(other), begun(here)
        with psycopg.connect(database_url()) as done:
            third = begun(done)
        assert first < second < third
        assert over_below(ask) == second
        here.rollback()
        assert over_below(ask) > third
        other.rollback()


@pytest.mark.parametrize(
    ("told", "latest", "whole"),
    [
        (5, 10, 5),
        (12, 10, 12),
        (2**32 - 3, 2**32 + 4, 2**32 - 3),
        (7, 2**32 - 2, 2**32 + 7),
        (5, 3 * 2**32 + 10, 3 * 2**32 + 5),
    ],
)
def test_the_missing_half_of_an_id_is_that_of_its_time(told: int, latest: int, whole: int) -> None:
    assert _whole(told, latest) == whole
