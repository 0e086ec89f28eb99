"""One-time links: how the first administrator of a demo, or somebody invited, signs in without a password."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from abmatic.identity import audit
from abmatic.identity.audit import COMMAND_LINE, Author
from abmatic.identity.models import AuditEntry, OneTimeLink, User


def issue(user: User, lifetime: timedelta = timedelta(minutes=30), *, by: Author = COMMAND_LINE) -> str:
    """Makes a link's token for the user. The token itself is stored nowhere."""
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        OneTimeLink.objects.filter(expires_at__lt=timezone.now()).delete()
        OneTimeLink.objects.create(token_hash=_hash(token), user=user, expires_at=timezone.now() + lifetime)
        # Whoever holds the link is the user: as worth knowing as a new password.
        audit.note(AuditEntry.About.USER, str(Author(user)), "sign-in link made", by=by, subject_id=user.pk)
    return token


def redeem(token: str) -> User | None:
    """The link's user, once: None when the token is unknown, used, expired, or its user is inactive."""
    with transaction.atomic():
        link = (
            OneTimeLink.objects.select_for_update(of=("self",))
            .select_related("user")
            .filter(token_hash=_hash(token), used_at=None, expires_at__gt=timezone.now(), user__is_active=True)
            .first()
        )
        if link is None:
            return None
        link.used_at = timezone.now()
        link.save(update_fields=["used_at"])
        return link.user


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
