"""A small world for tests of what attribution follows, and anything that may happen in it."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

from django.db import connection
from tests.attribution.deals import day, deal, experience, given, person, reaction, response, visit, visitor

from abmatic.audiences.models import Account, Contact, Opportunity, OpportunityContact
from abmatic.campaigns.models import Campaign, CampaignMember
from abmatic.engagement.models import Visitor, WebForm, WebSession
from abmatic.personalisation.models import Assignment, Experience, Reaction, Variant
from abmatic.postgres.sql import block
from abmatic.tracking.models import TrackingSite


class World:
    """People, deals, visits and what they saw, and anything that may happen to them."""

    def __init__(self, chance: random.Random, *, remembers: bool) -> None:
        self.chance = chance
        # Whether anything happens of which touches keep what was before.
        self.remembers = remembers
        self.sites = [TrackingSite.objects.create(name=name, origins=[f"https://{name}.example"]) for name in "ab"]
        self.names = 0
        for _ in range(3):
            Account.objects.create(name="Account")
            self.campaign_made()
            self.visitor_comes()
        for _ in range(4):
            self.person_made()
        for name in ("deal_made", "member_joins", "visit_made", "visit_made", "form_sent", "experience_made"):
            for _ in range(4):
                getattr(self, name)()
        for name in ("somebody_is_given", "somebody_reacts"):
            for _ in range(8):
                getattr(self, name)()

    def any_of(self, model: Any, **where: Any) -> Any:
        """One of those that are there."""
        return self.chance.choice(list(model.objects.filter(**where).order_by("pk")) or [None])

    def moment(self) -> float:
        return self.chance.choice([0, 1, 1.02, 5, 5.01, 9, 20, 31]) + self.chance.choice([0, 0, 0.01])

    def name(self) -> str:
        self.names += 1
        return f"Campaign {self.names}"

    def campaign_made(self) -> None:
        name = self.chance.choice([self.name(), "Later"])
        Campaign.objects.create(name=name, type=self.chance.choice(["Webinar", "Email", None]))

    def campaign_of_another_type(self) -> None:
        self.update(Campaign, type=self.chance.choice(["Webinar", "Email", None]))

    def campaign_named(self) -> None:
        if self.remembers:
            self.update(Campaign, name=self.chance.choice([self.name(), "later "]))

    def campaign_goes(self) -> None:
        if Campaign.objects.count() > 2 and (campaign := self.any_of(Campaign)):
            campaign.delete()

    def person_made(self) -> None:
        person(self.any_of(Account), made=self.chance.choice([3, 9, 14, 40]))

    def person_changes_employers(self) -> None:
        self.update(Contact, account=self.chance.choice([None, self.any_of(Account)]))

    def person_known_earlier(self) -> None:
        self.update(Contact, created_at=day(self.chance.randint(0, 20)))

    def person_goes(self) -> None:
        if Contact.objects.count() > 3 and (contact := self.any_of(Contact)):
            self.remove(contact)

    def people_become_one(self) -> None:
        winner, loser = self.any_of(Contact), self.any_of(Contact)
        if winner != loser and Contact.objects.count() > 3:
            self.run("engagement", "identifying", "absorb", winners=[winner.pk], losers=[loser.pk])
            CampaignMember.objects.filter(contact=loser).exclude(
                campaign__in=CampaignMember.objects.filter(contact=winner).values("campaign")
            ).update(contact=winner)
            self.remove(loser)

    def deal_made(self) -> None:
        account = self.any_of(Account)
        people = {self.any_of(Contact) for _ in range(2)} - {None}
        deal(account, *people, opened=self.chance.choice([5, 10, 15.5]), closed=self.chance.choice([None, 20, 25]))

    def deal_changes(self) -> None:
        what = self.chance.choice(["amount", "account", "close_date", "is_closed", "stage", "created_at"])
        value = {
            "amount": self.chance.choice([None, 1, 70.01]), "account": self.any_of(Account), "stage": "Won",
            "close_date": date(2026, 3, self.chance.randint(1, 30)), "is_closed": self.chance.random() < 0.5,
            "created_at": day(self.chance.randint(0, 20)),
        }[what]  # fmt: skip
        self.update(Opportunity, close_date=date(2026, 3, 25))
        self.update(Opportunity, **{what: value})

    def deal_goes(self) -> None:
        if Opportunity.objects.count() > 2:
            Opportunity.objects.filter(pk=self.any_of(Opportunity).pk).delete()

    def somebody_joins_a_deal(self) -> None:
        chosen, contact = self.any_of(Opportunity), self.any_of(Contact)
        if chosen and contact:
            OpportunityContact.objects.get_or_create(opportunity=chosen, contact=contact, role=None)

    def somebody_leaves_a_deal(self) -> None:
        if role := self.any_of(OpportunityContact):
            role.delete()

    def somebody_is_another_of_a_deal(self) -> None:
        self.update(OpportunityContact, contact=self.any_of(Contact), role=self.name())

    def member_joins(self) -> None:
        campaign, contact = self.any_of(Campaign), self.any_of(Contact)
        if campaign and contact and not CampaignMember.objects.filter(campaign=campaign, contact=contact).exists():
            response(contact, campaign, self.chance.randint(0, 25))

    def member_changes(self) -> None:
        value = {
            "has_responded": self.chance.random() < 0.7, "is_removed": self.chance.random() < 0.5,
            "first_responded": self.chance.choice([None, date(2026, 3, 9)]), "lives_on": self.any_of(CampaignMember),
            "status": "Sent",
        }  # fmt: skip
        name = self.chance.choice(list(value))
        self.update(CampaignMember, **{name: value[name]})

    def member_goes(self) -> None:
        if member := self.any_of(CampaignMember):
            member.delete()

    def visitor_comes(self) -> None:
        visitor(self.name())

    def visit_made(self) -> None:
        named = self.any_of(Campaign)
        visit(
            self.any_of(Visitor), self.chance.choice(self.sites).pk, self.moment(), self.chance.choice([0, 0.3, 3]),
            contact=self.maybe(Contact), account=self.maybe(Account), channel=self.chance.choice(["email", "direct"]),
            campaign=self.chance.choice([None, "later", named and f" {named.name.upper()}"]),
        )  # fmt: skip

    def visit_grows(self) -> None:
        session = self.any_of(WebSession)
        if session:
            ended = session.ended_at + timedelta(hours=self.chance.choice([-0.2, 0.4, 30]))
            ended = max(ended, session.began_at)
            WebSession.objects.filter(pk=session.pk).update(ended_at=ended, stay_ended_at=ended, events=7)

    def visit_is_told_otherwise(self) -> None:
        what = self.chance.choice(["landing_path", "channel", "seconds", "site_id", *(["campaign"] * self.remembers)])
        value = {
            "landing_path": self.name(), "channel": "referral", "campaign": self.name(), "seconds": 9,
            "site_id": self.chance.choice(self.sites).pk,
        }[what]  # fmt: skip
        self.update(WebSession, **{what: value})

    def visit_is_somebody_elses(self) -> None:
        self.update(WebSession, contact_id=self.maybe(Contact), account_id=self.maybe(Account))

    def visit_goes(self) -> None:
        if session := self.any_of(WebSession):
            others = WebSession.objects.filter(visitor=session.visitor_id).exclude(pk=session.pk)
            if others and self.remembers:
                WebForm.objects.filter(session=session).update(session=others[0])
            session.delete()

    def visitor_is_erased(self) -> None:
        if Visitor.objects.count() < 3:
            return
        keys = [self.any_of(Visitor).key]
        self.run("engagement", "people", "erase", visitors=keys, contact=None)
        if self.chance.random() < 0.5:
            self.run("personalisation", "people", "forget", visitors=keys)

    def form_sent(self) -> None:
        if session := self.any_of(WebSession):
            WebForm.objects.create(
                id=uuid4(), session=session, occurred_at=session.began_at, path=self.name(), form="demo"
            )

    def form_changes(self) -> None:
        self.update(WebForm, path=self.name())

    def experience_made(self) -> None:
        if campaign := self.any_of(Campaign):
            experience(self.chance.choice(self.sites), campaign)

    def experience_changes(self) -> None:
        self.update(Experience, campaign=self.any_of(Campaign))
        self.update(Experience, site=self.chance.choice(self.sites))

    def experience_goes(self) -> None:
        if chosen := self.any_of(Experience):
            chosen.delete()

    def somebody_is_given(self) -> None:
        variant, who = self.any_of(Variant), self.any_of(Visitor)
        if variant and not Assignment.objects.filter(visitor=who.key, experience=variant.experience).exists():
            given(who, variant, in_control=self.chance.random() < 0.2)

    def somebody_is_given_otherwise(self) -> None:
        self.update(Assignment, variant=self.maybe(Variant))

    def somebody_reacts(self) -> None:
        for _ in range(3):
            assignment = self.any_of(Assignment)
            session = assignment and self.any_of(WebSession, visitor__key=assignment.visitor)
            if session:
                at = (session.began_at - day(0)) / timedelta(days=1) + self.chance.choice([0, 0.005, 0.02, 0.5])
                reaction(assignment, at, is_click=self.chance.random() < 0.3)

    def reaction_goes(self) -> None:
        if chosen := self.any_of(Reaction):
            chosen.delete()

    def run(self, room: str, file: str, name: str, **parameters: Any) -> None:
        """A statement of a room, as it runs it."""
        with connection.cursor() as cursor:
            cursor.execute(block(f"abmatic.{room}", f"sql/{file}.sql", name), parameters)

    def remove(self, contact: Contact) -> None:
        """As a merge does: without Django's cascade."""
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM contact WHERE id = %s", [contact.pk])

    def maybe(self, model: Any) -> int | None:
        """The id of one that is there, or of nobody."""
        chosen = self.any_of(model)
        return chosen.pk if chosen and self.chance.random() < 0.6 else None

    def update(self, model: Any, **values: Any) -> None:
        """Without Django's `save`: the rooms write set by set."""
        if chosen := self.any_of(model):
            model.objects.filter(pk=chosen.pk).update(**values)


_HELP = {"any_of", "moment", "name", "update", "run", "remove", "maybe"}
# What makes something happens more often than what takes something away.
HAPPENINGS = {
    name: 3 if name.endswith(("_made", "_sent", "_given", "_reacts", "_joins")) else 1
    for name in sorted(vars(World))
    if not name.startswith("_") and name not in _HELP
}
