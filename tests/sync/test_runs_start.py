"""A sync that can't start says what helps."""

from __future__ import annotations

import pytest
from tests.sync.org import new_connection

from abmatic.sync import runs
from abmatic.sync.models import Connection, ConnectionProblem, Run

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("problem", "advice"),
    [
        (ConnectionProblem.NONE, "Reconnect it"),
        (ConnectionProblem.INVALID_GRANT, "Reconnect it"),
        (ConnectionProblem.SEAL_BROKEN, "Reconnect it"),
        (ConnectionProblem.LIMIT_REACHED, "Check it again"),
        (ConnectionProblem.INSUFFICIENT_PRIVILEGES, "Check it again"),
        (ConnectionProblem.UNREACHABLE, "Check it again"),
    ],
)
def test_only_a_lost_token_wants_a_new_authorisation(problem: ConnectionProblem, advice: str) -> None:
    connection = new_connection()
    connection.status = Connection.Status.NEEDS_ATTENTION if problem else Connection.Status.INACTIVE
    connection.problem = problem
    connection.save()
    with pytest.raises(runs.ConnectionNotReady, match=advice):
        runs.start(connection, trigger=Run.Trigger.MANUAL)
    assert not Run.objects.exists()
