"""The sample records that every Developer Edition org begins with.

Names, addresses, numbers, stages and amounts are those that people know from their own trial orgs, oddities
included: titles without their full stop, ``www.expressl&t.net``, leads whose Status says "Closed - Converted"
though nobody converted them, lead sources that the picklist does not list.
Ours are five things that a new org does not have or does not show: who is a member of which campaign, the
contact roles, what is planned with some people, United Oil & Gas Corp. as the parent of its two branches, and
records shared out among the representatives instead of all belonging to whoever signed up.

``sample.json`` holds the records by object, in the order in which they are loaded.  ``key`` names a record,
``"@key"`` refers to one, ``{"days": n}`` is a date so many days after the org was signed up for.
"""

from __future__ import annotations

import json
import sqlite3
from datetime import date, timedelta
from importlib import resources

from salesforce_emulator.data.loading import Value, insert_records, prepare
from salesforce_emulator.schema import BASE, STAGES, create_indexes, reserve_ids

SIGNED_UP = date(2026, 3, 2)
"""The day on which the sample org came into being, unless ``load`` is told another."""

_STAGES = {stage.name: stage for stage in STAGES}
_CARETAKERS = {"Lead": BASE.reps[2], "Campaign": BASE.administrator}
_OWNED = ("Account", "Contact", "Lead", "Opportunity", "Campaign", "Task", "Event")
_CLEANED = ("Account", "Contact", "Lead")

# A record as the file has it: a value, or a date given in days.
_Raw = dict[str, Value | dict[str, int]]


def load(conn: sqlite3.Connection, *, signed_up: date = SIGNED_UP) -> None:
    """Load the sample org into empty tables, index them, and commit.

    Like the real one, it is made within a second: all records share CreatedDate and SystemModstamp.

    :param signed_up: the day that close dates, campaign dates and the rest are counted from.
    :raises ValueError: the org already holds accounts.
    """
    prepare(conn, name="Sample Org", edition="Developer Edition")
    file = resources.files("salesforce_emulator") / "data" / "sample.json"
    content: dict[str, list[_Raw]] = json.loads(file.read_text(encoding="utf-8"))
    known: dict[str, str] = {}
    owners: dict[str, str] = {}
    for sobject, raw_records in content.items():
        record_ids = reserve_ids(conn, sobject, len(raw_records))
        keys = [str(raw.pop("key", "")) for raw in raw_records]
        known.update(zip(keys, record_ids, strict=True))
        records = [_record(raw, known, signed_up) for raw in raw_records]
        for number, (record_id, record) in enumerate(zip(record_ids, records, strict=True)):
            record.update(_implied(sobject, record, owners, number, signed_up))
            owners[record_id] = str(record.get("OwnerId"))
        insert_records(conn, sobject, record_ids, records)
    conn.commit()
    create_indexes(conn)


def _record(raw: _Raw, known: dict[str, str], signed_up: date) -> dict[str, Value]:
    record: dict[str, Value] = {}
    for name, value in raw.items():
        if isinstance(value, dict):
            day = (signed_up + timedelta(days=value["days"])).isoformat()
            record[name] = f"{day}T00:00:00.000Z" if name.endswith("DateTime") else day
        elif isinstance(value, str) and value.startswith("@"):
            record[name] = known[value[1:]]
        else:
            record[name] = value
    return record


def _implied(
    sobject: str, record: dict[str, Value], owners: dict[str, str], number: int, signed_up: date
) -> dict[str, Value]:
    """What the file leaves out because it follows from the rest."""
    implied: dict[str, Value] = {
        "CreatedDate": f"{signed_up}T09:34:07.000Z",
        "LastModifiedDate": f"{signed_up}T09:34:07.000Z",
        "SystemModstamp": f"{signed_up}T09:37:48.000Z",
    }
    if sobject in _OWNED:
        share = BASE.reps[number % 2] if sobject == "Account" else BASE.administrator
        account_owner = owners.get(str(record.get("AccountId")), share)
        implied["OwnerId"] = _CARETAKERS.get(sobject, account_owner)
    if sobject in _CLEANED:
        implied["CleanStatus"] = "Pending"
    if sobject == "Lead":
        implied["IsUnreadByOwner"] = 1
    if sobject == "Opportunity":
        stage = _STAGES[str(record["StageName"])]
        implied |= {
            "Probability": stage.probability,
            "IsClosed": int(stage.closed),
            "IsWon": int(stage.won),
            "ForecastCategory": stage.category,
            "ForecastCategoryName": stage.category_name,
        }
    if sobject in ("Task", "Event") and "AccountId" not in record:
        implied["OwnerId"] = _CARETAKERS["Lead"]
    if sobject == "CampaignMember" and record["Status"] != "Sent":
        implied["FirstRespondedDate"] = signed_up.isoformat()
    return implied
