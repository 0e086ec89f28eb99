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
from abmatic.audiences.inputs import WEB_ADDRESS, ValueRefused, judged, objection


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


# -- what a field may hold


WEBSITES = [
    "acme.com", "www.acme.com/x", "https://acme.com", "HTTPS://WWW.ACME.COM:8080/a?b=c#d", "acme.co.uk.", "münchen.de",
    "i❤.ws", "10.0.0.1", "http://[::1]:8000/", "acme.com/über uns", "https://user:pw@acme.com", "x_y.a-b.com",
    "//acme.com", "acme.com?x", "例え。jp", "xn--mnchen-3ya.de", "acme.com:80",
]  # fmt: skip
NO_WEBSITES = [
    "not a url at all", "acme", "n/a", "n.a.", "-", "sam@acme.com", "acme..com", "acme.com, beta.com", "http://",
    "javascript:alert(1)", "javascript://acme.com/x", "mailto:a@acme.com", "3.5", "1.2.3", "Acme Inc.", "https://acme",
    "www.expressl&t.net", "acme.com:port", "file:///etc/hosts", "acme.com (US)", ".com", "acme .com",
    "acme\u00a0.com", "ftp://acme.com", "acme.com/a\nb",
]  # fmt: skip
WEBSITE = LocalField("website", "Website", FieldType.URL)


@pytest.mark.parametrize("text", WEBSITES)
def test_a_website_may_be_written_as_people_write_it(text: str) -> None:
    assert objection(WEBSITE, text) == ""


@pytest.mark.parametrize("text", NO_WEBSITES)
def test_what_can_be_no_website_is_refused_with_an_example(text: str) -> None:
    assert objection(WEBSITE, text) == "must be a web address, such as acme.com or https://www.acme.com"


@pytest.mark.django_db
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text("acme.:/@?#[]0-_ \u00a0\u3002é❤W,").filter(lambda text: "\x00" not in text)
    | st.sampled_from(WEBSITES + NO_WEBSITES)
)
def test_postgres_reads_the_pattern_of_a_website_as_python_does(text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s ~* %s", [text, WEB_ADDRESS])
        assert cursor.fetchone()[0] == (objection(WEBSITE, text) == "")


def test_nothing_is_asked_of_a_telephone_number() -> None:
    phone = LocalField("phone", "Phone", FieldType.PHONE)
    assert [objection(phone, text) for text in ("+43 1 234", "ext. 5", "ask at the desk", None)] == ["", "", "", ""]


def test_a_number_may_have_a_least_one() -> None:
    employees = LocalField("employee_count", "Employees", FieldType.INTEGER, least=0)
    assert [objection(employees, text) for text in ("0", "-1", None)] == ["", "must be 0 or more", ""]
