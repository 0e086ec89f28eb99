"""Deals, people and touches of the tests."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any, TypeVar
from uuid import uuid4

from django.db.models import Model

from abmatic.attribution.models import Credit, Touch
from abmatic.audiences.models import Account, Contact, Opportunity, OpportunityContact
from abmatic.campaigns.models import Campaign, CampaignMember
from abmatic.engagement.models import Visitor, WebSession
from abmatic.personalisation.models import Assignment, Experience, Reaction, Variant
from abmatic.tracking.models import TrackingSite

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
_numbers = count(1)
M = TypeVar("M", bound=Model)


def day(number: float) -> datetime:
    return BEGIN + timedelta(days=number)


def _made_at(made: M, at: datetime) -> M:
    """As if it had been made then: Django puts in the moment of the insert."""
    type(made)._default_manager.filter(pk=made.pk).update(created_at=at)
    made.refresh_from_db()
    return made


def person(account: Account | None = None, made: float = 1000, **values: Any) -> Contact:
    return _made_at(Contact.objects.create(account=account, last_name="Lind", **values), day(made))


def deal(
    account: Account | None = None,
    *people: Contact,
    opened: float = 15,
    closed: float | None = 30,
    amount: str | None = "1000",
    won: bool = True,
    **values: Any,
) -> Opportunity:
    """A deal of these people, opened and closed on these days; open where ``closed`` is None."""
    close_date = date(2026, 3, 1) + timedelta(days=closed) if closed is not None else None
    made = Opportunity.objects.create(
        name="Deal", account=account, amount=None if amount is None else Decimal(amount), close_date=close_date,
        is_closed=closed is not None, is_won=closed is not None and won, **values,
    )  # fmt: skip
    for each in people:
        OpportunityContact.objects.create(opportunity=made, contact=each)
    return _made_at(made, day(opened))


def touch(
    at: float, contact: Contact | None = None, account: Account | None = None, channel: str = "Search", **values: Any
) -> Touch:
    """A touch as if some source had told it."""
    return Touch.objects.create(
        source="test", source_key=str(next(_numbers)), kind="visit", channel=channel, occurred_at=day(at),
        contact_id=contact.pk if contact else None, account_id=account.pk if account else None, **values,
    )  # fmt: skip


def response(contact: Contact, campaign: Campaign, on: int) -> CampaignMember:
    """Somebody responds to a campaign on that day."""
    return CampaignMember.objects.create(
        campaign=campaign, contact=contact, has_responded=True, first_responded=date(2026, 3, 1) + timedelta(days=on)
    )


def visitor(key: str) -> Visitor:
    return Visitor.objects.create(key=key, first_seen_at=day(1), last_seen_at=day(3))


def visit(
    who: Visitor, site: int, at: float, hours: float = 1, contact: int | None = None, account: int | None = None,
    **values: Any,
) -> WebSession:  # fmt: skip
    """A visit by direct way, of whoever is said."""
    began, ended = day(at), day(at + hours / 24)
    return WebSession.objects.create(
        visitor=who, site_id=site, began_at=began, ended_at=ended, stay_began_at=began, stay_ended_at=ended,
        first_event=uuid4(), events=1, pages=1, seconds=0, forms=0, clicks=0, channel_version=1, contact_id=contact,
        account_id=account, **{"channel": "direct", "landing_path": "/"} | values,
    )  # fmt: skip


def experience(site: TrackingSite, campaign: Campaign) -> Variant:
    """The only variant of one."""
    made = Experience.objects.create(campaign=campaign, site=site, name="Hello", pages=["*"])
    return Variant.objects.create(experience=made, name="A", position=0)


def given(who: Visitor, variant: Variant, *, in_control: bool = False) -> Assignment:
    """What a visitor is given: the variant, or none to compare with."""
    return Assignment.objects.create(
        visitor=who.key, experience=variant.experience, variant=None if in_control else variant, assigned_at=day(0)
    )


def reaction(assignment: Assignment, at: float, *, is_click: bool = False) -> Reaction:
    """An impression, or a click, on that day."""
    return Reaction.objects.create(
        id=uuid4(), assignment=assignment, is_click=is_click, occurred_at=day(at), path=f"/{at}"
    )


def credits_of(opportunity: Opportunity, model: str = "linear") -> list[Decimal | None]:
    """Amounts in the order of the touches; where a touch has no credit, it isn't among them."""
    found = Credit.objects.filter(opportunity_id=opportunity.pk, model=model)
    at = dict(Touch.objects.values_list("id", "occurred_at"))
    return [each.amount for each in sorted(found, key=lambda credit: (at[credit.touch_id], credit.touch_id))]
