"""Visits as people look at them: newest first, a page at a time, with who it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from abmatic.audiences.models import Account, Contact
from abmatic.engagement.identifying import confidence_label
from abmatic.engagement.models import Visitor, WebSession
from abmatic.postgres import sessions
from abmatic.tracking import store

PAGE = 50
# Events of a session that are shown; a page that sends them by the thousand says nothing by that.
MOST_EVENTS = 200

# Who it was, as a filter.
WHO = {"person": "Known people", "company": "Known companies", "nobody": "Unknown"}
_WHO = {
    "person": Q(contact_id__isnull=False),
    "company": Q(account_id__isnull=False, contact_id__isnull=True),
    "nobody": Q(account_id__isnull=True, contact_id__isnull=True),
}
Position = tuple[datetime, int]


@dataclass(frozen=True, slots=True)
class Visit:
    """A session with who it was, as far as is known."""

    session: WebSession
    contact: Contact | None
    account: Account | None
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def confidence(self) -> int:
        """How sure it is that it was the visitor's person or company, of 100; 0 where nobody is known."""
        visitor = self.session.visitor
        is_theirs = visitor.contact_id == self.session.contact_id
        known = self.session.contact_id or self.session.account_id
        return visitor.confidence if known and is_theirs else 0

    @property
    def confidence_label(self) -> str:
        """In words."""
        return confidence_label(self.confidence)


@dataclass(frozen=True, slots=True)
class Visits:
    """Some visits, and the position after which there are more."""

    found: list[Visit]
    after: Position | None


def visits(
    *, who: str = "", channel: str = "", visitor: int | None = None, record: tuple[str, int] | None = None,
    after: Position | None = None, most: int = PAGE,
) -> Visits:  # fmt: skip
    """The newest visits after a position. ``record``: those of a contact or an account."""
    found = WebSession.objects.select_related("visitor").order_by("-began_at", "-id")
    if who in _WHO:
        found = found.filter(_WHO[who])
    if channel:
        found = found.filter(channel=channel)
    if visitor is not None:
        found = found.filter(visitor=visitor)
    if record is not None:
        found = found.filter(**{f"{record[0]}_id": record[1]})
    if after is not None:
        # As a comparison of rows that an index serves; with the same beginning the larger id is the newer.
        found = found.filter(began_at__lte=after[0]).exclude(began_at=after[0], id__gte=after[1])
    rows = list(found[: most + 1])
    shown = rows[:most]
    return Visits(_with_people(shown), (shown[-1].began_at, shown[-1].pk) if len(rows) > most else None)


def with_events(visitor: Visitor, found: Sequence[Visit]) -> list[Visit]:
    """The visits of a visitor, each with its first events in the order of their time."""
    told = [(each.session.site_id, each.session.began_at, each.session.ended_at) for each in found]
    with sessions.session("visitor") as session:
        events = store.of_visits(session, visitor.key, told, MOST_EVENTS)
    return [Visit(each.session, each.contact, each.account, its) for each, its in zip(found, events, strict=True)]


def recent(record: str, record_id: int, now: datetime, days: int = 30) -> int:
    """How many visits there were in the last days, of a contact or an account."""
    named = {f"{record}_id": record_id}
    return WebSession.objects.filter(**named, began_at__gt=now - timedelta(days=days)).count()


def _with_people(rows: list[WebSession]) -> list[Visit]:
    contacts = Contact.objects.in_bulk({row.contact_id for row in rows if row.contact_id})
    accounts = Account.objects.in_bulk({row.account_id for row in rows if row.account_id})
    return [Visit(row, contacts.get(row.contact_id or 0), accounts.get(row.account_id or 0)) for row in rows]
