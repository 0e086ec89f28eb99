"""Set a field… of a selection: preview, start, progress, putting back; operators and administrators only."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.test import Client
from django.utils import timezone
from tests.web import org
from tests.web.conftest import SignedIn
from tests.web.test_editing import HTMX, allow, text

from abmatic.audiences import custom_fields
from abmatic.audiences.many import verbs, working
from abmatic.audiences.many.models import FieldEdit
from abmatic.audiences.models import Account
from abmatic.audiences.selection import Selection
from abmatic.changes.models import Change
from abmatic.identity.models import User
from abmatic.sync.models import Connection, OrgFields

Queries = Callable[[int], AbstractContextManager[object]]

pytestmark = pytest.mark.django_db


def hidden(page: str) -> dict[str, str]:
    """What the form carries along."""
    form = page.split('action="/accounts/set/"')[1]
    return dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form))


def test_the_whole_way(admin: Client) -> None:
    first, second, third = (org.account(name, industry=industry) for name, industry in
                            (("A", "Energy"), ("B", "Banking"), ("C", None)))  # fmt: skip
    form = admin.post("/accounts/set/", {"all": "1", "except": str(third.pk), "asked": "q="})
    page = admin.post("/accounts/set/", {**hidden(form.text), "field": "industry", "value": "Banking", "do": "preview"})
    told = text(page.text)
    assert "2 accounts, 1 will change" in told
    assert "Industry becomes Banking" in told
    assert "A Energy" in told
    assert "Change 1" in told
    assert f'href="/accounts/{first.pk}/"' in page.text
    assert not FieldEdit.objects.exists()
    given = {**hidden(page.text), "field": "industry", "value": "Banking", "do": "start"}
    done = admin.post("/accounts/set/", given, follow=True)
    edit = FieldEdit.objects.get()
    assert done.redirect_chain == [(f"/edits/{edit.pk}/", 302)]
    assert "Changed 1 Had it already 1" in text(done.text)
    assert [each.industry for each in Account.objects.order_by("id")] == ["Banking", "Banking", None]
    back = admin.post(f"/edits/{edit.pk}/put-back/", follow=True)
    assert "Put back 1" in text(back.text)
    first.refresh_from_db()
    assert first.industry == "Energy"
    assert "It was put back" in text(admin.get(f"/edits/{edit.pk}/").text)
    assert Change.objects.filter(record_id=second.pk).count() == 0


def test_pressed_twice_it_leads_to_the_first_edit_which_can_be_put_back(admin: Client) -> None:
    org.account("A", industry="Energy")
    page = admin.post("/accounts/set/", {"all": "1", "field": "industry", "value": "Banking", "do": "preview"}).text
    given = {**hidden(page), "field": "industry", "value": "Banking", "do": "start"}
    admin.post("/accounts/set/", given)
    again = admin.post("/accounts/set/", given, follow=True)
    edit = FieldEdit.objects.get()
    assert again.redirect_chain == [(f"/edits/{edit.pk}/", 302)]
    assert "Put back" in text(again.text)


def test_a_value_leads_to_the_edit_of_many_that_set_it(
    admin: Client, alice: User, vera: User, signed_in: SignedIn
) -> None:
    account = org.account("A", city="Rome")
    edit = verbs.start(Selection("account"), "city", "Bonn", alice)
    back = verbs.put_back(edit, alice)
    record, viewer = f"/accounts/{account.pk}/", signed_in(vera)
    links = {"Edit of many": f'<a href="/edits/{edit.pk}/">', "Put back": f'<a href="/edits/{back.pk}/">'}
    for page, notes in (
        (record, ["Put back"]),
        (f"{record}fields/city/history/", [*links]),
        (f"{record}timeline/", [*links]),
    ):
        for note in notes:
            assert f"{links[note]}<bdi>Alice Adler · {note}</bdi></a>" in admin.get(page).text
            seen = viewer.get(page).text
            assert f"Alice Adler · {note}" in seen
            assert links[note] not in seen, "the page of the edit is for operators"


def test_what_was_not_previewed_is_not_started(admin: Client) -> None:
    account = org.account("A", industry="Energy")
    given = {"ids": str(account.pk), "field": "industry", "value": "Banking"}
    page = admin.post("/accounts/set/", {**given, "do": "preview"}).text
    changed = admin.post("/accounts/set/", {**hidden(page), **given, "value": "Mining", "do": "start"})
    assert "Industry becomes Mining" in text(changed.text)
    assert not FieldEdit.objects.exists()


def test_each_field_has_its_control_and_keys_have_none(admin: Client) -> None:
    since, partner = custom_fields.create("account", "Since", "date"), custom_fields.create("account", "X", "boolean")
    org.account("A")
    form = admin.post("/accounts/set/", {"all": "1"}).text
    assert 'value="website"' not in form
    assert f'value="{since.name}"' in form
    ask = {"do": "field", "field": since.name}
    assert 'type="date"' in admin.post("/accounts/set/", ask, headers=HTMX).text
    assert '<option value="true"' in admin.post("/accounts/set/", {**ask, "field": partner.name}, headers=HTMX).text
    cleared = admin.post("/accounts/set/", {"all": "1", "field": "industry", "value": "", "do": "preview"}).text
    assert "1 account, 0 will change" in text(cleared)
    assert "Change 0" not in text(cleared)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"field": "revenue", "value": "much"}, "must be a number"),
        ({"field": "website", "value": "acme.com"}, "Choose a field"),
        ({"field": "nothing", "value": "x"}, "Choose a field"),
    ],
)
def test_what_is_refused_is_said_in_the_form(admin: Client, given: dict[str, str], why: str) -> None:
    org.account("A")
    answer = admin.post("/accounts/set/", {"all": "1", **given, "do": "preview"})
    assert answer.status_code == 400
    assert why in text(answer.text)
    assert not FieldEdit.objects.exists()


def test_nothing_selected_leads_back_to_the_list(admin: Client) -> None:
    answer = admin.post("/accounts/set/", {"ids": "", "asked": "q=zz"}, follow=True)
    assert answer.redirect_chain == [("/accounts/?q=zz", 302)]
    assert "Nothing was selected." in text(answer.text)


def test_what_becomes_of_it_in_salesforce_is_said(admin: Client, connection: Connection) -> None:
    org.account("A")
    given = {"all": "1", "field": "industry", "value": "Elsewhere", "do": "preview"}
    assert "Salesforce leads here" in text(admin.post("/accounts/set/", given).text)
    allow(connection, to_salesforce="overwrite", update_in_salesforce=True, auto_push=True, cursor=timezone.now())
    field = {
        "name": "Industry", "label": "Industry", "type": "picklist", "scale": 0, "createable": True,
        "updateable": True, "calculated": False, "custom": False, "values": ["Energy"], "restricted": True,
    }  # fmt: skip
    OrgFields.objects.create(connection=connection, sobject="Account", at=timezone.now(), fields=[field])
    page = admin.post("/accounts/set/", given).text
    told = text(page)
    assert "goes to Salesforce (Account.Industry)" in told
    assert "within seconds." in told
    assert "not in the picklist of Account.Industry" in told
    assert '<option value="Energy">' in page


def test_a_large_one_shows_its_progress_and_can_be_cancelled(
    admin: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verbs, "AT_ONCE", 2)
    monkeypatch.setattr(working, "PART", 2)
    org.accounts(5)
    page = admin.post("/accounts/set/", {"all": "1", "field": "city", "value": "Bonn", "do": "preview"}).text
    given = {**hidden(page), "field": "city", "value": "Bonn", "do": "start"}
    page = admin.post("/accounts/set/", given, follow=True).text
    edit = FieldEdit.objects.get()
    assert "Waiting for a worker" in text(page)
    assert f'hx-get="/edits/{edit.pk}/live/"' in page
    working._next_part(edit.pk)
    assert "2 of 5 looked at, 2 changed" in text(admin.get(f"/edits/{edit.pk}/live/").text)
    page = admin.post(f"/edits/{edit.pk}/cancel/", follow=True).text
    assert "Cancelled" in text(page)
    assert "hx-trigger" not in page.split('id="field-edit"')[1]
    assert "Put back" in text(page)


def test_a_viewer_sees_no_button_and_is_refused(vera: User, alice: User, signed_in: SignedIn) -> None:
    account = org.account("A", city="Rome")
    browser = signed_in(vera)
    assert "/accounts/set/" not in browser.get("/accounts/").text
    given = {"all": "1", "field": "city", "value": "Bonn", "do": "start"}
    assert browser.post("/accounts/set/", given).status_code == 403
    edit = verbs.start(Selection("account"), "city", "Bonn", alice)
    for page in ("", "live/"):
        assert browser.get(f"/edits/{edit.pk}/{page}").status_code == 403
    assert browser.post(f"/edits/{edit.pk}/put-back/").status_code == 403
    account.refresh_from_db()
    assert account.city == "Bonn"


@pytest.mark.parametrize("value", org.HOSTILE.values(), ids=org.HOSTILE.keys())
def test_hostile_values_stay_text(admin: Client, value: str) -> None:
    org.account(value, industry="x" + value)
    page = admin.post("/accounts/set/", {"all": "1", "field": "industry", "value": value, "do": "preview"}).text
    assert "<script>alert" not in page
    assert "<b>bold" not in page
    assert 'onmouseover="alert' not in page


@pytest.mark.parametrize("many", [1, 60])
def test_queries_are_few(
    admin: Client, connection: Connection, django_assert_max_num_queries: Queries, many: int
) -> None:
    org.accounts(many)
    with django_assert_max_num_queries(25):
        admin.post("/accounts/set/", {"all": "1", "field": "city", "value": "Bonn", "do": "preview"})
    page = admin.post("/accounts/set/", {"all": "1", "field": "city", "value": "Bonn", "do": "preview"}).text
    with django_assert_max_num_queries(40):
        admin.post("/accounts/set/", {**hidden(page), "field": "city", "value": "Bonn", "do": "start"})
    with django_assert_max_num_queries(14):
        admin.get(f"/edits/{FieldEdit.objects.get().pk}/")
