"""The people of these tests."""

from __future__ import annotations

from typing import Any

import pytest

from abmatic.identity.models import Role, User


@pytest.fixture(autouse=True)
def fast_passwords(settings: Any) -> None:
    """A good hash takes a third of a second, and how good it is isn't what these tests are about."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def alice(db: None) -> User:
    """The administrator."""
    return User.objects.create_user("alice@example.com", role=Role.ADMINISTRATOR, name="Alice Adler")


@pytest.fixture
def oscar(db: None) -> User:
    """The operator."""
    return User.objects.create_user("oscar@example.com", role=Role.OPERATOR)


@pytest.fixture
def vera(db: None) -> User:
    """The viewer."""
    return User.objects.create_user("vera@example.com")
