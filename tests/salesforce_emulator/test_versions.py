"""What a client learns before it signs in, and what answers at unknown places."""

from __future__ import annotations

import httpx2
from tests.salesforce_emulator.client import DATA, Api

from salesforce_emulator import OrgStore, create_app
from salesforce_emulator.api.versions import label
from salesforce_emulator.testing import emulator_of, issue_token


def test_versions_are_listed_without_a_session_and_cost_nothing(api: Api) -> None:
    """ "Sforce-Limit-Info … not on 401, token, userinfo, /services/data"."""
    answer = httpx2.get(f"{api.org.url}/services/data")
    assert answer.status_code == 200
    assert "Sforce-Limit-Info" not in answer.headers
    assert answer.json()[-1] == {"label": "Summer ’26", "url": "/services/data/v67.0", "version": "67.0"}
    assert api.org.counted_calls() == 0


def test_labels_carry_a_curly_quote() -> None:
    """ "Label of v42 is "Spring ’18" (curly quote)."""
    assert [label(v) for v in (42, 43, 44, 58, 66, 67)] == [
        "Spring ’18", "Summer ’18", "Winter ’19", "Summer ’23", "Spring ’26", "Summer ’26",
    ]  # fmt: skip


def test_resources_of_a_version(api: Api) -> None:
    resources = api.get("").json()
    assert resources["sobjects"] == f"{DATA}/sobjects"
    identity = api.get(resources["identity"].removeprefix(api.org.url)).json()
    assert (identity["id"], identity["username"]) == (resources["identity"], api.org.username)


def test_unknown_endpoints_are_not_found(api: Api) -> None:
    """NOT_FOUND 404 "The requested resource does not exist"."""
    body = [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}]
    for path in ("analytics/nothing", "/services/data/v99.0/limits", "sobjects/Nothing", "sobjects/Nothing/describe"):
        answer = api.get(path)
        assert (answer.status_code, answer.json()) == (404, body)


def test_a_wrong_method_is_refused(api: Api) -> None:
    answer = api.call("PUT", "query")
    assert answer.status_code == 405
    assert answer.json()[0]["errorCode"] == "METHOD_NOT_ALLOWED"


def test_a_uri_that_is_too_long(api: Api) -> None:
    """ "URI ≤ 16,384 bytes (414)"."""
    long = api.get("query", params={"q": "SELECT Id FROM Account WHERE Name = '" + "x" * 16_400 + "'"})
    assert long.status_code == 414


def test_headers_that_are_too_long(api: Api) -> None:
    """ "URI + headers (431)"."""
    headers = {f"X-Filler-{n}": "x" * 8_000 for n in range(5)}
    assert api.get("limits", headers=headers).status_code == 431


def test_without_a_socket() -> None:
    """The application can be called in-process, by any client that speaks WSGI."""
    app = create_app(OrgStore())
    token = issue_token(emulator_of(app))
    with httpx2.Client(transport=httpx2.WSGITransport(app=app), base_url="http://org.example") as client:
        answer = client.get(f"{DATA}/limits", headers={"Authorization": f"Bearer {token}"})
        assert answer.headers["Sforce-Limit-Info"] == "api-usage=1/15000"
    emulator_of(app).close()
