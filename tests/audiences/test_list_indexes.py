"""Indexes of lists: built beside everything else once a table is large, and what they find is what is meant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import DatabaseError, connection
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg import sql

from abmatic.audiences import list_indexes, tasks
from abmatic.audiences.conditions import compiled
from abmatic.audiences.custom_fields import create
from abmatic.audiences.list_indexes import RECORDS, Table, build, missing, table_of
from abmatic.audiences.models import Account
from abmatic.audiences.sorting import sort_key

pytestmark = pytest.mark.django_db(transaction=True)

EVERYTHING = Table(10**6, frozenset({"name", "industry", "country", "city", "website"}), is_searchable=True)


def answer(statement: str, *parameters: object) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tables are large that hold ten rows, as account does; in the end they have the indexes that they had."""
    before = {name for (name,) in answer("SELECT indexname FROM pg_indexes WHERE schemaname = 'public'")}
    monkeypatch.setattr(list_indexes, "LARGE", 10)
    Account.objects.bulk_create(Account(name=f"Company {n}", industry="Banking") for n in range(30))
    answer("ANALYZE account, contact, opportunity")
    yield
    for (name,) in answer("SELECT indexname FROM pg_indexes WHERE schemaname = 'public'"):
        if name not in before:
            answer(f'DROP INDEX "{name}"')


