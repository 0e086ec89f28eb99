"""Deals that would be made beside their like: Salesforce has one of the same account and name that is nobody's here.

Opportunities are matched by their Id only, so one that was never to be created here is not known for the deal that
somebody enters or imports from a file. Which of both is meant only a person can say: the record is held back with an
issue, whichever way it came to be here.
"""

from __future__ import annotations

from typing import LiteralString

from psycopg import sql

from abmatic.sync.objects import SObject

CODE = "ALREADY_IN_SALESFORCE"
# The field that the issue stands at: without it Salesforce takes no deal.
FIELD = "Name"

_HAS_NAMESAKE: LiteralString = """
    EXISTS (SELECT FROM mirror_opportunity AS h
             WHERE h.connection_id = {connection} AND h.account_sf_id = p.sf_id AND h.local_id IS NULL
               AND NOT h.is_deleted AND lower(btrim(h.values ->> 'Name')) = lower(btrim(a.name)))"""


def problem(spec: SObject, sf_field: str, connection: int) -> sql.Composed | None:
    """The code for a new deal ``a`` of the account ``p`` where there is such a one; NULL where not.

    None where nothing is looked for: at other fields, and of other objects.
    """
    if (spec.name, sf_field) != ("Opportunity", FIELD):
        return None
    return sql.SQL("CASE WHEN {} THEN {} END").format(
        sql.SQL(_HAS_NAMESAKE).format(connection=sql.Literal(connection)), sql.Literal(CODE)
    )
