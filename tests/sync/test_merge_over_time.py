"""What the merge does over several runs, through the settings as they are stored: what both sides knew, and when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.sync.org import START, Org, account, contact, lead, new_connection, opportunity

from abmatic.audiences.models import Account, Contact, Opportunity
from abmatic.changes.models import Cause, Change
from abmatic.sync.models import FieldMapping, Finding, MirrorAccount, Role

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def org() -> Org:
    return Org(new_connection())


def set_modes(org: Org, sobject: str, sf_field: str, to_abmatic: str, to_salesforce: str, clear: bool = False) -> None:
    changed = FieldMapping.objects.filter(setting=org.setting(sobject), sf_field=sf_field).update(
        to_abmatic=to_abmatic, to_salesforce=to_salesforce, clear_with_empty=clear
    )
    assert changed == 1


def set_policy(org: Org, policy: str, sobject: str = "Account") -> None:
    setting = org.setting(sobject)
    setting.policy = policy
    setting.save()


def edit(record: Account, seconds: int = 0, **values: Any) -> None:
    """A person changes the local record, so many seconds after Salesforce's first moment."""
    cause = Cause.objects.create(kind=Cause.Kind.USER)
    for name, value in values.items():
        change = Change.objects.create(
            record="account", record_id=record.pk, field=name, before=getattr(record, name), after=value, cause=cause
        )
        Change.objects.filter(pk=change.pk).update(at=START + timedelta(seconds=seconds))
        setattr(record, name, value)
    record.save()


def conflicts(org: Org) -> list[tuple[str | None, str | None]]:
    return list(Finding.objects.filter(run=org.last_run, reason="conflict").values_list("field", "value"))


def newer(org: Org, record: dict[str, Any], **values: Any) -> dict[str, Any]:
    return {**record, "SystemModstamp": org.stamp(), **values}


def test_the_modes_of_the_mappings_are_the_modes_that_count(org: Org) -> None:
    set_modes(org, "Account", "Name", "none", "overwrite")
    set_modes(org, "Account", "Industry", "fill", "fill")
    set_modes(org, "Account", "BillingCity", "overwrite", "none")
    record = org.record(Id=account(1), Name="Acme", Website="acme.com", Industry="Energy", BillingCity="Rome")
    org.pull("Account", [record])
    local = Account.objects.get()
    assert (local.name, local.industry, local.city) == (None, "Energy", "Rome")
    org.pull("Account", [newer(org, record, Name="Acme 2", Industry="Retail", BillingCity="Oslo")])
    local.refresh_from_db()
    assert (local.name, local.industry, local.city) == (None, "Energy", "Oslo")


def test_a_conflict_is_entered_once_with_both_values(org: Org) -> None:
    set_modes(org, "Account", "Name", "overwrite", "overwrite")
    set_policy(org, "abmatic")
    record = org.record(Id=account(1), Name="Base", Website="acme.com")
    org.pull("Account", [record])
    edit(Account.objects.get(), name="Ours " + "x" * 300)
    theirs = newer(org, record, Name="Theirs %s")
    counts = org.pull("Account", [theirs])
    assert counts.reasons == {"conflict": 1}
    ((field, value),) = conflicts(org)
    assert field == "Name"
    assert value is not None
    assert value.startswith("Salesforce: Theirs %s · Abmatic: Ours xxx")
    assert len(value) <= 200
    assert Account.objects.get().name == "Ours " + "x" * 300
    org.pull("Account", [theirs])
    assert conflicts(org) == []
    # Both sides still disagree: what Salesforce changes next is news.
    org.pull("Account", [newer(org, record, Name="Theirs again")])
    both = f"Salesforce: Theirs again · Abmatic: Ours {'x' * 55}"
    assert conflicts(org) == [("Name", f"{both} · Abmatic’s value stays (Abmatic)")]


def test_emptied_there_and_changed_here_is_a_conflict_too(org: Org) -> None:
    set_modes(org, "Account", "Industry", "overwrite", "overwrite")
    set_policy(org, "salesforce")
    record = org.record(Id=account(1), Name="Acme", Website="acme.com", Industry="Energy")
    org.pull("Account", [record])
    edit(Account.objects.get(), industry="Retail")
    org.pull("Account", [newer(org, record, Industry=None)])
    assert Account.objects.get().industry is None
    assert conflicts(org) == [("Industry", "Salesforce: – · Abmatic: Retail · Salesforce’s value stays (Salesforce)")]
    assert Change.objects.filter(field="industry").latest("id").before == "Retail"


