"""Keys that move while others arrive: whose duplicate is who, in one page, in two, in two runs."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sync.org import Org, account, contact, lead, new_connection

from abmatic.audiences.models import Account, Contact
from abmatic.sync.models import Finding, MirrorAccount, Role

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def org() -> Org:
    return Org(new_connection())


def names_by_domain() -> dict[str | None, str | None]:
    return dict(Account.objects.values_list("domain", "name"))


def duplicates(org: Org) -> list[tuple[str, str | None]]:
    found = Finding.objects.filter(run=org.last_run, reason="duplicate").order_by("sf_id")
    return list(found.values_list("sf_id", "value"))


def moved(org: Org) -> tuple[dict[str, Any], dict[str, Any]]:
    """A, imported with the website k.com, as it is now, with another one; and B, new, with k.com."""
    a = org.record(Id=account(1), Name="A", Website="k.com")
    org.pull("Account", [a])
    b = org.record(Id=account(2), Name="B", Website="k.com")
    return {**a, "Website": "k2.com", "SystemModstamp": org.stamp()}, b


APART = {"k2.com": "A", "k.com": "B"}


@pytest.mark.parametrize("order", ["one page", "A first", "B first"])
def test_a_newcomer_with_a_key_given_up_in_the_same_run_is_no_duplicate(org: Org, order: str) -> None:
    a, b = moved(org)
    pages = {"one page": [[b, a]], "A first": [[a], [b]], "B first": [[b], [a]]}[order]
    counts = org.pull("Account", *pages)
    assert names_by_domain() == APART
    assert (counts.created, counts.updated, counts.duplicate, +counts.reasons) == (1, 1, 0, {})
    assert set(MirrorAccount.objects.values_list("role", flat=True)) == {Role.PRIMARY}
    assert org.pull("Account", [a, b]).unchanged == 2


def test_a_duplicate_of_an_earlier_run_stays_one(org: Org) -> None:
    """The link is the first rule of matching: once made, another run does not undo it."""
    a, b = moved(org)
    org.pull("Account", [b])
    org.pull("Account", [a])
    assert names_by_domain() == {"k2.com": "A"}
    assert MirrorAccount.objects.get(sf_id=account(2)).role == Role.DUPLICATE


@pytest.mark.parametrize("pages", [1, 2])
def test_of_several_such_newcomers_the_oldest_is_primary(org: Org, pages: int) -> None:
    a, young = moved(org)
    old = {**young, "Id": account(3), "Name": "Older B", "CreatedDate": "2020-01-01T00:00:00.000Z"}
    counts = org.pull("Account", *([[young, old, a]] if pages == 1 else [[young], [old, a]]))
    assert names_by_domain() == {"k2.com": "A", "k.com": "Older B"}
    assert (counts.created, counts.updated, counts.duplicate) == (1, 1, 1)
    assert duplicates(org) == [(account(2), account(3))]


@pytest.mark.parametrize("pages", [1, 2])
def test_two_accounts_may_swap_their_websites_beside_a_newcomer(org: Org, pages: int) -> None:
    a, b = moved(org)
    c = org.record(Id=account(3), Name="C", Website="k2.com")
    org.pull("Account", [c])
    c = {**c, "Website": "k.com", "SystemModstamp": org.stamp()}
    org.pull("Account", *([[b, a, c]] if pages == 1 else [[b], [a, c]]))
    assert names_by_domain() == {"k2.com": "A", "k.com": "C"}
    assert duplicates(org) == [(account(2), account(3))]


@pytest.mark.parametrize("pages", [1, 2])
def test_with_create_off_such_a_newcomer_is_skipped(org: Org, pages: int) -> None:
    a, b = moved(org)
    setting = org.setting("Account")
    setting.create_in_abmatic = False
    setting.save()
    counts = org.pull("Account", *([[b, a]] if pages == 1 else [[b], [a]]))
    assert (counts.created, counts.duplicate, counts.skipped) == (0, 0, 1)
    assert counts.reasons["create_is_off"] == 1
    assert MirrorAccount.objects.get(sf_id=account(2)).local_id is None


@pytest.mark.parametrize("pages", [1, 2])
def test_contacts_that_waited_for_such_a_newcomer_get_its_own_account(org: Org, pages: int) -> None:
    a, b = moved(org)
    org.pull("Contact", [org.record(Id=contact(1), LastName="Of B", AccountId=account(2))])
    org.pull("Account", *([[b, a]] if pages == 1 else [[b], [a]]))
    assert Contact.objects.get().account == Account.objects.get(name="B")


def test_the_same_holds_for_contacts_by_e_mail(org: Org) -> None:
    a = org.record(Id=contact(1), LastName="A", Email="k@x.com")
    org.pull("Contact", [a])
    b = org.record(Id=contact(2), LastName="B", Email="k@x.com")
    org.pull("Contact", [b, {**a, "Email": "k2@x.com", "SystemModstamp": org.stamp()}])
    assert dict(Contact.objects.values_list("email_key", "last_name")) == {"k2@x.com": "A", "k@x.com": "B"}


def test_a_record_that_is_restored_beside_a_newcomer_with_its_key_is_primary(org: Org) -> None:
    a = org.record(Id=account(2), Name="A", Website="k.com")
    org.pull("Account", [a])
    org.pull("Account", [{**a, "IsDeleted": True, "SystemModstamp": org.stamp()}])
    b = org.record(Id=account(1), Name="B", Website="k.com", CreatedDate="2020-01-01T00:00:00.000Z")
    counts = org.pull("Account", [b, {**a, "SystemModstamp": org.stamp()}])
    assert dict(MirrorAccount.objects.values_list("sf_id", "role")) == {
        account(2): Role.PRIMARY,
        account(1): Role.DUPLICATE,
    }
    assert (counts.updated, counts.duplicate, names_by_domain()) == (1, 1, {"k.com": "A"})


def test_a_record_left_out_that_turns_out_a_duplicate_has_its_entry_once(org: Org) -> None:
    setting = org.setting("Account")
    setting.create_in_abmatic = False
    setting.save()
    a, b = (org.record(Id=account(n), Name=name, Website="k.com") for n, name in ((1, "A"), (2, "B")))
    assert org.pull("Account", [b]).skipped == 1
    Account.objects.create(name="Mine", website="k.com", domain="k.com")
    assert org.pull("Account", [a]).linked == 1
    counts = org.pull("Account", [b])
    assert (counts.duplicate, counts.reasons) == (1, {"duplicate": 1})
    assert duplicates(org) == [(account(2), account(1))]
    counts = org.pull("Account", [b])
    assert (counts.unchanged, counts.reasons) == (1, {})


def refused(org: Org) -> tuple[dict[str, Any], dict[str, Any]]:
    """A with k.com; and B, whose website was corrected to k.com as well, and that couldn't have the key."""
    a, b = (org.record(Id=account(n), Name=name, Website=f"{name}.com") for n, name in ((1, "K"), (2, "B")))
    org.pull("Account", [a, b])
    b = {**b, "Website": "www.k.com", "SystemModstamp": org.stamp()}
    org.pull("Account", [b])
    assert names_by_domain() == {"k.com": "K", None: "B"}
    return {**a, "Website": "k2.com", "SystemModstamp": org.stamp()}, b


