"""What a condition may compare with what, and what a query may be at most."""

from __future__ import annotations

from itertools import product

import pytest
from tests.salesforce_emulator.client import Api, OpenApi

from salesforce_emulator import OrgStore
from salesforce_emulator.schema import BASE
from salesforce_emulator.schema.entries import custom_field
from salesforce_emulator.schema.objects import NUMBER_TYPES, TEXT_TYPES

LITERALS = {
    "text": "'abc'",
    "empty": "''",
    "id": "'001000000000001AAA'",
    "whole": "5",
    "negative": "-5",
    "decimal": "5.5",
    "exponent": "1e3",
    "huge": "9" * 30,
    "date": "2026-11-24",
    "datetime": "2026-11-24T10:00:00Z",
    "day": "TODAY",
    "days": "LAST_N_DAYS:3",
    "true": "true",
    "null": "null",
    "amount": "USD5",
}
NUMBERS = {"whole", "negative", "decimal", "exponent", "huge"}
TEXTS = {"text", "empty", "id"}
TAKES = {
    **dict.fromkeys(TEXT_TYPES, TEXTS),
    **dict.fromkeys(NUMBER_TYPES, NUMBERS),
    "int": {"whole", "negative"},
    "boolean": {"true"},
    "date": {"date", "day", "days"},
    "datetime": {"datetime", "day", "days"},
    "id": {"id"},
    "reference": {"id", "empty"},
}
FIELDS = {
    "id": "Id", "reference": "OwnerId", "string": "Name", "int": "NumberOfEmployees", "currency": "AnnualRevenue",
    "boolean": "IsDeleted", "datetime": "CreatedDate", "picklist": "Industry", "phone": "Phone", "url": "Website",
}  # fmt: skip
MADE = ("textarea", "multipicklist", "email", "double", "percent", "date", "combobox", "encryptedstring")
QUOTED = {*TEXT_TYPES, "id", "reference"}
WORDS = {"datetime": "dateTime", "currency": "double", "percent": "double"}


@pytest.fixture(scope="module")
def org(module_api: OpenApi) -> Api:
    made = [custom_field(f"{kind}__c", kind, values=("A",), length=80) for kind in MADE]
    return module_api(store=OrgStore(custom_fields={"Account": made}))


@pytest.mark.parametrize("kind", [*FIELDS, *MADE])
def test_every_literal_against_a_field_of_every_type(org: Api, kind: str) -> None:
    field = FIELDS.get(kind, f"{kind}__c")
    for (name, literal), test in product(LITERALS.items(), ("= {}", "!= {}", "IN ({})", "NOT IN ({})")):
        soql = f"SELECT Id FROM Account WHERE {field} {test.format(literal)}"
        answer = org.get("query", params={"q": soql})
        if name == "null" or name in TAKES[kind]:
            assert answer.status_code == 200, (soql, answer.text)
            continue
        assert answer.status_code == 400, soql
        code, message = answer.json()[0]["errorCode"], answer.json()[0]["message"]
        if name in TEXTS and kind in ("id", "reference"):
            assert (code, message.rsplit("\n", 1)[1]) == (
                "INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {literal.strip(chr(39))}",
            )  # fmt: skip
            continue
        word = "string" if kind in QUOTED else WORDS.get(kind, kind)
        quotes = "should be" if kind in QUOTED else "should not be"
        assert (code, message.rsplit("\n", 1)[1]) == (
            "INVALID_FIELD",
            f"value of filter criterion for field '{field}' must be of type {word} and {quotes} enclosed in quotes",
        )


@pytest.mark.parametrize("kind", [*FIELDS, *MADE])
def test_every_operator_on_a_field_of_every_type(org: Api, kind: str) -> None:
    field = FIELDS.get(kind, f"{kind}__c")
    literal = LITERALS[min(TAKES[kind] - {"empty", "negative", "exponent", "decimal", "huge", "text"})]
    may = {
        f"< {literal}": kind not in ("boolean", "multipicklist"),
        f">= {literal}": kind not in ("boolean", "multipicklist"),
        "LIKE 'a%'": kind in TEXT_TYPES - {"multipicklist"},
        "INCLUDES ('A')": kind == "multipicklist",
        "EXCLUDES ('A')": kind == "multipicklist",
    }
    for test, taken in may.items():
        answer = org.get("query", params={"q": f"SELECT Id FROM Account WHERE {field} {test}"})
        assert answer.status_code == (200 if taken else 400), (test, answer.text)
        if not taken:
            word = "id" if kind == "reference" else kind
            assert answer.json()[0]["errorCode"] == "INVALID_QUERY_FILTER_OPERATOR"
            assert answer.json()[0]["message"].endswith(f"\ninvalid operator on {word} field")


