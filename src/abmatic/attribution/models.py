"""Touches, the paths they make before deals, credits, and the settings these follow.

All but the settings can be made anew from what other rooms hold. Names are plain, because people query them in SQL too.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models

from abmatic.attribution.crediting import Parts, Rules


class Touch(models.Model):
    """One touch: somebody met us. Named by where it was taken from, so that taking it again changes nothing."""

    class Kind(models.TextChoices):
        VISIT = "visit", "Visit"
        FORM = "form", "Form"
        CAMPAIGN_RESPONSE = "campaign_response", "Campaign response"
        PERSONALISED = "personalised", "Saw personalised content"
        PERSONALISED_CLICK = "personalised_click", "Clicked personalised content"

    # The name of a block in sql/sources.sql, and the record's key there.
    source = models.TextField()
    source_key = models.TextField(db_collation="C")
    kind = models.TextField(choices=Kind.choices)
    channel = models.TextField()
    campaign_id = models.BigIntegerField(null=True)
    page = models.TextField(null=True)
    occurred_at = models.DateTimeField()
    # Who it was, as far as is known, and whose company.
    contact_id = models.BigIntegerField(null=True)
    account_id = models.BigIntegerField(null=True)

    class Meta:
        db_table = "touch"
        verbose_name_plural = "touches"
        constraints = (models.UniqueConstraint(fields=["source", "source_key"], name="touch_once"),)
        indexes = (
            # Paths are made through these, and journeys read.
            models.Index(
                fields=["contact_id", "occurred_at"], name="touch_of_contact",
                condition=models.Q(contact_id__isnull=False),
            ),
            models.Index(
                fields=["account_id", "occurred_at", "id"], name="touch_of_account",
                condition=models.Q(account_id__isnull=False),
            ),
            # Whether a campaign has any, and which were of one that is gone.
            models.Index(
                fields=["campaign_id"], name="touch_of_campaign", condition=models.Q(campaign_id__isnull=False)
            ),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"{self.get_kind_display()} by {self.channel}"


class OpportunityPath(models.Model):
    """What the path of a deal is made with, and whether its credits have to be made anew."""

    opportunity_id = models.BigIntegerField(primary_key=True)
    account_id = models.BigIntegerField(null=True)
    # When the first of the deal's people became known, if that was before it was opened.
    lead_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField()
    # Touches from the one moment up to before the other count; an open deal's path has no end.
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    touches = models.IntegerField(default=0, db_default=0)
    # A digest of all that credits follow from but the touches.
    inputs = models.TextField()
    is_due = models.BooleanField(default=True, db_default=True)
    # When its credits were made last; empty where what they follow from, but touches, has changed since.
    credited_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "opportunity_path"
        indexes = (
            models.Index(fields=["opportunity_id"], name="opportunity_path_due", condition=models.Q(is_due=True)),
            # Which deals a touch concerns.
            models.Index(fields=["account_id"], name="opportunity_path_of_account"),
        )

    def __str__(self) -> str:
        return f"Path to {self.opportunity_id}"


class Credit(models.Model):
    """What one touch is given of one deal under one model. In partitions by model; parts of nothing have no row."""

    pk = models.CompositePrimaryKey("opportunity_id", "touch_id", "model")
    model = models.TextField()
    opportunity_id = models.BigIntegerField()
    touch_id = models.BigIntegerField()
    # Of the model's rule (`crediting.VERSION`).
    version = models.SmallIntegerField()
    # Shares of a deal add up to one, amounts to its amount, in its currency.
    share = models.DecimalField(max_digits=10, decimal_places=9)
    amount = models.DecimalField(null=True, max_digits=26, decimal_places=6)

    class Meta:
        db_table = "credit"

    def __str__(self) -> str:
        return f"{self.share} of {self.opportunity_id} by {self.model}"


class AttributionSetting(models.Model):
    """The settings of attribution as they were from one moment on; the newest row is in force."""

    lookback_days = models.IntegerField(default=90, db_default=90)
    half_life_days = models.IntegerField(default=7, db_default=7)
    weight_first = models.IntegerField(default=30, db_default=30)
    weight_lead = models.IntegerField(default=20, db_default=20)
    weight_opportunity = models.IntegerField(default=20, db_default=20)
    weight_last = models.IntegerField(default=20, db_default=20)
    weight_others = models.IntegerField(default=10, db_default=10)
    # Won deals below which Markov and Shapley give no answer.
    least_won = models.IntegerField(default=50, db_default=50)
    # The currency of reports, and what one unit of it is in others: {"EUR": "0.92"}. Empty: nothing is converted.
    currency = models.TextField(default="", db_default="", blank=True)
    rates = models.JSONField(default=dict, db_default={})
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "attribution_setting"

    def __str__(self) -> str:
        return f"Settings of {self.made_at:%Y-%m-%d}"

    @property
    def rules(self) -> Rules:
        """What the credit models take of them."""
        return Rules(
            self.half_life_days,
            Parts(
                self.weight_first, self.weight_lead, self.weight_opportunity, self.weight_last, self.weight_others
            ),
        )  # fmt: skip


class CurrencyRate(models.Model):
    """What one unit of an org's corporate currency is in one of its currencies, as the org says.

    From a day up to before another, where the org keeps such rates; without days, where no such rate holds.
    """

    # Whose rates: the connection's number. It is a room above this one.
    source = models.BigIntegerField()
    code = models.TextField(db_collation="C")
    rate = models.DecimalField(max_digits=28, decimal_places=12)
    is_corporate = models.BooleanField(default=False, db_default=False)
    starts = models.DateField(null=True)
    ends = models.DateField(null=True)
    read_at = models.DateTimeField()

    class Meta:
        db_table = "currency_rate"
        constraints = (
            models.UniqueConstraint(
                fields=["source", "code", "starts"], name="currency_rate_once", nulls_distinct=False
            ),
            models.CheckConstraint(condition=models.Q(rate__gt=0), name="currency_rate_above_zero"),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"{self.code} {self.rate}"


class AttributionRefresh(models.Model):
    """One row: when touches, paths and credits were last brought up to date, and by what rules."""

    THE_ONE = 1

    at = models.DateTimeField(null=True)
    took_ms = models.IntegerField(default=0, db_default=0)
    # By what rules; while all is made anew, whose run does.
    seen = models.JSONField(default=dict, db_default={})

    class Meta:
        db_table = "attribution_refresh"

    def __str__(self) -> str:
        return f"As of {self.at}"


class AttributionDue(models.Model):
    """A mark: what touches or paths follow from has changed. Triggers leave it with the change.

    ``what`` is "all", or names a kind of record; see `concerned`. Marked as often as it changes: nobody waits.
    """

    what = models.TextField(db_collation="C")
    key = models.TextField(db_collation="C")

    class Meta:
        db_table = "attribution_due"

    def __str__(self) -> str:
        return f"{self.what} {self.key}"


class AttributionEstimate(models.Model):
    """What a model that learns answered, by a digest of the deals' walks and all else that it follows from."""

    digest = models.TextField(primary_key=True, db_collation="C")
    # In their order: [channel, [share, low, high]].
    shares = models.JSONField()
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "attribution_estimate"

    def __str__(self) -> str:
        return f"Estimate of {self.made_at:%Y-%m-%d}"


def in_force() -> AttributionSetting:
    """The settings that hold now; those of a new installation where nobody has changed any."""
    return AttributionSetting.objects.order_by("-id").first() or AttributionSetting()
