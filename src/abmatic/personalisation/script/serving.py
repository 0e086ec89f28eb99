"""The part of the script that personalises: one file for all sites, and what each site's script is told."""

from __future__ import annotations

from datetime import timedelta
from functools import cache

from django.conf import settings
from django.utils import timezone

from abmatic.personalisation import running
from abmatic.tracking.script.serving import FRESH, Served, minified, packed

# Experiences that a page is told of: each costs the script some hundred bytes.
MOST = 50


@cache
def part() -> Served:
    """The file. Its name changes with what is in it, so that browsers may keep it for ever."""
    return packed(minified("abmatic.personalisation.script", "personalise.js"))


def name_of_part() -> str:
    """Under /t/."""
    return f"personalise-{part().tag[1:13]}.js"


def told_to(site_id: int) -> dict[str, object]:
    """What the script of a site is told: the part's name, the longest wait, and of each experience its id, the pages
    (patterns of their paths) and the elements that it may change. Nothing of its audience, nothing of its variants."""
    now = timezone.now()
    soon = now + timedelta(seconds=2 * FRESH)
    shows = [
        [each.id, list(each.pages), list(each.selectors)]
        for each in running.of_site(site_id)
        if not running.is_over(each, now) and (each.audience.starts_at is None or each.audience.starts_at <= soon)
    ]
    return {"part": name_of_part(), "wait": settings.ENVIRONMENT.personalise_hide_ms, "shows": shows[:MOST]}
