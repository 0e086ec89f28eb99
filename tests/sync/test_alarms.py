"""What people are told of without asking: lost connections, syncs that fail twice, the ceiling of API calls."""

from __future__ import annotations

import pytest
from tests.sync.live import Orgs
from tests.web import org

from abmatic.identity.models import Notice
from abmatic.sync import alarms, budget, clients, connect
from abmatic.sync.models import Connection, ConnectionProblem, Run

pytestmark = pytest.mark.django_db(transaction=True)


def told() -> list[tuple[str, bool]]:
    return [(each.kind, each.settled_at is not None) for each in Notice.objects.order_by("id")]


def test_an_org_that_takes_its_word_back_is_told_of_until_it_is_back(orgs: Orgs) -> None:
    live = orgs.sample(by_hand=True)
    clients.mark_problem(live.connection.pk, ConnectionProblem.INVALID_GRANT, "expired access/refresh token")
    clients.mark_problem(live.connection.pk, ConnectionProblem.INVALID_GRANT, "expired access/refresh token")
    assert told() == [("connection", False)]
    notice = Notice.objects.get()
    assert "expired access/refresh token" in notice.text
    assert notice.path == f"/settings/integrations/salesforce/{live.connection.pk}/"
    connect.check(live.connection)
    assert told() == [("connection", True)]
    Connection.objects.update(status=Connection.Status.INACTIVE)
    clients.mark_problem(live.connection.pk, ConnectionProblem.INVALID_GRANT, "revoked")
    assert told() == [("connection", True)], "somebody disabled it: that is no news"


def test_failing_twice_in_a_row_is_told_and_a_success_ends_it(orgs: Orgs) -> None:
    live = orgs.sample()
    for expected in ([], [("sync", False)], [("sync", False)]):
        run = org.run(live.connection, "Account", state=Run.State.FAILED, error_message="It broke.", pushed={})
        alarms.run_ended(run)
        assert told() == expected
    live.sync_well()
    assert told() == [("sync", True)]


def test_one_success_between_two_failures_is_no_alarm() -> None:
    connection = org.connect()
    for state in (Run.State.FAILED, Run.State.SUCCEEDED, Run.State.FAILED):
        alarms.run_ended(org.run(connection, state=state, pushed={}))
    assert told() == []


def test_many_refused_records_are_told() -> None:
    connection = org.connect()
    alarms.run_ended(org.run(connection, pushed={"refused": alarms.MANY_ISSUES - 1}))
    assert told() == []
    alarms.run_ended(org.run(connection, pushed={"refused": 1200}))
    assert Notice.objects.get().title.startswith("1,200 Accounts")
    alarms.run_ended(org.run(connection, pushed={}))
    assert told() == [("issues", True)]


def test_the_ceiling_of_api_calls() -> None:
    connection = org.connect(api_used=900, api_allowed=1000)
    budget.wait(connection.pk)
    budget.wait(connection.pk)
    assert told() == [("budget", False)]
    assert "900 of 1,000" in Notice.objects.get().text
    Connection.objects.filter(pk=connection.pk).update(api_used=10)
    assert budget.is_free(Connection.objects.get(pk=connection.pk))
    assert told() == [("budget", True)]
