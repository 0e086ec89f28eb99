"""What goes wrong most often, why, and what helps: the tables of the Salesforce Setup guide, in its words.

What a run can name itself, it does (see `reasons`, `refusals` and the client's errors). These are for whoever only sees
that something isn't as expected.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trouble:
    """One row: what is seen or read, what is behind it, what helps."""

    problem: str
    cause: str
    solution: str


@dataclass(frozen=True, slots=True)
class Troubles:
    """One table."""

    title: str
    rows: tuple[Trouble, ...]


TROUBLES = (
    Troubles(
        "Connection issues",
        (
            Trouble("Invalid Grant", "OAuth token expired or revoked",
                    "Click Reconnect to re-authorize. Settings and data are kept."),
            Trouble("Insufficient Privileges", "User lacks API permissions",
                    "Add “API Enabled” to user profile in Salesforce, then press Check again under Permissions."),
            Trouble("Request limit exceeded", "Daily API limit hit",
                    "Reduce sync frequency or wait until reset: syncs that start by themselves then go on."),
        ),
    ),
    Troubles(
        "Sync issues",
        (
            Trouble("No records syncing", "No sync direction enabled",
                    "Enable “Create in Abmatic” for the object, and sync again."),
            Trouble("Missing fields", "Field not mapped",
                    "Add mapping in Settings: the next sync reads the field of every record."),
            Trouble("Duplicate records", "Multiple matches on primary key",
                    "Ensure unique websites/emails in Salesforce: the next sync then keeps them as separate records."),
            Trouble("Stale data", "Sync frequency too low", "Increase frequency or sync manually."),
        ),
    ),
    Troubles(
        "Data quality issues",
        (
            Trouble("Wrong data in fields", "The other side’s value replaced what was there",
                    "Check sync direction (Fill vs Overwrite). A run’s Undo puts back what it replaced."),
            Trouble("Custom fields not appearing", "Only default fields are mapped at first",
                    "Add custom field mapping manually."),
            Trouble("Leads/Contacts duplicated", "A lead and a contact of one person have different e-mail addresses",
                    "Check if same email exists as both Lead and Contact: then they are one person here from their "
                    "first sync on. Two that came apart become one when the lead is converted into the contact in "
                    "Salesforce."),
        ),
    ),
)  # fmt: skip
