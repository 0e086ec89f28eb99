"""By which channel a session came: a pure rule over how its first page was reached, and versioned.

A change of the rule is a new version beside this one, so that the past isn't sorted anew by surprise. Lists of hosts
and names are in `sources.toml`; the rule in words is in docs/engagement.md, and follows in its order what Google calls
its default channel group, so that figures can be held beside each other:
https://support.google.com/analytics/answer/9756891
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

VERSION = 1

LABELS = {
    "direct": "Direct",
    "organic_search": "Organic search",
    "paid_search": "Paid search",
    "social": "Social",
    "paid_social": "Paid social",
    "email": "E-mail",
    "referral": "Referral",
    "display": "Display",
    "other": "Other",
}

_DISPLAY_MEDIA = frozenset({"display", "banner", "cpm", "expandable", "interstitial", "programmatic"})
_SEARCH_AD_MEDIA = frozenset({"cpc", "ppc", "sem", "paidsearch", "paid-search", "paid_search", "paid search"})
_SOCIAL_AD_MEDIA = frozenset({"paidsocial", "paid-social", "paid_social", "paid social", "cpc_social", "social-paid"})
_SOCIAL_MEDIA = frozenset({"social", "social-network", "social-media", "social_media", "sm", "social network"})
_EMAIL_MEDIA = frozenset({"email", "e-mail", "e_mail", "e mail", "mail", "newsletter"})
_REFERRAL_MEDIA = frozenset({"referral", "link", "app", "affiliate", "partner"})
_PAID = re.compile(r"^(.*cp.*|ppc|retargeting|remarketing|paid.*)$")

# What advertisers and mail tools put behind links. Facebook and Pinterest do it to every link, paid or not.
_DISPLAY_IDS = frozenset({"dclid"})
_SEARCH_AD_IDS = frozenset({"gclid", "gbraid", "wbraid", "msclkid"})
_SOCIAL_AD_IDS = frozenset({"li_fat_id", "ttclid", "twclid", "rdt_cid"})
_SOCIAL_IDS = frozenset({"fbclid", "epik"})
_EMAIL_IDS = frozenset({"ab", "mc_eid", "_hsenc", "mkt_tok"})


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a session's first page was reached. ``host`` is another site's, where the browser named one."""

    host: str | None = None
    source: str | None = None
    medium: str | None = None
    campaign: str | None = None
    click_ids: frozenset[str] = field(default_factory=frozenset)


def channel_of(arrival: Arrival) -> str:
    """The channel's name, a key of `LABELS`. The first rule that fits decides."""
    source, medium = _plain(arrival.source), _plain(arrival.medium)
    host, ids = _plain(arrival.host), arrival.click_ids
    lists = _lists()
    is_paid = bool(_PAID.match(medium))
    is_mail = _is_below(host, lists.email_hosts)
    is_search = not is_mail and (source in lists.search_sources or _is_below(host, lists.search_hosts))
    is_social = source in lists.social_sources or _is_below(source or host, lists.social_hosts)
    rules = (
        ("display", medium in _DISPLAY_MEDIA or ids & _DISPLAY_IDS),
        ("paid_social", medium in _SOCIAL_AD_MEDIA or (is_paid and is_social) or ids & _SOCIAL_AD_IDS),
        ("paid_search", ids & _SEARCH_AD_IDS or medium in _SEARCH_AD_MEDIA or (is_paid and is_search)),
        (
            "email",
            medium in _EMAIL_MEDIA or source in lists.email_sources or ids & _EMAIL_IDS or (is_mail and not medium),
        ),
        ("social", medium in _SOCIAL_MEDIA or ((is_social or ids & _SOCIAL_IDS) and not is_paid)),
        ("organic_search", medium == "organic" or (is_search and not medium)),
        ("referral", medium in _REFERRAL_MEDIA),
        ("other", source or medium or arrival.campaign),
        ("referral", host),
    )
    return next((name for name, fits in rules if fits), "direct")


@dataclass(frozen=True, slots=True)
class _Lists:
    search_hosts: re.Pattern[str]
    search_sources: frozenset[str]
    social_hosts: re.Pattern[str]
    social_sources: frozenset[str]
    email_hosts: re.Pattern[str]
    email_sources: frozenset[str]


@cache
def _lists() -> _Lists:
    told = tomllib.loads(resources.files(__package__).joinpath("sources.toml").read_text(encoding="utf-8"))
    return _Lists(
        _hosts(told["search"]["hosts"]), frozenset(told["search"]["sources"]),
        _hosts(told["social"]["hosts"]), frozenset(told["social"]["sources"]),
        _hosts(told["email"]["hosts"]), frozenset(told["email"]["sources"]),
    )  # fmt: skip


def _hosts(names: Iterable[str]) -> re.Pattern[str]:
    """Fits a host and whatever is below it. A country's ending is two letters, or two names of which the last is."""
    each = (re.escape(name).replace(r"\.\*", r"\.(com|[a-z]{2}|com?\.[a-z]{2})") for name in names)
    return re.compile(rf"^(.+\.)?({'|'.join(each)})$")


def _is_below(host: str, hosts: re.Pattern[str]) -> bool:
    return bool(host) and hosts.match(host) is not None


def _plain(text: str | None) -> str:
    return (text or "").strip().lower()
