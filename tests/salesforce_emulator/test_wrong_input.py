"""What no client should send is refused as the client's mistake, never answered by a failure of the org."""

from __future__ import annotations

from typing import Any

import pytest
from tests.salesforce_emulator.client import DATA, Api, OpenApi
from tests.salesforce_emulator.soap_client import Soap, text

from salesforce_emulator import OrgStore
from salesforce_emulator.schema import BASE

HUGE = "9" * 20


@pytest.fixture(scope="module")
def org(module_api: OpenApi) -> Api:
    store = OrgStore()
    with store.session() as session:
        session.insert("Account", {"Name": "Acme", "NumberOfEmployees": 5, "BillingCity": "Ulm"})
    return module_api(store=store)


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()[0]["errorCode"]


@pytest.mark.parametrize(
    "path", ["/services/data/v67", "/services/data/v67/", "/services/data/vx.0/", "/services/data/v6_0"]
)
def test_a_malformed_version_does_not_exist(org: Api, path: str) -> None:
    assert refusal(org.get(path)) == (404, "NOT_FOUND")
    assert refusal(org.get(path, headers={"Authorization": ""})) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    "where",
    [
        f"NumberOfEmployees > {HUGE}",
        f"NumberOfEmployees IN (1, {HUGE})",
        f"NumberOfEmployees = -{HUGE}",
        "NumberOfEmployees = 9223372036854775808",
    ],
)
def test_a_number_beyond_the_type_is_refused(org: Api, where: str) -> None:
    code, message = org.refused(f"SELECT Id FROM Account WHERE {where}")
    assert code == "INVALID_FIELD"
    assert "NumberOfEmployees" in message


def test_a_number_beyond_the_type_is_refused_elsewhere(org: Api) -> None:
    grouped = f"SELECT Name FROM Account GROUP BY Name HAVING count(Id) > {HUGE}"
    assert org.refused(grouped)[0] == "INVALID_FIELD"
    sosl = f"FIND {{Acme}} RETURNING Account(Id WHERE NumberOfEmployees > {HUGE})"
    assert refusal(org.get("search", params={"q": sosl}))[0] == 400
    year = f"SELECT Id FROM Account WHERE CALENDAR_YEAR(CreatedDate) = {HUGE}"
    assert org.refused(year)[0] == "INVALID_FIELD"
    assert org.refused("SELECT Id FROM Account WHERE AnnualRevenue > 1e999")[0] == "INVALID_FIELD"


@pytest.mark.parametrize("clause", ["LIMIT", "OFFSET"])
@pytest.mark.parametrize("selected", ["Id", "count()"])
def test_a_limit_beyond_a_number_is_refused(org: Api, clause: str, selected: str) -> None:
    assert org.refused(f"SELECT {selected} FROM Account {clause} {HUGE}")[0]


def test_a_limit_beyond_a_number_is_refused_everywhere(org: Api) -> None:
    soql = f"SELECT Id FROM Account LIMIT {HUGE}"
    soap = Soap(org, org.org.access_token(BASE.administrator))
    assert soap.fault(f"<query><queryString>{soql}</queryString></query>")[0] == "MALFORMED_QUERY"
    assert refusal(org.post("jobs/query", json={"operation": "query", "query": soql}))[0] == 400
    assert org.refused(f"SELECT Id, (SELECT Id FROM Contacts LIMIT {HUGE}) FROM Account")[0] == "MALFORMED_QUERY"
    assert org.rows("SELECT Name FROM Account LIMIT 2147483647") == [{"Name": "Acme"}]


def test_a_compound_field_is_not_compared_nor_counted(org: Api) -> None:
    for operator in ("= null", "!= null", "= 'Ulm'", "LIKE 'U%'", "IN ('Ulm')"):
        code, message = org.refused(f"SELECT Id FROM Account WHERE BillingAddress {operator}")
        assert code == "INVALID_FIELD"
        assert "field 'BillingAddress' can not be filtered in a query call" in message
    for call in ("count(BillingAddress)", "max(BillingAddress)", "count_distinct(BillingAddress)"):
        code, message = org.refused(f"SELECT {call} FROM Account")
        assert code == "MALFORMED_QUERY"
        assert "field BillingAddress does not support aggregate operator" in message
    for more in ("ORDER BY BillingAddress", "GROUP BY BillingAddress"):
        selected = "count(Id)" if "GROUP" in more else "Id"
        assert org.refused(f"SELECT {selected} FROM Account {more}")[0] == "MALFORMED_QUERY"


DEEP = {
    "NOT": "NOT " * 1500 + "Name = 'a'",
    "both": "(NOT " * 1500 + "Name = 'a'" + ")" * 1500,
    "unclosed": "(" * 1500,
}


