"""Which touches and which deals are concerned by what changed since the last time.

Triggers mark what changed, in the transaction that changes it (migrations 0006 and 0010; `sync` marks what the views of
`record_origin` and `record_gone` follow from). So nothing has to be ordered: a change that commits late is marked late,
a mark that can be seen is of data that can be seen, and a restored database has the marks of its data. Marks are taken
away in the transaction that follows them.

By what is marked (``what``: ``key``):

contact, opportunity, campaign, campaign_member, web_session, web_form, experience    its id
campaign_type           the id of a campaign of which only the type is another
experience_assignment   its id; also where an impression or a click is new, or the visitor or a visit of theirs is gone
experience_event        the id of one that is gone
all                     everything is made anew

From there the statements of sql/concerned.sql go to what is told otherwise because of it: the visits of a person, their
forms, what the visitor saw, the deals that a person is in.
"""

from __future__ import annotations

from typing import Any, LiteralString

from django.db import connection
from psycopg import sql

from abmatic.postgres.sql import block

# More different marks than so many, and everything is made anew: each costs a look-up, or several.
MANY = 50_000

# Of each source, what of it is concerned.
AMONG: dict[str, sql.SQL] = {
    "campaign_member": sql.SQL("m.id IN (SELECT id FROM concerned_member)"),
    "web_session": sql.SQL("s.id IN (SELECT id FROM concerned_session)"),
    "web_form": sql.SQL("f.id IN (SELECT id FROM concerned_form)"),
    "experience_event": sql.SQL("a.id IN (SELECT id FROM concerned_assignment)"),
}
TOUCHES = sql.SQL("t.source_key IN (SELECT c.source_key FROM concerned_touch AS c WHERE c.source = %(source)s)")
DEALS = {
    "deals": sql.SQL("o.id IN (SELECT id FROM concerned_deal)"),
    "paths": sql.SQL("p.opportunity_id IN (SELECT id FROM concerned_deal)"),
    "roles": sql.SQL("r.opportunity_id IN (SELECT id FROM concerned_deal)"),
    "origins": sql.SQL("JOIN concerned_record AS c ON c.record = v.record AND c.record_id = v.record_id"),
}
_ALL = sql.SQL("TRUE")
ALL_DEALS = {"deals": _ALL, "paths": _ALL, "roles": _ALL, "origins": sql.SQL("")}
ALL_TOUCHES = _ALL

# The tables that are made, each by the statement of its name here, in their order.
_TABLES: tuple[tuple[LiteralString, LiteralString], ...] = (
    ("members", "concerned_member"), ("sessions", "concerned_session"), ("forms", "concerned_form"),
    ("assignments", "concerned_assignment"), ("touches", "concerned_touch"), ("deals", "concerned_deal"),
    ("records", "concerned_record"),
)  # fmt: skip


def alone() -> None:
    """Whoever takes marks does it alone until the transaction ends."""
    _run("alone")


def is_everything() -> bool:
    """Whether everything is to be made anew."""
    with connection.cursor() as cursor:
        cursor.execute(_text("is_whole"), {"most": MANY})
        return bool(cursor.fetchone()[0])


def forget() -> None:
    """Takes all marks away, as everything is made anew."""
    _run("forget")


def take() -> bool:
    """Takes the marks, and makes the tables of what they concern. False: there is no mark, and no table is left."""
    with connection.cursor() as cursor:
        if not _run("take"):
            cursor.execute("DROP TABLE taken")
            return False
        cursor.execute("ANALYZE taken")
        cursor.execute("SELECT EXISTS (SELECT FROM taken WHERE what = 'campaign')")
        (of_campaigns,) = cursor.fetchone()
        for name, table in _TABLES:
            _run(name)
            if of_campaigns and name == "sessions":
                _run("sessions_of_campaigns")
            if of_campaigns and name == "forms":
                _run("forms_of_campaigns")
            cursor.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(table)))
    return True


def drop() -> None:
    """A transaction that isn't the outermost (a test's) drops nothing when it ends."""
    tables = sql.SQL(", ").join(sql.Identifier(table) for table in ("taken", *(table for _, table in _TABLES)))
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP TABLE {}").format(tables))


def _run(name: LiteralString, parameters: dict[str, Any] | None = None) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_text(name), parameters)
        return int(cursor.rowcount)


def _text(name: LiteralString) -> LiteralString:
    return block("abmatic.attribution", "sql/concerned.sql", name)
