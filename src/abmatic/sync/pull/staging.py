"""The session's own tables of one pull, and the statement that turns staged text into typed, keyed work.

``stage``    the page as it came: one text column per selected field
``work``     its usable rows: system columns, canonical values, key, the fields whose text was no value
``decided``  for each row: which local record it belongs to, in which role, and what is done (see `match`)
``merged``   for rows whose local record existed: each field before and after (see `merge`)

They have no indexes, which would cost more than the hash joins they save, are temporary and emptied at every commit,
so a crash leaves nothing to clean up, and two pulls never meet.
"""

from __future__ import annotations

from typing import LiteralString

from psycopg import sql

from abmatic.sync.pull import values
from abmatic.sync.pull.plan import CHANGED_BY, PulledField, PullPlan

_SYSTEM_TYPES = {"id": 'text COLLATE "C"', "boolean": "boolean", "date": "date", "datetime": "timestamptz"}
_SYSTEM_CASTS = {
    "id": "CASE WHEN length({0}) = 18 THEN {0} END",
    "boolean": "coalesce(as_boolean({0}), false)",
    "date": "as_date({0})",
    "datetime": "as_timestamp({0})",
}


# The key, why there is none, and then the beginning of the text that gave none.
_KEY: LiteralString = "k.key, k.problem, CASE WHEN k.problem IS NOT NULL THEN left(t.raw_key, 200) END"


def names(*columns: str) -> sql.Composable:
    """A comma-separated list of quoted names."""
    return sql.SQL(", ").join(sql.Identifier(column) for column in columns)


def create_tables(plan: PullPlan) -> list[sql.Composed]:
    """The temporary tables, made once per session."""
    typed = sql.SQL(", ")
    stage = typed.join(sql.SQL("{} text").format(sql.Identifier(name)) for name in plan.selected)
    system = typed.join(
        sql.SQL("{} {}").format(sql.Identifier(column.column), sql.SQL(_SYSTEM_TYPES[column.type]))
        for column in plan.spec.system
    )
    held = typed.join(
        sql.SQL("{} {}").format(sql.Identifier(f.value), sql.SQL(values.SQL_TYPES[f.local.type])) for f in plan.fields
    )
    merged = typed.join(
        sql.SQL("{b} {t}, {a} {t}").format(
            b=sql.Identifier(f"before_{f.column}"),
            a=sql.Identifier(f"after_{f.column}"),
            t=sql.SQL(values.SQL_TYPES[f.local.type]),
        )
        for f in plan.fields
    )
    parents = typed.join(
        sql.SQL("{} bigint").format(sql.Identifier(parent.local_column)) for parent in plan.spec.parents
    )
    return [
        sql.SQL("CREATE TEMP TABLE stage ({}) ON COMMIT DELETE ROWS").format(stage),
        sql.SQL(
            'CREATE TEMP TABLE work (sf_id text COLLATE "C", modstamp timestamptz, created timestamptz, '
            'is_deleted boolean, changed_by text COLLATE "C", {} key text COLLATE "C", key_problem text, '
            "key_text text, bad text[], values jsonb, {}) "
            "ON COMMIT DELETE ROWS"
        ).format(_then_comma(system), held),
        sql.SQL(
            'CREATE TEMP TABLE decided (sf_id text COLLATE "C", key text COLLATE "C", local_id bigint, role smallint, '
            "action text, is_known boolean, was_deleted boolean, is_newer boolean, created timestamptz, "
            '{} waiting_for text COLLATE "C") ON COMMIT DELETE ROWS'
        ).format(_then_comma(parents)),
        sql.SQL(
            'CREATE TEMP TABLE merged (sf_id text COLLATE "C", local_id bigint, base jsonb, '
            "conflicts text[], {} {}) ON COMMIT DELETE ROWS"
        ).format(
            _then_comma(
                typed.join(
                    sql.SQL("{} bigint, {} bigint").format(
                        sql.Identifier(f"before_{parent.local_column}"), sql.Identifier(f"after_{parent.local_column}")
                    )
                    for parent in plan.spec.parents
                )
            ),
            merged,
        ),
    ]


def _then_comma(columns: sql.Composed) -> sql.Composed:
    return sql.SQL("{},").format(columns) if columns.as_string() else sql.SQL("").format()


def copy_into_stage(plan: PullPlan, columns: list[str]) -> sql.Composed:
    """COPY of a page whose header says ``columns``. A quoted empty cell is NULL, as Bulk API 2.0 writes it."""
    by_name = {name.lower(): name for name in plan.selected}
    targets = names(*(by_name[column.lower()] for column in columns))
    return sql.SQL("COPY stage ({0}) FROM STDIN (FORMAT csv, ENCODING 'UTF8', FORCE_NULL ({0}))").format(targets)


def records_into_stage(plan: PullPlan) -> sql.Composed:
    """Stages a JSON array of records (the parameter ``records``), as a REST query answers them."""
    picked = sql.SQL(", ").join(sql.SQL("record ->> {}").format(sql.Literal(name)) for name in plan.selected)
    return sql.SQL("INSERT INTO stage ({}) SELECT {} FROM jsonb_array_elements(%(records)s::jsonb) AS record").format(
        names(*plan.selected), picked
    )


