"""The people of these tests, and an org whose data they look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from tests.sync.conftest import org_templates, orgs
from tests.web import org

from abmatic.identity.models import Role, User
from abmatic.sync.models import Connection

# Fixtures of the sync's tests, for pages that talk to an org.
__all__ = ["org_templates", "orgs"]

# `abmatic web` makes this folder when it starts; without it every client warns.
Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)

PASSWORD = "a quiet harbour at dawn"

# Signing in is not what most tests here are about, and a good hash takes a third of a second.
FAST_HASHER = ["django.contrib.auth.hashers.MD5PasswordHasher"]

SignedIn = Callable[[User], Client]


@pytest.fixture(autouse=True)
def no_attempts_counted() -> Iterator[None]:
    """Sign-in attempts are counted in the cache, which outlives a test."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture(autouse=True)
def fast_passwords(settings: Any) -> None:
    """Users are made quickly."""
    settings.PASSWORD_HASHERS = FAST_HASHER


@pytest.fixture
def alice(db: None) -> User:
    """The administrator."""
    return User.objects.create_user("alice@example.com", PASSWORD, role=Role.ADMINISTRATOR, name="Alice Adler")


@pytest.fixture
def oscar(db: None) -> User:
    """The operator."""
    return User.objects.create_user("oscar@example.com", PASSWORD, role=Role.OPERATOR, name="Oscar Ortiz")


@pytest.fixture
def vera(db: None) -> User:
    """The viewer."""
    return User.objects.create_user("vera@example.com", PASSWORD, role=Role.VIEWER, name="Vera Vogt")


@pytest.fixture
def signed_in() -> SignedIn:
    """Makes a browser in which somebody is signed in."""

    def client_of(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return client_of


@pytest.fixture
def admin(alice: User, signed_in: SignedIn) -> Client:
    """The administrator's browser."""
    return signed_in(alice)


@pytest.fixture
def connection(db: None) -> Connection:
    """An authorised org with the default settings."""
    return org.connect()
