"""Experiences, their variants, who was given which, and what came of it.

Names are plain, because people query them in SQL too.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from abmatic.audiences.models import Collection
from abmatic.campaigns.models import Campaign
from abmatic.postgres.removed import NotRemoved
from abmatic.tracking.models import TrackingSite

# In percent. Somebody has to see the variants.
MOST_CONTROL = 90
MOST_WEIGHT = 1_000


class Experience(models.Model):
    """What a campaign changes on pages of a site, for whom, and when."""

    class Known(models.TextChoices):
        ANYBODY = "anybody", "Anybody"
        KNOWN = "known", "People who are known"
        UNKNOWN = "unknown", "Visitors who are not known"

    class Visit(models.TextChoices):
        ANY = "any", "Any visit"
        FIRST = "first", "The first visit"
        RETURNING = "returning", "A later visit"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="experiences", db_constraint=False)
    site = models.ForeignKey(TrackingSite, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    name = models.TextField()
    # Paths as visitors' browsers have them; * stands for any letters.
    pages = ArrayField(models.TextField())
    # Contacts, or accounts. Once the collection is gone nobody is in it: it must never come to mean everybody.
    collection = models.ForeignKey(
        Collection, null=True, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    known = models.TextField(choices=Known.choices, default=Known.ANYBODY)
    visit = models.TextField(choices=Visit.choices, default=Visit.ANY)
    # Of the address that brought the visitor; empty ones don't matter.
    utm_source = models.TextField(blank=True, default="")
    utm_medium = models.TextField(blank=True, default="")
    utm_campaign = models.TextField(blank=True, default="")
    starts_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)
    control_percent = models.SmallIntegerField(default=10)
    is_on = models.BooleanField(default=False, db_default=False)
    # Who changed it last: a person, or an API key.
    changed_by = models.TextField(blank=True, default="", db_default="")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    # It is there for nobody any more; what hangs on it is deleted (`removing`).
    removed_at = models.DateTimeField(null=True)

    objects = NotRemoved["Experience"]()

    class Meta:
        db_table = "experience"
        constraints = (
            models.CheckConstraint(
                condition=models.Q(control_percent__range=(0, MOST_CONTROL)), name="experience_control"
            ),
        )
        indexes = (models.Index(fields=["site"], name="experience_running", condition=models.Q(is_on=True)),)

    def __str__(self) -> str:
        return self.name


class Variant(models.Model):
    """One of the ways that an experience changes pages."""

    experience = models.ForeignKey(Experience, on_delete=models.CASCADE, related_name="variants", db_constraint=False)
    name = models.TextField()
    # Its part of those who are not in the control group, against the other variants'.
    weight = models.IntegerField(default=1)
    position = models.IntegerField()
    # A list of the kinds in changes.py.
    changes = models.JSONField(default=list)

    class Meta:
        db_table = "experience_variant"
        ordering = ("position", "id")
        constraints = (
            models.CheckConstraint(condition=models.Q(weight__range=(0, MOST_WEIGHT)), name="experience_weight"),
        )

    def __str__(self) -> str:
        return self.name


class Assignment(models.Model):
    """What a visitor (a browser, see `engagement.models.Visitor`) was given: a variant, or none, to compare with."""

    visitor = models.TextField(db_collation="C")
    # An index has it, with the variant.
    experience = models.ForeignKey(
        Experience, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    # Only variants that nobody was given are removed; with the experience, its assignments are.
    variant = models.ForeignKey(
        Variant, null=True, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    assigned_at = models.DateTimeField()

    class Meta:
        db_table = "experience_assignment"
        constraints = (models.UniqueConstraint(fields=["visitor", "experience"], name="experience_assignment_once"),)
        indexes = (
            models.Index(fields=["experience", "variant"], name="experience_assignment_variant"),
            models.Index(fields=["assigned_at", "id"], name="experience_assignment_at"),
        )

    def __str__(self) -> str:
        return f"{self.variant_id or 'control'} of {self.experience_id}"


class Reaction(models.Model):
    """An impression, or a click on what is personalised; in the control group, on what would be."""

    # The event's, so that what is read twice is one.
    id = models.UUIDField(primary_key=True)
    assignment = models.ForeignKey(Assignment, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    is_click = models.BooleanField()
    occurred_at = models.DateTimeField()
    path = models.TextField(null=True)

    class Meta:
        db_table = "experience_event"

    def __str__(self) -> str:
        return f"{'Click' if self.is_click else 'Impression'} at {self.occurred_at:%Y-%m-%d %H:%M}"


class ReactionsRead(models.Model):
    """One row: up to where the web events were read (a position of `tracking.store`)."""

    THE_ONE = 1

    tx = models.BigIntegerField()
    event = models.UUIDField()

    class Meta:
        db_table = "experience_read"

    def __str__(self) -> str:
        return f"{self.tx}, {self.event}"
