"""Saved views of a list: a filter, a search, an order and columns under a name; a person's own, or shared with all."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Q, QuerySet

from abmatic.audiences.models import Collection, SavedView
from abmatic.identity.models import User

LONGEST_NAME = 80
MOST = 100


class ViewRefused(ValueError):
    """Why the view can't be saved, and what helps."""


def seen_by(user: User, record: str) -> QuerySet[SavedView]:
    """The views of such records that a person sees: their own first."""
    found = SavedView.objects.filter(Q(user=user) | Q(is_shared=True), record=record).select_related("user")
    return found.order_by("is_shared", "name", "id")


def save(user: User, record: str, name: str, asked: Mapping[str, object], *, is_shared: bool) -> SavedView:
    """Saves a view; one of the person's own with that name becomes this. Raises `ViewRefused`."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise ViewRefused(f"Give the view a name of 1 to {LONGEST_NAME} characters.")
    if record not in Collection.Record.values:
        raise ViewRefused(f"There are no lists of {record} records.")
    own = SavedView.objects.filter(user=user, record=record)
    if own.count() >= MOST and not own.filter(name=name).exists():
        raise ViewRefused(f"You have {MOST} views already: delete one first.")
    view, _ = SavedView.objects.update_or_create(
        user=user, record=record, name=name, defaults={"asked": dict(asked), "is_shared": is_shared}
    )
    return view


def delete(user: User, view_id: int, record: str) -> bool:
    """Deletes a person's own view, or for an administrator any shared one. Answers whether there was one."""
    mine = Q(user=user) | Q(is_shared=True) if user.is_administrator else Q(user=user)
    deleted, _ = SavedView.objects.filter(mine, pk=view_id, record=record).delete()
    return bool(deleted)
