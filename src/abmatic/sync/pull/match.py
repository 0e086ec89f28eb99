"""Match: whose record is this? SYNC.md section 3, as one statement over a chunk.

Each row of ``work`` gets one row in ``decided``; ``action`` is one of

``known``      linked before: merged
``revived``    linked before, was deleted, is back: merged
``deleted``    linked before, deleted now
``link``       not linked yet, and a local record has its key (or its conversion names one): linked and merged
``takeover``   as link, from a primary that this same run linked and that turned out to be the younger one
``create``     nothing has its key: a local record is made
``new``        the same, and it is made already (see `newcomers`)
``duplicate``  another record of this object and connection is primary for the local record
``unlinked``   would be created, but "Create in Abmatic" is off: stays in the mirror
``gone``       deleted before we ever saw it
"""

from __future__ import annotations

from collections.abc import Iterable

from psycopg import sql

from abmatic.sync.objects import Parent, SObject
from abmatic.sync.pull import lookups
from abmatic.sync.pull.plan import PullPlan
from abmatic.sync.pull.staging import names

PRIMARY, DUPLICATE, UNLINKED = 1, 2, 0
NEWCOMER = "new"


def decide(plan: PullPlan) -> sql.Composed:
    """Fills ``decided`` from ``work`` and the page's look-ups. Parameters: connection, create."""
    spec = plan.spec
    parents = [p.local_column for p in spec.parents]
    return sql.SQL(
        """
        INSERT INTO decided (sf_id, key, local_id, role, action, is_known, was_deleted, is_newer, created,
                             {parent_columns} waiting_for)
        SELECT a.sf_id, a.key,
               CASE a.action
                   WHEN 'create' THEN {new}
                   WHEN 'unlinked' THEN NULL
                   WHEN 'gone' THEN NULL
                   ELSE coalesce(a.linked, a.hit)
               END,
               CASE
                   WHEN a.action IN ('known', 'deleted') THEN a.linked_role
                   WHEN a.action = 'revived' THEN CASE WHEN a.has_primary THEN {duplicate} ELSE {primary} END
                   WHEN a.action = 'create' THEN {of_new}
                   WHEN a.action = 'link' THEN {primary}
                   WHEN a.action = 'duplicate' THEN {duplicate}
                   ELSE {unlinked}
               END,
               a.action, a.is_known, a.was_deleted, a.is_newer, a.created, {parent_values}
               {waiting_for}
        FROM (
            SELECT r.*, CASE
                WHEN r.linked IS NOT NULL AND r.is_deleted THEN 'deleted'
                WHEN r.linked IS NOT NULL AND r.was_deleted THEN 'revived'
                WHEN r.linked IS NOT NULL THEN 'known'
                WHEN r.is_deleted THEN 'gone'
                WHEN r.hit IS NOT NULL AND r.has_primary THEN 'duplicate'
                WHEN r.hit IS NOT NULL THEN 'link'
                WHEN NOT %(create)s THEN 'unlinked'
                ELSE 'create'
            END AS action
            FROM (
                SELECT c.*,
                       coalesce(c.linked, c.hit) IS NOT NULL AND (c.linked IS NULL OR c.was_deleted)
                           -- Not EXISTS: the planner would sometimes hash the whole mirror. "+ 0": see settle.sql.
                           AND coalesce((
                               SELECT true FROM {mirror} AS p
                                WHERE p.connection_id + 0 = %(connection)s AND p.local_id = coalesce(c.linked, c.hit)
                                  AND p.role = {primary} AND NOT p.is_deleted AND p.sf_id <> c.sf_id
                                LIMIT 1
                           ), false) AS has_primary
                FROM (
                    -- OFFSET 0 keeps a column computed once that several others use.
                    SELECT w.sf_id, w.key, w.created, w.is_deleted,
                           m.sf_id IS NOT NULL AS is_known,
                           m.local_id AS linked,
                           m.role AS linked_role,
                           coalesce(m.is_deleted, false) AS was_deleted,
                           m.sf_id IS NULL OR m.modstamp < w.modstamp AS is_newer,
                           {hit} AS hit
                           {parent_picks}
                    FROM work AS w
                    LEFT JOIN known AS m ON m.sf_id = w.sf_id
                    {key_join}
                    {named_joins}
                    -- An answer older than what was seen already (two readers, a late page) says nothing.
                    WHERE m.sf_id IS NULL OR m.modstamp <= w.modstamp
                    OFFSET 0
                ) AS c
                OFFSET 0
            ) AS r
        ) AS a
        """
    ).format(
        parent_columns=sql.SQL("{},").format(names(*parents)) if parents else sql.SQL(""),
        parent_values=sql.SQL("").join(sql.SQL("a.{}, ").format(sql.Identifier(p)) for p in parents),
        # What joins others gets its local record when these are here (see `settle`).
        new=sql.SQL("NULL") if spec.joins else sql.SQL("nextval({})").format(sql.Literal(f"{spec.local}_id_seq")),
        of_new=sql.Literal(UNLINKED if spec.joins else PRIMARY),
        mirror=sql.Identifier(spec.mirror),
        primary=sql.Literal(PRIMARY),
        duplicate=sql.Literal(DUPLICATE),
        unlinked=sql.Literal(UNLINKED),
        hit=_hit(plan),
        key_join=_key_join(plan),
        parent_picks=_parent_picks(spec),
        named_joins=named_joins(lookups.named(spec)),
        waiting_for=waiting_for(spec, sql.Identifier("a")),
    )


