"""+ Create: accounts, contacts and opportunities made by hand, and what is said of keys that others have."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.utils import timezone
from tests.web import org
from tests.web.conftest import SignedIn
from tests.web.test_editing import text

from abmatic.audiences import custom_fields
from abmatic.audiences.models import Account, Contact, Opportunity
from abmatic.changes.models import Cause, Change
from abmatic.identity.models import SentForm, User
from abmatic.sync.models import Connection, ObjectSetting, OrgFields

Queries = Callable[[int], AbstractContextManager[object]]

pytestmark = pytest.mark.django_db


def checked(browser: Client, path: str, name: str, value: str) -> str:
    asked = {"do": "check", name: value}
    return browser.post(path, asked, headers={"HX-Request": "true", "HX-Trigger-Name": name}).text


def test_an_account_is_made_with_its_key_and_says_by_whom(admin: Client, alice: User) -> None:
    made = custom_fields.create("account", "Tier", "picklist")
    given = {"name": "Acme", "website": "www.acme.com", "employee_count": "0", made.name: "Gold", "city": ""}
    answer = admin.post("/accounts/new/", given, follow=True)
    account = Account.objects.get()
    assert answer.redirect_chain == [(f"/accounts/{account.pk}/", 302)]
    assert (account.name, account.domain, account.employee_count, account.city) == ("Acme", "acme.com", 0, None)
    assert custom_fields.values_of("account", account.pk)[0][1] == "Gold"
    assert account.created_by is not None
    assert (account.created_by.kind, account.created_by.user) == (Cause.Kind.USER, alice)
    assert [(change.record, change.field) for change in Change.objects.all()] == [("account", "")], "so that it pushes"
    assert "The account “Acme” is made. It stays in Abmatic: “Create in Salesforce” is off." in text(answer.text)


def test_the_same_form_sent_twice_makes_one_record(admin: Client) -> None:
    (sent,) = re.findall(r'name="once" value="([^"]+)"', admin.get("/opportunities/new/").text)
    form = {"once": sent, "name": "Renewal"}
    first = admin.post("/opportunities/new/", form)
    second = admin.post("/opportunities/new/", form, follow=True)
    assert second.redirect_chain == [(first.headers["Location"], 302)]
    assert "sent twice, and done once" in text(second.text)
    assert Opportunity.objects.count() == 1
    admin.post("/opportunities/new/", form | {"name": "Another"})
    assert Opportunity.objects.count() == 2, "after going back, with something else in it"
    (another,) = re.findall(r'name="once" value="([^"]+)"', admin.get("/opportunities/new/").text)
    admin.post("/opportunities/new/", form | {"once": another})
    assert Opportunity.objects.count() == 3, "asked for anew"
    SentForm.objects.update(sent_at=timezone.now() - timedelta(days=2))
    admin.post("/opportunities/new/", form | {"name": "Last"})
    assert SentForm.objects.count() == 1, "they are not kept for ever"


def test_what_was_refused_can_be_sent_again(admin: Client) -> None:
    form = {"once": "abc", "website": "acme.com"}
    holder = org.account("Holder", website="acme.com", domain="acme.com")
    assert admin.post("/accounts/new/", form).status_code == 400
    Account.objects.filter(pk=holder.pk).update(website=None, domain=None)
    assert admin.post("/accounts/new/", form).status_code == 302
    assert Account.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_forms_that_come_at_the_same_moment_make_one_record(alice: User, signed_in: SignedIn) -> None:
    form = {"once": "abc", "name": "Renewal"}
    browsers = [signed_in(alice) for _ in range(4)]
    together = Barrier(len(browsers))

    def send(browser: Client) -> str:
        together.wait()
        try:
            return str(browser.post("/opportunities/new/", form).headers["Location"])
        finally:
            database.close()

    with ThreadPoolExecutor(len(browsers)) as pool:
        led = list(pool.map(send, browsers))
    assert led == [f"/opportunities/{Opportunity.objects.get().pk}/"] * 4


def test_a_contact_of_an_account_and_a_deal(admin: Client) -> None:
    account = org.account("Acme", domain="acme.com")
    page = admin.get(f"/accounts/{account.pk}/contacts/").text
    assert f'href="/contacts/new/?account={account.pk}"' in page
    form = admin.get(f"/contacts/new/?account={account.pk}").text
    assert f'name="account_id" value="{account.pk}" checked' in form
    admin.post("/contacts/new/", {"last_name": "Smith", "work_email": "s@acme.com", "account_id": str(account.pk)})
    contact = Contact.objects.get()
    assert (contact.account, contact.email_key) == (account, "s@acme.com")
    deal = {"name": "Renewal", "amount": "10.5", "close_date": "2026-12-31", "account_id": ""}
    admin.post("/opportunities/new/", deal)
    assert str(Opportunity.objects.get().close_date) == "2026-12-31"


@pytest.mark.parametrize(
    ("path", "name", "value", "held"),
    [("/accounts/new/", "website", "HTTPS://shop.acme.com/", "acme.com"),
     ("/contacts/new/", "work_email", " Sam@Acme.com", "sam@acme.com")],
)  # fmt: skip
def test_a_key_that_another_has(admin: Client, path: str, name: str, value: str, held: str) -> None:
    account = org.account("Holder", website="acme.com", domain="acme.com")
    contact = org.contact("Holder", work_email="sam@acme.com", email_key="sam@acme.com")
    other = f"/accounts/{account.pk}/" if name == "website" else f"/contacts/{contact.pk}/"
    said = checked(admin, path, name, value)
    assert f'href="{other}"' in said
    assert f"{held} is taken: Holder has it." in text(said)
    assert text(checked(admin, path, name, "free.example" if name == "website" else "x@free.example")) == ""
    answer = admin.post(path, {name: value})
    assert answer.status_code == 400
    assert f'href="{other}"' in answer.text
    assert value.strip() in answer.text, "what was typed stays"
    assert Account.objects.count() == Contact.objects.count() == 1


def test_nothing_at_all_is_refused(admin: Client) -> None:
    custom_fields.create("account", "Partner", "boolean")
    answer = admin.post("/accounts/new/", {"name": " ", "custom_partner": "false"})
    assert answer.status_code == 400
    assert "It has no value at all" in text(answer.text)
    assert not Account.objects.exists()


def test_what_is_no_such_value_is_said_beside_its_field(admin: Client) -> None:
    answer = admin.post("/opportunities/new/", {"name": "Deal", "amount": "much", "close_date": "soon"})
    assert answer.status_code == 400
    assert re.search(r'id="edit-amount-error".*?must be a number', answer.text, re.DOTALL)
    assert re.search(r'id="edit-close_date-error".*?must be a date', answer.text, re.DOTALL)
    assert not Opportunity.objects.exists()


def test_an_account_that_is_gone_is_said(admin: Client) -> None:
    answer = admin.post("/contacts/new/", {"last_name": "Smith", "account_id": "999"})
    assert answer.status_code == 400
    assert "There is no account 999" in text(answer.text)


def test_what_becomes_of_it_is_said(admin: Client, connection: Connection) -> None:
    settings = ObjectSetting.objects.filter(connection=connection)
    settings.filter(sobject="Account").update(create_in_salesforce=True, auto_push=True, cursor=timezone.now())
    settings.filter(sobject__in=["Contact", "Lead"]).update(create_in_salesforce=True)
    told = text(admin.post("/accounts/new/", {"name": "Acme"}, follow=True).text)
    assert f"It is created in {connection} as an account, within seconds." in told
    told = text(admin.post("/contacts/new/", {"last_name": "Smith"}, follow=True).text)
    assert "as a contact or lead, when somebody starts a sync of Contacts." in told
    many = {"field": "employee_count", "is": "at_least", "value": 100}
    settings.filter(sobject="Account").update(push_filter=many)
    told = text(admin.post("/accounts/new/", {"name": "Acme"}, follow=True).text)
    assert "The push filter of Accounts keeps it out of Salesforce." in told


def test_what_salesforce_needs_and_offers_is_shown(admin: Client, connection: Connection) -> None:
    ObjectSetting.objects.filter(connection=connection).update(create_in_salesforce=True)
    field: dict[str, Any] = {
        "name": "StageName", "label": "Stage", "type": "picklist", "scale": 0, "createable": True, "updateable": True,
        "calculated": False, "custom": False, "values": ["Prospecting"], "restricted": True, "required": True,
    }  # fmt: skip
    OrgFields.objects.create(connection=connection, sobject="Opportunity", at=timezone.now(), fields=[field])
    page = admin.get("/opportunities/new/").text
    assert "Stage needed by Salesforce" in text(page)
    assert '<option value="Prospecting">' in page
    assert "not in the picklist" in text(checked(admin, "/opportunities/new/", "stage", "Elsewhere"))


def test_accounts_to_choose_from(admin: Client) -> None:
    account = org.account("Acme <b>", domain="acme.com")
    page = admin.get("/accounts/pick/?account=acm").text
    assert f'value="{account.pk}"' in page
    assert "<b>" not in page
    assert "No account matches" in text(admin.get("/accounts/pick/?account=zzz").text)
    assert admin.get("/accounts/pick/").text.strip() == ""


def test_a_viewer_sees_no_way_to_it(vera: User, signed_in: SignedIn) -> None:
    account = org.account("Acme")
    browser = signed_in(vera)
    for page in ("/accounts/", "/contacts/", "/opportunities/", f"/accounts/{account.pk}/contacts/"):
        assert "/new/" not in browser.get(page).text.replace("collections/new/", "")
    assert browser.post("/accounts/new/", {"name": "X"}).status_code == 403
    assert Account.objects.count() == 1


@pytest.mark.parametrize("many", [1, 12])
def test_queries_are_few(
    admin: Client, connection: Connection, django_assert_max_num_queries: Queries, many: int
) -> None:
    ObjectSetting.objects.filter(connection=connection).update(create_in_salesforce=True)
    for number in range(many):
        custom_fields.create("account", f"Pick {number}", "picklist")
    with django_assert_max_num_queries(12):
        assert admin.get("/accounts/new/").status_code == 200
