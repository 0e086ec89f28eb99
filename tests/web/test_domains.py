"""Domains beyond ASCII: decoded where that is safe, by their A-labels where one might be taken for another."""

from __future__ import annotations

import idna
import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from tests.web import org

from abmatic.web import search
from abmatic.web.domains import decoded, element, encoded


def stored(domain: str) -> str:
    """As it is stored: every label an A-label, whatever it looks like."""
    return ".".join(
        label if label.isascii() else "xn--" + label.encode("punycode").decode() for label in domain.split(".")
    )


@pytest.mark.parametrize(
    "domain",
    [
        "münchen.de", "øl.dk", "łódź.pl", "știri.ro", "việt.vn", "пример.рф", "правда.com", "παράδειγμα.gr", "例え.jp",
        "ソフトバンク.jp", "大韓민국.kr", "삼성.com", "中国.cn", "شركة.com", "ישראל.il", "उदाहरण.भारत", "ตัวอย่าง.th",
        "shop.größe-24.example", "a.com", "xn.com",
    ],
)  # fmt: skip
def test_a_label_of_one_script_is_read(domain: str) -> None:
    assert decoded(stored(domain)) == domain


@pytest.mark.parametrize(
    "domain",
    [
        "раypal.com",  # Cyrillic and Latin
        "аррӏе.com", "сосо.com", "ѕсоре.net", "οκ.com",  # one script, and read as Latin
        "g\u0131thub.com", "paypa\u0269.com", "\u0261oogle.com",  # Latin, but not the letters they look like
        "ⲁⲃ.com", "ᏚᎢ.com".lower(), "ꓮꓐ.com",  # scripts of lookalikes, or out of use
        "نامه\u200cای.com", "ab\u0325c.com",  # joiners that nobody sees, loose accents
        "株式abc.jp", "аб中.com",
    ],
)  # fmt: skip
def test_a_label_that_may_be_taken_for_another_stays(domain: str) -> None:
    assert decoded(stored(domain)) == stored(domain)


def test_cyrillic_lookalikes_are_at_home_under_a_cyrillic_ending() -> None:
    assert decoded(stored("сосо.рф")) == "сосо.рф"


@pytest.mark.parametrize("broken", ["xn--", "xn--.com", "xn--a.com", "xn--999999999.com", "xn--i-7iq.ws", ".xn--", ""])
def test_what_is_no_label_stays(broken: str) -> None:
    assert decoded(broken) == broken


@given(st.text(max_size=40))
def test_any_text_is_survived(text: str) -> None:
    decoded("xn--" + text)
    encoded(text)


@given(st.sampled_from(["münchen.de", "пример.рф", "例え.jp", "شركة.com"]))
def test_what_is_read_can_be_typed(domain: str) -> None:
    assert encoded(domain) == stored(domain) == idna.encode(domain).decode()


def test_the_stored_form_is_on_hover_and_nothing_is_markup() -> None:
    assert element("acme.com") == "acme.com"
    assert element(stored("münchen.de")) == '<span dir="ltr" title="xn--mnchen-3ya.de">münchen.de</span>'


@pytest.mark.django_db
def test_pages_show_it_decoded_and_find_it_as_it_is_read(admin: Client) -> None:
    account = org.account("Stadtwerke", domain="xn--mnchen-3ya.de")
    for address in ("/accounts/", f"/accounts/{account.pk}/", "/accounts/?q=münchen.de"):
        page = admin.get(address).text
        assert 'title="xn--mnchen-3ya.de">münchen.de<' in page, address
    assert f'href="https://{account.domain}"' in admin.get(f"/accounts/{account.pk}/").text
    assert [(hit.title, hit.detail) for hit in search.find("München.de")] == [("Stadtwerke", "münchen.de")]
