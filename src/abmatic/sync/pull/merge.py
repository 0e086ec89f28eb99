"""Merge: which value wins? SYNC.md section 4 for the direction to Abmatic, generated as SQL per mapped field.

S is Salesforce now (``work``), A is the local record now, B is the base: ``mirror.base``, or ``mirror.values`` where
base is NULL. The plain statement of the same table in Python is in tests/sync/plain_merge.py; a property test holds the
two against each other.
"""

from __future__ import annotations

from psycopg import sql

from abmatic.sync.models import Mode, ObjectSetting
from abmatic.sync.objects import Parent
from abmatic.sync.pull import values
from abmatic.sync.pull.plan import PulledField, PullPlan
from abmatic.sync.pull.staging import names

MERGED_ACTIONS = "('known', 'revived', 'link', 'takeover')"


def writes(plan: PullPlan) -> list[PulledField]:
    """The fields that this pull may write into a local record."""
    return [f for f in plan.fields if f.to_abmatic is not Mode.NONE]


def merge(plan: PullPlan) -> sql.Composed:
    """Fills ``merged`` for every primary row whose local record existed. Parameters: connection, cause, takes_values.

    A lead whose person also has a contact, or that was converted into one, says once, when it is linked, what the
    contact doesn't, and then nothing: the contact's values take precedence, whichever of the two came first.
    """
    fields, is_lead = plan.fields, plan.spec.name == "Lead"
    parents = [parent.local_column for parent in plan.spec.parents]
    columns = [f"{side}_{p}" for p in parents for side in ("before", "after")]
    columns += [f"{side}_{f.column}" for f in fields for side in ("before", "after")]
    picks = [sql.SQL("a.{0}, {1}").format(sql.Identifier(p.local_column), _after_parent(p)) for p in plan.spec.parents]
    picks += [
        sql.SQL("x.{0}, x.{1}").format(sql.Identifier(f"a_{f.column}"), sql.Identifier(f"n_{f.column}")) for f in fields
    ]
    return sql.SQL(
        """
        INSERT INTO merged (sf_id, local_id, base, conflicts, {columns})
        SELECT d.sf_id, d.local_id, {base}, {conflicts}, {picks}
          FROM decided AS d
          JOIN work AS w ON w.sf_id = d.sf_id
          JOIN {local} AS a ON a.id = d.local_id AND a.id = ANY (ARRAY(
               SELECT local_id FROM decided WHERE action IN {actions}))
          LEFT JOIN {mirror} AS m ON m.connection_id = %(connection)s AND m.sf_id = d.sf_id AND m.sf_id = ANY (ARRAY(
               SELECT sf_id FROM decided WHERE is_known))
          CROSS JOIN LATERAL (SELECT {fresh} AS fresh, {yields} AS yields, {sides} OFFSET 0) AS y
          CROSS JOIN LATERAL (SELECT y.*, {outcomes} OFFSET 0) AS x
         WHERE d.action IN {actions} AND d.role = 1 AND %(update)s {may_say}
        """
    ).format(
        columns=names(*columns),
        base=_base(fields),
        conflicts=_conflicts(fields),
        picks=sql.SQL(", ").join(picks),
        local=sql.Identifier(plan.spec.local),
        mirror=sql.Identifier(plan.spec.mirror),
        fresh=sql.SQL(_FRESH if plan.spec.has_history else "false"),
        sides=sql.SQL(", ").join(side for f in fields for side in _sides(f)),
        outcomes=sql.SQL(", ").join(
            sql.SQL("{} AS {}").format(_outcome(plan, f), sql.Identifier(f"n_{f.column}")) for f in fields
        ),
        actions=sql.SQL(MERGED_ACTIONS),
        yields=sql.SQL(f"d.action = 'link' AND (w.is_converted OR {_HAS_CONTACT})" if is_lead else "false"),
        may_say=sql.SQL(f"AND (d.action = 'link' OR NOT w.is_converted AND NOT {_HAS_CONTACT})" if is_lead else ""),
    )


def differs(plan: PullPlan) -> sql.Composed:
    """Whether the merge changes the local record of a row ``g`` of ``merged``."""
    columns = [f.column for f in writes(plan)] + [p.local_column for p in plan.spec.parents]
    return sql.SQL(" OR ").join(
        sql.SQL("g.{} IS DISTINCT FROM g.{}").format(sql.Identifier(f"before_{c}"), sql.Identifier(f"after_{c}"))
        for c in columns
    )


def lock(plan: PullPlan) -> sql.Composed:
    """A row for each local record that is to be changed, and from here on not by anybody else."""
    return sql.SQL(
        "SELECT a.id FROM {local} AS a WHERE a.id = ANY (ARRAY(SELECT g.local_id FROM merged AS g WHERE {differs})) "
        "ORDER BY a.id FOR NO KEY UPDATE"
    ).format(local=sql.Identifier(plan.spec.local), differs=differs(plan))


