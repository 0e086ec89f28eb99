"""Profiles as records: those that permissions are given to are made, and have permissions on the org as a whole."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from salesforce_emulator.schema.tables import bulk_insert, reserve_ids
from salesforce_emulator.soql.conditions import stamp
from salesforce_emulator.store.wording import BadRule, Json, entries, flag, only, text

_STAMPS = ("CreatedDate", "LastModifiedDate", "SystemModstamp")


def put(conn: sqlite3.Connection, given: Json, now: datetime) -> None:
    """Make the profiles that permissions name, and set their user permissions.

    :raises BadRule: a user permission that this org doesn't know.
    """
    known = {str(row[1]) for row in conn.execute('PRAGMA table_info("Profile")')}
    for entry in entries(given, "profiles", "permissions"):
        name = text(entry, "fullName", "profile")
        rights = dict(_right(one, known, f"profile {name}") for one in entries(entry, "userPermissions", name))
        row = conn.execute('SELECT "Id" FROM "Profile" WHERE "Name" = ?', (name,)).fetchone()
        record_id = str(row[0]) if row else _make(conn, name, stamp(now))
        for column, enabled in rights.items():
            sql = f'UPDATE "Profile" SET "{column}" = ?, "SystemModstamp" = ? WHERE "Id" = ?'
            conn.execute(sql, (int(enabled), stamp(now), record_id))


def _right(entry: Json, known: set[str], where: str) -> tuple[str, bool]:
    only(entry, ("name", "enabled"), where)
    column = f"Permissions{text(entry, 'name', where)}"
    if column not in known:
        names = ", ".join(sorted(c.removeprefix("Permissions") for c in known if c.startswith("Permissions")))
        raise BadRule(f"{where}: there is no user permission {entry['name']}; known are {names}")
    return column, flag(entry, "enabled", where, default=True)


def _make(conn: sqlite3.Connection, name: str, moment: str) -> str:
    record_id = reserve_ids(conn, "Profile", 1)[0]
    columns = ("Id", "Name", "UserType", "PermissionsApiEnabled", *_STAMPS)
    bulk_insert(conn, "Profile", columns, [(record_id, name, "Standard", 1, moment, moment, moment)])
    return record_id
