"""Deals that would be made beside their like: Salesforce has one of the same account and name that is nobody's here.

Opportunities are matched by their Id only, so one that was never to be created here is not known for the deal that
somebody enters or imports from a file. Which of both is meant only a person can say: the record is held back with an
issue, whichever way it came to be here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import LiteralString

from psycopg import sql

from abmatic.postgres.sql import block
from abmatic.sync.objects import SObject

CODE = "ALREADY_IN_SALESFORCE"
# The field that the issue stands at: without it Salesforce takes no deal.
FIELD = "Name"

_HAS_NAMESAKE: LiteralString = """
    EXISTS (SELECT FROM mirror_account AS q
              JOIN mirror_opportunity AS h ON h.connection_id = q.connection_id AND h.account_sf_id = q.sf_id
             WHERE q.local_id = a.account_id AND q.connection_id = {connection} AND NOT q.is_deleted
               AND h.local_id IS NULL AND NOT h.is_deleted
               AND lower(btrim(h.values ->> 'Name')) = lower(btrim(a.name)))"""


def problem(spec: SObject, sf_field: str, connection: int) -> sql.Composed | None:
    """The code for a new deal ``a`` where its account, or a duplicate of that, has such a one; NULL where not.

    None where nothing is looked for: at other fields, and of other objects.
    """
    if (spec.name, sf_field) != ("Opportunity", FIELD):
        return None
    return sql.SQL("CASE WHEN {} THEN {} END").format(
        sql.SQL(_HAS_NAMESAKE).format(connection=sql.Literal(connection)), sql.Literal(CODE)
    )


def look_again(execute: Callable[..., object], spec: SObject, connection: int) -> None:
    """Opportunities were read: whoever was held back for one that is gone, renamed or linked by now, is due."""
    if spec.name == "Opportunity":
        execute(block("abmatic.sync", "sql/linking.sql", "namesakes_gone"), {"connection": connection, "code": CODE})
