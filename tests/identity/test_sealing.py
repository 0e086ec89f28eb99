"""Sealed secrets: opened only with a key in force, kept through a rotation, seen nowhere."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from abmatic.identity import sealing
from abmatic.identity.models import SealedSecret

OLD, NEW, LOST = (Fernet.generate_key().decode() for _ in range(3))
SECRET = {"access_token": "00D!AQ.token-of-alice", "client_secret": "pässwörd 🔑", "refresh_token": ""}


@pytest.fixture
def use(settings: Any) -> Any:
    """Puts these keys in force, newest first."""

    def put(*keys: str) -> None:
        settings.ENVIRONMENT = replace(settings.ENVIRONMENT, encryption_keys=keys)

    put(OLD)
    return put


def stored(secret: dict[str, str] | None = None) -> SealedSecret:
    return SealedSecret.objects.create(sealed=sealing.seal(secret or SECRET))


def opened(row: SealedSecret) -> dict[str, str]:
    return sealing.unseal(SealedSecret.objects.get(pk=row.pk).sealed)


@given(st.dictionaries(st.text(max_size=20), st.text(st.characters(codec="utf-8"), max_size=200), max_size=5))
def test_what_is_sealed_is_what_is_opened(secret: dict[str, str]) -> None:
    assert sealing.unseal(sealing.seal(secret)) == secret


def test_the_same_secret_is_never_sealed_alike(use: Any) -> None:
    assert sealing.seal(SECRET) != sealing.seal(SECRET)


def test_another_key_opens_nothing_and_the_message_says_what_to_do(use: Any) -> None:
    sealed = sealing.seal(SECRET)
    use(LOST)
    with pytest.raises(sealing.SealBroken, match="Put the former key back into ABMATIC_ENCRYPTION_KEYS") as caught:
        sealing.unseal(sealed)
    assert caught.value.__cause__ is None
    use(OLD)
    assert sealing.unseal(memoryview(sealed)) == SECRET


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s[:-1],
        lambda s: s[:-2] + b"AA",
        lambda s: b"",
        lambda s: b"gAAAA" + s,
        lambda s: s[:40] + b"A" + s[41:],
    ],
)
def test_a_sealed_secret_that_was_changed_is_not_opened(use: Any, change: Any) -> None:
    with pytest.raises(sealing.SealBroken):
        sealing.unseal(change(sealing.seal(SECRET)))


@pytest.mark.django_db
def test_a_rotation_keeps_every_secret_and_needs_the_old_key_no_more(use: Any) -> None:
    rows = [stored(), stored({"a": "b"})]
    before = [bytes(row.sealed) for row in rows]
    use(NEW, OLD)
    assert [opened(row) for row in rows] == [SECRET, {"a": "b"}]
    assert sealing.rotate() == 2
    use(NEW)
    assert [opened(row) for row in rows] == [SECRET, {"a": "b"}]
    assert all(bytes(SealedSecret.objects.get(pk=row.pk).sealed) != old for row, old in zip(rows, before, strict=True))
    assert sealing.rotate() == 2, "again is harmless"
    assert opened(rows[0]) == SECRET


@pytest.mark.django_db
def test_a_rotation_that_meets_a_secret_it_cannot_open_changes_nothing(use: Any) -> None:
    first = stored()
    use(LOST)
    lost = stored()
    use(NEW, OLD)
    with pytest.raises(sealing.SealBroken):
        sealing.rotate()
    use(OLD)
    assert opened(first) == SECRET
    use(LOST)
    assert opened(lost) == SECRET


@pytest.mark.django_db
def test_what_is_not_sealed_is_not_stored() -> None:
    with pytest.raises(AssertionError, match="only sealed bytes are stored"):
        SealedSecret.objects.create(sealed=b'{"access_token": "x"}')


@pytest.mark.django_db
def test_a_secret_is_seen_nowhere(use: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        row = stored()
        assert opened(row) == SECRET
        use(NEW, OLD)
        sealing.rotate()
        use(LOST)
        with pytest.raises(sealing.SealBroken) as caught:
            opened(row)
    with connection.cursor() as cursor:
        cursor.execute("SELECT s::text, convert_from(s.sealed, 'UTF8') FROM sealed_secret AS s")
        dump = " ".join(str(cell) for found in cursor.fetchall() for cell in found)
    seen = f"{dump} {row} {row!r} {caplog.text} {caught.value!r}"
    for part in (*filter(None, SECRET.values()), OLD, NEW, LOST):
        assert part not in seen
        assert part.encode().hex() not in seen
