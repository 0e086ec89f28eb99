"""What was recorded of real orgs, fact by fact: versions, values, signing in, limits, reading.

Each docstring quotes the fact as it was written down; :mod:`test_recorded_facts_of_writing` has those of writing.  What
a fact leads to is tested where it belongs.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import hmac
import io
import json
import re

import httpx2
import pytest
from tests.salesforce_emulator.client import DATA, Api, OpenApi

from salesforce_emulator import OrgStore, Settings
from salesforce_emulator.schema import BASE


def refused(answer: httpx2.Response) -> tuple[int, str, str]:
    """Status, code and message of a refusal, which is a list of one."""
    (error,) = answer.json()
    return answer.status_code, error["errorCode"], error["message"]


# -- versions, ids, types


def test_the_label_of_a_version(api: Api) -> None:
    """Label of v42 is "Spring ’18" (curly quote)."""
    (v42,) = [v for v in api.http.get("/services/data").json() if v["version"] == "42.0"]
    assert v42 == {"label": "Spring ’18", "url": "/services/data/v42.0", "version": "42.0"}


def test_ids_carry_a_checksum_and_errors_print_fifteen(api: Api) -> None:
    """18 with checksum: for each block of five characters a bit per upper-case letter, low bit first, indexes
    `ABCDEFGHIJKLMNOPQRSTUVWXYZ012345`. Error messages print 15."""
    first = api.create("Account", Name="A", External__c="1")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
    blocks = [first[start : start + 5] for start in (0, 5, 10)]
    expected = "".join(letters[sum(1 << n for n, c in enumerate(block) if c.isupper())] for block in blocks)
    assert first[15:] == expected
    _, _, message = refused(api.post("sobjects/Account", json={"Name": "B", "External__c": "1"}))
    assert message == f"duplicate value found: External__c duplicates value on record with id: {first[:15]}"


def test_times_as_each_door_prints_them(api: Api) -> None:
    """REST date-times `2020-10-22T21:03:23.000+0000`; Bulk 2.0 CSV `2023-10-22T06:25:12.000Z`; job JSON `+0000`."""
    record = api.create("Account", Name="A")
    pattern = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000"
    assert re.fullmatch(pattern + r"\+0000", api.get(f"sobjects/Account/{record}").json()["CreatedDate"])
    job = api.bulk_query("SELECT CreatedDate FROM Account")
    assert re.fullmatch(rf'"CreatedDate"\n"{pattern}Z"\n', api.get(f"jobs/query/{job}/results").text)
    assert re.fullmatch(pattern + r"\+0000", api.get(f"jobs/query/{job}").json()["createdDate"])


def test_numbers_and_compact_json(api: Api) -> None:
    """Currency and double always print `.0`; int bare. JSON compact."""
    api.create("Account", Name="A", AnnualRevenue=350000000, NumberOfEmployees=5, BillingLatitude=1)
    text = api.get("query", params={"q": "SELECT AnnualRevenue, NumberOfEmployees, BillingLatitude FROM Account"}).text
    assert '"AnnualRevenue":3.5E8' in text or '"AnnualRevenue":350000000.0' in text
    assert '"NumberOfEmployees":5,"BillingLatitude":1.0}' in text


def test_email_and_numbers_on_save(api: Api) -> None:
    """E-mail is lower-cased by Salesforce on save. `"NumberOfEmployees":"10000"` (a string) is accepted."""
    api.create("Lead", LastName="L", Company="C", Email="Ana.LEE@Example.COM", NumberOfEmployees="10000")
    assert api.rows("SELECT Email, NumberOfEmployees FROM Lead") == [
        {"Email": "ana.lee@example.com", "NumberOfEmployees": 10000}
    ]


def test_types_of_fields(api: Api) -> None:
    """Email, phone and url types are text; `NumberOfEmployees` int; `AnnualRevenue` and `Amount` currency."""
    described = {
        (o, f["name"]): (f["type"], f["soapType"])
        for o in ("Account", "Contact", "Opportunity")
        for f in api.get(f"sobjects/{o}/describe").json()["fields"]
    }
    assert described["Contact", "Email"] == ("email", "xsd:string")
    assert described["Account", "Phone"] == ("phone", "xsd:string")
    assert described["Account", "Website"] == ("url", "xsd:string")
    assert described["Account", "NumberOfEmployees"] == ("int", "xsd:int")
    assert described["Account", "AnnualRevenue"] == ("currency", "xsd:double")
    assert described["Opportunity", "Amount"] == ("currency", "xsd:double")


def test_compound_fields(api: Api) -> None:
    """Compound fields (BillingAddress, Name on person objects): present in describe and REST, **not** in Bulk; null
    when every part is null; `stateCode`/`countryCode` appear only with state and country picklists on."""
    api.create("Account", Name="A")
    assert api.rows("SELECT BillingAddress FROM Account") == [{"BillingAddress": None}]
    api.create("Account", Name="B", BillingCity="Kiel")
    (row,) = api.rows("SELECT BillingAddress FROM Account WHERE Name = 'B'")
    assert row["BillingAddress"]["city"] == "Kiel"
    assert not {"stateCode", "countryCode"} & set(row["BillingAddress"])
    names = {f["name"] for f in api.get("sobjects/Account/describe").json()["fields"]}
    assert "BillingAddress" in names
    job = {"operation": "query", "query": "SELECT BillingAddress FROM Account"}
    assert api.post("jobs/query", json=job).status_code == 400


def test_a_null_parent(api: Api) -> None:
    """A null parent comes back as `"Profile":null`."""
    api.create("Contact", LastName="C")
    assert '"Account":null' in api.get("query", params={"q": "SELECT Account.Name FROM Contact"}).text


# -- OAuth


def sign_in(api: Api, **form: str) -> httpx2.Response:
    keys = {"client_id": api.org.client_id, "client_secret": api.org.client_secret}
    return api.http.post("/services/oauth2/token", data={"grant_type": "client_credentials", **keys, **form})


def test_the_token_body(api: Api) -> None:
    """Token body: access_token, instance_url, id, token_type "Bearer", issued_at (milliseconds, a string), scope,
    signature = base64(HMAC-SHA256(client secret, id + issued_at)); refresh_token only where the flow grants it."""
    body = sign_in(api).json()
    wanted = {"access_token", "instance_url", "id", "token_type", "issued_at", "scope", "signature"}
    assert wanted <= set(body)
    assert "refresh_token" not in body
    assert body["token_type"] == "Bearer"
    assert re.fullmatch(r"\d{13}", body["issued_at"])
    digest = hmac.new(api.org.client_secret.encode(), (body["id"] + body["issued_at"]).encode(), hashlib.sha256)
    assert body["signature"] == base64.b64encode(digest.digest()).decode()


@pytest.mark.parametrize(
    ("form", "error", "description"),
    [
        ({"grant_type": "refresh_token", "refresh_token": "x"}, "invalid_grant", "expired access/refresh token"),
        ({"client_id": "x"}, "invalid_client_id", "client identifier invalid"),
        ({"client_secret": "x"}, "invalid_client", "invalid client credentials"),
        ({"grant_type": "x"}, "unsupported_grant_type", "grant type not supported"),
    ],
)
def test_oauth_errors(api: Api, form: dict[str, str], error: str, description: str) -> None:
    """Errors are 400 `{"error":…,"error_description":…}`: invalid_grant ("expired access/refresh token", …),
    invalid_client_id ("client identifier invalid"), invalid_client, … unsupported_grant_type."""
    answer = sign_in(api, **form)
    assert answer.status_code == 400
    assert answer.json() == {"error": error, "error_description": description}


def test_a_session_that_is_no_longer_valid(api: Api) -> None:
    """401 on any call: `[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]`, header
    `WWW-Authenticate: Token`."""
    for method, path in (("GET", "limits"), ("POST", "sobjects/Account"), ("GET", "jobs/query")):
        answer = api.call(method, path, headers={"Authorization": "Bearer 00D!gone"})
        assert answer.status_code == 401
        assert answer.text == '[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]'
        assert answer.headers["WWW-Authenticate"] == "Token"


# -- limits


def test_which_answers_say_what_was_used(api: Api) -> None:
    """`Sforce-Limit-Info: api-usage=22/15000` is on 200, 201, 204 and 400 answers; not on 401, token, userinfo,
    `/services/data`."""
    record = api.post("sobjects/Account", json={"Name": "A"})
    carrying = [
        api.get("limits"), record, api.patch(f"sobjects/Account/{record.json()['id']}", json={"Name": "B"}),
        api.post("sobjects/Account", json={}),
    ]  # fmt: skip
    assert [a.status_code for a in carrying] == [200, 201, 204, 400]
    assert [a.headers["Sforce-Limit-Info"] for a in carrying] == [f"api-usage={n}/15000" for n in (2, 1, 3, 4)]
    silent = [
        api.get("limits", headers={"Authorization": "Bearer x"}), sign_in(api), api.http.get("/services/data"),
        api.http.get("/services/oauth2/userinfo"),
    ]  # fmt: skip
    assert [a.status_code for a in silent] == [401, 200, 200, 200]
    assert not any("Sforce-Limit-Info" in a.headers for a in silent)


def test_refusals_by_limits_and_editions(open_api: OpenApi) -> None:
    """REQUEST_LIMIT_EXCEEDED is 403 "TotalRequests Limit exceeded."; also "ConcurrentPerOrgLongTxn Limit exceeded.".
    API_DISABLED_FOR_ORG 403 "The REST API is not enabled for this Organization."; API_CURRENTLY_DISABLED / "API is not
    enabled for this user"."""
    used_up = open_api(store=OrgStore(), settings=Settings(allowance=0))
    assert refused(used_up.get("limits")) == (403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    without = open_api(store=OrgStore(edition="Professional Edition"))
    text = "The REST API is not enabled for this Organization."
    assert refused(without.get("limits")) == (403, "API_DISABLED_FOR_ORG", text)
    nobody = open_api(store=OrgStore(), user_id=BASE.without_api)
    assert refused(nobody.get("limits")) == (403, "API_CURRENTLY_DISABLED", "API is not enabled for this user")
    busy = open_api(store=OrgStore())
    busy.org.fault("limit", which="ConcurrentPerOrgLongTxn")
    text = "ConcurrentPerOrgLongTxn Limit exceeded."
    assert refused(busy.get("limits")) == (403, "REQUEST_LIMIT_EXCEEDED", text)


def test_daily_numbers(open_api: OpenApi) -> None:
    """Daily: 100,000 (Enterprise), 15,000 (Developer). Bulk 2.0: 10,000 query jobs, 15,000 ingest batches."""
    for edition, calls in (("Developer Edition", 15_000), ("Enterprise Edition", 100_000)):
        limits = open_api(store=OrgStore(edition=edition)).get("limits").json()
        assert limits["DailyApiRequests"]["Max"] == calls
        assert limits["DailyBulkV2QueryJobs"]["Max"] == 10_000
        assert limits["DailyBulkApiBatches"]["Max"] == 15_000


def test_lengths(api: Api) -> None:
    """URI ≤ 16,384 bytes (414), URI + headers (431); SOQL 100,000 characters, a literal 4,000; OFFSET 2,000."""
    assert api.get(f"query?q={'a' * 16_400}").status_code == 414
    assert api.get("limits", headers={"X-Long": "a" * 33_000}).status_code == 431
    assert api.rows(f"SELECT Id FROM Account WHERE Name = '{'a' * 4000}'") == []
    assert api.refused(f"SELECT Id FROM Account WHERE Name = '{'a' * 4001}'")[0] == "QUERY_TOO_COMPLICATED"
    assert api.refused("SELECT Id FROM Account OFFSET 2001")[0] == "NUMBER_OUTSIDE_VALID_RANGE"
    long = "SELECT Id FROM Account WHERE " + " OR ".join(["Name = 'abcdefgh'"] * 5000)
    answer = api.post("jobs/query", json={"operation": "query", "query": long})
    assert refused(answer) == (400, "QUERY_TOO_COMPLICATED", "SOQL statement is too long")


# -- query


@pytest.fixture
def many(api: Api) -> Api:
    """An org with 2,500 accounts."""
    with api.org.store.session() as session:
        for number in range(2500):
            session.insert("Account", {"Name": f"A{number}"})
    return api


def test_pages_of_a_query(many: Api) -> None:
    """`nextRecordsUrl` `/services/data/v59.0/query/0r8xx5R2yF2gs3VASQ-2000`; totalSize the same on each page. The
    locator belongs to the session that made it: after a new login it is INVALID_SESSION_ID or INVALID_QUERY_LOCATOR
    for ever."""
    first = many.query("SELECT Id FROM Account")
    assert re.fullmatch(rf"{DATA}/query/0r8\w{{15}}-2000", first["nextRecordsUrl"])
    second = many.get(first["nextRecordsUrl"]).json()
    assert [(p["totalSize"], len(p["records"]), p["done"]) for p in (first, second)] == [
        (2500, 2000, False), (2500, 500, True),
    ]  # fmt: skip
    many.http.headers["Authorization"] = f"Bearer {many.org.access_token()}"
    assert refused(many.get(first["nextRecordsUrl"]))[1] in ("INVALID_SESSION_ID", "INVALID_QUERY_LOCATOR")


def test_open_cursors_and_batch_size(many: Api) -> None:
    """At most 10 open cursors. batchSize 200–2,000 as a hint only."""
    small = {"Sforce-Query-Options": "batchSize=200"}
    pages = [
        many.get("query", params={"q": "SELECT Id FROM Account"}, headers=small).json()["nextRecordsUrl"]
        for _ in range(11)
    ]
    assert pages[0].endswith("-200")
    assert many.get(pages[0]).status_code == 400
    assert many.get(pages[10]).status_code == 200
    tiny = many.get("query", params={"q": "SELECT Id FROM Account"}, headers={"Sforce-Query-Options": "batchSize=1"})
    assert len(tiny.json()["records"]) == 200


def test_a_page_may_hold_fewer(many: Api) -> None:
    """A page may hold fewer than 2,000 (long text: 1,000 was seen)."""
    assert len(many.query("SELECT Id, Description FROM Account")["records"]) == 1000


def test_counts(accounts: Api) -> None:
    """`count()` → totalSize n, records []; `count(Id)` → one AggregateResult, attributes without url, `expr0`."""
    assert accounts.query("SELECT count() FROM Account") == {"totalSize": 10, "done": True, "records": []}
    assert accounts.query("SELECT count(Id) FROM Account") == {
        "totalSize": 1,
        "done": True,
        "records": [{"attributes": {"type": "AggregateResult"}, "expr0": 10}],
    }


def test_errors_of_queries(api: Api) -> None:
    """Errors carry a snippet, a caret and `ERROR at Row:1:Column:N`: INVALID_TYPE "sObject type 'X' is not supported.
    …", INVALID_FIELD "No such column 'X' on entity 'Account'. …", MALFORMED_QUERY, INVALID_QUERY_FILTER_OPERATOR.
    `FIELDS(ALL)` wants LIMIT ≤ 200."""
    code, text = api.refused("SELECT Id FROM X")
    assert code == "INVALID_TYPE"
    assert re.search(r"\n +\^\nERROR at Row:1:Column:16\nsObject type 'X' is not supported\. ", text)
    code, text = api.refused("SELECT Id, X FROM Account")
    assert code == "INVALID_FIELD"
    assert re.search(r"\n +\^\nERROR at Row:1:Column:12\nNo such column 'X' on entity 'Account'\. ", text)
    assert api.refused("SELECT FROM Account")[0] == "MALFORMED_QUERY"
    assert api.refused("SELECT Id FROM Account WHERE Id LIKE 'x'")[0] == "INVALID_QUERY_FILTER_OPERATOR"
    assert api.refused("SELECT FIELDS(ALL) FROM Account")[0] == "MALFORMED_QUERY"
    assert api.get("query", params={"q": "SELECT FIELDS(ALL) FROM Account LIMIT 200"}).status_code == 200


def test_query_all_shows_deleted_and_merged_rows(api: Api) -> None:
    """queryAll shows deleted and merged rows (IsDeleted, MasterRecordId on Account, Contact, Lead)."""
    for sobject, values in (("Account", {"Name": "A"}), ("Contact", {"LastName": "C"}), ("Lead", {"LastName": "L"})):
        full = {**values, "Company": "Y"} if sobject == "Lead" else values
        master, loser = api.create(sobject, **full), api.create(sobject, **full)
        api.org.store.merge(sobject, master, [loser])
        assert len(api.rows(f"SELECT Id FROM {sobject}")) == 1
        row = {"Id": loser, "MasterRecordId": master}
        soql = f"SELECT Id, MasterRecordId FROM {sobject} WHERE IsDeleted = true"
        assert api.rows(soql, deleted=True) == [row]


# -- Bulk API 2.0, query


def test_a_query_job(api: Api) -> None:
    """POST `jobs/query` {operation: query | queryAll, query} → state "UploadComplete" → InProgress → JobComplete |
    Failed | Aborted. apiVersion is a number."""
    made = api.post("jobs/query", json={"operation": "queryAll", "query": "SELECT Id FROM Account"}).json()
    assert made["state"] == "UploadComplete"
    assert made["apiVersion"] == 60.0
    done = api.job_info("query", made["id"])
    assert (done["state"], done["operation"]) == ("JobComplete", "queryAll")


def test_results_of_a_query_job(api: Api) -> None:
    """Results: `…/results?maxRecords=N&locator=L`, headers `Sforce-Locator` (the **string** `null` on the last page)
    and `Sforce-NumberOfRecords`. Fetching under another API version → 409. All cells quoted, null is `""`, columns
    in the order asked, LF (or CRLF when asked)."""
    for name in ("A", "B", "C"):
        api.create("Account", Name=name, Description='say "x",\nplease')
    job = api.bulk_query("SELECT Description, Phone, Name FROM Account ORDER BY Name")
    first = api.get(f"jobs/query/{job}/results", params={"maxRecords": 2})
    assert first.text.startswith('"Description","Phone","Name"\n"say ""x"",\nplease","","A"\n')
    assert first.headers["Sforce-NumberOfRecords"] == "2"
    last = api.get(f"jobs/query/{job}/results", params={"locator": first.headers["Sforce-Locator"]})
    assert (last.headers["Sforce-Locator"], last.headers["Sforce-NumberOfRecords"]) == ("null", "1")
    assert [row["Name"] for row in csv.DictReader(io.StringIO(last.text))] == ["C"]
    assert api.get(f"/services/data/v61.0/jobs/query/{job}/results").status_code == 409
    crlf = api.bulk_query("SELECT Name FROM Account ORDER BY Name", lineEnding="CRLF")
    assert api.get(f"jobs/query/{crlf}/results").text == '"Name"\r\n"A"\r\n"B"\r\n"C"\r\n'


def test_result_pages(api: Api) -> None:
    """`…/resultPages` (v58+) lists pages for parallel fetch."""
    api.create("Account", Name="A")
    job = api.bulk_query("SELECT Id FROM Account")
    pages = api.get(f"jobs/query/{job}/resultPages").json()
    assert [set(p) for p in pages["resultPages"]] == [{"resultUrl"}]
    assert api.get(f"/services/data/v57.0/jobs/query/{job}/resultPages").status_code == 404


@pytest.mark.parametrize(
    "soql",
    [
        "SELECT Id, (SELECT Id FROM Contacts) FROM Account",
        "SELECT count(Id) FROM Account",
        "SELECT BillingAddress FROM Account",
    ],
)
def test_what_a_query_job_can_not(api: Api, soql: str) -> None:
    """No subqueries, no aggregates, no compound fields."""
    assert api.post("jobs/query", json={"operation": "query", "query": soql}).status_code == 400


def test_unknown_endpoints(api: Api) -> None:
    """NOT_FOUND 404 `[{"errorCode":"NOT_FOUND","message":"The requested resource does not exist"}]`."""
    for path in ("nothing", "sobjects/Nothing", "jobs/nothing", "analytics/nothing", "/services/nothing", "tooling/x"):
        answer = api.get(path)
        assert answer.status_code == 404, path
        assert json.loads(answer.text) == [
            {"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}
        ], path
    for method, path in (("PUT", "sobjects/Account"), ("DELETE", "query"), ("POST", "limits"), ("PATCH", "jobs/query")):
        assert api.call(method, path, json={}).status_code == 405, path
