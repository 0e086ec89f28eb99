"""A duplicate whose website or e-mail address is corrected in Salesforce, as its entry advises, is one no more."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sync.org import Org, account, contact, lead, new_connection, opportunity, role

from abmatic.audiences.models import Account, Contact, Opportunity, OpportunityContact
from abmatic.changes.models import Change
from abmatic.sync.models import Finding, MirrorAccount, MirrorContact, MirrorLead, Role
from abmatic.sync.pull.chunk import Counts

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def org() -> Org:
    return Org(new_connection())


def again(org: Org, record: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**record, **changes, "SystemModstamp": org.stamp()}


def twins(org: Org) -> tuple[dict[str, Any], dict[str, Any]]:
    """Main and Copy, with one website."""
    main = org.record(Id=account(1), Name="Main", Website="acme.com")
    copy = org.record(Id=account(2), Name="Copy", Website="www.acme.com")
    counts = org.pull("Account", [main, copy])
    assert (counts.created, counts.duplicate) == (1, 1)
    return main, copy


def names_by_domain() -> dict[str | None, str | None]:
    return dict(Account.objects.values_list("domain", "name"))


def duplicates(org: Org) -> list[tuple[str, str | None]]:
    found = Finding.objects.filter(run=org.last_run, reason="duplicate").order_by("sf_id")
    return list(found.values_list("sf_id", "value"))


def outcomes(counts: Counts) -> dict[str, int]:
    """The numbers that aren't 0, without how many were read; each duplicate has its entry."""
    found = {name: n for name, n in counts.as_json().items() if name not in {"read", "reasons"} and n}
    assert counts.reasons["duplicate"] == counts.duplicate
    return found | {reason: n for reason, n in counts.reasons.items() if n and reason != "duplicate"}


def test_an_account_with_a_website_of_its_own_becomes_an_account_of_its_own(org: Org) -> None:
    main, copy = twins(org)
    copy = again(org, copy, Website="copy.com")
    assert outcomes(org.pull("Account", [copy])) == {"created": 1}
    assert names_by_domain() == {"acme.com": "Main", "copy.com": "Copy"}
    assert set(MirrorAccount.objects.values_list("role", "base")) == {(Role.PRIMARY, None)}
    assert outcomes(org.pull("Account", [main, copy])) == {"unchanged": 2}
    org.pull("Account", [again(org, copy, Name="Copy Inc.")])
    assert names_by_domain() == {"acme.com": "Main", "copy.com": "Copy Inc."}


def test_a_contact_with_an_address_of_its_own_becomes_a_person_of_its_own(org: Org) -> None:
    a = org.record(Id=contact(1), LastName="A", Email="x@acme.com")
    b = org.record(Id=contact(2), LastName="B", Email="x@acme.com")
    deal = org.record(Id=opportunity(1), Name="Deal", StageName="Open", CloseDate="2026-01-01")
    part = org.record(Id=role(1), OpportunityId=opportunity(1), ContactId=contact(2), Role="Buyer")
    org.pull("Contact", [a, b])
    org.pull("Opportunity", [deal])
    org.pull("OpportunityContactRole", [part])
    assert OpportunityContact.objects.get().contact.last_name == "A"
    assert outcomes(org.pull("Contact", [again(org, b, Email="b@acme.com")])) == {"created": 1}
    assert dict(Contact.objects.values_list("last_name", "work_email")) == {"A": "x@acme.com", "B": "b@acme.com"}
    assert (OpportunityContact.objects.get().contact.last_name, OpportunityContact.objects.get().role) == ("B", "Buyer")


def test_a_lead_with_an_address_of_its_own_becomes_a_person_of_its_own(org: Org) -> None:
    a = org.record(Id=lead(1), LastName="A", Email="x@acme.com", IsConverted=False)
    b = org.record(Id=lead(2), LastName="B", Email="x@acme.com", IsConverted=False)
    org.pull("Lead", [a, b])
    assert outcomes(org.pull("Lead", [again(org, b, Email="b@acme.com")])) == {"created": 1}
    assert dict(Contact.objects.values_list("last_name", "email_key")) == {"A": "x@acme.com", "B": "b@acme.com"}


