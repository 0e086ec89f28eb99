"""The org's pages in general: what org this is, lists and search, who acts, and what protects them."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest
from tests.salesforce_emulator.client import Api, OpenApi
from tests.salesforce_emulator.rep import Rep

from salesforce_emulator import OrgStore, Settings
from salesforce_emulator.schema import BASE

NOTICE = "It is not Salesforce, and no place for production data."


@pytest.fixture
def rep(api: Api) -> Rep:
    return Rep(api)


def names(page: str) -> list[str]:
    """The names in a list, in its order."""
    return re.findall(r'<th scope="row"><a [^>]*><bdi>([^<]*)</bdi>', page)


def test_home_says_what_org_this_is(api: Api, rep: Rep) -> None:
    page = rep.open("/")
    assert "Developer Edition" in page
    assert BASE.organization in page
    assert api.org.client_id in page


def test_every_page_says_that_it_is_no_place_for_production_data(api: Api, rep: Rep) -> None:
    account, lead = api.create("Account", Name="A"), api.create("Lead", LastName="L", Company="C")
    campaign = api.create("Campaign", Name="C")
    for path in (
        "/", "/o/Account", f"/o/Account/{account}", f"/o/Account/{account}/edit", "/o/Account/new", "/search?q=a",
        f"/o/Lead/{lead}/convert", f"/o/Account/merge?id={account}", f"/o/Campaign/{campaign}/members",
        f"/o/Campaign/{campaign}/add-member", f"/o/Lead/{lead}/join", "/watch/calls", "/watch/changes",
        "/watch/control", "/login",
    ):  # fmt: skip
        assert NOTICE in rep.open(path), path
    for path in ("/nothing", "/o/Nothing", "/o/Account/001000000000000AAA", "/no/such/page"):
        assert NOTICE in rep.open(path, 404), path
    assert NOTICE in rep.http.get("/services/oauth2/authorize").text


def test_lists_have_pages_and_a_search(api: Api, rep: Rep) -> None:
    with api.org.store.session() as session:
        for number in range(60):
            session.insert("Account", {"Name": f"Account {number:02d}"})
    first = rep.open("/o/Account")
    assert "60 records, page 1 of 2" in first
    assert names(first)[0] == "Account 59", "the newest first"
    assert len(names(rep.open("/o/Account?page=1"))) == 10
    found = rep.open("/o/Account?q=t+07")
    assert names(found) == ["Account 07"]
    assert "1 record<" in found
    assert "No records." in rep.open("/o/Account?q=%25nothing")


def test_lists_are_sorted_by_any_column_with_the_empty_last(api: Api, rep: Rep) -> None:
    for name, industry in (("B", "Banking"), ("A", None), ("C", "Apparel")):
        api.create("Account", Name=name, Industry=industry)
    assert names(rep.open("/o/Account?sort=Name")) == ["A", "B", "C"]
    assert names(rep.open("/o/Account?sort=-Name")) == ["C", "B", "A"]
    by_industry = rep.open("/o/Account?sort=Industry")
    assert names(by_industry) == ["C", "B", "A"]
    assert re.search(r'aria-sort="ascending"[^>]*><a href="/o/Account\?sort=-Industry"', by_industry)
    assert names(rep.open("/o/Account?sort=Nonsense")) == ["C", "A", "B"]


def test_views_show_what_is_mine_recent_or_in_the_bin(api: Api, rep: Rep) -> None:
    mine = api.create("Account", Name="Mine", OwnerId=BASE.reps[0])
    api.create("Account", Name="Theirs", OwnerId=BASE.reps[1])
    gone = api.create("Account", Name="Gone")
    api.delete(f"sobjects/Account/{gone}")
    with api.org.store.writing() as conn:
        conn.execute('UPDATE "Account" SET "SystemModstamp" = ? WHERE "Id" = ?', ("2020-01-01T00:00:00.000Z", mine))
    assert names(rep.open("/o/Account")) == ["Theirs", "Mine"]
    assert names(rep.open("/o/Account?view=mine")) == ["Mine"]
    assert names(rep.open("/o/Account?view=recent")) == ["Theirs"]
    assert names(rep.open("/o/Account?view=bin")) == ["Gone"]


def test_search_finds_names_of_every_object_and_ids(api: Api, rep: Rep) -> None:
    account = api.create("Account", Name="Quay 100% Ltd")
    api.create("Contact", LastName="Quayle", Email="q@example.com")
    api.create("Lead", LastName="Other", Company="Quay")
    page = rep.open("/search?q=quay")
    assert re.findall(r"<a href=\"/o/\w+/\w+\"><bdi>([^<]+)</bdi>", page) == ["Quay 100% Ltd", "Quayle"]
    assert "100%" in rep.open("/search?q=100%25")
    assert "No record" in rep.open("/search?q=100%25x")
    assert "<bdi>Quay 100% Ltd</bdi></h1>" in rep.open(f"/search?q={account[:15]}")


def test_suggestions_for_a_reference(api: Api, rep: Rep) -> None:
    account = api.create("Account", Name="Quay Ltd", Website="quay.example")
    found = rep.http.get("/pick", params={"of": "Account,Nothing", "q": "quay"}).json()
    assert found == [{"id": account, "name": "Quay Ltd", "hint": "Account · quay.example"}]
    assert rep.http.get("/pick", params={"of": "Account"}).json() == []


def test_acting_as_another(api: Api, rep: Rep) -> None:
    rep.send("/o/Account", to="/acting", user_id=BASE.reps[2])
    rep.send("/o/Account/new", Name="Made by Olu")
    assert api.rows("SELECT CreatedById, LastModifiedById, OwnerId FROM Account") == [
        {"CreatedById": BASE.reps[2], "LastModifiedById": BASE.reps[2], "OwnerId": BASE.reps[2]}
    ]


def test_a_record_by_its_id_alone(api: Api, rep: Rep) -> None:
    """As links in other systems name it: https://host/001…"""
    record = api.create("Account", Name="Linked")
    assert "<h1><bdi>Linked</bdi></h1>" in rep.open(f"/{record}")
    assert "<h1><bdi>Linked</bdi></h1>" in rep.open(f"/{record[:15]}")
    assert rep.http.get("/001000000000000AAA").status_code == 404


