"""A person told and erased, with what of their visits went to Salesforce.

Of an erased person nothing worked out of visits stays in what Abmatic keeps of its writes: neither tasks of visits nor
scores. What Salesforce has stays there, as the whole record does, and so does the mirror, which is what Salesforce has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row

from abmatic.audiences.fields import COMPUTED
from abmatic.engagement.people import Erased, Person, Rows
from abmatic.personalisation import people
from abmatic.postgres.sql import block
from abmatic.tracking.store import Session


class WriteUnderWay(Exception):
    """A sync is just writing what is to be erased. Nothing was erased. The message says what helps."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many rows of each. ``in_salesforce``: of the tasks, those that are, or may be, there."""

    erased: Erased
    experiences: int
    tasks: int
    in_salesforce: int
    writes: int


def told(email: str) -> dict[str, Rows]:
    """As `personalisation.people.told`, with the tasks that visits became."""

    def also(session: Session, person: Person) -> dict[str, Rows]:
        return {"visit_task": _tasks(session, person)}

    return people.told(email, also=also)


def erase(email: str, *, only_count: bool = False) -> Forgotten:
    """As `personalisation.people.erase`, in one transaction with that. Raises `WriteUnderWay`."""
    found = {"in_salesforce": 0, "tasks": 0, "writes": 0}

    def also(session: Session, person: Person) -> None:
        ids = [row["id"] for row in _tasks(session, person)]
        named = {"ids": ids, "visitors": person.visitors}
        ((found["in_salesforce"], found["tasks"]),) = session.execute(_text("forget_tasks"), named).fetchall()
        if person.contact is not None:
            found["writes"] = _forget_values(session, person.contact)

    erased, experiences = people.erase(email, only_count=only_count, also=also)
    return Forgotten(erased, experiences, **found)


def _tasks(session: Session, person: Person) -> Rows:
    named = {"visitors": person.visitors, "contact": person.contact}
    with session.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_text("tasks"), named).fetchall()


def _forget_values(session: Session, contact: int) -> int:
    """Of how many writes the values were erased. Raises `WriteUnderWay`."""
    named: dict[str, Any] = {"contact": contact, "computed": sorted(COMPUTED)}
    # CREATE TABLE AS takes no parameters of the protocol: they are put in as literals.
    psycopg.ClientCursor(session).execute(_text("computed_fields"), named)
    if under_way := session.execute(_text("under_way"), named).fetchall():
        where = " and ".join(f"{sobject}s of “{name}”" for name, sobject in under_way)
        raise WriteUnderWay(
            f"A sync is writing this person's scores to Salesforce ({where}), or was stopped while it did: erase again "
            "when it is over. Of one that was stopped the next sync of these finds out what became of it; start that "
            "first. If the org is gone for good, cancel the sync and disable the connection, then erase again (records "
            "that a bulk job was making there hold it up for eight days)."
        )
    session.execute(_text("drop_planned"), named)
    number = session.execute(_text("forget_written"), named).rowcount
    session.execute(_text("forget_refused"), named)
    session.execute(_text("forget_found"), named)
    # A transaction that isn't the outermost (a test's) drops nothing when it ends.
    session.execute("DROP TABLE computed_field")
    return number


def _text(name: LiteralString) -> LiteralString:
    return block("abmatic.sync", "sql/people.sql", name)