@pytest.mark.parametrize(("seconds", "winner"), [(0, "Theirs"), (2, "Theirs"), (3, "Ours"), (900, "Ours")])
def test_the_most_recent_change_wins(org: Org, seconds: int, winner: str) -> None:
    """Salesforce's record changed at second 2; at the same second it leads."""
    set_modes(org, "Account", "Name", "overwrite", "overwrite")
    record = org.record(Id=account(1), Name="Base", Website="acme.com")
    org.pull("Account", [record])
    edit(Account.objects.get(), seconds, name="Ours")
    org.pull("Account", [newer(org, record, Name="Theirs")])
    assert Account.objects.get().name == winner
    assert len(conflicts(org)) == 1


def test_what_salesforce_emptied_while_updates_were_off_is_cleared_when_they_are_on(org: Org) -> None:
    record = org.record(Id=account(1), Name="Acme", Website="acme.com", Industry="Energy", BillingCity="Rome")
    org.pull("Account", [record])
    setting = org.setting("Account")
    setting.update_in_abmatic = False
    setting.save()
    emptied = newer(org, record, Industry=None, BillingCity="Oslo")
    org.pull("Account", [emptied])
    org.pull("Account", [emptied])
    local = Account.objects.get()
    assert (local.industry, local.city) == ("Energy", "Rome")
    base = MirrorAccount.objects.get().base
    assert (base["Industry"], base["BillingCity"]) == ("Energy", "Rome")
    setting.update_in_abmatic = True
    setting.save()
    org.pull("Account", [emptied])
    local.refresh_from_db()
    assert (local.industry, local.city, MirrorAccount.objects.get().base) == (None, "Oslo", None)


def test_a_value_that_cannot_be_read_clears_nothing_and_what_was_agreed_stays_agreed(org: Org) -> None:
    record = org.record(Id=account(1), Name="Acme", Website="acme.com", NumberOfEmployees=10)
    org.pull("Account", [record])
    for clear in (False, True):
        set_modes(org, "Account", "NumberOfEmployees", "overwrite", "fill", clear)
        org.pull("Account", [newer(org, record, NumberOfEmployees="about ten")])
        assert Account.objects.get().employee_count == 10
        assert MirrorAccount.objects.get().base["NumberOfEmployees"] == 10
    set_modes(org, "Account", "NumberOfEmployees", "overwrite", "fill")
    org.pull("Account", [newer(org, record, NumberOfEmployees=None)])
    assert Account.objects.get().employee_count is None
    assert MirrorAccount.objects.get().base is None


def test_a_record_created_with_an_unreadable_value_has_not_agreed_on_it(org: Org) -> None:
    record = org.record(Id=account(1), Name="Acme", Website="acme.com", NumberOfEmployees="many")
    org.pull("Account", [record])
    edit(Account.objects.get(), employee_count=12)
    org.pull("Account", [newer(org, record, NumberOfEmployees=None)])
    assert Account.objects.get().employee_count == 12


def test_zero_is_a_value_and_survives_an_empty_one(org: Org) -> None:
    local = Account.objects.create(name="Acme", website="acme.com", domain="acme.com", employee_count=0, revenue=0)
    set_modes(org, "Account", "NumberOfEmployees", "fill", "fill")
    record = org.record(Id=account(1), Name="Acme", Website="acme.com", NumberOfEmployees=5, AnnualRevenue=None)
    org.pull("Account", [record])
    local.refresh_from_db()
    assert (local.employee_count, local.revenue) == (0, 0)
    org.pull("Account", [newer(org, record, AnnualRevenue=0)])
    assert Change.objects.filter(field__in=["revenue", "employee_count"]).count() == 0


def test_the_elder_that_takes_over_leaves_nothing_of_the_younger_that_made_the_record(org: Org) -> None:
    """As if the pages had come in the other order, whatever the modes say."""
    set_modes(org, "Account", "Industry", "fill", "overwrite", clear=True)
    set_modes(org, "Account", "BillingCity", "fill", "none")
    set_modes(org, "Account", "BillingCountry", "overwrite", "overwrite")
    set_policy(org, "abmatic")
    elder = org.record(Id=account(1), Name="Elder", Website="acme.com", Industry="Energy", NumberOfEmployees="many")
    younger = org.record(
        Id=account(2), Name="Younger", Website="acme.com", Industry="Retail", BillingCity="Rome",
        BillingCountry="Italy",
        NumberOfEmployees=5,
    )  # fmt: skip
    counts = org.pull("Account", [younger], [elder])
    local = Account.objects.get()
    assert (local.name, local.industry, local.city, local.country, local.employee_count) == (
        "Elder", "Energy", None, None, None,
    )  # fmt: skip
    assert (counts.created, counts.linked, counts.duplicate) == (1, 0, 1)
    assert counts.reasons == {"duplicate": 1, "value_unreadable": 1}
    assert conflicts(org) == []
    again = org.pull("Account", [younger, elder])
    assert (again.updated, again.unchanged) == (0, 2)


