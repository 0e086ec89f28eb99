"""The hostile org really holds what it promises, and says what must come of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from salesforce_emulator.data import hostile
from salesforce_emulator.data.hostile import Hostile, Verdict


@pytest.fixture(name="org", scope="module")
def hostile_org() -> Iterator[tuple[sqlite3.Connection, Hostile]]:
    conn = sqlite3.connect(":memory:")
    yield conn, hostile.load(conn)
    conn.close()


Org = tuple[sqlite3.Connection, Hostile]


def test_every_trap_is_where_it_is_said_to_be(org: Org) -> None:
    conn, content = org
    for trap in content.traps:
        row = conn.execute(f'SELECT "{trap.field}" FROM "{trap.sobject}" WHERE Id = ?', (trap.record_id,)).fetchone()
        assert row[0] == trap.value
        assert trap.value is not None


def test_one_record_holds_one_trap(org: Org) -> None:
    _, content = org
    assert len({trap.record_id for trap in content.traps}) == len(content.traps)


@pytest.mark.parametrize("verdict", Verdict)
def test_there_are_traps_of_every_kind(org: Org, verdict: Verdict) -> None:
    assert any(trap.verdict is verdict for trap in org[1].traps)


@pytest.mark.parametrize(
    "text", ["NA", "null", "#N/A", "\\N", "\\.", "one\n\\.\ntwo", "one\rtwo", "nul\x00inside", "x" * 131_072]
)
def test_texts_arrive_in_the_database_unchanged(org: Org, text: str) -> None:
    assert any(trap.value == text for trap in org[1].traps)


def test_what_is_no_number_really_stands_in_a_number_field(org: Org) -> None:
    conn, _ = org
    kinds = dict(conn.execute("SELECT typeof(AnnualRevenue), count(*) FROM Account GROUP BY 1"))
    assert kinds["text"] == 7
    assert conn.execute("SELECT count(*) FROM Account WHERE AnnualRevenue = 1e308").fetchone() == (1,)
    assert conn.execute("SELECT count(*) FROM Lead WHERE typeof(IsConverted) = 'text'").fetchone() == (1,)


def test_an_email_of_300_characters_and_a_website_of_255_dots(org: Org) -> None:
    values = {trap.value for trap in org[1].traps}
    assert any(isinstance(value, str) and "@" in value and len(value) == 300 for value in values)
    assert "." * 255 in values


def test_an_ordinary_record_follows_each_trap(org: Org) -> None:
    conn, content = org
    bad = {trap.record_id for trap in content.traps}
    for sobject, neighbours in content.neighbours.items():
        order = [
            row[0] for row in conn.execute(f"SELECT Id FROM {sobject} ORDER BY Id LIMIT ?", (2 * len(neighbours),))
        ]
        assert tuple(order[1::2]) == neighbours
        assert set(order[::2]) <= bad
    websites = [row[0] for row in conn.execute("SELECT Website FROM Account WHERE Name LIKE 'Neighbour%'")]
    assert len(websites) >= len(content.neighbours["Account"])


def test_twins_share_domain_and_moment(org: Org) -> None:
    conn, content = org
    marks = ", ".join("?" * len(content.twins))
    rows = conn.execute(
        f"SELECT count(DISTINCT CreatedDate), count(DISTINCT Website), min(Id) FROM Account WHERE Id IN ({marks})",
        content.twins,
    ).fetchone()
    assert rows == (1, 4, content.twins[0])


def test_merges_go_round_in_circles(org: Org) -> None:
    conn, content = org
    winners = dict(conn.execute("SELECT Id, MasterRecordId FROM Account WHERE MasterRecordId IS NOT NULL ORDER BY Id"))
    assert tuple(winners) == content.circles
    itself, one, other, lost = content.circles
    assert winners[itself] == itself
    assert (winners[one], winners[other]) == (other, one)
    assert winners[lost] not in winners


def test_those_outside_learn_the_same(org: Org) -> None:
    assert hostile.expected() == org[1]
