"""An org into which accounts' industries may be written, for the commands that have to do with writing."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

from tests.cli.orgs import Connected

REFUSED = "FIELD_CUSTOM_VALIDATION_EXCEPTION"


def allow(salesforce: Connected) -> None:
    """Imports the accounts, allows writing to them, and compares everything once."""
    salesforce.run("sync", "--here", "Account")
    query = salesforce.installation.query
    query("UPDATE object_setting SET update_in_salesforce = true WHERE sobject = 'Account' RETURNING id")
    query("UPDATE field_mapping SET to_salesforce = 'overwrite' WHERE sf_field = 'Industry' RETURNING id")
    salesforce.run("sync", "--here", "Account")


def edit(salesforce: Connected, name: str, industry: str) -> int:
    """As a person's edit does it. Answers the account's id."""
    ((account,),) = salesforce.installation.query(
        f"""
        WITH cause AS (INSERT INTO cause (kind, at, note) VALUES ('user', now(), '') RETURNING id), was AS (
            SELECT id, industry FROM account WHERE name = '{name}'
        ), change AS (
            INSERT INTO change (record, record_id, field, before, after, cause_id, at)
            SELECT 'account', was.id, 'industry', to_jsonb(was.industry), to_jsonb('{industry}'::text), cause.id, now()
              FROM was, cause
        )
        UPDATE account SET industry = '{industry}' FROM was WHERE account.id = was.id RETURNING account.id
        """
    )
    return int(account)


def industry(salesforce: Connected, name: str) -> Any:
    """What Salesforce has."""
    with closing(sqlite3.connect(salesforce.org.store.path)) as database:
        return database.execute('SELECT "Industry" FROM "Account" WHERE "Name" = ?', (name,)).fetchone()[0]


def refuse(salesforce: Connected, *, times: int = 1) -> None:
    """Salesforce refuses the next record."""
    error = {"statusCode": REFUSED, "message": "Not on a Wednesday.", "fields": ["Industry"]}
    salesforce.org.fault(
        "status", {"method": "PATCH", "path": "/composite/sobjects"}, status=200, times=times,
        body=[{"success": False, "errors": [error]}],
    )  # fmt: skip


def told(salesforce: Connected, *arguments: str) -> dict[str, Any]:
    """What a command says with --json."""
    said = json.loads(salesforce.run(*arguments, "--json"))
    assert isinstance(said, dict)
    return said
