"""A generated org is the same for the same seed, obeys Salesforce's rules, and looks like a real company's."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from urllib.parse import urlsplit

import pytest
import tldextract

from salesforce_emulator import ids
from salesforce_emulator.data import generate, sample
from salesforce_emulator.data.generate.leads import Leads
from salesforce_emulator.schema import default_schema

ACCOUNTS = 4_000
EXTRACT = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
OBJECTS = (
    "Account",
    "Contact",
    "Lead",
    "Opportunity",
    "OpportunityContactRole",
    "Campaign",
    "CampaignMemberStatus",
    "CampaignMember",
    "Task",
    "Event",
)


@pytest.fixture(name="org", scope="module")
def generated_org() -> Iterator[sqlite3.Connection]:
    conn = sqlite3.connect(":memory:")
    generate.load(conn, ACCOUNTS, seed=17)
    yield conn
    conn.close()


def content(accounts: int, seed: int) -> list[tuple[object, ...]]:
    conn = sqlite3.connect(":memory:")
    generate.load(conn, accounts, seed)
    rows = [row for name in OBJECTS for row in conn.execute(f'SELECT * FROM "{name}" ORDER BY Id')]
    conn.close()
    return rows


def test_the_same_seed_gives_the_same_org() -> None:
    first = content(600, 3)
    assert first == content(600, 3)
    assert first != content(600, 4)


# What must be true of every org, as the condition that no row may meet.
NEVER = {
    "a task of a contact that is not there": (
        "Task t LEFT JOIN Contact c ON c.Id = t.WhoId"
        " WHERE c.Id IS NULL OR c.IsDeleted OR t.AccountId IS NOT c.AccountId"
    ),
    "an activity that its record's LastActivityDate does not know of": (
        "(SELECT ActivityDate FROM Event WHERE ActivityDate <= '2026-10-01' UNION ALL"
        " SELECT ActivityDate FROM Task WHERE Status = 'Completed' AND ActivityDate IS NOT NULL)"
    ),
    "an event or a task about nothing": (
        "(SELECT WhatId, AccountId FROM Task UNION ALL SELECT WhatId, AccountId FROM Event) a"
        " WHERE AccountId IS NOT NULL AND WhatId <> AccountId AND NOT EXISTS (SELECT 1 FROM Opportunity o"
        " WHERE o.Id = a.WhatId AND NOT o.IsDeleted AND o.AccountId = a.AccountId)"
    ),
    "a contact of an account that is not there": (
        "Contact c WHERE AccountId IS NOT NULL AND NOT EXISTS (SELECT 1 FROM Account a WHERE a.Id = c.AccountId)"
    ),
    "a live contact of a deleted account": (
        "Contact c JOIN Account a ON a.Id = c.AccountId WHERE a.IsDeleted AND NOT c.IsDeleted"
    ),
    "anything left at a merged account": (
        "Contact c JOIN Account a ON a.Id = c.AccountId WHERE a.MasterRecordId IS NOT NULL"
    ),
    "an account merged into one that is gone": (
        "Account l LEFT JOIN Account w ON w.Id = l.MasterRecordId"
        " WHERE l.MasterRecordId IS NOT NULL AND (w.Id IS NULL OR w.IsDeleted OR NOT l.IsDeleted OR w.Id = l.Id)"
    ),
    "a contact merged into one that is gone": (
        "Contact l LEFT JOIN Contact w ON w.Id = l.MasterRecordId"
        " WHERE l.MasterRecordId IS NOT NULL AND (w.Id IS NULL OR w.IsDeleted OR NOT l.IsDeleted)"
    ),
    "a lead merged into one that is gone": (
        "Lead l LEFT JOIN Lead w ON w.Id = l.MasterRecordId"
        " WHERE l.MasterRecordId IS NOT NULL AND (w.Id IS NULL OR w.IsDeleted OR NOT l.IsDeleted)"
    ),
    "a parent that is younger or gone": (
        "Account c LEFT JOIN Account p ON p.Id = c.ParentId"
        " WHERE c.ParentId IS NOT NULL AND (p.Id IS NULL OR p.IsDeleted OR p.Id >= c.Id)"
    ),
    "a manager of another account": (
        "Contact c LEFT JOIN Contact m ON m.Id = c.ReportsToId WHERE c.ReportsToId IS NOT NULL"
        " AND (m.Id IS NULL OR m.AccountId IS NOT c.AccountId OR m.Id = c.Id)"
    ),
    "a live opportunity of a deleted account": (
        "Opportunity o LEFT JOIN Account a ON a.Id = o.AccountId"
        " WHERE a.Id IS NULL OR (a.IsDeleted AND NOT o.IsDeleted)"
    ),
    "an opportunity of a campaign that is not there": (
        "Opportunity o LEFT JOIN Campaign c ON c.Id = o.CampaignId WHERE o.CampaignId IS NOT NULL AND c.Id IS NULL"
    ),
    "a role of somebody from another account": (
        "OpportunityContactRole r LEFT JOIN Opportunity o ON o.Id = r.OpportunityId"
        " LEFT JOIN Contact c ON c.Id = r.ContactId"
        " WHERE o.Id IS NULL OR c.Id IS NULL OR c.AccountId IS NOT o.AccountId OR r.IsDeleted <> o.IsDeleted"
    ),
    "an opportunity with two primary contacts": (
        "(SELECT OpportunityId FROM OpportunityContactRole WHERE IsPrimary GROUP BY 1 HAVING count(*) > 1)"
    ),
    "a contact twice in one opportunity": (
        "(SELECT 1 FROM OpportunityContactRole GROUP BY OpportunityId, ContactId HAVING count(*) > 1)"
    ),
    "a stage that contradicts its flags": (
        "Opportunity o LEFT JOIN OpportunityStage s ON s.ApiName = o.StageName WHERE s.Id IS NULL"
        " OR s.IsClosed <> o.IsClosed OR s.IsWon <> o.IsWon OR s.DefaultProbability <> o.Probability"
        " OR s.ForecastCategory <> o.ForecastCategory OR s.ForecastCategoryName <> o.ForecastCategoryName"
    ),
    "a won or lost opportunity that closes in the future": "Opportunity WHERE IsClosed AND CloseDate > '2026-10-01'",
    "a deal closed before it began": "Opportunity WHERE IsClosed AND CloseDate < substr(CreatedDate, 1, 10)",
    "a conversion that misses something": (
        "Lead l LEFT JOIN Contact c ON c.Id = l.ConvertedContactId LEFT JOIN LeadStatus s ON s.ApiName = l.Status"
        " WHERE l.IsConverted AND (l.ConvertedDate IS NULL OR l.IsDeleted OR c.Id IS NULL OR NOT s.IsConverted"
        " OR c.AccountId IS NOT l.ConvertedAccountId OR l.ConvertedDate < substr(l.CreatedDate, 1, 10))"
    ),
    "a conversion into another account's opportunity": (
        "Lead l LEFT JOIN Opportunity o ON o.Id = l.ConvertedOpportunityId WHERE l.ConvertedOpportunityId IS NOT NULL"
        " AND (o.Id IS NULL OR o.AccountId <> l.ConvertedAccountId OR l.ConvertedDate <> substr(o.CreatedDate, 1, 10))"
    ),
    "traces of a conversion on a lead that had none": (
        "Lead l LEFT JOIN LeadStatus s ON s.ApiName = l.Status WHERE NOT l.IsConverted AND (s.Id IS NULL"
        " OR s.IsConverted OR coalesce(ConvertedDate, ConvertedAccountId, ConvertedContactId,"
        " ConvertedOpportunityId) IS NOT NULL)"
    ),
    "two leads that became one contact": (
        "(SELECT 1 FROM Lead WHERE IsConverted GROUP BY ConvertedContactId HAVING count(*) > 1)"
    ),
    "a member that is nobody, or two people": (
        "CampaignMember m LEFT JOIN Lead l ON l.Id = m.LeadId LEFT JOIN Contact c ON c.Id = m.ContactId"
        " WHERE (l.Id IS NULL AND c.Id IS NULL)"
        " OR (l.Id IS NOT NULL AND m.ContactId IS NOT l.ConvertedContactId)"
    ),
    "somebody twice in one campaign": (
        "(SELECT 1 FROM CampaignMember WHERE ContactId IS NOT NULL GROUP BY CampaignId, ContactId HAVING count(*) > 1"
        " UNION ALL"
        " SELECT 1 FROM CampaignMember WHERE LeadId IS NOT NULL GROUP BY CampaignId, LeadId HAVING count(*) > 1)"
    ),
    "a status that the campaign does not have": (
        "CampaignMember m LEFT JOIN CampaignMemberStatus s ON s.CampaignId = m.CampaignId AND s.Label = m.Status"
        " WHERE s.Id IS NULL OR (s.HasResponded = 1) <> (m.FirstRespondedDate IS NOT NULL)"
    ),
    "a campaign without exactly one default status": (
        "Campaign c WHERE (SELECT count(*) FROM CampaignMemberStatus s WHERE s.CampaignId = c.Id AND s.IsDefault) <> 1"
    ),
    "an e-mail in upper case": "Contact WHERE Email <> lower(Email)",
    "an owner who is no user": (
        "Contact c LEFT JOIN User u ON u.Id = c.OwnerId LEFT JOIN User m ON m.Id = c.LastModifiedById"
        " WHERE u.Id IS NULL OR m.Id IS NULL"
    ),
}


@pytest.mark.parametrize("what", NEVER)
def test_there_is_never(org: sqlite3.Connection, what: str) -> None:
    assert org.execute(f"SELECT count(*) FROM {NEVER[what]}").fetchone()[0] == 0


@pytest.mark.parametrize("sobject", OBJECTS)
def test_nothing_is_longer_than_its_field_or_outside_its_picklist(org: sqlite3.Connection, sobject: str) -> None:
    for field in default_schema()[sobject].stored:
        values = f'SELECT DISTINCT "{field.name}" FROM "{sobject}" WHERE "{field.name}" IS NOT NULL'
        if field.sqlite_type == "TEXT" and field.length:
            longest = org.execute(f'SELECT max(length("{field.name}")) FROM "{sobject}"').fetchone()[0]
            assert (longest or 0) <= field.length, field.name
            assert org.execute(f'SELECT count(*) FROM "{sobject}" WHERE "{field.name}" = ?', ("",)).fetchone() == (0,)
        if field.type == "picklist" and (sobject, field.name) != ("CampaignMember", "Status"):
            assert {row[0] for row in org.execute(values)} <= set(field.picklist_values), field.name
        if field.required:
            empty = org.execute(f'SELECT count(*) FROM "{sobject}" WHERE "{field.name}" IS NULL').fetchone()[0]
            assert empty == 0, field.name


@pytest.mark.parametrize("sobject", OBJECTS)
def test_times_follow_one_another_and_many_records_share_one(org: sqlite3.Connection, sobject: str) -> None:
    wrong = org.execute(
        f'SELECT count(*) FROM "{sobject}" WHERE NOT CreatedDate <= LastModifiedDate'
        " OR NOT LastModifiedDate <= SystemModstamp OR NOT SystemModstamp < '2026-10-01T24'"
    ).fetchone()[0]
    assert wrong == 0
    if sobject not in ("Campaign", "CampaignMemberStatus", "Event"):
        ties = org.execute(
            f'SELECT sum(n), max(n) FROM (SELECT count(*) AS n FROM "{sobject}" GROUP BY SystemModstamp) WHERE n > 1'
        ).fetchone()
        total = org.execute(f'SELECT count(*) FROM "{sobject}"').fetchone()[0]
        assert ties[0] > 0.2 * total
        assert ties[1] >= 10


def test_creation_is_spread_over_years(org: sqlite3.Connection) -> None:
    years = org.execute("SELECT substr(CreatedDate, 1, 4), count(*) FROM Account GROUP BY 1").fetchall()
    assert len(years) >= 6
    assert max(count for _, count in years) < ACCOUNTS / 2


def test_ids_are_valid_and_in_the_order_of_creation(org: sqlite3.Connection) -> None:
    rows = org.execute("SELECT Id, CreatedDate FROM Account ORDER BY Id").fetchall()
    assert all(ids.to18(row[0][:15]) == row[0] for row in rows)
    assert [row[1] for row in rows] == sorted(row[1] for row in rows)


def test_shares_are_those_of_a_real_org(org: sqlite3.Connection) -> None:
    found = generate.statistics(org)
    made = found.accounts + found.accounts_deleted + found.accounts_merged
    assert made == ACCOUNTS
    assert found.accounts_without_website / found.accounts == pytest.approx(0.25, abs=0.01)
    assert found.accounts_deleted / made == pytest.approx(0.02, abs=0.005)
    assert found.accounts_merged / made == pytest.approx(0.01, abs=0.005)
    assert found.contacts / made == pytest.approx(1.6, abs=0.12)
    assert found.contacts_without_email / found.contacts == pytest.approx(0.125, abs=0.02)
    assert found.contacts_with_free_mail / found.contacts == pytest.approx(0.09, abs=0.02)
    assert 0 < found.contacts_without_account < 0.04 * found.contacts
    assert found.contacts_merged > 0
    assert found.leads / made == pytest.approx(0.6, abs=0.05)
    assert found.leads_converted / found.leads == pytest.approx(0.15, abs=0.03)
    assert found.leads_with_a_contacts_email / found.leads == pytest.approx(0.23, abs=0.04)
    assert found.leads_merged > 0
    assert found.opportunities / made == pytest.approx(0.4, abs=0.06)
    assert found.opportunities_won / found.opportunities == pytest.approx(17 / 64, abs=0.04)
    assert found.contact_roles / found.opportunities == pytest.approx(0.93, abs=0.15)
    assert found.campaign_members / made == pytest.approx(0.54, abs=0.08)
    stages = {row[0] for row in org.execute("SELECT DISTINCT StageName FROM Opportunity")}
    assert stages == set(default_schema()["Opportunity"]["StageName"].picklist_values)


def test_bigger_orgs_have_somewhat_more_campaigns() -> None:
    counts = [generate.campaigns.number_of_campaigns(10**power) for power in (1, 3, 5, 6)]
    assert counts == [12, 28, 44, 52]


def registrable_domain(website: str) -> str | None:
    """The matching key, found the long way round: with a URL parser and the Public Suffix List."""
    url = website if "://" in website else f"http://{website}"
    host = (urlsplit(url).hostname or "").rstrip(".")
    found = EXTRACT(host.encode("idna").decode("ascii") if host and "." in host else host)
    key = found.top_domain_under_public_suffix
    return key if key and key not in {"linkedin.com", "facebook.com", "google.com", "test.com"} else None


def test_the_manifest_tells_how_many_domains_there_are(org: sqlite3.Connection) -> None:
    manifest = generate.read_manifest(org)
    assert manifest is not None
    websites = [
        row[0] for row in org.execute("SELECT Website FROM Account WHERE IsDeleted = 0 AND Website IS NOT NULL")
    ]
    keys = [key for website in websites if (key := registrable_domain(website))]
    assert manifest.distinct_domains == len(set(keys))
    assert manifest.duplicate_domains == len(keys) - len(set(keys))
    assert manifest.no_key == len(websites) - len(keys)
    assert manifest.duplicate_domains / ACCOUNTS == pytest.approx(0.03, abs=0.005)


def test_the_manifest_agrees_with_a_count(org: sqlite3.Connection) -> None:
    manifest, found = generate.read_manifest(org), generate.statistics(org)
    assert manifest is not None
    assert manifest.no_website == found.accounts_without_website
    for name in ("accounts", "accounts_deleted", "accounts_merged"):
        assert asdict(manifest)[name] == asdict(found)[name]
    whole = manifest.no_website + manifest.no_key + manifest.distinct_domains + manifest.duplicate_domains
    assert whole == manifest.accounts


@pytest.mark.parametrize(
    "shape",
    ["http://www.%", "https://www.%", "www.%", "%:8080", "%?utm_source=%", "%@www.%", "%.", "WWW.%", "%.co.uk%",
     "%linkedin.com/company/%", "%facebook.com/%", "N/A", "-", "%192.0.2.17", "www.xn--%", "intranet"],
)  # fmt: skip
def test_websites_come_in_every_shape(org: sqlite3.Connection, shape: str) -> None:
    org.execute("PRAGMA case_sensitive_like = ON")
    assert org.execute("SELECT count(*) FROM Account WHERE Website LIKE ?", (shape,)).fetchone()[0] > 0


def test_some_websites_are_written_in_other_scripts(org: sqlite3.Connection) -> None:
    websites = [row[0] for row in org.execute("SELECT Website FROM Account WHERE Website IS NOT NULL")]
    assert any(not website.isascii() for website in websites)


SCRIPTS = {
    "accents": "éüñ",
    "Japanese": "社製",
    "Chinese": "限科",
    "Korean": "주식",
    "Cyrillic": "ія",
    "Greek": "ΑΕ",
    "Arabic": "ال",
    "Hebrew": "בע",
    "Thai": "บร",
    "Devanagari": "लि",
    "emoji": "🚀☕",
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_names_come_in_many_scripts(org: sqlite3.Connection, script: str) -> None:
    names = "".join(row[0] for row in org.execute("SELECT Name FROM Account"))
    assert any(char in names for char in SCRIPTS[script])


@pytest.mark.parametrize(
    "char", ["\n", "\r\n", "\t", '"', ",", "\\", "'", "<", "🚀"], ids=lambda char: f"U+{ord(char[0]):04X}x{len(char)}"
)
def test_texts_hold_what_csv_dislikes(org: sqlite3.Connection, char: str) -> None:
    found = org.execute("SELECT count(*) FROM Account WHERE instr(Description, ?)", (char,)).fetchone()[0]
    assert found > 0


def test_some_texts_have_a_carriage_return_on_its_own_and_some_are_very_long(org: sqlite3.Connection) -> None:
    texts = [row[0] for row in org.execute("SELECT Description FROM Account WHERE Description IS NOT NULL")]
    assert any("\r" in text.replace("\r\n", "") for text in texts)
    assert max(map(len, texts)) == 32_000


def test_zero_is_a_value_and_differs_from_nothing(org: sqlite3.Connection) -> None:
    zero, empty = org.execute(
        "SELECT sum(NumberOfEmployees = 0), sum(NumberOfEmployees IS NULL) FROM Account"
    ).fetchone()
    assert zero > 0
    assert empty > 0


def test_an_org_without_accounts_is_empty_and_works() -> None:
    conn = sqlite3.connect(":memory:")
    assert generate.load(conn, 0).accounts == 0
    assert generate.statistics(conn).contacts == 0
    assert conn.execute("SELECT count(*) FROM User").fetchone()[0] > 0
    conn.close()


@pytest.mark.parametrize("accounts", [1, 2, 7])
def test_tiny_orgs_work(accounts: int) -> None:
    for seed in range(4):
        conn = sqlite3.connect(":memory:")
        generate.load(conn, accounts, seed)
        assert conn.execute("SELECT count(*) FROM Account").fetchone()[0] == accounts
        conn.close()


@pytest.mark.parametrize("accounts", [-1, generate.LARGEST + 1])
def test_an_impossible_size_is_refused(accounts: int) -> None:
    with pytest.raises(ValueError, match="0 to 25,000,000"):
        generate.load(sqlite3.connect(":memory:"), accounts)


def test_it_is_not_loaded_over_other_data() -> None:
    conn = sqlite3.connect(":memory:")
    sample.load(conn)
    with pytest.raises(ValueError, match="already holds accounts"):
        generate.load(conn, 10)
    conn.close()


def test_a_failure_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    conn = sqlite3.connect(":memory:")

    def fail(*_: object) -> None:
        raise RuntimeError("no more")

    with monkeypatch.context() as patch:
        patch.setattr(Leads, "make", fail)
        with pytest.raises(RuntimeError):
            generate.load(conn, 50)
    assert conn.execute("SELECT count(*) FROM Account").fetchone()[0] == 0
    assert generate.load(conn, 50).requested == 50
    conn.close()


def test_the_last_day_can_be_chosen() -> None:
    conn = sqlite3.connect(":memory:")
    generate.load(conn, 200, as_of=date(2024, 3, 1))
    first, last = conn.execute("SELECT min(CreatedDate), max(SystemModstamp) FROM Account").fetchone()
    assert "2018-03" <= first < last < "2024-03-02"
    conn.close()


def test_there_are_tasks_and_events(org: sqlite3.Connection) -> None:
    contacts, tasks, events = (
        org.execute(f"SELECT count(*) FROM {name} WHERE NOT IsDeleted").fetchone()[0]
        for name in ("Contact", "Task", "Event")
    )
    assert contacts / 10 < tasks < contacts / 6
    assert contacts / 50 < events < contacts / 20
