"""Newcomers are written while the chunk before is still applied: nobody must be able to tell from what is there."""

from __future__ import annotations

from collections import Counter
from typing import Any

import psycopg
import pytest
from django.db import connection as database
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.sync.live import Orgs, state
from tests.sync.org import Org, account, contact, new_connection

from abmatic.audiences.models import Account
from abmatic.sync.models import Finding, MirrorAccount
from abmatic.sync.pull import reading
from abmatic.sync.pull.bulk_reading import Belt
from abmatic.sync.pull.chunk import ChunkWriter, Counts

pytestmark = pytest.mark.django_db(transaction=True)

WEBSITES = st.sampled_from([None, "n/a", "a.com", "www.a.com", "b.com", "c.com", "d.com", "e.com", "f.com", "g.com"])
# (website, is deleted, merged into which of the records, created in which order)
RECORDS = st.lists(
    st.tuples(WEBSITES, st.integers(0, 5).map(lambda n: n == 0), st.integers(0, 30), st.integers(0, 9)), max_size=14
)
PAGES = st.lists(RECORDS, min_size=2, max_size=4)
TABLES = (
    "account contact opportunity owner mirror_account mirror_contact finding change run cause collection "
    "collection_member connection sealed_secret object_setting field_mapping"
)


def cleared() -> Org:
    with database.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(TABLES.split())} CASCADE")
    return Org(new_connection())


def records(org: Org, pages: list[list[tuple[Any, ...]]]) -> list[list[dict[str, Any]]]:
    count, number, found = sum(map(len, pages)), 0, []
    for page in pages:
        found.append([])
        for website, is_deleted, master, created in page:
            number += 1
            merged = account(1 + master % count) if is_deleted and 1 + master % count != number else None
            found[-1].append(
                org.record(
                    Id=account(number), Name=f"N{number}", Website=website, IsDeleted=is_deleted, MasterRecordId=merged,
                    CreatedDate=f"2020-01-0{created % 9 + 1}T00:00:00.000Z",
                )
            )  # fmt: skip
    return found


def entries() -> Counter[tuple[Any, ...]]:
    return Counter(Finding.objects.values_list("reason", "sf_id", "field", "value"))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PAGES)
def test_the_outcome_is_that_of_one_page_after_the_other(pages: list[list[tuple[Any, ...]]]) -> None:
    org = cleared()
    counts = org.pull("Account", *records(org, pages))
    expected = (counts, state(), entries())
    org = cleared()
    counts = org.pull("Account", *records(org, pages), at_once=True)
    assert (counts, state(), entries()) == expected
    # Once more, when all is known: nothing changes.
    org.pull("Account", *records(org, pages), at_once=True)
    assert {name: rows for name, rows in state().items() if name == "account"} == {"account": expected[1]["account"]}


def test_a_second_connections_first_page_meets_what_the_first_one_left() -> None:
    org = cleared()
    org.pull("Account", [org.record(Id=account(n), Name=f"N{n}", Website=f"n{n}.com") for n in range(1, 9)])
    other = Org(new_connection("00D000000000002AAA", "Other"))
    counts = other.pull(
        "Account", [other.record(Id=account(n), Name=f"O{n}", Website=f"n{n}.com") for n in range(5, 13)], at_once=True
    )
    assert (counts.linked, counts.created) == (4, 4)
    assert Account.objects.count() == 12


def test_contacts_find_accounts_and_leads_they_were_converted_from() -> None:
    org = cleared()
    org.pull("Account", [org.record(Id=account(1), Name="A", Website="a.com")])
    counts = org.pull(
        "Contact",
        [org.record(Id=contact(1), LastName="One", Email="one@a.com", AccountId=account(1))],
        [
            org.record(Id=contact(2), LastName="Two", Email="one@a.com", AccountId=account(1)),
            org.record(Id=contact(3), LastName="Three", AccountId=account(2)),
        ],
        at_once=True,
    )
    assert (counts.created, counts.duplicate) == (2, 1)
    org.pull("Account", [org.record(Id=account(2), Name="B", Website="b.com")])
    names = dict(Account.objects.values_list("contacts__last_name", "name"))
    assert names == {"One": "A", "Three": "B"}


def test_a_record_that_comes_again_in_the_next_part_is_known_by_then() -> None:
    org = cleared()
    page = [org.record(Id=account(1), Name="A", Website="a.com")]
    counts = org.pull("Account", page, page, at_once=True)
    assert (counts.created, counts.unchanged) == (1, 1)
    assert Account.objects.count() == MirrorAccount.objects.count() == 1


def test_a_part_that_waits_for_one_behind_it_is_read_again_in_turn(orgs: Orgs, monkeypatch: pytest.MonkeyPatch) -> None:
    orgs.page_records(20)
    orgs.allow(rest_limit=10)
    live = orgs.generated(80)
    early: list[bool] = []
    refused_after: list[int] = []
    apply, write = ChunkWriter.apply, ChunkWriter.write_newcomers

    def refused_once(self: ChunkWriter) -> Counts:
        if early.count(True) >= 2 and not refused_after:
            refused_after.append(len(early))
            raise psycopg.errors.LockNotAvailable("canceling statement due to lock timeout")
        return apply(self)

    def told(self: ChunkWriter, claimed: frozenset[bytes] | None = None) -> None:
        early.append(claimed is not None)
        write(self, claimed or ())

    monkeypatch.setattr(ChunkWriter, "apply", refused_once)
    monkeypatch.setattr(ChunkWriter, "write_newcomers", told)
    done = live.sync_well("Account")["Account"]
    assert done.counts["read"] == 80
    # One more may have been on its way.
    assert not any(early[refused_after[0] + 1 :]), early
    assert len(early) > refused_after[0] + 1, early


def test_a_part_learns_which_of_its_keys_others_have_that_are_not_committed() -> None:
    belt = Belt()
    assert belt.claim(0, frozenset({b"a", b"b"})) == set()
    assert belt.claim(1, frozenset({b"b", b"c"})) == {b"b"}
    belt.done()
    assert belt.claim(2, frozenset({b"a", b"c"})) == {b"c"}
    belt.fail(reading.Cancelled())
    assert belt.claim(3, frozenset()) is None
    assert not belt.wait_for(3)
