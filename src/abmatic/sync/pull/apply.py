"""Apply: what was decided and merged is written, set by set, into local records, changes, mirror and findings."""

from __future__ import annotations

from psycopg import sql

from abmatic.audiences.fields import FieldType
from abmatic.sync.models import Mode, ObjectSetting
from abmatic.sync.objects import SObject
from abmatic.sync.pull.merge import differs, writes
from abmatic.sync.pull.plan import PulledField, PullPlan
from abmatic.sync.pull.staging import names


def create_records(plan: PullPlan) -> sql.Composed:
    """Inserts the local records that `match` decided to make. Parameters: cause."""
    pairs = created_columns(plan, decided="d")
    return sql.SQL(
        "INSERT INTO {table} ({columns}) SELECT {picks} FROM decided AS d JOIN work AS w ON w.sf_id = d.sf_id "
        "WHERE d.action = 'create'"
    ).format(
        table=sql.Identifier(plan.spec.local),
        columns=names(*(column for column, _ in pairs)),
        picks=sql.SQL(", ").join(pick for _, pick in pairs),
    )


def created_columns(plan: PullPlan, *, decided: str) -> list[tuple[str, sql.Composable]]:
    """A new local record's columns and what they get, from ``work`` as w and ``decided`` under the name given."""
    spec = plan.spec
    booleans = {f.column for f in writes(plan) if f.local.type is FieldType.BOOLEAN}
    pairs: list[tuple[str, sql.Composable]] = [("id", sql.Identifier(decided, "local_id"))]
    for f in writes(plan):
        value = sql.Identifier("w", f.value)
        pairs.append((f.column, sql.SQL("coalesce({}, false)").format(value) if f.column in booleans else value))
    # A field that is never pulled still needs a value where the column allows none.
    pairs += [
        (f.column, sql.SQL("false"))
        for f in plan.fields
        if f.to_abmatic is Mode.NONE and f.local.type is FieldType.BOOLEAN
    ]
    if plan.key_field and spec.key:
        pairs.append((spec.key.local_column, sql.SQL("w.key")))
    pairs += [(p.local_column, sql.Identifier(decided, p.local_column)) for p in spec.parents]
    if spec.local == "contact":
        kind = "CASE WHEN w.is_converted THEN 'contact' ELSE 'lead' END" if spec.name == "Lead" else "'contact'"
        pairs.append(("kind", sql.SQL(kind)))
    if spec.has_history:
        pairs.append(("created_by_id", sql.SQL("%(cause)s")))
    return [*pairs, ("created_at", sql.SQL("now()")), ("updated_at", sql.SQL("now()"))]


def update_records(plan: PullPlan) -> sql.Composed:
    """Writes merged values where they differ. The key column follows in `move_keys`."""
    columns = [f.column for f in writes(plan)] + [p.local_column for p in plan.spec.parents]
    booleans = {f.column for f in writes(plan) if f.local.type is FieldType.BOOLEAN}
    assignments = [
        sql.SQL("{0} = {1}").format(
            sql.Identifier(c),
            sql.SQL("coalesce(g.{0}, false)" if c in booleans else "g.{0}").format(sql.Identifier(f"after_{c}")),
        )
        for c in columns
    ]
    return sql.SQL(
        "UPDATE {table} AS a SET {assignments}, updated_at = now() FROM merged AS g "
        "WHERE a.id = g.local_id AND ({differs}) "
        "AND a.id = ANY (ARRAY(SELECT g.local_id FROM merged AS g WHERE {differs}))"
    ).format(table=sql.Identifier(plan.spec.local), assignments=sql.SQL(", ").join(assignments), differs=differs(plan))


def move_keys(plan: PullPlan) -> list[sql.Composed]:
    """A changed website or e-mail address changes the key, unless another record has it already.

    First every key that changes is let go, then the new ones are taken, so that two records may swap theirs.
    """
    key = plan.spec.key
    if not plan.key_field or key is None or key.local_field not in {f.column for f in writes(plan)}:
        return []
    return key_moves(plan.spec)


