"""Whom a company's identity provider lets in: who was invited, and who has an address in a domain that is let in."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction

from abmatic.identity import audit, people
from abmatic.identity.audit import Author
from abmatic.identity.models import AuditEntry, User


class NotLetIn(Exception):
    """Why somebody whom the provider knows isn't let in, and what helps."""


def admit(email: str, name: str, *, is_verified: bool, email_is_said: bool = True) -> User:
    """The user of somebody whom the provider has signed in for the first time. Raises `NotLetIn`.

    ``email_is_said`` is False where the provider says nothing about whether the address was verified.
    """
    provider = settings.ENVIRONMENT.identity_provider
    assert provider is not None, "nobody comes from a provider that isn't set"
    email = email.strip().lower()
    if not email:
        raise NotLetIn("The identity provider told no e-mail address. Let Abmatic see it there (scope email).")
    # An address that nobody verified may be another person's, who was invited.
    if not is_verified and (email_is_said or not provider.trusts_email):
        raise NotLetIn(
            f"The identity provider doesn't say that {email} is verified. Verify the address there; where the provider "
            "verifies addresses without saying so, set ABMATIC_OIDC_TRUST_EMAIL=1."
        )
    with transaction.atomic():
        user = User.objects.filter(email=email).first()
        by = Author(name=f"{provider.name} ({email})")
        if user is None:
            if email.rpartition("@")[2] not in provider.domains:
                raise NotLetIn(f"{email} was not invited. An administrator invites people under Settings, Users.")
            user = people.add(email, role=provider.role, name=name.strip()[:200], by=by)
        audit.note(
            AuditEntry.About.SIGN_IN, str(Author(user)), f"linked with {provider.name}", by=by, subject_id=user.pk
        )
    return user
