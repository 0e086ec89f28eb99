"""One refresh for everybody whose token was refused, and no knocking after a refusal."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from abmatic.salesforce import AccessToken, RefreshingTokens, StaticTokens, Tokens, errors

from .conftest import INSTANCE, Org, refusal

THREADS = 20


def tokens(number: int) -> Tokens:
    return Tokens(f"access-{number}", INSTANCE, "", f"refresh-{number}")


def expired_until(renewed: str, together: threading.Barrier | None = None) -> Org:
    """An org that refuses every token but ``renewed``; first refusals wait for one another."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.headers["authorization"] != f"Bearer {renewed}":
            if together:
                together.wait(10)
            return refusal(401, "INVALID_SESSION_ID", "Session expired or invalid")
        return httpx2.Response(200, json={"DailyApiRequests": {"Max": 15000, "Remaining": 14998}})

    return Org(answer)


def test_twenty_threads_with_one_expired_token_refresh_it_once() -> None:
    refreshes: list[str] = []

    def fetch(old: Tokens) -> Tokens:
        refreshes.append(old.refresh_token)
        return tokens(2)

    stored: list[Tokens] = []
    source = RefreshingTokens(tokens(1), fetch, stored.append)
    org = expired_until("access-2", threading.Barrier(THREADS))
    client = org.client(source)
    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(lambda _: client.limits()["DailyApiRequests"].remaining, range(THREADS)))
    assert answers == [14998] * THREADS
    assert refreshes == ["refresh-1"]
    assert stored == [tokens(2)]
    assert len(org.requests) == 2 * THREADS


def test_a_rotated_refresh_token_is_the_next_one_used() -> None:
    used: list[str] = []

    def fetch(old: Tokens) -> Tokens:
        used.append(old.refresh_token)
        return tokens(len(used) + 1)

    source = RefreshingTokens(tokens(1), fetch)
    source.renew(source.current())
    source.renew(source.current())
    assert used == ["refresh-1", "refresh-2"]


def test_a_refused_grant_is_not_tried_again() -> None:
    tries: list[str] = []

    def fetch(old: Tokens) -> Tokens:
        tries.append(old.refresh_token)
        raise errors.InvalidGrant("expired access/refresh token")

    client = expired_until("never").client(RefreshingTokens(tokens(1), fetch))
    for _ in range(5):
        with pytest.raises(errors.InvalidGrant, match="expired access/refresh token"):
            client.limits()
    assert tries == ["refresh-1"]


def test_passing_trouble_while_refreshing_is_tried_again() -> None:
    tries: list[str] = []

    def fetch(old: Tokens) -> Tokens:
        tries.append(old.refresh_token)
        if len(tries) < 3:
            raise errors.ServerTrouble("login is down", status=503)
        return tokens(2)

    assert expired_until("access-2").client(RefreshingTokens(tokens(1), fetch)).limits()
    assert len(tries) == 3


def test_a_rotated_token_that_could_not_be_stored_is_not_lost() -> None:
    def store(_: Tokens) -> None:
        raise OSError("disk full")

    source = RefreshingTokens(tokens(1), lambda old: tokens(2), store)
    with pytest.raises(OSError, match="disk full"):
        source.renew(source.current())
    assert source.current().value == "access-2"


def test_a_fresh_token_that_is_refused_as_well_ends_it() -> None:
    org = expired_until("never")
    source = RefreshingTokens(tokens(1), lambda old: tokens(2))
    with pytest.raises(errors.SessionExpired) as expired:
        org.client(source).limits()
    assert "Reconnect" in expired.value.remedy
    assert len(org.requests) == 2


def test_a_lone_token_cannot_be_renewed() -> None:
    with pytest.raises(errors.InvalidGrant):
        expired_until("never").client(StaticTokens(AccessToken("x", INSTANCE))).limits()
