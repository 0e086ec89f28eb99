"""Campaigns as they are kept here. Names of tables and columns are plain, because people query them in SQL too."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from abmatic.audiences.models import Collection, Contact, LocalRecord
from abmatic.audiences.sorting import sort_key
from abmatic.changes.models import Cause
from abmatic.postgres.removed import NotRemoved


class Campaign(LocalRecord):
    """A marketing measure. ``opportunity.campaign_id`` names the campaign that a deal is put down to."""

    name = models.TextField(null=True)
    type = models.TextField(null=True)
    status = models.TextField(null=True)
    is_active = models.BooleanField(default=False, db_default=False)
    start_date = models.DateField(null=True)
    end_date = models.DateField(null=True)
    budgeted_cost = models.DecimalField(null=True, max_digits=26, decimal_places=6)
    actual_cost = models.DecimalField(null=True, max_digits=26, decimal_places=6)
    expected_revenue = models.DecimalField(null=True, max_digits=26, decimal_places=6)
    # The ISO code of its amounts, where the CRM keeps several currencies.
    currency = models.TextField(null=True)
    parent = models.ForeignKey(
        "self", null=True, on_delete=models.SET_NULL, related_name="children", db_constraint=False
    )

    class Meta:
        db_table = "campaign"
        # The grid's default order.
        indexes = (models.Index(sort_key("name"), "id", name="campaign_by_name"),)

    def __str__(self) -> str:
        return self.name or f"Campaign {self.pk}"


class CampaignMemberStatus(models.Model):
    """One of the statuses that members of a campaign may have, in the campaign's own order."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="statuses", db_constraint=False)
    label = models.TextField()
    position = models.IntegerField(null=True)
    is_default = models.BooleanField(default=False, db_default=False)
    # Whether a member who has it counts as one who responded.
    is_responded = models.BooleanField(default=False, db_default=False)

    class Meta:
        db_table = "campaign_member_status"
        verbose_name_plural = "campaign member statuses"

    def __str__(self) -> str:
        return self.label


