"""Seals and opens secrets with Fernet (AES-128-CBC and HMAC-SHA256), newest key first.

A secret is a small JSON object (a token with its refresh token, a client secret), so one row holds what changes
together. `rotate` seals everything again with the newest key; older keys still open until they are taken away.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import transaction

from abmatic.identity import audit
from abmatic.identity.models import AuditEntry, SealedSecret


class SealBroken(Exception):
    """No key of the environment opens this secret."""

    def __init__(self) -> None:
        super().__init__(
            "A stored secret can't be opened with the encryption keys in force. Put the former key back into "
            "ABMATIC_ENCRYPTION_KEYS (or restore encryption.key from a backup), or authorise the connection again."
        )


def _box(keys: Sequence[str] | None = None) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys or settings.ENVIRONMENT.encryption_keys])


def seal(secret: dict[str, str]) -> bytes:
    """The sealed bytes of a secret."""
    return _box().encrypt(json.dumps(secret, separators=(",", ":")).encode())


def unseal(sealed: bytes | memoryview) -> dict[str, str]:
    """Opens sealed bytes. Raises `SealBroken`."""
    try:
        opened = json.loads(_box().decrypt(bytes(sealed)))
    except InvalidToken:
        raise SealBroken from None
    assert isinstance(opened, dict)
    return opened


def seal_text(text: str) -> str:
    """One text sealed, as text: for what libraries keep in columns of theirs."""
    return seal({"text": text}).decode()


def unseal_text(sealed: str) -> str:
    """Opens what `seal_text` sealed. Raises `SealBroken`."""
    return unseal(sealed.encode())["text"]


def rotate(also: Callable[[], int] | None = None) -> int:
    """Seals every stored secret again with the newest key, and what ``also`` does. Returns how many."""
    box = _box()
    with transaction.atomic():
        rows = list(SealedSecret.objects.select_for_update())
        for row in rows:
            try:
                row.sealed = box.rotate(bytes(row.sealed))
            except InvalidToken:
                raise SealBroken from None
            row.save()
        count = len(rows) + (also() if also else 0)
        act = f"{count} stored secrets sealed with the newest key"
        audit.note(AuditEntry.About.SETTINGS, "Encryption keys", act, by=audit.COMMAND_LINE)
    return count