def test_every_object_has_its_pages(api: Api, rep: Rep) -> None:
    api.create("Campaign", Name="C")
    for sobject in (s for s in api.org.store.schema if s.kept):
        page = rep.open(f"/o/{sobject.name}")
        for target in re.findall(rf'href="(/o/{sobject.name}/[0-9A-Za-z]{{18}})"', page)[:1]:
            rep.open(target)
            if sobject.updateable:
                rep.open(f"{target}/edit")
        if sobject.createable:
            rep.open(f"/o/{sobject.name}/new")


def test_forms_from_elsewhere_are_refused(api: Api, rep: Rep) -> None:
    record = api.create("Account", Name="Kept")
    rep.open("/")
    for data in ({}, {"csrf": ""}, {"csrf": "guessed"}):
        answer = rep.http.post(f"/o/Account/{record}/delete", data=data)
        assert answer.status_code == 403
        assert "out of date" in answer.text
    assert api.rows("SELECT Id FROM Account") == [{"Id": record}]


def test_the_cookie_stays_with_the_site_and_its_org(api: Api, rep: Rep) -> None:
    """Cookies know no ports: another org on this machine has a cookie of its own."""
    cookie = rep.http.get("/").headers["Set-Cookie"]
    assert cookie.startswith(f"emulator_{BASE.organization}=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_pages_allow_no_script_but_their_own(api: Api, rep: Rep) -> None:
    for path in ("/", "/o/Account", "/nothing", "/login", "/services/oauth2/authorize"):
        policy = rep.http.get(path).headers["Content-Security-Policy"]
        assert "default-src 'none'; style-src 'self'; script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert ("form-action 'self'" in policy) == (path not in ("/login", "/services/oauth2/authorize"))
    assert "Content-Security-Policy" not in rep.http.get("/services/data").headers


def test_nowhere_else_is_one_sent_after_choosing_who_acts(api: Api, rep: Rep) -> None:
    for target in ("https://evil.example/", "//evil.example/", "/\\evil.example/"):
        token = dict(rep.form("/", "/acting"))["csrf"]
        answer = rep.http.post("/acting", data={"csrf": token, "next": target}, follow_redirects=False)
        assert answer.headers["Location"] == "/"


def test_without_control_nobody_watches(open_api: OpenApi) -> None:
    rep = Rep(open_api(store=OrgStore(), settings=Settings(control=False)))
    assert "API calls" not in re.sub("API calls in 24", "", rep.open("/"))
    for path in ("/watch/calls", "/watch/changes", "/watch/control"):
        assert "--control" in rep.open(path, 403)


def test_calls_are_watched(api: Api, rep: Rep) -> None:
    api.get("query", params={"q": "SELECT Id FROM Nothing"}, headers={"Sforce-Call-Options": "client=Nightly"})
    rep.open("/")
    page = rep.open("/watch/calls")
    assert page.count("<tr>") == 2, "the head and one call of the API"
    for text in ("/services/data/v60.0/query", "q=SELECT Id FROM Nothing", ">400<", "Nightly", api.org.username):
        assert text in page
    assert "<code>/</code>" in rep.open("/watch/calls?everything=1")


def test_changes_are_watched(api: Api, rep: Rep) -> None:
    account = api.create("Account", Name="Fresh")
    api.patch(f"sobjects/Account/{account}", json={"Phone": "1"}, headers={"Sforce-Call-Options": "client=Nightly"})
    rep.send(f"/o/Account/{account}", to=f"/o/Account/{account}/delete")
    lines = rep.open("/watch/changes").split("<tr>")[2:]
    kinds = [re.search("<td>([A-Z]+)</td>", line) for line in lines]
    assert [k and k[1] for k in kinds] == ["DELETE", "UPDATE", "CREATE"]
    assert all("Fresh" in line for line in lines)
    assert "Rita Reyes" in lines[0]
    assert "<td>Phone" in lines[1]
    assert "client=Nightly" in lines[1]
    assert "<td>Deleted</td><td>Account</td>" in rep.open("/watch/changes?stamps=1")


def test_a_rep_sees_what_his_profile_lets_him_see(api: Api, rep: Rep) -> None:
    mine = api.create("Account", Name="Mine", OwnerId=BASE.reps[0], Phone="4711")
    theirs = api.create("Account", Name="Theirs", OwnerId=BASE.reps[1])
    contact = api.create("Contact", LastName="Con", AccountId=mine)
    hidden = [{"field": "Account.Phone", "readable": False, "editable": False}]
    closed = [{"object": "Lead", "allowRead": False}]
    profile = {"fullName": "Standard User", "fieldPermissions": hidden, "objectPermissions": closed}
    answer = api.post("/__emulator/permissions", json={"profiles": [profile], "sharing": {"Account": "Private"}})
    assert answer.status_code == 200, answer.text
    assert names(rep.open("/o/Account")) == ["Mine"]
    assert "Theirs" not in rep.open("/search?q=e")
    assert "Theirs" not in rep.open("/watch/changes")
    assert rep.http.get("/pick", params={"of": "Account", "q": "Theirs"}).json() == []
    rep.open(f"/o/Account/{theirs}", 404)
    assert "4711" not in rep.open(f"/o/Account/{mine}")
    assert "Phone" not in dict(rep.form(f"/o/Account/{mine}/edit"))
    assert "Leads" not in rep.open("/")
    rep.open("/o/Lead", 404)
    rep.open(f"/{contact}")
    rep.send("/o/Account", to="/acting", user_id=BASE.administrator)
    assert names(rep.open("/o/Account")) == ["Theirs", "Mine"]
    assert "4711" in rep.open(f"/o/Account/{mine}")


def test_the_clock_is_moved_from_its_page(api: Api, rep: Rep) -> None:
    api.org.store.set_clock(to=datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC), runs=False)
    assert "2031-02-03 04:05:06 UTC, standing still" in rep.open("/watch/control")
    send = rep.http.post  # the page has two forms for the clock
    token = dict(rep.form("/", "/acting"))["csrf"]
    assert "2031-02-04 04:05:06" in send("/watch/control/clock", data={"csrf": token, "by": "1 day"}).text
    back = {"csrf": token, "to": "2030-01-01T00:00:00"}
    assert "before the org" in send("/watch/control/clock", data=back).text
    assert "2030-01-01 00:00:00" in send("/watch/control/clock", data={**back, "force": "1"}).text
    assert "standing still" not in send("/watch/control/clock", data={"csrf": token, "run": "yes"}).text
    assert "Invalid isoformat" in send("/watch/control/clock", data={"csrf": token, "to": "noon"}).text


def test_faults_are_laid_down_from_their_page(api: Api, rep: Rep) -> None:
    page, faults = "/watch/control", "/watch/control/faults"
    assert "None: the org behaves." in rep.open(page)
    plan = '[{"action": "status", "status": 503, "match": {"path": "/limits"}, "times": 1}]'
    assert "The plan is in force." in rep.send(page, to=faults, plan=plan)
    assert api.get("limits").status_code == 503
    assert api.get("limits").status_code == 200
    shown = rep.open(page)
    assert re.search(r'status</th>.*/limits.*>2</td><td class="number">1</td>', shown)
    kept = dict(rep.form(page, faults))["plan"]
    assert json.loads(kept) == json.loads(plan)
    assert "rule 1" in rep.send(page, to=faults, status=422, plan='[{"action": "nonsense"}]')
    assert "Expecting" in rep.send(page, to=faults, status=422, plan="[")
    rep.send(page, to=faults, clear="1")
    assert "None: the org behaves." in rep.open(page)
