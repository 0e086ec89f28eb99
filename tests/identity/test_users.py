"""Users: one address is one person, a role includes those below it, and somebody remains who may change things."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.db import IntegrityError, connections

from abmatic.identity import people
from abmatic.identity.models import Role, User


def test_each_role_includes_the_ones_below_it(alice: User, oscar: User, vera: User) -> None:
    may = {user.email: (user.is_administrator, user.is_operator) for user in (alice, oscar, vera)}
    assert may == {
        "alice@example.com": (True, True),
        "oscar@example.com": (False, True),
        "vera@example.com": (False, False),
    }


def test_somebody_new_may_only_look(db: None) -> None:
    user = User.objects.create_user("new@example.com")
    assert (user.role, user.is_active) == (Role.VIEWER, True)


def test_an_address_is_one_person_however_it_is_written(alice: User) -> None:
    user = User.objects.create_user(" New.Person@Example.COM ", "a long enough password")
    assert user.email == "new.person@example.com"
    assert User.objects.get_by_natural_key(" NEW.person@example.com") == user
    with pytest.raises(IntegrityError):
        User.objects.create_user("ALICE@example.com")


def test_without_a_password_none_signs_in(alice: User) -> None:
    assert not alice.has_usable_password()
    for guess in ("", "!", alice.password):
        assert not alice.check_password(guess)
        assert authenticate(email=alice.email, password=guess) is None


def test_a_password_is_stored_as_a_hash_only(db: None) -> None:
    user = User.objects.create_user("new@example.com", "correct horse battery")
    assert user.check_password("correct horse battery")
    assert "horse" not in user.password
    assert "horse" not in repr(user)


def test_a_user_is_called_by_name_or_by_address(alice: User, vera: User) -> None:
    assert (str(alice), str(vera)) == ("Alice Adler", "vera@example.com")


def test_the_last_administrator_stays_one(alice: User, oscar: User) -> None:
    with pytest.raises(people.LastAdministrator, match="Alice Adler is the last active administrator"):
        people.change(alice, role=Role.VIEWER)
    with pytest.raises(people.LastAdministrator):
        people.change(alice, is_active=False)
    alice.refresh_from_db()
    assert (alice.role, alice.is_active) == (Role.ADMINISTRATOR, True)
    people.change(oscar, role=Role.ADMINISTRATOR)
    assert people.change(alice, role=Role.VIEWER).role == Role.VIEWER
    with pytest.raises(people.LastAdministrator):
        people.change(oscar, role=Role.OPERATOR)


def test_an_administrator_who_is_switched_off_is_none(alice: User, oscar: User) -> None:
    people.change(oscar, role=Role.ADMINISTRATOR, is_active=False)
    with pytest.raises(people.LastAdministrator):
        people.change(alice, role=Role.OPERATOR)


@pytest.mark.django_db(transaction=True)
def test_two_administrators_who_demote_each_other_at_once_leave_one() -> None:
    both = [User.objects.create_user(f"{name}@example.com", role=Role.ADMINISTRATOR) for name in "ab"]
    refused: list[Any] = []
    start = threading.Barrier(2)

    def demote(user: User) -> None:
        start.wait()
        try:
            people.change(user, role=Role.VIEWER)
        except people.LastAdministrator as error:
            refused.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=demote, args=(user,)) for user in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert User.objects.filter(role=Role.ADMINISTRATOR).count() == 1
