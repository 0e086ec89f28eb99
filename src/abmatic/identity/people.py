"""Changing who may do what, without ever locking everybody out."""

from __future__ import annotations

from django.db import transaction

from abmatic.identity.models import Role, User


class LastAdministrator(Exception):
    """The change would leave nobody who may change anything."""

    def __init__(self, user: User) -> None:
        super().__init__(
            f"{user} is the last active administrator. Make somebody else an administrator first, then change this."
        )


def change(user: User, *, role: str | None = None, is_active: bool | None = None) -> User:
    """Gives a user another role, or switches them off or on. Raises `LastAdministrator`; then nothing is changed."""
    with transaction.atomic():
        # Every active administrator is locked: two of them demoting each other at once must not both succeed.
        administrators = set(
            User.objects.select_for_update()
            .filter(role=Role.ADMINISTRATOR, is_active=True)
            .order_by("pk")
            .values_list("pk", flat=True)
        )
        user = User.objects.select_for_update().get(pk=user.pk)
        user.role = role if role is not None else user.role
        user.is_active = is_active if is_active is not None else user.is_active
        stays = user.role == Role.ADMINISTRATOR and user.is_active
        if administrators == {user.pk} and not stays:
            raise LastAdministrator(user)
        user.save(update_fields=["role", "is_active"])
    return user
