"""Adding people and changing who may do what, without ever locking everybody out. Each act is audited."""

from __future__ import annotations

from django.db import transaction

from abmatic.identity import audit, second_factor
from abmatic.identity.audit import COMMAND_LINE, Author, Difference
from abmatic.identity.models import AuditEntry, Role, User


class LastAdministrator(Exception):
    """The change would leave nobody who may change anything."""

    def __init__(self, user: User) -> None:
        super().__init__(
            f"{user} is the last active administrator. Make somebody else an administrator first, then change this."
        )


def add(email: str, password: str | None = None, *, role: str, name: str = "", by: Author | None = None) -> User:
    """Adds a user. Without ``by`` they add themselves: the first administrator does."""
    with transaction.atomic():
        user = User.objects.create_user(email, password, role=role, name=name)
        second_factor.refresh([user.pk])
        given = [Difference("role", after=user.role, kind="added")]
        audit.note(
            AuditEntry.About.USER,
            str(Author(user)),
            "user added",
            by=by or Author(user),
            subject_id=user.pk,
            differences=given,
        )
    return user


def change(user: User, *, role: str | None = None, is_active: bool | None = None, by: Author = COMMAND_LINE) -> User:
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
        before = {"role": user.role, "is_active": user.is_active}
        user.role = role if role is not None else user.role
        user.is_active = is_active if is_active is not None else user.is_active
        stays = user.role == Role.ADMINISTRATOR and user.is_active
        if administrators == {user.pk} and not stays:
            raise LastAdministrator(user)
        user.save(update_fields=["role", "is_active"])
        _note_change(user, before, by)
    return user


def _note_change(user: User, before: dict[str, object], by: Author) -> None:
    after = {"role": user.role, "is_active": user.is_active}
    differences = [Difference(name, before[name], after[name]) for name in after if before[name] != after[name]]
    if not differences:
        return
    switched = "switched on" if user.is_active else "switched off"
    act = "role changed" if before["is_active"] == user.is_active else switched
    audit.note(AuditEntry.About.USER, str(Author(user)), act, by=by, subject_id=user.pk, differences=differences)


def note_password(user: User) -> None:
    """Somebody chose another password."""
    with transaction.atomic():
        audit.note(AuditEntry.About.USER, str(Author(user)), "password changed", by=Author(user), subject_id=user.pk)
