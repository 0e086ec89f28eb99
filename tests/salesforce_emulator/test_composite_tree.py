"""Records with their children in one call: all are created, or none."""

from __future__ import annotations

from typing import Any

import httpx2
from tests.salesforce_emulator.client import Api

Record = dict[str, Any]


def record(type_: str, reference: str, **values: Any) -> Record:
    return {"attributes": {"type": type_, "referenceId": reference}, **values}


def send(api: Api, *records: Record, sobject: str = "Account") -> httpx2.Response:
    return api.post(f"composite/tree/{sobject}/", json={"records": records})


def test_children_refer_to_their_parents(api: Api) -> None:
    """Results come level by level, as in the documentation's example: ref1, ref4, ref2, ref3."""
    first = record(
        "Account", "ref1", Name="A",
        Contacts={"records": [record("Contact", "ref2", LastName="S"), record("Contact", "ref3", LastName="T")]},
    )  # fmt: skip
    answer = send(api, first, record("Account", "ref4", Name="B"))
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert body["hasErrors"] is False
    made = {r["referenceId"]: r["id"] for r in body["results"]}
    assert list(made) == ["ref1", "ref4", "ref2", "ref3"]
    rows = api.rows("SELECT Id, AccountId FROM Contact")
    assert {r["Id"]: r["AccountId"] for r in rows} == {made["ref2"]: made["ref1"], made["ref3"]: made["ref1"]}
    assert api.org.counted_calls() == 2


def test_one_that_is_refused_takes_all_back(api: Api) -> None:
    """ "INVALID_EMAIL_ADDRESS … Email: invalid email address: 123"."""
    bad = record("Contact", "ref2", LastName="S", Email="123")
    answer = send(api, record("Account", "ref1", Name="A", Contacts={"records": [bad]}))
    assert answer.status_code == 400
    assert answer.json() == {
        "hasErrors": True,
        "results": [
            {
                "referenceId": "ref2",
                "errors": [
                    {
                        "statusCode": "INVALID_EMAIL_ADDRESS",
                        "message": "Email: invalid email address: 123",
                        "fields": ["Email"],
                    }
                ],
            }
        ],
    }
    assert api.rows("SELECT Id FROM Account") == []


def errors(answer: httpx2.Response) -> list[tuple[str, str]]:
    assert answer.status_code == 400, answer.text
    return [(r["referenceId"], e["statusCode"]) for r in answer.json()["results"] for e in r["errors"]]


def test_reference_ids(api: Api) -> None:
    """In the case of duplicate reference ids, one result for each instance."""
    same = [record("Account", "a", Name="A"), record("Account", "b", Name="B"), record("Account", "a", Name="C")]
    assert errors(send(api, *same)) == [("a", "INVALID_INPUT"), ("a", "INVALID_INPUT")]
    assert errors(send(api, {"attributes": {"type": "Account"}, "Name": "A"})) == [("", "INVALID_INPUT")]


def test_types_and_relationships(api: Api) -> None:
    assert errors(send(api, record("Contact", "a", LastName="A"))) == [("a", "INVALID_INPUT")]
    wrong = record("Account", "a", Name="A", Cats={"records": [record("Contact", "b", LastName="B")]})
    assert errors(send(api, wrong)) == [("a", "INVALID_FIELD")]
    other = record("Account", "a", Name="A", Contacts={"records": [record("Lead", "b", LastName="B")]})
    assert errors(send(api, other)) == [("b", "INVALID_INPUT")]
    assert send(api, record("X", "a"), sobject="X").status_code == 404


def chain(levels: int) -> Record:
    """An account whose child account has a child account …"""
    top = record("Account", f"level{levels}", Name="A")
    for level in range(levels - 1, 0, -1):
        top = record("Account", f"level{level}", Name="A", ChildAccounts={"records": [top]})
    return top


def test_how_much_a_tree_may_hold(api: Api) -> None:
    """200 records, five levels."""

    def code(answer: httpx2.Response) -> str:
        assert answer.status_code == 400, answer.text
        return str(answer.json()[0]["errorCode"])

    assert send(api, chain(5)).status_code == 201
    assert code(send(api, chain(6))) == "LIMIT_EXCEEDED"
    many = [record("Account", f"r{n}", Name="A") for n in range(201)]
    assert send(api, *many[:200]).status_code == 201
    assert code(send(api, *many)) == "LIMIT_EXCEEDED"
    assert len(api.rows("SELECT Id FROM Account")) == 205
