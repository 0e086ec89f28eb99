"""Making and changing sites. Each act is noted in the audit log, in its own transaction."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from abmatic.identity.audit import Author, Difference, note
from abmatic.identity.models import AuditEntry
from abmatic.tracking import sites
from abmatic.tracking.models import TrackingSite

# What people set, and what the audit log calls it.
SETTINGS = {
    "name": "name", "origins": "origins", "mode": "mode", "consent": "consent", "honours_dnt": "Do Not Track",
    "honours_gpc_cookieless": "Global Privacy Control without cookies", "cookie_days": "days remembered",
    "captures_forms": "form submissions", "captured_fields": "captured fields",
    "makes_people": "makes people and companies",
    "new_people_a_day": "new people a day", "is_active": "active",
}  # fmt: skip


def add(values: dict[str, Any], *, by: Author) -> TrackingSite:
    """Makes a site of values by the names of its settings."""
    with transaction.atomic():
        made = TrackingSite.objects.create(**values)
        told = [Difference(SETTINGS[name], None, value, "added") for name, value in values.items()]
        note(AuditEntry.About.SITE, made.name, "site added", by=by, subject_id=made.pk, differences=told)
    return made


def change(site_id: int, values: dict[str, Any], *, by: Author) -> TrackingSite:
    """Changes settings of a site; what stays as it was isn't noted. Raises `TrackingSite.DoesNotExist`."""
    with transaction.atomic():
        site = TrackingSite.objects.select_for_update().get(pk=site_id)
        told = [
            Difference(SETTINGS[name], getattr(site, name), value)
            for name, value in values.items()
            if getattr(site, name) != value
        ]
        if told:
            for name, value in values.items():
                setattr(site, name, value)
            site.save()
            note(AuditEntry.About.SITE, site.name, "site changed", by=by, subject_id=site.pk, differences=told)
    sites.forget_known()
    return site
