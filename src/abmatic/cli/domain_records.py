"""`abmatic records`: local records as JSON lines, streamed.

Postgres makes each line and hands them out through a server-side cursor, so a million records need no more memory
here than ten.
"""

from __future__ import annotations

from collections.abc import Iterator

import click
from psycopg import sql

from abmatic.cli.domain_ready import ready
from abmatic.cli.failures import Failure
from abmatic.cli.numbers import Number
from abmatic.cli.piped import read_as_far_as_wanted

# Lines fetched from the server at a time.
_FETCH = 2_000

_RECORDS = {
    "accounts": "account", "contacts": "contact", "opportunities": "opportunity", "campaigns": "campaign",
}  # fmt: skip
# Beside its fields (audiences.fields): what else a record tells of itself, as columns of its line.
_ACCOUNT = """
    (SELECT to_json(a) FROM (SELECT id, name, domain FROM account WHERE id = r.account_id) AS a) AS account"""
_MORE = {
    "account": "r.domain",
    "contact": f"nullif(r.kind, '') AS kind, {_ACCOUNT}",
    "opportunity": f"""{_ACCOUNT},
    array_to_json(ARRAY(SELECT c FROM (SELECT contact_id AS id, role, is_primary FROM opportunity_contact AS o
                                       WHERE opportunity_id = r.id ORDER BY o.id) AS c)) AS contacts,
    (SELECT to_json(c) FROM (SELECT id, name FROM campaign WHERE id = r.campaign_id) AS c) AS campaign""",
    "campaign": """
    (SELECT to_json(p) FROM (SELECT id, name FROM campaign WHERE id = r.parent_id) AS p) AS parent,
    array_to_json(ARRAY(SELECT s FROM (SELECT label, position, is_default, is_responded FROM campaign_member_status
                                       WHERE campaign_id = r.id ORDER BY position, id) AS s)) AS statuses,
    array_to_json(ARRAY(SELECT m FROM (SELECT contact_id AS id, status, has_responded, first_responded
                                         FROM campaign_member WHERE campaign_id = r.id AND NOT is_removed
                                        ORDER BY id) AS m)) AS members""",
}
_OWNER = "(SELECT to_json(o) FROM (SELECT name, email FROM owner WHERE id = r.owner_id) AS o) AS owner"
_MIRRORS = {
    "account": (("Account", "mirror_account"),),
    "contact": (("Contact", "mirror_contact"), ("Lead", "mirror_lead")),
    "opportunity": (("Opportunity", "mirror_opportunity"),),
    "campaign": (("Campaign", "mirror_campaign"),),
}
_SEARCHED = {
    "account": ("name", "website", "domain"),
    "contact": ("first_name", "last_name", "work_email", "company", "job_title"),
    "opportunity": ("name",),
    "campaign": ("name",),
}


@click.command()
@click.argument("what", metavar="OBJECT", type=click.Choice(list(_RECORDS), case_sensitive=False))
@click.option("--limit", type=Number(1), help="At most so many.")
@click.option("--search", metavar="TEXT", help="Only records that hold this text in their name, address or e-mail.")
@click.option("--collection", metavar="NAME", help="Only members of this collection.")
def records(what: str, limit: int | None, search: str | None, collection: str | None) -> None:
    """Print records as JSON lines, in the order in which they were made.

    OBJECT is accounts, contacts, opportunities or campaigns.

    \b
    Example:
      abmatic records contacts --search acme.com --limit 10
    """
    record = _RECORDS[what]
    with ready(), read_as_far_as_wanted():
        member_of = _find_collection(record, collection) if collection is not None else None
        for lines in _pages(record, _query(record, search, member_of, limit)):
            click.echo("\n".join(lines))


def _find_collection(record: str, name: str) -> int:
    from abmatic.audiences.models import Collection

    known = Collection.objects.filter(record=record)
    found = list(known.filter(name=name).values_list("id", flat=True))
    if not found and name.isascii() and name.isdigit():
        found = list(known.filter(pk=int(name)).values_list("id", flat=True))
    if len(found) > 1:
        raise Failure(f"Several collections are named “{name}”: give the number of one ({', '.join(map(str, found))})")
    if not found:
        names = ", ".join(f"“{each}”" for each in known.values_list("name", flat=True)) or "none"
        raise Failure(f"There is no collection “{name}” of {record} records; there is: {names}")
    return int(found[0])


def _query(record: str, search: str | None, collection: int | None, limit: int | None) -> sql.Composed:
    """The statement whose rows are lines."""
    conditions: list[sql.Composable] = []
    if search is not None:
        # What LIKE takes for a pattern is meant as text.
        text = search.replace("\x00", "").replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
        conditions.append(
            sql.SQL("({})").format(
                sql.SQL(" OR ").join(
                    sql.SQL("r.{} ILIKE {}").format(sql.Identifier(column), sql.Literal(f"%{text}%"))
                    for column in _SEARCHED[record]
                )
            )
        )
    if collection is not None:
        conditions.append(
            sql.SQL(
                "EXISTS (SELECT FROM collection_member AS m WHERE m.collection_id = {} AND m.record_id = r.id)"
            ).format(sql.Literal(collection))
        )
    return sql.SQL(
        "SELECT to_json(line)::text FROM (SELECT {columns} FROM {table} AS r {where} ORDER BY r.id {limit}) AS line"
    ).format(
        columns=_columns(record),
        table=sql.Identifier(record),
        where=sql.SQL("WHERE {}").format(sql.SQL(" AND ").join(conditions)) if conditions else sql.SQL(""),
        limit=sql.SQL("LIMIT {}").format(sql.Literal(limit)) if limit is not None else sql.SQL(""),
    )


def _columns(record: str) -> sql.Composed:
    from abmatic.audiences.fields import FieldType, fields

    columns: list[sql.Composable] = [sql.SQL("r.id")]
    for field in fields(record):
        # Stored with six decimals; 1000 is told as 1000.
        form = "trim_scale(r.{0}) AS {0}" if field.type == FieldType.NUMBER else "r.{0}"
        columns.append(sql.SQL(form).format(sql.Identifier(field.name)))
    links = sql.SQL(" UNION ALL ").join(
        sql.SQL(
            "SELECT {} AS object, s.sf_id AS id, s.role = 2 AS is_duplicate, s.is_deleted FROM {} AS s "
            "WHERE s.local_id = r.id"
        ).format(sql.Literal(sobject), sql.Identifier(mirror))
        for sobject, mirror in _MIRRORS[record]
    )
    columns += [
        sql.SQL(_MORE[record]),
        sql.SQL(_OWNER),
        sql.SQL(
            "array_to_json(ARRAY(SELECT l FROM (SELECT * FROM ({}) AS every "
            "ORDER BY is_deleted, is_duplicate, object, id) AS l)) AS salesforce"
        ).format(links),
        sql.SQL("r.created_at, r.updated_at"),
    ]
    return sql.SQL(", ").join(columns)


def _pages(record: str, query: sql.Composed) -> Iterator[list[str]]:
    """The lines, some thousand at a time, as of one moment."""
    from abmatic.postgres import sessions

    settings = {"timezone": "UTC", "jit": "off", "default_transaction_read_only": "on"}
    with sessions.session(f"records {record}", settings) as session, session.cursor(name="records") as cursor:
        cursor.execute(query)
        while rows := cursor.fetchmany(_FETCH):
            yield [row[0] for row in rows]