@pytest.mark.parametrize("where", DEEP.values(), ids=DEEP.keys())
def test_conditions_nested_too_deep_are_refused(org: Api, where: str) -> None:
    soql = f"SELECT Id FROM Account WHERE {where}"
    complicated = "QUERY_TOO_COMPLICATED" if "NOT" in where else "MALFORMED_QUERY"
    assert org.refused(soql)[0] == complicated
    soap = Soap(org, org.org.access_token(BASE.administrator))
    assert soap.fault(f"<query><queryString>{soql}</queryString></query>")[0] == complicated
    assert refusal(org.post("jobs/query", json={"operation": "query", "query": soql}))[0] == 400
    sosl = f"FIND {{Acme}} RETURNING Account(Id WHERE {where})"
    assert refusal(org.get("search", params={"q": sosl}))[0] == 400


@pytest.mark.parametrize(
    "soql",
    [
        "SELECT " + "max(" * 1000 + "Id" + ")" * 1000 + " FROM Account",
        "SELECT Id FROM Account" + " WHERE Id IN (SELECT Id FROM Account" * 400 + ")" * 400,
        "SELECT " + "(SELECT " * 400 + "Id" + " FROM Contacts)" * 400 + " FROM Account",
    ],
    ids=["functions", "semi-joins", "children"],
)
def test_queries_nested_too_deep_are_refused(org: Api, soql: str) -> None:
    soap = Soap(org, org.org.access_token(BASE.administrator))
    assert soap.fault(f"<query><queryString>{soql}</queryString></query>")[0] == "QUERY_TOO_COMPLICATED"


def test_parentheses_around_a_condition_and_many_of_them_in_a_row_are_fine(org: Api) -> None:
    assert len(org.rows(f"SELECT Id FROM Account WHERE {'(' * 1500}Name = 'Acme'{')' * 1500}")) == 1
    soap = Soap(org, org.org.access_token(BASE.administrator))
    for operator, found in (("OR", "1"), ("AND", "0")):
        where = f" {operator} ".join(f"NumberOfEmployees = {n}" for n in range(2500))
        (result,) = soap.call(f"<query><queryString>SELECT Id FROM Account WHERE {where}</queryString></query>")
        assert text(result, "size") == found


def test_search_terms_nested_too_deep_are_refused(org: Api) -> None:
    sosl = "FIND {" + "(" * 1500 + "acme" + ")" * 1500 + "}"
    assert refusal(org.get("search", params={"q": sosl})) == (400, "MALFORMED_SEARCH")


def test_a_body_nested_too_deep_is_refused(org: Api) -> None:
    for body in ("[" * 100_000, '{"Name":' * 100_000, '{"Name":' + "[" * 100_000 + "]" * 100_000 + "}"):
        for path in ("sobjects/Account", "composite", "composite/sobjects", "jobs/ingest", "parameterizedSearch"):
            assert refusal(org.post(path, content=body)) == (400, "JSON_PARSER_ERROR"), path


@pytest.mark.parametrize("path", ["sobjects/Account", "composite/sobjects", "composite/tree/Account", "composite"])
def test_half_a_character_is_refused(org: Api, path: str) -> None:
    record = r'{"attributes":{"type":"Account","referenceId":"a"},"Name":"a\ud800b"}'
    bodies = {
        "sobjects/Account": r'{"Name":"a\ud800b"}',
        "composite": r'{"compositeRequest":[{"method":"POST","url":"' + DATA + r'/sobjects/Account","referenceId":"a",'
        r'"body":{"Name":"a\udfffb"}}]}',
    }
    answer = org.post(path, content=bodies.get(path, '{"records":[' + record + "]}"))
    assert refusal(answer) == (400, "JSON_PARSER_ERROR")


def test_the_halves_of_a_character_are_joined(org: Api) -> None:
    assert org.post("sobjects/Contact", content=r'{"LastName":"\ud83d\ude00"}').status_code == 201
    assert org.rows(r"SELECT LastName FROM Contact WHERE LastName = '\ud83d\ude00'") == [{"LastName": "\U0001f600"}]
    assert org.rows(r"SELECT LastName FROM Contact WHERE LastName = 'a\ud800'") == []


def test_bytes_that_are_no_text_are_refused(org: Api) -> None:
    assert refusal(org.post("sobjects/Account", content=b'{"Name":"\xff"}')) == (400, "JSON_PARSER_ERROR")


def test_ids_and_fields_that_are_no_texts_are_refused(org: Api) -> None:
    for body in ({"ids": [5], "fields": ["Name"]}, {"ids": ["001"], "fields": [5]}, {"ids": 5, "fields": ["Name"]}):
        assert refusal(org.post("composite/sobjects/Account", json=body)) == (400, "JSON_PARSER_ERROR")


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000+0000"])
def test_an_event_at_the_end_of_time_is_refused(org: Api, moment: str) -> None:
    event = {"Subject": "Call", "DurationInMinutes": 60, "ActivityDateTime": moment}
    assert refusal(org.post("sobjects/Event", json=event)) == (400, "FIELD_INTEGRITY_EXCEPTION")


