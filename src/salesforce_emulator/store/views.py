"""The org's list views: those that every org has, and those that its administrators made."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from salesforce_emulator.schema import bulk_insert, reserve_ids
from salesforce_emulator.schema.views import STANDARD_VIEWS, ListView

_SETTING = "list_views"


@dataclass(frozen=True)
class KeptView:
    """A list view and its id."""

    id: str
    view: ListView


def load_standard_views(conn: sqlite3.Connection, made: str) -> None:
    """Load the views that every org has, where they aren't loaded yet."""
    if conn.execute('SELECT 1 FROM "ListView" LIMIT 1').fetchone() is None:
        _insert(conn, STANDARD_VIEWS, made)


def put_views(conn: sqlite3.Connection, views: Sequence[ListView], made: str) -> None:
    """Add views to an org that is being made. Does not commit."""
    _insert(conn, views, made)
    value = json.dumps([view.to_json() for view in views])
    conn.execute("INSERT OR REPLACE INTO emulator_setting (name, value) VALUES (?, ?)", (_SETTING, value))


def _insert(conn: sqlite3.Connection, views: Sequence[ListView], made: str) -> None:
    columns = ("Id", "Name", "DeveloperName", "SobjectType", "CreatedDate", "LastModifiedDate", "SystemModstamp")
    rows = [
        (record_id, v.label, v.developer_name, v.sobject, made, made, made)
        for record_id, v in zip(reserve_ids(conn, "ListView", len(views)), views, strict=True)
    ]
    bulk_insert(conn, "ListView", columns, rows)


def views_of(conn: sqlite3.Connection, sobject: str, *, recent: bool = False) -> list[KeptView]:
    """The views of an object by label; with ``recent`` only those that somebody has looked at, the last one first."""
    where, order = ("", '"Name"')
    if recent:
        where, order = (' AND "LastViewedDate" IS NOT NULL', '"LastViewedDate" DESC')
    rows = conn.execute(
        f'SELECT "Id", "DeveloperName" FROM "ListView" WHERE "SobjectType" = ?{where} ORDER BY {order}, "Id"',
        (sobject,),
    ).fetchall()
    row = conn.execute("SELECT value FROM emulator_setting WHERE name = ?", (_SETTING,)).fetchone()
    own = [ListView.from_json(data) for data in json.loads(row[0])] if row else []
    known = {v.developer_name: v for v in (*STANDARD_VIEWS, *own) if v.sobject == sobject}
    return [KeptView(str(record_id), known[name]) for record_id, name in rows if name in known]


def view_by_id(conn: sqlite3.Connection, view_id: str) -> KeptView | None:
    row = conn.execute('SELECT "SobjectType" FROM "ListView" WHERE "Id" = ?', (view_id,)).fetchone()
    return next((v for v in views_of(conn, row[0]) if v.id == view_id), None) if row else None


def look_at(conn: sqlite3.Connection, view_id: str, now: str) -> None:
    """Note that somebody looks at a view."""
    conn.execute('UPDATE "ListView" SET "LastViewedDate" = ? WHERE "Id" = ?', (now, view_id))
