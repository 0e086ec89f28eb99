"""Newcomers: records that concern nothing that is here, which is most of a first import.

Not known, not deleted, with a key that no local record has and no other record of the part, or without one: whatever
the others of its run say, such a record becomes a local record of its own. So newcomers don't wait for their part's
turn: they are written while the part before is still applied, by one statement, in the part's own transaction. Parts
that are under way at the same time tell each other their keys (``claimed``): a record whose key another part has as
well is no newcomer. All that is no newcomer is held back for the part's turn, and goes through `match` and `merge`.
"""

from __future__ import annotations

from typing import LiteralString

from psycopg import sql

from abmatic.sync.objects import SObject
from abmatic.sync.pull import apply, lookups, match
from abmatic.sync.pull.plan import PullPlan
from abmatic.sync.pull.staging import names

TABLES: tuple[tuple[LiteralString, LiteralString], ...] = (
    ("held_back", 'sf_id text COLLATE "C"'),
    ("later", "LIKE work"),
)
TABLE_NAMES = tuple(name for name, _ in TABLES)


def are_possible(plan: PullPlan) -> bool:
    """Whether records of this object become local records by themselves."""
    return plan.create and plan.spec.has_history and not plan.spec.has_tree and not plan.spec.joins


def create_tables() -> list[sql.Composed]:
    """The temporary tables, made once per session after ``work``."""
    return [
        sql.SQL("CREATE TEMP TABLE {} ({}) ON COMMIT DELETE ROWS").format(sql.Identifier(name), sql.SQL(columns))
        for name, columns in TABLES
    ]


def hold_back(plan: PullPlan) -> sql.Composed:
    """Fills ``held_back`` with the Ids of those that are no newcomers. Parameters: claimed."""
    tests: list[LiteralString] = ["w.is_deleted", "w.sf_id IN (SELECT k.sf_id FROM known AS k)"]
    if any(field.can_be_bad for field in plan.fields):
        tests.append("w.bad IS NOT NULL")
    if plan.key_field:
        tests += [
            "w.key IN (SELECT h.key FROM held AS h)",
            "w.key IN (SELECT unnest(%(claimed)s::text[]))",
            "w.key IN (SELECT o.key FROM work AS o WHERE o.key IS NOT NULL GROUP BY o.key HAVING count(*) > 1)",
        ]
    if any(column.column == "master_id" for column in plan.spec.system):
        tests.append("w.master_id IS NOT NULL")
    if plan.spec.name == "Lead":
        tests.append("w.is_converted OR w.converted_contact_id IS NOT NULL")
    if plan.spec.name == "Contact":
        tests.append(f"w.sf_id IN (SELECT c.sf_id FROM {lookups.CONVERTED} AS c)")
    return sql.SQL("INSERT INTO held_back SELECT w.sf_id FROM work AS w WHERE {}").format(
        sql.SQL(" OR ").join(map(sql.SQL, tests))
    )


def write(plan: PullPlan) -> sql.Composed:
    """Writes the others: local records, mirror, entries, and ``decided`` for what follows from a chunk.

    Parameters: connection, run, cause. Answers (reason, count) rows.
    """
    spec = plan.spec
    pairs = apply.created_columns(plan, decided="w")
    mirrored = apply.mirrored_columns(plan)
    parents = [parent.local_column for parent in spec.parents]
    return sql.SQL(
        """
        WITH new AS MATERIALIZED (
            SELECT nextval({sequence}) AS local_id, w.*{parent_picks}
              FROM work AS w {parent_joins}
             WHERE w.sf_id NOT IN (SELECT sf_id FROM held_back)
        ), made AS (
            INSERT INTO {local} ({columns}) SELECT {picks} FROM new AS w
        ), mirrored AS (
            INSERT INTO {mirror} (
                connection_id, sf_id, {mirrored}, local_id, role, waiting_for, base, linked_run, seen_run)
            SELECT %(connection)s, w.sf_id, {mirrored}, w.local_id, {primary}, {waiting_for}, {base}, %(run)s, %(run)s
              FROM new AS w
        ), noted AS (
            {noted}
        ), followed AS (
            INSERT INTO decided (sf_id, key, local_id, role, action, is_known, was_deleted, is_newer, created,
                                 {parent_columns} waiting_for)
            SELECT w.sf_id, w.key, w.local_id, {primary}, {action}, false, false, true, w.created, {parent_columns}
                   {waiting_for}
              FROM new AS w
        )
        SELECT reason, count(*) FROM noted GROUP BY reason
        """
    ).format(
        sequence=sql.Literal(f"{spec.local}_id_seq"),
        parent_picks=sql.SQL("").join(
            sql.SQL(", {}.local_id AS {}").format(sql.Identifier(f"named_{parent}"), sql.Identifier(parent))
            for parent in parents
        ),
        parent_joins=match.named_joins([each for each in lookups.named(spec) if each.table != lookups.CONVERTED]),
        local=sql.Identifier(spec.local),
        columns=names(*(column for column, _ in pairs)),
        picks=sql.SQL(", ").join(pick for _, pick in pairs),
        mirror=sql.Identifier(spec.mirror),
        mirrored=names(*mirrored),
        primary=sql.Literal(match.PRIMARY),
        action=sql.Literal(match.NEWCOMER),
        waiting_for=_waiting_for(spec),
        base=apply.created_base(plan),
        noted=_noted(plan),
        parent_columns=sql.SQL("{},").format(names(*parents)) if parents else sql.SQL(""),
    )


def _waiting_for(spec: SObject) -> sql.Composable:
    """A lead waits for the contact it was converted into; such a lead is no newcomer."""
    return sql.SQL("NULL") if spec.name == "Lead" else match.waiting_for(spec, sql.Identifier("w"))


def _noted(plan: PullPlan) -> sql.Composable:
    if not plan.key_field or plan.spec.key is None:
        return sql.SQL("SELECT NULL AS reason WHERE false")
    return sql.SQL(
        "INSERT INTO finding (run_id, reason, sf_id, local_id, field, value) "
        "SELECT %(run)s, w.key_problem, w.sf_id, w.local_id, {}, w.key_text FROM new AS w "
        "WHERE w.key_problem IS NOT NULL RETURNING reason"
    ).format(sql.Literal(plan.key_field))


# What is left of ``work`` for the part's turn.
KEEP_THE_OTHERS: tuple[LiteralString, ...] = (
    "INSERT INTO later SELECT w.* FROM work AS w WHERE w.sf_id IN (SELECT sf_id FROM held_back)",
    "TRUNCATE work, held_back",
    "INSERT INTO work SELECT * FROM later",
)

KEYS: LiteralString = "COPY (SELECT key FROM work WHERE key IS NOT NULL) TO STDOUT"
