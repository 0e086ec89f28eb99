"""Visitors, their sessions, and the forms that they sent.

Made from the web events, and made anew where late ones come; what is stored here outlives the events' retention. Names
are plain, because people query them in SQL too.
"""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Lower, Trim

from abmatic.engagement import channels


class Visitor(models.Model):
    """A browser that came back with the same cookie, or without cookies one day of one."""

    # As in `web_event.visitor`.
    key = models.TextField(unique=True, db_collation="C")
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    # Who it is, and whose company, how sure that is (0 to 100), and by which kind of sign it is known.
    contact_id = models.BigIntegerField(null=True)
    account_id = models.BigIntegerField(null=True)
    confidence = models.SmallIntegerField(default=0, db_default=0)
    known_by = models.TextField(blank=True, default="", db_default="")
    # There are signs, or sessions since, that haven't been looked at together.
    is_due = models.BooleanField(default=False, db_default=False)

    class Meta:
        db_table = "visitor"
        constraints = (
            models.CheckConstraint(condition=models.Q(confidence__range=(0, 100)), name="visitor_confidence"),
        )
        indexes = (
            models.Index(fields=["-last_seen_at", "id"], name="visitor_last_seen"),
            models.Index(fields=["id"], name="visitor_due", condition=models.Q(is_due=True)),
            models.Index(
                fields=["contact_id"], name="visitor_of_contact", condition=models.Q(contact_id__isnull=False)
            ),
        )  # fmt: skip

    def __str__(self) -> str:
        return self.key


