"""Engagement reaches Salesforce as fields of its records, when it says something new."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.engagement.test_scoring import NOW, visit
from tests.sync.live import Live, Orgs
from tests.sync.test_auto_push import perform
from tests.sync.test_custom_fields import add_field
from tests.sync.test_push import allow

from abmatic.audiences.fields import ENGAGEMENT
from abmatic.audiences.models import Account, Contact
from abmatic.engagement import scoring
from abmatic.sync import org_fields
from abmatic.sync.auto_push import AutoPush
from abmatic.sync.engagement_fields import suggestions
from abmatic.sync.models import FieldMapping, Mode, ObjectSetting
from abmatic.sync.objects import OBJECTS
from abmatic.sync.settings_reading import FileRefused, read_mapping

pytestmark = pytest.mark.django_db(transaction=True)
CONTACT = OBJECTS["Contact"]


@pytest.fixture
def live(orgs: Orgs) -> Live:
    """Contacts have fields for engagement, which are written by themselves."""
    live = orgs.sample()
    for name, kind, more in (
        ("Abmatic_Engagement_Score__c", "double", {"precision": 3, "scale": 0}),
        ("Abmatic_Engagement__c", "string", {"length": 10}),
        ("Abmatic_Last_Visit__c", "date", {}),
        ("Abmatic_First_Channel__c", "string", {"length": 40}),
    ):
        add_field(live, "Contact", name, kind, **more)
    live.sync_well()
    setting = allow("Contact", auto_push=True)
    for place, each in enumerate(suggestions(CONTACT, org_fields.offered(live.connection, CONTACT, again=True), ())):
        if each.state == "there":
            mapping = read_mapping(CONTACT, {"salesforce": each.sf_field, "abmatic": each.local})
            assert (mapping.to_abmatic, mapping.to_salesforce) == ("none", "overwrite")
            FieldMapping.objects.create(
                setting=setting, sf_field=each.sf_field, local_field=each.local, to_abmatic=mapping.to_abmatic,
                to_salesforce=mapping.to_salesforce, position=90 + place,
            )  # fmt: skip
    live.sync_well("Account", "Contact")
    return live


def in_salesforce(live: Live, contact: Contact) -> tuple[object, ...]:
    (found,) = live.rows(
        'SELECT "Abmatic_Engagement_Score__c", "Abmatic_Engagement__c", "Abmatic_Last_Visit__c", '
        '"Abmatic_First_Channel__c" FROM "Contact" WHERE "LastName" = ?',
        contact.last_name,
    )
    return tuple(found)


def test_a_score_is_written_when_it_says_something_new(live: Live) -> None:
    contact = Contact.objects.filter(kind="contact").order_by("id")[0]
    visit(0, contact, forms=2)
    scoring.refresh_all(NOW)
    automatic = AutoPush()
    perform(automatic.start_due())
    assert in_salesforce(live, contact) == (53, "Warm", NOW.date().isoformat(), "Direct")
    # A day later it is 50: no step, and no call.
    scoring.fade(NOW + timedelta(days=1))
    used = live.org.emulator.usage.used
    assert automatic.start_due() == []
    assert live.org.emulator.usage.used == used
    scoring.fade(NOW + timedelta(days=13))
    perform(automatic.start_due())
    assert in_salesforce(live, contact)[:2] == (28, "Cold")


def test_scores_that_are_written_nowhere_start_nothing(live: Live) -> None:
    contact = Contact.objects.filter(kind="contact").order_by("id")[0]
    FieldMapping.objects.filter(local_field__in=[each.name for each in ENGAGEMENT]).update(to_salesforce=Mode.NONE)
    automatic = AutoPush()
    perform(automatic.start_due())
    visit(0, contact, forms=2)
    scoring.refresh_all(NOW)
    contact.refresh_from_db()
    assert contact.engagement_score
    assert automatic.start_due() == []
    # Where the push filter asks for one, a change may let the record pass.
    ObjectSetting.objects.filter(sobject="Contact").update(
        push_filter={"all": [{"field": "engagement_score", "is": "at_least", "value": 30}]}
    )
    perform(automatic.start_due())
    scoring.fade(NOW + timedelta(days=30))
    assert [run.sobject for run in automatic.start_due()] == ["Contact"]


def test_what_salesforce_holds_there_is_never_read(live: Live) -> None:
    contact = Contact.objects.filter(kind="contact").order_by("id")[0]
    with live.editing() as session:
        ((sf_id,),) = live.rows('SELECT "Id" FROM "Contact" WHERE "LastName" = ?', contact.last_name)
        session.update("Contact", sf_id, {"Abmatic_Engagement_Score__c": 99})
    live.sync_well("Contact")
    contact.refresh_from_db()
    assert contact.engagement_score is None


def test_what_is_there_what_is_mapped_and_what_has_to_be_made(live: Live) -> None:
    offer = org_fields.offered(live.connection, CONTACT, again=True)
    told = {each.local: each.state for each in suggestions(CONTACT, offer, {"last_visit_on"})}
    assert told == {
        "engagement_score": "there", "engagement_temperature": "there", "last_visit_on": "mapped",
        "first_channel": "there", "first_campaign": "missing",
    }  # fmt: skip
    assert {each.state for each in suggestions(CONTACT, None, ())} == {"unknown"}
    assert list(suggestions(OBJECTS["Opportunity"], offer, ())) == []
    assert all(len(each.sf_field) <= 40 + len("__c") for each in suggestions(CONTACT, None, ()))


@pytest.mark.parametrize("mode", ["fill", "overwrite"])
def test_a_mapping_that_would_read_them_is_refused(mode: str) -> None:
    said = {"salesforce": "X__c", "abmatic": ENGAGEMENT[0].name, "to_abmatic": mode}
    with pytest.raises(FileRefused, match="worked out from visits to your website"):
        read_mapping(CONTACT, said)


def test_an_import_leaves_scores_as_they_are(live: Live) -> None:
    account = Account.objects.get(name="GenePoint")
    Account.objects.filter(pk=account.pk).update(engagement_score=40, engagement_temperature="Warm")
    live.sync_well("Account", full=True)
    account.refresh_from_db()
    assert (account.engagement_score, account.engagement_temperature) == (40, "Warm")