def test_a_statement_is_as_long_in_an_old_version(org: Api) -> None:
    """Of another length, the URL would be too long before the statement is: it goes in a job."""
    for version in (45, 60):
        for length, status in ((100_000, 200), (100_001, 400)):
            begun = "SELECT Id FROM Account WHERE Name = 'a'"
            soql = begun + " " * (length - len(begun) - 1) + " "
            job = {"operation": "query", "query": soql}
            answer = org.post(f"/services/data/v{version}.0/jobs/query", json=job)
            assert answer.status_code == status, answer.text
            if status == 400:
                assert answer.json()[0]["errorCode"] == "QUERY_TOO_COMPLICATED"


def test_a_list_has_as_many_values_as_the_statement_has_room_for(accounts: Api) -> None:
    listed = ", ".join(f"'Account {n}'" for n in range(900))
    assert len(accounts.rows(f"SELECT Id FROM Account WHERE Name IN ({listed[:8000].rsplit(',', 1)[0]})")) == 10
    code, _ = accounts.refused(f"SELECT Id FROM Account WHERE Name IN ('a', '{'b' * 4001}')")
    assert code == "QUERY_TOO_COMPLICATED"


# -- scopes


def test_scopes_that_choose(open_api: OpenApi) -> None:
    api = open_api(user_id=BASE.administrator)
    with api.org.store.session() as session:
        rep = session.insert(
            "User",
            {"Username": "rep@acme.example", "LastName": "Rep", "Alias": "rep", "Email": "rep@acme.example",
             "CommunityNickname": "rep", "TimeZoneSidKey": "America/Los_Angeles", "LocaleSidKey": "en_US",
             "LanguageLocaleKey": "en_US", "EmailEncodingKey": "UTF-8", "ProfileId": session.read(
                 'SELECT "Id" FROM "Profile" LIMIT 1').fetchone()[0]},
        )  # fmt: skip
        queue = session.insert("Group", {"Name": "Web", "DeveloperName": "Web", "Type": "Queue"})
        session.insert("QueueSobject", {"QueueId": queue, "SobjectType": "Lead"})
        for owner, name in ((None, "Mine"), (rep, "Theirs"), (queue, "Queued")):
            session.insert("Lead", {"LastName": name, "Company": "Acme", **({"OwnerId": owner} if owner else {})})
        session.insert("Account", {"Name": "Theirs", "OwnerId": rep})
        session.insert("Account", {"Name": "Mine"})
        session.insert("Task", {"Subject": "Theirs", "OwnerId": rep})
        session.insert("Task", {"Subject": "Mine"})

    def names(sobject: str, scope: str) -> list[str]:
        return [r["Name"] for r in api.rows(f"SELECT Name FROM {sobject} USING SCOPE {scope} ORDER BY Name")]

    assert names("Account", "mine") == names("Account", "Mine") == ["Mine"]
    assert names("Account", "everything") == names("Account", "scopingRule") == ["Mine", "Theirs"]
    assert names("Account", "team") == []
    assert [r["Subject"] for r in api.rows("SELECT Subject FROM Task USING SCOPE delegated")] == ["Theirs"]
    assert names("Lead", "queue_owned") == ["Queued"]
    assert names("Lead", "user_owned") == ["Mine", "Theirs"]
    assert api.query("SELECT count() FROM Account USING SCOPE mine")["totalSize"] == 1


@pytest.mark.parametrize("scope", ["my_territory", "my_team_territory", "mine_and_my_groups", "queue_owned"])
def test_scopes_of_other_objects(org: Api, scope: str) -> None:
    code, message = org.refused(f"SELECT Id FROM Account USING SCOPE {scope}")
    assert (code, message.rsplit("\n", 1)[1]) == (
        "MALFORMED_QUERY", f"scope '{scope}' is not supported on entity 'Account'",
    )  # fmt: skip


def test_what_nobody_owns_is_nobodys(org: Api) -> None:
    assert org.refused("SELECT Id FROM CampaignMember USING SCOPE mine")[0] == "MALFORMED_QUERY"
    assert [s["name"] for s in org.get("sobjects/Campaign/describe").json()["supportedScopes"]] == [
        "everything",
        "mine",
    ]


@pytest.mark.parametrize("rest", ["USING SCOPE ours", "FOR FUN", "UPDATE NOTHING", "FOR VIEW, FUN", "WITH ANYTHING"])
def test_words_that_do_not_exist(org: Api, rest: str) -> None:
    code, message = org.refused(f"SELECT Id FROM Account {rest}")
    assert (code, message.rsplit("\n", 1)[1]) == ("MALFORMED_QUERY", f"unexpected token: '{rest.split()[-1]}'")


@pytest.mark.parametrize("rest", ["FOR VIEW", "for reference", "FOR UPDATE", "FOR VIEW, REFERENCE", "UPDATE TRACKING"])
def test_what_a_query_may_be_for(org: Api, rest: str) -> None:
    assert len(org.rows(f"SELECT Id FROM User LIMIT 1 {rest}")) == 1


def test_a_lock_takes_no_order(org: Api) -> None:
    assert org.refused("SELECT Id FROM Account ORDER BY Name FOR UPDATE")[0] == "MALFORMED_QUERY"