def key_moves(spec: SObject) -> list[sql.Composed]:
    """As `move_keys`, of what ``merged`` says of the field that makes the key: local_id, before and after."""
    if spec.key is None:
        return []
    before, after = (sql.Identifier(f"{side}_{spec.key.local_field}") for side in ("before", "after"))
    extra = sql.SQL(", true") if spec.key.function == "domain_of" else sql.SQL("")
    moved = sql.SQL("g.{} IS DISTINCT FROM g.{}").format(before, after)
    parts = {
        "table": sql.Identifier(spec.local),
        "column": sql.Identifier(spec.key.local_column),
        "moved": moved,
        "function": sql.Identifier(spec.key.function),
        "after": after,
        "extra": extra,
    }
    return [
        sql.SQL(
            "UPDATE {table} AS a SET {column} = NULL FROM merged AS g WHERE a.id = g.local_id AND {moved} "
            "AND a.id = ANY (ARRAY(SELECT g.local_id FROM merged AS g WHERE {moved}))"
        ).format(**parts),
        sql.SQL(
            """
            UPDATE {table} AS a SET {column} = n.key
              FROM (
                  SELECT DISTINCT ON (k.key) g.local_id, k.key
                    FROM merged AS g CROSS JOIN LATERAL {function}(g.{after}{extra}) AS k (key, problem)
                   WHERE {moved} AND k.key IS NOT NULL
                   ORDER BY k.key, g.local_id
              ) AS n
             WHERE a.id = n.local_id AND a.id = ANY (ARRAY(SELECT g.local_id FROM merged AS g WHERE {moved}))
               AND NOT coalesce((SELECT true FROM {table} AS other WHERE other.{column} = n.key LIMIT 1), false)
            """
        ).format(**parts),
    ]


def note_changes(plan: PullPlan) -> sql.Composed | None:
    """One change per field that a local record's merge altered. Parameters: cause."""
    if not plan.spec.has_history:
        return None
    fields = writes(plan)
    rows = [
        sql.SQL("({}, to_jsonb(g.{}), to_jsonb(g.{}))").format(
            sql.Literal(column), sql.Identifier(f"before_{column}"), sql.Identifier(f"after_{column}")
        )
        for column in [*(f.column for f in fields), *(p.local_column for p in plan.spec.parents)]
    ]
    return sql.SQL(
        "INSERT INTO change (record, record_id, field, before, after, cause_id, at) "
        "SELECT {}, g.local_id, v.field, v.before, v.after, %(cause)s, now() "
        "FROM merged AS g CROSS JOIN LATERAL (VALUES {}) AS v (field, before, after) "
        "WHERE ({}) AND v.before IS DISTINCT FROM v.after"
    ).format(sql.Literal(plan.spec.local), sql.SQL(", ").join(rows), differs(plan))


def add_to_mirror(plan: PullPlan) -> sql.Composed:
    """The mirror takes its new records. Parameters: connection, run.

    base: NULL (agreed on everything) for a record just created from these values, what `merge` says for a merged one,
    else nothing agreed. No ON CONFLICT, which would cost a confirmation of every row in the log: should another
    session have added one meanwhile, the page fails on it, is applied again, and finds it known.
    """
    columns = mirrored_columns(plan)
    return sql.SQL(
        """
        INSERT INTO {mirror} (connection_id, sf_id, {columns}, local_id, role, waiting_for, base, linked_run, seen_run)
        SELECT %(connection)s, d.sf_id, {values}, d.local_id, d.role, d.waiting_for,
               CASE WHEN d.action = 'create' THEN {created} WHEN g.sf_id IS NOT NULL THEN g.base ELSE '{{}}' END,
               CASE WHEN {links} THEN %(run)s END, %(run)s
          FROM decided AS d
          JOIN work AS w ON w.sf_id = d.sf_id
          LEFT JOIN merged AS g ON g.sf_id = d.sf_id
         WHERE NOT d.is_known
        """
    ).format(
        mirror=sql.Identifier(plan.spec.mirror),
        columns=names(*columns),
        values=sql.SQL(", ").join(sql.Identifier("w", column) for column in columns),
        created=created_base(plan),
        links=_LINKS,
    )


