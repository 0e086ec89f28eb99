"""Erasing what the website knows of a person: their browsers, visits, forms and signs, and the events themselves.

All that such a browser did goes, whoever else may have used it. The contact is not touched: it is the CRM's. Touches of
attribution follow from visits and forms, and go with the next calculation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

from abmatic.postgres import sessions
from abmatic.postgres.sql import block
from abmatic.tracking import people
from abmatic.tracking.store import Session

Also = Callable[[Session, Sequence[str]], None]


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many rows of each."""

    events: int
    visitors: int
    sessions: int
    forms: int
    signs: int


def forget(email: str, *, only_count: bool = False, also: Also | None = None) -> Forgotten:
    """Erases a person by an e-mail address, in one transaction; ``only_count`` takes it back.

    ``also`` erases, in the same transaction, what a room above knows of the person's browsers.
    """
    with sessions.session("forget") as session:

        def ask(name: LiteralString, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
            statement = block("abmatic.engagement", "sql/forgetting.sql", name)
            return session.execute(statement, parameters).fetchall()

        ask("alone", {})
        known = [key for (key,) in ask("visitors", {"email": email})]
        keys = people.visitors_of(session, [email.strip()], known)
        events = people.forget(session, [email.strip()], keys)
        if also is not None:
            also(session, keys)
        ((visitors, visits, forms, signs),) = ask("forget", {"visitors": keys, "email": email})
        if only_count:
            session.rollback()
        else:
            session.commit()
    return Forgotten(events, visitors, visits, forms, signs)
