"""Making an org's file, and what it keeps of its schema."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable

from salesforce_emulator.schema import Customization, Schema, create_indexes, create_tables, load_base
from salesforce_emulator.schema.base import load_rates, load_record_types
from salesforce_emulator.schema.changes import whole
from salesforce_emulator.schema.tables import fast_load
from salesforce_emulator.store import places
from salesforce_emulator.store.connections import Connections
from salesforce_emulator.store.settings import put_setting, setting

Loader = Callable[[sqlite3.Connection], object]

SCHEMA = "schema"
_FIELDS_ONLY = "custom_fields"
"""Where orgs made earlier keep what they know of the schema."""


def make(
    connections: Connections,
    loader: Loader | None,
    *,
    name: str,
    edition: str,
    sandbox: bool,
    custom: Customization,
    organization_id: str,
    captured: Iterable[str] | None,
) -> None:
    """Fill a new file beside its final name, so that a half-made org is never taken for a whole one."""
    connections.path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = connections.path.with_name(connections.path.name + ".unfinished")
    unfinished.unlink(missing_ok=True)
    schema = whole(custom)
    connections.formulas.computed(schema, schema)  # refuses what can't be computed, before there is a file
    known(schema, captured or ())
    conn = sqlite3.connect(unfinished)
    try:
        fast_load(conn)
        connections.add_functions(conn)
        create_tables(conn, schema)
        load_base(conn, name=name, edition=edition, sandbox=sandbox, organization_id=organization_id)
        load_rates(conn, custom.currencies, schema)
        put_setting(conn, SCHEMA, json.dumps(custom.to_json()))
        if loader is not None:
            loader(conn)
        places.fill_codes(conn, schema)
        load_record_types(conn, schema)
        create_indexes(conn, schema)
        conn.commit()
        conn.execute("PRAGMA locking_mode = NORMAL")
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    finally:
        conn.close()
    unfinished.replace(connections.path)


def customization(conn: sqlite3.Connection) -> Customization:
    """What administrators made of the schema, as the file keeps it."""
    stored = setting(conn, SCHEMA)
    if stored is not None:
        return Customization.from_json(json.loads(stored))
    return Customization.of_fields(json.loads(setting(conn, _FIELDS_ONLY) or "{}"))


def known(schema: Schema, objects: Iterable[str]) -> list[str]:
    """The objects' own names."""
    wanted = list(objects)
    if unknown := [name for name in wanted if name not in schema]:
        raise ValueError(f"change events: there is no object {', '.join(unknown)}")
    return [schema[name].name for name in wanted]