def _hit(plan: PullPlan) -> sql.Composable:
    candidates = [sql.SQL("named_converted.local_id")] if plan.spec.name in {"Contact", "Lead"} else []
    if plan.key_field:
        candidates.append(sql.SQL("l.id"))
    if not candidates:
        return sql.SQL("NULL::bigint")
    return sql.SQL("CASE WHEN m.local_id IS NULL AND NOT w.is_deleted THEN coalesce({}) END").format(
        sql.SQL(", ").join(candidates)
    )


def _key_join(plan: PullPlan) -> sql.Composable:
    """The local record that has the key. One with the key may exist without any link, made by a person or a visit."""
    if not plan.key_field or plan.spec.key is None:
        return sql.SQL("")
    return sql.SQL("LEFT JOIN held AS l ON l.key = w.key")


def named_joins(named: Iterable[lookups.Named]) -> sql.Composable:
    """The parents' local records; and for contacts and leads whose local record a conversion says they belong to.

    The contact of a converted lead belongs to the lead's local record, and a lead that was converted before we saw it
    belongs to its contact's.
    """
    return sql.SQL(" ").join(
        sql.SQL("LEFT JOIN {table} ON {table}.sf_id = w.{column}").format(
            table=sql.Identifier(each.table), column=sql.Identifier(each.column)
        )
        for each in named
    )


def _parent_picks(spec: SObject) -> sql.Composable:
    picks: list[sql.Composable] = [
        sql.SQL(", {}.local_id AS {}").format(
            sql.Identifier(f"named_{parent.local_column}"), sql.Identifier(parent.local_column)
        )
        for parent in spec.parents
    ]
    picks += [sql.SQL(", w.{}").format(sql.Identifier(p.mirror_column)) for p in _awaited(spec)]
    if spec.name == "Lead":
        picks.append(sql.SQL(", w.converted_contact_id, named_converted.local_id AS contact_local"))
    return sql.SQL("").join(picks)


def _awaited(spec: SObject) -> list[Parent]:
    """Parents that may arrive later. Owners are read first, and a record does not wait for one."""
    return [parent for parent in spec.parents if parent.parent_mirror != "mirror_user"]


