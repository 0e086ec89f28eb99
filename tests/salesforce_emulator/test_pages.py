"""The org's pages, as a sales rep uses them."""

from __future__ import annotations

import re

import httpx2
import pytest
from tests.salesforce_emulator.client import Api

from salesforce_emulator.schema import BASE


class Rep:
    """Somebody at a browser: keeps cookies, sends the forms that pages show."""

    def __init__(self, api: Api) -> None:
        self.http = httpx2.Client(base_url=api.org.url, follow_redirects=True)

    def open(self, path: str) -> str:
        answer = self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def send(self, path: str, **typed: str) -> httpx2.Response:
        """Send a form; its token is taken from the home page."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.open("/"))
        assert found
        return self.http.post(path, data={"csrf": found[1], **typed})


@pytest.fixture
def rep(api: Api) -> Rep:
    return Rep(api)


def test_home_says_what_org_this_is(api: Api, rep: Rep) -> None:
    page = rep.open("/")
    assert "no place for production data" in page
    assert "Developer Edition" in page
    assert BASE.organization in page
    assert api.org.client_id in page


def test_lists_search_and_pages(api: Api, rep: Rep) -> None:
    with api.org.store.session() as session:
        for number in range(60):
            session.insert("Account", {"Name": f"Account {number:02d}"})
    first = rep.open("/o/Account")
    assert "60 records, page 1 of 2" in first
    assert len(re.findall(r"Account \d\d", rep.open("/o/Account?page=1"))) == 10
    found = rep.open("/o/Account?q=t+07")
    assert "Account 07" in found
    assert "1 records" in found
    assert "No records." in rep.open("/o/Account?q=%25nothing")


def test_a_rep_changes_a_record(api: Api, rep: Rep) -> None:
    record = api.create("Account", Name="Before", Industry="Banking", NumberOfEmployees=3)
    form = rep.open(f"/o/Account/{record}/edit")
    assert 'value="Before"' in form
    page = rep.send(f"/o/Account/{record}/edit", Name="After", NumberOfEmployees="4", Industry="", OwnerId=BASE.reps[0])
    assert "Saved." in page.text
    (row,) = api.rows("SELECT Name, NumberOfEmployees, Industry, LastModifiedById, OwnerId FROM Account")
    assert row == {
        "Name": "After", "NumberOfEmployees": 4, "Industry": None, "LastModifiedById": BASE.reps[0],
        "OwnerId": BASE.reps[0],
    }  # fmt: skip


def test_acting_as_another(api: Api, rep: Rep) -> None:
    rep.send("/acting", user_id=BASE.reps[2], next="/o/Account")
    rep.send("/o/Account/new", Name="Made by Olu")
    assert api.rows("SELECT CreatedById, OwnerId FROM Account") == [
        {"CreatedById": BASE.reps[2], "OwnerId": BASE.reps[2]}
    ]


def test_a_refusal_keeps_what_was_typed(api: Api, rep: Rep) -> None:
    answer = rep.send("/o/Lead/new", LastName="", Company="Kept Ltd", Email="nonsense")
    assert answer.status_code == 422
    assert "invalid email address: nonsense" in answer.text
    assert "Kept Ltd" in answer.text


def test_delete_and_undelete(api: Api, rep: Rep) -> None:
    record = api.create("Account", Name="Gone")
    assert "recycle bin" in rep.send(f"/o/Account/{record}/delete").text
    assert "Gone" in rep.open("/o/Account?bin=1")
    assert api.rows("SELECT Id FROM Account") == []
    rep.send(f"/o/Account/{record}/undelete")
    assert api.rows("SELECT Id FROM Account") == [{"Id": record}]


def test_convert(api: Api, rep: Rep) -> None:
    lead = api.create("Lead", LastName="L", Company="Lee Ltd")
    assert "Lee Ltd" in rep.send(f"/o/Lead/{lead}/convert").text
    assert api.rows("SELECT IsConverted FROM Lead") == [{"IsConverted": True}]
    assert "cannot reference converted lead" in rep.send(f"/o/Lead/{lead}/convert").text


def test_a_record_by_its_id_alone(api: Api, rep: Rep) -> None:
    """As links in other systems name it: https://host/001…"""
    record = api.create("Account", Name="Linked")
    assert "<h1>Linked</h1>" in rep.open(f"/{record}")
    assert "<h1>Linked</h1>" in rep.open(f"/{record[:15]}")
    assert rep.http.get("/001000000000000AAA").status_code == 404
    assert rep.http.get("/nothing").status_code == 404


def test_what_belongs_to_a_record_is_listed(api: Api, rep: Rep) -> None:
    account = api.create("Account", Name="A")
    assert "<section" not in rep.open(f"/{account}")
    contact = ""
    for number in range(11):
        contact = contact or api.create("Contact", LastName=f"C{number}", AccountId=account)
        api.create("Opportunity", Name=f"O{number}", StageName="Prospecting", CloseDate="2026-12-31", AccountId=account)
    page = rep.open(f"/{account}")
    assert f'href="/o/Contact/{contact}">C0</a>' in page
    assert "(11, the first 10 shown)" in page


def test_values_are_escaped(api: Api, rep: Rep) -> None:
    record = api.create("Account", Name="<script>alert(1)</script>", Description='"><img src=x>')
    for path in ("/o/Account", f"/o/Account/{record}", f"/o/Account/{record}/edit"):
        page = rep.open(path)
        assert "<script>" not in page
        assert "<img" not in page


def test_a_form_from_elsewhere_is_refused(api: Api, rep: Rep) -> None:
    record = api.create("Account", Name="Kept")
    assert rep.http.post(f"/o/Account/{record}/delete").status_code == 403
    assert api.rows("SELECT Id FROM Account") == [{"Id": record}]


def test_every_object_has_its_pages(api: Api, rep: Rep) -> None:
    api.create("Campaign", Name="C")
    for sobject in (s for s in api.org.store.schema if s.kept):
        page = rep.open(f"/o/{sobject.name}")
        for target in re.findall(rf'href="(/o/{sobject.name}/[0-9A-Za-z]{{18}})"', page)[:1]:
            rep.open(target)
