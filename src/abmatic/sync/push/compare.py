"""Compare: which values would Salesforce get? SYNC.md section 4 for the direction to Salesforce, as SQL per field.

S is what the mirror last saw, A the local record as Salesforce would store it (trimmed, to its decimals, a picklist
value in its own spelling: a difference that saving takes away again is none), B what both last agreed on. The plain
statement of the same table in Python is in tests/sync/plain_merge.py; a property test holds the two against each other.

The statements hold values of picklists and filters, in which a percent sign is one: they take no parameters.

``candidate``  the local records that are looked at
``planned``    what would be written of them, and which of their values Salesforce would refuse for certain
"""

from __future__ import annotations

from typing import LiteralString

from psycopg import sql

from abmatic.audiences.conditions import compiled
from abmatic.audiences.fields import FieldType
from abmatic.postgres.sql import block
from abmatic.sync.models import Mode, ObjectSetting
from abmatic.sync.objects import OBJECTS, SObject
from abmatic.sync.pull import values
from abmatic.sync.push import namesakes
from abmatic.sync.push.plan import PushedField, PushPlan

TABLES: tuple[LiteralString, ...] = (
    "CREATE TEMP TABLE candidate (local_id bigint) ON COMMIT DELETE ROWS",
    # problems: {Salesforce field: code}; missing: required fields that have no value.
    """
    CREATE TEMP TABLE planned (
        local_id bigint, sf_id text COLLATE "C", operation text, before jsonb, sent jsonb, ours jsonb,
        parent_sf_id text COLLATE "C", problems jsonb, missing text[]
    ) ON COMMIT DELETE ROWS
    """,
)

TOO_LONG = "STRING_TOO_LONG"
NOT_ALLOWED = "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
CANT_BE_EMPTY = "REQUIRED_FIELD_MISSING"

_BLANKS: LiteralString = "E' \\t\\r\\n'"


def plan_updates(plan: PushPlan, connection: int) -> sql.Composed:
    """Fills ``planned`` with what differs of records that are linked."""
    fields = [f for f in plan.fields if f.updateable]
    return sql.SQL(
        """
        INSERT INTO planned
        SELECT a.id, m.sf_id, 'update', coalesce(z.before, '{{}}'), coalesce(z.sent, '{{}}'), z.ours, {parent},
               coalesce(z.problems, '{{}}'), '{{}}'
          FROM candidate AS c
          JOIN {local} AS a ON a.id = c.local_id
          JOIN {mirror} AS m ON m.local_id = a.id AND m.connection_id = {connection} AND m.role = 1
           AND NOT m.is_deleted {is_writable}
          {of_campaign}
          CROSS JOIN LATERAL (SELECT {sides} OFFSET 0) AS y
          CROSS JOIN LATERAL (SELECT {outcomes} OFFSET 0) AS x
          CROSS JOIN LATERAL (
              SELECT jsonb_object_agg(v.name, v.old) FILTER (WHERE v.problem IS NULL) AS before,
                     jsonb_object_agg(v.name, v.new) FILTER (WHERE v.problem IS NULL) AS sent,
                     jsonb_object_agg(v.name, v.ours) FILTER (WHERE v.ours IS DISTINCT FROM v.new) AS ours,
                     jsonb_object_agg(v.name, v.problem) FILTER (WHERE v.problem IS NOT NULL) AS problems
                FROM (VALUES {rows}) AS v (name, old, new, ours, is_changed, problem)
               WHERE v.is_changed
          ) AS z
         WHERE {condition}
        """
    ).format(
        local=sql.Identifier(plan.spec.local),
        mirror=sql.Identifier(plan.spec.mirror),
        parent=sql.Identifier("m", plan.parent.mirror_column) if plan.parent else sql.SQL("NULL"),
        connection=sql.Literal(connection),
        is_writable=sql.SQL(_LEAD_IS_WRITABLE if plan.spec.name == "Lead" else ""),
        of_campaign=sql.SQL(_OF_CAMPAIGN if plan.spec.name == "CampaignMember" else ""),
        sides=sql.SQL(", ").join(side for f in fields for side in _sides(f)),
        outcomes=sql.SQL(", ").join(
            sql.SQL("{} AS {}").format(_outcome(plan, f), sql.Identifier(f"n_{f.column}")) for f in fields
        ),
        rows=sql.SQL(", ").join(_row(f) for f in fields),
        condition=_condition(plan),
    )


