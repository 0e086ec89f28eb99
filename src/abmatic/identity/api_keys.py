"""API keys: made by an administrator, shown once, known only by their hash afterwards.

A token is 256 random bits, so a plain hash is enough: there is nothing to guess that a slow one would protect. Its
beginning names the key, as in ``abm_k7f3q2mz_…``.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from abmatic.identity import audit
from abmatic.identity.audit import COMMAND_LINE, Author, Difference
from abmatic.identity.models import ApiKey, AuditEntry

_MARK = "abm_"
_PREFIX_SIGNS = "abcdefghijkmnpqrstuvwxyz23456789"
# A use is written down when the last one that was is older.
_NOTED_EVERY = timedelta(minutes=5)
LONGEST_NAME = 200


class KeyRefused(Exception):
    """Why a token opens nothing, and what helps."""


def create(
    name: str, role: str, *, by: Author = COMMAND_LINE, expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """Makes a key. Answers it and its token, which is stored nowhere."""
    prefix = _MARK + "".join(secrets.choice(_PREFIX_SIGNS) for _ in range(8))
    token = f"{prefix}_{secrets.token_urlsafe(32)}"
    with transaction.atomic():
        key = ApiKey.objects.create(
            name=name.strip()[:LONGEST_NAME],
            prefix=prefix,
            token_hash=hash_of(token),
            role=role,
            created_by=by.user,
            expires_at=expires_at,
        )
        given = [
            Difference("role", after=role, kind="added"),
            Difference("expires", after=f"{expires_at:%Y-%m-%d}" if expires_at else None, kind="added"),
        ]
        _note(key, "key made", by, given)
    return key, token


def find(token: str) -> ApiKey:
    """The key of a token. Raises `KeyRefused`."""
    key = ApiKey.objects.filter(token_hash=hash_of(token)).first()
    if key is None:
        raise KeyRefused("This API key isn't known. An administrator makes one under Settings, API keys.")
    if key.revoked_at is not None:
        raise KeyRefused(f"The API key {key.prefix} ({key.name}) was revoked. Ask an administrator for another one.")
    if key.is_expired:
        raise KeyRefused(f"The API key {key.prefix} ({key.name}) has expired. Ask an administrator for another one.")
    return key


def note_use(key: ApiKey) -> None:
    """Keeps when the key was last used, to some minutes: a read must not cost a write each time."""
    now = timezone.now()
    if key.last_used_at is None or key.last_used_at < now - _NOTED_EVERY:
        unnoted = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - _NOTED_EVERY)
        ApiKey.objects.filter(unnoted, pk=key.pk).update(last_used_at=now)


def revoke(key: ApiKey, *, by: Author = COMMAND_LINE) -> bool:
    """Ends a key at once and for good. Answers whether it was not revoked already."""
    with transaction.atomic():
        ended = bool(ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now()))
        if ended:
            _note(key, "key revoked", by)
    return ended


def _note(key: ApiKey, act: str, by: Author, differences: Iterable[Difference] = ()) -> None:
    name = f"{key.name} ({key.prefix})"
    audit.note(AuditEntry.About.API_KEY, name, act, by=by, subject_id=key.pk, differences=differences)


def hash_of(token: str) -> bytes:
    """What is stored of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
