"""Local records. Table and column names are plain, because people query them in SQL too.

Hot tables carry few indexes, each named here with its reader; rows arrive by the million in set-based statements, so
references to causes and owners are not checked row by row (``db_constraint=False``).
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower

from abmatic.audiences.csv_import.models import FileImport, FilePart, RejectedRow
from abmatic.audiences.many.models import FieldEdit
from abmatic.audiences.sorting import sort_key
from abmatic.changes.models import Cause

__all__ = [
    "Account", "Collection", "CollectionMember", "Contact", "CustomField",
    "FieldEdit", "FileImport", "FilePart", "LocalRecord", "Opportunity", "OpportunityContact", "Owner", "RejectedRow",
    "SavedView",
]  # fmt: skip


class Owner(models.Model):
    """The person in the CRM who owns a record."""

    name = models.TextField()
    email = models.TextField(null=True)
    is_active = models.BooleanField(default=True)
    custom = models.JSONField(default=dict, db_default={})
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "owner"

    def __str__(self) -> str:
        return self.name


class LocalRecord(models.Model):
    """What accounts, contacts, opportunities and campaigns have in common."""

    owner = models.ForeignKey(Owner, null=True, on_delete=models.SET_NULL, db_constraint=False, db_index=False)
    custom = models.JSONField(default=dict, db_default={})
    created_by = models.ForeignKey(
        Cause, null=True, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


class Account(LocalRecord):
    """A company. ``domain`` is the key computed from ``website`` by ``domain_key()`` (see keys.sql)."""

    name = models.TextField(null=True)
    website = models.TextField(null=True)
    domain = models.TextField(null=True, db_collation="C")
    industry = models.TextField(null=True)
    employee_count = models.BigIntegerField(null=True)
    revenue = models.DecimalField(null=True, max_digits=26, decimal_places=6)
    country = models.TextField(null=True)
    city = models.TextField(null=True)
    # Worked out by a room above, see computed.py.
    engagement_score = models.IntegerField(null=True)
    engagement_temperature = models.TextField(null=True)
    last_visit_on = models.DateField(null=True)
    first_channel = models.TextField(null=True)
    first_campaign = models.TextField(null=True)

    class Meta:
        db_table = "account"
        # Not unique=True: Django would add a second index for LIKE, which under "C" this one serves as well.
        constraints = (models.UniqueConstraint(fields=["domain"], name="account_domain_key"),)
        indexes = (
            # The grid's default order, and prefix search.
            models.Index(sort_key("name"), "id", name="account_by_name"),
        )

    def __str__(self) -> str:
        return self.name or self.domain or f"Account {self.pk}"


class Contact(LocalRecord):
    """A person. ``email_key`` is the key computed from ``work_email`` by ``email_key()``; a lead is a contact too."""

    class Kind(models.TextChoices):
        NONE = "", "Person"
        LEAD = "lead", "Lead"
        CONTACT = "contact", "Contact"

    work_email = models.TextField(null=True)
    email_key = models.TextField(null=True, db_collation="C")
    first_name = models.TextField(null=True)
    last_name = models.TextField(null=True)
    job_title = models.TextField(null=True)
    phone = models.TextField(null=True)
    company = models.TextField(null=True)
    kind = models.TextField(choices=Kind.choices, default=Kind.NONE, db_default="", blank=True)
    account = models.ForeignKey(
        Account, null=True, on_delete=models.SET_NULL, related_name="contacts", db_constraint=False
    )
    # Worked out by a room above, see computed.py.
    engagement_score = models.IntegerField(null=True)
    engagement_temperature = models.TextField(null=True)
    last_visit_on = models.DateField(null=True)
    first_channel = models.TextField(null=True)
    first_campaign = models.TextField(null=True)

    class Meta:
        db_table = "contact"
        constraints = (models.UniqueConstraint(fields=["email_key"], name="contact_email_key"),)
        indexes = (
            # The grid's default order; those of one last name are few enough to be sorted by the first when shown.
            models.Index(sort_key("last_name"), name="contact_by_name"),
        )

    def __str__(self) -> str:
        full = " ".join(part for part in (self.first_name, self.last_name) if part)
        return full or self.work_email or f"Contact {self.pk}"


class Opportunity(LocalRecord):
    """A deal."""

    name = models.TextField(null=True)
    amount = models.DecimalField(null=True, max_digits=26, decimal_places=6)
    stage = models.TextField(null=True)
    close_date = models.DateField(null=True)
    is_closed = models.BooleanField(default=False, db_default=False)
    is_won = models.BooleanField(default=False, db_default=False)
    account = models.ForeignKey(
        Account, null=True, on_delete=models.SET_NULL, related_name="opportunities", db_constraint=False
    )
    # The campaign it is put down to; no foreign key, because campaigns is a room above this one.
    campaign_id = models.BigIntegerField(null=True)
    # The ISO code of its amount, where the CRM keeps several currencies.
    currency = models.TextField(null=True)

    class Meta:
        db_table = "opportunity"
        # Those of one campaign. Many deals have none.
        indexes = (
            models.Index(
                fields=["campaign_id"], name="opportunity_by_campaign", condition=models.Q(campaign_id__isnull=False)
            ),
        )
        verbose_name_plural = "opportunities"

    def __str__(self) -> str:
        return self.name or f"Opportunity {self.pk}"


class OpportunityContact(models.Model):
    """A contact's role in an opportunity."""

    opportunity = models.ForeignKey(
        Opportunity,
        on_delete=models.CASCADE,
        related_name="contact_roles",
        db_constraint=False,
        db_index=False,
    )
    contact = models.ForeignKey(
        Contact, on_delete=models.CASCADE, related_name="opportunity_roles", db_constraint=False
    )
    role = models.TextField(null=True)
    is_primary = models.BooleanField(default=False, db_default=False)

    class Meta:
        db_table = "opportunity_contact"
        constraints = (
            models.UniqueConstraint("opportunity", "contact", "role", name="opportunity_contact_once",
                                    nulls_distinct=False),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"{self.contact_id} in {self.opportunity_id}"


class Collection(models.Model):
    """A named set of accounts, contacts or opportunities."""

    class Record(models.TextChoices):
        ACCOUNT = "account", "Accounts"
        CONTACT = "contact", "Contacts"
        OPPORTUNITY = "opportunity", "Opportunities"

    class Kind(models.TextChoices):
        STATIC = "static", "Static"
        DYNAMIC = "dynamic", "Dynamic"
        IMPORT = "import", "Import"

    name = models.TextField()
    record = models.TextField(choices=Record.choices)
    kind = models.TextField(choices=Kind.choices, default=Kind.STATIC)
    # Names what made an import collection, so that a resumed or repeated import finds its own.
    source = models.TextField(null=True, unique=True)
    size = models.BigIntegerField(default=0, db_default=0)
    # Of a dynamic one: the condition its members meet; when that was last looked at; what the data looked like then
    # (see refreshing.py); and how many milliseconds it took.
    rule = models.JSONField(null=True)
    as_of = models.DateTimeField(null=True)
    seen = models.JSONField(null=True)
    took_ms = models.IntegerField(default=0, db_default=0)
    # Why the rule can't be followed any more; members stay as they were.
    problem = models.TextField(blank=True, default="", db_default="")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "collection"

    def __str__(self) -> str:
        return self.name


class CollectionMember(models.Model):
    """One record in one collection."""

    pk = models.CompositePrimaryKey("collection_id", "record_id")
    collection = models.ForeignKey(
        Collection, on_delete=models.CASCADE, related_name="members", db_constraint=False, db_index=False
    )
    record_id = models.BigIntegerField()

    class Meta:
        db_table = "collection_member"

    def __str__(self) -> str:
        return f"{self.record_id} in {self.collection_id}"


class CustomField(models.Model):
    """A field that was made in this installation. Its values are a column of the record's table, named as it is."""

    # Told apart from every column that a later release may bring.
    PREFIX = "custom_"

    record = models.TextField(choices=Collection.Record.choices)
    name = models.TextField()
    label = models.TextField()
    type = models.TextField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "custom_field"
        constraints = (
            models.UniqueConstraint(fields=["record", "name"], name="custom_field_name_once"),
            models.UniqueConstraint("record", Lower("label"), name="custom_field_label_once"),
        )

    def __str__(self) -> str:
        return self.label


class SavedView(models.Model):
    """A list as somebody wants to see it again: filter, search, order, columns."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    record = models.TextField(choices=Collection.Record.choices)
    name = models.TextField()
    # "filter" (a condition), "search", "show", "sort", "columns"; those that are not as usual.
    asked = models.JSONField(default=dict)
    is_shared = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "saved_view"
        constraints = (models.UniqueConstraint(fields=["user", "record", "name"], name="saved_view_name_once"),)

    def __str__(self) -> str:
        return self.name
