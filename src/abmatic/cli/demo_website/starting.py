"""What `abmatic demo` does about its website once everything answers: its site, its pages, its year of visits.

What has to stay the same at the next start is kept in ``demo/website.json``: the site, the moment up to which the year
goes, and whether it is there.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings

from abmatic.campaigns.models import Campaign
from abmatic.cli.demo_website import loading, networks
from abmatic.cli.demo_website.writing import Addresses, write
from abmatic.cli.domain_demo_place import Place
from abmatic.identity.audit import COMMAND_LINE
from abmatic.tracking import managing, sites
from abmatic.tracking.models import TrackingSite

# Seconds that the worker gets to make sessions, people and credits of the year; it goes on after that.
_PATIENCE = 60.0
# The last visits of the year lie a little back: the next ones are those of whoever tries the demo.
_BEFORE_NOW = timedelta(hours=1)
_CAMPAIGN = "Find the leak"


@dataclass(frozen=True, slots=True)
class _Kept:
    """``until``: where the year ends (ISO date-time)."""

    public_id: str
    until: str
    is_loaded: bool = False


def start(place: Place, seed: int, sleep: Callable[[float], None], say: Callable[[str], None]) -> bool:
    """The website followed and its pages written; a year of visits in it, the first time. Answers whether the worker
    is done with that."""
    file = place.website_folder.with_suffix(".json")
    kept = _kept(file)
    site = _site(place, kept)
    # Whoever tries the demo may personalise any page of it.
    line = sites.line_for(settings.BASE_URL, site.public_id, holds_back=True)
    write(place.website_folder, Addresses(place.website_url, place.url, place.emulator_url, line, _campaign()))
    if kept is None or kept.public_id != site.public_id:
        kept = _Kept(site.public_id, (datetime.now(UTC) - _BEFORE_NOW).isoformat())
        _keep(file, kept)
    if kept.is_loaded:
        return True
    say("Making a year of visits to it …")
    networks.write(place.companies_file, loading.read_companies())
    loading.load(site.pk, place.website_url, datetime.fromisoformat(kept.until), seed)
    _keep(file, replace(kept, is_loaded=True))
    return loading.work_through(sleep, _PATIENCE)


def _site(place: Place, kept: _Kept | None) -> TrackingSite:
    """The demo's own site, at the address where the pages are served now."""
    known = TrackingSite.objects.filter(public_id=kept.public_id).first() if kept else None
    if known is None:
        values = {"name": "Tidewell (demo)", "origins": [place.website_url], "makes_people": True}
        return managing.add(values, by=COMMAND_LINE)
    if place.website_url not in known.origins:
        known = managing.change(known.pk, {"origins": [place.website_url, *known.origins]}, by=COMMAND_LINE)
    return known


def _campaign() -> str:
    """The newest campaign of the org that advertises: the guide's first link is one of its."""
    found = Campaign.objects.filter(type="Advertisement", start_date__isnull=False).order_by("-start_date", "id")
    newest = found.first()
    return (newest.name if newest else None) or _CAMPAIGN


def _kept(file: Path) -> _Kept | None:
    with suppress(OSError, ValueError, TypeError):
        return _Kept(**json.loads(file.read_text(encoding="utf-8")))
    return None


def _keep(file: Path, kept: _Kept) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".new")
    draft.write_text(json.dumps(asdict(kept)), encoding="utf-8")
    draft.replace(file)
