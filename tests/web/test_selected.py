"""What is done with the records that were chosen in a grid."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from django.test import Client
from tests.web import org
from tests.web.conftest import SignedIn

from abmatic.audiences.models import Account, Collection, CollectionMember
from abmatic.identity.models import User

# A file is read through a session of its own, which sees only what is committed.
pytestmark = pytest.mark.django_db(transaction=True)


def do(browser: Client, act: str, **more: Any) -> Any:
    return browser.post("/accounts/selected/", {"do": act, **more}, follow=True)


def members(collection: Collection) -> list[str]:
    ids = list(CollectionMember.objects.filter(collection=collection).values_list("record_id", flat=True))
    return sorted(str(name) for name in Account.objects.filter(pk__in=ids).values_list("name", flat=True))


def exported(browser: Client, **more: Any) -> list[dict[str, str]]:
    answer = do(browser, "export", **more)
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def banking() -> str:
    condition = {"all": [{"field": "industry", "is": "equals", "value": "Banking"}]}
    return "filter=" + json.dumps(condition)


@pytest.fixture
def firms(db: None) -> list[Account]:
    for name, industry in (("Acme", "Banking"), ("beta", "Energy"), ("Zeta", "Banking")):
        org.account(name, industry=industry)
    return list(Account.objects.order_by("id"))


def test_all_of_a_filtered_list_but_one_go_into_a_new_collection(admin: Client, firms: list[Account]) -> None:
    page = do(admin, "add", all="1", **{"except": str(firms[0].pk)}, asked=banking(), name="Banks")
    made = Collection.objects.get()
    assert (made.name, made.kind, made.size) == ("Banks", "static", 1)
    assert members(made) == ["Zeta"]
    assert "1 account added to “Banks”, which holds 1 now." in page.text
    assert "Industry is “Banking”" in page.text, "the list is where it was"


def test_chosen_ones_go_into_a_collection_that_is_there_and_out_of_it(admin: Client, firms: list[Account]) -> None:
    target = org.collection("account", [firms[0].pk], "Chosen")
    ids = ",".join(str(one.pk) for one in firms)
    assert "2 accounts added to “Chosen”, which holds 3 now." in do(admin, "add", ids=ids, collection=target.pk).text
    page = do(admin, "remove", ids=f"{firms[0].pk},{firms[1].pk}", within=target.pk).text
    assert "2 accounts removed from “Chosen”." in page
    assert members(target) == ["Zeta"]


def test_boxes_work_without_scripts(admin: Client, firms: list[Account]) -> None:
    do(admin, "add", id=[firms[0].pk, firms[2].pk], name="Two")
    assert members(Collection.objects.get()) == ["Acme", "Zeta"]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"do": "add", "name": "X"}, "Nothing was selected"),
        ({"do": "add", "all": "1"}, "Choose a collection"),
        ({"do": "drop", "all": "1"}, "Say what is to be done"),
        ({"do": "add", "all": "1", "name": "X", "asked": "filter=nonsense"}, "This filter can’t be read"),
        ({"do": "add", "all": "1", "name": "X", "asked": 'filter={"field":"name","is":"at_least","value":"a"}'},
         "can’t be used"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_changes_nothing(
    admin: Client, firms: list[Account], sent: dict[str, str], said: str
) -> None:
    assert said in admin.post("/accounts/selected/", sent, follow=True).text.replace("&#x27;", "’")
    assert not CollectionMember.objects.exists()


def test_members_of_a_dynamic_collection_and_of_another_kind_are_left(admin: Client, firms: list[Account]) -> None:
    rule = {"field": "industry", "is": "equals", "value": "Banking"}
    dynamic = Collection.objects.create(name="Banks", record="account", kind="dynamic", rule=rule)
    assert "follow its rule" in do(admin, "add", all="1", collection=dynamic.pk).text
    people = org.collection("contact", [], "People")
    assert do(admin, "add", all="1", collection=people.pk).status_code == 404
    assert not CollectionMember.objects.exists()


def test_a_viewer_exports_and_changes_nothing(vera: User, signed_in: SignedIn, firms: list[Account]) -> None:
    browser = signed_in(vera)
    assert do(browser, "add", all="1", name="X").status_code == 403
    assert not Collection.objects.exists()
    assert len(exported(browser, all="1")) == 3
    page = browser.get("/accounts/").text
    assert "Export CSV" in page
    assert "Add to collection" not in page


def test_a_file_has_every_field_of_those_chosen(admin: Client, firms: list[Account]) -> None:
    Account.objects.filter(name="Acme").update(revenue="1000.50", city='=cmd|"x"', domain="acme.com")
    (row,) = exported(admin, all="1", **{"except": str(firms[2].pk)}, asked=banking())
    assert row["Name"] == "Acme"
    assert row["Annual revenue"] == "1000.5"
    assert row["Domain"] == "acme.com"
    assert row["City"].startswith("'="), "no spreadsheet runs it"
    assert row["Employees"] == ""
    assert row["Created"].endswith("Z")


class TestCollectionPages:
    def test_a_dynamic_collection_is_made_of_a_filter_and_changed(self, admin: Client, firms: list[Account]) -> None:
        condition = banking().removeprefix("filter=")
        form = admin.get("/accounts/collections/new/", {"filter": condition}).text
        assert 'value="dynamic" data-choice x-on:change="update" checked' in form
        page = admin.post(
            "/accounts/collections/new/", {"name": "Banks", "kind": "dynamic", "filter": condition}, follow=True
        ).text
        made = Collection.objects.get()
        assert made.size == 2
        assert "Industry is “Banking”" in page
        assert "as of" in page
        other = '{"any":[{"field":"name","is":"equals","value":"beta"}]}'
        admin.post(f"/accounts/collections/{made.pk}/edit/", {"name": "Energy", "filter": other})
        made.refresh_from_db()
        assert (made.name, made.size) == ("Energy", 1)
        assert members(made) == ["beta"]

    @pytest.mark.parametrize(
        ("sent", "said"),
        [
            ({"name": "", "kind": "static"}, "This field is required"),
            ({"name": "Chosen", "kind": "static"}, "There is a collection “Chosen” already"),
            ({"name": "X", "kind": "dynamic"}, "needs at least one condition"),
            ({"name": "X", "kind": "dynamic", "filter": "nonsense"}, "can’t be read"),
        ],
    )
    def test_what_is_wrong_is_said_in_the_form(self, admin: Client, sent: dict[str, str], said: str) -> None:
        org.collection("account", [], "Chosen")
        answer = admin.post("/accounts/collections/new/", sent)
        assert answer.status_code == 400
        assert said in answer.text
        assert Collection.objects.count() == 1

    def test_it_is_deleted_when_that_is_confirmed(self, admin: Client, firms: list[Account]) -> None:
        made = org.collection("account", [firms[0].pk], "Chosen")
        address = f"/accounts/collections/{made.pk}/delete/"
        assert "stays, here and in Salesforce" in admin.get(address).text
        assert Collection.objects.exists()
        admin.post(address)
        assert not Collection.objects.exists()
        assert Account.objects.count() == 3

    def test_another_kind_of_record_has_no_such_collection(self, admin: Client) -> None:
        made = org.collection("account", [], "Chosen")
        for page in ("", "edit/", "delete/"):
            assert admin.get(f"/contacts/collections/{made.pk}/{page}").status_code == 404