@pytest.mark.parametrize("order", ["later", "one page", "newcomer first", "newcomer last"])
def test_a_website_given_up_becomes_the_key_of_the_account_that_waited_for_it(org: Org, order: str) -> None:
    a, b = refused(org)
    c = org.record(Id=account(3), Name="C", Website="k.com", CreatedDate="2020-01-01T00:00:00.000Z")
    if order == "later":
        org.pull("Account", [a])
    pages = {"later": [[c]], "one page": [[a, c]], "newcomer first": [[c], [a]], "newcomer last": [[a], [c]]}
    counts = org.pull("Account", *pages[order])
    assert names_by_domain() == {"k2.com": "K", "k.com": "B"}
    assert (counts.created, counts.duplicate) == (0, 1)
    assert duplicates(org) == [(account(3), account(2))]
    assert org.pull("Account", [a, b, c]).unchanged == 3


def test_of_several_that_waited_the_oldest_has_it(org: Org) -> None:
    a, _ = refused(org)
    old = org.record(Id=account(3), Name="Old", Website="o.com", CreatedDate="2020-01-01T00:00:00.000Z")
    org.pull("Account", [old])
    org.pull("Account", [{**old, "Website": "k.com", "SystemModstamp": org.stamp()}])
    org.pull("Account", [a])
    assert names_by_domain() == {"k2.com": "K", "k.com": "Old", None: "B"}


def test_an_account_whose_website_here_is_another_does_not_get_it(org: Org) -> None:
    a, _ = refused(org)
    Account.objects.filter(name="B").update(website="n/a")
    org.pull("Account", [a])
    assert names_by_domain() == {"k2.com": "K", None: "B"}


def test_an_address_given_up_by_a_contact_is_a_waiting_leads(org: Org) -> None:
    a = org.record(Id=contact(1), LastName="A", Email="k@x.com")
    b = org.record(Id=lead(1), LastName="B", Email="b@x.com", IsConverted=False)
    org.pull("Contact", [a])
    org.pull("Lead", [b])
    org.pull("Lead", [{**b, "Email": "k@x.com", "SystemModstamp": org.stamp()}])
    assert dict(Contact.objects.values_list("last_name", "email_key")) == {"A": "k@x.com", "B": None}
    org.pull("Contact", [{**a, "Email": "k2@x.com", "SystemModstamp": org.stamp()}])
    assert dict(Contact.objects.values_list("last_name", "email_key")) == {"A": "k2@x.com", "B": "k@x.com"}