def waiting_for(spec: SObject, row: sql.Identifier) -> sql.Composable:
    """The Id of the record that this one waits for, of a row with its parents' Ids and their local records."""
    if spec.name == "Lead":
        return sql.SQL("CASE WHEN {0}.contact_local IS NULL THEN {0}.converted_contact_id END").format(row)
    awaited = _awaited(spec)
    if not awaited:
        return sql.SQL("NULL")
    return sql.SQL("coalesce({})").format(
        sql.SQL(", ").join(
            sql.SQL("CASE WHEN {0}.{1} IS NULL THEN {0}.{2} END").format(
                row, sql.Identifier(parent.local_column), sql.Identifier(parent.mirror_column)
            )
            for parent in awaited
        )
    )


def demote_twins(plan: PullPlan) -> sql.Composed:
    """Of several newcomers in this chunk with one local record, or one key, the oldest is primary.

    A record that was its primary, was deleted and is back comes before them.
    """
    return sql.SQL(
        """
        WITH candidate AS (
            SELECT sf_id, local_id, created, action = 'revived' AS is_back,
                   CASE action WHEN 'create' THEN key ELSE local_id::text END AS target, action = 'create' AS is_new
              FROM decided
             WHERE action = 'link' OR action = 'create' AND key IS NOT NULL OR action = 'revived' AND role = {primary}
        ), crowded AS (
            SELECT is_new, target FROM candidate GROUP BY 1, 2 HAVING count(*) > 1
        ), ranked AS (
            SELECT d.sf_id, d.is_back, first_value(d.local_id) OVER eldest AS local_id, row_number() OVER eldest AS rank
              FROM crowded AS c JOIN candidate AS d USING (is_new, target)
            WINDOW eldest AS (
                PARTITION BY is_new, target ORDER BY d.is_back DESC, d.created NULLS LAST, d.sf_id)
        )
        UPDATE decided AS d SET action = CASE WHEN is_back THEN 'revived' ELSE 'duplicate' END, role = {duplicate},
               local_id = ranked.local_id
          FROM ranked WHERE d.sf_id = ranked.sf_id AND ranked.rank > 1
        """
    ).format(duplicate=sql.Literal(DUPLICATE), primary=sql.Literal(PRIMARY))


def take_over(plan: PullPlan) -> sql.Composed:
    """Among newcomers of one run the oldest is primary, in whichever order the pages came.

    Parameters: connection, run. The younger one becomes a duplicate that never agreed on anything.
    """
    return sql.SQL(
        """
        WITH elder AS (
            SELECT DISTINCT ON (d.local_id) d.sf_id, d.local_id, p.sf_id AS younger
              FROM decided AS d
             -- LIMIT keeps the planner from turning a few look-ups into a scan of the whole mirror.
             CROSS JOIN LATERAL (
                 SELECT m.sf_id, m.created FROM {mirror} AS m
                  WHERE m.connection_id + 0 = %(connection)s AND m.local_id = d.local_id
                    AND m.role = {primary} AND NOT m.is_deleted AND m.linked_run = %(run)s
                  LIMIT 1
             ) AS p
             WHERE d.action = 'duplicate' AND (d.created, d.sf_id) < (p.created, p.sf_id)
             ORDER BY d.local_id, d.created, d.sf_id
        ), demoted AS (
            UPDATE {mirror} AS m SET role = {duplicate}, base = '{{}}'
              FROM elder WHERE m.connection_id = %(connection)s AND m.sf_id = elder.younger
            RETURNING m.sf_id, m.local_id
        ), noted AS (
            INSERT INTO finding (run_id, reason, sf_id, local_id)
            SELECT %(run)s, 'duplicate', sf_id, local_id FROM demoted
        )
        UPDATE decided AS d SET action = 'takeover', role = {primary} FROM elder WHERE d.sf_id = elder.sf_id
        """
    ).format(mirror=sql.Identifier(plan.spec.mirror), primary=sql.Literal(PRIMARY), duplicate=sql.Literal(DUPLICATE))
