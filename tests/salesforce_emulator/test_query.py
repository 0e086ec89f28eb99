"""query and queryAll over HTTP: records, pages, cursors."""

from __future__ import annotations

import httpx2
import pytest
from tests.salesforce_emulator.client import DATA, Api


@pytest.fixture
def many(api: Api) -> Api:
    with api.org.store.session() as session:
        for number in range(450):
            session.insert("Account", {"Name": f"Account {number:03d}"})
    return api


def small(api: Api, soql: str = "SELECT Name FROM Account ORDER BY Name") -> httpx2.Response:
    """The first page of 200."""
    return api.get("query", params={"q": soql}, headers={"Sforce-Query-Options": "batchSize=200"})


def test_nested_parents_and_nulls(api: Api) -> None:
    """ "A null parent comes back as "Profile":null"."""
    parent = api.create("Account", Name="P", BillingCity="Ulm", BillingCountry="Germany")
    api.create("Account", Name="Q", ParentId=parent)
    answer = api.query("SELECT Name, Parent.Name, Parent.BillingAddress, BillingAddress FROM Account ORDER BY Name")
    first, second = answer["records"]
    assert first["Parent"] is None
    assert second["BillingAddress"] is None
    assert second["Parent"]["attributes"] == {"type": "Account", "url": f"{DATA}/sobjects/Account/{parent}"}
    address = second["Parent"]["BillingAddress"]
    assert (address["city"], address["country"], address["street"]) == ("Ulm", "Germany", None)
    assert "stateCode" not in address


def test_child_subqueries(api: Api) -> None:
    parent, other = api.create("Account", Name="P"), api.create("Account", Name="Q")
    for number in range(3):
        api.create("Contact", LastName=f"C{number}", AccountId=parent)
    soql = "SELECT Name, (SELECT LastName FROM Contacts ORDER BY LastName DESC LIMIT 2) FROM Account ORDER BY Name"
    first, second = api.query(soql)["records"]
    assert first["Contacts"]["totalSize"] == 2
    assert [r["LastName"] for r in first["Contacts"]["records"]] == ["C2", "C1"]
    assert second["Contacts"] is None
    assert other


@pytest.mark.parametrize(("field", "page"), [("LastName", 499), ("LastName, Description", 199)])
def test_many_child_records_have_pages_of_their_own(api: Api, field: str, page: int) -> None:
    """Recorded: `"totalSize":1200,"done":false,"nextRecordsUrl":"…/query/01g…-499"` inside a record, and 199 of 257."""
    few, crowded = api.create("Account", Name="Few"), api.create("Account", Name="Crowded")
    with api.org.store.session() as session:
        for number in range(1200):
            session.insert("Contact", {"LastName": f"C{number:04d}", "AccountId": crowded})
        session.insert("Contact", {"LastName": "Alone", "AccountId": few})
    soql = (
        f"SELECT Name, (SELECT {field}, Account.Name FROM Contacts ORDER BY LastName DESC) FROM Account ORDER BY Name"
    )
    first, second = api.query(soql)["records"]
    assert (second["Contacts"]["done"], second["Contacts"]["totalSize"]) == (True, 1)
    assert "nextRecordsUrl" not in second["Contacts"]
    part = first["Contacts"]
    names = []
    while True:
        assert part["totalSize"] == 1200
        assert len(part["records"]) <= page
        assert {r["Account"]["Name"] for r in part["records"]} == {"Crowded"}
        names += [r["LastName"] for r in part["records"]]
        if part["done"]:
            break
        assert part["nextRecordsUrl"].endswith(f"-{len(names)}")
        part = api.get(part["nextRecordsUrl"]).json()
    assert names == [f"C{n:04d}" for n in reversed(range(1200))]


def test_cursors_of_children_leave_the_parents_own_open(api: Api) -> None:
    with api.org.store.session() as session:
        for number in range(201):
            parent = session.insert("Account", {"Name": f"A{number:03d}"})
            for child in range(500 if number < 12 else 0):
                session.insert("Contact", {"LastName": f"C{child}", "AccountId": parent})
    page = small(api, "SELECT Name, (SELECT Id FROM Contacts) FROM Account ORDER BY Name").json()
    inner = [r["Contacts"]["nextRecordsUrl"] for r in page["records"][:12]]
    assert all(len(api.get(url).json()["records"]) == 1 for url in inner)
    assert [r["Name"] for r in api.get(page["nextRecordsUrl"]).json()["records"]] == ["A200"]