def load_work(plan: PullPlan, server_version: int) -> sql.Composed:
    """Stage to work: parameters ``upper`` (stands in for an unreadable SystemModstamp)."""
    inner = [
        (sql.SQL('s."Id"'), "sf_id"),
        (sql.SQL('coalesce(as_timestamp(s."SystemModstamp"), %(upper)s)'), "modstamp"),
        (sql.SQL('as_timestamp(s."CreatedDate")'), "created"),
        (
            sql.SQL('coalesce(as_boolean(s."IsDeleted"), false)' if "IsDeleted" in plan.base else "false"),
            "is_deleted",
        ),
        (sql.SQL('s."LastModifiedById"' if CHANGED_BY in plan.base else "NULL"), "changed_by"),
        *((sql.SQL(_SYSTEM_CASTS[c.type]).format(_raw(c.sf_field)), c.column) for c in plan.system),
        *((values.from_text(f.local.type, _raw(f.sf_field)), f.value) for f in plan.fields),
        *((_raw(f.sf_field), f"raw_{f.column}") for f in plan.fields if f.can_be_bad),
    ]
    if plan.key_field:
        inner.append((_raw(plan.key_field), "raw_key"))
    columns = [
        "sf_id", "modstamp", "created", "is_deleted", "changed_by", *(c.column for c in plan.system),
        *(f.value for f in plan.fields),
    ]  # fmt: skip
    return sql.SQL(
        "INSERT INTO work ({columns}, bad, values, key, key_problem, key_text) "
        "SELECT {picked}, {bad}, {document}, {key} "
        'FROM (SELECT {inner} FROM stage AS s WHERE length(s."Id") = 18 AND s."Id" ~ \'^[a-zA-Z0-9]+$\' OFFSET 0) AS t '
        "{lateral}"
    ).format(
        columns=names(*columns),
        picked=sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(column)) for column in columns),
        bad=_bad([f for f in plan.fields if f.can_be_bad]),
        document=_document(plan.fields, server_version),
        inner=sql.SQL(", ").join(sql.SQL("{} AS {}").format(e, sql.Identifier(n)) for e, n in inner),
        key=sql.SQL(_KEY if plan.key_field else "NULL, NULL, NULL"),
        lateral=_key_join(plan),
    )


HAS_REPEATS: LiteralString = "SELECT FROM work GROUP BY sf_id HAVING count(*) > 1 LIMIT 1"

# A record that moved between REST pages while they were read may come twice in one chunk: the newest stays.
DROP_REPEATS: LiteralString = (
    "DELETE FROM work AS w USING (SELECT sf_id, (array_agg(ctid ORDER BY modstamp DESC, ctid))[1] AS kept FROM work "
    "GROUP BY sf_id HAVING count(*) > 1) AS twice WHERE w.sf_id = twice.sf_id AND w.ctid <> twice.kept"
)

# The same for ``stage``, where entries about single values look for the text.
DROP_STAGED_REPEATS: LiteralString = (
    'DELETE FROM stage AS s USING (SELECT "Id", (array_agg(ctid ORDER BY '
    'coalesce(as_timestamp("SystemModstamp"), %(upper)s) DESC, ctid))[1] AS kept FROM stage '
    'GROUP BY "Id" HAVING count(*) > 1) AS twice WHERE s."Id" = twice."Id" AND s.ctid <> twice.kept '
    'AND s."Id" IN (SELECT sf_id FROM work) RETURNING s."Id", NULL'
)

UNUSABLE: LiteralString = (
    'SELECT s."Id", s."Id" FROM stage AS s WHERE s."Id" IS NULL '
    'OR s."Id" NOT IN (SELECT sf_id FROM work) AND s."Id" NOT IN (SELECT sf_id FROM decided)'
)


def _raw(sf_field: str) -> sql.Composed:
    return sql.SQL("s.{}").format(sql.Identifier(sf_field))


def _key_join(plan: PullPlan) -> sql.Composed:
    if not plan.key_field or plan.spec.key is None:
        return sql.SQL("").format()
    extra = sql.SQL(", true") if plan.spec.key.function == "domain_of" else sql.SQL("")
    return sql.SQL("CROSS JOIN LATERAL {}(t.raw_key{}) AS k (key, problem)").format(
        sql.Identifier(plan.spec.key.function), extra
    )


def _bad(fields: list[PulledField]) -> sql.Composed:
    """The names of the fields whose text is no value; NULL in the usual case that there is none."""
    if not fields:
        return sql.SQL("NULL::text[]").format()
    tests = [values.bad(sql.Identifier("t", f"raw_{f.column}"), sql.Identifier("t", f.value)) for f in fields]
    listed = sql.SQL(", ").join(
        sql.SQL("CASE WHEN {} THEN {} END").format(test, sql.Literal(f.sf_field))
        for f, test in zip(fields, tests, strict=True)
    )
    return sql.SQL("CASE WHEN {} THEN array_remove(ARRAY[{}]::text[], NULL) END").format(
        sql.SQL(" OR ").join(tests), listed
    )


def _document(fields: tuple[PulledField, ...], server_version: int) -> sql.Composed:
    """The mirror's ``values``: canonical values by Salesforce name, without the empty ones."""
    if not fields:
        return sql.SQL("'{{}}'::jsonb").format()
    # PostgreSQL 16 and newer leave them out while building, at two thirds of the cost.
    one_step = server_version >= 160_000
    pair = sql.SQL("{}: {}" if one_step else "{}, {}")
    pairs = sql.SQL(", ").join(pair.format(sql.Literal(f.sf_field), sql.Identifier("t", f.value)) for f in fields)
    whole = (
        "JSON_OBJECT({} ABSENT ON NULL RETURNING jsonb)" if one_step else "jsonb_strip_nulls(jsonb_build_object({}))"
    )
    return sql.SQL(whole).format(pairs)