def test_who_was_converted_belongs_to_one_person_whatever_the_address(org: Org) -> None:
    into = {"IsConverted": True, "ConvertedContactId": contact(1)}
    leads = [org.record(Id=lead(n), LastName=f"Lead {n}", Email=f"lead{n}@x.com", **into) for n in (1, 2)]
    org.pull("Contact", [org.record(Id=contact(1), LastName="Person", Email="person@x.com")])
    org.pull("Lead", leads)
    assert outcomes(org.pull("Lead", [again(org, leads[1], Email="other@x.com")])) == {"unchanged": 1}
    assert set(MirrorLead.objects.values_list("local_id", flat=True)) == {Contact.objects.get().pk}


def test_two_contacts_that_one_persons_leads_became_stay_one_person(org: Org) -> None:
    leads = [org.record(Id=lead(n), LastName="Lead", Email="lead@x.com", IsConverted=False) for n in (1, 2)]
    org.pull("Lead", leads)
    people = [org.record(Id=contact(n), LastName=f"C{n}", Email=f"c{n}@x.com") for n in (1, 2)]
    org.pull("Contact", people)
    org.pull("Lead", [again(org, x, IsConverted=True, ConvertedContactId=contact(n + 1)) for n, x in enumerate(leads)])
    person = Contact.objects.get()
    assert dict(MirrorContact.objects.values_list("sf_id", "role")) == {contact(1): 1, contact(2): 2}
    assert outcomes(org.pull("Contact", [again(org, people[1], Email="new@x.com")])) == {"unchanged": 1}
    assert Contact.objects.get() == person


def test_its_contacts_and_opportunities_go_with_it(org: Org) -> None:
    _, copy = twins(org)
    org.pull("Contact", [org.record(Id=contact(n), LastName=f"Of {n}", AccountId=account(n)) for n in (1, 2)])
    deal = {"Name": "Deal", "StageName": "Open", "CloseDate": "2026-01-01"}
    org.pull("Opportunity", [org.record(Id=opportunity(1), AccountId=account(2), **deal)])
    org.pull("Account", [again(org, copy, Website="copy.com")])
    mine, main = Account.objects.get(name="Copy"), Account.objects.get(name="Main")
    assert dict(Contact.objects.values_list("last_name", "account")) == {"Of 1": main.pk, "Of 2": mine.pk}
    assert Opportunity.objects.get().account == mine
    assert {(c.record, c.field, c.before, c.after) for c in Change.objects.all()} == {
        ("contact", "account_id", main.pk, mine.pk),
        ("opportunity", "account_id", main.pk, mine.pk),
    }


@pytest.mark.parametrize("pages", [1, 2])
def test_one_with_the_website_of_another_account_is_that_ones_duplicate(org: Org, pages: int) -> None:
    _, copy = twins(org)
    other = org.record(Id=account(3), Name="Other", Website="other.com")
    copy = again(org, copy, Website="other.com")
    counts = org.pull("Account", *([[copy, other]] if pages == 1 else [[other], [copy]]))
    assert outcomes(counts) == {"created": 1, "duplicate": 1}
    # Of this run's newcomers the oldest is primary, and the corrected record is older than the other one.
    assert names_by_domain().keys() == {"acme.com", "other.com"}
    assert len(duplicates(org)) == 1
    assert outcomes(org.pull("Account", [copy, other])) == {"unchanged": 2}


def test_one_with_the_website_of_an_account_known_before_is_that_ones_duplicate(org: Org) -> None:
    _, copy = twins(org)
    org.pull("Account", [org.record(Id=account(3), Name="Other", Website="other.com")])
    counts = org.pull("Account", [again(org, copy, Website="other.com")])
    assert outcomes(counts) == {"duplicate": 1}
    assert duplicates(org) == [(account(2), account(3))]
    assert names_by_domain() == {"acme.com": "Main", "other.com": "Other"}


