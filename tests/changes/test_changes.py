"""The change log: what a field was and became, by which act, in order."""

from __future__ import annotations

import pytest
from django.db import connection

from abmatic.changes.models import Cause, Change
from abmatic.identity.models import User

pytestmark = pytest.mark.django_db


def note(cause: Cause, before: object, after: object, field: str = "name") -> Change:
    return Change.objects.create(record="account", record_id=7, field=field, before=before, after=after, cause=cause)


@pytest.mark.parametrize("value", [None, "", "x", 0, False, 10.5, "0", "2026-02-28", "ñ \U0001f511"])
def test_a_value_comes_back_as_it_was_zero_and_false_included(value: object) -> None:
    change = note(Cause.objects.create(kind=Cause.Kind.USER), value, value)
    change.refresh_from_db()
    assert change.before == value
    assert type(change.before) is type(value)


def test_empty_is_none_whether_python_or_sql_wrote_it() -> None:
    cause = Cause.objects.create(kind=Cause.Kind.RUN, run_id=3)
    note(cause, None, "x")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO change (record, record_id, field, before, after, cause_id, at) "
            "VALUES ('account', 7, 'name', NULL, to_jsonb('x'::text), %s, now())",
            [cause.pk],
        )
    assert list(Change.objects.values_list("before", "after")) == [(None, "x"), (None, "x")]


def test_the_changes_of_a_record_are_in_the_order_in_which_they_happened() -> None:
    cause = Cause.objects.create(kind=Cause.Kind.API)
    for before, after in ((None, "a"), ("a", "b"), ("b", None)):
        note(cause, before, after)
    found = Change.objects.filter(record="account", record_id=7).order_by("id")
    assert [(change.before, change.after) for change in found] == [(None, "a"), ("a", "b"), ("b", None)]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN SELECT * FROM change WHERE record = 'account' AND record_id = 7 ORDER BY id")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "change_record" in plan
    assert "Sort" not in plan


def test_a_cause_outlives_the_person_who_acted() -> None:
    user = User.objects.create_user("alice@example.com")
    cause = Cause.objects.create(kind=Cause.Kind.USER, user=user)
    change = note(cause, "a", "b")
    assert str(cause) == f"Person {user.pk}"
    user.delete()
    change.refresh_from_db()
    assert change.cause.user is None
    assert str(change.cause) == "Person"


def test_a_run_is_named_by_its_number() -> None:
    assert str(Cause.objects.create(kind=Cause.Kind.RUN, run_id=12)) == "Synchronisation 12"
