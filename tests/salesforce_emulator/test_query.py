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
