"""The records that a user looked at last."""

from __future__ import annotations

from tests.salesforce_emulator.client import DATA, Api, OpenApi

from salesforce_emulator.schema import BASE


def _names(api: Api, **params: str) -> list[str]:
    return [r["Name"] for r in api.get("recent", params=params).json()]


def test_what_queries_are_for_view_of_is_recent(accounts: Api) -> None:
    assert accounts.get("recent").json() == []
    assert accounts.get("").json()["recent"] == f"{DATA}/recent"
    contact = accounts.create("Contact", LastName="Doe")
    accounts.rows("SELECT Id FROM Account WHERE Name = 'Account 3' FOR VIEW")
    accounts.rows("SELECT Id FROM Contact FOR REFERENCE")
    accounts.rows("SELECT Id FROM Account WHERE Name = 'Account 5' FOR VIEW")
    accounts.rows("SELECT Id FROM Account WHERE Name = 'Account 7'")
    assert _names(accounts) == ["Account 5", "Doe", "Account 3"]
    assert _names(accounts, limit="2") == ["Account 5", "Doe"]
    accounts.rows("SELECT Id FROM Account WHERE Name = 'Account 3' FOR VIEW")
    assert _names(accounts) == ["Account 3", "Account 5", "Doe"]
    record = accounts.get("recent").json()[2]
    url = f"{DATA}/sobjects/Contact/{contact}"
    assert record == {"attributes": {"type": "Contact", "url": url}, "Id": contact, "Name": "Doe"}
    accounts.delete(f"sobjects/Contact/{contact}")
    assert _names(accounts) == ["Account 3", "Account 5"]
    assert accounts.get("recent", params={"limit": "x"}).status_code == 400


def test_two_hundred_are_remembered_of_each_user(open_api: OpenApi) -> None:
    api = open_api(user_id=BASE.administrator)
    with api.org.store.session() as session:
        for number in range(205):
            session.insert("Account", {"Name": f"Account {number:03}"})
    api.rows("SELECT Id FROM Account WHERE Name = 'Account 204' FOR VIEW")
    api.rows("SELECT Id FROM Account WHERE Name < 'Account 203' ORDER BY Name FOR VIEW")
    assert _names(api) == [f"Account {n:03}" for n in range(200)]
    token = api.org.access_token(BASE.integration)
    assert api.get("recent", headers={"Authorization": f"Bearer {token}"}).json() == []