# A member belongs to its campaign, whose push filter holds for it as well.
_OF_CAMPAIGN: LiteralString = "JOIN campaign AS g ON g.id = a.campaign_id AND NOT a.is_removed"


def _condition(plan: PushPlan) -> sql.Composed:
    """The push filter."""
    if plan.spec.name == "CampaignMember":
        return compiled("campaign", plan.condition, sql.Identifier("g"))
    return compiled(plan.spec.local, plan.condition, sql.Identifier("a"))


def close_issues(plan: PushPlan, connection: int, *, is_picked: bool) -> sql.Composed:
    """Closes issues of candidates that are mended.

    A push of picked records leaves most of what it doesn't plan as it is, and not because nothing is wrong: only where
    the verdict says that nothing is left to write (see `verdicts`) is that an answer.
    """
    # The file's own braces are those of JSON and of empty arrays.
    text = block("abmatic.sync", "sql/push.sql", "close_issues").replace("'{}'", "'{{}}'")
    return sql.SQL(text).format(
        connection=sql.Literal(connection),
        sobject=sql.Literal(plan.spec.name),
        also_unplanned=sql.SQL("false" if is_picked else "true"),
        is_left_out=sql.SQL(
            "EXISTS (SELECT FROM {} AS a {} WHERE a.id = c.local_id AND NOT coalesce({}, false))"
        ).format(sql.Identifier(plan.spec.local), sql.SQL(_of_campaign(plan)), _condition(plan)),
    )


# A converted lead can't be written, and one whose person is a contact as well is the contact's business.
_LEAD_IS_WRITABLE: LiteralString = """AND NOT m.is_converted AND NOT EXISTS (
               SELECT FROM mirror_contact AS mc WHERE mc.local_id = a.id AND mc.connection_id = m.connection_id
                  AND mc.role = 1 AND NOT mc.is_deleted)"""


def _sides(f: PushedField) -> list[sql.Composed]:
    """S, A, whether A is B to the letter, whether there is a base, B, and whether an undo left S and A so, by field."""
    kind = f.local.type
    has = sql.SQL("(m.base IS NULL OR m.base ? {})").format(sql.Literal(f.sf_field))
    stored = values.from_json(kind, sql.SQL("coalesce(m.base, m.values)"), f.sf_field)
    seen = values.from_json(kind, sql.SQL("m.values"), f.sf_field)
    return [
        sql.SQL("{} AS {}").format(_or_false(f, seen), sql.Identifier(f"s_{f.column}")),
        sql.SQL("{} AS {}").format(as_there(f, sql.Identifier("a", f.column), seen), sql.Identifier(f"a_{f.column}")),
        sql.SQL("({} IS NOT DISTINCT FROM {}) AS {}").format(
            values.local(kind, sql.Identifier("a", f.column)), _or_false(f, stored), sql.Identifier(f"same_{f.column}")
        ),
        sql.SQL("{} AS {}").format(has, sql.Identifier(f"has_{f.column}")),
        sql.SQL("{} AS {}").format(_or_false(f, stored), sql.Identifier(f"b_{f.column}")),
        sql.SQL("{} AS {}").format(
            values.is_held(kind, f.sf_field, seen, sql.Identifier("a", f.column)), sql.Identifier(f"held_{f.column}")
        ),
    ]


def _or_false(f: PushedField, value: sql.Composable) -> sql.Composable:
    """A checkbox is never empty: one that isn't spelled out is false."""
    return sql.SQL("coalesce({}, false)").format(value) if f.local.type is FieldType.BOOLEAN else value


def as_there(f: PushedField, value: sql.Composable, seen: sql.Composable) -> sql.Composable:
    """The local value as Salesforce has it, where it has the very same, else as it would be after it saved it.

    Salesforce may have what it wouldn't store today, such as decimals from before a field lost them. Who had that value
    from there has changed nothing, and it must not be written back rounded.
    """
    canonical = values.local(f.local.type, value)
    return sql.SQL("CASE WHEN {} = {} THEN {} ELSE {} END").format(canonical, seen, seen, as_stored(f, value))


