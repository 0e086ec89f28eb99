"""What every org has before anybody enters a record: itself, profiles, roles, users, stages, statuses."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from salesforce_emulator import ids
from salesforce_emulator.schema.activities import PRIORITIES, STATUSES, Choice
from salesforce_emulator.schema.currencies import EVER, corporate
from salesforce_emulator.schema.objects import Schema
from salesforce_emulator.schema.persons import BUSINESS_TYPE, RECORD_TYPES
from salesforce_emulator.schema.tables import ADMINISTRATOR, bulk_insert, reserve_ids


@dataclass(frozen=True)
class Stage:
    """A value of Opportunity.StageName and what follows from it."""

    name: str
    probability: float
    category: str
    category_name: str
    closed: bool = False
    won: bool = False


STAGES = (
    Stage("Prospecting", 10, "Pipeline", "Pipeline"),
    Stage("Qualification", 10, "Pipeline", "Pipeline"),
    Stage("Needs Analysis", 20, "Pipeline", "Pipeline"),
    Stage("Value Proposition", 50, "Pipeline", "Pipeline"),
    Stage("Id. Decision Makers", 60, "Pipeline", "Pipeline"),
    Stage("Perception Analysis", 70, "Pipeline", "Pipeline"),
    Stage("Proposal/Price Quote", 75, "Pipeline", "Pipeline"),
    Stage("Negotiation/Review", 90, "Pipeline", "Pipeline"),
    Stage("Closed Won", 100, "Closed", "Closed", closed=True, won=True),
    Stage("Closed Lost", 0, "Omitted", "Omitted", closed=True),
)
_LEAD_STATUSES = (
    ("Open - Not Contacted", 1, 0),
    ("Working - Contacted", 0, 0),
    ("Closed - Converted", 0, 1),
    ("Closed - Not Converted", 0, 0),
)


@dataclass(frozen=True)
class Base:
    """Ids of the base records, for those who refer to them."""

    organization: str
    """Of an org that is given no id of its own."""
    administrator: str
    integration: str
    without_api: str
    reps: tuple[str, ...]
    admin_profile: str
    standard_profile: str
    no_api_profile: str


BASE = Base(
    organization=ids.make("00D", 1),
    administrator=ADMINISTRATOR,
    integration=ids.make("005", 2),
    without_api=ids.make("005", 3),
    reps=tuple(ids.sequence("005", 4, 4)),
    admin_profile=ids.make("00e", 1),
    standard_profile=ids.make("00e", 2),
    no_api_profile=ids.make("00e", 3),
)

_PERMISSIONS = (
    "ApiEnabled",
    "ConvertLeads",
    "ModifyAllData",
    "ViewAllData",
    "ViewSetup",
    "ManageUsers",
    "BulkApiHardDelete",
)
# first name, last name, user name, alias, title, profile
_USERS = (
    ("Ada", "Admin", "admin", "aadmin", "System Administrator", BASE.admin_profile),
    ("Abmatic", "Integration", "integration", "integ", "Integration user", BASE.admin_profile),
    ("Nora", "No-API", "noapi", "nnoapi", "Reads pages only", BASE.no_api_profile),
    ("Rita", "Reyes", "rita", "rreyes", "Account Executive", BASE.standard_profile),
    ("Sam", "Sato", "sam", "ssato", "Account Executive", BASE.standard_profile),
    ("Olu", "Okafor", "olu", "ookafor", "Sales Development", BASE.standard_profile),
    ("Mia", "Maier", "mia", "mmaier", "VP Sales", BASE.standard_profile),
)
_NO_DECIMALS = frozenset({"JPY", "KRW", "CLP", "VND", "ISK"})
USER_DOMAIN = "emulator.example"
MADE = "2020-01-06T08:00:00.000Z"


def load_base(
    conn: sqlite3.Connection,
    *,
    name: str = "Emulated Org",
    edition: str = "Developer Edition",
    sandbox: bool = False,
    organization_id: str = BASE.organization,
) -> None:
    """Load the base records into empty tables, and commit. :data:`BASE` holds their ids.

    :param edition: Organization.OrganizationType, such as "Enterprise Edition".
    :param organization_id: 18 characters. No two orgs share one; their records' ids may be alike, as those of a
        production org and its sandbox are.
    """
    _organization(conn, organization_id, name, edition, sandbox)
    _profiles(conn)
    _users(conn)
    _picklists(conn)
    load_task_choices(conn)
    conn.commit()


_AUDIT = ("CreatedDate", "LastModifiedDate", "SystemModstamp")
_MADE = (MADE, MADE, MADE)


def _organization(conn: sqlite3.Connection, organization_id: str, name: str, edition: str, sandbox: bool) -> None:
    columns = (
        "Id",
        "Name",
        "OrganizationType",
        "IsSandbox",
        "InstanceName",
        "Country",
        "PrimaryContact",
        "DefaultLocaleSidKey",
        "TimeZoneSidKey",
        "LanguageLocaleKey",
        "FiscalYearStartMonth",
    )
    row = (
        organization_id,
        name,
        edition,
        int(sandbox),
        "EMU1",
        "US",
        "Ada Admin",
        "en_US",
        "America/Los_Angeles",
        "en_US",
        1,
    )
    bulk_insert(conn, "Organization", (*columns, *_AUDIT), [(*row, *_MADE)])


def _profiles(conn: sqlite3.Connection) -> None:
    rights = {"System Administrator": 1, "Standard User": 0, "Read Pages Only": 0}
    rows = []
    for record_id, (name, everything) in zip(reserve_ids(conn, "Profile", 3), rights.items(), strict=True):
        api = int(name != "Read Pages Only")
        rows.append((record_id, name, "Standard", api, api, *[everything] * 5, *_MADE))
    columns = ("Id", "Name", "UserType", *(f"Permissions{p}" for p in _PERMISSIONS), *_AUDIT)
    bulk_insert(conn, "Profile", columns, rows)


def _users(conn: sqlite3.Connection) -> None:
    role_ids = reserve_ids(conn, "UserRole", 2)
    roles = [(role_ids[0], "CEO", "CEO", None), (role_ids[1], "Sales", "Sales", role_ids[0])]
    bulk_insert(conn, "UserRole", ("Id", "Name", "DeveloperName", "ParentRoleId"), roles)
    rows = []
    for record_id, user in zip(reserve_ids(conn, "User", len(_USERS)), _USERS, strict=True):
        first, last, user_name, alias, title, profile = user
        mail = f"{user_name}@{USER_DOMAIN}"
        role = role_ids[1] if profile == BASE.standard_profile else None
        rows.append(
            (
                record_id,
                mail,
                first,
                last,
                mail,
                alias,
                alias,
                title,
                1,
                profile,
                role,
                "Standard",
                "America/Los_Angeles",
                "en_US",
                "en_US",
                "UTF-8",
                *_MADE,
            )
        )
    columns = (
        "Id",
        "Username",
        "FirstName",
        "LastName",
        "Email",
        "Alias",
        "CommunityNickname",
        "Title",
        "IsActive",
        "ProfileId",
        "UserRoleId",
        "UserType",
        "TimeZoneSidKey",
        "LocaleSidKey",
        "LanguageLocaleKey",
        "EmailEncodingKey",
        *_AUDIT,
    )
    bulk_insert(conn, "User", columns, rows)


def _picklists(conn: sqlite3.Connection) -> None:
    taken = reserve_ids(conn, "OpportunityStage", len(STAGES) + len(_LEAD_STATUSES))
    stages = [
        (
            record_id,
            s.name,
            s.name,
            1,
            order,
            int(s.closed),
            int(s.won),
            s.category,
            s.category_name,
            s.probability,
            *_MADE,
        )
        for order, (record_id, s) in enumerate(zip(taken, STAGES, strict=False), 1)
    ]
    columns = (
        "Id",
        "MasterLabel",
        "ApiName",
        "IsActive",
        "SortOrder",
        "IsClosed",
        "IsWon",
        "ForecastCategory",
        "ForecastCategoryName",
        "DefaultProbability",
        *_AUDIT,
    )
    bulk_insert(conn, "OpportunityStage", columns, stages)
    statuses = [
        (record_id, label, label, order, default, converted, *_MADE)
        for order, (record_id, (label, default, converted)) in enumerate(
            zip(taken[len(STAGES) :], _LEAD_STATUSES, strict=True), 1
        )
    ]
    status_columns = ("Id", "MasterLabel", "ApiName", "SortOrder", "IsDefault", "IsConverted", *_AUDIT)
    bulk_insert(conn, "LeadStatus", status_columns, statuses)


def load_task_choices(conn: sqlite3.Connection) -> None:
    """Load the values of a task's Status and Priority, where they aren't loaded yet."""
    if conn.execute('SELECT 1 FROM "TaskStatus" LIMIT 1').fetchone() is None:
        _choices(conn, "TaskStatus", STATUSES, "IsClosed")
        _choices(conn, "TaskPriority", PRIORITIES, "IsHighPriority")


def _choices(conn: sqlite3.Connection, sobject: str, choices: tuple[Choice, ...], flag: str) -> None:
    record_ids = reserve_ids(conn, sobject, len(choices))
    columns = ("Id", "MasterLabel", "ApiName", "SortOrder", "IsDefault", flag, *_AUDIT)
    rows = [
        (record_id, c.name, c.name, order, int(c.default), int(c.marked), *_MADE)
        for order, (record_id, c) in enumerate(zip(record_ids, choices, strict=True), 1)
    ]
    bulk_insert(conn, sobject, columns, rows)


def load_record_types(conn: sqlite3.Connection, schema: Schema) -> None:
    """Load the record types of an org with person accounts, and give those that are there theirs. Does not commit."""
    if schema.get("RecordType") is None:
        return
    columns = ("Id", "Name", "DeveloperName", "IsPersonType", "SobjectType", "IsActive", *_AUDIT)
    bulk_insert(conn, "RecordType", columns, [(*r, "Account", 1, *_MADE) for r in RECORD_TYPES], schema)
    conn.execute('UPDATE "Account" SET "RecordTypeId" = ? WHERE "RecordTypeId" IS NULL', (BUSINESS_TYPE,))


def load_rates(conn: sqlite3.Connection, currencies: Mapping[str, float], schema: Schema) -> None:
    """Load the org's currencies into a new org. Does not commit."""
    if not currencies:
        return
    own = corporate(currencies)
    taken = reserve_ids(conn, "CurrencyType", len(currencies), schema)
    rows = [
        (record_id, code, float(rate), 0 if code in _NO_DECIMALS else 2, 1, int(code == own))
        for record_id, (code, rate) in zip(taken, currencies.items(), strict=True)
    ]
    columns = ("Id", "IsoCode", "ConversionRate", "DecimalPlaces", "IsActive", "IsCorporate")
    bulk_insert(conn, "CurrencyType", columns, rows, schema)
    if schema.get("DatedConversionRate") is not None:
        first = reserve_ids(conn, "DatedConversionRate", len(currencies), schema)
        dated = [(i, code, float(rate), EVER[0]) for i, (code, rate) in zip(first, currencies.items(), strict=True)]
        bulk_insert(conn, "DatedConversionRate", ("Id", "IsoCode", "ConversionRate", "StartDate"), dated, schema)
