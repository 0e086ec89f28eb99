"""What the tracking knows of a person, and forgetting it.

A person is found by the e-mail addresses that were given, in forms and by identify(), and by the visitors (browsers)
that somebody above this room has found to be theirs. All that such a browser did goes, whoever else may have used it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from abmatic.tracking import store
from abmatic.tracking.store import Session


def visitors_of(session: Session, emails: Iterable[str], visitors: Iterable[str] = ()) -> list[str]:
    """The given visitors, and those who gave one of the addresses; sorted."""
    found = set(visitors)
    for email in emails:
        found.update(store.visitors_of(session, email))
    return sorted(found)


def of_person(session: Session, emails: Iterable[str], visitors: Iterable[str] = ()) -> list[dict[str, Any]]:
    """All events of a person, in the order of their time: rows with the columns of `web_event`."""
    return store.of_visitor(session, visitors_of(session, emails, visitors))


def forget(session: Session, emails: Iterable[str], visitors: Iterable[str] = ()) -> int:
    """Erases all events of a person, in the transaction of the session. Answers how many."""
    return store.forget(session, visitors_of(session, emails, visitors))