def as_stored(f: PushedField, value: sql.Composable) -> sql.Composable:
    """The local value as it would be after Salesforce saved it."""
    canonical = values.local(f.local.type, value)
    if f.local.type is FieldType.BOOLEAN:
        return sql.SQL("coalesce({}, false)").format(value)
    if values.SQL_TYPES[f.local.type] == "text":
        return _text_as_stored(f, canonical)
    if f.local.type is FieldType.NUMBER:
        return sql.SQL("trim_scale(round({}, {}))").format(value, sql.Literal(f.scale))
    if f.local.type is FieldType.DATETIME:
        return sql.SQL("date_trunc('second', {})").format(value)
    return canonical


def _text_as_stored(f: PushedField, canonical: sql.Composable) -> sql.Composable:
    trimmed = sql.SQL("nullif(btrim({}, " + _BLANKS + "), '')").format(canonical)
    if f.by_campaign:
        return sql.SQL("coalesce(({}), {})").format(_status(trimmed), trimmed)
    if f.allowed is None:
        return trimmed
    return sql.SQL("coalesce((SELECT p FROM unnest({}::text[]) AS p WHERE lower(p) = lower({}) LIMIT 1), {})").format(
        sql.Literal(list(f.allowed)), trimmed, trimmed
    )


def _status(label: sql.Composable) -> sql.Composed:
    """The status of the campaign of the member ``a`` that is called so, in the spelling that it has there."""
    return sql.SQL(
        "SELECT k.label FROM campaign_member_status AS k WHERE k.campaign_id = a.campaign_id "
        "AND lower(k.label) = lower({}) LIMIT 1"
    ).format(label)


def _of(side: str, f: PushedField) -> sql.Composable:
    return sql.Identifier("y", f"{side}_{f.column}")


def _outcome(plan: PushPlan, f: PushedField) -> sql.Composed:
    """What Salesforce should have."""
    return sql.SQL("CASE WHEN {} THEN {} ELSE {} END").format(_of("held", f), _of("s", f), _rule(plan, f))


def _rule(plan: PushPlan, f: PushedField) -> sql.Composed:
    s, a, b, has = (_of(side, f) for side in ("s", "a", "b", "has"))
    was_something = sql.SQL("({has} AND {b} IS NOT NULL)").format(has=has, b=b)
    clears = sql.SQL("true").format() if f.clear_with_empty else was_something
    match (f.to_abmatic, f.to_salesforce):
        case (Mode.OVERWRITE, Mode.OVERWRITE):
            return _three_way(plan, f)
        case (_, Mode.OVERWRITE):
            return sql.SQL("CASE WHEN {a} IS NOT NULL OR {clears} THEN {a} ELSE {s} END").format(
                a=a, s=s, clears=clears
            )
        case (Mode.OVERWRITE, _):
            # Salesforce is authoritative: what was emptied there stays empty.
            return sql.SQL("CASE WHEN {s} IS NOT NULL OR {clears} THEN {s} ELSE {a} END").format(
                a=a, s=s, clears=clears
            )
        case _:
            return sql.SQL("coalesce({s}, {a})").format(a=a, s=s)


def _three_way(plan: PushPlan, f: PushedField) -> sql.Composed:
    s, a, b, has, same = (_of(side, f) for side in ("s", "a", "b", "has", "same"))
    return sql.SQL(
        "CASE WHEN NOT {has} THEN (CASE WHEN {s} IS NULL THEN {a} WHEN {a} IS NULL THEN {s} ELSE {first} END) "
        "WHEN {same} OR {a} IS NOT DISTINCT FROM {b} THEN {s} WHEN {s} IS NOT DISTINCT FROM {b} THEN {a} "
        "WHEN {s} IS NOT DISTINCT FROM {a} THEN {s} ELSE {settled} END"
    ).format(
        has=has, a=a, s=s, b=b, same=same,
        first=a if plan.policy == ObjectSetting.Policy.ABMATIC else s,
        settled=_settled(plan, f, s, a),
    )  # fmt: skip


