"""SOQL by REST: pages as they come, and pages that lie."""

from __future__ import annotations

from typing import Any

import httpx2
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abmatic.salesforce import RefreshingTokens, Tokens, errors
from abmatic.salesforce.answers import Answer
from abmatic.salesforce.query import read_page

from .conftest import INSTANCE, Handler, Org, in_turn, refusal

SOQL = "SELECT Id FROM Account"


def page(records: list[Any], total: int, following: str | None = None, done: bool | None = None) -> httpx2.Response:
    body: dict[str, Any] = {"totalSize": total, "done": following is None if done is None else done}
    if following:
        body["nextRecordsUrl"] = f"/services/data/v67.0/query/{following}"
    return httpx2.Response(200, content=orjson.dumps(body | {"records": records}))


def rows(*names: str) -> list[dict[str, Any]]:
    return [
        {"attributes": {"type": "Account", "url": f"/services/data/v67.0/sobjects/Account/{n}"}, "Id": n} for n in names
    ]


def by_path(answers: dict[str, httpx2.Response]) -> Handler:
    return lambda request: answers[request.url.path.rsplit("/", 1)[-1]]


def test_pages_are_fetched_one_after_another_as_they_are_asked_for() -> None:
    org = Org(
        by_path(
            {
                "query": page(rows("1", "2"), 5, "0r8xx5R2yF2gs3VASQ-2000"),
                "0r8xx5R2yF2gs3VASQ-2000": page(rows("3", "4"), 5, "0r8xx5R2yF2gs3VASQ-4000"),
                "0r8xx5R2yF2gs3VASQ-4000": page(rows("5"), 5),
            }
        )
    )
    pages = org.client().query_pages(SOQL)
    first = next(pages)
    assert len(org.requests) == 1
    assert org.requests[0].url.params["q"] == SOQL
    assert (first.total_size, first.count, first.seen, first.done) == (5, 2, 2, False)
    assert orjson.loads(first.records_json) == rows("1", "2")
    rest = list(pages)
    assert [(p.count, p.seen, p.done) for p in rest] == [(2, 4, False), (1, 5, True)]


def test_deleted_records_come_from_query_all() -> None:
    org = Org(in_turn(page([], 0)))
    list(org.client().query_pages(SOQL, include_deleted=True))
    assert org.paths() == ["GET /services/data/v67.0/queryAll"]


def test_rows_come_without_attributes() -> None:
    org = Org(by_path({"query": page(rows("1"), 2, "next"), "next": page(rows("2"), 2)}))
    assert list(org.client().query_rows(SOQL)) == [{"Id": "1"}, {"Id": "2"}]


def test_a_count_is_one_call() -> None:
    org = Org(in_turn(page([], 1234)))
    assert org.client().count("SELECT count() FROM Account") == 1234
    assert len(org.requests) == 1


def test_records_are_kept_as_the_bytes_that_came() -> None:
    """Numbers keep their digits: 18-digit currencies don't fit a float."""
    one = b'{"Id":"]}","Amount":350000000.0,"Big__c":1234567890123456.780,"Name":"\\u00e9 \xc3\xa9","Some":[1,[2.50]]}'
    array = b"[ " + b" ,\n".join([one] * 200) + b" ]"
    org = Org(in_turn(httpx2.Response(200, content=b'{"totalSize":200,"done":true,"records":' + array + b"}")))
    [only] = org.client().query_pages(SOQL)
    assert only.records_json == array


def test_members_in_another_order_are_understood() -> None:
    contacts = b'{"totalSize":1,"done":true,"records":[{"Id":"c"}]}'
    body = b'{"records":[{"Id":"]}","Contacts":' + contacts + b'}],"done":true,"totalSize":1}'
    [only] = Org(in_turn(httpx2.Response(200, content=body))).client().query_pages(SOQL)
    assert (only.total_size, only.count) == (1, 1)
    assert only.records_json == body[body.index(b"[") : body.rindex(b"]") + 1]


