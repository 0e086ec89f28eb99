"""Writing a few records: one outcome a record, in order, and nothing sent twice."""

from __future__ import annotations

from typing import Any

import httpx2
import orjson
import pytest

from abmatic.salesforce import errors
from abmatic.salesforce.collections import RowError, RowOutcome

from .conftest import Org, in_turn, refusal

ACCOUNT_ID = "0015800000abcDEAAY"
PATH = "/services/data/v67.0/composite/sobjects"
REFUSED = {
    "success": False,
    "errors": [{"statusCode": "STRING_TOO_LONG", "message": "Name: data value too large", "fields": ["Name"]}],
}


def answering(*bodies: Any) -> Org:
    return Org(
        in_turn(*(b if isinstance(b, Exception | httpx2.Response) else httpx2.Response(200, json=b) for b in bodies))
    )


def test_each_record_has_its_outcome_in_order() -> None:
    org = answering([{"id": ACCOUNT_ID, "success": True, "errors": []}, REFUSED])
    outcomes = org.client().create_records("Account", [{"Name": "Acme"}, {"Name": "x" * 300}])
    assert outcomes == [
        RowOutcome(ACCOUNT_ID),
        RowOutcome(None, (RowError("STRING_TOO_LONG", "Name: data value too large", ("Name",)),)),
    ]
    assert [outcome.is_written for outcome in outcomes] == [True, False]


def test_records_are_sent_with_their_type_and_never_all_or_none() -> None:
    org = answering([{"id": ACCOUNT_ID, "success": True, "errors": []}])
    org.client().update_records("Account", [{"Id": ACCOUNT_ID, "Name": None}])
    (request,) = org.requests
    assert (request.method, request.url.path) == ("PATCH", PATH)
    assert orjson.loads(request.content) == {
        "allOrNone": False,
        "records": [{"attributes": {"type": "Account"}, "Id": ACCOUNT_ID, "Name": None}],
    }
    assert request.headers["sforce-duplicate-rule-header"] == "allowSave=false"
    assert request.headers["sforce-call-options"] == "client=abmatic"


def test_warnings_of_duplicate_rules_are_passed_over_only_when_asked() -> None:
    org = answering([{"id": ACCOUNT_ID, "success": True, "errors": []}])
    org.client().create_records("Account", [{"Name": "Acme"}], save_duplicates=True)
    assert org.requests[0].headers["sforce-duplicate-rule-header"] == "allowSave=true"


@pytest.mark.parametrize("count", [0, 201])
def test_a_call_holds_1_to_200_records(count: int) -> None:
    org = answering([])
    with pytest.raises(ValueError, match="1 to 200"):
        org.client().create_records("Account", [{"Name": "Acme"}] * count)
    assert org.requests == []


@pytest.mark.parametrize(
    "trouble",
    [
        httpx2.ReadTimeout("no answer"),
        httpx2.ReadError("reset"),
        httpx2.Response(502),
        httpx2.Response(200, content=b"<html>"),
        [],
        [{"success": True, "errors": []}],
        [{"success": True, "id": "nonsense", "errors": []}],
        [{"success": False, "errors": []}],
        [{"id": ACCOUNT_ID}],
        ["done"],
        [{"id": ACCOUNT_ID, "success": True, "errors": []}] * 2,
    ],
    ids=str,
)
def test_what_became_of_the_records_is_unknown_and_nothing_is_sent_again(trouble: Any) -> None:
    org = answering(trouble)
    with pytest.raises(errors.Transient) as caught:
        org.client().create_records("Account", [{"Name": "Acme"}])
    assert caught.value.outcome_unknown
    assert org.paths() == [f"POST {PATH}"]


@pytest.mark.parametrize(
    "trouble",
    [httpx2.ConnectError("no route"), refusal(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests Limit exceeded.")],
    ids=["not sent", "not taken"],
)
def test_what_was_surely_not_written_is_sent_again(trouble: Any) -> None:
    org = answering(trouble, [{"id": ACCOUNT_ID, "success": True, "errors": []}])
    assert org.client().create_records("Account", [{"Name": "Acme"}]) == [RowOutcome(ACCOUNT_ID)]


def test_tokens_in_a_refusal_are_not_kept() -> None:
    said = {"statusCode": "X", "message": "Bearer 00D000000000001!AQEAQsecret", "fields": None}
    org = answering([{"success": False, "errors": [said]}])
    (outcome,) = org.client().create_records("Account", [{"Name": "Acme"}])
    assert "secret" not in outcome.errors[0].message
    assert outcome.errors[0].fields == ()