def _settled(plan: PushPlan, f: PushedField, s: sql.Composable, a: sql.Composable) -> sql.Composable:
    """Both sides changed to different values: the policy decides, as it does in the pull."""
    if plan.policy == ObjectSetting.Policy.ABMATIC:
        return a
    if plan.policy == ObjectSetting.Policy.SALESFORCE:
        return s
    return sql.SQL(
        "CASE WHEN m.modstamp >= coalesce((SELECT max(h.at) FROM change AS h WHERE h.record = {record} "
        "AND h.record_id = a.id AND h.field = {field}), '-infinity') THEN {s} ELSE {a} END"
    ).format(record=sql.Literal(plan.spec.local), field=sql.Literal(f.column), s=s, a=a)


def _row(f: PushedField) -> sql.Composed:
    """Name, old value, new value, what is here, whether they differ, and why Salesforce would refuse the new one."""
    old, new = _of("s", f), sql.Identifier("x", f"n_{f.column}")
    return sql.SQL("({}, to_jsonb({}), to_jsonb({}), to_jsonb({}), {} IS DISTINCT FROM {}, {})").format(
        sql.Literal(f.sf_field), old, new, _ours(f), old, new, _problem(f, new)
    )


def _ours(f: PushedField) -> sql.Composable:
    return values.local(f.local.type, sql.Identifier("a", f.column))


def _problem(f: PushedField, new: sql.Composable) -> sql.Composed:
    """The code with which Salesforce would refuse the value; NULL where nothing is known against it."""
    tests: list[sql.Composed] = []
    if not f.can_be_cleared and f.local.type is not FieldType.BOOLEAN:
        tests.append(sql.SQL("WHEN {} IS NULL THEN {}").format(new, sql.Literal(CANT_BE_EMPTY)))
    if values.SQL_TYPES[f.local.type] == "text" and f.length:
        tests.append(sql.SQL("WHEN length({}) > {} THEN {}").format(new, sql.Literal(f.length), sql.Literal(TOO_LONG)))
    if f.allowed is not None:
        tests.append(
            sql.SQL("WHEN {} <> ALL ({}::text[]) THEN {}").format(
                new, sql.Literal(list(f.allowed)), sql.Literal(NOT_ALLOWED)
            )
        )
    if f.by_campaign:
        tests.append(sql.SQL("WHEN NOT EXISTS ({}) THEN {}").format(_status(new), sql.Literal(NOT_ALLOWED)))
    if not tests:
        return sql.SQL("NULL::text").format()
    return sql.SQL("CASE {} END").format(sql.SQL(" ").join(tests))


def plan_creates(plan: PushPlan, connection: int) -> sql.Composed:
    """Fills ``planned`` with the records that Salesforce doesn't have.

    A link that ever was, to a record that is deleted there too, is reason enough not to make another.
    """
    fields = [f for f in plan.fields if f.createable]
    return sql.SQL(
        """
        INSERT INTO planned
        WITH loose AS MATERIALIZED ({loose})
        SELECT a.id, NULL, 'create', '{{}}', z.sent, z.ours, {parent}, coalesce(z.problems, '{{}}'),
               array(SELECT r FROM unnest({required}::text[]) AS r WHERE NOT z.sent ? r)
          FROM loose AS c
          JOIN {local} AS a ON a.id = c.local_id
          {joins}
          CROSS JOIN LATERAL (SELECT {values} OFFSET 0) AS x
          CROSS JOIN LATERAL (
              SELECT coalesce(jsonb_object_agg(v.name, v.new) FILTER (WHERE v.problem IS NULL), '{{}}')
                         || {references} AS sent,
                     jsonb_object_agg(v.name, v.ours) FILTER (WHERE v.ours IS DISTINCT FROM v.new) AS ours,
                     jsonb_object_agg(v.name, v.problem) FILTER (WHERE v.problem IS NOT NULL) AS problems
                FROM (VALUES {rows}) AS v (name, new, ours, problem)
               WHERE v.new IS NOT NULL
          ) AS z
         WHERE {condition} {unheld} {choice}
        """
    ).format(
        loose=_loose(plan.spec, connection),
        local=sql.Identifier(plan.spec.local),
        unheld=_unheld(plan.spec, connection),
        required=sql.Literal(list(plan.required)),
        joins=sql.SQL("{} {}").format(_joins(plan.spec.name, connection), sql.SQL(_of_campaign(plan))),
        parent=sql.SQL(_ENDS[plan.parent.sf_field]) if plan.parent else sql.SQL("NULL"),
        references=_references(plan),
        values=sql.SQL(", ").join(
            sql.SQL("{} AS {}").format(as_stored(f, _for_creation(plan, f)), sql.Identifier(f"n_{f.column}"))
            for f in fields
        ),
        rows=sql.SQL(", ").join(_creation_row(plan, f, connection) for f in fields),
        choice=sql.SQL(_choice(plan)),
        condition=_condition(plan),
    )


