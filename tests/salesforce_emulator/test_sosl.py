"""Search: what it finds, in which fields, and how it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from tests.salesforce_emulator.client import DATA, Api, OpenApi

from salesforce_emulator import OrgStore


@pytest.fixture(scope="module")
def org(module_api: OpenApi) -> Api:
    store = OrgStore()
    with store.session() as session:
        acme = session.insert("Account", {"Name": "Acme", "Phone": "(336) 222-7000", "Industry": "Banking"})
        session.insert("Account", {"Name": "Acme Import Company", "Description": "sells anvils"})
        session.insert("Account", {"Name": "Acmeville Öl AG", "BillingCity": "Köln"})
        session.insert("Contact", {"FirstName": "Joe", "LastName": "Smith", "Email": "joe@acme.example"})
        session.insert("Contact", {"FirstName": "Jon", "LastName": "Smythe", "AccountId": acme})
        session.insert("Lead", {"LastName": "Acme", "Company": "Other"})
        gone = session.insert("Account", {"Name": "Acme Gone"})
        session.delete("Account", gone)
    return module_api(store=store)


def found(org: Api, sosl: str) -> list[dict[str, Any]]:
    answer = org.get("search", params={"q": sosl})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["searchRecords"])


def names(org: Api, terms: str, group: str = "ALL") -> list[str]:
    sosl = f"FIND {{{terms}}} IN {group} FIELDS RETURNING Account(Name), Contact(Name), Lead(Name)"
    return [r["Name"] for r in found(org, sosl)]


ACME, IMPORT, VILLE, JOE, JON = "Acme", "Acme Import Company", "Acmeville Öl AG", "Joe Smith", "Jon Smythe"


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ("acme", [ACME, IMPORT, JOE, "Acme"]),
        ("acme*", [ACME, IMPORT, VILLE, JOE, "Acme"]),
        ("Acme Company", [IMPORT]),
        ("company acme", [IMPORT]),
        ('"Acme Import"', [IMPORT]),
        ('"Import Acme"', []),
        ("Import OR öl", [IMPORT, VILLE]),
        ("acme AND NOT banking", [IMPORT, JOE, "Acme"]),
        ("(import OR banking) AND acme", [ACME, IMPORT]),
        ("Sm?th", [JOE]),
        ("Sm*th*", [JOE, JON]),
        ("J?n", [JON]),
        ("ÖL", [VILLE]),
        ("köln", [VILLE]),
        ("anvils", [IMPORT]),
        ("joe@acme.example", [JOE]),
        (r"222\-7000", [ACME]),
        ("acm", []),
        ("gone", []),
        ("Acme_Import", []),
    ],
)
def test_terms(org: Api, terms: str, expected: list[str]) -> None:
    assert names(org, terms) == expected


@pytest.mark.parametrize(
    ("group", "expected"),
    [("NAME", [ACME, IMPORT, "Acme"]), ("EMAIL", [JOE]), ("PHONE", []), ("SIDEBAR", [ACME, IMPORT, JOE, "Acme"])],
)
def test_groups_of_fields(org: Api, group: str, expected: list[str]) -> None:
    assert names(org, "acme", group) == expected


def test_without_returning_there_are_ids(org: Api) -> None:
    records = found(org, "FIND {acme}")
    assert [r["attributes"]["type"] for r in records] == ["Account", "Account", "Contact", "Lead"]
    assert all(set(r) == {"attributes", "Id"} for r in records)
    assert records[0]["attributes"]["url"] == f"{DATA}/sobjects/Account/{records[0]['Id']}"
    (bare,) = found(org, "FIND {anvils} RETURNING Account")
    assert set(bare) == {"attributes", "Id"}


def test_each_object_has_conditions_and_order_of_its_own(org: Api) -> None:
    sosl = (
        "FIND {acme*} IN NAME FIELDS RETURNING Account(Id, Name WHERE Industry = null OR Name = 'LIMIT (' "
        "ORDER BY Name DESC LIMIT 1), Lead(Name, Owner.Name)"
    )
    account, lead = found(org, sosl)
    assert account["Name"] == VILLE
    assert (lead["Name"], lead["Owner"]["Name"]) == ("Acme", "Ada Admin")
    skipped = found(org, "FIND {acme*} IN NAME FIELDS RETURNING Account(Name ORDER BY Name LIMIT 5 OFFSET 1)")
    assert [r["Name"] for r in skipped] == [IMPORT, VILLE]


def test_a_limit_holds_over_all_objects(org: Api) -> None:
    sosl = "FIND {acme} RETURNING Account(Name), Contact(Name), Lead(Name) WITH SPELL_CORRECTION = false LIMIT 3"
    assert len(found(org, sosl)) == 3


def test_a_search_sees_every_write(api: Api) -> None:
    account = api.create("Account", Name="Quiet Waters")
    assert len(found(api, "FIND {quiet}")) == 1
    api.patch(f"sobjects/Account/{account}", json={"Name": "Loud Waters"})
    assert (len(found(api, "FIND {quiet}")), len(found(api, "FIND {loud}"))) == (0, 1)


def test_old_versions_answer_with_a_list(org: Api) -> None:
    answer = org.get("/services/data/v36.0/search/", params={"q": "FIND {anvils}"})
    assert [r["attributes"]["type"] for r in answer.json()] == ["Account"]


PIPE = (
    "\nFIND {John|jane_gray@uoa.edu} RETURNING Contact\n         ^\nERROR at Row:1:Column:10\n"
    "line 1:10 mismatched character '|' expecting '}'"
)
TYPE = (
    "\nFIND {name} IN ALL TYPE RETURNING Account(name)\n                  ^\nERROR at Row:1:Column:19\n"
    "Malformed search token: TYPE"
)


@pytest.mark.parametrize(
    ("sosl", "message"),
    [
        ("FIND {John|jane_gray@uoa.edu} RETURNING Contact", PIPE),
        ("FIND {name} IN ALL TYPE RETURNING Account(name)", TYPE),
    ],
)
def test_refusals_as_quoted(org: Api, sosl: str, message: str) -> None:
    answer = org.get("search", params={"q": sosl})
    assert (answer.status_code, answer.json()) == (400, [{"message": message, "errorCode": "MALFORMED_SEARCH"}])


@pytest.mark.parametrize(
    ("sosl", "code", "message"),
    [
        ("", "MALFORMED_SEARCH", "q is missing"),
        ("FIND {a}", "INVALID_SEARCH", "search term must be longer than one character: a"),
        ("FIND {a*}", "INVALID_SEARCH", "longer than one character"),
        ("FIND {}", "INVALID_SEARCH", "longer than one character"),
        ("FIND {acme", "MALFORMED_SEARCH", "mismatched character '<EOF>'"),
        ("SELECT Id FROM Account", "MALFORMED_SEARCH", "Malformed search token: SELECT"),
        ("FIND {acme AND}", "MALFORMED_SEARCH", "unexpected token"),
        ("FIND {(acme}", "MALFORMED_SEARCH", "right parenthesis"),
        ("FIND {acme)}", "MALFORMED_SEARCH", "unexpected token: ')'"),
        ('FIND {"acme}', "MALFORMED_SEARCH", "unexpected token: '\"'"),
        ("FIND {acme} IN NICE FIELDS", "MALFORMED_SEARCH", "Malformed search token: NICE"),
        ("FIND {acme} LIMIT 2001", "MALFORMED_SEARCH", "Malformed search token: 2001"),
        ("FIND {acme} WITH SNIPPET", "MALFORMED_SEARCH", "Malformed search token: SNIPPET"),
        ("FIND {acme} RETURNING Account(Name USING ListView=Recent)", "MALFORMED_SEARCH", "token: USING"),
        ("FIND {acme} RETURNING Account(Name", "MALFORMED_SEARCH", "Malformed search token: <EOF>"),
        ("FIND {acme} RETURNING Nobody", "INVALID_TYPE", "sObject type 'Nobody' is not supported"),
        ("FIND {acme} RETURNING Lead, Account(Foo)", "INVALID_FIELD", "No such column 'Foo' on entity 'Account'"),
        ("FIND {acme} RETURNING Account(COUNT(Id))", "MALFORMED_SEARCH", "aggregate functions"),
    ],
)
def test_refusals(org: Api, sosl: str, code: str, message: str) -> None:
    answer = org.get("search", params={"q": sosl})
    assert answer.status_code == 400
    assert answer.json()[0]["errorCode"] == code
    assert message in answer.json()[0]["message"]


def test_parameterized_search_by_url(org: Api) -> None:
    records = org.get("parameterizedSearch", params={"q": "acme - import"}).json()["searchRecords"]
    assert [r["attributes"]["type"] for r in records] == ["Account"]
    params = {
        "q": "acme", "sobject": "Account", "Account.fields": "id,name", "Account.limit": "1",
        "Account.orderBy": "Name DESC",
    }  # fmt: skip
    (one,) = org.get("parameterizedSearch/", params=params).json()["searchRecords"]
    assert one["Name"] == IMPORT


def test_parameterized_search_by_body(org: Api) -> None:
    body = {
        "q": "acme", "in": "NAME", "fields": ["Id"], "overallLimit": 2,
        "sobjects": [
            {"name": "Account", "fields": ["Name"], "where": "Industry = 'Banking'"}, {"name": "Lead"},
            {"name": "Contact"},
        ],
    }  # fmt: skip
    account, lead = org.post("parameterizedSearch", json=body).json()["searchRecords"]
    assert account["Name"] == ACME
    assert set(lead) == {"attributes", "Id"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "MISSING_ARGUMENT"),
        ({"q": "a"}, "INVALID_SEARCH"),
        ({"q": "acme", "in": "NICE"}, "INVALID_ARGUMENT"),
        ({"q": "acme", "overallLimit": 2001}, "INVALID_ARGUMENT"),
        ({"q": "acme", "sobjects": ["Account"]}, "JSON_PARSER_ERROR"),
        ({"q": "acme", "sobjects": [{"name": "Nobody"}]}, "INVALID_TYPE"),
    ],
)
def test_parameterized_refusals(org: Api, body: dict[str, Any], code: str) -> None:
    answer = org.post("parameterizedSearch", json=body)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)
