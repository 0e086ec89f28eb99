"""Composite as its documentation describes it: what a part may be, how it refers, what fails the whole."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from tests.salesforce_emulator.client import DATA, Api


def part(reference: str, method: str, url: str, body: Any = None, **more: Any) -> dict[str, Any]:
    return {"referenceId": reference, "method": method, "url": f"{DATA}/{url}", "body": body, **more}


def send(api: Api, *parts: dict[str, Any], **options: Any) -> httpx2.Response:
    return api.post("composite", json={"compositeRequest": parts, **options})


def outcomes(api: Api, *parts: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    answer = send(api, *parts, **options)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["compositeResponse"]
    return found


def refused(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()[0]["errorCode"]


ACCOUNT = part("a", "POST", "sobjects/Account", {"Name": "A"})


def test_a_reference_that_leads_nowhere(api: Api) -> None:
    """ "Invalid reference specified. No value for schoolRt.records[0].Id found in schoolRt"."""
    parts = outcomes(
        api,
        part("found", "GET", "query?q=SELECT+Id+FROM+Account"),
        part("c", "POST", "sobjects/Contact", {"LastName": "C", "AccountId": "@{found.records[0].Id}"}),
    )
    assert parts[1]["httpStatusCode"] == 400
    assert parts[1]["body"] == [
        {
            "errorCode": "PROCESSING_HALTED",
            "message": "Invalid reference specified. No value for found.records[0].Id found in found",
        }
    ]


def test_a_reference_into_collections(api: Api) -> None:
    """ "@{refNewAccount[1].id}"."""
    rows = [{"attributes": {"type": "Account"}, "Name": n} for n in "AB"]
    parts = outcomes(
        api,
        part("made", "POST", "composite/sobjects", {"records": rows}),
        part("c", "POST", "sobjects/Contact", {"LastName": "C", "AccountId": "@{made[1].id}"}),
    )
    assert [p["httpStatusCode"] for p in parts] == [200, 201]
    assert api.rows("SELECT Account.Name FROM Contact")[0]["Account"]["Name"] == "B"


def test_a_reference_to_null(api: Api) -> None:
    """Since version 52 it brings null; before, the part fails."""
    account = api.create("Account", Name="A")
    for version, status in (("60.0", 204), ("51.0", 400)):
        base = f"/services/data/v{version}"
        parts = [
            {"referenceId": "a", "method": "GET", "url": f"{base}/sobjects/Account/{account}?fields=Industry"},
            {"referenceId": "b", "method": "PATCH", "url": f"{base}/sobjects/Account/{account}",
             "body": {"Site": "@{a.Industry}", "Description": "in @{a.Industry}"}},
        ]  # fmt: skip
        answer = api.post(f"{base}/composite", json={"compositeRequest": parts}).json()["compositeResponse"]
        assert answer[1]["httpStatusCode"] == status, answer[1]
    assert api.rows("SELECT Site, Description FROM Account") == [{"Site": None, "Description": "in"}]


@pytest.mark.parametrize("reference", ["", "a b", "_a", "a-b"])
def test_reference_ids_are_of_letters_digits_and_underscores(api: Api, reference: str) -> None:
    """ "must start with a letter or a number, and … only letters, numbers and underscores"."""
    assert refused(send(api, ACCOUNT, part(reference, "GET", "limits"))) == (400, "INVALID_INPUT")
    assert api.rows("SELECT Id FROM Account") == []


def test_reference_ids_are_unique(api: Api) -> None:
    assert refused(send(api, ACCOUNT, ACCOUNT)) == (400, "INVALID_INPUT")


def test_how_many_parts(api: Api) -> None:
    """25 at most; of them five queries and collections."""
    assert refused(send(api, *(part(f"a{n}", "GET", "limits") for n in range(26)))) == (400, "LIMIT_EXCEEDED")
    queries = [part(f"q{n}", "GET", "query?q=SELECT+Id+FROM+Account") for n in range(5)]
    assert len(outcomes(api, *queries)) == 5
    assert refused(send(api, *queries, part("q5", "GET", "queryAll?q=SELECT+Id+FROM+Account"))) == (
        400,
        "LIMIT_EXCEEDED",
    )


def test_headers_of_a_part(api: Api) -> None:
    """A part may bring headers, but not Accept, Authorization, Content-Type: those are the whole's."""
    described = part("d", "GET", "sobjects/Account/describe", httpHeaders={"If-None-Match": "*"})
    assert outcomes(api, described)[0]["httpStatusCode"] == 304
    bad = part("d", "GET", "limits", httpHeaders={"authorization": "Bearer x"})
    assert refused(send(api, bad)) == (400, "INVALID_INPUT")


@pytest.mark.parametrize(
    ("method", "url"), [("GET", "composite"), ("POST", "composite/batch"), ("GET", "jobs/query"), ("TRACE", "limits")]
)
def test_what_cannot_be_a_part(api: Api, method: str, url: str) -> None:
    assert refused(send(api, part("a", method, url))) == (400, "INVALID_INPUT")


def test_collating_changes_nothing_in_the_answer(api: Api) -> None:
    second = part("b", "POST", "sobjects/Account", {"Name": "B"})
    parts = outcomes(api, ACCOUNT, second, part("x", "GET", "limits"), collateSubrequests=True)
    assert [(p["referenceId"], p["httpStatusCode"]) for p in parts] == [("a", 201), ("b", 201), ("x", 200)]