def update_mirror(plan: PullPlan) -> sql.Composed:
    """The mirror takes the new state of records that it had, where anything differs. Parameters: connection, run.

    base: as for new ones; and what it was, spelled out, for a primary that was not merged now.
    """
    columns = mirrored_columns(plan)
    base = sql.SQL(
        "CASE WHEN d.action = 'create' THEN {created} WHEN g.sf_id IS NOT NULL THEN g.base WHEN d.role = 1 THEN "
        "CASE WHEN m.base IS NULL AND m.values IS DISTINCT FROM w.values THEN {nulls} || m.values ELSE m.base END "
        "ELSE '{{}}' END"
    ).format(created=created_base(plan), nulls=_all_null(plan.fields))
    news: dict[str, sql.Composable] = {column: sql.Identifier("w", column) for column in columns}
    # What joins others is told later what it waits for.
    links = ("local_id", "role") if plan.spec.joins else ("local_id", "role", "waiting_for")
    news |= {column: sql.Identifier("d", column) for column in links}
    news["base"] = base
    return sql.SQL(
        """
        UPDATE {mirror} AS m
           SET {assignments}, linked_run = CASE WHEN {links} THEN %(run)s ELSE m.linked_run END, seen_run = %(run)s
          FROM decided AS d
          JOIN work AS w ON w.sf_id = d.sf_id
          LEFT JOIN merged AS g ON g.sf_id = d.sf_id
         WHERE m.connection_id = %(connection)s AND m.sf_id = d.sf_id AND d.is_known AND m.modstamp <= w.modstamp
           AND m.sf_id = ANY (ARRAY(SELECT sf_id FROM decided WHERE is_known))
           AND ({before}) IS DISTINCT FROM ({after})
        """
    ).format(
        mirror=sql.Identifier(plan.spec.mirror),
        assignments=sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(column), new) for column, new in news.items()
        ),
        links=_LINKS,
        before=sql.SQL(", ").join(sql.Identifier("m", column) for column in news),
        after=sql.SQL(", ").join(news.values()),
    )


_LINKS = sql.SQL("d.action IN ('create', 'link', 'takeover', 'duplicate')")


def mirrored_columns(plan: PullPlan) -> list[str]:
    """The mirror's columns that are the record's own, as they are in ``work``."""
    keyed = ["key", "key_problem"] if plan.spec.key else []
    return ["modstamp", "created", "is_deleted", *(c.column for c in plan.spec.system), *keyed, "values"]


def created_base(plan: PullPlan) -> sql.Composed:
    written = {f.sf_field for f in writes(plan)}
    unwritten = [f for f in plan.fields if f.sf_field not in written]
    if not unwritten and not any(f.can_be_bad for f in plan.fields):
        return sql.SQL("NULL::jsonb").format()
    # Not agreed on: a field that is not pulled, and one whose text was no value.
    return sql.SQL("CASE WHEN {} THEN NULL ELSE ({} || w.values) - coalesce(w.bad, '{{}}') - {}::text[] END").format(
        sql.SQL("w.bad IS NULL" if not unwritten else "false"),
        _all_null(plan.fields),
        sql.Literal([f.sf_field for f in unwritten]),
    )


def _all_null(fields: tuple[PulledField, ...]) -> sql.Composed:
    pairs = sql.SQL(", ").join(sql.SQL("{}, NULL").format(sql.Literal(f.sf_field)) for f in fields)
    return sql.SQL("jsonb_build_object({})").format(pairs)


