"""An org with person accounts: accounts that are persons, and the contact behind each."""

from __future__ import annotations

from typing import Any

import pytest
from tests.salesforce_emulator.client import Api, OpenApi

from salesforce_emulator import OrgStore
from salesforce_emulator.data import sample
from salesforce_emulator.schema import Customization
from salesforce_emulator.schema.entries import custom_field

ON = Customization(
    features=frozenset({"person_accounts"}),
    fields={"Contact": {"Shoe_Size__c": custom_field("Shoe_Size__c", "double", precision=4, scale=1)}},
)
JANE = {
    "FirstName": "Jane",
    "LastName": "Doe",
    "PersonEmail": "Jane@Doe.example",
    "PersonMailingCity": "Ulm",
    "Phone": "123",
    "Shoe_Size__pc": 38.5,
}


@pytest.fixture
def org(open_api: OpenApi) -> Api:
    return open_api(store=OrgStore(custom=ON))


def refused(answer: Any) -> tuple[str, str]:
    (error,) = answer.json()
    return error["errorCode"], error["message"]


def test_a_person_is_an_account_and_a_contact(org: Api) -> None:
    account = org.create("Account", **JANE)
    read = org.get(f"sobjects/Account/{account}").json()
    assert (read["IsPersonAccount"], read["Name"], read["PersonEmail"]) == (True, "Jane Doe", "jane@doe.example")
    assert (read["LastName"], read["Shoe_Size__pc"]) == ("Doe", 38.5)
    assert read["PersonMailingAddress"]["city"] == "Ulm"
    contact = org.get(f"sobjects/Contact/{read['PersonContactId']}").json()
    assert (contact["IsPersonAccount"], contact["AccountId"], contact["Name"]) == (True, account, "Jane Doe")
    assert (contact["Email"], contact["Phone"], contact["Shoe_Size__c"]) == ("jane@doe.example", "123", 38.5)
    (row,) = org.rows(
        "SELECT RecordType.DeveloperName, PersonContact.Email FROM Account WHERE PersonEmail LIKE 'jane%'"
    )
    assert row["RecordType"]["DeveloperName"] == "PersonAccount"
    assert row["PersonContact"]["Email"] == "jane@doe.example"


def test_a_company_is_none(org: Api) -> None:
    account = org.create("Account", Name="Acme")
    read = org.get(f"sobjects/Account/{account}").json()
    assert (read["IsPersonAccount"], read["PersonContactId"], read["LastName"]) == (False, None, None)
    assert read["PersonMailingAddress"] is None
    assert org.rows("SELECT Id FROM Contact") == []
    org.create("Contact", LastName="Staff", AccountId=account)
    assert org.rows("SELECT IsPersonAccount FROM Contact") == [{"IsPersonAccount": False}]


def test_the_contact_is_kept_in_step(org: Api) -> None:
    account = org.create("Account", **JANE)
    change = {"FirstName": None, "PersonTitle": "Dr.", "Shoe_Size__pc": 39, "Phone": "456"}
    assert org.patch(f"sobjects/Account/{account}", json=change).status_code == 204
    assert org.rows("SELECT Name, FirstName, PersonTitle FROM Account") == [
        {"Name": "Doe", "FirstName": None, "PersonTitle": "Dr."}
    ]
    assert org.rows("SELECT Name, Title, Shoe_Size__c, Phone FROM Contact") == [
        {"Name": "Doe", "Title": "Dr.", "Shoe_Size__c": 39.0, "Phone": "456"}
    ]
    (contact,) = org.rows("SELECT Id FROM Contact")
    answer = org.patch(f"sobjects/Contact/{contact['Id']}", json={"Title": "Prof."})
    assert answer.status_code == 400
    assert org.delete(f"sobjects/Contact/{contact['Id']}").status_code == 400
    assert org.delete(f"sobjects/Account/{account}").status_code == 204
    assert org.rows("SELECT Id FROM Contact") == []


def test_the_record_type_decides(org: Api) -> None:
    types = {r["DeveloperName"]: r["Id"] for r in org.rows("SELECT DeveloperName, Id FROM RecordType")}
    infos = {
        i["developerName"]: i["recordTypeId"]
        for i in org.get("sobjects/Account/describe").json()["recordTypeInfos"]
        if not i["master"]
    }
    assert infos == types
    person = org.create("Account", LastName="Doe", RecordTypeId=types["PersonAccount"])
    assert org.get(f"sobjects/Account/{person}").json()["IsPersonAccount"]
    company = org.post("sobjects/Account", json={"LastName": "Doe", "RecordTypeId": types["Business_Account"]})
    assert company.status_code == 400
    missing = org.post("sobjects/Account", json={"RecordTypeId": types["PersonAccount"]})
    assert refused(missing) == ("REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]")
    answer = org.patch(f"sobjects/Account/{person}", json={"RecordTypeId": types["Business_Account"]})
    assert answer.status_code == 400


def test_what_belongs_to_the_other_kind_is_refused(org: Api) -> None:
    code = "INVALID_FIELD_FOR_INSERT_UPDATE"
    answer = org.post("sobjects/Account", json={"Name": "Acme", "FirstName": "J", "PersonEmail": "j@x.example"})
    assert refused(answer) == (code, "Account: bad field names on insert/update call: FirstName, PersonEmail")
    account = org.create("Account", **JANE)
    answer = org.patch(f"sobjects/Account/{account}", json={"Name": "Jane"})
    assert refused(answer) == (code, "Account: bad field names on insert/update call: Name")
    assert refused(org.patch(f"sobjects/Account/{account}", json={"LastName": None}))[0] == "REQUIRED_FIELD_MISSING"
    assert refused(org.post("sobjects/Account", json={}))[1] == "Required fields are missing: [Name]"


def test_files_bring_both_kinds(org: Api) -> None:
    csv = "Name,FirstName,LastName,PersonEmail\nAcme,,,\n,Jane,Doe,j@x.example\n,John,Roe,bad\nB,Jim,,\n"
    info = org.ingest("Account", "insert", csv)
    assert (info["numberRecordsProcessed"], info["numberRecordsFailed"]) == (4, 2)
    rows = org.rows("SELECT Id, Name, IsPersonAccount FROM Account ORDER BY Name")
    assert [(r["Name"], r["IsPersonAccount"]) for r in rows] == [("Acme", False), ("Jane Doe", True)]
    csv = f"Id,LastName\n{rows[1]['Id']},Roe\n"
    assert org.ingest("Account", "update", csv)["numberRecordsFailed"] == 0
    assert org.rows("SELECT Name FROM Contact") == [{"Name": "Jane Roe"}]
    job = org.bulk_query("SELECT Name, PersonEmail FROM Account WHERE IsPersonAccount = TRUE")
    assert org.get(f"jobs/query/{job}/results").text == '"Name","PersonEmail"\n"Jane Roe","j@x.example"\n'


def test_loaded_accounts_are_companies(open_api: OpenApi) -> None:
    org = open_api(store=OrgStore(custom=ON, loader=sample.load))
    assert org.query("SELECT COUNT() FROM Account WHERE IsPersonAccount = TRUE")["totalSize"] == 0
    assert org.query("SELECT COUNT() FROM Account WHERE RecordTypeId = null")["totalSize"] == 0


def test_not_in_other_orgs(api: Api) -> None:
    assert api.refused("SELECT IsPersonAccount FROM Account")[0] == "INVALID_FIELD"
    assert api.refused("SELECT Id FROM RecordType")[0] == "INVALID_TYPE"
