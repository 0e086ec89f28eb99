"""Who fills in a form on the website reaches Salesforce as the settings say."""

from __future__ import annotations

import pytest
from tests.engagement.test_identifying import come, sent
from tests.engagement.visits import did, site_that_makes_people
from tests.sync.live import Live, Orgs
from tests.sync.test_auto_push import perform
from tests.sync.test_custom_fields import sf_id
from tests.sync.test_push import allow

from abmatic.audiences.models import Contact
from abmatic.engagement.identifying import follow_records
from abmatic.engagement.models import Visitor, VisitorSign, WebSession
from abmatic.sync.auto_push import AutoPush
from salesforce_emulator.store.convert import ConvertOptions

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def live(orgs: Orgs) -> Live:
    """New people are pushed by themselves as leads, and everything was compared once."""
    site_that_makes_people()
    live = orgs.sample()
    live.sync_well()
    allow("Lead", auto_push=True, new_people="lead")
    live.sync_well("Contact", "Lead")
    return live


def leads(live: Live, email: str) -> list[tuple[object, ...]]:
    return live.rows('SELECT "FirstName", "LastName", "Company", "Title" FROM "Lead" WHERE "Email" = ?', email)


def test_a_form_becomes_a_lead_once(live: Live) -> None:
    automatic = AutoPush()
    assert automatic.start_due() == []
    come(did(0), sent(1, "dora@newcomer.example.org", name="Dora Newman", company="Newcomer", job_title="CFO"))
    perform(automatic.start_due())
    assert leads(live, "dora@newcomer.example.org") == [("Dora", "Newman", "Newcomer", "CFO")]
    dora = Contact.objects.get(email_key="dora@newcomer.example.org")
    assert WebSession.objects.get().contact_id == dora.pk
    come(did(100), sent(101, "dora@newcomer.example.org", name="Dora Newman"))
    assert automatic.start_due() == []
    assert len(leads(live, "dora@newcomer.example.org")) == 1


def test_who_is_in_salesforce_already_is_found_and_nothing_is_sent(live: Live) -> None:
    there = Contact.objects.filter(email_key__isnull=False).order_by("id")[0]
    people = Contact.objects.count()
    come(sent(0, str(there.work_email), last_name="Somebody"))
    assert AutoPush().start_due() == []
    assert WebSession.objects.get().contact_id == there.pk
    assert Contact.objects.count() == people


def test_the_visits_of_a_lead_are_those_of_the_contact_that_it_became(live: Live) -> None:
    with live.editing() as session:
        lead = session.insert("Lead", {"LastName": "Twin", "Company": "GenePoint", "Email": "lead@twin.example"})
        contact = session.insert(
            "Contact", {"LastName": "Twin", "Email": "contact@twin.example", "AccountId": sf_id(live, "GenePoint")}
        )
    live.org.store.set_clock(by=1)
    live.sync_well("Contact", "Lead")
    come(did(0), sent(1, "lead@twin.example"))
    as_lead = Contact.objects.get(email_key="lead@twin.example")
    assert WebSession.objects.get().contact_id == as_lead.pk
    live.org.store.convert_lead(lead, ConvertOptions(account_id=sf_id(live, "GenePoint"), contact_id=contact))
    live.org.store.set_clock(by=1)
    live.sync_well("Contact", "Lead")
    live.sync_well("Contact", "Lead")
    (person,) = Contact.objects.filter(last_name="Twin")
    # As every hour: one of the two records stayed, and is of another account now.
    follow_records()
    assert WebSession.objects.values_list("contact_id", "account_id").get() == (person.pk, person.account_id)
    assert VisitorSign.objects.get().contact_id == person.pk
    assert Visitor.objects.get().contact_id == person.pk
    # And later visits of that browser.
    come(did(200))
    assert set(WebSession.objects.values_list("contact_id", flat=True)) == {person.pk}
