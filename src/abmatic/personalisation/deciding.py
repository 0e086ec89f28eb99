"""Decides what a visitor sees on a page: what the script asks for before it shows the page's personalised parts.

1. The request is admitted as the collector admits events: site, origin, signals of privacy, bots, rates.
2. Of the experiences that it asks for those count that are on, in their time, and meant for the page.
3. One statement tells what is known of the visitor: the person and company, the visit, the collections that they are in
   (as they were last worked out), and what was decided before.
4. What was decided before stays. Otherwise chance decides (`choosing`), and that is written down. What can't be, as
   somebody has removed the experience meanwhile, isn't shown.

The answer holds nothing but what is to be changed: no name, no reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, LiteralString
from urllib.parse import urlsplit

import orjson
import psycopg
from django.db import connection
from django.utils import timezone
from psycopg.rows import namedtuple_row
from pydantic import BaseModel, Field, StringConstraints, ValidationError

from abmatic.personalisation import paths, previewing, running
from abmatic.personalisation.choosing import Facts, fits, variant_of
from abmatic.personalisation.running import Running
from abmatic.postgres.sql import block
from abmatic.tracking import cleaning, collecting, sites
from abmatic.tracking.collecting import STATUS, Hit, Refused
from abmatic.tracking.models import Drop
from abmatic.tracking.sites import Site

# Experiences that a page may ask for at once.
MOST_ASKED = 50
# Of the control group, in answers and events.
CONTROL = 0

_Address = Annotated[str, StringConstraints(max_length=2_000)]


class _Asked(BaseModel):
    """What the script sends."""

    visitor: str | None = None
    url: _Address = ""
    referrer: _Address = ""
    experiences: list[Annotated[int, Field(ge=1, le=2**63 - 1)]] = Field(default_factory=list, max_length=MOST_ASKED)
    preview: Annotated[str, StringConstraints(max_length=300)] = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """An HTTP status, and what is to be done: for each experience its variant and what that changes."""

    status: int
    experiences: list[dict[str, Any]] = field(default_factory=list)


def decide(hit: Hit) -> Decision:
    """What a visitor sees. Raises what the database does."""
    try:
        site = collecting.admit(hit, sites.by_public_id(hit.public_id))
        asked = _asked(hit.body)
        if asked.preview:
            collecting.network_of(hit, site, 1)
            shown = previewing.shown_by(asked.preview, site.id)
            return Decision(200, [shown] if shown else [])
        who = collecting.ask(hit, site, asked.visitor, 1, timezone.now())
    except Refused as refused:
        return Decision(STATUS.get(refused.reason, 200))
    meant = _meant(site, asked)
    return Decision(200, _decided(site, who.visitor, asked, meant) if meant else [])


def _asked(body: bytes) -> _Asked:
    try:
        return _Asked.model_validate(orjson.loads(body))
    except (orjson.JSONDecodeError, ValidationError):
        raise Refused(Drop.UNREADABLE) from None


def _meant(site: Site, asked: _Asked) -> list[Running]:
    """The experiences that are asked for, and are for this page and this time."""
    now = timezone.now()
    try:
        path = urlsplit(asked.url).path or "/"
    except ValueError:
        return []
    return [
        each
        for each in running.of_site(site.id)
        if each.id in asked.experiences and each.audience.is_running(now) and paths.fits(each.pages, path)
    ]


def _decided(site: Site, visitor: str, asked: _Asked, meant: Sequence[Running]) -> list[dict[str, Any]]:
    ids = [each.id for each in meant]
    collections = [each.audience.collection for each in meant if each.audience.collection is not None]
    told = _ask(
        "facts", {"visitor": visitor, "site": site.id, "experiences": ids, "collections": collections}
    ).fetchone()
    assert told is not None, "the block answers one row for whoever it is"
    facts = Facts(
        is_known=told.contact_id is not None,
        is_returning=told.is_returning,
        utm=_utm(asked) or {"source": told.source or "", "medium": told.medium or "", "campaign": told.campaign or ""},
        collections=frozenset(told.collections),
    )
    who = visitor if told.contact_id is None else f"contact {told.contact_id}"
    before: dict[int, int | None] = {}
    own: set[int] = set()
    for experience, variant, is_own in orjson.loads(told.assigned):
        before.setdefault(experience, variant)
        own |= {experience} if is_own else set()
    meant = [each for each in meant if each.id in told.there and fits(each.audience, facts)]
    given = {number: before[number] for number in own}
    if new := {each.id: _choice(each, who, before) for each in meant if each.id not in own}:
        kept = _ask(
            "assign",
            {"visitor": visitor, "experiences": list(new), "variants": [one or CONTROL for one in new.values()]},
        )
        given |= {each.experience_id: each.variant_id for each in kept}
    # What isn't kept would not be counted: it isn't shown. Nor is a variant that this process doesn't know yet.
    return [
        {"id": each.id, "variant": variant or CONTROL, "changes": [] if variant is None else each.changes_of(variant)}
        for each in meant
        if each.id in given and ((variant := given[each.id]) is None or each.has(variant))
    ]


def _choice(experience: Running, who: str, before: dict[int, int | None]) -> int | None:
    """What was decided in another browser, where there is still such a variant; otherwise chance."""
    known = before.get(experience.id, -1)
    if known is None or experience.has(known):
        return known
    weights = [(each.id, each.weight) for each in experience.choices]
    return variant_of(experience.id, who, experience.control_percent, weights)


def _utm(asked: _Asked) -> dict[str, str] | None:
    """Of the page's address, or of the page of the same site that led to it; None where neither has any."""
    for url in (asked.url, asked.referrer if _host(asked.referrer) == _host(asked.url) else ""):
        address = cleaning.address_of(url)
        if address is not None and address.utm:
            return address.utm
    return None


def _host(url: str) -> str:
    address = cleaning.address_of(url)
    return address.host if address else ""


def _ask(name: LiteralString, parameters: dict[str, Any]) -> psycopg.Cursor[Any]:
    """Runs a statement with a plan that the session keeps, on the thread's own connection."""
    statement = block("abmatic.personalisation", "sql/deciding.sql", name)
    with connection.cursor() as cursor:
        session = cursor.connection
        # Django turns that off. Its own cursors never prepare, whatever is set here.
        session.prepare_threshold = session.prepare_threshold or 1
        return psycopg.Cursor(session, row_factory=namedtuple_row).execute(statement, parameters, prepare=True)