def test_a_limit_holds_for_each_parent(api: Api) -> None:
    parent = api.create("Account", Name="P")
    with api.org.store.session() as session:
        for number in range(600):
            session.insert("Contact", {"LastName": f"C{number:03d}", "AccountId": parent})
    soql = "SELECT Name, (SELECT LastName FROM Contacts ORDER BY LastName LIMIT 550) FROM Account"
    part = api.query(soql)["records"][0]["Contacts"]
    assert (part["totalSize"], len(part["records"])) == (550, 499)
    rest = api.get(part["nextRecordsUrl"]).json()
    assert (rest["done"], [r["LastName"] for r in rest["records"]][-1]) == (True, "C549")


def test_pages(many: Api) -> None:
    """ "nextRecordsUrl /services/data/v59.0/query/0r8xx5R2yF2gs3VASQ-2000 … totalSize the same on each page"."""
    page = small(many).json()
    names = [r["Name"] for r in page["records"]]
    urls = [page["nextRecordsUrl"]]
    while not page["done"]:
        page = many.get(page["nextRecordsUrl"]).json()
        assert page["totalSize"] == 450
        names += [r["Name"] for r in page["records"]]
        urls.append(page.get("nextRecordsUrl", ""))
    assert names == [f"Account {n:03d}" for n in range(450)]
    assert urls[0].startswith(f"{DATA}/query/0r8")
    assert [u.rsplit("-", 1)[-1] for u in urls] == ["200", "400", ""]


def test_a_page_can_be_fetched_again(many: Api) -> None:
    url = small(many).json()["nextRecordsUrl"]
    assert many.get(url).json() == many.get(url).json()


def test_batch_size_is_between_200_and_2000(many: Api) -> None:
    """ "batchSize 200–2,000 as a hint only"."""
    answer = many.get("query", params={"q": "SELECT Id FROM Account"}, headers={"Sforce-Query-Options": "batchSize=1"})
    assert len(answer.json()["records"]) == 200
    assert many.query("SELECT Id FROM Account")["done"]


def test_a_locator_belongs_to_its_session(many: Api) -> None:
    """ "The locator belongs to the session that made it: after a new login it is … INVALID_QUERY_LOCATOR for ever"."""
    url = small(many).json()["nextRecordsUrl"]
    many.http.headers["Authorization"] = f"Bearer {many.org.access_token()}"
    answer = many.get(url)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_QUERY_LOCATOR")


def test_ten_cursors_at_most(many: Api) -> None:
    """ "At most 10 open cursors"."""
    urls = [small(many).json()["nextRecordsUrl"] for _ in range(11)]
    assert many.get(urls[0]).json()[0]["errorCode"] == "INVALID_QUERY_LOCATOR"
    assert many.get(urls[1]).status_code == 200


def test_pages_of_long_text_are_smaller(api: Api) -> None:
    """ "a page may hold fewer than 2,000 (long text: 1,000 was seen)"."""
    with api.org.store.session() as session:
        for number in range(1001):
            session.insert("Account", {"Name": str(number)})
    assert len(api.query("SELECT Id FROM Account")["records"]) == 1001
    assert len(api.query("SELECT Id, Description FROM Account")["records"]) == 1000


def test_count(accounts: Api) -> None:
    """ "count() → totalSize n, records []; count(Id) → one AggregateResult, attributes without url, expr0"."""
    assert accounts.query("SELECT COUNT() FROM Account") == {"totalSize": 10, "done": True, "records": []}
    assert accounts.query("SELECT count(Id) FROM Account") == {
        "totalSize": 1,
        "done": True,
        "records": [{"attributes": {"type": "AggregateResult"}, "expr0": 10}],
    }


def test_query_all_shows_what_is_deleted(accounts: Api) -> None:
    record = accounts.rows("SELECT Id FROM Account LIMIT 1")[0]["Id"]
    accounts.delete(f"sobjects/Account/{record}")
    assert accounts.query("SELECT Id FROM Account WHERE IsDeleted = true")["totalSize"] == 0
    assert accounts.rows("SELECT Id FROM Account WHERE IsDeleted = true", deleted=True) == [{"Id": record}]
    assert accounts.query("SELECT COUNT() FROM Account", deleted=True)["totalSize"] == 10


def test_json_is_compact_and_utf_8(api: Api) -> None:
    """ "JSON compact"."""
    api.create("Account", Name="Ünï 株式会社")
    answer = api.get("query", params={"q": "SELECT Name FROM Account"})
    assert "Ünï 株式会社".encode() in answer.content
    assert b'{"totalSize":1,"done":true,"records":[{"attributes":' in answer.content