def test_ids_asked_for_together_are_no_query_of_the_clients(org: Api) -> None:
    assert org.get("composite/sobjects/Account", params={"ids": "001", "fields": "Name"}).json() == [None]
    answer = org.get("composite/sobjects/Account", params={"ids": "001", "fields": "Name,Nope.Name"})
    assert refusal(answer) == (400, "INVALID_FIELD")
    assert answer.json()[0]["message"].startswith("Didn't understand relationship 'Nope' in field path.")


def test_a_failure_of_the_org_is_told_in_its_own_words(org: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("near SELECT: no such table")

    monkeypatch.setattr(org.org.emulator.store, "session", fail)
    answer = org.post("sobjects/Account", json={"Name": "A"})
    assert refusal(answer) == (500, "UNKNOWN_EXCEPTION")
    said = answer.json()[0]["message"]
    assert said.startswith("An unexpected error occurred. Please include this ErrorId if you contact support: ")
    monkeypatch.setattr(org.org.emulator.store, "querying", fail)
    job = org.post("jobs/query", json={"operation": "query", "query": "SELECT Id FROM Account"}).json()["id"]
    info = org.job_info("query", job)
    assert (info["state"], info["errorMessage"]) == ("Failed", "InternalServerError : the query ended unexpectedly")


def test_a_backslash_escapes_only_what_it_can(org: Api) -> None:
    r"""As quoted: "Invalid string literal 'Anne\-Marie'. Illegal character sequence '\-' in string literal."."""
    code, message = org.refused(r"SELECT Id FROM Account WHERE Name = 'Anne\-Marie'")
    assert code == "MALFORMED_QUERY"
    quoted = r"Invalid string literal 'Anne\-Marie'. Illegal character sequence '\-' in string literal."
    assert message.endswith(f"ERROR at Row:1:Column:37\n{quoted}")
    for fine in (r"a\\q", r"\'\"\n\r\t\b\f\N", r"\u00e9", r"\_\%", r"\\\\"):
        assert org.rows(f"SELECT Id FROM Account WHERE Name LIKE '{fine}'") == []


def test_a_file_that_is_not_utf_8_writes_nothing(org: Api) -> None:
    made = org.post("jobs/ingest", json={"object": "Lead", "operation": "insert"}).json()["id"]
    data = "LastName,Company\nMüller,Acme\n".encode("latin-1")
    org.call("PUT", f"jobs/ingest/{made}/batches", content=data, headers={"Content-Type": "text/csv"})
    org.patch(f"jobs/ingest/{made}", json={"state": "UploadComplete"})
    info = org.job_info("ingest", made)
    assert (info["state"], info["numberRecordsProcessed"]) == ("Failed", 0)
    assert info["errorMessage"].startswith("InvalidBatch : ")
    assert org.rows("SELECT Id FROM Lead") == []


def test_a_column_named_twice_fails_the_job(org: Api) -> None:
    info = org.ingest("Lead", "insert", "LastName,Company,lastname\nA,B,C\n")
    assert (info["state"], info["numberRecordsProcessed"]) == ("Failed", 0)
    assert info["errorMessage"] == "InvalidBatch : Duplicate field name in the header row : lastname"


def test_a_record_of_another_type_is_refused(org: Api) -> None:
    of_contact = {"attributes": {"type": "Contact"}, "Name": "A"}
    assert refusal(org.post("sobjects/Account", json=of_contact)) == (400, "INVALID_TYPE")
    assert org.post("sobjects/Account", json={"attributes": {"type": "account"}, "Name": "A"}).status_code == 201


@pytest.mark.parametrize("probability", [101, 150.5, -1])
def test_nothing_is_more_than_certain(org: Api, probability: float) -> None:
    deal = {"Name": "D", "StageName": "Prospecting", "CloseDate": "2026-05-01"}
    refused = org.post("sobjects/Opportunity", json={**deal, "Probability": probability})
    assert refusal(refused) == (400, "NUMBER_OUTSIDE_VALID_RANGE")
    made = org.create("Opportunity", **deal, Probability=100)
    changed = org.patch(f"sobjects/Opportunity/{made}", json={"Probability": probability})
    assert refusal(changed) == (400, "NUMBER_OUTSIDE_VALID_RANGE")


def test_a_number_is_told_as_it_was_sent(org: Api) -> None:
    answer = org.post("sobjects/Account", json={"Name": "A", "NumberOfEmployees": int(HUGE)})
    assert answer.json()[0]["message"].endswith(f": {HUGE}")
    info = org.ingest("Account", "insert", f"Name,NumberOfEmployees\nA,{HUGE}\n")
    assert f": {HUGE}:" in org.get(f"jobs/ingest/{info['id']}/failedResults").text
    body = '{"Name":"A","AnnualRevenue":1' + "0" * 400 + "}"
    assert refusal(org.post("sobjects/Account", content=body))[0] == 400


def test_the_plural_of_a_history(org: Api) -> None:
    assert org.get("sobjects/OpportunityHistory/describe").json()["labelPlural"] == "Opportunity Histories"
