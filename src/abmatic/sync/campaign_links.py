"""Linking a campaign here with one in Salesforce by hand, taking such a link back, and creating one there.

Linked, the two agree on nothing yet: the next sync gives each side what the settings say, and Salesforce's statuses and
members, which waited for the campaign, become those of the one here; members here become members there. Unlinked, each
goes on by itself with what it has; no push creates the one here anew until a person says so. The change log holds who
said what, and when. While a sync runs nothing is linked or unlinked.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, LiteralString

from django.db import connection as database
from django.db import transaction

from abmatic.audiences.conditions import ConditionRefused
from abmatic.audiences.selection import Selection
from abmatic.campaigns.models import Campaign
from abmatic.changes.models import Cause, Change
from abmatic.identity.models import User
from abmatic.postgres.sql import block
from abmatic.sync import runs
from abmatic.sync.linking import LINKED, NotLinked, keep_syncs_out, require_settled
from abmatic.sync.models import Connection, Due, KeptApart, MirrorCampaign, ObjectSetting, Run
from abmatic.sync.runs import AlreadyRunning

# More are found by more of their name.
MOST = 20
_SPEC = "Campaign"
_WITH_RIDERS = (_SPEC, "CampaignMemberStatus", "CampaignMember")
# Their syncs say which membership here a member in Salesforce is, too.
_PEOPLE = ("Contact", "Lead")


@dataclass(frozen=True, slots=True)
class Theirs:
    """A campaign in Salesforce, as it was last seen. ``here``: the campaign that it is linked with already."""

    connection: Connection
    sf_id: str
    name: str
    facts: tuple[str, ...]
    here: int | None
    here_name: str

    @property
    def url(self) -> str:
        """Opens it in Salesforce."""
        return f"{self.connection.instance_url}/{self.sf_id}"


def found(words: str) -> list[Theirs]:
    """Campaigns in Salesforce by a part of their name or by their Id, those that are nobody's here first."""
    text = words.strip()
    connections = {each.pk: each for each in Connection.objects.filter(status=Connection.Status.ACTIVE)}
    like = text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    is_id = len(text) in {15, 18} and text.isascii() and text.isalnum()
    rows = _ask("campaigns", connections=list(connections), words=f"%{like}%", id=text[:15] if is_id else "", most=MOST)
    return [
        _theirs(connections[number], sf_id, json.loads(values), here, here_name or "")
        for number, sf_id, values, here, here_name in rows
    ]


def _theirs(connection: Connection, sf_id: str, values: dict[str, Any], here: int | None, name: str) -> Theirs:
    return Theirs(connection, sf_id, str(values.get("Name") or sf_id), _facts(values), here, name)


def _facts(values: dict[str, Any]) -> tuple[str, ...]:
    told = [str(values[name]) for name in ("Type", "Status") if values.get(name)]
    if values.get("StartDate"):
        told.append(f"begins {date.fromisoformat(str(values['StartDate'])[:10])}")
    return tuple(told)


def link(campaign: Campaign, connection: Connection, sf_id: str, cause: Callable[[], Cause]) -> None:
    """The two are one from now on. Raises `NotLinked`."""
    with transaction.atomic():
        keep_syncs_out(connection, *_WITH_RIDERS)
        ours = Campaign.objects.select_for_update().filter(pk=campaign.pk).first()
        theirs = MirrorCampaign.objects.select_for_update().filter(connection=connection, sf_id=sf_id).first()
        if ours is None or theirs is None or theirs.is_deleted:
            raise NotLinked(
                "That campaign is not to be had: it was deleted, or has not been read yet. Sync Campaigns, then look "
                "again."
            )
        _require_free(ours, connection)
        _require_settled(ours, connection)
        if theirs.local_id is not None:
            other = Campaign.objects.filter(pk=theirs.local_id).first()
            raise NotLinked(
                f"That campaign is in Abmatic as “{other}” already. Use that one; or open its Sync tab, unlink it "
                "there, then link it with this one."
            )
        _ask("link_campaign", connection=connection.pk, local=ours.pk, sf_id=sf_id)
        _follow_with_members(ours, connection)
        _note(ours, None, sf_id, cause)