class TestBuilding:
    def test_of_a_large_table_what_is_missing_is_built_once(self, large: None) -> None:
        create("account", "A custom field with a name as long as names of custom fields may ever be", "text")
        assert not table_of("account").is_searchable
        wanted = [name for name, _ in missing("account")]
        assert len(wanted) == len(set(wanted)) > 8
        assert build() == len(wanted)
        table = table_of("account")
        assert (table.is_large, table.is_searchable) == (True, True)
        assert {"name", "industry", "employee_count", "updated_at"} < table.columns
        assert any(column.startswith("custom_") for column in table.columns)
        assert build() == 0

    def test_small_tables_need_none(self, large: None) -> None:
        assert [list(missing(record)) for record in RECORDS[1:]] == [[], []]
        assert not table_of("contact").is_large

    def test_one_that_was_broken_off_is_begun_anew(self, large: None) -> None:
        (name,) = [name for name, _ in missing("account") if "by_industry" in name]
        with pytest.raises(DatabaseError):
            answer(f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON account (industry)")
        assert answer("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", name) == [(False,)]
        build()
        assert "industry" in table_of("account").columns

    def test_the_worker_waits_until_nobody_writes_by_the_thousand(self, large: None) -> None:
        waiting = "SELECT (args->>'writes')::int FROM procrastinate_jobs WHERE task_name = 'audiences.build_indexes'"
        for _ in range(2):
            tasks.index_lists(0)
            assert len(answer(waiting)) == 1
        answer("DELETE FROM procrastinate_jobs")
        tasks.build_indexes(list_indexes.writes() - 10_000)
        assert list_indexes.is_any_missing()
        assert answer(waiting) == [(list_indexes.writes(),)]
        tasks.build_indexes(list_indexes.writes())
        assert not list_indexes.is_any_missing()

    @pytest.mark.parametrize(
        ("condition", "index"),
        [
            ({"field": "industry", "is": "equals", "value": "Banking"}, "by_industry"),
            ({"field": "industry", "is": "in", "value": ["Banking", "Tin"]}, "by_industry"),
            ({"field": "industry", "is": "starts_with", "value": "ban"}, "by_industry"),
            ({"field": "city", "is": "empty"}, "by_city"),
            ({"field": "name", "is": "contains", "value": "pany 1"}, "searched"),
            ({"search": "pany 1"}, "searched"),
            ({"field": "employee_count", "is": "at_least", "value": 5}, "by_employee_count"),
        ],
    )
    def test_the_planner_can_use_them(self, large: None, condition: dict[str, Any], index: str) -> None:
        build()
        assert index in explained(
            sql.SQL("SELECT r.id FROM account AS r WHERE {}").format(
                compiled("account", condition, sql.Identifier("r"), beyond=True, table=table_of("account"))
            )
        )

    def test_what_one_stumbles_over_the_others_dont(self, large: None, monkeypatch: pytest.MonkeyPatch) -> None:
        true = list_indexes._build

        def build_but_one(name: str, statement: sql.Composed) -> None:
            if "by_city" in name:
                raise DatabaseError("no space left on device")
            true(name, statement)

        monkeypatch.setattr(list_indexes, "_build", build_but_one)
        build()
        assert {"industry", "updated_at"} < table_of("account").columns
        assert [name for name, _ in missing("account")] == ["list_account_by_city_v1"]

    def test_where_texts_are_sorted_by_language_a_beginning_is_no_range(self) -> None:
        condition = {"field": "name", "is": "starts_with", "value": "acme"}
        by_language = replace(EVERYTHING, is_by_code=False)
        plain, quick = (
            compiled("account", condition, sql.Identifier("r"), beyond=True, table=table).as_string(None)
            for table in (None, by_language)
        )
        assert plain == quick

    def test_lists_are_sorted_by_them(self, large: None) -> None:
        build()
        records = Account.objects.annotate(key=sort_key("industry")).filter(key__isnull=False).order_by("key", "id")
        with connection.cursor() as cursor:
            cursor.execute("SET enable_sort = off")
            plan = records[:5].explain()
            cursor.execute("RESET enable_sort")
        assert "by_industry" in plan
        assert "Sort" not in plan


def explained(statement: sql.Composed) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        cursor.execute(sql.SQL("EXPLAIN {}").format(statement).as_string(connection.connection))
        plan = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute("RESET enable_seqscan")
    return plan


# What sort keys, patterns, lower case and runs of three may stumble over. Blanks are as they are stored: none.
parts = st.sampled_from(
    ["a", "A", "bank", "BANK", "İ", "ß", "Ä", "é", "%", "_", "\\", "'", '"', "(", "* ", " ", "-", "\U0001f680",
     "x" * 1000, "ﬁ", "Σ", "ς", "ö", "1", "\n"]
)  # fmt: skip
texts = st.lists(parts, min_size=1, max_size=5).map("".join).filter(str.strip)
tests = st.sampled_from(["equals", "starts_with", "contains", "in", "empty", "not_contains", "not_equals"])


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    stored=st.lists(st.tuples(st.none() | texts, st.none() | texts), min_size=1, max_size=8),
    asked=texts, field=st.sampled_from(["name", "industry"]), test=tests,
)  # fmt: skip
@example(stored=[("x" * 1000 + "bank", None)], asked="bank", field="name", test="contains")
@example(stored=[("İstanbul", None), ("istanbul", None)], asked="İstanbul", field="name", test="equals")
@example(stored=[("\t\n", None), (" ", "\u2003"), ("a", "\t")], asked="a", field="name", test="empty")
@example(stored=[("ΟΔΟΣ ΕΡΜΟΥ", None), ("οδος", None)], asked="ΟΔΟΣ", field="name", test="starts_with")
@example(stored=[("İstanbul", None)], asked="İst", field="name", test="starts_with")
@example(stored=[("(bank", "* a"), ("bank", "a")], asked="(bank", field="name", test="starts_with")
def test_what_is_found_by_indexes_is_what_is_meant(
    stored: list[tuple[str | None, str | None]], asked: str, field: str, test: str
) -> None:
    Account.objects.all().delete()
    Account.objects.bulk_create(Account(name=name, industry=industry) for name, industry in stored)
    value = {"in": [asked, "a"], "empty": None}.get(test, asked)
    condition: dict[str, Any] = {"field": field, "is": test} | ({} if value is None else {"value": value})
    for one in (condition, {"search": asked[:500]}):
        if "search" in one and not asked[:500].strip():
            continue
        plain, quick = (
            sql.SQL("SELECT r.id FROM account AS r WHERE {} ORDER BY 1").format(
                compiled("account", one, sql.Identifier("r"), beyond=True, table=table)
            )
            for table in (None, EVERYTHING)
        )
        with connection.cursor() as cursor:
            found = []
            for statement in (plain, quick):
                cursor.execute(statement.as_string(connection.connection))
                found.append(cursor.fetchall())
        assert found[0] == found[1], one
