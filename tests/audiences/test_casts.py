"""Text to values: a cell that is no value gives none and never an error, one that is gives what Python reads in it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.audiences.ask import each

pytestmark = pytest.mark.django_db

QUICK = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
CASTS = ("as_date", "as_timestamp", "as_numeric", "as_bigint", "as_boolean")

DATES = {
    "2026-02-28": date(2026, 2, 28), "2024-02-29": date(2024, 2, 29), "2000-02-29": date(2000, 2, 29),
    "2026-12-31": date(2026, 12, 31), "2026-04-30": date(2026, 4, 30), "0001-01-01": date(1, 1, 1),
    "0999-12-31": date(999, 12, 31), "9999-12-31": date(9999, 12, 31), "0004-02-29": date(4, 2, 29),
    "2026-02-29": None, "1900-02-29": None, "2026-02-30": None, "2026-04-31": None, "2026-00-10": None,
    "2026-13-01": None, "2026-01-00": None, "2026-01-32": None, "0000-01-01": None, "10000-01-01": None,
    "2026-1-2": None, "26-01-02": None, "20260102": None, "2026/01/02": None, "02.01.2026": None, " 2026-01-02": None,
    "2026-01-02\n": None, "2026-01-02T00:00:00Z": None, "-2026-01-02": None, "２０２６-01-02": None, "today": None,
    "infinity": None, "epoch": None, "": None, "2026-01-02 BC": None,
}  # fmt: skip


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


MOMENTS = {
    "2020-10-22T21:03:23.000+0000": moment("2020-10-22T21:03:23+00:00"),
    "2023-10-22T06:25:12.000Z": moment("2023-10-22T06:25:12+00:00"),
    "2023-10-22T06:25:12Z": moment("2023-10-22T06:25:12+00:00"),
    "2024-02-29T23:59:59.999Z": moment("2024-02-29T23:59:59.999+00:00"),
    "2023-10-22T06:25:12.123456Z": moment("2023-10-22T06:25:12.123456+00:00"),
    "2023-10-22T00:30:00.000+0530": moment("2023-10-21T19:00:00+00:00"),
    "2023-10-22T23:30:00.000-08:00": moment("2023-10-23T07:30:00+00:00"),
    "2023-03-26T02:30:00.000+01:00": moment("2023-03-26T01:30:00+00:00"),
    "0001-01-01T00:00:00.000Z": datetime(1, 1, 1, tzinfo=UTC),
    "9999-12-31T23:59:59.999Z": datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC),
    # In UTC these lie outside the years that Python has.
    "0001-01-01T00:00:00.000+01:00": None, "9999-12-31T23:59:59.000-01:00": None, "9999-12-31T23:59:59.9999999Z": None,
    "2023-02-29T00:00:00.000Z": None, "2023-10-22T25:00:00.000Z": None, "2023-10-22T06:61:00.000Z": None,
    "0000-10-22T06:25:12.000Z": None, "2023-13-22T06:25:12.000Z": None, "2023-10-22T06:25:12.000+2500": None,
    "2023-10-22T06:25:12.000": None, "2023-10-22 06:25:12Z": None, "2023-10-22": None, "2023-10-22T06:25Z": None,
    " 2023-10-22T06:25:12.000Z": None, "2023-10-22T06:25:12.000Z\n": None, "now": None, "-infinity": None, "": None,
    "2023-10-22T06:25:12.000 Europe/Berlin": None,
}  # fmt: skip

NUMBERS = {
    "0": Decimal(0), "-0": Decimal(0), "-0.0": Decimal(0), "1": Decimal(1), "+1": Decimal(1), "007": Decimal(7),
    "1.50": Decimal("1.5"), "1.": Decimal(1), ".5": Decimal("0.5"), "-1.25": Decimal("-1.25"),
    "1.0E10": Decimal(10**10), "1e3": Decimal(1000), "12.5e-1": Decimal("1.25"), "-2E+2": Decimal(-200),
    "12345678901234567890": Decimal("12345678901234567890"), "-12345678901234567890": Decimal("-12345678901234567890"),
    "99999999999999999999": Decimal("99999999999999999999"), "1e19": Decimal(10**19),
    "99999999999999999999.999999": Decimal("99999999999999999999.999999"),
    "0.000000000000000000000000000001": Decimal("1e-30"),
    "99999999999999999999.9999999": None, "100000000000000000000": None, "1e20": None, "1e99": None, "1e308": None,
    "9" * 40: None, "1" * 5000: None, "NaN": None, "nan": None, "Infinity": None, "-inf": None, "1e": None, "e1": None,
    "": None, " ": None, " 1": None, "1 ": None, "1\n": None, "1,000": None, "1_000": None, "$5": None,
    "0x10": None, "1.2.3": None, "--1": None, "+": None, ".": None, "-.": None, "١٢": None, "１": None, "½": None,
    "1e1e1": None, "1e+": None,
}  # fmt: skip

INTEGERS = {
    "0": 0, "-0": 0, "10000": 10000, "+5": 5, "-5": -5, "007": 7, "10.0": 10, "10.": 10, "-3.000": -3,
    "1e3": 1000, "1.5E1": 15, "1500e-2": 15, "2E+2": 200, "999999999999999999": 999999999999999999,
    "-999999999999999999": -999999999999999999,
    "9223372036854775807": None, "9223372036854775808": None, "1e18": None, "1e99": None, "9" * 40: None,
    "1.5": None, "15e-1": None, "1e-3": None, "": None, " 1": None, "1 ": None, "1,000": None, "many": None,
    "NaN": None, "0x10": None, "١٢": None, ".0": None, ".": None, "+": None, "1e": None,
}  # fmt: skip

BOOLEANS = {
    "true": True, "TRUE": True, "True": True, "1": True, "false": False, "False": False, "0": False, "": None,
    "yes": None, "t": None, "2": None, "-1": None, " true": None, "null": None, "on": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("function", "cases"),
    [("as_date", DATES), ("as_timestamp", MOMENTS), ("as_numeric", NUMBERS), ("as_bigint", INTEGERS),
     ("as_boolean", BOOLEANS)],
)  # fmt: skip
def test_values_at_the_edges(function: str, cases: dict[str, object]) -> None:
    answers = dict(zip(cases, each(function, list(cases)), strict=True))
    assert {text[:60]: value for text, value in answers.items()} == {text[:60]: value for text, value in cases.items()}
    # A constant is judged while the query is planned: no branch that would fail may be evaluated there.
    with connection.cursor() as cursor:
        for text, value in cases.items():
            cursor.execute(f"SELECT {function}('{text}')")
            assert cursor.fetchone() == (value,), text[:60]
        cursor.execute(f"SELECT {function}(NULL)")
        assert cursor.fetchone() == (None,)


@QUICK
@given(st.lists(st.dates(), min_size=1, max_size=50))
def test_every_date_is_read_as_itself(dates: list[date]) -> None:
    assert each("as_date", [day.isoformat() for day in dates]) == dates


@QUICK
@given(st.lists(st.tuples(st.integers(1, 9999), st.integers(0, 13), st.integers(0, 33)), min_size=1, max_size=50))
def test_only_days_of_the_calendar_are_dates(days: list[tuple[int, int, int]]) -> None:
    def day(year: int, month: int, number: int) -> date | None:
        try:
            return date(year, month, number)
        except ValueError:
            return None

    texts = [f"{y:04}-{m:02}-{d:02}" for y, m, d in days]
    assert each("as_date", texts) == [day(*parts) for parts in days]
    at_noon = [value and value.date() for value in each("as_timestamp", [f"{text}T12:00:00.000Z" for text in texts])]
    assert at_noon == [day(*parts) for parts in days]


OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@QUICK
@given(
    st.lists(
        st.tuples(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)), OFFSETS, st.booleans()),  # noqa: DTZ001
        min_size=1,
        max_size=50,
    )
)
def test_every_moment_is_read_with_its_offset(moments: list[tuple[datetime, timezone, bool]]) -> None:
    aware = [naive.replace(tzinfo=zone) for naive, zone, _ in moments]
    texts = [value.isoformat() for value in aware]
    texts = [
        re.sub(r":(\d\d)$", r"\1", text) if bare else text for text, (_, _, bare) in zip(texts, moments, strict=True)
    ]
    assert each("as_timestamp", texts) == [value.astimezone(UTC) for value in aware]
    as_bulk = [value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z").rjust(24, "0") for value in aware]
    assert each("as_timestamp", as_bulk) == [value.astimezone(UTC).replace(microsecond=0) for value in aware]


@QUICK
@given(st.lists(st.decimals(-(10**19), 10**19, places=6) | st.decimals(-(10**6), 10**6), min_size=1, max_size=50))
def test_every_number_is_read_exactly(numbers: list[Decimal]) -> None:
    texts = [str(number) for number in numbers]
    read = each("as_numeric", texts)
    for text, value in zip(texts, read, strict=True):
        few_digits = re.fullmatch(r"[+-]?(\d{1,20}(\.\d{0,30})?)(E[+-]?\d{1,2})?", text)
        assert value == (Decimal(text) if few_digits else None), text


@QUICK
@given(st.lists(st.integers(-(10**18) + 1, 10**18 - 1), min_size=1, max_size=50))
def test_every_whole_number_is_read_exactly(numbers: list[int]) -> None:
    assert each("as_bigint", [str(number) for number in numbers]) == numbers
    assert each("as_bigint", [f"{number}.0" for number in numbers]) == numbers


ANY_TEXT = st.text(max_size=40).map(lambda t: t.replace("\0", ""))
NEAR_MISS = st.one_of(
    st.from_regex(r"[+-]?[0-9]{0,25}\.?[0-9]{0,35}([eE][+-]?[0-9]{0,3})?[\n ]?", fullmatch=True),
    st.from_regex(
        r"[0-9]{4}-[0-3][0-9]-[0-4][0-9]"
        r"(T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{0,10})?(Z|[+-][0-9]{2}:?[0-9]{2})?)?\n?",
        fullmatch=True,
    ),
    st.sampled_from(list(DATES | MOMENTS | NUMBERS | INTEGERS | BOOLEANS)).flatmap(
        lambda text: st.builds(
            lambda i, c: text[: i % (len(text) + 1)] + c + text[i % (len(text) + 1) :],
            st.integers(0, 60), st.sampled_from("0159-+.:eETZ \n,"),
        )
    ),
)  # fmt: skip


@QUICK
@given(st.lists(ANY_TEXT | NEAR_MISS, min_size=1, max_size=60))
def test_no_text_is_an_error(texts: list[str]) -> None:
    for function in CASTS:
        answers = each(function, texts)
        assert len(answers) == len(texts)
    # What was read as a number can be stored as one, rounded to its six decimals.
    with connection.cursor() as cursor:
        cursor.execute("SELECT round(as_numeric(t), 6)::numeric(26, 6) FROM unnest(%s::text[]) AS t", [texts])
