"""The fault plan: what a rule matches, how often it strikes, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.salesforce_emulator.client import DATA, Api, OpenApi

from salesforce_emulator import OrgStore, create_app
from salesforce_emulator.__main__ import main
from salesforce_emulator.datafile import BadDataFile, DataFile
from salesforce_emulator.schema import BASE
from salesforce_emulator.testing import emulator_of

REFUSED: list[tuple[Any, str]] = [
    ("nonsense", 'a fault plan is a JSON list of rules, or {"seed": …, "rules": […]}'),
    ({"rules": [], "sed": 1}, "sed: no key of a plan; known are seed, rules"),
    ({"rules": [], "seed": 1.5}, "seed: a whole number or a text is wanted"),
    ([7], "rule 1: a JSON object is wanted"),
    ([{}], "rule 1: action: is missing"),
    ([{"action": "status"}, {"action": "explode"}], "rule 2: action: 'explode' is not one of "),
    ([{"action": "status", "tims": 1}], "rule 1: tims: no key of status; known are match, after, times, p, action, "),
    ([{"action": "slow", "status": 500}], "rule 1: status: no key of slow; known are "),
    ([{"action": "slow", "seconds": "1"}], "rule 1: seconds: a number is wanted"),
    ([{"action": "slow", "p": 1.5}], "rule 1: p: a number from 0 to 1 is wanted"),
    ([{"action": "slow", "after": -1}], "rule 1: after: a whole number of at least 0 is wanted"),
    ([{"action": "slow", "match": {"path": "("}}], "rule 1: match.path: no regular expression: "),
    ([{"action": "slow", "match": {"body": "["}}], "rule 1: match.body: no regular expression: "),
    ([{"action": "slow", "match": {"verb": "GET"}}], "rule 1: match.verb: no key; known are method, path, body, "),
    ([{"action": "slow", "match": "query"}], "rule 1: match: an object is wanted"),
    ([{"action": "field_missing"}], "rule 1: field: is missing"),
    ([{"action": "wrong_length", "by": 0}], "rule 1: by: a whole number other than 0 is wanted"),
    ([{"action": "reset", "when": "never"}], "rule 1: when: one of before, after is wanted"),
    ([{"action": "limit", "which": "Some"}], "rule 1: which: one of TotalRequests, ConcurrentRequests, "),
    ([{"action": "status", "status": 9999}], "rule 1: status: a whole number of at most 599 is wanted"),
    ([{"action": "html", "status": 99}], "rule 1: status: a whole number of at least 100 is wanted"),
    ([{"action": "slow", "seconds": 1e300}], "rule 1: seconds: a number from 0 to 3,600 is wanted"),
    ([{"action": "slow", "seconds": 10**400}], "rule 1: seconds: a number from 0 to 3,600 is wanted"),
    ([{"action": "slow"}, {"action": "stalled", "seconds": -1}], "rule 2: seconds: a number from 0 to 3,600 is wanted"),
    ([{"action": "lag", "seconds": 1e300}], "rule 1: seconds: a number from 0 to 86,400 is wanted"),
    (
        [{"action": "clock_skew", "seconds": -1e300}],
        "rule 1: seconds: a number from -31,536,000 to 31,536,000 is wanted",
    ),
    ([{"action": "limit", "retry_after": 1e9}], "rule 1: retry_after: a number from 0 to 604,800 is wanted"),
    ([{"action": "row_count", "count": 10**99}], "rule 1: count: a whole number of at most 9007199254740992 is wanted"),
    (
        [{"action": "status", "headers": {"X-A": "b\r\nX-C: d"}}],
        r"rule 1: headers: 'b\r\nX-C: d' is no value of a header, X-A",
    ),
    ([{"action": "status", "headers": {"X A": "b"}}], "rule 1: headers: 'X A' is no name of a header"),
    ([{"action": "html", "headers": {"": "b"}}], "rule 1: headers: '' is no name of a header"),
    ([{"action": "limit", "headers": {"X-A": "€"}}], "rule 1: headers: '€' is no value of a header, X-A"),
    ([{"action": "limit", "headers": {"X-A": [1]}}], "rule 1: headers: [1] is no value of a header, X-A"),
    ([{"action": "html", "headers": {"Content-Length": 5}}], "rule 1: headers: Content-Length is the server's own"),
    ([{"action": "html", "body": "\ud800"}], "rule 1: body: half a surrogate pair is no text"),
]


@pytest.mark.parametrize(("plan", "why"), REFUSED, ids=range(len(REFUSED)))
def test_a_plan_that_cannot_be_followed(api: Api, plan: Any, why: str) -> None:
    """The rule and the key are named, and the plan before stays."""
    api.org.fault("status", {"path": "nowhere"})
    answer = api.post("/__emulator/faults", content=json.dumps(plan))
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_PLAN")
    assert answer.json()[0]["message"].startswith(why)
    assert len(api.get("/__emulator/faults").json()["rules"]) == 1


@pytest.mark.parametrize("rule", ['"action": "slow", "seconds": NaN', '"action": "status", "p": NaN'])
def test_what_is_no_number_is_refused(api: Api, rule: str) -> None:
    assert api.post("/__emulator/faults", content=f"[{{{rule}}}]").status_code == 400


def test_headers_that_are_sent(api: Api) -> None:
    api.org.fault("status", status=599, headers={"X-Name": " Ren\xe9 ", "X-Number": 7}, retry_after=604_800)
    answer = api.get("limits")
    assert (answer.status_code, answer.headers["X-Number"], answer.headers["Retry-After"]) == (599, "7", "604800")
    assert dict(answer.headers.raw)[b"X-Name"] == "Ren\xe9".encode("latin-1")


def _struck(api: Api, plan: object, calls: int = 60) -> list[bool]:
    assert api.post("/__emulator/faults", json=plan).status_code == 200
    return [api.get("limits").status_code == 500 for _ in range(calls)]


def test_chance_is_the_same_again(api: Api) -> None:
    """Rules have streams of their own: one more rule, for other calls, changes nothing."""
    rule = {"match": {"path": "limits"}, "p": 0.3, "action": "status", "status": 500}
    first = _struck(api, {"seed": 5, "rules": [rule]})
    assert 0 < sum(first) < 60
    other = {"match": {"path": "sobjects"}, "p": 0.5, "action": "status"}
    assert _struck(api, {"seed": 5, "rules": [rule, other]}) == first
    assert _struck(api, {"seed": 6, "rules": [rule]}) != first
    assert _struck(api, {"seed": 5, "rules": [other, rule]}) != first, "another place, another stream"


def test_chance_with_an_end(api: Api) -> None:
    rule = {"match": {"path": "limits"}, "p": 0.5, "times": 3, "after": 2, "action": "status", "status": 500}
    struck = _struck(api, [rule])
    assert sum(struck) == 3
    assert not any(struck[:2])


def test_a_rule_about_a_user(open_api: OpenApi) -> None:
    api = open_api()
    with api.org.store.reading() as conn:
        name = conn.execute('SELECT "Username" FROM "User" WHERE "Id" = ?', (BASE.administrator,)).fetchone()[0]
    other = {"Authorization": f"Bearer {api.org.access_token(BASE.administrator)}"}
    for who in (name, name.upper(), BASE.administrator, BASE.administrator[:15]):
        api.org.fault("status", {"user": who}, status=500, times=0)
        codes = [api.get("limits", headers=h).status_code for h in ({}, other)]
        assert codes == [200, 500]


def test_a_rule_about_a_body(api: Api) -> None:
    api.org.fault("status", {"body": '"Name": ?"Bad'}, status=500, times=0)
    assert api.post("sobjects/Account", json={"Name": "Bad Ltd"}).status_code == 500
    assert api.create("Account", Name="Good Ltd")
    api.org.fault("status", {"path": "batches", "body": "Bad"}, status=500, times=0)
    info = api.ingest("Account", "insert", "Name\nGood Inc\n")
    assert (info["state"], info["numberRecordsProcessed"]) == ("JobComplete", 1)


def test_a_rule_looks_at_path_and_query(api: Api) -> None:
    api.org.fault("status", {"path": rf"{DATA}/query\?q=SELECT\+Name"}, status=500, times=0)
    assert api.get("query", params={"q": "SELECT Name FROM Account"}).status_code == 500
    assert api.get("query", params={"q": "SELECT Id FROM Account"}).status_code == 200


def test_what_lasts_leaves_the_call_to_others(api: Api) -> None:
    plan = [{"action": "clock_skew", "seconds": 3}, {"action": "status", "status": 500, "match": {"path": "limits"}}]
    api.org.emulator.faults.set(plan)
    assert [api.get("limits").status_code for _ in range(2)] == [500, 200]
    assert [c["fault"] for c in api.org.calls()] == ["clock_skew, status", "clock_skew"]
    assert [rule["struck"] for rule in api.org.emulator.faults.report()["rules"]] == [2, 1]


def test_a_plan_to_begin_with() -> None:
    with OrgStore() as store:
        app = create_app(store, faults=[{"action": "html", "status": 502}])
        assert app.test_client().get("/services/data").status_code == 502
        assert emulator_of(app).faults.report()["rules"][0]["struck"] == 1


def test_a_data_file_brings_a_plan(tmp_path: Path) -> None:
    file = tmp_path / "org.json"
    plan = {"seed": 7, "rules": [{"action": "status", "p": 0.1}]}
    file.write_text(json.dumps({"faults": plan}))
    assert DataFile.read(file).faults == plan
    file.write_text(json.dumps({"faults": [{"action": "status", "p": 2}]}))
    with pytest.raises(BadDataFile, match=r"org\.json: rule 1: p: a number from 0 to 1 is wanted"):
        DataFile.read(file)


def test_a_file_of_faults_that_cannot_be_followed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "faults.json"
    file.write_text('[{"action": "status", "cod": 500}]')
    assert main(["--port", "0", "--faults", str(file)]) == 2
    assert "faults.json: rule 1: cod: no key of status" in capsys.readouterr().err
