"""What is taken out of addresses and texts, and that it takes no long time."""

from __future__ import annotations

import time

import pytest

from abmatic.tracking import cleaning

SITE = "https://www.acme.com"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("/unsubscribe/ann@acme.com", "/unsubscribe/[removed]"),
        ("/unsubscribe/ann%40acme.com", "/unsubscribe/[removed]"),
        ("/unsubscribe/ann%40acme%2Ecom/b%20c", "/unsubscribe/[removed]/b%20c"),
        ("/unsubscribe/%61nn%2540acme.com", "/unsubscribe/[removed]"),
        ("/to/Ann%20ann%40acme.com", "/to/Ann%20[removed]"),
        ("/paid/4111%201111%201111%201111/", "/paid/[removed]/"),
        ("/?ann%40acme.com=1", "/?%5Bremoved%5D=1"),
        ("/?ann@acme.com", "/?%5Bremoved%5D="),
        ("/?next=%2Fto%3Fwho%3Dann%2540acme.com", "/?next=[removed]"),
        ("/@ann/100%25/a%2Fb/caf%C3%A9", "/@ann/100%25/a%2Fb/caf%C3%A9"),
        ("", "/"),
    ],
)
def test_an_address_keeps_no_e_mail_address_however_it_is_written(given: str, kept: str) -> None:
    found = cleaning.address_of(SITE + given)
    assert found is not None
    assert "ann%40" not in found.url
    assert found.url.replace("%5Bremoved%5D", "[removed]") == SITE + kept.replace("%5Bremoved%5D", "[removed]")
    assert found.path == kept.partition("?")[0]


def test_parameters_of_campaigns_and_ids_of_clicks_keep_none_either() -> None:
    found = cleaning.address_of(f"{SITE}/?utm_source=ann%2540acme.com&mc_eid=ann%40acme.com&gclid=4111111111111111")
    assert found is not None
    assert (found.utm, found.click_ids) == (
        {"source": "[removed]"}, {"mc_eid": "[removed]", "gclid": "4111111111111111"}
    )  # fmt: skip


@pytest.mark.parametrize(
    "text", ["a" * 20_000 + "@" + "b." * 10_000, "a@" * 20_000, "a@b." * 10_000, "@" + "b." * 20_000, "1 " * 20_000]
)
def test_the_time_to_clean_a_text_grows_with_its_length_alone(text: str) -> None:
    """Some milliseconds of computing; with the square of the length it would be many seconds."""
    before = time.thread_time()
    cleaning.without_secrets(text)
    cleaning.is_email(text)
    assert time.thread_time() - before < 1


@pytest.mark.parametrize("text", ["ann@acme.com", "a" * 64 + "@acme.com", "a@" + "b." * 120 + "com", "Ä@ö.de"])
def test_addresses_of_any_length_that_there_is_are_found(text: str) -> None:
    assert cleaning.is_email(text)
    assert cleaning.without_secrets(f"to {text} now") == "to [removed] now"
