"""The rules of a campaign: what somebody does on the website, and how far that brings them in it.

A rule is made and removed, never changed: what it has counted stays as it is. `campaigns.following` applies it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from abmatic.campaigns import membership
from abmatic.campaigns.models import Campaign, CampaignRule
from abmatic.engagement import doings
from abmatic.identity.models import User
from abmatic.postgres.sql import block

LONGEST = 500
Kind = CampaignRule.Kind
# What a pattern is, of each kind.
PATTERNS = {
    Kind.PAGE: "path of the page, such as /pricing or /blog/*",
    Kind.FORM: "name of the form, or the path of its page",
    Kind.EVENT: "name of the event",
    Kind.CLICK: "variant",
}


class RuleRefused(ValueError):
    """Why a campaign can't have a rule, and what helps."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A rule as somebody asks for it. Without a status it is the campaign's default; `counts_from` None is now."""

    kind: str
    pattern: str = ""
    status: str | None = None
    joins: bool = False
    counts_from: datetime | None = None


def add(campaign: Campaign, wanted: Wanted, user: User | None) -> CampaignRule:
    """The campaign has the rule from now on. Raises `RuleRefused`, `membership.StatusUnknown`."""
    rule = rule_of(campaign, wanted)
    rule.created_by = user
    if wanted.counts_from is not None:
        # What is done from now on is followed like that of all rules.
        rule.catches_up_from = wanted.counts_from - doings.LONGEST
    try:
        with transaction.atomic():
            rule.save()
    except IntegrityError:
        raise _there_already(rule) from None
    return rule


def require_new(rule: CampaignRule) -> None:
    """Raises `RuleRefused` where the campaign has a rule of the same."""
    if CampaignRule.objects.filter(campaign=rule.campaign_id, kind=rule.kind, likeness=rule.likeness).exists():
        raise _there_already(rule)


def rule_of(campaign: Campaign, wanted: Wanted) -> CampaignRule:
    """The rule, judged but not saved. Raises as `add`."""
    if wanted.kind not in Kind.values:
        raise RuleRefused(f"“{wanted.kind}” is nothing that rules count; choose one of: {', '.join(Kind.values)}.")
    kind = Kind(wanted.kind)
    pattern = _pattern(kind, wanted.pattern)
    now = timezone.now()
    if wanted.counts_from is not None and wanted.counts_from > now:
        raise RuleRefused("A rule can't count from a day that is yet to come; give today or an earlier one.")
    label = membership.require_status(campaign, wanted.status)
    return CampaignRule(
        campaign=campaign, kind=kind, pattern=pattern, likeness=likeness(kind, pattern), joins=wanted.joins,
        status=None if wanted.status is None else label, counts_from=wanted.counts_from or now,
    )  # fmt: skip


def of(campaign: Campaign) -> list[CampaignRule]:
    """The campaign's rules, the oldest first."""
    return list(CampaignRule.objects.filter(campaign=campaign).order_by("pk"))


def people_counted(campaign: Campaign) -> dict[int, int]:
    """How many people who are known did what each rule counts, by its number; without those of nobody."""
    with connection.cursor() as cursor:
        cursor.execute(block("abmatic.campaigns", "rules.sql", "counted"), {"campaign": campaign.pk})
        return dict(cursor.fetchall())


def remove(rule: CampaignRule) -> None:
    """It counts nothing any more; `removing` deletes what it has counted. Its members and their statuses stay."""
    CampaignRule.objects.filter(pk=rule.pk).update(removed_at=timezone.now())


def likeness(kind: str, pattern: str) -> str:
    """A pattern as LIKE compares it: without regard to case and a path's last slash, * standing for anything."""
    text = pattern.strip().lower()
    if text.startswith("/") and len(text) > 1 and kind in {Kind.PAGE, Kind.FORM}:
        text = text.rstrip("/") or "/"
    for special in ("\\", "%", "_"):
        text = text.replace(special, f"\\{special}")
    return text.replace("*", "%") or "%"


def _pattern(kind: Kind, given: str) -> str:
    text = given.strip()
    if len(text) > LONGEST or "\0" in text:
        raise RuleRefused(f"The {PATTERNS[kind]} is too long, or holds what no address does; write it shorter.")
    if kind == Kind.PAGE or (kind == Kind.FORM and text.startswith(("/", "http://", "https://"))):
        text = _path(text)
    if not text and kind != Kind.CLICK:
        raise RuleRefused(f"Write the {PATTERNS[kind]}.")
    return text


def _path(text: str) -> str:
    """Of an address, which people copy whole, the path."""
    if text.startswith(("http://", "https://")):
        try:
            text = urlsplit(text).path or "/"
        except ValueError:
            raise RuleRefused(f"“{text}” is no address of a page; write its path, such as /pricing.") from None
    path = text.partition("?")[0].partition("#")[0]
    if path and not path.startswith(("/", "*")):
        raise RuleRefused(f"“{text}” is no path: begin it with a slash, as in /{path}.")
    return path


def _there_already(rule: CampaignRule) -> RuleRefused:
    return RuleRefused(f"“{rule.campaign}” has this rule already: {rule}. Remove that one first to change it.")
