"""Records that are due and wait for their account: which, and what is said of them.

A deal of an account, and a person who is to become a contact, are made in Salesforce with a reference to the account,
so they stay due until that is there. Mostly the next sync of accounts sees to it. Where it never will (none are
created, the push filter leaves it out, it is refused or was deleted there) they would wait for ever without a word:
each gets an issue that says what helps. It closes by itself when the record waits no longer, or for another reason.

A person who turned out to be in Salesforce as a lead that is not read yet waits for that (see `newcomers`), or the
other way round; where nothing but a person's hand will have leads read, an issue says so.

Why a record waits is kept where it is due (``push_due.waits``; empty: for the next sync of accounts). So a run writes
something only where that has changed, and where nothing is due it looks at nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from abmatic.audiences.conditions import compiled
from abmatic.audiences.refusals import ConditionRefused
from abmatic.postgres.sql import block
from abmatic.sync.models import ObjectSetting
from abmatic.sync.objects import OBJECTS, SObject
from abmatic.sync.push.plan import new_people_of

Session = psycopg.Connection[tuple[Any, ...]]
NewPeople = ObjectSetting.NewPeople

# Why a record waits for what no sync does; in words in `refusals`.
CODES = (
    "ACCOUNT_DELETED", "ACCOUNT_FILTERED", "ACCOUNT_FORBIDDEN", "ACCOUNT_HELD", "ACCOUNT_NOT_CREATED",
    "UNREAD_ELSEWHERE",
)  # fmt: skip
# For a record of the other object that a sync reads by itself.
UNREAD = "UNREAD"
_PEOPLE = {"Contact": "Lead", "Lead": "Contact"}

# Of rows ``d`` of ``push_due``.
_IS_LINKED: LiteralString = """EXISTS (SELECT FROM {mirror} AS k
             WHERE k.local_id = d.local_id AND k.connection_id + 0 = {connection})"""
_LACKS_ACCOUNT: LiteralString = """EXISTS (
        SELECT FROM {local} AS t
         WHERE t.id = d.local_id AND t.account_id IS NOT NULL AND NOT EXISTS (
               SELECT FROM mirror_account AS p WHERE p.local_id = t.account_id AND p.connection_id + 0 = {connection}
                  AND p.role = 1 AND NOT p.is_deleted))"""
# The mirror has somebody with that address who is nobody's here: no second one is made, account or not.
_IS_KNOWN: LiteralString = """EXISTS (
        SELECT FROM contact AS t JOIN {mirror} AS h ON h.connection_id = {connection} AND h.key = t.email_key
           AND h.local_id IS NULL AND NOT h.is_deleted
         WHERE t.id = d.local_id)"""


def may_wait(spec: SObject, setting: ObjectSetting) -> bool:
    """Whether records of the object wait for an account: where new ones are made at all."""
    if spec.name == "Contact":
        return setting.create_in_salesforce and new_people_of(setting) != NewPeople.LEAD
    return spec.name == "Opportunity" and setting.create_in_salesforce


def waits(spec: SObject, connection: sql.Composable) -> sql.Composed:
    """Which rows ``d`` of ``push_due`` wait, of an object whose records may."""
    lacks = sql.SQL(_LACKS_ACCOUNT).format(local=sql.Identifier(spec.local), connection=connection)
    mirrors = [each.mirror for each in OBJECTS.values() if each.local == spec.local]
    others = [_of(_IS_LINKED, mirror, connection) for mirror in mirrors]
    if spec.key is not None:
        others += [_of(_IS_KNOWN, mirror, connection) for mirror in mirrors]
    return sql.SQL(" AND NOT ").join((lacks, *others))


def is_ready(spec: SObject, setting: ObjectSetting, connection: sql.Composable) -> sql.Composed:
    """Which rows ``d`` of ``push_due`` don't wait. Those of people who became leads are only cleared away."""
    if spec.name not in {"Contact", "Lead", "Opportunity"}:
        return sql.SQL("true").format()
    ready = [sql.SQL("starts_with(d.waits, 'UNREAD') IS NOT TRUE").format()]
    if may_wait(spec, setting):
        ready.append(sql.SQL("NOT ({})").format(waits(spec, connection)))
        if spec.name == "Contact":
            contact, lead = (_of(_IS_LINKED, mirror, connection) for mirror in ("mirror_contact", "mirror_lead"))
            ready.append(sql.SQL("({} OR NOT {})").format(contact, lead))
    return sql.SQL("({})").format(sql.SQL(" AND ").join(ready))


def read_now(execute: Callable[..., object], spec: SObject, connection: int) -> None:
    """Everything of the object is read: nobody waits any more for being seen as one of its records."""
    if spec.name in _PEOPLE:
        execute(_text("read_now"), {"connection": connection, "sobject": _PEOPLE[spec.name]})


