"""What a value must be before it is stored, whoever gives it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from abmatic.audiences.canonical import SQL_TYPES
from abmatic.audiences.canonical import given as stored
from abmatic.audiences.fields import FieldType, LocalField
from abmatic.audiences.inputs import ValueRefused, judged


def judge(kind: FieldType, value: object) -> str | None:
    return judged(LocalField("x", "X", kind), value)


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (FieldType.TEXT, " Acme ", "Acme"),
        (FieldType.TEXT, "0", "0"),
        (FieldType.TEXT, " \t", None),
        (FieldType.TEXT, None, None),
        (FieldType.INTEGER, 0, "0"),
        (FieldType.INTEGER, "007", "7"),
        (FieldType.INTEGER, 12.0, "12"),
        (FieldType.INTEGER, "", None),
        (FieldType.NUMBER, 1000, "1000.000000"),
        (FieldType.NUMBER, "1e3", "1000.000000"),
        (FieldType.NUMBER, 0.1, "0.100000"),
        (FieldType.NUMBER, Decimal("1.2345678"), "1.234568"),
        (FieldType.DATE, "2024-02-29", "2024-02-29"),
        (FieldType.BOOLEAN, False, "false"),
    ],
)
def test_what_is_taken(kind: FieldType, value: object, text: str | None) -> None:
    assert judge(kind, value) == text


@pytest.mark.parametrize(
    ("kind", "value", "why"),
    [
        (FieldType.TEXT, 5, "must be text, and is a number"),
        (FieldType.TEXT, ["a"], "must be text, and is a list"),
        (FieldType.TEXT, "a\x00b", "NUL"),
        (FieldType.TEXT, "\ud800", "surrogate"),
        (FieldType.TEXT, "x" * 131_073, "131,073 characters"),
        (FieldType.INTEGER, 1.5, "whole number"),
        (FieldType.INTEGER, True, "whole number"),
        (FieldType.INTEGER, 10**18, "18 digits"),
        (FieldType.INTEGER, "12a", "whole number"),
        (FieldType.NUMBER, float("nan"), "number"),
        (FieldType.NUMBER, 1e20, "below 10"),
        (FieldType.NUMBER, "99999999999999999999.9999996", "below 10"),
        (FieldType.NUMBER, "١٢", "number"),
        (FieldType.NUMBER, False, "number"),
        (FieldType.DATE, "2023-02-29", "date"),
        (FieldType.DATE, "20240229", "date"),
        (FieldType.DATE, 20240229, "date"),
        (FieldType.BOOLEAN, None, "true or false"),
        (FieldType.BOOLEAN, "yes", "true or false"),
    ],
)
def test_what_is_refused_says_what_would_be_right(kind: FieldType, value: object, why: str) -> None:
    with pytest.raises(ValueRefused, match=why):
        judge(kind, value)


ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.dates().map(str) | st.text()


@pytest.mark.django_db
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(set(FieldType) - {FieldType.DATETIME})), ANYTHING)
def test_what_is_taken_can_be_stored(kind: FieldType, value: object) -> None:
    try:
        text = judge(kind, value)
    except ValueRefused:
        return
    column = "numeric(26, 6)" if kind is FieldType.NUMBER else SQL_TYPES[kind]
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT ({})::{} IS NOT NULL").format(stored(kind, sql.Literal(text)), sql.SQL(column)))
        assert cursor.fetchone()[0] == (text is not None or kind is FieldType.BOOLEAN)