class WebSession(models.Model):
    """One visit: what a visitor did on a site until 30 minutes of inactivity, or until a new campaign brought them."""

    visitor = models.ForeignKey(Visitor, on_delete=models.CASCADE, db_index=False)
    site_id = models.BigIntegerField()
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    # The unbroken stay that it is the whole of, or, where a new campaign began a new session, a part of. It
    # begins before its first event where that only told of time gone by.
    stay_began_at = models.DateTimeField()
    stay_ended_at = models.DateTimeField()
    # By which a session is known again when it is made anew.
    first_event = models.UUIDField(unique=True)
    events = models.IntegerField()
    pages = models.IntegerField()
    # For which a page was visible.
    seconds = models.IntegerField()
    forms = models.IntegerField()
    clicks = models.IntegerField()
    channel = models.TextField(choices=list(channels.LABELS.items()))
    channel_version = models.SmallIntegerField()
    # Of the UTM parameters of its first page.
    source = models.TextField(null=True)
    medium = models.TextField(null=True)
    campaign = models.TextField(null=True)
    # The other site that led here.
    referrer_host = models.TextField(null=True)
    landing_path = models.TextField(null=True)
    exit_path = models.TextField(null=True)
    browser = models.TextField(null=True)
    os = models.TextField(null=True)
    device = models.TextField(null=True)
    country = models.TextField(null=True)
    # Truncated, as tracking keeps it: "192.0.2.0/24".
    network = models.TextField(null=True, db_collation="C")
    # Who it was, as far as is known, and whose company.
    contact_id = models.BigIntegerField(null=True)
    account_id = models.BigIntegerField(null=True)

    class Meta:
        db_table = "web_session"
        indexes = (
            models.Index(fields=["visitor", "stay_ended_at"], name="web_session_of_visitor"),
            # Lists, newest first: all, and those of a filter, which may be few and far down.
            models.Index(fields=["-began_at", "-id"], name="web_session_newest"),
            models.Index(fields=["channel", "-began_at", "-id"], name="web_session_of_channel"),
            models.Index(
                fields=["-began_at", "-id"], name="web_session_of_people", condition=models.Q(contact_id__isnull=False)
            ),
            models.Index(
                fields=["-began_at", "-id"], name="web_session_of_companies",
                condition=models.Q(account_id__isnull=False, contact_id__isnull=True),
            ),
            # Those to which a network's company is given; and the last of each site, for which it may be made.
            models.Index(
                fields=["network", "site_id", "began_at"], name="web_session_by_network",
                condition=models.Q(contact_id__isnull=True),
            ),
            # Those by links that name a campaign, as attribution compares names.
            models.Index(
                Lower(Trim("campaign")), name="web_session_of_campaign", condition=models.Q(campaign__isnull=False)
            ),
            models.Index(
                fields=["contact_id", "began_at"], name="web_session_of_contact",
                condition=models.Q(contact_id__isnull=False),
            ),
            models.Index(
                fields=["account_id", "began_at"], name="web_session_of_account",
                condition=models.Q(account_id__isnull=False),
            ),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"{self.get_channel_display()} at {self.began_at:%Y-%m-%d %H:%M}"


class WebForm(models.Model):
    """A form that was sent. Its values stay with the event."""

    # The event's.
    id = models.UUIDField(primary_key=True)
    session = models.ForeignKey(WebSession, on_delete=models.CASCADE)
    occurred_at = models.DateTimeField()
    path = models.TextField(null=True)
    form = models.TextField()

    class Meta:
        db_table = "web_form"

    def __str__(self) -> str:
        return self.form or str(self.path)


class WebNetwork(models.Model):
    """A network that visitors came from, and whose it is as a provider of such data says."""

    network = models.TextField(primary_key=True, db_collation="C")
    is_due = models.BooleanField(default=True, db_default=True)
    # The provider's version that was asked last; empty before.
    asked = models.TextField(blank=True, default="", db_default="", db_collation="C")
    domain = models.TextField(null=True)
    name = models.TextField(null=True)
    account_id = models.BigIntegerField(null=True)

    class Meta:
        db_table = "web_network"
        indexes = (
            models.Index(fields=["network"], name="web_network_due", condition=models.Q(is_due=True)),
            models.Index(fields=["asked"], name="web_network_asked"),
        )

    def __str__(self) -> str:
        return self.network


class VisitorSign(models.Model):
    """A sign of who a visitor is: an e-mail address that was given, or a link that was sent to one person."""

    class Kind(models.TextChoices):
        IDENTIFY = "identify", "The site said who it is"
        FORM = "form", "E-mail address in a form"
        LINK = "link", "Link in an e-mail to this person"

    # The event's.
    id = models.UUIDField(primary_key=True)
    visitor = models.ForeignKey(Visitor, on_delete=models.CASCADE)
    occurred_at = models.DateTimeField()
    kind = models.TextField(choices=Kind.choices)
    # What was given; emptied once it has been judged, apart from the address.
    email = models.TextField(null=True)
    given = models.JSONField(default=dict, db_default={})
    path = models.TextField(null=True)
    site_id = models.BigIntegerField(null=True)
    # The key of an address whose person isn't here: judged again once somebody has it.
    waits_for = models.TextField(null=True, db_collation="C")
    # What it was judged to mean. Without a contact it means nothing, and `problem` says why.
    is_judged = models.BooleanField(default=False, db_default=False)
    contact_id = models.BigIntegerField(null=True)
    account_id = models.BigIntegerField(null=True)
    problem = models.TextField(blank=True, default="", db_default="")

    class Meta:
        db_table = "visitor_sign"
        indexes = (
            models.Index(fields=["occurred_at"], name="visitor_sign_due", condition=models.Q(is_judged=False)),
            models.Index(fields=["contact_id"], name="visitor_sign_of_contact"),
            models.Index(
                fields=["occurred_at"], name="visitor_sign_waits", condition=models.Q(waits_for__isnull=False)
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} at {self.occurred_at:%Y-%m-%d %H:%M}"


class NewPeople(models.Model):
    """How many people a site made on a day (UTC) of forms and `identify()`, and how many it didn't, and why.

    And how many companies of the networks that visitors came from.
    """

    site_id = models.BigIntegerField()
    day = models.DateField()
    made = models.IntegerField(default=0)
    over_limit = models.IntegerField(default=0)
    switched_off = models.IntegerField(default=0)
    companies = models.IntegerField(default=0)

    class Meta:
        db_table = "new_people"
        constraints = (models.UniqueConstraint(fields=["site_id", "day"], name="new_people_once"),)

    def __str__(self) -> str:
        return f"{self.made} on {self.day}"


class Engagement(models.Model):
    """How much a contact or an account engages, as of a moment; see scoring.py."""

    class Record(models.TextChoices):
        CONTACT = "contact", "Contact"
        ACCOUNT = "account", "Account"

    pk = models.CompositePrimaryKey("record", "record_id")
    record = models.TextField(choices=Record.choices)
    record_id = models.BigIntegerField()
    # Not rounded and without a ceiling; what is left of them after some days is this times one factor.
    points = models.FloatField()
    as_of = models.DateTimeField()
    score = models.SmallIntegerField()
    # Of the rule (`weights.VERSION`).
    version = models.SmallIntegerField()
    visits = models.IntegerField()
    first_visit_at = models.DateTimeField()
    last_visit_at = models.DateTimeField()
    # By which channel and campaign the first visit came.
    first_channel = models.TextField()
    first_campaign = models.TextField(null=True)

    class Meta:
        db_table = "engagement"
        constraints = (models.CheckConstraint(condition=models.Q(score__range=(0, 100)), name="engagement_score"),)
        # Whether any is of another version is asked every minute.
        indexes = (models.Index(fields=["version"], name="engagement_version"),)

    def __str__(self) -> str:
        return f"{self.record} {self.record_id}: {self.score}"


class ScoreDue(models.Model):
    """A contact or an account whose sessions have changed.

    As often as they have: whoever marks waits for nobody who does the same, and no mark is lost to who is scoring.
    """

    record = models.TextField(choices=Engagement.Record.choices)
    record_id = models.BigIntegerField()

    class Meta:
        db_table = "score_due"
        indexes = (models.Index(fields=["record", "record_id"], name="score_due_record"),)

    def __str__(self) -> str:
        return f"{self.record} {self.record_id}"


class EventsRead(models.Model):
    """One row: up to where the web events were made sessions of (a position of `tracking.store`)."""

    THE_ONE = 1

    tx = models.BigIntegerField()
    event = models.UUIDField()
    at = models.DateTimeField(null=True)

    class Meta:
        db_table = "events_read"

    def __str__(self) -> str:
        return f"{self.tx}, {self.event}"
