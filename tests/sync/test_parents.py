"""A contact and an opportunity follow their account: to another one, and away from all."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sync.org import Org, account, contact, new_connection, opportunity

from abmatic.audiences.models import Account, Contact, Opportunity

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def org() -> Org:
    org = Org(new_connection())
    org.pull("Account", [org.record(Id=account(1), Name="Acme", Website="acme.com")])
    return org


def _again(org: Org, record: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**record, **changes, "SystemModstamp": org.stamp()}


def test_an_opportunity_that_leaves_its_account_leaves_it_here(org: Org) -> None:
    deal = org.record(Id=opportunity(1), Name="Deal", StageName="Open", CloseDate="2026-01-01", AccountId=account(1))
    org.pull("Opportunity", [deal])
    org.pull("Opportunity", [_again(org, deal, AccountId=None)])
    assert Opportunity.objects.get().account is None


def test_a_contact_that_leaves_its_account_leaves_it_here(org: Org) -> None:
    person = org.record(Id=contact(1), LastName="Ray", Email="ray@acme.com", AccountId=account(1))
    org.pull("Contact", [person])
    org.pull("Contact", [_again(org, person, AccountId=None)])
    assert Contact.objects.get().account is None


def test_an_account_set_here_stays_where_salesforce_never_had_one(org: Org) -> None:
    person = org.record(Id=contact(1), LastName="Ray", Email="ray@acme.com", AccountId=None)
    org.pull("Contact", [person])
    Contact.objects.update(account=Account.objects.get())
    org.pull("Contact", [_again(org, person, Title="Director")])
    assert Contact.objects.get().account == Account.objects.get()
