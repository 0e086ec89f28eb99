"""Canonical values: the same thing written twice is the same value, on either side, and after having been stored."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from abmatic.audiences.fields import FieldType
from abmatic.sync.pull import values

pytestmark = pytest.mark.django_db

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXTS = [kind for kind in FieldType if values.SQL_TYPES[kind] == "text"]
RAW = sql.Identifier("u", "t")


def ask(picked: sql.Composable, texts: list[str | None]) -> list[Any]:
    statement = sql.SQL("SELECT {} FROM unnest(%s::text[]) WITH ORDINALITY AS u (t, o) ORDER BY u.o").format(picked)
    with connection.cursor() as cursor:
        cursor.execute(statement.as_string(connection.connection), [texts])
        return [row[0] for row in cursor.fetchall()]


def theirs(kind: FieldType, *texts: str | None) -> list[Any]:
    """What a text from Salesforce is."""
    return ask(values.from_text(kind, RAW), list(texts))


def ours(kind: FieldType, *texts: str | None) -> list[Any]:
    """What a text column of ours holds."""
    return ask(values.local(kind, RAW), list(texts))


def unreadable(kind: FieldType, *texts: str | None) -> list[bool | None]:
    return ask(values.bad(RAW, values.from_text(kind, RAW)), list(texts))


@pytest.mark.parametrize("kind", TEXTS)
def test_blank_text_is_empty_and_zero_and_false_are_values(kind: FieldType) -> None:
    assert theirs(kind, None, "", " ", " \t\r\n ") == [None] * 4
    assert ours(kind, None, "", " ", " \t\r\n ") == [None] * 4
    assert theirs(kind, "0", "false", "-", "na") == ["0", "false", "-", "na"] == ours(kind, "0", "false", "-", "na")


@pytest.mark.parametrize("kind", [kind for kind in TEXTS if kind is not FieldType.EMAIL])
def test_other_text_is_kept_as_it_is(kind: FieldType) -> None:
    assert theirs(kind, " Acme ", "ACME", "a\nb") == [" Acme ", "ACME", "a\nb"]


def test_an_address_is_compared_trimmed_and_in_lower_case() -> None:
    written = [" Ada@ACME.com\t", "INFO@ACME.COM", "Jörg@Bücher.de"]
    assert theirs(FieldType.EMAIL, *written) == ["ada@acme.com", "info@acme.com", "jörg@bücher.de"]
    assert ours(FieldType.EMAIL, *written) == theirs(FieldType.EMAIL, *written)


def test_numbers_are_compared_as_numbers() -> None:
    assert theirs(FieldType.INTEGER, "10000", "10000.0", "1e4", "-0", "") == [10000, 10000, 10000, 0, None]
    assert theirs(FieldType.NUMBER, "10.50", "1.05E1", "0.0", "10.5000001", "10.4999999") == [
        Decimal("10.5"), Decimal("10.5"), Decimal(0), Decimal("10.5"), Decimal("10.5"),
    ]  # fmt: skip
    assert [str(value) for value in theirs(FieldType.NUMBER, "10.500", "100", "0.000", "-0.0")] == [
        "10.5", "100", "0", "0",
    ]  # fmt: skip


def test_a_checkbox_has_no_empty_state() -> None:
    assert theirs(FieldType.BOOLEAN, "true", "FALSE", "1", "0", None, "", " ", "maybe") == [
        True, False, True, False, False, False, False, None,
    ]  # fmt: skip


def test_dates_and_moments() -> None:
    assert theirs(FieldType.DATE, "2024-02-29", "2023-02-29") == [date(2024, 2, 29), None]
    assert theirs(FieldType.DATETIME, "2020-10-22T21:03:23.000+0200", "2020-10-22") == [
        datetime(2020, 10, 22, 19, 3, 23, tzinfo=UTC), None,
    ]  # fmt: skip


def test_only_what_says_something_can_be_unreadable() -> None:
    for kind in (FieldType.INTEGER, FieldType.NUMBER, FieldType.DATE, FieldType.DATETIME, FieldType.BOOLEAN):
        assert [bool(value) for value in unreadable(kind, None, "", " ", "many")] == [False, False, False, True], kind


@QUICK
@given(st.lists(st.decimals(-(10**19), 10**19, places=8) | st.decimals(-100, 100, places=8), min_size=1, max_size=30))
def test_a_number_that_was_stored_is_the_number_that_came(numbers: list[Decimal]) -> None:
    """The column keeps six decimals: compared after storing, a value must not differ from itself for ever."""
    came = values.from_text(FieldType.NUMBER, RAW)
    stored = sql.SQL("({})::numeric(26, 6)").format(came)
    texts: list[str | None] = [format(number, "f") for number in numbers]
    assert ask(values.local(FieldType.NUMBER, stored), texts) == ask(came, texts)


@QUICK
@given(st.lists(st.text(max_size=20).map(lambda t: t.replace("\0", "")), min_size=1, max_size=30))
def test_a_value_is_the_same_after_having_been_stored_in_the_mirror(texts: list[str | None]) -> None:
    for kind in FieldType:
        came = values.from_text(kind, RAW)
        document = sql.SQL("jsonb_strip_nulls(jsonb_build_object('Field', {}))").format(came)
        assert ask(values.from_json(kind, document, "Field"), texts) == ask(came, texts), kind
