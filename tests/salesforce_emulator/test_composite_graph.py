"""Graphs of calls on single records: each is done whole or not at all, whatever becomes of the others."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from tests.salesforce_emulator.client import DATA, Api

Graph = dict[str, Any]


def node(reference: str, url: str, body: Any = None, method: str = "POST") -> dict[str, Any]:
    return {"referenceId": reference, "url": f"{DATA}/sobjects/{url}", "method": method, "body": body}


def graph(graph_id: str, *nodes: dict[str, Any]) -> Graph:
    return {"graphId": graph_id, "compositeRequest": list(nodes)}


def send(api: Api, *graphs: Graph) -> httpx2.Response:
    return api.post("composite/graph", json={"graphs": graphs})


def test_one_fails_the_other_stays(api: Api) -> None:
    """ "graphId, graphResponse: {compositeResponse}, isSuccessful"; a failed one's other nodes PROCESSING_HALTED."""
    good = graph(
        "1",
        node("a", "Account/", {"Name": "A"}),
        node("c", "Contact", {"LastName": "C", "AccountId": "@{a.id}"}),
        node("u", "Account/@{a.id}", {"Phone": "1"}, "PATCH"),
    )
    bad = graph("2", node("a", "Account", {"Name": "B"}), node("b", "Account", {}), node("d", "Account", {"Name": "D"}))
    answer = send(api, bad, good)
    assert answer.status_code == 200, answer.text
    second, first = answer.json()["graphs"]
    assert (first["graphId"], first["isSuccessful"]) == ("1", True)
    made = first["graphResponse"]["compositeResponse"]
    assert [(p["referenceId"], p["httpStatusCode"]) for p in made] == [("a", 201), ("c", 201), ("u", 204)]
    assert made[0]["httpHeaders"] == {"Location": f"{DATA}/sobjects/Account/{made[0]['body']['id']}"}
    assert (second["graphId"], second["isSuccessful"]) == ("2", False)
    failed = second["graphResponse"]["compositeResponse"]
    assert [p["body"][0]["errorCode"] for p in failed] == [
        "PROCESSING_HALTED",
        "REQUIRED_FIELD_MISSING",
        "PROCESSING_HALTED",
    ]
    assert {p["httpStatusCode"] for p in failed} == {400}
    rows = api.rows("SELECT Name, Phone, (SELECT LastName FROM Contacts) FROM Account")
    assert [(r["Name"], r["Phone"], r["Contacts"]["totalSize"]) for r in rows] == [("A", "1", 1)]
    assert api.org.counted_calls() == 2


def code(answer: httpx2.Response) -> str:
    assert answer.status_code == 400, answer.text
    return str(answer.json()[0]["errorCode"])


def test_five_hundred_nodes_in_all(api: Api) -> None:
    many = [node(f"a{n}", "Account", {"Name": "A"}) for n in range(300)]
    assert code(send(api, graph("1", *many), graph("2", *many[:201]))) == "LIMIT_EXCEEDED"
    assert code(send(api, *(graph(f"g{n}", many[0]) for n in range(76)))) == "LIMIT_EXCEEDED"
    assert api.rows("SELECT Id FROM Account") == []


@pytest.mark.parametrize("graph_id", ["", ".a", "a.b", "x" * 41])
def test_graph_ids(api: Api, graph_id: str) -> None:
    assert code(send(api, graph(graph_id, node("a", "Account", {"Name": "A"})))) == "INVALID_INPUT"


def test_each_graph_has_an_id_of_its_own(api: Api) -> None:
    one = graph("1", node("a", "Account", {"Name": "A"}))
    assert code(send(api, one, one)) == "INVALID_INPUT"


@pytest.mark.parametrize(("method", "url"), [("GET", "Account"), ("POST", "../query?q=x"), ("PUT", "Account")])
def test_only_records_are_nodes(api: Api, method: str, url: str) -> None:
    assert code(send(api, graph("1", node("a", url, None, method)))) == "INVALID_INPUT"


def test_since_version_50(api: Api) -> None:
    assert api.post("/services/data/v49.0/composite/graph", json={"graphs": []}).status_code == 404
