"""Any single request: signed, counted, retried where that is safe, and understood."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abmatic.salesforce import AccessToken, Client, RetryPolicy, StaticTokens, Usage, errors
from abmatic.salesforce.usage import read_usage

from .conftest import INSTANCE, Org, in_turn, refusal

LIMITS = httpx2.Response(200, json={}, headers={"Sforce-Limit-Info": "api-usage=22/15000"})


def test_a_request_is_signed_and_names_the_client() -> None:
    org = Org(in_turn(LIMITS))
    org.client(client_name="abmatic").limits()
    sent = org.requests[0].headers
    assert sent["authorization"] == "Bearer 00D000000000001!secret"
    assert sent["sforce-call-options"] == "client=abmatic"
    assert sent["accept-encoding"] == "gzip"


def test_usage_and_calls_are_counted() -> None:
    org = Org(in_turn(LIMITS, refusal(401, "INVALID_SESSION_ID"), LIMITS))
    client = org.client()
    assert (client.usage, client.calls) == (None, 0)
    client.limits()
    assert (client.usage, client.calls) == (Usage(22, 15000), 1)
    with pytest.raises(errors.InvalidGrant):
        client.limits()
    assert client.calls == 1, "a refused session costs nothing"
    assert [(call.method, call.status, call.counted) for call in org.calls] == [("GET", 200, True), ("GET", 401, False)]


def test_userinfo_and_versions_cost_no_call() -> None:
    org = Org(
        lambda request: httpx2.Response(
            200, json=[{"version": "67.0"}] if request.url.path == "/services/data" else {"user_id": "005"}
        )
    )
    client = org.client(api_version=None)
    assert client.userinfo().user_id == "005"
    assert client.api_version == "67.0"
    assert client.calls == 0
    assert "authorization" not in org.requests[1].headers


@pytest.mark.parametrize(
    "trouble",
    [
        httpx2.ConnectError("refused"),
        httpx2.ConnectTimeout("slow"),
        httpx2.ReadTimeout("slow"),
        httpx2.ReadError("reset"),
        httpx2.RemoteProtocolError("closed"),
        refusal(503, "SERVER_UNAVAILABLE"),
        refusal(500, "UNABLE_TO_LOCK_ROW"),
        refusal(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded."),
        httpx2.Response(429),
        httpx2.Response(200, content=b"<html><title>Maintenance</title>"),
        httpx2.Response(200, content=b'{"DailyApi'),
        httpx2.Response(200, json=[1]),
    ],
    ids=str,
)
def test_passing_trouble_while_reading_is_tried_again(trouble: httpx2.Response | Exception) -> None:
    org = Org(in_turn(trouble, trouble, LIMITS))
    assert org.client().limits() == {}
    assert len(org.requests) == 3
    assert org.pauses == [0.25, 0.5], "half (the dice say) of 0.5 s, then of 1 s"


@pytest.mark.parametrize(
    "refused",
    [
        refusal(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
        refusal(403, "API_DISABLED_FOR_ORG"),
        refusal(400, "INVALID_FIELD"),
        refusal(404, "NOT_FOUND"),
        httpx2.Response(302, headers={"location": "https://evil.example/"}),
    ],
    ids=["limit", "disabled", "field", "missing", "redirect"],
)
def test_what_would_fail_again_is_not_tried_again(refused: httpx2.Response) -> None:
    org = Org(in_turn(refused))
    with pytest.raises(errors.SalesforceError) as error:
        org.client().limits()
    assert not isinstance(error.value, errors.Transient)
    assert (len(org.requests), org.pauses) == (1, [])


def test_lasting_trouble_ends_in_the_error() -> None:
    org = Org(in_turn(httpx2.Response(503, content=b"<title>Down</title>")))
    with pytest.raises(errors.ServerTrouble, match="Down"):
        org.client(retry=RetryPolicy(attempts=4)).limits()
    assert len(org.requests) == 4


def test_retry_after_is_respected_and_a_long_one_is_handed_on() -> None:
    org = Org(in_turn(refusal(503, "SERVER_UNAVAILABLE", Retry_After="20"), LIMITS))
    org.client().limits()
    assert org.pauses == [20.0]
    org = Org(in_turn(refusal(503, "SERVER_UNAVAILABLE", Retry_After="3600"), LIMITS))
    with pytest.raises(errors.ServerTrouble) as trouble:
        org.client().limits()
    assert trouble.value.retry_after == 3600.0
    assert org.pauses == []


@given(st.integers(1, 40), st.none() | st.floats(0, 120), st.floats(0, 1, exclude_max=True))
def test_a_pause_is_never_longer_than_allowed_nor_shorter_than_asked(
    attempt: int, asked: float | None, chance: float
) -> None:
    policy = RetryPolicy(attempts=100)
    pause = policy.pause(attempt, asked, chance)
    assert pause is not None
    assert (asked or 0.0) <= pause <= max(asked or 0.0, policy.longest_pause)


def test_no_cookie_of_one_answer_travels_with_the_next_request() -> None:
    org = Org(in_turn(httpx2.Response(200, json={}, headers={"Set-Cookie": "sid=secret; Path=/"})))
    client = org.client()
    client.limits()
    client.limits()
    assert "cookie" not in org.requests[1].headers


@pytest.mark.parametrize(
    ("header", "usage"),
    [
        ("api-usage=22/15000", Usage(22, 15000)),
        ("api-usage=25/5000;per-app-api-usage=17/250(appName=sample-connected-app)", Usage(25, 5000, 17, 250)),
        ("api-usage=25/5000; per-app-api-usage=17/250", Usage(25, 5000, 17, 250)),
        ("per-app-api-usage=17/250(appName=x), api-usage=1/2", Usage(1, 2, 17, 250)),
        ("per-app-api-usage=17/250(appName=x)", None),
        ("", None),
        ("api-usage=many/15000", None),
    ],
)
def test_the_limit_header(header: str, usage: Usage | None) -> None:
    assert read_usage(header) == usage


def test_the_tighter_allowance_counts() -> None:
    assert Usage(10, 100).share == 0.1
    assert Usage(10, 100, 90, 100).share == 0.9
    assert Usage(0, 0).share == 1.0


def test_limits_are_read_by_name() -> None:
    org = Org(in_turn(httpx2.Response(200, json={"DailyApiRequests": {"Max": 5, "Remaining": 4}, "Odd": 3, "X": {}})))
    limits = org.client().limits()
    assert list(limits) == ["DailyApiRequests"]
    assert limits["DailyApiRequests"].remaining == 4


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":',
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 12\r\n\r\n" + gzip.compress(b'{"a":{}}')[:12],
        b"SSH-2.0-OpenSSH\r\n",
        b"",
    ],
    ids=["short", "chunk missing", "no gzip", "gzip cut", "not http", "hung up"],
)
def test_a_broken_answer_on_the_wire_is_passing_trouble(socket_server: Callable[[bytes], str], answer: bytes) -> None:
    pauses: list[float] = []
    tokens = StaticTokens(AccessToken("x", socket_server(answer)))
    with (
        Client(tokens, api_version="67.0", sleep=pauses.append, retry=RetryPolicy(attempts=2)) as client,
        pytest.raises(errors.Transient),
    ):
        client.limits()
    assert len(pauses) == 1


def test_nobody_there_is_passing_trouble() -> None:
    tokens = StaticTokens(AccessToken("x", "http://127.0.0.1:1"))
    with (
        Client(tokens, api_version="67.0", sleep=lambda _: None) as client,
        pytest.raises(errors.ConnectionBroken) as broken,
    ):
        client.limits()
    assert not broken.value.outcome_unknown


def test_the_instance_of_the_token_is_the_one_called() -> None:
    org = Org(in_turn(LIMITS))
    org.client().limits()
    assert str(org.requests[0].url) == f"{INSTANCE}/services/data/v67.0/limits"


def test_neither_tokens_nor_queries_reach_the_log(caplog: pytest.LogCaptureFixture) -> None:
    page = httpx2.Response(200, json={"totalSize": 0, "done": True, "records": []})
    with caplog.at_level("DEBUG"):
        list(Org(in_turn(page)).client().query_rows("SELECT Id FROM Lead WHERE Email = 'ada@acme.example'"))
    assert "ada" not in caplog.text
    assert "secret" not in caplog.text


def test_the_token_stays_out_of_reports_that_show_variables() -> None:
    """Error reporters print the variables of every frame."""
    org = Org(in_turn(refusal(400, "INVALID_FIELD")))
    with pytest.raises(errors.InvalidField) as error:
        org.client().limits()
    ours = [entry for entry in error.traceback if "abmatic" in str(entry.path) and "tests" not in str(entry.path)]
    assert ours
    assert all("!secret" not in repr(value) for entry in ours for value in entry.frame.f_locals.values())


@pytest.mark.parametrize("status", [401, 403])
def test_userinfo_refuses_a_token_in_its_own_way(status: int) -> None:
    org = Org(in_turn(httpx2.Response(status, text="Bad_OAuth_Token")))
    with pytest.raises(errors.InvalidGrant):  # there is no way to a new token
        org.client().userinfo()
