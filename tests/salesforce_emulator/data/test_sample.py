"""The sample org is the one people know."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import date

import pytest

from salesforce_emulator.data import sample
from salesforce_emulator.schema import BASE


@pytest.fixture(name="org", scope="module")
def loaded_org() -> Iterator[sqlite3.Connection]:
    conn = sqlite3.connect(":memory:")
    sample.load(conn)
    yield conn
    conn.close()


def one(conn: sqlite3.Connection, sql: str, *args: object) -> object:
    return conn.execute(sql, args).fetchone()[0]


@pytest.mark.parametrize(
    ("sobject", "count"),
    [
        ("Account", 12),
        ("Contact", 20),
        ("Lead", 22),
        ("Opportunity", 31),
        ("Campaign", 4),
        ("Task", 5),
        ("Event", 2),
        ("Organization", 1),
    ],
)
def test_it_has_as_many_records_as_a_new_developer_org(org: sqlite3.Connection, sobject: str, count: int) -> None:
    assert one(org, f'SELECT count(*) FROM "{sobject}"') == count


def test_burlington_textiles_is_as_everybody_knows_it(org: sqlite3.Connection) -> None:
    row = org.execute(
        "SELECT Website, Phone, Industry, AnnualRevenue, NumberOfEmployees, BillingCity, TickerSymbol"
        " FROM Account WHERE Name = 'Burlington Textiles Corp of America'"
    ).fetchone()
    assert row == ("www.burlington.com", "(336) 222-7000", "Apparel", 350e6, 9000, "Burlington", "BTXT")


def test_united_oil_has_two_branches_on_one_website(org: sqlite3.Connection) -> None:
    rows = org.execute(
        "SELECT child.Name, child.Website FROM Account AS child JOIN Account AS parent"
        " ON parent.Id = child.ParentId WHERE parent.Name = 'United Oil & Gas Corp.' ORDER BY 1"
    ).fetchall()
    assert rows == [
        ("United Oil & Gas, Singapore", "http://www.uos.com"),
        ("United Oil & Gas, UK", "http://www.uos.com"),
    ]


def test_won_deals_add_up(org: sqlite3.Connection) -> None:
    assert org.execute("SELECT count(*), sum(Amount) FROM Opportunity WHERE IsWon").fetchone() == (
        18,
        3_645_000.0,
    )


def test_every_contact_role_is_of_the_opportunitys_own_account(org: sqlite3.Connection) -> None:
    wrong = one(
        org,
        "SELECT count(*) FROM OpportunityContactRole r JOIN Opportunity o ON o.Id = r.OpportunityId"
        " JOIN Contact c ON c.Id = r.ContactId WHERE c.AccountId <> o.AccountId",
    )
    assert wrong == 0
    assert one(org, "SELECT count(DISTINCT OpportunityId) FROM OpportunityContactRole WHERE IsPrimary") == 31


def test_every_member_has_a_status_of_its_campaign(org: sqlite3.Connection) -> None:
    members = one(org, "SELECT count(*) FROM CampaignMember")
    matched = one(
        org,
        "SELECT count(*) FROM CampaignMember m JOIN CampaignMemberStatus s"
        " ON s.CampaignId = m.CampaignId AND s.Label = m.Status",
    )
    assert members == matched == 39


def test_contacts_and_deals_belong_to_the_accounts_representative(org: sqlite3.Connection) -> None:
    for child in ("Contact", "Opportunity"):
        wrong = one(
            org,
            f"SELECT count(*) FROM {child} c JOIN Account a ON a.Id = c.AccountId WHERE a.OwnerId <> c.OwnerId",
        )
        assert wrong == 0
    assert {row[0] for row in org.execute("SELECT DISTINCT OwnerId FROM Account")} == set(BASE.reps[:2])


def test_dates_follow_the_day_of_signing_up() -> None:
    conn = sqlite3.connect(":memory:")
    sample.load(conn, signed_up=date(2024, 2, 28))
    assert one(conn, "SELECT max(CloseDate) FROM Opportunity") == "2024-02-29"
    assert one(conn, "SELECT DISTINCT CreatedDate FROM Account") == "2024-02-28T09:34:07.000Z"
    conn.close()


def test_it_is_not_loaded_over_other_data() -> None:
    conn = sqlite3.connect(":memory:")
    sample.load(conn)
    with pytest.raises(ValueError, match="already holds accounts"):
        sample.load(conn)
    assert one(conn, "SELECT count(*) FROM Account") == 12
    conn.close()
