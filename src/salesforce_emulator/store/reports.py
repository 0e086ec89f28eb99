"""The org's reports, which its data file made."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from salesforce_emulator.schema import bulk_insert, reserve_ids
from salesforce_emulator.schema.reports import Report

_SETTING = "reports"


def put_reports(conn: sqlite3.Connection, reports: Sequence[Report], made: str) -> None:
    """Add reports to an org that is being made. Does not commit."""
    record_ids = reserve_ids(conn, "Report", len(reports))
    columns = (
        "Id", "Name", "DeveloperName", "Description", "FolderName", "Format", "CreatedDate", "LastModifiedDate",
        "SystemModstamp",
    )  # fmt: skip
    rows = [
        (record_id, r.name, r.developer_name, r.description, "Public Reports", "Tabular", made, made, made)
        for record_id, r in zip(record_ids, reports, strict=True)
    ]
    bulk_insert(conn, "Report", columns, rows)
    value = json.dumps({record_id: r.to_json() for record_id, r in zip(record_ids, reports, strict=True)})
    conn.execute("INSERT OR REPLACE INTO emulator_setting (name, value) VALUES (?, ?)", (_SETTING, value))


def reports_of(conn: sqlite3.Connection) -> dict[str, Report]:
    """The reports by id."""
    row = conn.execute("SELECT value FROM emulator_setting WHERE name = ?", (_SETTING,)).fetchone()
    kept = json.loads(row[0]) if row else {}
    return {record_id: Report.from_json(data) for record_id, data in kept.items()}


def note_run(conn: sqlite3.Connection, report_id: str, now: str) -> None:
    """Note that a report was run."""
    sql = 'UPDATE "Report" SET "LastRunDate" = ?, "LastViewedDate" = ? WHERE "Id" = ?'
    conn.execute(sql, (now, now, report_id))
