"""The setup code: the first administrator is made by somebody who can read the program's output, and by nobody else."""

from __future__ import annotations

import re
from typing import Any

import pytest

from abmatic.identity import setup
from abmatic.identity.models import User


def test_the_code_can_be_read_out_and_typed(settings: Any) -> None:
    code = setup.setup_code()
    assert re.fullmatch(r"[0-9a-f]{24}", code)
    assert setup.setup_code() == code, "every process says the same"
    for typed in (code, f"  {code}\n", code.upper()):
        assert setup.is_setup_code(typed)


@pytest.mark.parametrize("typed", ["", " ", "0" * 24, "é" * 24, "\0", "x" * 100_000])
def test_anything_else_is_not_the_code(typed: str) -> None:
    assert not setup.is_setup_code(typed)
    assert not setup.is_setup_code(setup.setup_code()[:-1])
    assert not setup.is_setup_code(setup.setup_code() + "0")


def test_another_installation_has_another_code(settings: Any) -> None:
    code = setup.setup_code()
    settings.SECRET_KEY = "another"
    assert setup.setup_code() != code
    assert not setup.is_setup_code(code)


@pytest.mark.django_db
def test_it_is_needed_until_there_is_a_user() -> None:
    assert setup.is_needed()
    user = User.objects.create_user("alice@example.com")
    assert not setup.is_needed()
    user.is_active = False
    user.save()
    assert not setup.is_needed(), "somebody who was switched off still owned the installation"
