"""An org of any size, from a seed: statistically like that of a company which sells to companies.

``load`` fills an empty database; ``statistics`` counts what is in it; ``read_manifest`` tells what can't be
counted by SQL, such as how many accounts share a domain.  The same size, seed and day give the same org, to the
byte.

Records are made row by row from pools prepared beforehand, a chunk of accounts at a time together with the
contacts, opportunities, leads and members that belong to them: so memory stays flat, and a child always finds
its parent.
"""

from __future__ import annotations

import gc
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from salesforce_emulator.data.generate import activities, campaigns, contacts, deals, leads
from salesforce_emulator.data.generate.accounts import COLUMNS as ACCOUNT_COLUMNS
from salesforce_emulator.data.generate.accounts import Accounts
from salesforce_emulator.data.generate.activities import Activities
from salesforce_emulator.data.generate.campaigns import Campaigns
from salesforce_emulator.data.generate.contacts import Contact, Contacts
from salesforce_emulator.data.generate.deals import Deals
from salesforce_emulator.data.generate.facts import (
    Manifest,
    Statistics,
    manifest_of,
    read_manifest,
    statistics,
    write_manifest,
)
from salesforce_emulator.data.generate.leads import Leads
from salesforce_emulator.data.generate.world import World
from salesforce_emulator.data.loading import prepare
from salesforce_emulator.schema import bulk_insert, create_indexes, reserve_ids

__all__ = ["AS_OF", "LARGEST", "Manifest", "Statistics", "load", "read_manifest", "statistics"]

AS_OF = date(2026, 10, 1)
"""The day before which everything in the org happened, unless ``load`` is told another."""
LARGEST = 25_000_000
"""Beyond it, invented domains would begin to repeat."""
_CHUNK = 8_192


def load(conn: sqlite3.Connection, accounts: int, seed: int = 0, *, as_of: date = AS_OF) -> Manifest:
    """Fill an empty org with so many accounts and what goes with them, index it, and commit.

    On every account come about 1.6 contacts, 0.6 leads, 0.4 opportunities, 0.5 campaign members and 0.2 tasks.  If
    anything fails, nothing of it stays.

    :param accounts: how many; three in a hundred of them are deleted or merged.
    :raises ValueError: the number is negative or beyond LARGEST, or the org already holds accounts.
    """
    if not 0 <= accounts <= LARGEST:
        raise ValueError(f"An org can be generated with 0 to {LARGEST:,} accounts, not {accounts:,}.")
    prepare(conn, name=f"Generated Org {seed}", edition="Enterprise Edition")
    with _quickly(conn):
        try:
            manifest = _fill(conn, World(accounts, seed, as_of), seed, as_of)
        except BaseException:
            conn.rollback()
            raise
        conn.commit()
        create_indexes(conn)
    return manifest


def _fill(conn: sqlite3.Connection, world: World, seed: int, as_of: date) -> Manifest:
    members = _load_campaigns(conn, world)
    makers = (Accounts(world), Contacts(world), Deals(world, members.ids))
    lead_maker = Leads(world, makers[0].keyed, makers[1].mailed)
    activity_maker = Activities(world)
    for first in range(0, world.accounts, _CHUNK):
        _load_chunk(conn, world, first, makers, lead_maker, members, activity_maker)
    manifest = manifest_of(world.accounts, seed, as_of, world.facts)
    write_manifest(conn, manifest)
    return manifest


def _load_campaigns(conn: sqlite3.Connection, world: World) -> Campaigns:
    count = campaigns.number_of_campaigns(world.accounts)
    made = Campaigns(world, reserve_ids(conn, "Campaign", count))
    bulk_insert(conn, "Campaign", campaigns.COLUMNS, made.rows())
    _insert_numbered(conn, "CampaignMemberStatus", campaigns.STATUS_COLUMNS, made.status_rows())
    return made


def _load_chunk(
    conn: sqlite3.Connection,
    world: World,
    first: int,
    makers: tuple[Accounts, Contacts, Deals],
    lead_maker: Leads,
    members: Campaigns,
    activity_maker: Activities,
) -> None:
    """The accounts from number ``first`` on, and everything that belongs to them."""
    account_maker, contact_maker, deal_maker = makers
    last = min(first + _CHUNK, world.accounts)
    some_accounts, rows = account_maker.make(reserve_ids(conn, "Account", last - first))
    bulk_insert(conn, "Account", ACCOUNT_COLUMNS, rows)

    planned = contact_maker.plan(some_accounts)
    people, rows = contact_maker.make(reserve_ids(conn, "Contact", len(planned)), planned)
    bulk_insert(conn, "Contact", contacts.COLUMNS, rows)
    colleagues: dict[str, list[Contact]] = defaultdict(list)
    for person in people:
        if person.account:
            colleagues[person.account.id].append(person)

    customers = deal_maker.plan(some_accounts)
    deal_ids = reserve_ids(conn, "Opportunity", len(customers))
    deals_of, rows, roles = deal_maker.make(deal_ids, customers, colleagues)
    bulk_insert(conn, "Opportunity", deals.COLUMNS, rows)
    _insert_numbered(conn, "OpportunityContactRole", deals.ROLE_COLUMNS, roles)

    origins = lead_maker.origins(people)
    strangers = int(last * leads.PER_ACCOUNT) - int(first * leads.PER_ACCOUNT)
    lead_ids = reserve_ids(conn, "Lead", max(strangers, len(origins)))
    prospects, rows = lead_maker.make(lead_ids, origins, deals_of)
    bulk_insert(conn, "Lead", leads.COLUMNS, rows)

    _insert_numbered(conn, "CampaignMember", campaigns.MEMBER_COLUMNS, members.members(people, prospects))

    tasks, events = activity_maker.make(people, deals_of)
    _insert_numbered(conn, "Task", activities.TASK_COLUMNS, tasks)
    _insert_numbered(conn, "Event", activities.EVENT_COLUMNS, events)


def _insert_numbered(
    conn: sqlite3.Connection, sobject: str, columns: tuple[str, ...], rows: list[tuple[object, ...]]
) -> None:
    """Insert rows that lack only the id at their beginning."""
    record_ids = reserve_ids(conn, sobject, len(rows))
    bulk_insert(conn, sobject, columns, ((record_id, *row) for record_id, row in zip(record_ids, rows, strict=True)))


@contextmanager
def _quickly(conn: sqlite3.Connection) -> Iterator[None]:
    """Fill a database that nobody uses yet without waiting for the disk; afterwards do as before.

    Nor for the garbage collector: rows hold no cycles, and looking through millions of them for some took a
    third of the time.
    """
    names = ("journal_mode", "synchronous", "cache_size")
    before = {name: conn.execute(f"PRAGMA {name}").fetchone()[0] for name in names}
    conn.execute("PRAGMA journal_mode = MEMORY")
    conn.execute("PRAGMA synchronous = OFF")
    conn.execute("PRAGMA cache_size = -65536")
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
        for name, value in before.items():
            conn.execute(f"PRAGMA {name} = {value}")