JSON_TEXT = st.text(alphabet=st.sampled_from('ab"\\[]{},:\n é😀records'), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | JSON_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(JSON_TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(
    st.lists(st.dictionaries(JSON_TEXT, JSON, max_size=4), max_size=4),
    st.permutations(["totalSize", "done", "records", "extra"]),
    JSON,
    st.booleans(),
)
def test_the_records_are_cut_out_right_whatever_they_hold(
    records: list[Any], order: list[str], extra: Any, indented: bool
) -> None:
    members = {"totalSize": len(records), "done": True, "records": records, "extra": extra}
    option = orjson.OPT_INDENT_2 if indented else None
    body = orjson.dumps({name: members[name] for name in order}, option=option)
    read = read_page(Answer(200, httpx2.Headers(), body))
    assert orjson.loads(read.records_json) == records
    assert (read.count, read.total_size, read.done) == (len(records), len(records), True)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><title>Maintenance</title></html>",
        b"[]",
        b"null",
        b"{}",
        b'{"totalSize":1,"done":true}',
        b'{"totalSize":1,"done":true,"records":{}}',
        b'{"totalSize":1,"done":true,"records":[{"Id":"1"}',
        b'{"totalSize":1,"done":true,"records":[{"Id":"1"]}',
        b'{"totalSize":"1","done":true,"records":[]}',
        b'{"totalSize":1,"done":"true","records":[]}',
        b'{"done":true,"records":[]}',
        b'{"totalSize":2,"done":false,"records":[]}',
        b'{"totalSize":2,"done":false,"nextRecordsUrl":"https://evil.example/query/x","records":[]}',
        b'{"totalSize":2,"done":false,"nextRecordsUrl":"//evil.example/services/data/v67.0/query/x","records":[]}',
        b'{"totalSize":2,"done":false,"nextRecordsUrl":"/services/data/v67.0/query/../../x","records":[]}',
        b'{"totalSize":2,"done":false,"nextRecordsUrl":"/services/data/v67.0/sobjects/Account","records":[]}',
        b'{"totalSize":2,"done":false,"nextRecordsUrl":7,"records":[]}',
        b'{"totalSize":2,"done":false,"nextRecordsUrl":"@evil.example/query/x","records":[]}',
        b'{"totalSize":1,"done":true,"records":[{"Id":"\xff"}]}',
    ],
)
def test_a_page_that_is_none_is_tried_again_and_then_named(body: bytes) -> None:
    org = Org(in_turn(httpx2.Response(200, content=body)))
    with pytest.raises(errors.BadAnswer):
        list(org.client().query_pages(SOQL))
    assert len(org.requests) == 6
    assert all(str(request.url).startswith(INSTANCE + "/services/data/v67.0/query?q=") for request in org.requests)


def test_pages_that_go_round_in_a_circle_end() -> None:
    org = Org(by_path({"query": page(rows("1"), 9, "a"), "a": page(rows("2"), 9, "b"), "b": page(rows("3"), 9, "a")}))
    with pytest.raises(errors.BadAnswer, match="already read"):
        list(org.client().query_pages(SOQL))


def test_pages_that_never_end_end() -> None:
    def endless(request: httpx2.Request) -> httpx2.Response:
        number = request.url.path.rsplit("/", 1)[-1]
        return page([], 9, "1" if number == "query" else str(int(number) + 1))

    org = Org(endless)
    with pytest.raises(errors.BadAnswer, match="goes on after 0"):
        list(org.client().query_pages(SOQL))
    assert len(org.requests) < 10


def test_more_records_than_the_query_has_are_refused() -> None:
    org = Org(by_path({"query": page(rows("1"), 1, "a"), "a": page(rows("2"), 1)}))
    with pytest.raises(errors.BadAnswer, match="of 1 records goes on after 2"):
        list(org.client().query_pages(SOQL))


def test_a_page_that_is_done_and_yet_names_a_next_one_is_followed() -> None:
    org = Org(by_path({"query": page(rows("1"), 2, "a", done=True), "a": page(rows("2"), 2)}))
    assert [p.done for p in org.client().query_pages(SOQL)] == [False, True]


def test_a_total_that_changes_and_records_that_went_away_are_told_not_hidden() -> None:
    org = Org(by_path({"query": page(rows("1"), 4, "a"), "a": page(rows("2"), 3)}))
    last = list(org.client().query_pages(SOQL))[-1]
    assert (last.done, last.seen, last.total_size) == (True, 2, 3)


def test_a_cursor_dies_with_its_session() -> None:
    """A renewed token doesn't bring the pages back: the window has to be begun again."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("/query"):
            return page(rows("1"), 2, "a")
        return refusal(401, "INVALID_SESSION_ID", "Session expired or invalid")

    renewals: list[str] = []

    def fetch(old: Tokens) -> Tokens:
        renewals.append(old.access_token)
        return Tokens("second", INSTANCE, "")

    client = Org(answer).client(RefreshingTokens(Tokens("first", INSTANCE, ""), fetch))
    with pytest.raises(errors.LocatorExpired):
        list(client.query_pages(SOQL))
    assert renewals == ["first"]


@pytest.mark.parametrize("code", ["INVALID_QUERY_LOCATOR", "NOT_FOUND"])
def test_a_lost_cursor_means_start_over(code: str) -> None:
    org = Org(by_path({"query": page(rows("1"), 2, "a"), "a": refusal(404, code)}))
    with pytest.raises(errors.LocatorExpired) as lost:
        list(org.client().query_pages(SOQL))
    assert isinstance(lost.value, errors.StartOver)


def test_a_query_too_long_for_a_url_is_not_sent() -> None:
    org = Org(in_turn(page([], 0)))
    with pytest.raises(errors.QueryTooLong):
        list(org.client().query_pages(f"SELECT Id FROM Account WHERE Name IN ({','.join(['%27é%27'] * 3000)})"))
    assert org.requests == []


def test_a_missing_field_is_named() -> None:
    org = Org(in_turn(refusal(400, "INVALID_FIELD", "No such column 'X__c' on entity 'Account'. If")))
    with pytest.raises(errors.InvalidField) as missing:
        list(org.client().query_pages(SOQL))
    assert missing.value.field == "X__c"
