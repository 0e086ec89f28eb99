"""By which channel somebody came."""

from __future__ import annotations

import pytest

from abmatic.engagement.channels import LABELS, Arrival, channel_of


def came(host: str | None = None, source: str | None = None, medium: str | None = None, *ids: str) -> str:
    return channel_of(Arrival(host, source, medium, None, frozenset(ids)))


@pytest.mark.parametrize(
    ("host", "channel"),
    [
        (None, "direct"),
        ("google.com", "organic_search"),
        ("google.de", "organic_search"),
        ("google.co.uk", "organic_search"),
        ("google.com.br", "organic_search"),
        ("search.yahoo.com", "organic_search"),
        ("duckduckgo.com", "organic_search"),
        ("linkedin.com", "social"),
        ("m.facebook.com", "social"),
        ("t.co", "social"),
        ("mail.google.com", "email"),
        ("outlook.live.com", "email"),
        ("partner.example", "referral"),
        # Named like one, and none.
        ("notgoogle.com", "referral"),
        ("google.evil.example", "referral"),
        ("linkedin.com.evil.example", "referral"),
        ("cat.co", "referral"),
    ],
)
def test_by_where_somebody_came_from(host: str | None, channel: str) -> None:
    assert came(host) == channel


@pytest.mark.parametrize(
    ("source", "medium", "channel"),
    [
        ("google", "cpc", "paid_search"),
        ("bing", "PPC", "paid_search"),
        ("some-engine", "cpc", "paid_search"),
        ("google", None, "organic_search"),
        ("google", "organic", "organic_search"),
        ("linkedin", "cpc", "paid_social"),
        ("LinkedIn", "paid", "paid_social"),
        ("linkedin.com", "cpc", "paid_social"),
        ("x", "paid-social", "paid_social"),
        ("linkedin", None, "social"),
        ("buffer", "social", "social"),
        ("newsletter", None, "email"),
        ("june", "e-mail", "email"),
        ("google", "display", "display"),
        ("dsp", "cpm", "display"),
        ("partner", "referral", "referral"),
        ("flyer", "qr", "other"),
        ("flyer", None, "other"),
        ("somebody", "paid", "other"),
        (" ", "", "direct"),
    ],
)
def test_by_what_the_link_says(source: str | None, medium: str | None, channel: str) -> None:
    assert came(None, source, medium) == channel


@pytest.mark.parametrize(
    ("click_id", "channel"),
    [
        ("gclid", "paid_search"),
        ("msclkid", "paid_search"),
        ("dclid", "display"),
        ("li_fat_id", "paid_social"),
        # On every link of theirs, paid or not.
        ("fbclid", "social"),
        ("epik", "social"),
        ("ab", "email"),
        ("mkt_tok", "email"),
    ],
)
def test_by_what_an_advertiser_or_a_mail_tool_put_behind_the_link(click_id: str, channel: str) -> None:
    assert came(None, None, None, click_id) == channel


def test_what_the_link_says_goes_before_where_it_stood() -> None:
    assert came("google.com", "june", "email") == "email"
    assert came("linkedin.com", None, "cpc") == "paid_social"
    assert came("facebook.com", "facebook", "paid", "fbclid") == "paid_social"
    assert came("google.com", None, None, "gclid") == "paid_search"


def test_a_campaign_alone_is_other() -> None:
    assert channel_of(Arrival(campaign="spring")) == "other"


def test_every_channel_has_a_label() -> None:
    reached = {came(), came("google.com"), came(None, "g", "cpc"), came("x.com"), came(None, None, None, "twclid"),
               came(None, None, "email"), came("a.example"), came(None, None, "cpm"), came(None, "a")}  # fmt: skip
    assert reached == set(LABELS)