def moved(plan: PullPlan) -> sql.Composed:
    """A row where a record that is to be changed was changed by somebody since it was merged."""
    now = [
        sql.SQL("{} IS DISTINCT FROM g.{}").format(
            values.local(f.local.type, sql.Identifier("a", f.column)), sql.Identifier(f"before_{f.column}")
        )
        for f in writes(plan)
    ]
    now += [
        sql.SQL("a.{} IS DISTINCT FROM g.{}").format(
            sql.Identifier(p.local_column), sql.Identifier(f"before_{p.local_column}")
        )
        for p in plan.spec.parents
    ]
    return sql.SQL(
        "SELECT FROM merged AS g JOIN {local} AS a ON a.id = g.local_id "
        "AND a.id = ANY (ARRAY(SELECT g.local_id FROM merged AS g WHERE {differs})) "
        "WHERE ({differs}) AND ({now}) LIMIT 1"
    ).format(local=sql.Identifier(plan.spec.local), differs=differs(plan), now=sql.SQL(" OR ").join(now))


# A record that this run itself created from a younger duplicate: the elder's values are what it would have been created
# with, so they are taken as they are.
_FRESH = "d.action = 'takeover' AND a.created_by_id = %(cause)s"

# A look-up for each: EXISTS may hash the whole mirror.
_HAS_CONTACT = """coalesce((
               SELECT true FROM mirror_contact AS c
                WHERE c.local_id = d.local_id AND c.role = 1 AND NOT c.is_deleted LIMIT 1), false)"""


def _after_parent(parent: Parent) -> sql.Composed:
    """A reference follows Salesforce: emptied there since it was last seen, it is emptied here.

    One that points at a record not here yet stays as it is, and so does one that Salesforce never had, or that an undo
    put back.
    """
    return sql.SQL(
        "CASE WHEN {held} THEN a.{ours} WHEN x.yields THEN coalesce(a.{ours}, d.{ours}) "
        "WHEN w.{theirs} IS NULL AND m.{theirs} IS NOT NULL "
        "THEN NULL ELSE coalesce(d.{ours}, a.{ours}) END"
    ).format(
        theirs=sql.Identifier(parent.mirror_column),
        ours=sql.Identifier(parent.local_column),
        held=values.is_held_reference(parent.mirror_column, parent.local_column),
    )


def _sides(f: PulledField) -> list[sql.Composed]:
    """S, A, B, whether there is a base, whether an undo left S and A so, and whether S could not be read."""
    kind = f.local.type
    known = sql.SQL("(m.base IS NULL AND m.sf_id IS NOT NULL OR m.base ? {})").format(sql.Literal(f.sf_field))
    return [
        sql.SQL("w.{} AS {}").format(sql.Identifier(f.value), sql.Identifier(f"s_{f.column}")),
        sql.SQL("{} AS {}").format(values.local(kind, sql.Identifier("a", f.column)), sql.Identifier(f"a_{f.column}")),
        sql.SQL("{} AND d.action <> 'takeover' AS {}").format(known, sql.Identifier(f"has_{f.column}")),
        sql.SQL("{} AS {}").format(
            values.is_held(kind, f.sf_field, sql.Identifier("w", f.value), sql.Identifier("a", f.column)),
            sql.Identifier(f"held_{f.column}"),
        ),
        sql.SQL("{} AS {}").format(
            values.from_json(kind, sql.SQL("coalesce(m.base, m.values)"), f.sf_field), sql.Identifier(f"b_{f.column}")
        ),
        sql.SQL("coalesce({} = ANY (w.bad), false) AS {}").format(
            sql.Literal(f.sf_field), sql.Identifier(f"bad_{f.column}")
        ),
    ]


def _outcome(plan: PullPlan, f: PulledField) -> sql.Composed:
    """The local value after the merge."""
    if f.to_abmatic is Mode.NONE:
        return sql.SQL("{}").format(_of("a", f))
    return sql.SQL(
        "CASE WHEN y.fresh THEN {s} WHEN {bad} OR {held} THEN {a} WHEN y.yields THEN coalesce({a}, {s}) ELSE {rule} END"
    ).format(bad=_of("bad", f), held=_of("held", f), s=_of("s", f), a=_of("a", f), rule=_rule(plan, f))


def _of(side: str, f: PulledField) -> sql.Composable:
    return sql.Identifier("y", f"{side}_{f.column}")


def _rule(plan: PullPlan, f: PulledField) -> sql.Composed:
    s, a, b, has = _of("s", f), _of("a", f), _of("b", f), _of("has", f)
    clear = sql.SQL("true" if f.clear_with_empty else "false")
    match (f.to_abmatic, f.to_salesforce):
        case (Mode.FILL, Mode.OVERWRITE):
            # Abmatic is authoritative. Emptied here is a change (or clears anyway): then nothing is filled.
            return sql.SQL(
                "CASE WHEN {a} IS NULL AND NOT ({clear} OR ({has} AND {b} IS NOT NULL)) THEN {s} ELSE {a} END"
            ).format(a=a, b=b, s=s, has=has, clear=clear)
        case (Mode.FILL, _):
            return sql.SQL("coalesce({a}, {s})").format(a=a, s=s)
        case (Mode.OVERWRITE, Mode.OVERWRITE):
            return _three_way(plan, f)
        case _:
            return sql.SQL(
                "CASE WHEN {s} IS NOT NULL OR {clear} OR ({has} AND {b} IS NOT NULL) THEN {s} ELSE {a} END"
            ).format(a=a, b=b, s=s, has=has, clear=clear)