class CampaignMember(models.Model):
    """One person in one campaign, whether the CRM knows that person as a lead, as a contact, or as both."""

    campaign = models.ForeignKey(
        Campaign, on_delete=models.CASCADE, related_name="members", db_constraint=False, db_index=False
    )
    contact = models.ForeignKey(
        Contact, on_delete=models.CASCADE, related_name="campaign_memberships", db_constraint=False
    )
    status = models.TextField(null=True)
    has_responded = models.BooleanField(default=False, db_default=False)
    first_responded = models.DateField(null=True)
    # Taken out of the campaign. The row stays, with its history: it is no member any more, but it was one.
    is_removed = models.BooleanField(default=False, db_default=False)
    # Of one that is removed because the CRM made two people one: the other one's membership, in which it goes on.
    lives_on = models.ForeignKey(
        "self", null=True, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    created_by = models.ForeignKey(
        Cause, null=True, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "campaign_member"
        constraints = (models.UniqueConstraint(fields=["campaign", "contact"], name="campaign_member_once"),)
        indexes = (
            models.Index(
                fields=["lives_on"], name="campaign_member_lives_on", condition=models.Q(lives_on__isnull=False)
            ),
        )

    def __str__(self) -> str:
        return f"{self.contact} in {self.campaign}"


class CampaignJoining(models.Model):
    """Who joins a campaign by itself: the people of a collection, or those of the accounts of one.

    Whoever leaves the collection stays a member: what somebody was invited to isn't undone. So does whoever was taken
    out of the campaign stay out.
    """

    campaign = models.ForeignKey(
        Campaign, on_delete=models.CASCADE, related_name="joinings", db_constraint=False, db_index=False
    )
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="joinings")
    # What they get; None is what the campaign gives whoever joins.
    status = models.TextField(null=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    # When it was last looked at who is to join, and what stood in the way then.
    as_of = models.DateTimeField(null=True)
    problem = models.TextField(blank=True, default="")

    class Meta:
        db_table = "campaign_joining"
        constraints = (models.UniqueConstraint(fields=["campaign", "collection"], name="campaign_joining_once"),)

    def __str__(self) -> str:
        return f"{self.collection} joins {self.campaign}"


class CampaignRule(models.Model):
    """What somebody does on the website, and how far that brings members of a campaign.

    It counts what is done from a moment on, by whoever is a member then or becomes one later; with ``joins`` whoever
    does it becomes one. See `campaigns.following`.
    """

    class Kind(models.TextChoices):
        PAGE = "page", "Visits a page"
        FORM = "form", "Submits a form"
        EVENT = "event", "Does a tracked event"
        CLICK = "click", "Clicks this campaign’s personalised content"

    campaign = models.ForeignKey(
        Campaign, on_delete=models.CASCADE, related_name="rules", db_constraint=False, db_index=False
    )
    kind = models.TextField(choices=Kind.choices)
    # Which page, form, event or variant, as people write it (* stands for anything), and as SQL's LIKE compares it.
    pattern = models.TextField(blank=True, default="")
    likeness = models.TextField()
    # How far it brings them; None is what the campaign gives whoever joins.
    status = models.TextField(null=True)
    joins = models.BooleanField(default=False, db_default=False)
    counts_from = models.DateTimeField()
    # Sessions that began after this and before the rule was made are yet to be looked at; None: all were.
    catches_up_from = models.DateTimeField(null=True)
    # When all had been looked at, the last time.
    caught_up_at = models.DateTimeField(null=True)
    problem = models.TextField(blank=True, default="")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    # It counts nothing any more; what it has counted is deleted (`removing`).
    removed_at = models.DateTimeField(null=True)

    objects = NotRemoved["CampaignRule"]()

    class Meta:
        db_table = "campaign_rule"
        constraints = (
            models.UniqueConstraint(
                fields=["campaign", "kind", "likeness"], name="campaign_rule_once", condition=models.Q(removed_at=None)
            ),
        )

    def __str__(self) -> str:
        return {
            self.Kind.PAGE: f"Visited {self.pattern}",
            self.Kind.FORM: "Submitted any form" if self.pattern == "*" else f"Submitted the form {self.pattern}",
            self.Kind.EVENT: f"Did “{self.pattern}”",
            self.Kind.CLICK: "Clicked personalised content" + (f", {self.pattern}" if self.pattern else ""),
        }[self.Kind(self.kind)]


class CampaignRuleHit(models.Model):
    """Somebody did, in one of their browsers, what a rule counts."""

    pk = models.CompositePrimaryKey("rule_id", "contact_id", "visitor_id")
    rule = models.ForeignKey(CampaignRule, on_delete=models.CASCADE, related_name="hits", db_index=False)
    contact_id = models.BigIntegerField()
    # Whose row takes it along when it goes.
    visitor_id = models.BigIntegerField()
    last_at = models.DateTimeField()
    # What was done up to here has had its effect on that contact; None: nothing has.
    settled_to = models.DateTimeField(null=True)
    # When the first was done that is to have its effect yet. Of who is no member it waits until they are.
    open_since = models.DateTimeField(null=True)

    class Meta:
        db_table = "campaign_rule_hit"
        indexes = (
            models.Index(fields=["visitor_id", "rule"], name="campaign_rule_hit_of_visitor"),
            models.Index(
                fields=["rule", "contact_id"], name="campaign_rule_hit_waiting",
                condition=models.Q(open_since__isnull=False),
            ),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"{self.contact_id} for {self.rule_id}"


class RulesFollowed(models.Model):
    """One row: up to which change of sessions (a mark of `engagement.doings`) rules know whose visits were whose."""

    THE_ONE = 1

    sessions = models.BigIntegerField(default=0)
    at = models.DateTimeField(null=True)

    class Meta:
        db_table = "campaign_rules_followed"

    def __str__(self) -> str:
        return f"As of {self.at}"
