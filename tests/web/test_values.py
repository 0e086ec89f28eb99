"""How values are written out."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from abmatic.web.counting import Count
from abmatic.web.templatetags.abmatic import number, percent, took
from abmatic.web.values import NOTHING, duration, shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, NOTHING),
        ("", NOTHING),
        (0, "0"),
        (False, "No"),
        (True, "Yes"),
        (1234567, "1,234,567"),
        (Decimal("1234567.500000"), "1,234,567.50"),
        (Decimal("350000000.000000"), "350,000,000"),
        (Decimal("1E+20"), "100,000,000,000,000,000,000"),
        (Decimal("0.005"), "0.00"),
        (99.5, "99.50"),
        (float("inf"), "inf"),
        (date(2026, 3, 1), "1 Mar 2026"),
        (datetime(2026, 3, 1, 9, 5, tzinfo=UTC), "1 Mar 2026, 09:05 UTC"),
        ("<b>", "<b>"),
        (["a", None], "['a', None]"),
    ],
)
def test_shown(value: object, text: str) -> None:
    assert shown(value) == text


def test_text_of_the_data_is_never_markup() -> None:
    assert not hasattr(shown("<b>"), "__html__")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0.04, "under 1 s"),
        (1.25, "1.2 s"),
        (2.0, "2 s"),
        (59.9, "59 s"),
        (61, "1 min 1 s"),
        (7_500, "2 h 5 min"),
    ],
)
def test_duration(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_counts_say_how_sure_they_are() -> None:
    assert Count(1_234).text == "1,234"
    assert Count(1_000_000, "about").text == "about 1,000,000"
    assert Count(50, "more").text == "more than 50"


def test_numbers_of_templates() -> None:
    assert number("") == number(None) == NOTHING
    assert number(51234.6) == "51,235"
    assert percent(0.426) == "43 %"
    assert percent(29, 100) == percent(0.29) == "29 %"
    assert (percent(9_999, 10_000), percent(10_000, 10_000)) == ("99 %", "100 %")
    assert percent(Decimal("-1"), Decimal("-3")) == "33 %"
    assert percent(3, 0) == ""
    assert percent(24, 100_000) == "under 1\N{NO-BREAK SPACE}%"
    assert percent(0, 100) == "0 %"
    assert took(None, None) == ""
