"""What becomes of each record that somebody chose to push, in one word: why it is written, or why it is not.

A scheduled push need not say why it leaves a record alone; a person who chose it wants to know. The words are worked
out after the comparison of a chunk, in its transaction, from what was planned and from what decided it.

People are compared twice, as contacts and as leads; each counts once, with the object whose business it is
("elsewhere": the other's). What the run wrote before it was interrupted counts as written; what was refused then is
counted by the refusals ("answered").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from abmatic.audiences.conditions import compiled
from abmatic.postgres.sql import block
from abmatic.sync.models import ObjectSetting
from abmatic.sync.objects import OBJECTS
from abmatic.sync.push.plan import PushPlan

Session = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A word, what people read, and what helps where a record isn't written; {objects} is the object's plural."""

    code: str
    label: str
    remedy: str = ""


VERDICTS: dict[str, Verdict] = {
    each.code: each
    for each in (
        Verdict("created", "Create"),
        Verdict("updated", "Update"),
        Verdict("equal", "Nothing to write",
                "Nothing has changed here since both sides last agreed. A value that differs all the same (its field "
                "is not written, or an undo left it so) is written once it is changed here. The record’s page says "
                "which differ, and why."),
        Verdict("held", "Held back: a value is missing or can’t be stored",
                "Fill or correct the field here; the issue of each record says which."),
        Verdict("refused", "Held back: Salesforce refused it as it is",
                "Correct the record, or have it tried again on the page Issues."),
        Verdict("filtered", "Outside the push filter",
                "Pushed where “Also those that the push filter leaves out” is ticked."),
        Verdict("create_off", "Not in Salesforce, and “Create in Salesforce” is off for {objects}",
                "An administrator can switch it on in the settings."),
        Verdict("update_off", "In Salesforce, and “Update in Salesforce” is off for {objects}",
                "An administrator can switch it on in the settings."),
        Verdict("forbidden", "The connected user may not write {objects}",
                "Give its permission set Create and Edit on the object."),
        Verdict("unmapped", "No field of {objects} is mapped to be written",
                "Set a mapping to Fill or Overwrite to Salesforce."),
        Verdict("no_account", "The account is not in Salesforce",
                "Push the account first. A person can be pushed as a lead instead; a contact needs an account."),
        Verdict("deleted", "Deleted in Salesforce", "Restore it there; it is not created again."),
        Verdict("converted", "The lead was converted", "Salesforce changes no lead after its conversion."),
        Verdict("gone", "Not here any more"),
    )
}  # fmt: skip


def prepare(session: Session) -> None:
    """Makes the table."""
    session.execute(_text("verdict_table"))


def judge(
    session: Session, plan: PushPlan, setting: ObjectSetting, parameters: dict[str, Any]
) -> Counter[str]:  # fmt: skip
    """Judges the candidates of the chunk that was just compared. How many have which verdict."""
    session.execute("TRUNCATE verdict")
    session.execute(_judge(plan, setting, parameters["connection"], parameters["run"]))
    return Counter(dict(session.execute(_text("count_verdicts")).fetchall()))


