"""Putting people into campaigns, and saying how far each of them is.

A status is one of its campaign's own. Every step is written with its changes, in one transaction: whoever follows the
change log, the push among them, sees it when it is committed and not before. A sync's own writes don't come through
here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, LiteralString

from django.db import connection, transaction
from django.utils import timezone

from abmatic.campaigns.models import Campaign, CampaignMemberStatus
from abmatic.changes.models import Cause, Change
from abmatic.postgres.sql import block

# What a campaign has that is made here: (label, whether it counts as a response). The first is what a new member gets.
DEFAULT_STATUSES = (("Sent", False), ("Responded", True))


class StatusUnknown(ValueError):
    """The campaign has no such status; the message names those that it has."""

    def __init__(self, campaign: Campaign, status: str, known: Sequence[str]) -> None:
        has = f"these are: {', '.join(known)}" if known else "it has none yet"
        super().__init__(f"“{status}” is no status of {campaign}; {has}.")


def make_campaign(name: str, cause: Cause, **values: object) -> Campaign:
    """Makes a campaign, with the two statuses that every campaign begins with. ``values`` by the fields' names."""
    with transaction.atomic():
        made = Campaign.objects.create(name=name, created_by=cause, **values)
        CampaignMemberStatus.objects.bulk_create(
            CampaignMemberStatus(
                campaign=made, label=label, position=place, is_default=place == 1, is_responded=responded
            )
            for place, (label, responded) in enumerate(DEFAULT_STATUSES, 1)
        )
        Change.objects.create(record="campaign", record_id=made.pk, field="", cause=cause)
    return made


def put_in(campaign: Campaign, contacts: Sequence[int], cause: Cause, status: str | None = None) -> int:
    """Makes contacts members of a campaign; those who are members stay as they are, those taken out come back.

    Without a status they get the campaign's default. Answers how many are in it now who were not. Raises
    `StatusUnknown`.
    """
    with transaction.atomic():
        found = _status(campaign, status)
        return _count(
            "put_in", campaign=campaign.pk, contacts=list(contacts), cause=cause.pk, status=found.label,
            responded=found.is_responded, today=_today(),
        )  # fmt: skip


def set_status(campaign: Campaign, members: Sequence[int], status: str, cause: Cause) -> int:
    """Says how far members of a campaign are. Answers how many changed. Raises `StatusUnknown`."""
    with transaction.atomic():
        found = _status(campaign, status)
        return _count(
            "set_status", campaign=campaign.pk, members=list(members), cause=cause.pk, status=found.label,
            responded=found.is_responded, today=_today(),
        )  # fmt: skip


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
