"""Conditions: what they mean on real rows, and how what can't be used is refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from psycopg import sql

from abmatic.audiences.conditions import ConditionRefused, check, compiled, fields_of
from abmatic.audiences.models import Account

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def accounts() -> None:
    for name, industry, employees in (
        ("Acme", "Banking", 10), ("Globex", "banking ", None), ("Initech", None, 0), ("50% off", "  ", 200),
    ):  # fmt: skip
        Account.objects.create(name=name, industry=industry, employee_count=employees)


def meeting(condition: Any) -> list[str]:
    text = sql.SQL("SELECT r.name FROM account AS r WHERE {} ORDER BY 1").format(
        compiled("account", condition, sql.Identifier("r"))
    )
    with connection.cursor() as cursor:
        cursor.execute(text.as_string(connection.connection))
        return [row[0] for row in cursor.fetchall()]


ALL = ["50% off", "Acme", "Globex", "Initech"]


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ({}, ALL),
        ({"field": "industry", "is": "equals", "value": "BANKING"}, ["Acme"]),
        ({"field": "industry", "is": "not_equals", "value": "banking"}, ["50% off", "Globex", "Initech"]),
        ({"field": "industry", "is": "starts_with", "value": "bank"}, ["Acme", "Globex"]),
        ({"field": "industry", "is": "empty"}, ["50% off", "Initech"]),
        ({"field": "industry", "is": "not_empty"}, ["Acme", "Globex"]),
        ({"field": "industry", "is": "not_contains", "value": "bank"}, ["50% off", "Initech"]),
        ({"field": "name", "is": "contains", "value": "0% o"}, ["50% off"]),
        ({"field": "name", "is": "in", "value": ["acme", "INITECH"]}, ["Acme", "Initech"]),
        ({"field": "employee_count", "is": "equals", "value": 0}, ["Initech"]),
        ({"field": "employee_count", "is": "at_least", "value": 10}, ["50% off", "Acme"]),
        ({"field": "employee_count", "is": "less", "value": 10}, ["Initech"]),
        ({"field": "employee_count", "is": "empty"}, ["Globex"]),
        ({"not": {"field": "employee_count", "is": "at_least", "value": 10}}, ["Globex", "Initech"]),
        (
            {"any": [{"field": "name", "is": "equals", "value": "acme"},
                     {"all": [{"field": "employee_count", "is": "greater", "value": 10},
                              {"field": "industry", "is": "empty"}]}]},
            ["50% off", "Acme"],
        ),
    ],
)  # fmt: skip
def test_which_records_meet_it(condition: Any, names: list[str]) -> None:
    assert check("account", condition) == ""
    assert meeting(condition) == names


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ([], "the condition must be a mapping"),
        ({"all": [{"any": 1}]}, "all[0].any must be a list"),
        ({"all": [], "any": []}, 'must have "field"'),
        ({"field": "nme", "is": "empty"}, "'nme' is no field; fields are name, website"),
        ({"field": ["name"], "is": "empty"}, "is no field"),
        ({"field": "name", "is": "at_least", "value": "a"}, "'at_least' can't be asked of name"),
        ({"field": "name", "is": "empty", "value": ""}, "empty takes no value"),
        ({"field": "name", "is": "equals"}, "None is no value of name (text)"),
        ({"field": "name", "is": "equals", "value": " "}, "is no value of name"),
        ({"field": "name", "is": "contains", "value": "\0"}, "is no value of name"),
        ({"field": "name", "is": "in", "value": []}, "a list of 1 to 1,000 values"),
        ({"field": "employee_count", "is": "equals", "value": True}, "True is no value of employee_count (integer)"),
        ({"field": "revenue", "is": "equals", "value": "NaN"}, "is no value of revenue"),
        ({"field": "name", "is": "equals", "value": "a", "or": 1}, "or, which means nothing"),
    ],
)
def test_what_cant_be_used_says_where_and_why(condition: Any, said: str) -> None:
    assert said in check("account", condition)
    with pytest.raises(ConditionRefused):
        compiled("account", condition, sql.Identifier("r"))


def test_nesting_without_end_is_refused() -> None:
    condition: Any = {"field": "name", "is": "empty"}
    for _ in range(50):
        condition = {"not": condition}
    assert "deep" in check("account", condition)


def test_the_fields_it_asks_about() -> None:
    condition = {"any": [{"field": "name", "is": "empty"}, {"not": {"field": "city", "is": "empty"}}]}
    assert list(fields_of(condition)) == ["name", "city"]
