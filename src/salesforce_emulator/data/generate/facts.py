"""What is in an org: counted by SQL, or written down while it was generated.

The matching key of an account is not in the database: it takes the Public Suffix List to find it.  The
generator knows the domains it gave out, so it writes down how many there are (:class:`Manifest`); whatever
SQL can count, :func:`statistics` counts.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date

from salesforce_emulator.data.generate.websites import FREE_MAIL

_SETTING = "generated"


@dataclass(frozen=True)
class Manifest:
    """What a generated org was made to be. The numbers count live accounts, except where they say otherwise.

    ``accounts`` = ``no_website`` + ``no_key`` + ``distinct_domains`` + ``duplicate_domains``.
    """

    requested: int
    """The size asked for: live, deleted and merged accounts together."""
    seed: int
    as_of: str
    accounts: int
    accounts_deleted: int
    """Deleted and not merged."""
    accounts_merged: int
    no_website: int
    shared_hosts: int
    """Websites at linkedin.com, facebook.com or sites.google.com."""
    placeholders: int
    ip_addresses: int
    single_labels: int
    distinct_domains: int
    """Registrable domains that are some live account's own."""
    duplicate_domains: int
    """Accounts whose domain an older live account has: keyed accounts less distinct domains."""

    @property
    def no_key(self) -> int:
        """Accounts that have a website which says nothing about the company."""
        return self.shared_hosts + self.placeholders + self.ip_addresses + self.single_labels


def manifest_of(requested: int, seed: int, as_of: date, facts: Mapping[str, int]) -> Manifest:
    return Manifest(
        requested=requested,
        seed=seed,
        as_of=as_of.isoformat(),
        accounts=facts["accounts"],
        accounts_deleted=facts["accounts_deleted"],
        accounts_merged=facts["accounts_merged"],
        no_website=facts["website empty"],
        shared_hosts=facts["website shared"],
        placeholders=facts["website placeholder"],
        ip_addresses=facts["website ip address"],
        single_labels=facts["website single label"],
        distinct_domains=facts["distinct_domains"],
        duplicate_domains=facts["duplicate_domains"],
    )


def write_manifest(conn: sqlite3.Connection, manifest: Manifest) -> None:
    conn.execute(
        "INSERT OR REPLACE INTO emulator_setting (name, value) VALUES (?, ?)",
        (_SETTING, json.dumps(asdict(manifest))),
    )


def read_manifest(conn: sqlite3.Connection) -> Manifest | None:
    """What the generator wrote down, or None where the org was not generated."""
    row = conn.execute("SELECT value FROM emulator_setting WHERE name = ?", (_SETTING,)).fetchone()
    return None if row is None else Manifest(**json.loads(row[0]))


@dataclass(frozen=True)
class Statistics:
    """Counts of records that are not deleted, except where the name says otherwise."""

    accounts: int
    accounts_deleted: int
    accounts_merged: int
    accounts_without_website: int
    accounts_with_parent: int
    contacts: int
    contacts_deleted: int
    contacts_merged: int
    contacts_without_email: int
    contacts_without_account: int
    contacts_with_free_mail: int
    contact_emails: int
    """Distinct addresses."""
    leads: int
    leads_deleted: int
    leads_merged: int
    leads_converted: int
    leads_without_email: int
    leads_with_free_mail: int
    lead_emails: int
    leads_with_a_contacts_email: int
    opportunities: int
    opportunities_deleted: int
    opportunities_won: int
    opportunities_lost: int
    contact_roles: int
    campaigns: int
    campaign_statuses: int
    campaign_members: int


_FREE = f"""substr(Email, instr(Email, '@') + 1) IN ({", ".join(sorted({f"'{d}'" for d in FREE_MAIL}))})"""
_LIVE = "IsDeleted = 0"
_GONE = "IsDeleted = 1 AND MasterRecordId IS NULL"
_MERGED = "IsDeleted = 1 AND MasterRecordId IS NOT NULL"
_QUERIES = {
    "accounts": f"Account WHERE {_LIVE}",
    "accounts_deleted": f"Account WHERE {_GONE}",
    "accounts_merged": f"Account WHERE {_MERGED}",
    "accounts_without_website": f"Account WHERE {_LIVE} AND Website IS NULL",
    "accounts_with_parent": f"Account WHERE {_LIVE} AND ParentId IS NOT NULL",
    "contacts": f"Contact WHERE {_LIVE}",
    "contacts_deleted": f"Contact WHERE {_GONE}",
    "contacts_merged": f"Contact WHERE {_MERGED}",
    "contacts_without_email": f"Contact WHERE {_LIVE} AND Email IS NULL",
    "contacts_without_account": f"Contact WHERE {_LIVE} AND AccountId IS NULL",
    "contacts_with_free_mail": f"Contact WHERE {_LIVE} AND {_FREE}",
    "contact_emails": f"(SELECT DISTINCT Email FROM Contact WHERE {_LIVE} AND Email IS NOT NULL)",
    "leads": f"Lead WHERE {_LIVE}",
    "leads_deleted": f"Lead WHERE {_GONE}",
    "leads_merged": f"Lead WHERE {_MERGED}",
    "leads_converted": f"Lead WHERE {_LIVE} AND IsConverted = 1",
    "leads_without_email": f"Lead WHERE {_LIVE} AND Email IS NULL",
    "leads_with_free_mail": f"Lead WHERE {_LIVE} AND {_FREE}",
    "lead_emails": f"(SELECT DISTINCT Email FROM Lead WHERE {_LIVE} AND Email IS NOT NULL)",
    "leads_with_a_contacts_email": (
        f"Lead AS l WHERE {_LIVE} AND EXISTS (SELECT 1 FROM Contact AS c WHERE c.IsDeleted = 0 AND c.Email = l.Email)"
    ),
    "opportunities": f"Opportunity WHERE {_LIVE}",
    "opportunities_deleted": "Opportunity WHERE IsDeleted = 1",
    "opportunities_won": f"Opportunity WHERE {_LIVE} AND IsWon = 1",
    "opportunities_lost": f"Opportunity WHERE {_LIVE} AND IsClosed = 1 AND IsWon = 0",
    "contact_roles": f"OpportunityContactRole WHERE {_LIVE}",
    "campaigns": f"Campaign WHERE {_LIVE}",
    "campaign_statuses": f"CampaignMemberStatus WHERE {_LIVE}",
    "campaign_members": f"CampaignMember WHERE {_LIVE}",
}


def statistics(conn: sqlite3.Connection) -> Statistics:
    """Count what is in an org, whichever data set it holds."""
    counts = {
        f.name: int(conn.execute(f"SELECT count(*) FROM {_QUERIES[f.name]}").fetchone()[0]) for f in fields(Statistics)
    }
    return Statistics(**counts)
