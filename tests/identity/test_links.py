"""One-time links: each signs its user in once, for a while, and can't be read out of the database."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import time_machine
from django.db import connection, connections
from django.utils import timezone

from abmatic.identity import links
from abmatic.identity.models import OneTimeLink, User


def test_a_link_signs_its_user_in_once(alice: User, oscar: User) -> None:
    hers, his = links.issue(alice), links.issue(oscar)
    assert links.redeem(hers) == alice
    assert links.redeem(hers) is None
    assert links.redeem(his) == oscar


def test_a_user_may_have_several_links_and_each_is_another(alice: User) -> None:
    first, second = links.issue(alice), links.issue(alice)
    assert first != second
    assert links.redeem(second) == alice
    assert links.redeem(first) == alice


@pytest.mark.parametrize("token", ["", "x", "\0", "ß" * 5000, "../../etc/passwd", "' OR 1=1 --"])
def test_an_unknown_link_signs_nobody_in(alice: User, token: str) -> None:
    links.issue(alice)
    assert links.redeem(token) is None


def test_a_link_ends(alice: User) -> None:
    token, long = links.issue(alice), links.issue(alice, timedelta(days=7))
    start = timezone.now()
    with time_machine.travel(start + timedelta(minutes=29), tick=False):
        assert OneTimeLink.objects.filter(expires_at__gt=timezone.now()).count() == 2
    with time_machine.travel(start + timedelta(minutes=31), tick=False):
        assert links.redeem(token) is None
        assert links.redeem(long) == alice


def test_ended_links_are_cleared_away_when_another_is_made(alice: User) -> None:
    links.issue(alice)
    with time_machine.travel(timezone.now() + timedelta(hours=1), tick=False):
        links.issue(alice)
    assert OneTimeLink.objects.count() == 1


def test_a_user_who_was_switched_off_is_not_let_in_and_the_link_is_not_used_up(alice: User) -> None:
    token = links.issue(alice)
    alice.is_active = False
    alice.save()
    assert links.redeem(token) is None
    alice.is_active = True
    alice.save()
    assert links.redeem(token) == alice


def test_a_link_goes_with_its_user(alice: User) -> None:
    token = links.issue(alice)
    alice.delete()
    assert links.redeem(token) is None


def test_nothing_stored_opens_the_door(alice: User) -> None:
    token = links.issue(alice)
    link = OneTimeLink.objects.get()
    assert len(token) >= 43, "256 bits"
    with connection.cursor() as cursor:
        cursor.execute("SELECT one_time_link::text FROM one_time_link")
        stored = cursor.fetchone()[0]
    assert token not in stored
    assert token.encode().hex() not in stored
    assert token not in f"{link} {link!r}"
    assert links.redeem(bytes(link.token_hash).hex()) is None


@pytest.mark.django_db(transaction=True)
def test_of_many_who_use_a_link_at_once_one_gets_in() -> None:
    user = User.objects.create_user("alice@example.com")
    token = links.issue(user)
    found: list[User | None] = []
    start = threading.Barrier(8)

    def redeem() -> None:
        try:
            start.wait()
            found.append(links.redeem(token))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=redeem) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found, key=lambda user: user is None) == [user, *[None] * 7]
