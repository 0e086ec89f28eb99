"""The page of an account or a contact: values with their sources, timeline, links."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.test import Client
from tests.web import org

from abmatic.audiences.models import Account, Contact, Opportunity, OpportunityContact, Owner
from abmatic.changes.models import Cause, Change
from abmatic.identity.models import User
from abmatic.sync import timeline as timeline_page
from abmatic.sync.models import Connection, Role

Queries = Callable[[int], AbstractContextManager[object]]

pytestmark = pytest.mark.django_db

TABS = {
    "accounts": ["", "contacts/", "opportunities/", "timeline/", "sync/"],
    "contacts": ["", "opportunities/", "timeline/", "sync/"],
}


def rows(page: str) -> dict[str, str]:
    """The overview: what stands beside each field, as plain text."""
    found = {}
    for label, rest in re.findall(r'<th scope="row">([^<]*)</th>(.*?)</tr>', page, re.DOTALL):
        told = re.sub(r'<span class="visually-hidden">Edit[^<]*</span>', "", rest)
        found[label] = " ".join(re.sub(r"<[^>]*>", " ", told).split())
    return found


class TestOverview:
    def test_each_value_says_where_it_came_from(self, admin: Client, connection: Connection, alice: User) -> None:
        first, second = org.run(connection), org.run(connection)
        account = org.account("Acme", cause=first.cause, industry="Energy", employee_count=0, city="Berlin")
        assert second.cause
        org.change(account, "industry", "Banking", "Energy", cause=second.cause)
        org.change(account, "city", None, "Bonn", cause=second.cause)
        org.change(account, "city", "Bonn", "Berlin", cause=org.person(alice))
        shown = rows(admin.get(f"/accounts/{account.pk}/").text)
        assert f"run {first.pk}" in shown["Name"]
        assert f"run {second.pk}" in shown["Industry"]
        assert "Alice Adler" in shown["City"]
        assert shown["Employees"].startswith("0 "), "0 is a value"
        assert "run" not in shown["Country"], "an empty field that never was anything else came from nowhere"

    def test_a_field_that_was_emptied_says_by_whom(self, admin: Client, alice: User) -> None:
        account = org.account("Acme", industry=None)
        org.change(account, "industry", "Banking", None, cause=org.person(alice))
        assert "Alice Adler" in rows(admin.get(f"/accounts/{account.pk}/").text)["Industry"]

    def test_custom_fields_follow(self, admin: Client) -> None:
        account = org.account("Acme", custom={"tier": "Gold", "seats": 0})
        shown = rows(admin.get(f"/accounts/{account.pk}/").text)
        assert shown["tier"].startswith("Gold")
        assert shown["seats"].startswith("0")

    def test_key_facts(self, admin: Client) -> None:
        owner = Owner.objects.create(name="Sam Seller")
        account = org.account("Acme", domain="acme.com", employee_count=12_000, owner=owner)
        contact = org.contact("Smith", first_name="Anna", account=account, kind="lead", job_title="CEO")
        page = admin.get(f"/accounts/{account.pk}/").text
        for words in ('href="https://acme.com"', "12,000 employees", "Sam Seller"):
            assert words in page
        page = admin.get(f"/contacts/{contact.pk}/").text
        for words in ("Anna Smith", "Lead", "CEO", f'href="/accounts/{account.pk}/"'):
            assert words in page


class TestTimeline:
    def test_newest_first_and_the_creation_last(self, admin: Client, connection: Connection, alice: User) -> None:
        run = org.run(connection)
        assert run.cause
        account = org.account("Acme", cause=run.cause)
        org.change(account, "city", None, "Bonn", cause=run.cause)
        org.change(account, "city", "Bonn", "Berlin", cause=org.person(alice))
        page = admin.get(f"/accounts/{account.pk}/timeline/").text
        assert page.index("Berlin") < page.index(">Created<")
        assert page.count('class="event"') == 3
        assert page.index("Alice Adler") < page.index(f"run {run.pk}")

    def test_a_conversion_is_told_as_one(self, admin: Client, connection: Connection) -> None:
        contact = org.contact(kind="contact")
        cause = org.run(connection, "Lead").cause
        assert cause
        Change.objects.create(
            record="contact", record_id=contact.pk, field="kind", before="lead", after="contact", cause=cause
        )
        assert "Converted from lead to contact" in admin.get(f"/contacts/{contact.pk}/timeline/").text

    def test_many_changes_come_as_it_scrolls(self, admin: Client, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(timeline_page, "PAGE", 3)
        account = org.account("Acme")
        for number in range(8):
            org.change(account, "city", number, number + 1, cause=org.person(alice))
        address = f"/accounts/{account.pk}/timeline/"
        page = admin.get(address).text
        seen = page.count("<dt>City</dt>")
        while following := re.search(r'hx-get="(\?after=\w+)"', page):
            assert ">Created<" not in page
            page = admin.get(address + following[1], headers={"HX-Request": "true"}).text
            seen += page.count("<dt>City</dt>")
        assert seen == 8
        assert ">Created<" in page

    def test_other_records_changes_are_not_in_it(self, admin: Client, alice: User) -> None:
        account = org.account("Acme")
        Change.objects.create(
            record="contact",
            record_id=account.pk,
            field="city",
            before=None,
            after="Elsewhere",
            cause=org.person(alice),
        )
        assert "Elsewhere" not in admin.get(f"/accounts/{account.pk}/timeline/").text


class TestLinks:
    def test_salesforce_opens_at_the_primary(self, admin: Client, connection: Connection) -> None:
        account = org.account("Acme")
        org.link(connection, account, "0015800000000001AAA", Role.DUPLICATE)
        org.link(connection, account, "0015800000000002AAA")
        page = admin.get(f"/accounts/{account.pk}/").text
        assert 'href="https://northwind.my.salesforce.com/0015800000000002AAA"' in page
        page = admin.get(f"/accounts/{account.pk}/sync/").text
        assert page.count(">Duplicate<") == 1
        assert page.count(">Primary<") == 1

    def test_deleted_there_is_said(self, admin: Client, connection: Connection) -> None:
        account = org.account("Acme")
        org.link(connection, account, "0015800000000001AAA", is_deleted=True)
        assert "Deleted in Salesforce" in admin.get(f"/accounts/{account.pk}/").text

    def test_no_link(self, admin: Client) -> None:
        account = org.account("Acme")
        assert "Not in Salesforce" in admin.get(f"/accounts/{account.pk}/").text
        assert "No Salesforce record is linked" in admin.get(f"/accounts/{account.pk}/sync/").text


class TestNeighbours:
    def test_an_accounts_contacts_and_opportunities_only(self, admin: Client) -> None:
        account, other = org.account("Acme"), org.account("Other")
        org.contact("Mine", account=account)
        org.contact("Theirs", account=other)
        org.opportunity(account, "My deal", amount="1234567.5")
        org.opportunity(other, "Their deal")
        page = admin.get(f"/accounts/{account.pk}/contacts/").text
        assert "Mine" in page
        assert "Theirs" not in page
        page = admin.get(f"/accounts/{account.pk}/opportunities/").text
        assert "My deal" in page
        assert 'title="1,234,567.50">1,234,568<' in page
        assert "Their deal" not in page

    def test_a_contact_with_two_roles_sees_the_deal_once(self, admin: Client) -> None:
        account, contact = org.account("Acme"), org.contact()
        deal = org.opportunity(account, "Big deal")
        for role in ("Buyer", "Champion"):
            OpportunityContact.objects.create(opportunity=deal, contact=contact, role=role)
        org.opportunity(account, "Not theirs")
        page = admin.get(f"/contacts/{contact.pk}/opportunities/").text
        assert len(re.findall(r'strong cut"[^>]*>Big deal', page)) == 1
        assert "Not theirs" not in page


@pytest.mark.parametrize("value", [*org.HOSTILE.values(), None], ids=[*org.HOSTILE.keys(), "empty"])
@pytest.mark.parametrize("kind", ["accounts", "contacts"])
def test_hostile_and_empty_values_break_no_tab(
    admin: Client, connection: Connection, kind: str, value: str | None
) -> None:
    owner = Owner.objects.create(name=value or "")
    cause = Cause.objects.create(kind=Cause.Kind.IMPORT, note=value or "")
    account = Account.objects.create(
        name=value, website=value, industry=value, country=value, city=value, owner=owner, created_by=cause,
        custom={value or "x": value},
    )  # fmt: skip
    contact = Contact.objects.create(
        first_name=value, last_name=value, work_email=value, job_title=value, phone=value, company=value,
        account=account, owner=owner, created_by=cause,
    )  # fmt: skip
    Opportunity.objects.create(name=value, stage=value, account=account, owner=owner)
    for record, pk in (("account", account.pk), ("contact", contact.pk)):
        Change.objects.create(record=record, record_id=pk, field=value or "x", before=value, after=[value], cause=cause)
    org.link(connection, account, "0015800000000001AAA")
    pk = account.pk if kind == "accounts" else contact.pk
    for tab in TABS[kind]:
        answer = admin.get(f"/{kind}/{pk}/{tab}")
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
        assert "<b>bold" not in answer.text
        assert 'onmouseover="alert' not in answer.text
        assert value != org.HOSTILE["template"] or "{{ 7|add:7 }}" in answer.text, "data is no template"


class TestQueries:
    @pytest.mark.parametrize("many", [1, 60])
    def test_account(
        self, admin: Client, connection: Connection, alice: User, django_assert_max_num_queries: Queries, many: int
    ) -> None:
        account = org.account("Acme")
        for number in range(many):
            cause = org.run(connection).cause
            assert cause
            org.change(account, "city", None, number, cause=cause)
            org.link(connection, account, f"001580000000{number:04d}AAA")
            org.contact(account=account)
            org.opportunity(account)
        for tab, most in {"": 20, "contacts/": 21, "opportunities/": 21, "timeline/": 16, "sync/": 7}.items():
            with django_assert_max_num_queries(most):
                assert admin.get(f"/accounts/{account.pk}/{tab}").status_code == 200
