"""The floor: what reading the same records costs at least.

The same client fetches the same fields by Bulk API 2.0, page by page; each page is copied into a temporary table of
text and inserted, cast to its types, into a table with two unique indexes: its own primary key and the record's Id.
No matching, no merging, no mirror, no history, no reasons: what lands here is a copy and nothing more.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import psutil
import psycopg
from psycopg import sql

from abmatic.cli import bootstrap
from benchmarks.processes import cpu_seconds, postmaster


def main(login_url: str) -> None:
    """Prints one JSON object: records, seconds, records_per_second, and CPU seconds, those of Postgres also alone."""
    bootstrap.set_up()
    with bootstrap.database() as server:
        assert server is not None
        from abmatic.cli.migrate import apply_migrations
        from abmatic.sync import clients

        apply_migrations()
        processes = [psutil.Process(os.getpid())]
        database = postmaster(os.environ["ABMATIC_DATA_DIR"])
        if database not in processes[0].children(recursive=True):
            processes.append(database)
        connection = connect(login_url)
        with clients.open_client(connection) as client:
            plans = _plans(client, connection)
            before, before_postgres, began = cpu_seconds(processes), cpu_seconds([database]), time.monotonic()
            records = sum(_copy(client, plan) for plan in plans)
            seconds = time.monotonic() - began
            spent, spent_postgres = cpu_seconds(processes) - before, cpu_seconds([database]) - before_postgres
    print(
        json.dumps(
            {
                "records": records,
                "seconds": round(seconds, 3),
                "records_per_second": round(records / seconds),
                "cpu_seconds": round(spent, 2),
                "postgres_cpu_seconds": round(spent_postgres, 2),
            }
        )
    )


def connect(login_url: str) -> Any:
    """The connection to the emulated org, with the default settings."""
    from abmatic.sync import connect
    from salesforce_emulator.oauth.apps import DEFAULT_APP

    return connect.connect_headless(
        login_url, "client-credentials", DEFAULT_APP.client_id, client_secret=DEFAULT_APP.client_secret
    )


def _plans(client: Any, connection: Any) -> list[Any]:
    """The plan of each object that a first import reads."""
    from abmatic.sync.models import ObjectSetting
    from abmatic.sync.objects import OBJECTS
    from abmatic.sync.pull import plan as planning

    found = []
    for spec in OBJECTS.values():
        setting = ObjectSetting.objects.filter(connection=connection, sobject=spec.rides_with or spec.name).first()
        offered = [field.name for field in client.describe(spec.name).fields.values() if field.in_bulk]
        found.append(planning.make(spec, setting, offered)[0])
    return found


def _copy(client: Any, plan: Any) -> int:
    """Fetches one object whole, and answers its number of records."""
    from django.conf import settings

    from abmatic.postgres import sessions

    types = _types(plan)
    with sessions.session(f"floor {plan.spec.name}", sessions.IMPORT_SETTINGS) as session:
        for statement in _tables(plan.spec.name, types):
            session.execute(statement)
        session.commit()
        job = client.bulk_query(plan.soql(None, client.server_time()), include_deleted=True)
        job.wait()
        records = 0
        for page in job.pages(settings.ENVIRONMENT.import_page_records):
            with job.open_page(page) as stream:
                records += _page(session, plan.spec.name, types, stream)
        return records


def _types(plan: Any) -> dict[str, str]:
    """The type of each column, by Salesforce's name."""
    from abmatic.sync.pull.staging import _SYSTEM_TYPES
    from abmatic.sync.pull.values import SQL_TYPES

    types = dict.fromkeys(plan.selected, "text")
    types |= {"SystemModstamp": "timestamptz", "CreatedDate": "timestamptz"}
    if "IsDeleted" in types:
        types["IsDeleted"] = "boolean"
    types |= {column.sf_field: _SYSTEM_TYPES[column.type] for column in plan.system}
    return types | {field.sf_field: SQL_TYPES[field.local.type] for field in plan.fields} | {"Id": 'text COLLATE "C"'}


def _tables(name: str, types: dict[str, str]) -> list[sql.Composed]:
    def columns(of: dict[str, str]) -> sql.Composed:
        return sql.SQL(", ").join(
            sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(kind)) for column, kind in of.items()
        )

    return [
        sql.SQL("CREATE TEMP TABLE stage ({}) ON COMMIT DELETE ROWS").format(columns(dict.fromkeys(types, "text"))),
        sql.SQL('CREATE TABLE {} (id bigserial PRIMARY KEY, {}, UNIQUE ("Id"))').format(
            sql.Identifier(f"floor_{name}"), columns(types)
        ),
    ]


def _page(session: psycopg.Connection[Any], name: str, types: dict[str, str], stream: Any) -> int:
    columns = sql.SQL(", ").join(map(sql.Identifier, types))
    held = sql.SQL(", ").join(map(sql.Identifier, stream.columns))
    cast = sql.SQL(", ").join(
        sql.Identifier(column) if kind == "text" else sql.SQL("{}::{}").format(sql.Identifier(column), sql.SQL(kind))
        for column, kind in ((column, kind.removesuffix(' COLLATE "C"')) for column, kind in types.items())
    )
    with session.cursor() as cursor:
        with cursor.copy(sql.SQL("COPY stage ({0}) FROM STDIN (FORMAT csv, FORCE_NULL ({0}))").format(held)) as copy:
            for chunk in stream.chunks:
                copy.write(chunk)
        cursor.execute(
            sql.SQL("INSERT INTO {} ({}) SELECT {} FROM stage").format(sql.Identifier(f"floor_{name}"), columns, cast)
        )
        records = cursor.rowcount
    session.commit()
    return records


if __name__ == "__main__":
    main(sys.argv[1])
