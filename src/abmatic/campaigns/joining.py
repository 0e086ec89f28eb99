"""People who join a campaign by themselves, because they are in a collection, or belong to an account of one.

A worker looks every minute. Only joining goes by itself: a status moves on by what somebody does, and whoever was taken
out of a campaign stays out.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from abmatic.audiences.models import Collection
from abmatic.campaigns import membership
from abmatic.campaigns.membership import StatusUnknown
from abmatic.campaigns.models import Campaign, CampaignJoining
from abmatic.changes.models import Cause
from abmatic.identity.models import User
from abmatic.postgres.sql import block

logger = logging.getLogger(__name__)

# Collections of these records; of accounts it is their people who join.
RECORDS = (Collection.Record.CONTACT, Collection.Record.ACCOUNT)
# Of a collection that stands still only the people of its accounts may be others by then.
AT_LEAST_EVERY = timedelta(minutes=10)
# A change has the time at which it began: it may be seen somewhat later.
_COMMITTED_WITHIN = timedelta(minutes=1)
_AT_ONCE = 10_000


class JoiningRefused(ValueError):
    """Why a collection can't join a campaign, and what helps."""


def join(campaign: Campaign, collection: Collection, user: User, status: str | None = None) -> CampaignJoining:
    """From now on the people of a collection join the campaign; those who are in it now at once.

    Raises `JoiningRefused` where it does already, or holds something else; `StatusUnknown`.
    """
    _require_people(collection)
    with transaction.atomic():
        membership.require_status(campaign, status)
        made, is_new = CampaignJoining.objects.get_or_create(
            campaign=campaign, collection=collection, defaults={"status": status, "created_by": user}
        )
        if not is_new:
            raise JoiningRefused(f"“{collection}” joins “{campaign}” already.")
        follow(made)
    return made


def put_in_once(campaign: Campaign, collection: Collection, cause: Cause, status: str | None = None) -> int:
    """The people of a collection become members now, and nobody later. Answers how many. Raises as `join`."""
    _require_people(collection)
    return _put_in(campaign, collection, cause, status)


def stop(joining: CampaignJoining) -> None:
    """Nobody joins by it any more. Its members stay."""
    joining.delete()


def follow(joining: CampaignJoining) -> int:
    """Puts in who is to join. Answers how many."""
    with transaction.atomic():
        # One at a time, and none that was stopped meanwhile.
        locked = CampaignJoining.objects.select_for_update().filter(pk=joining.pk).first()
        if locked is None:
            return 0
        locked.as_of, locked.problem, many = timezone.now(), "", 0
        try:
            many = _put_in(locked.campaign, locked.collection, None, locked.status)
        except StatusUnknown as unknown:
            locked.problem = f"Nobody joins: {unknown}"
        locked.save(update_fields=["as_of", "problem"])
    return many


def follow_due() -> int:
    """Follows what may have somebody new. Answers how many joined."""
    many, now = 0, timezone.now()
    for joining in CampaignJoining.objects.select_related("collection").order_by("as_of", "id"):
        if not _is_due(joining, now):
            continue
        try:
            many += follow(joining)
        except DatabaseError as error:
            # The others don't wait for it; it has its turn again in a minute.
            logger.warning("Nobody could join campaign %s: %s", joining.campaign_id, error)
    return many


def _is_due(joining: CampaignJoining, now: datetime) -> bool:
    seen = joining.as_of
    if seen is None or now - seen > AT_LEAST_EVERY:
        return True
    moved = (joining.collection.as_of, joining.collection.updated_at)
    return any(moment is not None and moment >= seen - _COMMITTED_WITHIN for moment in moved)


def _require_people(collection: Collection) -> None:
    if collection.record not in RECORDS:
        holds = collection.get_record_display().lower()
        raise JoiningRefused(f"“{collection}” holds {holds}: choose a collection of contacts or of accounts.")


def _put_in(campaign: Campaign, collection: Collection, cause: Cause | None, status: str | None) -> int:
    many = after = 0
    statement = block("abmatic.campaigns", "queries.sql", "joining")
    asked = {
        "campaign": campaign.pk, "collection": collection.pk, "most": _AT_ONCE,
        "of_accounts": collection.record == Collection.Record.ACCOUNT,
    }  # fmt: skip
    with transaction.atomic():
        membership.require_status(campaign, status)
        while True:
            with connection.cursor() as cursor:
                # Who was put in is not passed by again each time.
                cursor.execute(statement, {**asked, "after": after})
                part = [row[0] for row in cursor.fetchall()]
            if part:
                after = part[-1]
                cause = cause or Cause.objects.create(kind=Cause.Kind.RULE, note=f"in “{collection}”")
                many += membership.put_in(campaign, part, cause, status)
            if len(part) < _AT_ONCE:
                return many