def _of_campaign(plan: PushPlan) -> LiteralString:
    return _OF_CAMPAIGN if plan.spec.name == "CampaignMember" else ""


def _references(plan: PushPlan) -> sql.Composed:
    """The references of a new record, as far as what they point at is in Salesforce; of a lead its company's domain."""
    pairs = sql.SQL(", ").join(
        sql.SQL("{}, {}").format(sql.Literal(each.sf_field), sql.SQL(_ENDS[each.sf_field])) for each in plan.references
    )
    return sql.SQL("jsonb_strip_nulls(jsonb_build_object({}))").format(pairs)


# Where each reference comes from, in the joins below. A member is a contact, or else a lead.
_ENDS: dict[str, LiteralString] = {
    "AccountId": "p.sf_id",
    "CampaignId": "up.sf_id",
    "ParentId": "up.sf_id",
    "ContactId": "who.sf_id",
    "LeadId": "CASE WHEN who.sf_id IS NULL THEN prospect.sf_id END",
    "Website": "firm.domain",
}


def _joins(sobject: str, connection: int) -> sql.Composable:
    """What a new record refers to, as Salesforce has it."""
    needed: dict[str, tuple[LiteralString, ...]] = {
        "Contact": (_ACCOUNT,),
        "Lead": (_ACCOUNT,),
        "Opportunity": (_ACCOUNT, _CAMPAIGN),
        "Campaign": (_PARENT_CAMPAIGN,),
        "CampaignMember": (_CAMPAIGN, _PERSON),
    }
    return sql.SQL(" ").join(
        sql.SQL(text).format(connection=sql.Literal(connection)) for text in needed.get(sobject, ())
    )


_CAMPAIGN: LiteralString = """LEFT JOIN mirror_campaign AS up ON up.local_id = a.campaign_id
               AND up.connection_id = {connection} AND up.role = 1 AND NOT up.is_deleted"""
_PARENT_CAMPAIGN: LiteralString = """LEFT JOIN mirror_campaign AS up ON up.local_id = a.parent_id
               AND up.connection_id = {connection} AND up.role = 1 AND NOT up.is_deleted"""
_PERSON: LiteralString = """LEFT JOIN mirror_contact AS who ON who.local_id = a.contact_id
               AND who.connection_id = {connection} AND who.role = 1 AND NOT who.is_deleted
          LEFT JOIN mirror_lead AS prospect ON prospect.local_id = a.contact_id
               AND prospect.connection_id = {connection} AND prospect.role = 1 AND NOT prospect.is_deleted
               AND NOT prospect.is_converted"""
# The account that the record belongs to.
_ACCOUNT: LiteralString = """LEFT JOIN account AS firm ON firm.id = a.account_id
          LEFT JOIN mirror_account AS p ON p.local_id = a.account_id AND p.connection_id = {connection}
               AND p.role = 1 AND NOT p.is_deleted"""


def _choice(plan: PushPlan) -> LiteralString:
    """A person whose account is in Salesforce becomes a contact of it, everybody else a lead.

    A contact without an account would be private there: seen by nobody but its owner. A deal of an account waits for
    it: a reference is written when a record is made, and never after.
    """
    if plan.spec.name == "Contact":
        return "AND p.sf_id IS NOT NULL"
    if plan.spec.name == "Opportunity":
        return "AND (a.account_id IS NULL OR p.sf_id IS NOT NULL)"
    if plan.spec.name == "CampaignMember":
        return "AND coalesce(who.sf_id, prospect.sf_id) IS NOT NULL"
    return "AND p.sf_id IS NULL" if plan.yields_to_contact else ""


