"""Rules of campaigns follow what people do on the website: each event is looked at once.

1. **Read.** The events that sessions have been made of since (`engagement.doings`) are held against the rules; what a
   rule counts becomes a *hit*, with who did it, as far as is known. A new rule first catches up from its beginning.
2. **Recognise.** Hits in sessions that turned out to be somebody's, or somebody else's, are that person's.
3. **Settle.** Open hits of members bring them to the rule's status, forwards only (`membership.advance`); with a rule
   that lets join, they make members. Hits of people who are no members stay open until they are.

How far somebody gets is the furthest of where they stood and of what they did, in whatever order it came. A hit has its
effect on a person once: whom somebody, or the CRM, sets back later stays there until they do something more.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from django.db import connection, transaction
from django.utils import timezone
from psycopg import sql

from abmatic.campaigns import membership, rules
from abmatic.campaigns.membership import StatusUnknown
from abmatic.campaigns.models import Campaign, CampaignMember, CampaignRule, RulesFollowed
from abmatic.changes.models import Cause
from abmatic.engagement import doings
from abmatic.postgres import sessions
from abmatic.postgres.sql import block
from abmatic.tracking.store import Position, Session

logger = logging.getLogger(__name__)

# Events that are read, and people who are settled, in one transaction.
BATCH = 100_000
_AT_ONCE = 10_000
# How long a person waits to be told what a rule would do.
ALLOWED_MS = 4_000
_SETTINGS = {"work_mem": "64MB", "jit": "off", "timezone": "UTC"}


@dataclass(frozen=True, slots=True)
class Followed:
    """How many people joined, and how many members came further."""

    joined: int = 0
    advanced: int = 0

    def __add__(self, other: Followed) -> Followed:
        return Followed(self.joined + other.joined, self.advanced + other.advanced)


def follow(batch: int = BATCH) -> Followed:
    """All rules, as far as events and sessions go now."""
    RulesFollowed.objects.get_or_create(pk=RulesFollowed.THE_ONE)
    if not CampaignRule.objects.exists():
        return Followed()
    with sessions.session("rules", _SETTINGS) as session:
        while not _read_some(session, batch):
            pass
        _recognise(session)
    done = _settle_due()
    # Whoever joined may have done what other rules count.
    return done + _settle_due() if done.joined else done


def _settle_due() -> Followed:
    done = Followed()
    for (rule,) in _ask("due"):
        done += _settle(rule)
    return done


def _read_some(session: Session, batch: int) -> bool:
    """The next events for the rules that are furthest behind. Answers whether all rules have seen all."""
    with session.transaction():
        _lock(session)
        # Rules that have seen as much are looked at together: all of them, but those that are catching up.
        groups = session.execute(
            "SELECT read_tx, read_event, array_agg(id) FROM campaign_rule GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 2"
        ).fetchall()
        if not groups:
            return True
        tx, event, numbers = groups[0]
        read = doings.read_into(session, "rule_event", Position(tx, event), batch)
        _take(session, "rule_event", numbers)
        session.execute(
            "UPDATE campaign_rule SET read_tx = %s, read_event = %s WHERE id = ANY (%s)", (*read.position, numbers)
        )
    return read.is_all and len(groups) == 1


def _take(session: Session, events: str, numbers: list[int]) -> None:
    """Makes hits of what some rules count among events."""
    found = sql.SQL("CREATE TEMP TABLE found_hit ON COMMIT DROP AS ") + _text("found").format(
        events=sql.Identifier(events)
    )
    # CREATE TABLE AS takes no parameters of the protocol: they are put in as literals.
    psycopg.ClientCursor(session).execute(found, {"rules": numbers})
    session.execute("ANALYZE found_hit")
    doings.whose_into(session, "whose_hit", "found_hit")
    session.execute(_text("take"))


def _recognise(session: Session) -> None:
    with session.transaction():
        (since,) = _lock(session)
        mark = doings.changed_into(session, "changed_session", since)
        session.execute("ANALYZE changed_session")
        session.execute(_text("recognise"))
        session.execute(
            "UPDATE campaign_rules_followed SET sessions = %s, at = %s WHERE id = %s",
            (mark, timezone.now(), RulesFollowed.THE_ONE),
        )


def _lock(session: Session) -> tuple[Any, ...]:
    """Whoever holds the row goes on alone."""
    locked = "SELECT sessions FROM campaign_rules_followed WHERE id = %s FOR UPDATE"
    return session.execute(locked, (RulesFollowed.THE_ONE,)).fetchone() or (0,)


def _settle(number: int) -> Followed:
    done = Followed()
    while True:
        with transaction.atomic():
            # A rule that was removed meanwhile does nothing; nor does it while this goes on.
            rule = CampaignRule.objects.select_for_update(of=("self",)).select_related("campaign").filter(pk=number)
            found = rule.first()
            people = _ask("open", rule=number, most=_AT_ONCE) if found else []
            if found is None or not people:
                return done
            try:
                some = _bring(found, people)
            except StatusUnknown as unknown:
                _note_problem(found, f"Nobody moves: {unknown}")
                return done
            _run("settle", rule=number, contacts=[contact for contact, *_ in people])
            _note_problem(found, "")
        done += some
        if len(people) < _AT_ONCE:
            return done


def _note_problem(rule: CampaignRule, problem: str) -> None:
    if rule.problem != problem:
        CampaignRule.objects.filter(pk=rule.pk).update(problem=problem)


def _bring(rule: CampaignRule, people: list[tuple[Any, ...]]) -> Followed:
    """Brings people (contact, day, membership, its status) to where the rule does."""
    campaign = rule.campaign
    label = membership.require_status(campaign, rule.status)
    done, cause = Followed(), None
    for day, those in groupby(people, key=itemgetter(1)):
        newcomers, behind = _parted(campaign, label, list(those))
        if newcomers or behind:
            cause = cause or Cause.objects.create(kind=Cause.Kind.RULE, note=str(rule))
            done += _moved(campaign, newcomers, behind, label, cause, day)
    return done


def _moved(
    campaign: Campaign, newcomers: list[int], behind: list[int], label: str, cause: Cause, day: date
) -> Followed:
    joined = membership.put_in(campaign, newcomers, cause, label, day)
    # Whom somebody else put in meanwhile stands where that one left them.
    those = CampaignMember.objects.filter(campaign=campaign, contact__in=newcomers).values_list("pk", flat=True)
    return Followed(joined, membership.advance(campaign, [*behind, *those], label, cause, day))


def _parted(campaign: Campaign, label: str, people: list[tuple[Any, ...]]) -> tuple[list[int], list[int]]:
    """The contacts who aren't members, and the memberships that are not as far."""
    places = membership.places_of(campaign)
    wanted = places[label]
    newcomers = [contact for contact, _, member, _ in people if member is None]
    behind = [
        member
        for _, _, member, status in people
        if member is not None and (status not in places or places[status] < wanted)
    ]
    return newcomers, behind


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a rule would do now: how many whom we know did what it counts, would join, and would come further."""

    did: int
    joining: int
    advancing: int

    @property
    def staying(self) -> int:
        """Who did it, and stays as they are: as far already, no member, or taken out."""
        return self.did - self.joining - self.advancing


class TookTooLong(Exception):
    """What a rule would do can't be told in the time that a page has."""


