"""How django-allauth behaves here: people are invited, nobody signs up; what it keeps secret is sealed."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.signals import password_changed, password_set
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_removed, authenticator_reset
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.http import HttpRequest
from django.shortcuts import render

from abmatic.identity import people, sealing, second_factor, sign_on
from abmatic.identity.models import User


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth is not typed
    """Closes sign-up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth is not typed
    """Seals what codes are made of; keeps factors that the policy asks for."""

    def encrypt(self, text: str) -> str:
        return sealing.seal_text(text)

    def decrypt(self, encrypted_text: str) -> str:
        return sealing.unseal_text(encrypted_text)

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        return not second_factor.is_needed()


class SingleSignOnAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth is not typed
    """Lets in whom `sign_on` admits."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Ties somebody who comes for the first time to their user."""
        if sociallogin.is_existing:
            return
        told = sociallogin.account.get_provider_account().get_user_data() or {}
        try:
            user = sign_on.admit(
                str(told.get("email") or ""),
                str(told.get("name") or ""),
                is_verified=told.get("email_verified") in (True, "true"),
                email_is_said="email_verified" in told,
            )
        except sign_on.NotLetIn as problem:
            page = render(request, "door/not_let_in.html", {"problem": problem}, status=403)
            raise ImmediateHttpResponse(page) from None
        sociallogin.connect(request, user)


def came_by_single_sign_on(request: HttpRequest, user: User) -> bool:
    """Whether this browser's sign-in was the identity provider's, whose matter second factors then are."""
    return any(record.get("method") == "socialaccount" for record in get_authentication_records(request, user))


@receiver(post_save, sender=Authenticator)
def _added(sender: object, instance: Authenticator, created: bool, **_: object) -> None:
    # allauth tells of it after the commit only; an entry belongs into the same transaction.
    if created:
        second_factor.note(instance.user, f"{instance.get_type_display()} added")


@receiver(authenticator_removed)
def _removed(sender: object, user: User, authenticator: Authenticator, **_: object) -> None:
    second_factor.note(user, f"{authenticator.get_type_display()} removed")


@receiver(authenticator_reset)
def _renewed(sender: object, user: User, authenticator: Authenticator, **_: object) -> None:
    second_factor.note(user, f"{authenticator.get_type_display()} renewed")


@receiver([password_changed, password_set])
def _password(sender: object, user: User, **_: object) -> None:
    people.note_password(user)