def test_a_duplicate_that_inherits_agrees_for_the_first_time(org: Org) -> None:
    first = org.record(Id=account(1), Name="First", Website="acme.com", Industry="Energy", BillingCity="Rome")
    second = org.record(Id=account(2), Name="Second", Website="acme.com", Industry="Retail")
    org.pull("Account", [first, second])
    set_modes(org, "Account", "Industry", "overwrite", "overwrite")
    set_policy(org, "abmatic")
    org.pull("Account", [newer(org, first, IsDeleted=True)])
    local = Account.objects.get()
    # No base yet: the policy says whose industry stays, and an empty city clears nothing.
    assert (local.name, local.industry, local.city) == ("Second", "Energy", "Rome")
    assert conflicts(org) == []
    assert MirrorAccount.objects.get(sf_id=account(2)).role == Role.PRIMARY


# --- keys


def test_a_changed_website_changes_the_key_and_an_emptied_one_takes_it_away(org: Org) -> None:
    record = org.record(Id=account(1), Name="Acme", Website="acme.com")
    org.pull("Account", [record])
    for website, domain in (("https://www.acme.com/x", "acme.com"), ("acme.org", "acme.org"), ("n/a", None)):
        org.pull("Account", [newer(org, record, Website=website)])
        assert Account.objects.values_list("website", "domain").get() == (website, domain)
    org.pull("Account", [newer(org, record, Website=None)])
    assert Account.objects.values_list("website", "domain").get() == (None, None)


def test_a_website_that_is_not_pulled_keeps_its_key(org: Org) -> None:
    set_modes(org, "Account", "Website", "none", "fill")
    local = Account.objects.create(name="Acme", website="acme.com", domain="acme.com")
    record = org.record(Id=account(1), Name="Acme Inc.", Website="www.acme.com")
    org.pull("Account", [record])
    org.pull("Account", [newer(org, record, Website="elsewhere.com")])
    local.refresh_from_db()
    assert (local.name, local.website, local.domain) == ("Acme Inc.", "acme.com", "acme.com")


def test_two_records_may_swap_their_websites(org: Org) -> None:
    one, two = (org.record(Id=account(n), Name=f"A{n}", Website=f"a{n}.com") for n in (1, 2))
    org.pull("Account", [one, two])
    org.pull("Account", [newer(org, one, Website="a2.com"), newer(org, two, Website="a1.com")])
    assert dict(Account.objects.values_list("name", "domain")) == {"A1": "a2.com", "A2": "a1.com"}


def test_a_key_that_another_record_has_is_not_taken(org: Org) -> None:
    one, two = (org.record(Id=account(n), Name=f"A{n}", Website=f"a{n}.com") for n in (1, 2))
    org.pull("Account", [one, two])
    org.pull("Account", [newer(org, one, Website="www.a2.com")])
    found = {
        name: (website, domain) for name, website, domain in Account.objects.values_list("name", "website", "domain")
    }
    assert found == {"A1": ("www.a2.com", None), "A2": ("a2.com", "a2.com")}


def test_an_address_written_otherwise_is_the_same_address(org: Org) -> None:
    record = org.record(Id=contact(1), LastName="Ada", Email="ada@acme.com")
    org.pull("Contact", [record])
    Contact.objects.update(work_email="Ada@ACME.com")
    set_modes(org, "Contact", "Email", "overwrite", "overwrite")
    counts = org.pull("Contact", [newer(org, record, Email="ADA@acme.com")])
    assert (counts.updated, Contact.objects.get().work_email) == (0, "Ada@ACME.com")
    assert Change.objects.exclude(field="kind").count() == 0


def test_a_lead_writes_again_when_its_contact_is_gone(org: Org) -> None:
    person = org.record(Id=contact(1), LastName="Contact", Email="ada@acme.com")
    prospect = org.record(Id=lead(1), LastName="Lead", Email="ada@acme.com", Title="Dev", IsConverted=False)
    org.pull("Contact", [person])
    org.pull("Lead", [prospect])
    assert Contact.objects.values_list("last_name", "job_title").get() == ("Contact", "Dev")
    org.pull("Contact", [newer(org, person, IsDeleted=True)])
    org.pull("Lead", [newer(org, prospect, Title="Chief")])
    assert Contact.objects.values_list("last_name", "job_title").get() == ("Lead", "Chief")


def test_a_checkbox_that_is_not_read_is_not_ticked_and_stays_so(org: Org) -> None:
    record = org.record(Id=opportunity(1), Name="Deal", StageName="Open", CloseDate="2026-02-28")
    org.pull("Opportunity", [record])
    again = org.pull("Opportunity", [record])
    assert (again.updated, again.unchanged) == (0, 1)
    assert Opportunity.objects.values_list("is_closed", "is_won").get() == (False, False)
    org.pull("Opportunity", [newer(org, record, IsClosed=True, IsWon=True)])
    assert Opportunity.objects.values_list("is_closed", "is_won").get() == (True, True)
