"""Sites whose visits are followed, and what is counted of them.

The events themselves are no model: `web_event` is partitioned by month and read and written by `tracking.store` alone,
so that another engine can take its place.
"""

from __future__ import annotations

import secrets

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

# Without 0, O, 1, l and I: people read it to each other.
_ALPHABET = "23456789abcdefghijkmnpqrstuvwxyz"
PUBLIC_ID_LENGTH = 12

# A little under thirteen months, the longest that a cookie of ours lives.
LONGEST_COOKIE_DAYS = 395

# The most people that a site may make of forms and identify() on a day.
MOST_NEW_PEOPLE = 100_000

# Names of fields whose values a form submission is kept with, unless a site says otherwise.
DEFAULT_FIELDS = ("email", "first_name", "last_name", "name", "company", "job_title", "phone", "country")


def new_public_id() -> str:
    """A site's id as it stands in the pages of the site: no secret, but not to be guessed by counting."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(PUBLIC_ID_LENGTH))


def _default_fields() -> list[str]:
    return list(DEFAULT_FIELDS)


class TrackingSite(models.Model):
    """One website (or several under one name) whose pages carry the script."""

    class Mode(models.TextChoices):
        IDENTIFIED = "identified", "With a first-party cookie"
        COOKIELESS = "cookieless", "Without a cookie"

    class Consent(models.TextChoices):
        NOT_NEEDED = "not_needed", "Collect unless the visitor denies"
        ASKED = "asked", "Collect once the visitor has granted consent"

    public_id = models.TextField(unique=True, default=new_public_id, editable=False)
    name = models.TextField()
    # As browsers send them: https://www.example.com, with a port where it is not the scheme's own; *. stands for any
    # number of names in front.
    origins = ArrayField(models.TextField())
    mode = models.TextField(choices=Mode.choices, default=Mode.IDENTIFIED)
    consent = models.TextField(choices=Consent.choices, default=Consent.NOT_NEEDED)
    # Global Privacy Control is always honoured in identified mode; whether Do Not Track and, without cookies, either
    # counts is the site's choice.
    honours_dnt = models.BooleanField(default=True)
    honours_gpc_cookieless = models.BooleanField(default=True)
    cookie_days = models.IntegerField(default=LONGEST_COOKIE_DAYS)
    captures_forms = models.BooleanField(default=True)
    captured_fields = ArrayField(models.TextField(), default=_default_fields, blank=True)
    # The site's id is public: whoever reads it can send any address. So nobody is made of what comes unless somebody
    # wants that, and then not more than so many on a day (UTC).
    makes_people = models.BooleanField(default=False, db_default=False)
    new_people_a_day = models.IntegerField(
        default=200, db_default=200, validators=[MinValueValidator(1), MaxValueValidator(MOST_NEW_PEOPLE)]
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "tracking_site"
        constraints = (
            models.CheckConstraint(
                condition=models.Q(cookie_days__range=(1, LONGEST_COOKIE_DAYS)), name="tracking_site_cookie_days"
            ),
            models.CheckConstraint(
                condition=models.Q(new_people_a_day__range=(1, MOST_NEW_PEOPLE)), name="tracking_site_new_people"
            ),
        )

    def __str__(self) -> str:
        return self.name


class Drop(models.TextChoices):
    """Why an event was not taken. The labels are what the Installation page says."""

    UNKNOWN_SITE = "unknown_site", "The site id is unknown"
    INACTIVE = "inactive", "The site is turned off"
    ORIGIN = "origin", "The page’s origin is not one of the site’s"
    PRIVACY = "privacy", "The visitor’s browser asks not to be tracked"
    BOT = "bot", "It came from a bot"
    RATE = "rate", "Too many events from one network"
    VISITOR_RATE = "visitor_rate", "Too many events from one visitor in an hour"
    TOO_LARGE = "too_large", "The request was too large, or had too many events"
    UNREADABLE = "unreadable", "The request could not be read"
    BAD_ID = "bad_id", "The event’s id is no UUID of version 7"
    TOO_OLD = "too_old", "The event’s time is too long ago"
    TOO_NEW = "too_new", "The event’s time is in the future"
    UNKNOWN_KIND = "unknown_kind", "The kind of event is unknown"
    TOO_LONG = "too_long", "A value of the event is too long"
    INVALID = "invalid", "A value of the event is not what it should be"
    NO_VISITOR = "no_visitor", "The event names no visitor, and the site is not cookieless"


class TrackingDrop(models.Model):
    """How many events of a day were not taken, and why. Without a site where none was found."""

    site = models.ForeignKey(TrackingSite, null=True, on_delete=models.CASCADE, db_constraint=False, db_index=False)
    day = models.DateField()
    reason = models.TextField(choices=Drop.choices)
    number = models.BigIntegerField()
    last_at = models.DateTimeField()

    class Meta:
        db_table = "tracking_drop"
        constraints = (
            models.UniqueConstraint(fields=["site", "day", "reason"], nulls_distinct=False, name="tracking_drop_once"),
        )

    def __str__(self) -> str:
        return f"{self.number} × {self.reason} on {self.day}"


class TrackingHour(models.Model):
    """How many events of a site were taken in an hour (of their arrival), and which page sent the last one."""

    site = models.ForeignKey(TrackingSite, on_delete=models.CASCADE, db_constraint=False, db_index=False)
    hour = models.DateTimeField()
    number = models.BigIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    last_host = models.TextField(null=True)

    class Meta:
        db_table = "tracking_hour"
        constraints = (models.UniqueConstraint(fields=["site", "hour"], name="tracking_hour_once"),)

    def __str__(self) -> str:
        return f"{self.number} in the hour of {self.hour}"


class TrackingSalt(models.Model):
    """What visitors without a cookie are hashed with, for one day (UTC). Deleted when the day is over.

    The table is unlogged, so a salt reaches neither the write-ahead log nor what is archived or replicated of it.
    """

    day = models.DateField(primary_key=True)
    salt = models.BinaryField(max_length=32)

    class Meta:
        db_table = "tracking_salt"

    def __str__(self) -> str:
        return str(self.day)