def test_one_with_the_website_of_an_account_made_here_is_linked_to_it(org: Org) -> None:
    _, copy = twins(org)
    mine = Account.objects.create(name="From a visit", website="copy.com", domain="copy.com")
    assert outcomes(org.pull("Account", [again(org, copy, Website="copy.com")])) == {"linked": 1}
    mine.refresh_from_db()
    assert mine.name == "Copy"


def test_of_several_corrected_alike_the_oldest_is_primary(org: Org) -> None:
    _, copy = twins(org)
    second = org.record(Id=account(3), Name="Second copy", Website="acme.com")
    org.pull("Account", [second])
    counts = org.pull("Account", [again(org, r, Website="copy.com") for r in (second, copy)])
    assert outcomes(counts) == {"created": 1, "duplicate": 1}
    assert duplicates(org) == [(account(3), account(2))]
    assert names_by_domain() == {"acme.com": "Main", "copy.com": "Copy"}


def test_one_that_moves_together_with_its_primary_stays_its_duplicate(org: Org) -> None:
    records = twins(org)
    assert outcomes(org.pull("Account", [again(org, r, Website="new.com") for r in reversed(records)])) == {
        "updated": 1, "unchanged": 1,
    }  # fmt: skip
    assert names_by_domain() == {"new.com": "Main"}


def test_an_emptied_website_says_nothing_of_whose_record_it_is(org: Org) -> None:
    _, copy = twins(org)
    for website in (None, "n/a", "acme.com", None):
        org.pull("Account", [again(org, copy, Website=website)])
    assert names_by_domain() == {"acme.com": "Main"}
    org.pull("Account", [again(org, copy, Website="copy.com")])
    assert names_by_domain() == {"acme.com": "Main", "copy.com": "Copy"}


def test_one_that_is_corrected_does_not_inherit_in_the_same_moment(org: Org) -> None:
    main, copy = twins(org)
    counts = org.pull("Account", [again(org, main, IsDeleted=True), again(org, copy, Website="copy.com")])
    assert outcomes(counts) == {"created": 1, "deleted": 1}
    assert names_by_domain() == {"acme.com": "Main", "copy.com": "Copy"}


def test_where_none_may_be_created_it_is_left_out_until_one_may(org: Org) -> None:
    _, copy = twins(org)
    org.pull("Contact", [org.record(Id=contact(1), LastName="Of the copy", AccountId=account(2))])
    setting = org.setting("Account")
    setting.create_in_abmatic = False
    setting.save()
    copy = again(org, copy, Website="copy.com")
    assert outcomes(org.pull("Account", [copy])) == {"skipped": 1, "create_is_off": 1}
    assert outcomes(org.pull("Account", [copy])) == {"unchanged": 1}
    assert Contact.objects.get().account == Account.objects.get()
    setting.create_in_abmatic = True
    setting.save()
    assert outcomes(org.pull("Account", [copy])) == {"created": 1}
    assert Contact.objects.get().account == Account.objects.get(name="Copy")


def test_a_correction_read_twice_in_one_run_has_one_entry(org: Org) -> None:
    """As after a bulk result that Salesforce lost half-way: the run reads its window anew."""
    main, other = (org.record(Id=account(n), Name=str(n), Website=f"{n}.com") for n in (1, 2))
    org.pull("Account", [main, other])
    copy = org.record(Id=account(3), Name="Copy", Website="1.com")
    org.pull("Account", [copy])
    org.pull("Account", [again(org, copy, Website="2.com")], same_run=True)
    assert duplicates(org) == [(account(3), account(2))]
    org.pull("Account", [again(org, copy, Website="3.com")], same_run=True)
    assert duplicates(org) == []
    assert names_by_domain() == {"1.com": "1", "2.com": "2", "3.com": "Copy"}