def outlook(rule: CampaignRule) -> Outlook:
    """What a rule that isn't saved would do now; nothing is. Raises `RuleRefused`, `TookTooLong`, `StatusUnknown`."""
    rules.require_new(rule)
    label = membership.require_status(rule.campaign, rule.status)
    with sessions.session("rule outlook", {**_SETTINGS, "statement_timeout": str(ALLOWED_MS)}) as session:
        try:
            number = _tried(session, rule)
            people = session.execute(_text("open"), {"rule": number, "most": None}).fetchall()
            (did,) = session.execute(_text("did"), {"rule": number}).fetchone() or (0,)
        except psycopg.errors.QueryCanceled:
            raise TookTooLong("That is so much that it can't be told at once.") from None
        finally:
            session.rollback()
    newcomers, behind = _parted(rule.campaign, label, people)
    return Outlook(int(did), len(newcomers), len(behind))


def _tried(session: Session, rule: CampaignRule) -> int:
    """Saves the rule, and its hits by people who are known, in the transaction of the session."""
    row = session.execute(
        "INSERT INTO campaign_rule (campaign_id, kind, pattern, likeness, status, joins, counts_from, read_event, "
        "problem, created_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, '', now()) RETURNING id",
        (
            rule.campaign_id,
            rule.kind,
            rule.pattern,
            rule.likeness,
            rule.status,
            rule.joins,
            rule.counts_from,
            UUID(int=0),
        ),
    ).fetchone()
    number = int(row[0]) if row else 0
    doings.known_into(session, "rule_event", rule.counts_from)
    _take(session, "rule_event", [number])
    return number


def _ask(name: LiteralString, **parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(block("abmatic.campaigns", "rules.sql", name), parameters)
        return list(cursor.fetchall())


def _run(name: LiteralString, **parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(block("abmatic.campaigns", "rules.sql", name), parameters)


def _text(name: LiteralString) -> sql.SQL:
    return sql.SQL(block("abmatic.campaigns", "rules.sql", name))
