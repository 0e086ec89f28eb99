"""Making, changing and removing experiences. Each act is noted in the audit log, in its own transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from abmatic.audiences.models import Collection
from abmatic.campaigns.models import Campaign
from abmatic.identity.audit import Author, Difference, note
from abmatic.identity.models import AuditEntry
from abmatic.personalisation import running
from abmatic.personalisation.models import Assignment, Experience, Variant
from abmatic.personalisation.script.serving import MOST
from abmatic.personalisation.wanted import ExperienceWanted, VariantWanted
from abmatic.tracking.models import TrackingSite

# What people set, and what the audit log calls it.
_SETTINGS = {
    "name": "name", "site_id": "site", "pages": "pages", "collection_id": "collection", "known": "known",
    "visit": "visit", "utm_source": "UTM source", "utm_medium": "UTM medium", "utm_campaign": "UTM campaign",
    "starts_at": "start", "ends_at": "end", "control_percent": "control group",
    "is_on": "on",
}  # fmt: skip


class ExperienceRefused(ValueError):
    """Why an experience can't be as it is wanted, and what helps."""


def add(campaign: Campaign, wanted: ExperienceWanted, *, by: Author) -> Experience:
    """Makes an experience of a campaign. Raises `ExperienceRefused`."""
    with transaction.atomic():
        return _save(Experience(campaign=campaign), wanted, "experience added", by)


def change(experience_id: int, wanted: ExperienceWanted, *, by: Author, seen: datetime | None = None) -> Experience:
    """Changes an experience and its variants. ``seen``: its ``updated_at`` when it was looked at, where that is known:
    what somebody else has done since is not undone. Raises `ExperienceRefused`, `Experience.DoesNotExist`.
    """
    with transaction.atomic():
        experience = _locked(experience_id)
        if seen is not None and seen != experience.updated_at:
            raise ExperienceRefused(
                f"“{experience}” was changed meanwhile, by {experience.changed_by}: open it again to change it."
            )
        return _save(experience, wanted, "experience changed", by)


def switch(experience_id: int, is_on: bool, *, by: Author) -> Experience:
    """Turns an experience on or off. Raises `ExperienceRefused`, `Experience.DoesNotExist`."""
    with transaction.atomic():
        experience = _locked(experience_id)
        variants = list(experience.variants.all())
        if is_on and not any(each.weight and each.changes for each in variants):
            raise ExperienceRefused(f"No variant of “{experience}” that has a weight changes anything: edit it first.")
        if experience.is_on != is_on:
            _require_room(experience, is_on)
            experience.is_on, experience.changed_by = is_on, str(by)
            experience.save()
            _note(experience, "experience turned on" if is_on else "experience turned off", by, [])
    transaction.on_commit(running.forget_known)
    return experience


def remove(experience_id: int, *, by: Author) -> str:
    """Removes an experience with its results; answers its name. From now on it is there for nobody, `removing` deletes
    what hangs on it. Touches go with the next calculation of attribution. Raises `Experience.DoesNotExist`.
    """
    with transaction.atomic():
        experience = _locked(experience_id)
        _note(experience, "experience removed", by, [])
        experience.is_on, experience.changed_by, experience.removed_at = False, str(by), timezone.now()
        experience.save()
    transaction.on_commit(running.forget_known)
    return experience.name


def _locked(experience_id: int) -> Experience:
    """Alone with it, but for those who are just being given it."""
    return Experience.objects.select_for_update(no_key=True).get(pk=experience_id)


def wanted_of(experience: Experience) -> dict[str, Any]:
    """An experience as it is wanted, by the names of `ExperienceWanted`."""
    same = ("name", "pages", "known", "visit", "utm_source", "utm_medium", "utm_campaign", "starts_at", "ends_at",
            "control_percent", "is_on")  # fmt: skip
    variants = [
        {"id": each.pk, "name": each.name, "weight": each.weight, "changes": each.changes}
        for each in experience.variants.all()
    ]
    return {
        **{name: getattr(experience, name) for name in same},
        "site": experience.site_id,
        "collection": experience.collection_id,
        "variants": variants,
    }


def _save(experience: Experience, wanted: ExperienceWanted, act: str, by: Author) -> Experience:
    before = {} if experience.pk is None else {name: getattr(experience, name) for name in _SETTINGS}
    for name, value in wanted.model_dump(exclude={"site", "collection", "variants", "updated_at"}).items():
        setattr(experience, name, value)
    experience.site_id, experience.collection_id = wanted.site, wanted.collection
    _require(experience)
    _require_room(experience, wanted.is_on)
    experience.changed_by = str(by)
    experience.save()
    differences = [
        Difference(label, _told(before.get(name)), _told(getattr(experience, name)))
        for name, label in _SETTINGS.items()
        if before.get(name) != getattr(experience, name)
    ]
    differences += _save_variants(experience, wanted.variants)
    if differences:
        _note(experience, act, by, differences)
    transaction.on_commit(running.forget_known)
    return experience


def _require(experience: Experience) -> None:
    if not TrackingSite.objects.filter(pk=experience.site_id).exists():
        raise ExperienceRefused("There is no such site: choose one of Settings → Web tracking.")
    if experience.collection_id is None:
        return
    collection = Collection.objects.filter(pk=experience.collection_id).first()
    if collection is None:
        raise ExperienceRefused("The collection is not here any more: choose another one, or none.")
    if collection.record == Collection.Record.OPPORTUNITY:
        raise ExperienceRefused(f"“{collection}” holds opportunities: choose a collection of contacts or of accounts.")


def _require_room(experience: Experience, is_on: bool) -> None:
    others = Experience.objects.filter(site_id=experience.site_id, is_on=True).exclude(pk=experience.pk).count()
    if is_on and others >= MOST:
        raise ExperienceRefused(
            f"{others} experiences of this site are on, the most there can be: turn another one off."
        )


def _save_variants(experience: Experience, wanted: list[VariantWanted]) -> list[Difference]:
    """Changes, makes and removes variants. Raises `ExperienceRefused`."""
    known = {each.pk: each for each in experience.variants.all()}
    differences = []
    for place, each in enumerate(wanted, 1):
        if each.id is not None and each.id not in known:
            raise ExperienceRefused(f"“{each.name}” is no variant of “{experience}” any more: leave out its id.")
        variant = known.pop(each.id, None) if each.id else None
        variant = variant or Variant(experience=experience)
        changes = [one.model_dump(exclude_none=True) for one in each.changes]
        was = _shown(variant) if variant.pk else None
        variant.name, variant.weight, variant.changes, variant.position = each.name, each.weight, changes, place
        variant.save()
        if was != _shown(variant):
            differences.append(Difference(f"variant {each.name}", was, _shown(variant), "changed" if was else "added"))
    for gone in known.values():
        if Assignment.objects.filter(experience=experience, variant=gone).exists():
            raise ExperienceRefused(
                f"People have seen “{gone}” already: give it the weight 0 instead, and nobody new will see it."
            )
        differences.append(Difference(f"variant {gone}", _shown(gone), None, "removed"))
        gone.delete()
    return differences


def _shown(variant: Variant) -> dict[str, Any]:
    return {"name": variant.name, "weight": variant.weight, "changes": variant.changes}


def _told(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def _note(experience: Experience, act: str, by: Author, differences: list[Difference]) -> None:
    note(AuditEntry.About.SITE, experience.name, act, by=by, subject_id=experience.site_id, differences=differences)
