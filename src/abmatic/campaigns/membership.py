"""Putting people into campaigns, and saying how far each of them is.

A status is one of its campaign's own. Every step is written with its changes, in one transaction: whoever follows the
change log, the push among them, sees it when it is committed and not before. A sync's own writes don't come through
here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, LiteralString

from django.db import connection, transaction
from django.utils import timezone

from abmatic.audiences import editing
from abmatic.audiences.editing import Edit, Saved
from abmatic.audiences.selection import Selection
from abmatic.campaigns.models import Campaign, CampaignMemberStatus
from abmatic.changes.models import Cause
from abmatic.postgres.sql import block

# People of a large selection, by statement.
_AT_ONCE = 10_000
# What a campaign has that is made here: (label, whether it counts as a response). The first is what a new member gets.
DEFAULT_STATUSES = (("Sent", False), ("Responded", True))


class StatusUnknown(ValueError):
    """The campaign has no such status; the message names those that it has."""

    def __init__(self, campaign: Campaign, status: str, known: Sequence[str]) -> None:
        has = f"these are: {', '.join(known)}" if known else "it has none yet"
        super().__init__(f"“{status}” is no status of {campaign}; {has}.")


def save(edits: Sequence[Edit], cause: Callable[[], Cause]) -> list[Saved]:
    """Makes and changes campaigns, as `editing.save` does; a new one gets the two statuses that all begin with."""
    with transaction.atomic():
        saved = editing.save("campaign", edits, cause)
        CampaignMemberStatus.objects.bulk_create(
            CampaignMemberStatus(
                campaign_id=each.id, label=label, position=place, is_default=place == 1, is_responded=responded
            )
            for each in saved
            if each.status == "created" and each.id is not None
            for place, (label, responded) in enumerate(DEFAULT_STATUSES, 1)
        )
    return saved


def make_campaign(name: str, cause: Cause, **values: object) -> Campaign:
    """Makes one campaign. ``values`` by the fields' names; ``parent_id`` puts it below another one."""
    parent = values.pop("parent_id", None)
    with transaction.atomic():
        (saved,) = save([Edit({"name": name, **values})], lambda: cause)
        if saved.id is None:
            raise ValueError(" ".join(problem.reason for problem in saved.problems))
        if parent is not None:
            Campaign.objects.filter(pk=saved.id).update(parent_id=parent)
        return Campaign.objects.get(pk=saved.id)


def put_in(
    campaign: Campaign, contacts: Sequence[int], cause: Cause, status: str | None = None, on: date | None = None
) -> int:
    """Makes contacts members of a campaign; those who are members stay as they are, those taken out come back.

    Without a status they get the campaign's default; where it counts as a response, they responded ``on`` a day
    (today). Answers how many are in it now who were not. Raises `StatusUnknown`.
    """
    with transaction.atomic():
        found = _status(campaign, status)
        return _count(
            "put_in", campaign=campaign.pk, contacts=list(contacts), cause=cause.pk, status=found.label,
            responded=found.is_responded, today=on or _today(),
        )  # fmt: skip


def put_in_selected(
    campaign: Campaign, selection: Selection, cause: Callable[[], Cause], status: str | None = None
) -> int:
    """Makes chosen contacts members, however many, in one transaction. Answers as `put_in` does, and raises so."""
    made: Cause | None = None
    many = 0
    with transaction.atomic():
        _status(campaign, status)
        for part in selection.in_parts(_AT_ONCE):
            made = made or cause()
            many += put_in(campaign, part, made, status)
    return many


def advance(campaign: Campaign, members: Sequence[int], status: str, cause: Cause, on: date | None = None) -> int:
    """As `set_status`, but forwards only: whoever is as far, or further, stays there.

    One that counts as a response is further than one that doesn't, then the later in the campaign's order. A status
    that the campaign doesn't have any more is the least.
    """
    places = places_of(campaign)
    label = require_status(campaign, status)
    as_far = [other for other, place in places.items() if place >= places[label]]
    return _set_status(campaign, members, label, cause, on, as_far)


def places_of(campaign: Campaign) -> dict[str, tuple[bool, int]]:
    """How far each status of a campaign is, to be compared."""
    return {each.label: (each.is_responded, number) for number, each in enumerate(statuses(campaign))}


def set_status(campaign: Campaign, members: Sequence[int], status: str, cause: Cause, on: date | None = None) -> int:
    """Says how far members of a campaign are, since a day (today). Answers how many changed. Raises `StatusUnknown`."""
    label = require_status(campaign, status)
    return _set_status(campaign, members, label, cause, on, [label])


def _set_status(
    campaign: Campaign, members: Sequence[int], label: str, cause: Cause, on: date | None, staying: Sequence[str]
) -> int:
    """``staying`` are the statuses that who has one of them keeps: judged of the row as it is when it is written."""
    with transaction.atomic():
        found = _status(campaign, label)
        return _count(
            "set_status", campaign=campaign.pk, members=list(members), staying=list(staying), cause=cause.pk,
            status=found.label, responded=found.is_responded, today=on or _today(),
        )  # fmt: skip


def require_status(campaign: Campaign, status: str | None) -> str:
    """The status as the campaign writes it; None is its default. Raises `StatusUnknown` where it hasn't it."""
    return _status(campaign, status).label


def statuses(campaign: Campaign) -> list[CampaignMemberStatus]:
    """Those of a campaign, in its order."""
    return list(CampaignMemberStatus.objects.filter(campaign=campaign).order_by("position", "id"))


def _status(campaign: Campaign, wanted: str | None) -> CampaignMemberStatus:
    known = statuses(campaign)
    for each in known:
        if each.is_default if wanted is None else each.label.casefold() == wanted.strip().casefold():
            return each
    if wanted is None and known:
        return known[0]
    raise StatusUnknown(campaign, wanted or "", [each.label for each in known])


def _today() -> date:
    return timezone.now().date()


def _count(name: LiteralString, **parameters: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(block("abmatic.campaigns", "queries.sql", name), parameters)
        (number,) = cursor.fetchone()
        return int(number)
