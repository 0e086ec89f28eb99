"""Mirrors: what Abmatic last saw of each Salesforce record.

``values`` holds the mapped fields by their Salesforce names, in canonical JSON types, without empty ones. ``base`` is
what both sides last agreed on: NULL means "the same as ``values``" (the usual case, and half the bytes); otherwise an
object that has a key for each field that was ever agreed on. ``local_id`` and ``role`` are the link.

``waiting_for`` names a record this one refers to that is not here yet (the account of a contact, the master of a
merge); when it arrives, the link is made. Few rows wait, so its index is partial and small.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from abmatic.sync.models.connections import Connection


class Role(models.IntegerChoices):
    """How a Salesforce record is linked to its local record."""

    UNLINKED = 0, "Not linked"
    PRIMARY = 1, "Linked"
    DUPLICATE = 2, "Duplicate"


class Mirror(models.Model):
    """The columns every mirror has."""

    pk = models.CompositePrimaryKey("connection_id", "sf_id")
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, db_constraint=False, db_index=False)
    sf_id = models.TextField(db_collation="C")
    modstamp = models.DateTimeField()
    created = models.DateTimeField(null=True)
    is_deleted = models.BooleanField(default=False, db_default=False)
    owner_sf_id = models.TextField(null=True, db_collation="C")
    values = models.JSONField(default=dict)
    base = models.JSONField(null=True)
    # What an undo left different: {"s": {field: Salesforce's value}, "a": {field: ours}}, by Salesforce's names, and
    # references by their column. While both are exactly so, no sync writes either.
    held = models.JSONField(null=True)
    # What was written to Salesforce and not read again since (see pull.readback): {"values": {field: sent}, "ours":
    # {field: what was here, where that isn't what was sent}, "since": the stamp before, "until": Salesforce's answer,
    # "back": {field: what came back of the last one, by somebody else, and how often in a row}}.
    sent = models.JSONField(null=True)
    local_id = models.BigIntegerField(null=True)
    role = models.SmallIntegerField(choices=Role.choices, default=Role.UNLINKED, db_default=0)
    # The run that linked it, and the last run that changed it.
    linked_run = models.BigIntegerField(null=True)
    seen_run = models.BigIntegerField(null=True)
    waiting_for = models.TextField(null=True, db_collation="C")

    class Meta:
        abstract = True
        indexes: ClassVar[tuple[models.Index, ...]] = (
            models.Index(fields=["local_id"], name="%(class)s_local"),
            models.Index(fields=["waiting_for"], name="%(class)s_wait", condition=models.Q(waiting_for__isnull=False)),
        )

    def __str__(self) -> str:
        return self.sf_id


class KeyedMirror(Mirror):
    """A mirror whose records have a primary key of ours: a domain, or an e-mail address."""

    key = models.TextField(null=True, db_collation="C")
    # Why there is no key: see reasons.py. NULL when there is one.
    key_problem = models.TextField(null=True)
    master_id = models.TextField(null=True, db_collation="C")

    class Meta(Mirror.Meta):
        abstract = True
        indexes: ClassVar[tuple[models.Index, ...]] = (
            *Mirror.Meta.indexes,
            # Unlinked records by key: what a later push looks at before it creates anything.
            models.Index(
                fields=["connection", "key"], name="%(class)s_key",
                condition=models.Q(local_id__isnull=True, key__isnull=False),
            ),
            models.Index(
                fields=["connection", "master_id"], name="%(class)s_master",
                condition=models.Q(master_id__isnull=False),
            ),
        )  # fmt: skip


class MirrorAccount(KeyedMirror):
    parent_sf_id = models.TextField(null=True, db_collation="C")

    class Meta(KeyedMirror.Meta):
        db_table = "mirror_account"


class MirrorContact(KeyedMirror):
    account_sf_id = models.TextField(null=True, db_collation="C")

    class Meta(KeyedMirror.Meta):
        db_table = "mirror_contact"


class MirrorLead(KeyedMirror):
    is_converted = models.BooleanField(default=False, db_default=False)
    converted_at = models.DateField(null=True)
    converted_account_id = models.TextField(null=True, db_collation="C")
    converted_contact_id = models.TextField(null=True, db_collation="C")
    converted_opportunity_id = models.TextField(null=True, db_collation="C")

    class Meta(KeyedMirror.Meta):
        db_table = "mirror_lead"


class MirrorOpportunity(Mirror):
    account_sf_id = models.TextField(null=True, db_collation="C")
    campaign_sf_id = models.TextField(null=True, db_collation="C")

    class Meta(Mirror.Meta):
        db_table = "mirror_opportunity"
        indexes = (
            *Mirror.Meta.indexes,
            # Unlinked deals by account: what a push looks at before it creates one (see push.namesakes).
            models.Index(
                fields=["connection", "account_sf_id"], name="mirroropportunity_loose",
                condition=models.Q(local_id__isnull=True),
            ),
        )  # fmt: skip


class MirrorContactRole(Mirror):
    opportunity_sf_id = models.TextField(null=True, db_collation="C")
    contact_sf_id = models.TextField(null=True, db_collation="C")

    class Meta(Mirror.Meta):
        db_table = "mirror_contact_role"


class MirrorUser(Mirror):
    class Meta(Mirror.Meta):
        db_table = "mirror_user"


class MirrorCampaign(Mirror):
    parent_sf_id = models.TextField(null=True, db_collation="C")

    class Meta(Mirror.Meta):
        db_table = "mirror_campaign"


class MirrorMemberStatus(Mirror):
    campaign_sf_id = models.TextField(null=True, db_collation="C")

    class Meta(Mirror.Meta):
        db_table = "mirror_campaign_member_status"


class MirrorMember(Mirror):
    campaign_sf_id = models.TextField(null=True, db_collation="C")
    # A member is a lead or a contact; of a lead that was converted Salesforce names both.
    lead_sf_id = models.TextField(null=True, db_collation="C")
    contact_sf_id = models.TextField(null=True, db_collation="C")

    class Meta(Mirror.Meta):
        db_table = "mirror_campaign_member"
