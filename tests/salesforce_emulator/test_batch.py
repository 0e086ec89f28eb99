"""Composite batch: calls in one that know nothing of each other."""

from __future__ import annotations

from typing import Any

from tests.salesforce_emulator.client import DATA, Api, Json


def part(method: str, path: str, **rich_input: Any) -> dict[str, Any]:
    return {"method": method, "url": f"v60.0/{path}"} | ({"richInput": rich_input} if rich_input else {})


def batch(api: Api, *parts: dict[str, Any], **options: Any) -> Json:
    answer = api.post("composite/batch", json={"batchRequests": list(parts), **options})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_parts_run_in_order_and_later_ones_see_what_earlier_ones_wrote(api: Api) -> None:
    account = api.create("Account", Name="Acme")
    answer = batch(
        api,
        part("PATCH", f"sobjects/Account/{account}", Name="New"),
        part("GET", f"sobjects/Account/{account}?fields=Name"),
    )
    assert answer == {
        "hasErrors": False,
        "results": [
            {"statusCode": 204, "result": None},
            {
                "statusCode": 200,
                "result": {
                    "attributes": {"type": "Account", "url": f"{DATA}/sobjects/Account/{account}"},
                    "Name": "New",
                    "Id": account,
                },
            },
        ],
    }


def test_a_failed_part_undoes_nothing_and_stops_nothing(api: Api) -> None:
    answer = batch(api, part("POST", "sobjects/Account", Name="A"), part("POST", "sobjects/Account", Phone="1"),
                   part("POST", "sobjects/Account", Name="B"))  # fmt: skip
    assert [r["statusCode"] for r in answer["results"]] == [201, 400, 201]
    assert answer["hasErrors"] is True
    assert answer["results"][1]["result"][0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert api.rows("SELECT Name FROM Account ORDER BY Name") == [{"Name": "A"}, {"Name": "B"}]


def test_halt_on_error(api: Api) -> None:
    """ "an HTTP 412 status code and a BATCH_PROCESSING_HALTED error message for each subsequent subrequest"."""
    answer = batch(api, part("POST", "sobjects/Account", Phone="1"), part("POST", "sobjects/Account", Name="B"),
                   haltOnError=True)  # fmt: skip
    assert [r["statusCode"] for r in answer["results"]] == [400, 412]
    assert answer["results"][1]["result"][0]["errorCode"] == "BATCH_PROCESSING_HALTED"
    assert api.rows("SELECT Id FROM Account") == []


def test_each_part_counts_as_a_call(api: Api) -> None:
    """ "Each subrequest counts against rate limits"."""
    used = api.org.emulator.usage.used
    batch(api, *[part("GET", "limits")] * 3)
    assert api.org.emulator.usage.used == used + 3
    api.org.emulator.usage.allowance = used + 5
    results = batch(api, *[part("GET", "limits")] * 3)["results"]
    assert [r["statusCode"] for r in results] == [200, 200, 403]
    assert results[2]["result"][0]["errorCode"] == "REQUEST_LIMIT_EXCEEDED"


def test_a_malformed_part_is_refused_before_any_is_run(api: Api) -> None:
    """ "An example where this could occur is if a subrequest has an invalid method or url field"."""
    good = part("POST", "sobjects/Account", Name="A")
    newer = {"method": "GET", "url": "v61.0/limits"}
    for bad in ({"method": "FETCH", "url": "v60.0/limits"}, {"method": "GET", "url": "limits"}, newer, "GET"):
        answer = api.post("composite/batch", json={"batchRequests": [good, bad]})
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")
    assert api.post("composite/batch", json={"batchRequests": [good] * 26}).status_code == 400
    assert api.rows("SELECT Id FROM Account") == []