def _of(text: LiteralString, mirror: str, connection: sql.Composable) -> sql.Composed:
    return sql.SQL(text).format(mirror=sql.Identifier(mirror), connection=connection)


def forget_leads(session: Session, spec: SObject, connection: int) -> None:
    """Whoever became a lead is not due as a contact any more."""
    if spec.name == "Contact":
        session.execute(_text("forget_leads"), {"connection": connection})


def tell(session: Session, spec: SObject, setting: ObjectSetting, run: int, ready: sql.Composable) -> int:
    """Says of what waits why, in issues where it needs a person. How many wait. The caller commits.

    ``ready``: which rows ``d`` of ``push_due`` don't wait.
    """
    parts = {
        "connection": sql.Literal(setting.connection_id), "sobject": sql.Literal(spec.name),
        "local": sql.Identifier(spec.local), "run": sql.Literal(run),
    }  # fmt: skip
    parameters = {"connection": setting.connection_id, "sobject": spec.name, "codes": list(CODES)}
    if session.execute(_text("is_any"), parameters).fetchone() is None:
        return 0
    session.execute(sql.SQL(_text("answer_retries")).format(ready=ready, **parts))
    if spec.name not in {"Contact", "Lead", "Opportunity"}:
        return 0
    session.execute(_text("make_table"))
    session.execute("TRUNCATE newly_waiting")
    session.execute(_note(spec, setting, parts))
    # Else the planner takes them for one, whatever there are.
    session.execute("ANALYZE newly_waiting")
    session.execute(sql.SQL(_text("open_issues")).format(**parts))
    session.execute(_text("close_issues"), parameters)
    row = session.execute(_text("count"), parameters).fetchone()
    assert row is not None
    return int(row[0])


def samples(
    session: Session, spec: SObject, name: sql.SQL, connection: int, most: int
) -> Iterator[tuple[int, str, str]]:  # fmt: skip
    """Some of those of which `tell` said that they wait: local id, name, code."""
    statement = sql.SQL(_text("samples")).format(name=name, local=sql.Identifier(spec.local))
    yield from session.execute(statement, {"connection": connection, "sobject": spec.name, "most": most}).fetchall()


def _note(spec: SObject, setting: ObjectSetting, parts: dict[str, sql.Composable]) -> sql.Composed:
    accounts = ObjectSetting.objects.get(connection=setting.connection_id, sobject="Account")
    has_account = may_wait(spec, setting)
    return sql.SQL(_text("note")).format(
        unread=sql.Literal(_unread(spec, setting)),
        waits=waits(spec, parts["connection"]) if has_account else sql.SQL("false"),
        # A filter that can't be used fails the sync that needs it, and is said there.
        is_wanted=sql.SQL("({} AND NOT {})").format(
            _meets(setting, spec.local, "a", "false"), _becomes_lead(spec, setting)
        ),
        creates=sql.Literal(accounts.create_in_salesforce),
        is_denied=sql.Literal(_may_not_create(accounts)),
        passes=_meets(accounts, "account", "firm", "true"),
        **parts,
    )


def _unread(spec: SObject, setting: ObjectSetting) -> str | None:
    """What somebody waits for who is to be read as the other object first; None where that comes here no longer."""
    if spec.name not in _PEOPLE:
        return None
    other = ObjectSetting.objects.filter(connection=setting.connection_id, sobject=_PEOPLE[spec.name]).first()
    if other is None or not other.comes_here:
        return None
    return UNREAD if other.frequency and other.cursor else "UNREAD_ELSEWHERE"


def _becomes_lead(spec: SObject, setting: ObjectSetting) -> sql.Composable:
    """Which people ``a`` become leads without an account in Salesforce: they don't wait, or not for that."""
    if spec.name != "Contact" or new_people_of(setting) != NewPeople.ACCOUNT:
        return sql.SQL("false")
    made = ObjectSetting.objects.filter(sobject="Lead", create_in_salesforce=True)
    leads = made.filter(connection=setting.connection_id).first()
    if leads is None or _may_not_create(leads):
        return sql.SQL("false")
    return _meets(leads, spec.local, "a", "false")


def _may_not_create(setting: ObjectSetting) -> bool:
    return "create" in setting.compared.get("denied", {}).get(setting.sobject, [])


def _meets(setting: ObjectSetting, record: str, alias: str, unknown: LiteralString) -> sql.Composable:
    """Whether the record ``alias`` meets the push filter."""
    try:
        return sql.SQL("coalesce({}, false)").format(compiled(record, setting.push_filter, sql.Identifier(alias)))
    except ConditionRefused:
        return sql.SQL(unknown)


def _text(name: LiteralString) -> LiteralString:
    return block("abmatic.sync", "sql/waiting.sql", name)
