"""Companies of visitors whom nobody knows, by the networks that they come from.

Each network is asked about once, and again when the provider's data is another; sessions that come later are given to
its company as they are made (`engagement.sessions`). A company that isn't here becomes an account, through the door
that edits go through, if one of its visitors came to a site that makes people and companies, of which a day has so
many (`engagement.newcomers`); beyond that it waits for the next, when those come first that somebody came from last,
and only they are looked at again. Sessions of known people are theirs, whatever the
network says.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from typing import Any, LiteralString

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from abmatic.audiences import editing
from abmatic.audiences.editing import Edit
from abmatic.changes.models import Cause
from abmatic.engagement import companies, newcomers
from abmatic.engagement.companies import Company, DatabaseRefused, Provider
from abmatic.engagement.models import WebNetwork
from abmatic.postgres.sql import block

logger = logging.getLogger(__name__)

# Networks that are looked at in one transaction.
BATCH = 500


def reveal(batch: int = BATCH) -> int:
    """Looks at networks from which somebody came. Answers how many; none where no provider is set up."""
    try:
        provider = companies.provider()
    except DatabaseRefused as refused:
        # Everything else goes on.
        logger.warning("no company is revealed: %s", refused)
        return 0
    if provider is None:
        return 0
    # As ranges, which an index serves.
    other = Q(asked__gt="", asked__lt=provider.version) | Q(asked__gt=provider.version)
    WebNetwork.objects.filter(other, is_due=False).update(is_due=True)
    total = 0
    while (some := _reveal_some(provider, batch)) > 0:
        total += some
    return total


def look_again() -> None:
    """Lets networks be looked at whose company has no account (any more), where one has come or may be made by now."""
    with transaction.atomic():
        _run("due_again", {"day": timezone.now().date()})


def _reveal_some(provider: Provider, batch: int) -> int:
    with transaction.atomic():
        rows = list(WebNetwork.objects.select_for_update().filter(is_due=True).order_by("network")[:batch])
        if not rows:
            return 0
        found = {
            row.network: provider.company_of(row.network) if row.asked != provider.version else _known(row)
            for row in rows
        }
        accounts = _accounts(found)
        told = [
            {
                "network": network,
                "domain": company.domain if company else None,
                "name": company.name if company else None,
                "account": accounts.get(company.domain) if company else None,
            }
            for network, company in found.items()
        ]
        _run("settle", {"told": json.dumps(told), "asked": provider.version})
        # Where a network's account stays, its sessions have it, as they were given it when they were made.
        had = {row.network: row.account_id for row in rows}
        moved = [each for each in told if each["account"] != had[str(each["network"])]]
        if moved:
            parameters = {"told": json.dumps(moved), "confidence": companies.CONFIDENCE}
            _run("assign", parameters)
            _run("visitors", parameters)
    return len(rows)


def _known(row: WebNetwork) -> Company | None:
    return Company(row.domain, row.name or row.domain) if row.domain else None


def _accounts(found: dict[str, Company | None]) -> dict[str, int | None]:
    """The account of each company, by its domain; made where there is none, one may be, and the day has room for it.

    Domains that stand for no company have none. ``found``: by network.
    """
    by_domain = {company.domain: company for company in found.values() if company is not None}
    rows = _ask("accounts", {"domains": list(by_domain)})
    # Several domains of a provider may come to one key.
    lacking = {domain: key for domain, key, account in rows if account is None and key is not None}
    networks = {network: company.domain for network, company in found.items() if company and company.domain in lacking}
    wanted: dict[str, set[int]] = defaultdict(set)
    for network, site in _ask("open", {"networks": list(networks)}) if networks else ():
        wanted[lacking[networks[network]]].add(site)
    made = _made({key: by_domain[domain].name for domain, key in lacking.items()}, wanted)
    return {domain: made.get(key) if account is None else account for domain, key, account in rows}


def _made(names: dict[str, str], wanted: dict[str, set[int]]) -> dict[str, int | None]:
    """Makes accounts, as many as a day has room for, by key. ``names``, ``wanted`` (from which sites): by key."""
    if not wanted:
        return {}
    door = newcomers.Door({site for its in wanted.values() for site in its})
    sites = {key: site for key, its in wanted.items() if (site := door.company_of(its)) is not None}
    edits = [Edit({"name": names[key], "website": key}, by_key=True, keeps=True) for key in sites]
    saved = dict(zip(sites, editing.save("account", edits, _cause), strict=True))
    for key, site in sites.items():
        if saved[key].status != "created":
            door.take_back(site)
    door.write()
    return {key: each.id for key, each in saved.items()}


def _cause() -> Cause:
    return Cause.objects.create(kind=Cause.Kind.WEB, note="Company of a visitor’s network")


def _ask(name: LiteralString, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(_text(name), parameters)
        return list(cursor.fetchall())


def _run(name: LiteralString, parameters: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_text(name), parameters)


def _text(name: LiteralString) -> LiteralString:
    return block("abmatic.engagement", "sql/revealing.sql", name)
