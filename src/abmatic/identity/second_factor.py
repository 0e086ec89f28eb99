"""The second factor of signing in (an authenticator app, with recovery codes), and whether everybody needs one.

allauth keeps the factors. Whether somebody still lacks one is told in their own row, by one statement whenever
something changes, so that no page has to ask for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.db.models import Exists, OuterRef

from abmatic.identity import audit, sealing
from abmatic.identity.audit import COMMAND_LINE, Author, Difference
from abmatic.identity.models import AuditEntry, SignInPolicy, User

_FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def is_needed() -> bool:
    """Whether everybody needs one."""
    return SignInPolicy.objects.filter(needs_second_factor=True).exists()


def has_one(user: User) -> bool:
    """Whether somebody signs in with one."""
    return bool(Authenticator.objects.filter(user_id=user.pk, type__in=_FACTORS).exists())


def with_one() -> set[int]:
    """Who signs in with one."""
    return set(Authenticator.objects.filter(type__in=_FACTORS).values_list("user_id", flat=True))


def require(needed: bool, *, by: Author = COMMAND_LINE) -> None:
    """From now on everybody needs one, or nobody has to. Who lacks one is led to it with their next page."""
    with transaction.atomic():
        policy, _ = SignInPolicy.objects.select_for_update().get_or_create(pk=1)
        before = policy.needs_second_factor
        if before == needed:
            return
        policy.needs_second_factor = needed
        policy.save()
        refresh()
        differences = [Difference("everybody needs a second factor", before, needed)]
        audit.note(AuditEntry.About.SIGN_IN, "Sign-in", "policy changed", by=by, differences=differences)


def refresh(users: Sequence[int] | None = None) -> None:
    """Tells in the rows of these users, or of all, who lacks a factor that they need."""
    factors = Authenticator.objects.filter(user_id=OuterRef("pk"), type__in=_FACTORS)
    found = User.objects.all() if users is None else User.objects.filter(pk__in=users)
    if is_needed():
        found.update(lacks_second_factor=~Exists(factors))
    else:
        found.filter(lacks_second_factor=True).update(lacks_second_factor=False)


def reset(user: User, *, by: Author = COMMAND_LINE) -> bool:
    """Takes the factor of somebody who has lost it away. Answers whether there was one."""
    with transaction.atomic():
        count, _ = Authenticator.objects.filter(user_id=user.pk).delete()
        refresh([user.pk])
        if count:
            name = str(Author(user))
            audit.note(AuditEntry.About.SIGN_IN, name, "second factor reset", by=by, subject_id=user.pk)
    return bool(count)


def note(user: User, act: str) -> None:
    """Somebody changed their own factor."""
    with transaction.atomic():
        refresh([user.pk])
        audit.note(AuditEntry.About.SIGN_IN, str(Author(user)), act, by=Author(user), subject_id=user.pk)


def reseal() -> int:
    """Seals what factors hold again with the newest key; see `sealing.rotate`. Answers how many."""
    count = 0
    for factor in Authenticator.objects.select_for_update():
        sealed = {name: factor.data[name] for name in ("secret", "seed") if factor.data.get(name)}
        if sealed:
            factor.data |= {name: sealing.seal_text(sealing.unseal_text(text)) for name, text in sealed.items()}
            factor.save(update_fields=["data"])
            count += 1
    return count
