"""Numbers that people type are read as they write them; a point is never taken for the other thing."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from abmatic.audiences.fields import FieldType, LocalField
from abmatic.web import viewer
from abmatic.web.records import typed

NUMBER = LocalField("revenue", "Annual revenue", FieldType.NUMBER)


@pytest.fixture(autouse=True)
def locale() -> Iterator[None]:
    yield
    viewer.set_locale("")


@pytest.mark.parametrize(
    ("locale_name", "text", "read"),
    [
        ("", "12,000", "12000"), ("", "1,234,567.5", "1234567.5"), ("", "-1,000.50", "-1000.50"),
        ("", "1234.5", "1234.5"),
        ("", "12,00", "12,00"), ("", "1,2345", "1,2345"), ("", "", ""), ("", "many", "many"),
        ("de-DE", "12.000", "12000"), ("de-DE", "1.234.567,5", "1234567.5"), ("de-DE", "1234,5", "1234.5"),
        ("de-DE", "12000", "12000"), ("de-DE", "1,5", "1.5"),
        ("fr-FR", "12 000", "12000"), ("fr-FR", "12\u202f000,5", "12000.5"), ("sv-SE", "12\u00a0000", "12000"),
    ],
)  # fmt: skip
def test_a_number_is_read_as_its_viewer_writes_it(locale_name: str, text: str, read: str) -> None:
    viewer.set_locale(locale_name)
    assert typed.read(NUMBER, text) == read


@pytest.mark.parametrize("locale_name", [name for name, _ in viewer.LOCALES])
@pytest.mark.parametrize("value", ["0", "1.234", "-1234.5", "1234567", "1000", "0.000001", "999999999.25"])
def test_what_a_control_holds_and_what_a_page_shows_is_read_as_that_value(locale_name: str, value: str) -> None:
    viewer.set_locale(locale_name)
    assert Decimal(str(typed.read(NUMBER, typed.written(Decimal(value))))) == Decimal(value)
    places = len(value.partition(".")[2])
    assert Decimal(str(typed.read(NUMBER, viewer.number_text(value, places)))) == Decimal(value)
