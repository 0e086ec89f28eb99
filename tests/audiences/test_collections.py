"""Collections: who is in them, by hand and by rule, and what can't be made."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from abmatic.audiences import collections, refreshing
from abmatic.audiences.collections import CollectionRefused
from abmatic.audiences.models import Account, Collection, CollectionMember
from abmatic.audiences.selection import Selection

pytestmark = pytest.mark.django_db

BANKS = {"field": "industry", "is": "equals", "value": "banking"}
Queries = Callable[[int], AbstractContextManager[object]]


@pytest.fixture
def firms() -> list[Account]:
    return [
        Account.objects.create(name=name, industry=industry)
        for name, industry in (("Acme", "Banking"), ("Globex", "Energy"), ("Initech", "banking"), ("Umbrella", None))
    ]


def members(collection: Collection) -> list[str]:
    """The names of who is in it; its size says as many."""
    ids = CollectionMember.objects.filter(collection=collection).values_list("record_id", flat=True)
    collection.refresh_from_db()
    assert collection.size == len(ids)
    return sorted(str(name) for name in Account.objects.filter(pk__in=list(ids)).values_list("name", flat=True))


class TestStatic:
    def test_all_that_meet_a_condition_but_some_are_put_in_once(self, firms: list[Account]) -> None:
        made = collections.create("account", "  Target   list ")
        assert (made.name, made.kind) == ("Target list", "static")
        banks = Selection("account", BANKS)
        assert collections.add(made, Selection("account", BANKS, excluded=(firms[2].pk,))) == 1
        assert members(made) == ["Acme"]
        assert collections.add(made, banks) == 1
        assert members(made) == ["Acme", "Initech"]

    def test_chosen_ones_are_put_in_and_taken_out(self, firms: list[Account]) -> None:
        made = collections.create("account", "Chosen")
        chosen = Selection("account", ids=(firms[0].pk, firms[3].pk, 999_999_999))
        assert collections.add(made, chosen) == 2
        assert collections.remove(made, Selection("account", ids=(firms[0].pk, firms[1].pk))) == 1
        assert members(made) == ["Umbrella"]

    def test_as_many_statements_for_many_as_for_one(
        self, firms: list[Account], django_assert_num_queries: Queries
    ) -> None:
        made = collections.create("account", "Chosen")
        with django_assert_num_queries(6):
            collections.add(made, Selection("account", ids=(firms[0].pk,)))
        with django_assert_num_queries(6):
            collections.add(made, Selection("account"))

    def test_records_of_another_kind_are_refused(self, firms: list[Account]) -> None:
        made = collections.create("contact", "People")
        with pytest.raises(CollectionRefused, match="holds contacts"):
            collections.add(made, Selection("account"))

    def test_deleted_it_is_gone_and_its_records_stay(self, firms: list[Account]) -> None:
        made = collections.create("account", "Chosen")
        collections.add(made, Selection("account"))
        collections.delete(made)
        assert not Collection.objects.exists()
        assert not CollectionMember.objects.exists()
        assert Account.objects.count() == 4

    def test_one_that_a_sync_fills_is_kept(self) -> None:
        made = Collection.objects.create(name="Salesforce Import", record="account", kind="import", source="1:Account")
        with pytest.raises(CollectionRefused, match="filled by an import"):
            collections.delete(made)
        collections.rename(made, "From the CRM")
        assert Collection.objects.get().name == "From the CRM"


class TestDynamic:
    def test_its_members_are_found_at_once_and_follow_the_data(self, firms: list[Account]) -> None:
        made = collections.create("account", "Banks", rule=BANKS)
        assert made.as_of is not None
        assert members(made) == ["Acme", "Initech"]
        Account.objects.filter(name="Acme").update(industry="Energy")
        Account.objects.filter(name="Umbrella").update(industry="Banking")
        refreshing.refresh(made)
        assert members(made) == ["Initech", "Umbrella"]

    def test_nobody_changes_its_members_by_hand(self, firms: list[Account]) -> None:
        made = collections.create("account", "Banks", rule=BANKS)
        for change in (collections.add, collections.remove):
            with pytest.raises(CollectionRefused, match="follow its rule"):
                change(made, Selection("account"))

    def test_with_another_rule_it_has_other_members(self, firms: list[Account]) -> None:
        made = collections.create("account", "Some", rule=BANKS)
        collections.change_rule(made, {"not": BANKS})
        assert members(made) == ["Globex", "Umbrella"]

    def test_a_rule_may_ask_for_a_static_collection(self, firms: list[Account]) -> None:
        chosen = collections.create("account", "Chosen")
        collections.add(chosen, Selection("account", ids=(firms[0].pk, firms[1].pk)))
        made = collections.create("account", "Chosen banks", rule={"all": [{"collection": chosen.pk}, BANKS]})
        assert members(made) == ["Acme"]
        collections.delete(chosen)
        refreshing.refresh(made)
        assert "was deleted" in made.problem
        assert members(made) == ["Acme"]

    @pytest.mark.parametrize("state", ["linked", "duplicate", "deleted", "issue"])
    def test_a_rule_may_ask_what_salesforce_says(self, firms: list[Account], state: str) -> None:
        assert members(collections.create("account", "Such", rule={"state": state})) == []

    def test_a_rule_that_asks_for_a_dynamic_one_is_refused(self, firms: list[Account]) -> None:
        banks = collections.create("account", "Banks", rule=BANKS)
        with pytest.raises(CollectionRefused, match="a dynamic collection"):
            collections.create("account", "Again", rule={"collection": banks.pk})
        with pytest.raises(CollectionRefused, match="a dynamic collection"):
            collections.change_rule(banks, {"not": {"collection": banks.pk}})
        assert members(banks) == ["Acme", "Initech"]

    def test_a_rule_that_can_be_followed_no_more_says_so_and_keeps_its_members(self, firms: list[Account]) -> None:
        made = collections.create("account", "Banks", rule=BANKS)
        Collection.objects.filter(pk=made.pk).update(rule={"field": "gone", "is": "empty"})
        refreshing.refresh(made)
        assert "gone" in made.problem
        assert members(made) == ["Acme", "Initech"]


class TestDue:
    @pytest.fixture
    def banks(self, firms: list[Account]) -> Collection:
        return collections.create("account", "Banks", rule=BANKS)

    def _counted(self, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
        monkeypatch.setattr(refreshing, "_writes", lambda: {"account": number})

    def _long_ago(self, banks: Collection, **changed: Any) -> None:
        Collection.objects.filter(pk=banks.pk).update(as_of=timezone.now() - timedelta(minutes=5), **changed)

    def test_what_nobody_wrote_to_is_left_alone(self, banks: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
        self._counted(monkeypatch, 7)
        self._long_ago(banks, seen={"account": 7})
        assert refreshing.refresh_due() == 0

    def test_what_was_written_to_is_refreshed(self, banks: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
        Account.objects.update(industry="Banking")
        self._counted(monkeypatch, 8)
        self._long_ago(banks, seen={"account": 7})
        assert refreshing.refresh_due() == 1
        assert len(members(banks)) == 4
        assert refreshing.refresh_due() == 0

    def test_one_that_takes_long_waits_longer(self, banks: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
        self._counted(monkeypatch, 8)
        self._long_ago(banks, seen={"account": 7}, took_ms=60_000)
        assert refreshing.refresh_due() == 0

    def test_time_alone_is_a_reason_after_an_hour(self, banks: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
        self._counted(monkeypatch, 7)
        Collection.objects.filter(pk=banks.pk).update(as_of=timezone.now() - timedelta(minutes=61), seen={"account": 7})
        assert refreshing.refresh_due() == 1


@pytest.mark.django_db(transaction=True)
def test_postgres_counts_what_is_written() -> None:
    def counted() -> int:
        # What is counted is told at the end of a transaction, at most once a second unless it is asked for.
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_force_next_flush()")
        return refreshing._writes()["account"]

    before = counted()
    Account.objects.create(name="Acme")
    assert counted() == before + 1


@pytest.mark.parametrize(
    ("name", "rule", "said"),
    [
        ("", None, "a name of 1 to 120"),
        ("x" * 121, None, "a name of 1 to 120"),
        ("chosen", None, "already"),
        ("Rule", {}, "at least one condition"),
        ("Rule", {"field": "nme", "is": "empty"}, "is no field"),
        ("Rule", {"collection": 999_999}, "which is not there"),
        ("Rule", {"state": "rich"}, "is no state"),
    ],
)
def test_what_cant_be_made_is_explained(name: str, rule: Any, said: str) -> None:
    collections.create("account", "Chosen")
    with pytest.raises(CollectionRefused, match=said):
        collections.create("account", name, rule=rule)
    assert Collection.objects.count() == 1