def note_findings(plan: PullPlan) -> sql.Composed:
    """What is worth saying about single records, once each. Answers (reason, count) rows.

    Parameters: connection, run, noted, unread.
    """
    raw = sql.SQL(", ").join(
        sql.SQL("({}, s.{})").format(sql.Literal(f.sf_field), sql.Identifier(f.sf_field))
        for f in plan.fields
        if f.can_be_bad
    )
    parts: list[sql.Composable] = [
        sql.SQL(
            "SELECT CASE d.action WHEN 'gone' THEN 'deleted_in_salesforce' WHEN 'unlinked' THEN 'create_is_off' "
            "ELSE 'duplicate' END, d.sf_id, d.local_id, NULL, NULL FROM decided AS d "
            # Known and unlinked until now, it became a duplicate; one that is matched again has its entry already.
            "WHERE d.action IN ('gone', 'unlinked', 'duplicate') AND (NOT d.is_known "
            "OR d.action = 'duplicate' AND d.sf_id <> ALL (%(noted)s::text[]))"
        )
    ]
    if plan.spec.key and plan.key_field:
        parts.append(
            sql.SQL(
                # Not again where something else of the record has changed: what we wrote comes back as newer, too.
                "SELECT w.key_problem, w.sf_id, d.local_id, {key}, w.key_text FROM decided AS d "
                "JOIN work AS w ON w.sf_id = d.sf_id LEFT JOIN {mirror} AS m ON m.connection_id = %(connection)s "
                "AND m.sf_id = w.sf_id AND m.sf_id = ANY (ARRAY(SELECT sf_id FROM work WHERE key_problem IS NOT NULL)) "
                "WHERE d.is_newer AND w.key_problem IS NOT NULL AND d.action NOT IN ('gone', 'deleted') "
                "AND (m.sf_id IS NULL OR m.values -> {key} IS DISTINCT FROM w.values -> {key})"
            ).format(key=sql.Literal(plan.key_field), mirror=sql.Identifier(plan.spec.mirror))
        )
    if raw.as_string():
        parts.append(
            sql.SQL(
                "SELECT 'value_unreadable', w.sf_id, d.local_id, v.field, left(v.text, 200) FROM decided AS d "
                'JOIN work AS w ON w.sf_id = d.sf_id AND w.bad IS NOT NULL JOIN stage AS s ON s."Id" = w.sf_id '
                "CROSS JOIN LATERAL (VALUES {}) AS v (field, text) "
                "WHERE v.field = ANY (w.bad) AND (d.is_newer OR v.field = ANY (%(unread)s::text[]))"
            ).format(raw)
        )
    if plan.spec.name == "Lead":
        parts.append(
            sql.SQL(
                "SELECT 'converted', w.sf_id, d.local_id, NULL, w.converted_contact_id FROM decided AS d "
                "JOIN work AS w ON w.sf_id = d.sf_id LEFT JOIN mirror_lead AS m "
                "ON m.connection_id = %(connection)s AND m.sf_id = w.sf_id "
                "AND m.sf_id = ANY (ARRAY(SELECT sf_id FROM work WHERE is_converted)) "
                "WHERE w.is_converted AND d.local_id IS NOT NULL AND NOT coalesce(m.is_converted, false)"
            )
        )
    conflicts = _conflict_entries(plan)
    if conflicts is not None:
        parts.append(conflicts)
    return sql.SQL(
        "WITH noted AS (INSERT INTO finding (run_id, reason, sf_id, local_id, field, value) "
        "SELECT %(run)s, f.* FROM ({}) AS f (reason, sf_id, local_id, field, value) RETURNING reason) "
        "SELECT reason, count(*) FROM noted GROUP BY reason"
    ).format(sql.SQL(" UNION ALL ").join(parts))


def _conflict_entries(plan: PullPlan) -> sql.Composed | None:
    """One entry per field that both sides changed to different values, with both, and whose stays by which policy.

    A conflict that Abmatic won is settled only when it is pushed; until then, reading the same answer again must not
    make the same entry again.
    """
    both = [f for f in plan.fields if f.to_abmatic is Mode.OVERWRITE and f.to_salesforce is Mode.OVERWRITE]
    if not both:
        return None
    values = sql.SQL(", ").join(
        sql.SQL("({}, w.{}::text, g.{}::text, g.{} IS DISTINCT FROM g.{})").format(
            sql.Literal(f.sf_field),
            sql.Identifier(f.value),
            *(sql.Identifier(f"{side}_{f.column}") for side in ("before", "before", "after")),
        )
        for f in both
    )
    return sql.SQL(
        "SELECT 'conflict', g.sf_id, g.local_id, v.field, "
        "format('Salesforce: %%s · Abmatic: %%s · %%s’s value stays (%%s)', coalesce(left(v.theirs, 60), '–'), "
        "coalesce(left(v.ours, 60), '–'), CASE WHEN v.overwritten THEN 'Salesforce' ELSE 'Abmatic' END, {}) "
        "FROM merged AS g JOIN work AS w ON w.sf_id = g.sf_id JOIN decided AS d ON d.sf_id = g.sf_id "
        "CROSS JOIN LATERAL (VALUES {}) AS v (field, theirs, ours, overwritten) "
        "WHERE g.conflicts IS NOT NULL AND v.field = ANY (g.conflicts) AND (d.is_newer OR v.overwritten)"
    ).format(sql.Literal(ObjectSetting.Policy(plan.policy).label), values)