def _three_way(plan: PullPlan, f: PulledField) -> sql.Composed:
    s, a, b, has = _of("s", f), _of("a", f), _of("b", f), _of("has", f)
    return sql.SQL(
        "CASE WHEN NOT {has} THEN (CASE WHEN {a} IS NULL THEN {s} WHEN {s} IS NULL THEN {a} ELSE {first} END) "
        "WHEN {s} IS NOT DISTINCT FROM {b} THEN {a} WHEN {a} IS NOT DISTINCT FROM {b} THEN {s} "
        "WHEN {s} IS NOT DISTINCT FROM {a} THEN {a} ELSE {settled} END"
    ).format(
        has=has, a=a, s=s, b=b,
        first=a if plan.policy == ObjectSetting.Policy.ABMATIC else s,
        settled=_settled(plan, f, s, a),
    )  # fmt: skip


def _settled(plan: PullPlan, f: PulledField, s: sql.Composable, a: sql.Composable) -> sql.Composable:
    """Both sides changed to different values: the policy decides."""
    if plan.policy == ObjectSetting.Policy.ABMATIC:
        return a
    if plan.policy == ObjectSetting.Policy.SALESFORCE:
        return s
    return sql.SQL(
        "CASE WHEN w.modstamp >= coalesce((SELECT max(c.at) FROM change AS c WHERE c.record = {record} "
        "AND c.record_id = d.local_id AND c.field = {field}), '-infinity') THEN {s} ELSE {a} END"
    ).format(record=sql.Literal(plan.spec.local), field=sql.Literal(f.column), s=s, a=a)


def _conflicts(fields: tuple[PulledField, ...]) -> sql.Composed:
    """The fields that both sides changed to different values since they last agreed."""
    both = [f for f in fields if f.to_abmatic is Mode.OVERWRITE and f.to_salesforce is Mode.OVERWRITE]
    if not both:
        return sql.SQL("NULL::text[]").format()
    tests = sql.SQL(", ").join(
        sql.SQL(
            "CASE WHEN x.{has} AND NOT x.{bad} AND x.{s} IS DISTINCT FROM x.{b} AND x.{a} IS DISTINCT FROM x.{b} "
            "AND x.{s} IS DISTINCT FROM x.{a} THEN {name} END"
        ).format(
            **{side: sql.Identifier(f"{side}_{f.column}") for side in ("has", "bad", "s", "b", "a")},
            name=sql.Literal(f.sf_field),
        )
        for f in both
    )
    return sql.SQL("nullif(array_remove(ARRAY[{}]::text[], NULL), '{{}}')").format(tests)


def _base(fields: tuple[PulledField, ...]) -> sql.Composed:
    """What both sides agree on after the merge, field by field; NULL where that is what Salesforce has in each."""
    if not fields:
        return sql.SQL("NULL::jsonb").format()
    agreed = [
        sql.SQL("(x.{n} IS NOT DISTINCT FROM x.{s} AND NOT x.{bad})").format(
            n=sql.Identifier(f"n_{f.column}"), s=sql.Identifier(f"s_{f.column}"), bad=sql.Identifier(f"bad_{f.column}")
        )
        for f in fields
    ]
    pieces = sql.SQL(" || ").join(
        sql.SQL(
            "CASE WHEN {agreed} THEN jsonb_build_object({name}, x.{s}) "
            "WHEN x.{has} THEN jsonb_build_object({name}, x.{b}) ELSE '{{}}'::jsonb END"
        ).format(
            agreed=test, name=sql.Literal(f.sf_field), s=sql.Identifier(f"s_{f.column}"),
            has=sql.Identifier(f"has_{f.column}"), b=sql.Identifier(f"b_{f.column}"),
        )
        for f, test in zip(fields, agreed, strict=True)
    )  # fmt: skip
    # Where only we have changed, what they last agreed on is still what Salesforce has.
    settled = [
        sql.SQL("({agreed} OR x.{has} AND x.{b} IS NOT DISTINCT FROM x.{s})").format(
            agreed=test, s=sql.Identifier(f"s_{f.column}"), has=sql.Identifier(f"has_{f.column}"),
            b=sql.Identifier(f"b_{f.column}"),
        )
        for f, test in zip(fields, agreed, strict=True)
    ]  # fmt: skip
    return sql.SQL("CASE WHEN NOT ({}) THEN {} END").format(sql.SQL(" AND ").join(settled), pieces)
