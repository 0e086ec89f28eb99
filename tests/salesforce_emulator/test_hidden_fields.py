"""What permissions hide is hidden at every door, also through what refers to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import grpc
import httpx2
import pytest
from tests.salesforce_emulator.client import DATA, Api
from tests.salesforce_emulator.pubsub_client import EARLIEST, Client, Subscriber
from tests.salesforce_emulator.soap_client import Soap

from salesforce_emulator import OrgStore
from salesforce_emulator.datafile import DataFile
from salesforce_emulator.schema import BASE
from salesforce_emulator.testing import running

RITA = BASE.reps[0]
PROFILE = "Standard User"
WEBSITE, PHONE, DIRECT, TITLE, COMPANY = "hush.example", "555-7001", "555-7002", "Keeper of keys", "Silent Ltd"
HIDDEN = ("Account.Website", "Account.Phone", "Contact.Phone", "User.Title", "CampaignMember.CompanyOrAccount")
RECORDS = {
    "Account": [{"@key": "acme", "Name": "Acme", "Website": WEBSITE, "Phone": PHONE}],
    "Contact": [{"@key": "jane", "FirstName": "Jane", "LastName": "Doe", "AccountId": "@acme", "Phone": DIRECT}],
    "Lead": [
        {"@key": "like", "LastName": "Roe", "Company": "Acme"},
        {"@key": "quiet", "LastName": "Poe", "Company": COMPANY},
    ],
    "Campaign": [{"@key": "fair", "Name": "Fair"}],
    "CampaignMember": [{"CampaignId": "@fair", "LeadId": "@quiet"}],
    "Task": [{"Subject": "Call", "WhatId": "@acme", "WhoId": "@jane"}],
}
VIEWS = [
    {"sobject": "Contact", "name": "Parents", "columns": ["Name", "Account.Phone"]},
    {"sobject": "Lead", "name": "Owners", "columns": ["Name", "Owner.Title"]},
]
REPORTS = [
    {"sobject": "Contact", "name": "Parents", "columns": ["Contact.Name", "Contact.Account.Phone"]},
    {"sobject": "Account", "name": "Own", "columns": ["Account.Name", "Account.Website"]},
]


@dataclass
class Org:
    """An org with secrets: what an administrator does in it, and what Rita sees."""

    admin: Api
    rita: Api
    client: Client

    def id_of(self, sobject: str, condition: str = "Id != null") -> str:
        return str(self.admin.rows(f"SELECT Id FROM {sobject} WHERE {condition}")[0]["Id"])

    def permit(self, **rights: Any) -> None:
        answer = self.admin.post("/__emulator/permissions", json={"profiles": [{"fullName": PROFILE, **rights}]})
        assert answer.status_code == 200, answer.text

    def hide_fields(self) -> None:
        self.permit(fieldPermissions=[{"field": name, "readable": False} for name in HIDDEN])

    def page(self, path: str) -> str:
        """A page as Rita sees it, who acts unless somebody else is chosen."""
        answer = httpx2.get(self.admin.org.url + path, follow_redirects=True)
        assert answer.status_code in (200, 404)
        return answer.text


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> DataFile:
    path = tmp_path_factory.mktemp("hidden") / "org.json"
    path.write_text(json.dumps({"records": RECORDS, "list_views": VIEWS, "reports": REPORTS}))
    return DataFile.read(path)


def _open(stack: ExitStack, file: DataFile) -> Org:
    store = OrgStore(loader=lambda conn: file.load(conn, "2026-01-01T00:00:00.000Z"))
    org = stack.enter_context(running(store=store, pubsub=True))

    def api(user: str) -> Api:
        http = stack.enter_context(httpx2.Client(base_url=org.url, timeout=30))
        http.headers["Authorization"] = f"Bearer {org.access_token(user)}"
        return Api(org, http)

    admin = api(BASE.administrator)
    titled = admin.patch(f"sobjects/User/{BASE.administrator}", json={"Title": TITLE})
    assert titled.status_code == 204, titled.text
    client = Client(str(org.pubsub), org.url, store.organization_id, org.access_token(RITA))
    stack.callback(client.close)
    return Org(admin, api(RITA), client)


@pytest.fixture(scope="module")
def opened(file: DataFile) -> Iterator[Org]:
    """To nobody is anything hidden."""
    with ExitStack() as stack:
        yield _open(stack, file)


@pytest.fixture(scope="module")
def hidden(file: DataFile) -> Iterator[Org]:
    """From Rita the secrets are hidden."""
    with ExitStack() as stack:
        org = _open(stack, file)
        org.hide_fields()
        yield org


def soql(text: str) -> Callable[[Org], str]:
    return lambda org: org.rita.get("query", params={"q": text}).text


def in_soap(text: str) -> Callable[[Org], str]:
    def asked(org: Org) -> str:
        soap = Soap(org.rita, org.rita.org.access_token(RITA))
        return soap.post(f"<query><queryString>{text}</queryString></query>").text

    return asked


def in_bulk(text: str) -> Callable[[Org], str]:
    def asked(org: Org) -> str:
        made = org.rita.post("jobs/query", json={"operation": "query", "query": text})
        if made.status_code != 200:
            return made.text
        return org.rita.get(f"jobs/query/{org.rita.bulk_query(text)}/results").text

    return asked


def view(sobject: str, name: str, part: str) -> Callable[[Org], str]:
    def asked(org: Org) -> str:
        views = org.rita.get(f"sobjects/{sobject}/listviews").json()["listviews"]
        found = next(v for v in views if v["developerName"] == name)
        return org.rita.get(found[part]).text

    return asked


def report(name: str) -> Callable[[Org], str]:
    def asked(org: Org) -> str:
        url = next(r["url"] for r in org.rita.get("analytics/reports").json() if r["name"] == name)
        return org.rita.get(url, params={"includeDetails": "true"}).text

    return asked


def found_by(text: str, returning: str) -> Callable[[Org], str]:
    sosl = f"FIND {{{text}}} IN ALL FIELDS RETURNING {returning}"
    return lambda org: org.rita.get("search", params={"q": sosl}).text


def record(sobject: str, path: str = DATA + "/sobjects/{}/{}") -> Callable[[Org], str]:
    return lambda org: org.rita.get(path.format(sobject, org.id_of(sobject))).text


def page(path: str, sobject: str, condition: str = "Id != null") -> Callable[[Org], str]:
    return lambda org: org.page(path.format(org.id_of(sobject, condition)))


# What is asked, and what of it tells a secret.
DOORS: dict[str, tuple[Callable[[Org], str], str]] = {
    "a record": (record("Account"), PHONE),
    "a query": (soql("SELECT Phone FROM Account"), PHONE),
    "every field": (soql("SELECT FIELDS(ALL) FROM Account LIMIT 1"), WEBSITE),
    "a parent": (soql("SELECT Account.Phone FROM Contact"), PHONE),
    "children": (soql("SELECT (SELECT Phone FROM Contacts) FROM Account"), DIRECT),
    "Who": (soql("SELECT Who.Phone FROM Task"), DIRECT),
    "What": (soql("SELECT What.Phone FROM Task"), PHONE),
    "a condition on Who": (soql(f"SELECT Subject FROM Task WHERE Who.Phone = '{DIRECT}'"), "Call"),
    "TYPEOF": (soql("SELECT TYPEOF What WHEN Account THEN Phone END FROM Task"), PHONE),
    "TYPEOF's rest": (soql("SELECT TYPEOF What WHEN Opportunity THEN Id ELSE Phone END FROM Task"), PHONE),
    "a user who owns": (soql("SELECT Owner.Title FROM Account"), TITLE),
    "a Name that owns": (soql("SELECT Owner.Title FROM Lead"), TITLE),
    "who created": (soql("SELECT CreatedBy.Title FROM Task"), TITLE),
    "SOAP": (in_soap("SELECT What.Phone, Account.Phone FROM Task"), PHONE),
    "Bulk": (in_bulk("SELECT Owner.Title FROM Lead"), TITLE),
    "a list view": (view("Contact", "Parents", "resultsUrl"), PHONE),
    "a list view's columns": (view("Contact", "Parents", "describeUrl"), '"label":"Account Phone"'),
    "a list view through Name": (view("Lead", "Owners", "resultsUrl"), TITLE),
    "a report": (report("Own"), WEBSITE),
    "a report's parent": (report("Parents"), PHONE),
    "search results": (found_by("Acme", "Account(Id, Phone)"), PHONE),
    "search by the secret": (found_by(WEBSITE, "Account(Id)"), '"type":"Account"'),
    "the record's page": (page("/o/Account/{}", "Account"), PHONE),
    "the page of a parent": (page("/o/Account/{}", "Account"), DIRECT),
    "the list's page": (page("/o/Account", "Account"), WEBSITE),
    "a campaign's page": (page("/o/Campaign/{}", "Campaign"), COMPANY),
    "a campaign's members": (page("/o/Campaign/{}/members", "Campaign"), COMPANY),
    "a conversion's suggestions": (page("/o/Lead/{}/convert", "Lead", "Company = 'Acme'"), WEBSITE),
}


@pytest.mark.parametrize("door", DOORS)
def test_a_hidden_field_is_told_at_no_door(opened: Org, hidden: Org, door: str) -> None:
    ask, secret = DOORS[door]
    assert secret in ask(opened), "the door tells it to who may see it"
    assert secret not in ask(hidden)


def events(org: Org, number: int) -> list[dict[str, Any]]:
    stream: Subscriber = org.client.subscribe("/data/AccountChangeEvent", number, EARLIEST)
    return stream.take(number)


def test_change_events_leave_out_what_their_receiver_may_not_see(file: DataFile) -> None:
    with ExitStack() as stack:
        org = _open(stack, file)
        account = org.id_of("Account")
        org.admin.patch(f"sobjects/Account/{account}", json={"Phone": "1", "Fax": "2"})
        (told,) = events(org, 1)
        org.hide_fields()
        (kept,) = events(org, 1)
    assert (told["Phone"], told["Fax"]) == ("1", "2")
    assert (kept["Phone"], kept["Fax"]) == (None, "2")
    assert told["ChangeEventHeader"]["changedFields"] != kept["ChangeEventHeader"]["changedFields"]


def test_a_hidden_object_is_told_through_no_reference(file: DataFile) -> None:
    with ExitStack() as stack:
        org = _open(stack, file)
        contact = org.id_of("Contact")
        name = {"What.Name": "Acme", "page": "Acme"}

        def told() -> dict[str, str]:
            (task,) = org.rita.rows("SELECT What.Name FROM Task")
            what = task["What"] or {}
            return {
                "What.Name": what.get("Name"),
                "page": "Acme" if "Acme" in org.page(f"/o/Contact/{contact}") else "",
            }

        assert told() == name
        org.permit(objectPermissions=[{"object": "Account", "allowRead": False}])
        assert told() == {"What.Name": None, "page": ""}
        stream = org.client.subscribe("/data/AccountChangeEvent", 1, EARLIEST)
        assert stream.refused() == (grpc.StatusCode.NOT_FOUND, "topic.not.found")


def test_reports_and_views_of_a_hidden_object_are_refused(file: DataFile) -> None:
    with ExitStack() as stack:
        org = _open(stack, file)
        url = next(r["url"] for r in org.rita.get("analytics/reports").json() if r["name"] == "Own")
        org.permit(objectPermissions=[{"object": "Account", "allowRead": False}])
        assert [org.rita.get(p).status_code for p in (url, f"{url}/describe")] == [400, 400]
        assert org.rita.get("sobjects/Account/listviews").status_code == 404