def count(plan: PullPlan) -> sql.Composed:
    """How many rows had which outcome: one row of (read, usable, created, updated, unchanged, linked, …).

    Parameters: newcomers, how many of them there were.

    Each row counts once, see `Counts`. One that takes over counts as the duplicate that it made of the other, so that
    the order of pages doesn't show in the counts.
    """
    return sql.SQL(
        """
        SELECT (SELECT count(*) FROM stage), %(newcomers)s + (SELECT count(*) FROM work),
               count(*) FILTER (WHERE d.action IN ('create', 'new')),
               count(*) FILTER (WHERE d.action = 'revived' OR d.action = 'known' AND ({differs})),
               %(newcomers)s + (SELECT count(*) FROM work) - count(*) FILTER (WHERE CASE
                   WHEN d.action = 'known' THEN {differs}
                   WHEN d.action = 'deleted' THEN NOT d.was_deleted
                   WHEN d.action IN ('gone', 'unlinked') THEN NOT d.is_known
                   ELSE true
               END),
               count(*) FILTER (WHERE d.action = 'link'),
               count(*) FILTER (WHERE d.action IN ('duplicate', 'takeover')),
               count(*) FILTER (WHERE d.action = 'deleted' AND NOT d.was_deleted),
               count(*) FILTER (WHERE d.action IN ('gone', 'unlinked') AND NOT d.is_known)
          FROM decided AS d LEFT JOIN merged AS g ON g.sf_id = d.sf_id
        """
    ).format(differs=differs(plan))


def collect(plan: PullPlan) -> sql.Composed:
    """Puts what this chunk created or linked into the first import's collection. Parameters: collection."""
    return sql.SQL(
        """
        WITH created AS (
            INSERT INTO collection_member (collection_id, record_id)
            SELECT %(collection)s, d.local_id FROM decided AS d WHERE d.action IN ('create', 'new') RETURNING 1
        ), linked AS (
            INSERT INTO collection_member (collection_id, record_id)
            SELECT %(collection)s, d.local_id FROM decided AS d
             WHERE d.action IN ('link', 'takeover') AND d.local_id IS NOT NULL
            ON CONFLICT DO NOTHING RETURNING 1
        )
        UPDATE collection
           SET size = size + (SELECT count(*) FROM created) + (SELECT count(*) FROM linked), updated_at = now()
         WHERE id = %(collection)s
        """
    ).format()


def note_due(plan: PullPlan) -> sql.Composed:
    """The push looks at records that still differ after the merge, and at all that changed where nothing is merged.

    Parameters: connection, update.
    """
    return sql.SQL(
        """
        INSERT INTO push_due (connection_id, sobject, local_id)
        SELECT %(connection)s, {sobject}, g.local_id FROM merged AS g WHERE g.base IS NOT NULL
        UNION
        SELECT %(connection)s, {sobject}, d.local_id FROM decided AS d
         WHERE NOT %(update)s AND d.role = 1 AND d.is_known AND d.is_newer AND d.local_id IS NOT NULL
        ON CONFLICT DO NOTHING
        """
    ).format(sobject=sql.Literal(plan.spec.name))


def note_due_elsewhere(plan: PullPlan) -> sql.Composed:
    """What is created here from one org may have to be created in others. Parameters: elsewhere, elsewhere_objects."""
    return sql.SQL(
        """
        INSERT INTO push_due (connection_id, sobject, local_id)
        SELECT o.connection, o.sobject, d.local_id
          FROM decided AS d
         CROSS JOIN unnest(%(elsewhere)s::bigint[], %(elsewhere_objects)s::text[]) AS o (connection, sobject)
         WHERE d.action IN ('create', 'new')
        ON CONFLICT DO NOTHING
        """
    ).format()
