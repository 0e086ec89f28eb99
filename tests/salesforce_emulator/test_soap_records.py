"""Reading and writing records by SOAP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.salesforce_emulator.client import Api
from tests.salesforce_emulator.soap_client import Element, Soap, body_of, local, many, sobject, text, texts

from salesforce_emulator.schema import BASE

ALL_OR_NONE = "<AllOrNoneHeader><allOrNone>true</allOrNone></AllOrNoneHeader>"


@pytest.fixture
def soap(api: Api) -> Soap:
    return Soap(api, api.org.access_token(BASE.administrator))


def codes(results: list[Element]) -> list[str | None]:
    """What became of each record: None where it was written."""
    return [text(r, "errors/statusCode") if text(r, "success") == "false" else None for r in results]


def query(soap: Soap, soql: str, header: str = "", operation: str = "query") -> Element:
    (result,) = soap.call(f"<{operation}><queryString>{soql}</queryString></{operation}>", header)
    return result


def test_create_and_query(api: Api, soap: Soap) -> None:
    results = soap.call(
        "<create>"
        + sobject("sObjects", "Account", Name="A & B", NumberOfEmployees="5", AnnualRevenue="7")
        + sobject("sObjects", "Account", Industry="Banking")
        + sobject("sObjects", "Nothing", Name="x")
        + "</create>"
    )
    assert codes(results) == [None, "REQUIRED_FIELD_MISSING", "INVALID_TYPE"]
    assert [text(r, "id") is None for r in results] == [False, True, True]
    assert texts(results[1][0], "fields") == ["Name"]
    result = query(
        soap, "SELECT Id, Name, AnnualRevenue, Phone, IsDeleted, CreatedDate, CreatedBy.LastName FROM Account"
    )
    assert (text(result, "done"), text(result, "size"), text(result, "queryLocator")) == ("true", "1", None)
    (record,) = [c for c in result if local(c) == "records"]
    account = text(results[0], "id")
    assert [local(c) for c in record] == [
        "type", "Id", "Id", "Name", "AnnualRevenue", "Phone", "IsDeleted", "CreatedDate", "CreatedBy",
    ]  # fmt: skip
    assert [text(record, n) for n in ("type", "Id", "Name", "AnnualRevenue", "Phone", "IsDeleted")] == [
        "Account", account, "A & B", "7.0", None, "false",
    ]  # fmt: skip
    assert datetime.fromisoformat(text(record, "CreatedDate") or "").tzinfo == UTC
    assert (text(record, "CreatedDate") or "").endswith(".000Z")
    assert (text(record, "CreatedBy/type"), text(record, "CreatedBy/LastName")) == ("User", "Admin")
    assert api.rows("SELECT CreatedById FROM Account") == [{"CreatedById": BASE.administrator}]


def test_what_a_query_gives_besides_values(api: Api, soap: Soap) -> None:
    account = api.create("Account", Name="A", BillingCity="Ulm")
    api.create("Contact", LastName="C", AccountId=account)
    result = query(soap, "SELECT Name, BillingAddress, (SELECT LastName FROM Contacts) FROM Account")
    (record,) = [c for c in result if local(c) == "records"]
    assert text(record, "Id") is None, "it wasn't asked for"
    assert text(record, "BillingAddress/city") == "Ulm"
    assert (text(record, "Contacts/size"), text(record, "Contacts/records/LastName")) == ("1", "C")
    (grouped,) = [c for c in query(soap, "SELECT Name, count(Id) FROM Account GROUP BY Name") if local(c) == "records"]
    assert (text(grouped, "type"), text(grouped, "Name"), text(grouped, "expr0")) == ("AggregateResult", "A", "1")
    assert text(query(soap, "SELECT count() FROM Account"), "size") == "1"


def test_pages(api: Api, soap: Soap) -> None:
    with api.org.store.session() as session:
        for number in range(450):
            session.insert("Account", {"Name": f"A{number}"})
    options = "<QueryOptions><batchSize>200</batchSize></QueryOptions>"
    result = query(soap, "SELECT Name FROM Account", options)
    seen, pages = [], 1
    while True:
        seen += [text(c, "Name") for c in result if local(c) == "records"]
        locator = text(result, "queryLocator")
        assert (locator is None) == (text(result, "done") == "true")
        if locator is None:
            break
        (result,) = soap.call(f"<queryMore><queryLocator>{locator}</queryLocator></queryMore>")
        pages += 1
    assert (pages, len(seen), len(set(seen))) == (3, 450, 450)
    assert soap.fault("<queryMore><queryLocator>x</queryLocator></queryMore>")[0] == "INVALID_QUERY_LOCATOR"


def test_faults_of_queries_say_where(soap: Soap) -> None:
    answer = soap.post("<query><queryString>SELECT Nix FROM Account</queryString></query>")
    assert answer.status_code == 500
    ((_, _, detail),) = body_of(answer)
    (fault,) = detail
    assert local(fault) == "InvalidFieldFault"
    assert (text(fault, "exceptionCode"), text(fault, "row"), text(fault, "column")) == ("INVALID_FIELD", "1", "8")
    wrong = "<query><queryString>SELECT Id FROM Nix</queryString></query>"
    assert soap.fault(wrong)[0] == "INVALID_TYPE"


def test_update_with_fields_to_null(api: Api, soap: Soap) -> None:
    """ "fieldsToNull" empties; a nil element is left alone."""
    account = api.create("Account", Name="A", Phone="1", Industry="Banking", Site="S")
    changed = (
        f"<sObjects><type>Account</type><fieldsToNull>Phone</fieldsToNull><Id>{account[:15]}</Id>"
        '<Name>B</Name><Industry xsi:nil="true"/></sObjects>'
    )
    assert codes(soap.call(f"<update>{changed}{sobject('sObjects', 'Account', Name='x')}</update>")) == [
        None,
        "MISSING_ARGUMENT",
    ]
    assert api.rows("SELECT Name, Phone, Industry, Site FROM Account") == [
        {"Name": "B", "Phone": None, "Industry": "Banking", "Site": "S"}
    ]


def test_upsert_by_external_id_and_a_parent_by_its_own(api: Api, soap: Soap) -> None:
    rows = "".join(sobject("sObjects", "Account", External__c=key, Name=key) for key in ("a", "b"))
    body = f"<upsert><externalIDFieldName>External__c</externalIDFieldName>{rows}</upsert>"
    assert [text(r, "created") for r in soap.call(body)] == ["true", "true"]
    assert [text(r, "created") for r in soap.call(body)] == ["false", "false"]
    contact = (
        "<sObjects><type>Contact</type><LastName>C</LastName>"
        "<Account><type>Account</type><External__c>b</External__c></Account></sObjects>"
    )
    assert codes(soap.call(f"<create>{contact}</create>")) == [None]
    assert api.rows("SELECT Account.Name FROM Contact")[0]["Account"]["Name"] == "b"


def test_all_or_none(api: Api, soap: Soap) -> None:
    rows = sobject("sObjects", "Account", Name="A") + sobject("sObjects", "Account")
    assert codes(soap.call(f"<create>{rows}</create>", ALL_OR_NONE)) == [
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "REQUIRED_FIELD_MISSING",
    ]
    assert api.rows("SELECT Id FROM Account") == []


def test_two_hundred_at_most(soap: Soap) -> None:
    rows = sobject("sObjects", "Account", Name="A") * 201
    assert soap.fault(f"<create>{rows}</create>")[0] == "EXCEEDED_ID_LIMIT"


def test_the_recycle_bin(api: Api, soap: Soap) -> None:
    account = api.create("Account", Name="A")
    contact = api.create("Contact", LastName="C", AccountId=account)
    assert codes(soap.call(f"<delete>{many('ids', [account, account, '001x', '999000000000001'])}</delete>")) == [
        None,
        "ENTITY_IS_DELETED",
        "MALFORMED_ID",
        "INVALID_CROSS_REFERENCE_KEY",
    ]
    assert text(query(soap, "SELECT Id FROM Account"), "size") == "0"
    assert text(query(soap, "SELECT Id FROM Account", operation="queryAll"), "size") == "1"
    assert codes(soap.call(f"<undelete>{many('ids', [contact, account, account])}</undelete>")) == [
        "UNDELETE_FAILED",
        None,
        "UNDELETE_FAILED",
    ]
    assert api.rows("SELECT Id FROM Contact") == [{"Id": contact}]
    soap.call(f"<delete>{many('ids', [account])}</delete>")
    emptied = soap.call(f"<emptyRecycleBin>{many('ids', [account, contact])}</emptyRecycleBin>")
    assert codes(emptied) == [None, "INVALID_ID_FIELD"]
    assert text(emptied[1], "errors/message") == "invalid record id; no recycle bin entry found"
    assert codes(soap.call(f"<undelete>{many('ids', [account])}</undelete>")) == ["UNDELETE_FAILED"]


def test_retrieve(api: Api, soap: Soap) -> None:
    made = [api.create("Account", Name=n) for n in "AB"]
    gone = api.create("Account", Name="C")
    api.delete(f"sobjects/Account/{gone}")
    asked = f"<fieldList>Id, Name</fieldList><sObjectType>Account</sObjectType>{many('ids', [made[1], gone, made[0]])}"
    first, none, second = soap.call(f"<retrieve>{asked}</retrieve>")
    assert [(text(r, "Id"), text(r, "Name")) for r in (first, second)] == [(made[1], "B"), (made[0], "A")]
    assert len(none) == 0
    wrong = "<retrieve><fieldList>Nix</fieldList><sObjectType>Account</sObjectType></retrieve>"
    assert soap.fault(wrong)[0] == "INVALID_FIELD"


def test_deleted_and_updated(api: Api, soap: Soap) -> None:
    kept, gone = api.create("Account", Name="A"), api.create("Account", Name="B")
    api.delete(f"sobjects/Account/{gone}")
    now = api.org.store.now()
    dates = (
        f"<startDate>{(now - timedelta(days=1)).isoformat()}</startDate>"
        f"<endDate>{(now + timedelta(minutes=2)).isoformat()}</endDate>"
    )
    (deleted,) = soap.call(f"<getDeleted><sObjectType>Account</sObjectType>{dates}</getDeleted>")
    assert text(deleted, "deletedRecords/id") == gone
    assert text(deleted, "earliestDateAvailable")
    (updated,) = soap.call(f"<getUpdated><sObjectType>Account</sObjectType>{dates}</getUpdated>")
    assert texts(updated, "ids") == [kept]
    assert (text(updated, "latestDateCovered") or "").endswith(":00.000Z")
    early = dates.replace((now - timedelta(days=1)).isoformat(), (now - timedelta(days=31)).isoformat())
    assert soap.fault(f"<getUpdated><sObjectType>Account</sObjectType>{early}</getUpdated>") == (
        "INVALID_REPLICATION_DATE",
        "startDate cannot be more than 30 days ago",
    )


def test_duplicate_rules_and_their_header(api: Api, soap: Soap) -> None:
    rule = {
        "object": "Contact",
        "fullName": "Contacts_DR",
        "matchingRule": "Contact_MR",
        "actionOnInsert": "Alert",
        "actionOnUpdate": "Alert",
        "alertText": "Use one of these records?",
        "matchOn": [[{"field": "Email", "method": "Exact"}]],
    }
    assert api.post("/__emulator/rules", json={"duplicate_rules": [rule]}).status_code == 200
    api.create("Contact", LastName="Doe", Email="doe@acme.example")
    body = f"<create>{sobject('sObjects', 'Contact', LastName='D.', Email='doe@acme.example')}</create>"
    (refused,) = soap.call(body)
    assert (text(refused, "errors/statusCode"), text(refused, "errors/message")) == (
        "DUPLICATES_DETECTED",
        "Use one of these records?",
    )
    insist = "<DuplicateRuleHeader><allowSave>true</allowSave></DuplicateRuleHeader>"
    assert codes(soap.call(body, insist)) == [None]


def test_the_name_a_client_gives_itself(api: Api, soap: Soap) -> None:
    named = "<CallOptions><client>Loader/1.0</client></CallOptions>"
    body = f"<create>{sobject('sObjects', 'Account', Name='A')}</create>"
    for header in (named, ""):
        assert codes(soap.call(body, header)) == [None]
    calls = api.get("/__emulator/calls").json()
    assert [c["client"] for c in calls if c["method"] == "POST"] == ["Loader/1.0", api.org.emulator.apps.first.name]
    assert [c["changeOrigin"] for c in api.get("/__emulator/changes").json()] == [
        "com/salesforce/api/soap/60.0;client=Loader/1.0",
        "com/salesforce/api/soap/60.0",
    ]