def unlink(campaign: Campaign, connection: Connection, sf_id: str, cause: Callable[[], Cause]) -> None:
    """They are two again, each with what it has. Raises `NotLinked`."""
    with transaction.atomic():
        keep_syncs_out(connection, *_WITH_RIDERS, *_PEOPLE)
        Campaign.objects.select_for_update().filter(pk=campaign.pk).first()
        _require_settled(campaign, connection)
        ((number,),) = _ask("unlink_campaign", connection=connection.pk, local=campaign.pk, sf_id=sf_id)
        if not number:
            raise NotLinked("The two are not linked any more.")
        KeptApart.objects.get_or_create(connection=connection, sobject=_SPEC, local_id=campaign.pk)
        _note(campaign, sf_id, None, cause)


def orgs_without(campaign: Campaign) -> list[Connection]:
    """Orgs in which the campaign is not, and could be."""
    there = MirrorCampaign.objects.filter(local_id=campaign.pk, is_deleted=False).values("connection_id")
    return list(Connection.objects.filter(status=Connection.Status.ACTIVE).exclude(pk__in=there).order_by("pk"))


def create(
    campaign: Campaign, connection: Connection, user: User | None, *, trigger: str = Run.Trigger.MANUAL
) -> list[Run]:
    """Creates the campaign in Salesforce by the runs of a sync that begins now; none where one is queued: that or the
    next does it.

    Raises `NotLinked` where it can't be, `runs.ConnectionNotReady`.
    """
    with transaction.atomic():
        keep_syncs_out(connection, *_WITH_RIDERS)
        ours = Campaign.objects.select_for_update().get(pk=campaign.pk)
        _require_free(ours, connection)
        _require_allowed(ours, connection)
        _follow_with_members(ours, connection)
        Due.objects.bulk_create([Due(connection=connection, sobject=_SPEC, local_id=ours.pk)], ignore_conflicts=True)
    try:
        return runs.start(connection, [_SPEC], trigger=trigger, user=user)
    except AlreadyRunning:
        return []


def _follow_with_members(campaign: Campaign, connection: Connection) -> None:
    """It is written to Salesforce from now on, and so is whoever is in it, however long that was so."""
    KeptApart.objects.filter(connection=connection, sobject=_SPEC, local_id=campaign.pk).delete()
    _ask("members_due", connection=connection.pk, local=campaign.pk)


def _require_settled(campaign: Campaign, connection: Connection) -> None:
    require_settled(connection, _SPEC, [campaign.pk])
    require_settled(connection, "CampaignMember", campaign.members.values("pk"))


def _require_free(campaign: Campaign, connection: Connection) -> None:
    there = MirrorCampaign.objects.filter(connection=connection, local_id=campaign.pk).order_by("is_deleted").first()
    if there is None:
        return
    if there.is_deleted:
        raise NotLinked(
            f"“{campaign}” was {there.sf_id} of {connection}, which is deleted there. Restore that one in Salesforce, "
            "or unlink it first."
        )
    raise NotLinked(f"“{campaign}” is linked with {there.sf_id} of {connection} already: unlink that one first.")


def _require_allowed(campaign: Campaign, connection: Connection) -> None:
    setting = ObjectSetting.objects.filter(connection=connection, sobject=_SPEC).first()
    if setting is None or not setting.create_in_salesforce:
        raise NotLinked(
            f"{connection} may not get new campaigns: an administrator turns on “Create in Salesforce” on the "
            "Campaigns tab of its settings."
        )
    if not _passes(setting, campaign):
        raise NotLinked(
            f"The push filter of Campaigns leaves “{campaign}” out of {connection}. Change the campaign, or the filter "
            "on the Campaigns tab of its settings."
        )


def _passes(setting: ObjectSetting, campaign: Campaign) -> bool:
    try:
        return not setting.push_filter or Selection("campaign", setting.push_filter, ids=(campaign.pk,)).count() > 0
    except ConditionRefused:
        return False


def _note(campaign: Campaign, before: str | None, after: str | None, cause: Callable[[], Cause]) -> None:
    Change.objects.create(
        record=Change.Record.CAMPAIGN, record_id=campaign.pk, field=LINKED, before=before, after=after, cause=cause()
    )
    with database.cursor() as cursor:
        # What pushes automatically wakes up, as by any change.
        cursor.execute("SELECT pg_notify('abmatic_change', '')")


def _ask(name: LiteralString, **parameters: Any) -> list[tuple[Any, ...]]:
    with database.cursor() as cursor:
        cursor.execute(block("abmatic.sync", "sql/linking.sql", name), parameters)
        return list(cursor.fetchall()) if cursor.description else []
