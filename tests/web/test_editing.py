"""Editing fields of a record in its page: who may, what is saved, refused and foretold, and every change of a field."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from tests.web import org
from tests.web.conftest import SignedIn

from abmatic.audiences import custom_fields
from abmatic.audiences.models import Account, Contact
from abmatic.changes.models import Cause, Change
from abmatic.identity.models import User
from abmatic.sync.models import Connection, FieldMapping, ObjectSetting, OrgFields

Queries = Callable[[int], AbstractContextManager[object]]

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


def text(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())


def address(local: Any, name: str, record: str = "account") -> str:
    plural = {"opportunity": "opportunities"}.get(record, f"{record}s")
    return f"/{plural}/{local.pk}/fields/{name}/"


def opened(browser: Client, local: Any, name: str, record: str = "account") -> str:
    return browser.get(address(local, name, record), headers=HTMX).text


def seen(page: str) -> str:
    found = re.search(r'name="saw" value="([^"]*)"', page)
    assert found
    return found[1]


def save(browser: Client, local: Any, name: str, value: str, record: str = "account", saw: str | None = None) -> str:
    saw = seen(opened(browser, local, name, record)) if saw is None else saw
    return browser.post(address(local, name, record), {"value": value, "saw": saw}, headers=HTMX).text


def allow(connection: Connection, sobject: str = "Account", **modes: Any) -> ObjectSetting:
    """Settings of an object; modes are those of its mapping of `industry` or `stage`."""
    setting = ObjectSetting.objects.get(connection=connection, sobject=sobject)
    mapping = FieldMapping.objects.filter(setting=setting, local_field__in=["industry", "stage"])
    of_mapping = {name: modes.pop(name) for name in list(modes) if name in {"to_abmatic", "to_salesforce", "broken"}}
    if of_mapping:
        mapping.update(**of_mapping)
    ObjectSetting.objects.filter(pk=setting.pk).update(**modes)
    return setting


class TestWhoMay:
    def test_a_viewer_sees_no_controls_and_is_refused(self, vera: User, signed_in: SignedIn) -> None:
        account = org.account("Acme", industry="Energy")
        browser = signed_in(vera)
        page = browser.get(f"/accounts/{account.pk}/?edit=industry").text
        assert "/fields/industry/" not in page
        assert 'name="saw"' not in page
        assert browser.get(address(account, "industry")).status_code == 403
        assert browser.post(address(account, "industry"), {"value": "X", "saw": ""}).status_code == 403
        account.refresh_from_db()
        assert account.industry == "Energy"

    def test_an_operator_may_and_is_named(self, oscar: User, signed_in: SignedIn) -> None:
        account = org.account("Acme", industry="Energy")
        save(signed_in(oscar), account, "industry", "Banking")
        change = Change.objects.get()
        assert (change.field, change.before, change.after) == ("industry", "Energy", "Banking")
        assert (change.cause.kind, change.cause.user) == (Cause.Kind.USER, oscar)

    def test_everybody_signed_in_sees_the_history(self, vera: User, alice: User, signed_in: SignedIn) -> None:
        account = org.account("Acme", industry="Energy")
        org.change(account, "industry", "Mining", "Energy", cause=org.person(alice))
        browser = signed_in(vera)
        assert "/fields/industry/history/" in browser.get(f"/accounts/{account.pk}/").text
        assert browser.get(address(account, "industry") + "history/").status_code == 200


class TestSaving:
    @pytest.mark.parametrize(
        ("name", "given", "stored"),
        [
            ("name", " Acme Ltd ", "Acme Ltd"),
            ("industry", "", None),
            ("employee_count", "0", 0),
            ("revenue", "1234.5", Decimal("1234.5")),
            ("website", "https://www.acme.example/x", "https://www.acme.example/x"),
        ],
    )
    def test_values_of_each_kind(self, admin: Client, name: str, given: str, stored: object) -> None:
        account = org.account("Acme", industry="Energy", employee_count=12)
        row = save(admin, account, name, given)
        assert "Saved." in text(row)
        assert getattr(Account.objects.get(), name) == stored

    @pytest.mark.parametrize("given", ["true", "false"])
    def test_yes_or_no(self, admin: Client, given: str) -> None:
        campaign = org.campaign(is_active=given == "false")
        assert f'<option value="{"true" if given == "false" else "false"}" selected' in opened(
            admin, campaign, "is_active", "campaign"
        )
        save(admin, campaign, "is_active", given, "campaign")
        campaign.refresh_from_db()
        assert campaign.is_active is (given == "true")
        assert Change.objects.get().record == "campaign"

    def test_custom_fields_are_edited_like_any_other(self, admin: Client) -> None:
        made = custom_fields.create("account", "Since", "date")
        account = org.account("Acme")
        assert 'type="date"' in opened(admin, account, made.name)
        save(admin, account, made.name, "2026-02-28")
        ((_, value),) = custom_fields.values_of("account", account.pk)
        assert str(value) == "2026-02-28"

    def test_an_opportunity_has_a_page_and_its_fields_are_edited_there(self, admin: Client) -> None:
        deal = org.opportunity(org.account("Acme"), "Renewal", amount=Decimal("10.50"))
        assert 'value="10.5"' in opened(admin, deal, "amount", "opportunity")
        save(admin, deal, "amount", "12", "opportunity")
        deal.refresh_from_db()
        assert deal.amount == 12
        page = admin.get(f"/opportunities/{deal.pk}/").text
        assert "Follows from the CRM" in page
        assert address(deal, "is_won", "opportunity") not in page

    def test_lines_keep_their_ends(self, admin: Client) -> None:
        unix, windows = org.account("one\ntwo"), org.account("one\r\ntwo")
        for account in (unix, windows):
            assert "<textarea" in opened(admin, account, "name")
            assert "Saved." not in save(admin, account, "name", "one\r\ntwo"), (
                "browsers send CR LF: nothing has changed"
            )
        assert not Change.objects.exists()

    @pytest.mark.parametrize(
        ("name", "given", "why"),
        [
            ("employee_count", "many", "must be a whole number"),
            ("revenue", "1,23", "must be a number"),
            ("name", "a\x00b", "NUL character"),
        ],
    )
    def test_what_is_no_such_value_is_refused_beside_the_field(
        self, admin: Client, name: str, given: str, why: str
    ) -> None:
        account = org.account("Acme", employee_count=12)
        row = save(admin, account, name, given)
        assert why in text(row)
        assert 'aria-invalid="true"' in row
        assert not Change.objects.exists()

    def test_a_key_that_another_has_is_refused_with_a_link_to_it(self, admin: Client) -> None:
        other = org.account("Holder", website="https://acme.com", domain="acme.com")
        row = save(admin, org.account("Acme"), "website", "www.acme.com")
        assert f'href="/accounts/{other.pk}/"' in row
        assert "has the domain acme.com already" in text(row)

    def test_the_same_value_is_no_change(self, admin: Client) -> None:
        account = org.account("Acme", revenue=Decimal("10.500000"))
        assert "Saved." not in save(admin, account, "revenue", "10.50")
        assert not Change.objects.exists()

    @pytest.mark.parametrize("name", ["nothing", "domain", "is_won"])
    def test_what_is_no_field_or_fixed_is_not_found(self, admin: Client, name: str) -> None:
        deal = org.opportunity(org.account("Acme"))
        assert admin.get(address(deal, name, "opportunity"), headers=HTMX).status_code == 404
        assert admin.post(address(deal, name, "opportunity"), {"value": "true", "saw": ""}).status_code == 404

    def test_without_scripts_the_form_works_as_a_page(self, admin: Client) -> None:
        account = org.account("Acme", employee_count=12)
        page = admin.get(address(account, "employee_count"), follow=True).text
        assert 'id="edit-employee_count"' in page
        saw = seen(page)
        refused = admin.post(address(account, "employee_count"), {"value": "many", "saw": saw})
        assert refused.status_code == 400
        assert "must be a whole number" in text(refused.text)
        assert admin.post(address(account, "employee_count"), {"value": "13", "saw": saw}).status_code == 302
        account.refresh_from_db()
        assert account.employee_count == 13


class TestMeanwhile:
    def test_both_values_are_shown_and_a_second_look_decides(
        self, admin: Client, oscar: User, signed_in: SignedIn
    ) -> None:
        account = org.account("Acme", industry="Energy")
        saw = seen(opened(admin, account, "industry"))
        save(signed_in(oscar), account, "industry", "Banking")
        row = save(admin, account, "industry", "Mining", saw=saw)
        told = text(row)
        assert "was changed meanwhile by Oscar Ortiz" in told
        assert "Now Banking Yours Mining" in told
        assert 'value="Mining"' in row
        account.refresh_from_db()
        assert account.industry == "Banking"
        save(admin, account, "industry", "Mining", saw=seen(row))
        account.refresh_from_db()
        assert account.industry == "Mining"

    def test_another_field_is_no_reason(self, admin: Client, oscar: User, signed_in: SignedIn) -> None:
        account = org.account("Acme", industry="Energy")
        saw = seen(opened(admin, account, "industry"))
        save(signed_in(oscar), account, "city", "Bonn")
        assert "Saved." in save(admin, account, "industry", "Mining", saw=saw)

    def test_the_same_change_by_two_people_is_settled(self, admin: Client, oscar: User, signed_in: SignedIn) -> None:
        account = org.account("Acme", industry="Energy")
        saw = seen(opened(admin, account, "industry"))
        save(signed_in(oscar), account, "industry", "Mining")
        assert "meanwhile" not in save(admin, account, "industry", "Mining", saw=saw)
        assert Change.objects.count() == 1

    def test_a_form_without_a_mark_writes_over_nothing(self, admin: Client) -> None:
        account = org.account("Acme", industry="Energy")
        assert "meanwhile" in save(admin, account, "industry", "Mining", saw="")


class TestOutlook:
    """What the editor says will become of the value; tests/sync/test_outlook.py holds it to what syncs really do."""

    def test_salesforce_leads(self, admin: Client, connection: Connection) -> None:
        account = org.account("Acme", industry="Energy")
        org.link(connection, account, "0015800000000001AAA", values={"Industry": "Energy"})
        row = opened(admin, account, "industry")
        assert "Salesforce leads here" in text(row)
        assert "brings its value back, “Energy”" in text(row)

    def test_pushed_within_seconds(self, admin: Client, connection: Connection) -> None:
        account = org.account("Acme", industry="Energy")
        org.link(connection, account, "0015800000000001AAA", values={"Industry": "Energy"})
        allow(connection, to_salesforce="overwrite", update_in_salesforce=True, auto_push=True, cursor=timezone.now())
        assert "Goes to Salesforce (Account.Industry), within seconds." in text(opened(admin, account, "industry"))

    @pytest.mark.parametrize(
        ("frequency", "said"),
        [(0, "when somebody starts a sync of Accounts."), (6, "with the next sync of Accounts:")],
    )
    def test_pushed_by_the_next_run(self, admin: Client, connection: Connection, frequency: int, said: str) -> None:
        account = org.account("Acme", industry="Energy")
        org.link(connection, account, "0015800000000001AAA")
        allow(connection, to_salesforce="overwrite", update_in_salesforce=True, frequency=frequency)
        row = opened(admin, account, "industry")
        assert said in text(row)
        assert ("<time" in row.split("is-pushed")[1]) == bool(frequency)

    def test_the_push_filter_keeps_it_out(self, admin: Client, connection: Connection) -> None:
        account = org.account("Acme", industry="Energy")
        org.link(connection, account, "0015800000000001AAA")
        many = {"field": "employee_count", "is": "at_least", "value": 100}
        allow(connection, to_salesforce="overwrite", update_in_salesforce=True, push_filter=many)
        assert "push filter keeps this record out" in text(opened(admin, account, "industry"))
        Account.objects.update(employee_count=100)
        assert "Goes to Salesforce" in text(opened(admin, account, "industry"))

    def test_it_stays(self, admin: Client, connection: Connection) -> None:
        account = org.account("Acme", industry="Energy")
        assert "No connected Salesforce org has this record" in text(opened(admin, account, "industry"))
        org.link(connection, account, "0015800000000001AAA", values={"Industry": "Energy"})
        allow(connection, to_salesforce="overwrite")
        assert "“Update in Salesforce” of Accounts is off" in text(opened(admin, account, "industry"))
        allow(connection, to_abmatic="fill", to_salesforce="fill", update_in_salesforce=True)
        assert "Only an empty Account.Industry is filled" in text(opened(admin, account, "industry"))
        FieldMapping.objects.filter(local_field="industry").delete()
        assert "The field is not mapped" in text(opened(admin, account, "industry"))

    def test_two_orgs_are_told_apart(self, admin: Client, connection: Connection) -> None:
        other = org.connect(name="Sandbox")
        account = org.account("Acme", industry="Energy")
        org.link(connection, account, "0015800000000001AAA", values={"Industry": "Energy"})
        org.link(other, account, "0015800000000002AAA")
        allow(other, to_salesforce="overwrite", update_in_salesforce=True)
        told = text(opened(admin, account, "industry"))
        assert f"{connection}: Salesforce leads here" in told
        assert f"{other}: Goes to Salesforce" in told

    def test_what_salesforce_would_refuse_is_warned_about_and_saved_all_the_same(
        self, admin: Client, connection: Connection
    ) -> None:
        account = org.account("Acme", industry="Energy")
        org.link(connection, account, "0015800000000001AAA")
        allow(connection, to_salesforce="overwrite", update_in_salesforce=True)
        field = {
            "name": "Industry", "label": "Industry", "type": "picklist", "scale": 0, "createable": True,
            "updateable": True, "calculated": False, "custom": False,
        }  # fmt: skip
        kept = OrgFields.objects.create(
            connection=connection, sobject="Account", at=timezone.now(),
            fields=[{**field, "values": ["Energy", "Banking"], "restricted": True, "length": 255}],
        )  # fmt: skip
        row = opened(admin, account, "industry")
        assert '<option value="Banking">' in row
        asked = {"do": "check", "value": "Mining"}
        assert "not in the picklist of Account.Industry" in text(admin.post(address(account, "industry"), asked).text)
        assert text(admin.post(address(account, "industry"), {**asked, "value": "banking"}).text) == ""
        assert not Change.objects.exists(), "a check writes nothing"
        saved = text(save(admin, account, "industry", "Mining"))
        assert "Saved." in saved
        assert "not in the picklist" in saved
        kept.fields = [{**field, "type": "string", "length": 5}]
        kept.save()
        assert "takes 5 characters, and this has 6" in text(admin.post(address(account, "industry"), asked).text)
        kept.fields = [field]  # as an earlier version kept it
        kept.save()
        assert text(admin.post(address(account, "industry"), asked).text) == ""


class TestHistory:
    def test_every_change_and_what_it_began_with(self, admin: Client, connection: Connection, alice: User) -> None:
        run = org.run(connection)
        account = org.account("Acme", cause=run.cause, industry="Energy")
        org.change(account, "industry", "Mining", "Banking", cause=org.person(alice))
        key = Cause.objects.create(kind=Cause.Kind.API, note="Reports (abc)")
        org.change(account, "industry", "Banking", "Energy", cause=key)
        org.change(account, "city", None, "Elsewhere", cause=key)
        told = text(admin.get(address(account, "industry") + "history/", headers=HTMX).text)
        assert "Elsewhere" not in told
        banking, energy = told.index("Mining became Banking"), told.index("Banking became Energy")
        assert energy < banking < told.index("Created with Mining")
        assert f"run {run.pk}" in told
        assert "Alice Adler" in told
        assert "Reports (abc)" in told

    def test_a_long_one_is_read_in_parts(self, admin: Client, alice: User) -> None:
        account = org.account("Acme")
        for number in range(45):
            org.change(account, "city", f"c{number}", f"c{number + 1}", cause=org.person(alice))
        page = admin.get(address(account, "city") + "history/", headers=HTMX).text
        seen = re.findall(r"became </span>.*?>(c\d+)<", page, re.DOTALL)
        while following := re.search(r'hx-get="([^"]*before=\d+)"', page):
            assert "Created with" not in page
            page = admin.get(following[1], headers=HTMX).text
            seen += re.findall(r"became </span>.*?>(c\d+)<", page, re.DOTALL)
        assert seen == [f"c{number}" for number in range(45, 0, -1)]
        assert "Created with" in page


@pytest.mark.parametrize("value", org.HOSTILE.values(), ids=org.HOSTILE.keys())
def test_hostile_values_stay_text(admin: Client, connection: Connection, alice: User, value: str) -> None:
    account = org.account("Acme", industry=value)
    org.link(connection, account, "0015800000000001AAA", values={"Industry": value})
    org.change(account, "industry", value, value + "x", cause=org.person(alice))
    pages = opened(admin, account, "industry") + admin.get(address(account, "industry") + "history/").text
    pages += save(admin, account, "industry", value + "y")
    pages += save(admin, account, "industry", value + "z", saw="other")
    assert "<script>alert" not in pages
    assert "<b>bold" not in pages
    assert 'onmouseover="alert' not in pages


@pytest.mark.parametrize("many", [1, 40])
def test_queries_are_few(
    admin: Client, connection: Connection, alice: User, django_assert_max_num_queries: Queries, many: int
) -> None:
    account = org.account("Acme", industry="Energy")
    for number in range(many):
        org.change(account, "industry", f"{number}", f"{number + 1}", cause=org.person(alice))
        org.link(connection, account, f"001580000000{number:04d}AAA", role=org.Role.DUPLICATE)
    org.link(connection, account, "0015800000009999AAA")
    with django_assert_max_num_queries(24):
        row = opened(admin, account, "industry")
    with django_assert_max_num_queries(45):
        save(admin, account, "industry", "Banking", saw=seen(row))
    with django_assert_max_num_queries(16):
        admin.get(address(account, "industry") + "history/", headers=HTMX)


def test_contacts_too(admin: Client) -> None:
    contact = org.contact("Smith", work_email="sam@acme.com", email_key="sam@acme.com")
    save(admin, contact, "work_email", "SAM@acme.example", "contact")
    assert Contact.objects.get().email_key == "sam@acme.example"
    assert "is no e-mail address" in text(save(admin, contact, "work_email", "nobody", "contact"))


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [("name", " ", "Name can't be empty. Give a value, or leave it as it is."),
     ("website", "not a url at all", "Website must be a web address, such as acme.com or https://www.acme.com."),
     ("employee_count", "-5", "Employees must be 0 or more.")],
)  # fmt: skip
def test_what_nobody_may_give_a_field_is_said_beside_it_and_what_was_typed_stays(
    admin: Client, name: str, value: str, why: str
) -> None:
    account = org.account("Acme", website="acme.com", domain="acme.com", employee_count=12)
    row = save(admin, account, name, value)
    assert why in text(row[row.index(f'id="edit-{name}-error"') :]).replace("&#x27;", "'")
    assert f'value="{value}"' in row
    assert 'aria-invalid="true"' in row
    account.refresh_from_db()
    assert (account.name, account.website, account.employee_count) == ("Acme", "acme.com", 12)


def test_what_came_from_a_crm_is_saved_again_without_a_word(admin: Client) -> None:
    account = org.account("Acme", website="not a url at all")
    assert "must be a web address" not in save(admin, account, "website", "not a url at all")
