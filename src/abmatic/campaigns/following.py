"""Rules of campaigns follow what people do on the website, as far as it is known who they are.

1. **Read.** What was done in the sessions that changed since (`engagement.doings`), or that turned out to be
   somebody's, is held against the rules; what a rule counts becomes a *hit* of that person.
2. **Settle.** Open hits of members bring them to the rule's status, forwards only (`membership.advance`); with a rule
   that lets join, they make members. Hits of people who are no members stay open until they are.
3. **Catch up.** A rule that counts from an earlier day looks at the sessions since then, some at a time, after all the
   others; once it has, its hits are settled too.

How far somebody gets is the furthest of where they stood and of what they did, in whatever order it came. A hit has its
effect on a person once: whom somebody, or the CRM, sets back later stays there until they do something more. So a rule
keeps of a person's browser up to when it had its effect, and since when it is to have another: a row a person, however
often they come.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, LiteralString

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
from abmatic.tracking.store import Session

logger = logging.getLogger(__name__)

# Sessions that a rule which is catching up looks at in one transaction, and how often in one run.
BATCH = 20_000
_PARTS = 20
# People who are settled in one transaction.
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
    """All rules, as far as sessions go now; those that are catching up, some further."""
    RulesFollowed.objects.get_or_create(pk=RulesFollowed.THE_ONE)
    with sessions.session("rules", _SETTINGS) as session:
        _read_lately(session)
        done = _settle_due()
        for _ in range(_PARTS):
            if not _read_past(session, batch):
                break
            done += _settle_due()
    # Whoever joined may have done what other rules count.
    return done + _settle_due() if done.joined else done


def _settle_due() -> Followed:
    _run("stay_out")
    done = Followed()
    for (rule,) in _ask("due"):
        done += _settle(rule)
    return done


def _read_lately(session: Session) -> None:
    """What was done in sessions that changed since the last time, for all rules."""
    with session.transaction():
        (after,) = _lock(session)
        upto = doings.mark(session)
        numbers, since = _all_rules(session)
        if not 0 < after <= upto:
            # Nobody has followed yet, or on another server.
            session.execute(_text("begin_anew"), {"longest": doings.LONGEST})
        elif since is not None:
            doings.lately_into(session, "rule_event", after, upto, since)
            _take(session, "rule_event", numbers)
        session.execute(
            "UPDATE campaign_rules_followed SET sessions = %s, at = %s WHERE id = %s",
            (upto, timezone.now(), RulesFollowed.THE_ONE),
        )


def _read_past(session: Session, batch: int) -> bool:
    """The next sessions for rules that are catching up: first for those that have the least left. False: for none."""
    with session.transaction():
        _lock(session)
        found = session.execute(_text("catching_up")).fetchone()
        if found is None:
            return False
        after, numbers = found
        upto = doings.past_into(session, "rule_event", after, batch)
        _take(session, "rule_event", numbers)
        session.execute(
            "UPDATE campaign_rule SET catches_up_from = %s, caught_up_at = coalesce(%s, caught_up_at) "
            "WHERE id = ANY (%s)",
            (upto, timezone.now() if upto is None else None, numbers),
        )
    return True


def _all_rules(session: Session) -> tuple[list[int], datetime | None]:
    """Their numbers, and since when the first of them counts; None where there is none."""
    found = session.execute(
        "SELECT coalesce(array_agg(id), '{}'), min(counts_from) FROM campaign_rule WHERE removed_at IS NULL"
    ).fetchone()
    return found or ([], None)


def _take(session: Session, events: str, numbers: list[int]) -> None:
    """Makes hits of what some rules count among events."""
    found = sql.SQL("CREATE TEMP TABLE found_hit ON COMMIT DROP AS ") + _text("found").format(
        events=sql.Identifier(events)
    )
    # CREATE TABLE AS takes no parameters of the protocol: they are put in as literals.
    psycopg.ClientCursor(session).execute(found, {"rules": numbers})
    session.execute("ANALYZE found_hit")
    doings.whose_into(session, "whose_hit", "found_hit")
    doings.keep_visitors(session)
    there = [number for (number,) in session.execute(_text("keep"), {"rules": numbers})]
    session.execute(_text("take"), {"rules": there})


def _lock(session: Session) -> tuple[int]:
    """Up to which mark sessions were followed. Whoever holds the row goes on alone."""
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
        "INSERT INTO campaign_rule (campaign_id, kind, pattern, likeness, status, joins, counts_from, "
        "problem, created_at) VALUES (%s, %s, %s, %s, %s, %s, %s, '', now()) RETURNING id",
        (rule.campaign_id, rule.kind, rule.pattern, rule.likeness, rule.status, rule.joins, rule.counts_from),
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
