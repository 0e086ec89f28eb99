"""Look-ups: what the database already holds of a page, brought into temporary tables before anything is decided.

``known``    the page's records in the mirror
``held``     local records that hold a key of the page's unlinked records
``named_*``  for each kind of parent, and for what a converted lead became, the mirrored records that the page names

Each is one index scan by an array of the page's own values. So a page of a first import costs the same however much
was imported before it, and no plan depends on what the planner believes about tables that were filled a moment ago or
about a connection that is new: what follows joins temporary tables, whose size it sees.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString

from psycopg import sql

from abmatic.sync.objects import SObject
from abmatic.sync.pull.plan import PullPlan

CONVERTED: LiteralString = "named_converted"

KNOWN = sql.SQL(
    "INSERT INTO known SELECT m.sf_id, m.local_id, m.role, m.is_deleted, m.modstamp FROM {mirror} AS m "
    "WHERE m.connection_id = %(connection)s AND m.sf_id = ANY (ARRAY(SELECT w.sf_id FROM work AS w))"
)

HELD = sql.SQL(
    "INSERT INTO held SELECT l.{column}, l.id FROM {local} AS l WHERE l.{column} = ANY (ARRAY("
    "SELECT w.key FROM work AS w WHERE w.key IS NOT NULL AND NOT w.is_deleted "
    "AND w.sf_id NOT IN (SELECT k.sf_id FROM known AS k WHERE k.local_id IS NOT NULL)))"
)

NAMED = sql.SQL(
    "INSERT INTO {table} SELECT m.sf_id, m.local_id FROM {mirror} AS m "
    "WHERE m.connection_id = %(connection)s AND m.sf_id = ANY (ARRAY(SELECT DISTINCT w.{column} FROM work AS w))"
)

# The lead that waits for a contact: of several the oldest.
LEADS_WAITING = sql.SQL(
    "INSERT INTO {table} SELECT DISTINCT ON (m.waiting_for) m.waiting_for, m.local_id FROM mirror_lead AS m "
    "WHERE m.waiting_for = ANY (ARRAY(SELECT w.sf_id FROM work AS w)) AND m.connection_id = %(connection)s "
    "AND m.local_id IS NOT NULL ORDER BY m.waiting_for, m.created, m.sf_id"
)


@dataclass(frozen=True, slots=True)
class Named:
    """Mirrored records that a page's records name: ``table`` gets (sf_id as in ``column`` of ``work``, local_id)."""

    table: str
    column: str
    fill: sql.Composed


def named(spec: SObject) -> list[Named]:
    """The parents of an object's records, and what a conversion joins them with (``named_converted``)."""
    found = [
        _by_id(f"named_{parent.local_column}", parent.parent_mirror, parent.mirror_column) for parent in spec.parents
    ]
    if spec.name == "Lead":
        found.append(_by_id(CONVERTED, "mirror_contact", "converted_contact_id"))
    if spec.name == "Contact":
        found.append(Named(CONVERTED, "sf_id", LEADS_WAITING.format(table=sql.Identifier(CONVERTED))))
    return found


def _by_id(table: str, mirror: str, column: str) -> Named:
    fill = NAMED.format(table=sql.Identifier(table), mirror=sql.Identifier(mirror), column=sql.Identifier(column))
    return Named(table, column, fill)


def tables(plan: PullPlan) -> dict[str, LiteralString]:
    """The temporary tables, with their columns."""
    by_id: LiteralString = 'sf_id text COLLATE "C", local_id bigint'
    return {
        "known": f"{by_id}, role smallint, is_deleted boolean, modstamp timestamptz",
        "held": 'key text COLLATE "C", id bigint',
        **{each.table: by_id for each in named(plan.spec)},
    }


def create_tables(plan: PullPlan) -> list[sql.Composed]:
    """Makes them, once per session."""
    return [
        sql.SQL("CREATE TEMP TABLE {} ({}) ON COMMIT DELETE ROWS").format(sql.Identifier(name), sql.SQL(columns))
        for name, columns in tables(plan).items()
    ]


def fill(plan: PullPlan) -> list[sql.Composed]:
    """The look-ups of a page, in order, and a look at what they found. Parameters: connection."""
    statements = [KNOWN.format(mirror=sql.Identifier(plan.spec.mirror))]
    if plan.key_field and plan.spec.key:
        statements.append(
            HELD.format(
                local=sql.Identifier(plan.spec.local),
                column=sql.Identifier(plan.spec.key.local_column),
            )
        )
    # Else the planner takes each for a thousand rows with few values among them, and sorts the page for every join.
    analyze = sql.SQL("ANALYZE {}").format(sql.SQL(", ").join(map(sql.Identifier, tables(plan))))
    return [*statements, *(each.fill for each in named(plan.spec)), analyze]