def samples(session: Session, plan: PushPlan, name: sql.SQL, parameters: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Some records that `judge` judged: verdict, number, name, and Salesforce Id, code and fields of its issue.

    Parameters: connection, sobject, most.
    """
    statement = sql.SQL(_text("sample_verdicts")).format(name=name, local=sql.Identifier(plan.spec.local))
    yield from session.execute(statement, parameters)


def _judge(plan: PushPlan, setting: ObjectSetting, connection: int, run: int) -> sql.Composed:
    return sql.SQL(
        """
        INSERT INTO verdict
        SELECT c.local_id, CASE
               WHEN w.id IS NULL AND done.state = 'refused' THEN 'answered'
               WHEN w.id IS NULL AND done.state = 'written' THEN done.operation || 'd'
               WHEN a.id IS NULL THEN 'gone'
               WHEN p.missing <> '{{}}' OR p.sent = '{{}}' AND p.problems <> '{{}}' THEN 'held'
               WHEN p.sent = '{{}}' THEN 'equal'
               WHEN p.sent IS NOT NULL AND w.id IS NULL THEN 'refused'
               WHEN p.sent IS NOT NULL THEN p.operation || 'd'
               WHEN NOT ({mine}) THEN 'elsewhere'
               WHEN {live} THEN {not_updated}
               WHEN {linked} THEN {dead}
               ELSE {not_created} END
          FROM candidate AS c
          LEFT JOIN {local} AS a ON a.id = c.local_id
          LEFT JOIN planned AS p ON p.local_id = c.local_id
          LEFT JOIN salesforce_write AS w ON w.connection_id = {connection} AND w.sobject = {sobject}
               AND w.local_id = c.local_id AND w.state = 'planned'
          LEFT JOIN LATERAL (
               SELECT t.state, t.operation FROM salesforce_write AS t
                WHERE t.sobject = {sobject} AND t.local_id = c.local_id AND t.run_id = {run}
                  AND t.state IN ('written', 'refused')
                ORDER BY t.id DESC LIMIT 1) AS done ON true
          LEFT JOIN mirror_account AS firm ON {has_firm} AND firm.connection_id = {connection} AND firm.role = 1
               AND NOT firm.is_deleted
        """
    ).format(
        mine=_is_mine(plan, setting, connection),
        live=_live(plan.spec.name, connection),
        linked=_linked(plan.spec.name, connection),
        dead=sql.SQL(_CONVERTED).format(connection=sql.Literal(connection))
        if plan.spec.name == "Lead"
        else sql.SQL("'deleted'"),
        not_updated=_not_updated(plan, setting),
        not_created=_not_created(plan, setting),
        local=sql.Identifier(plan.spec.local),
        connection=sql.Literal(connection),
        sobject=sql.Literal(plan.spec.name),
        run=sql.Literal(run),
        has_firm=sql.SQL("firm.local_id = a.account_id" if plan.spec.local in {"contact", "opportunity"} else "false"),
    )


def _not_updated(plan: PushPlan, setting: ObjectSetting) -> sql.Composable:
    """Why a record that is linked wasn't planned."""
    if not setting.update_in_salesforce:
        return sql.SQL("'update_off'")
    if not plan.update:
        return sql.SQL("'forbidden'")
    if not any(f.updateable for f in plan.fields):
        return sql.SQL("'unmapped'")
    return sql.SQL("CASE WHEN {} THEN 'equal' ELSE 'filtered' END").format(_passes(plan))


def _not_created(plan: PushPlan, setting: ObjectSetting) -> sql.Composable:
    """Why a record that Salesforce doesn't have wasn't planned."""
    if not setting.create_in_salesforce:
        return sql.SQL("'create_off'")
    if not plan.create:
        return sql.SQL("'forbidden'")
    if not any(f.createable for f in plan.fields):
        return sql.SQL("'unmapped'")
    firmless = sql.SQL(_FIRMLESS.get(plan.spec.name, ""))
    return sql.SQL("CASE WHEN NOT {} THEN 'filtered' {} ELSE 'equal' END").format(_passes(plan), firmless)


_FIRMLESS: dict[str, LiteralString] = {
    "Contact": "WHEN firm.sf_id IS NULL THEN 'no_account'",
    "Opportunity": "WHEN a.account_id IS NOT NULL AND firm.sf_id IS NULL THEN 'no_account'",
}


def _passes(plan: PushPlan) -> sql.Composed:
    """The push filter."""
    return sql.SQL("coalesce({}, false)").format(compiled(plan.spec.local, plan.condition, sql.Identifier("a")))


def _is_mine(plan: PushPlan, setting: ObjectSetting, connection: int) -> sql.Composable:
    """Whether a person is this object's business: contact or lead, as it is in Salesforce or would become there."""
    if plan.spec.local != "contact":
        return sql.SQL("true")
    is_contact = sql.SQL(
        "CASE WHEN {contact} THEN true WHEN {lead} THEN false WHEN {was_contact} THEN true WHEN {was_lead} THEN false "
        "WHEN {held_contact} THEN true WHEN {held_lead} THEN false ELSE {rule} END"
    ).format(
        contact=_live("Contact", connection),
        lead=_live("Lead", connection),
        was_contact=_linked("Contact", connection),
        was_lead=_linked("Lead", connection),
        held_contact=_held("Contact", connection),
        held_lead=_held("Lead", connection),
        rule=sql.SQL(_becomes_contact(plan, setting)),
    )
    return is_contact if plan.spec.name == "Contact" else sql.SQL("NOT ({})").format(is_contact)


def _becomes_contact(plan: PushPlan, setting: ObjectSetting) -> LiteralString:
    if plan.new_people == ObjectSetting.NewPeople.LEAD:
        return "false"
    if plan.new_people == ObjectSetting.NewPeople.CONTACT:
        return "true"
    makes_contacts = plan.yields_to_contact if plan.spec.name == "Lead" else setting.create_in_salesforce
    return "firm.sf_id IS NOT NULL" if makes_contacts else "false"


def _live(sobject: str, connection: int) -> sql.Composed:
    """Whether the local record ``a`` is linked to such a record that is there, and not converted."""
    converted = sql.SQL("AND NOT k.is_converted" if sobject == "Lead" else "")
    return sql.SQL(
        "EXISTS (SELECT FROM {} AS k WHERE k.local_id = a.id AND k.connection_id = {} AND k.role = 1 "
        "AND NOT k.is_deleted {})"
    ).format(sql.Identifier(OBJECTS[sobject].mirror), sql.Literal(connection), converted)


def _linked(sobject: str, connection: int) -> sql.Composed:
    """Whether it is or ever was linked to such a record."""
    return sql.SQL("EXISTS (SELECT FROM {} AS k WHERE k.local_id = a.id AND k.connection_id = {})").format(
        sql.Identifier(OBJECTS[sobject].mirror), sql.Literal(connection)
    )


def _held(sobject: str, connection: int) -> sql.Composed:
    """Whether the mirror holds such a record with the person's key that is nobody's here."""
    spec = OBJECTS[sobject]
    assert spec.key is not None
    return sql.SQL(
        "EXISTS (SELECT FROM {} AS h WHERE h.connection_id = {} AND h.key = a.{} AND h.local_id IS NULL "
        "AND NOT h.is_deleted)"
    ).format(sql.Identifier(spec.mirror), sql.Literal(connection), sql.Identifier(spec.key.local_column))


_CONVERTED: LiteralString = """CASE WHEN EXISTS (
               SELECT FROM mirror_lead AS k
                WHERE k.local_id = a.id AND k.connection_id = {connection} AND k.is_converted)
           THEN 'converted' ELSE 'deleted' END"""


def _text(name: LiteralString) -> LiteralString:
    return block("abmatic.sync", "sql/selected.sql", name)
