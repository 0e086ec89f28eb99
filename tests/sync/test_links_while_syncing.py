"""Nobody links or unlinks while a sync runs, or while it isn't known what came of one that was interrupted."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections, transaction
from tests.sync.live import Live, Orgs
from tests.sync.test_campaign_links import cause, linked, made_here, made_there
from tests.sync.test_push import allow

from abmatic.audiences.models import Account, Contact, Opportunity
from abmatic.campaigns import membership
from abmatic.changes.models import Change
from abmatic.identity.models import User
from abmatic.postgres import sessions
from abmatic.postgres.locks import held
from abmatic.sync import campaign_links, linking
from abmatic.sync.execute import execute
from abmatic.sync.linking import NotLinked
from abmatic.sync.models import Issue, MirrorAccount, MirrorOpportunity, ObjectSetting, Run, Write
from abmatic.sync.objects import OBJECTS
from abmatic.sync.pull.chunk import ChunkWriter

pytestmark = pytest.mark.django_db(transaction=True)
Meanwhile = Callable[[str, Callable[[], object]], list[str]]


@pytest.fixture
def live(orgs: Orgs) -> Live:
    live = orgs.sample()
    live.sync_well()
    ObjectSetting.objects.filter(sobject__in=["Campaign", "Opportunity"]).update(create_in_abmatic=False)
    return live


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    """Has a person do something when a sync of an object has looked up whose the records are, before it writes that.

    Answers where what the person was told comes to stand.
    """

    def arrange(sobject: str, act: Callable[[], object]) -> list[str]:
        look_up, told = ChunkWriter._look_up, []

        def overtaken(self: ChunkWriter) -> None:
            look_up(self)
            if self._plan.spec.name == sobject and not told:
                told.append("")
                try:
                    act()
                except NotLinked as refused:
                    told[0] = str(refused)

        monkeypatch.setattr(ChunkWriter, "_look_up", overtaken)
        return told

    return arrange


def touch(live: Live, sobject: str, sf_id: str) -> None:
    """The next sync reads the record."""
    with live.editing() as session:
        session.update(sobject, sf_id, {"Description": "Touched"})


def test_a_link_made_while_campaigns_are_read_is_refused_and_holds_when_they_are(
    live: Live, meanwhile: Meanwhile
) -> None:
    ours = made_here()
    theirs, _ = made_there(live)
    touch(live, "Campaign", theirs)
    told = meanwhile("Campaign", lambda: campaign_links.link(ours, live.connection, theirs, cause))
    live.sync_well("Campaign")
    assert told == ["A sync of Campaigns is running: try again when it is over."]
    assert linked(ours) == []
    campaign_links.link(ours, live.connection, theirs, cause)
    live.sync_well("Campaign")
    assert linked(ours) == [theirs]


def test_an_unlink_made_while_campaigns_are_read_is_refused_and_holds_when_they_are(
    live: Live, meanwhile: Meanwhile
) -> None:
    ours = made_here()
    theirs, _ = made_there(live)
    campaign_links.link(ours, live.connection, theirs, cause)
    live.sync_well("Campaign")
    touch(live, "Campaign", theirs)
    told = meanwhile("Campaign", lambda: campaign_links.unlink(ours, live.connection, theirs, cause))
    live.sync_well("Campaign")
    assert told == ["A sync of Campaigns is running: try again when it is over."]
    assert linked(ours) == [theirs]
    campaign_links.unlink(ours, live.connection, theirs, cause)
    live.sync_well("Campaign")
    assert linked(ours) == []


def test_whatever_sync_says_whose_members_are_keeps_links_as_they_are(live: Live) -> None:
    ours, other = made_here(), made_here("Other")
    theirs, _ = made_there(live)
    second, _ = made_there(live, "Expo 2027")
    campaign_links.link(ours, live.connection, theirs, cause)
    allow("Campaign")
    user = User.objects.create_user("olga@example.com")
    for sobject in ("Campaign", "CampaignMemberStatus", "CampaignMember", "Contact", "Lead"):
        said = f"A sync of {OBJECTS[sobject].label_plural} is running"
        with sessions.session("a run") as session, held(session, "pull", live.connection.pk, sobject):
            with pytest.raises(NotLinked, match=said):
                campaign_links.unlink(ours, live.connection, theirs, cause)
            if sobject not in {"Contact", "Lead"}:
                with pytest.raises(NotLinked, match=said):
                    campaign_links.link(other, live.connection, second, cause)
                with pytest.raises(NotLinked, match=said):
                    campaign_links.create(other, live.connection, user)
    assert linked(ours) == [theirs]
    assert not Run.objects.filter(state=Run.State.QUEUED).exists()
    campaign_links.unlink(ours, live.connection, theirs, cause)
    campaign_links.link(other, live.connection, second, cause)


def written_half(live: Live, sobject: str, local_id: int, state: str) -> Write:
    """What an interrupted sync leaves."""
    run = Run.objects.filter(sobject=sobject).order_by("pk").last()
    assert run is not None
    return Write.objects.create(
        run=run, connection=live.connection, sobject=sobject, local_id=local_id, operation="create", state=state
    )


@pytest.mark.parametrize("state", [Write.State.PLANNED, Write.State.SENT])
def test_a_campaign_that_is_being_created_there_is_not_linked_with_another_one(live: Live, state: str) -> None:
    ours = made_here()
    theirs, _ = made_there(live)
    write = written_half(live, "Campaign", ours.pk, state)
    with pytest.raises(NotLinked, match=r"interrupted while it wrote this .* Sync Campaigns, then try again\."):
        campaign_links.link(ours, live.connection, theirs, cause)
    assert linked(ours) == []
    Write.objects.filter(pk=write.pk).update(state=Write.State.RETURNED)
    campaign_links.link(ours, live.connection, theirs, cause)
    assert linked(ours) == [theirs]


def test_a_campaign_whose_members_are_being_written_is_not_unlinked(live: Live) -> None:
    ours = made_here()
    theirs, _ = made_there(live)
    campaign_links.link(ours, live.connection, theirs, cause)
    person = Contact.objects.order_by("pk").first()
    assert person is not None
    membership.put_in(ours, [person.pk], cause())
    write = written_half(live, "CampaignMember", ours.members.get().pk, Write.State.SENT)
    with pytest.raises(NotLinked, match=r"interrupted while it wrote this .* Sync Campaigns, then try again\."):
        campaign_links.unlink(ours, live.connection, theirs, cause)
    assert linked(ours) == [theirs]
    Write.objects.filter(pk=write.pk).update(state=Write.State.WRITTEN)
    campaign_links.unlink(ours, live.connection, theirs, cause)


def held_back(live: Live) -> tuple[Opportunity, str, Issue]:
    """A deal that Salesforce has already, which awaits a person's word."""
    allow("Opportunity")
    account = Account.objects.order_by("pk").first()
    assert account is not None
    values = {"Name": "Twelve Turbines", "StageName": "Prospecting", "CloseDate": "2027-01-31"}
    firm = MirrorAccount.objects.get(local_id=account.pk).sf_id
    with live.editing() as session:
        sf_id = str(session.insert("Opportunity", {**values, "AccountId": firm}))
    live.sync_well("Opportunity")
    deal = Opportunity.objects.create(
        name="Twelve Turbines", stage="Prospecting", close_date="2027-01-31", account=account
    )
    Change.objects.create(record="opportunity", record_id=deal.pk, field="", cause=cause())
    live.sync_well("Opportunity")
    return deal, sf_id, Issue.objects.get(is_open=True, local_id=deal.pk)


