"""Tokens while an import runs: renewed once for all, refused for good, and authorised again."""

from __future__ import annotations

import threading
from urllib.parse import urlsplit

import pytest
from tests.sync.live import Live, Orgs

from abmatic.salesforce import errors
from abmatic.sync import clients, runs
from abmatic.sync.models import Connection, ConnectionProblem, MirrorAccount, MirrorContact, ObjectSetting, Run
from salesforce_emulator import Settings

pytestmark = pytest.mark.django_db(transaction=True)


def by_hand(orgs: Orgs, **options: object) -> Live:
    """A generated org whose connection has a refresh token, read by Bulk in small pages."""
    orgs.page_records(40)
    orgs.allow(rest_limit=30)
    return orgs.generated(150, by_hand=True, **options)


def token_calls(live: Live) -> int:
    return sum(1 for call in live.org.calls() if call["path"] == "/services/oauth2/token")


def end_sessions(live: Live, *, refresh: bool = False) -> None:
    live.org.emulator.tokens.end_all(kind="access")
    if refresh:
        live.org.emulator.tokens.end_all(kind="refresh")


@pytest.mark.parametrize("rotating", [False, True])
def test_a_session_that_ends_in_the_middle_is_renewed_once(orgs: Orgs, rotating: bool) -> None:
    live = by_hand(orgs, settings=Settings(rotate_refresh_tokens=rotating))
    before = token_calls(live)
    live.at_call(r"/results\?.*locator", lambda: end_sessions(live))
    run = live.sync_well("Account")["Account"]
    assert run.counts["read"] == live.number('SELECT count(*) FROM "Account"')
    assert token_calls(live) - before == 1
    # With rotation the new refresh token was stored: the next renewal works too.
    end_sessions(live)
    live.sync_well("Account")
    assert token_calls(live) - before == 2


def test_twenty_at_once_renew_once(orgs: Orgs) -> None:
    live = orgs.sample(by_hand=True, settings=Settings(rotate_refresh_tokens=True))
    before = token_calls(live)
    end_sessions(live)
    stale = clients.ConnectionTokens(live.connection).current()
    found = []

    def renew() -> None:
        from django.db import connections

        try:
            found.append(clients.ConnectionTokens(live.connection).renew(stale).value)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=renew) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(found), len(set(found))) == (20, 1)
    assert token_calls(live) - before == 1


def test_a_grant_revoked_in_the_middle_stops_the_run_and_a_reconnect_goes_on(orgs: Orgs) -> None:
    live = by_hand(orgs)
    live.sync_well("Opportunity")
    live.at_call(r"/results\?.*locator", lambda: end_sessions(live, refresh=True), after=1)
    settings_before = list(ObjectSetting.objects.order_by("pk").values("sobject", "cursor", "frequency"))
    run = live.sync("Account")["Account"]
    assert (run.state, run.error_code) == (Run.State.FAILED, "invalid_grant")
    assert "Reconnect" in run.error_remedy
    live.connection.refresh_from_db()
    assert (live.connection.status, live.connection.problem) == (
        Connection.Status.NEEDS_ATTENTION,
        ConnectionProblem.INVALID_GRANT,
    )
    # Everything is kept, and nobody knocks again.
    kept = MirrorAccount.objects.count()
    assert 0 < kept < live.number('SELECT count(*) FROM "Account"')
    assert list(ObjectSetting.objects.order_by("pk").values("sobject", "cursor", "frequency")) == settings_before
    knocks = token_calls(live)
    with pytest.raises(runs.ConnectionNotReady, match="Reconnect"):
        live.start("Account")
    with pytest.raises(errors.InvalidGrant):
        clients.ConnectionTokens(live.connection).renew(clients.ConnectionTokens(live.connection).current())
    assert token_calls(live) == knocks

    live.connection = live.reconnect()
    assert live.connection.status == Connection.Status.ACTIVE
    done = live.sync_well()
    assert done["Account"].counts["created"] + run.counts["created"] == MirrorAccount.objects.filter(role=1).count()
    assert MirrorContact.objects.count() == live.number('SELECT count(*) FROM "Contact"')


def test_client_credentials_ask_for_a_new_token(orgs: Orgs) -> None:
    live = orgs.sample()
    end_sessions(live)
    before = token_calls(live)
    live.sync_well("Account")
    assert token_calls(live) - before == 1


def test_an_org_that_may_not_be_called_any_more_is_not_called(orgs: Orgs) -> None:
    """The door is checked on every renewal, so a host taken off the list gets no secret."""
    live = orgs.sample()
    end_sessions(live)
    orgs.forbid(live.org.url)
    before = token_calls(live)
    run = live.sync("Account")["Account"]
    assert run.state == Run.State.FAILED
    assert urlsplit(live.org.url).hostname in run.error_message or "address" in run.error_message
    assert token_calls(live) == before