def _for_creation(plan: PushPlan, f: PushedField) -> sql.Composable:
    own = sql.Identifier("a", f.column)
    # A lead must say for whom the person works.
    is_company = plan.spec.name == "Lead" and f.sf_field == "Company"
    return sql.SQL("coalesce(nullif(btrim({}), ''), firm.name)").format(own) if is_company else own


def _creation_row(plan: PushPlan, f: PushedField, connection: int) -> sql.Composed:
    new = sql.Identifier("x", f"n_{f.column}")
    problem = _problem(f, new)
    if (namesake := namesakes.problem(plan.spec, f.sf_field, connection)) is not None:
        problem = sql.SQL("coalesce({}, {})").format(problem, namesake)
    return sql.SQL("({}, to_jsonb({}), to_jsonb({}), {})").format(sql.Literal(f.sf_field), new, _ours(f), problem)


def _loose(spec: SObject, connection: int) -> sql.Composed:
    """Candidates to which no record of the connection, of any object kept in such local records, is or was linked.

    Nor those that a person has unlinked (`KeptApart`).
    By themselves: joined with the local records as well, the planner may first look for all that are not linked, of
    which there are none, and reads millions.
    """
    mirrors = [other.mirror for other in OBJECTS.values() if other.local == spec.local]
    return (
        sql.SQL("SELECT c.local_id FROM candidate AS c WHERE ")
        + sql.SQL(" AND ").join(
            sql.SQL("NOT EXISTS (SELECT FROM {} AS k WHERE k.local_id = c.local_id AND k.connection_id = {})").format(
                sql.Identifier(mirror), sql.Literal(connection)
            )
            for mirror in mirrors
        )
        + sql.SQL(
            " AND NOT EXISTS (SELECT FROM kept_apart AS k WHERE k.connection_id = {} AND k.sobject = {} "
            "AND k.local_id = c.local_id)"
        ).format(sql.Literal(connection), sql.Literal(spec.name))
    )


def _unheld(spec: SObject, connection: int) -> sql.Composable:
    """No record of another object that is kept in such local records has the key and is nobody's.

    Else a person whose lead was not wanted here would become a contact beside it.
    """
    if spec.key is None:
        return sql.SQL("")
    others = [other.mirror for other in OBJECTS.values() if other.local == spec.local and other.name != spec.name]
    return sql.SQL("").join(
        sql.SQL(
            "AND NOT EXISTS (SELECT FROM {} AS h WHERE h.connection_id = {} AND h.key = a.{} AND h.local_id IS NULL "
            "AND NOT h.is_deleted) "
        ).format(sql.Identifier(other), sql.Literal(connection), sql.Identifier(spec.key.local_column))
        for other in others
    )


def link_unlinked(plan: PushPlan, connection: int, run: int) -> sql.Composed | None:
    """Links candidates with records that the mirror holds by their key and that were never to be created here.

    Of several the oldest is primary, the others are duplicates. Nothing is agreed on yet.
    """
    spec = plan.spec
    if spec.key is None:
        return None
    return sql.SQL(
        """
        WITH loose AS MATERIALIZED ({loose}), found AS (
            SELECT m.sf_id, a.id, row_number() OVER (PARTITION BY a.id ORDER BY m.created, m.sf_id) AS place
              FROM loose AS c
              JOIN {local} AS a ON a.id = c.local_id AND a.{key} IS NOT NULL
              JOIN {mirror} AS m ON m.connection_id = {connection} AND m.key = a.{key} AND m.local_id IS NULL
               AND NOT m.is_deleted
        )
        UPDATE {mirror} AS m
           SET local_id = f.id, role = CASE WHEN f.place = 1 THEN 1 ELSE 2 END, base = '{{}}', linked_run = {run}
          FROM found AS f
         WHERE m.connection_id = {connection} AND m.sf_id = f.sf_id
        """
    ).format(
        local=sql.Identifier(spec.local),
        mirror=sql.Identifier(spec.mirror),
        key=sql.Identifier(spec.key.local_column),
        loose=_loose(spec, connection),
        connection=sql.Literal(connection),
        run=sql.Literal(run),
    )