def test_a_deal_is_not_linked_while_deals_are_read(live: Live, meanwhile: Meanwhile) -> None:
    deal, sf_id, issue = held_back(live)
    touch(live, "Opportunity", sf_id)
    told = meanwhile("Opportunity", lambda: linking.link(issue, sf_id, cause))
    live.sync_well("Opportunity")
    assert told == ["A sync of Opportunities is running: try again when it is over."]
    assert MirrorOpportunity.objects.get(sf_id=sf_id).local_id is None
    linking.link(issue, sf_id, cause)
    live.sync_well("Opportunity")
    assert MirrorOpportunity.objects.get(sf_id=sf_id).local_id == deal.pk


def test_a_deal_that_is_being_created_there_is_not_linked_with_another_one(live: Live) -> None:
    deal, sf_id, issue = held_back(live)
    write = written_half(live, "Opportunity", deal.pk, Write.State.SENT)
    with pytest.raises(NotLinked, match=r"interrupted while it wrote this .* Sync Opportunities, then try again\."):
        linking.link(issue, sf_id, cause)
    assert MirrorOpportunity.objects.get(sf_id=sf_id).local_id is None
    Write.objects.filter(pk=write.pk).update(state=Write.State.RETURNED)
    linking.link(issue, sf_id, cause)


def test_a_sync_waits_while_a_link_is_being_made(live: Live) -> None:
    ours = made_here()
    theirs, _ = made_there(live)
    touch(live, "Campaign", theirs)
    run = live.start("Campaign")[0]
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        campaign_links.link(ours, live.connection, theirs, cause)
        # One that didn't look would wait for the link's transaction, which is over first should this fail.
        assert not pool.submit(in_a_worker, run.pk).result(timeout=60), "its job is tried again"
    run.refresh_from_db()
    assert run.state == Run.State.QUEUED
    assert execute(run.pk)
    assert linked(ours) == [theirs]


def in_a_worker(run: int) -> bool:
    try:
        return execute(run)
    finally:
        connections.close_all()
