"""The CSV off the wire: header line taken off, the rest untouched, cuts noticed."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abmatic.salesforce import AccessToken, Client, StaticTokens, errors
from abmatic.salesforce.bulk import ResultPage
from abmatic.salesforce.streams import PageStream, read_page, regroup, take_header_line

from .conftest import JOB_ID, csv_page

BODY = b'"Id","Name"\n"001","Acme, ""the"" \r\nfirm"\n"002",""\n'


def whole(stream: PageStream) -> bytes:
    return b"".join(stream.chunks)


def test_a_page_tells_columns_count_and_the_rest_of_its_bytes() -> None:
    stream = read_page(csv_page(BODY, records=2, locator="MTAwMDA"))
    assert (stream.columns, stream.expected, stream.next_locator) == (["Id", "Name"], 2, "MTAwMDA")
    assert whole(stream) == BODY[12:]


CELL = st.text(alphabet=st.sampled_from('ab,"\n\ré '), max_size=6)


@given(
    st.lists(CELL, min_size=1, max_size=5, unique=True),
    st.sampled_from(["\n", "\r\n"]),
    st.binary(max_size=300),
    st.integers(1, 400),
    st.booleans(),
    st.booleans(),
)
def test_any_header_line_is_taken_off_wherever_the_wire_cuts(
    names: list[str], ending: str, rest: bytes, piece: int, packed: bool, bom: bool
) -> None:
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator=ending).writerow(names)
    body = (b"\xef\xbb\xbf" if bom else b"") + line.getvalue().encode() + rest
    sent = gzip.compress(body) if packed else body
    headers: dict[str, Any] = {"Content_Encoding": "gzip"} if packed else {}
    stream = read_page(csv_page(sent, piece=piece, **headers))
    assert stream.columns == names
    assert whole(stream) == rest


@pytest.mark.parametrize("piece", range(1, 20))
def test_a_line_end_of_two_characters_may_come_in_two_pieces(piece: int) -> None:
    stream = read_page(csv_page(BODY.replace(b"\n", b"\r\n"), piece=piece))
    assert stream.columns == ["Id", "Name"]
    assert whole(stream).startswith(b'"001"')


def test_unquoted_names_and_a_lone_carriage_return_are_read() -> None:
    columns, rest = take_header_line(iter([b"Id,Na", b"me\r", b'"1","x"\r']))
    assert columns == ["Id", "Name"]
    assert b"".join(rest) == b'"1","x"\r'


@pytest.mark.parametrize("body", [b'"Id"', b'"Id"\n', b'"Id"\r\n', b'"Id"\r'])
def test_a_result_without_records_has_columns_only(body: bytes) -> None:
    stream = read_page(csv_page(body, records=0))
    assert stream.columns == ["Id"]
    assert whole(stream) == b""


@pytest.mark.parametrize("body", [b"", b"Records not found for this query", b"Records not found for this query\n"])
def test_an_empty_result_may_come_without_a_header_line(body: bytes) -> None:
    stream = read_page(csv_page(body, records=0))
    assert (stream.columns, whole(stream)) == ([], b"")


@given(st.lists(st.binary(max_size=50), max_size=40), st.integers(1, 100))
def test_pieces_are_joined_to_at_least_the_size_and_nothing_is_lost(pieces: list[bytes], size: int) -> None:
    joined = list(regroup(iter(pieces), size))
    assert b"".join(joined) == b"".join(pieces)
    assert all(len(piece) >= size for piece in joined[:-1])


def test_a_big_page_comes_in_big_pieces() -> None:
    rest = b'"001","Acme"\n' * 100_000
    stream = read_page(csv_page(b'"Id","Name"\n' + rest, piece=16_384))
    sizes = [len(chunk) for chunk in stream.chunks]
    assert sum(sizes) == len(rest)
    assert min(sizes[:-1]) >= 65_536


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (BODY, {"Content_Length": str(len(BODY) + 1)}),
        (gzip.compress(BODY)[:-1], {"Content_Encoding": "gzip"}),
        (gzip.compress(BODY)[:30], {"Content_Encoding": "gzip"}),
        (gzip.compress(BODY)[:-9] + b"x" * 9, {"Content_Encoding": "gzip"}),
        (b"no gzip at all", {"Content_Encoding": "gzip"}),
        (BODY, {"Content_Encoding": "br"}),
    ],
    ids=["short", "gzip cut at its end", "gzip cut early", "gzip damaged", "no gzip", "brotli"],
)
def test_a_body_cut_or_damaged_is_never_taken_for_whole(body: bytes, headers: dict[str, Any]) -> None:
    with pytest.raises(errors.BadAnswer):
        whole(read_page(csv_page(body, records=2, **headers)))


def test_two_gzip_members_in_one_body_are_read() -> None:
    stream = read_page(csv_page(gzip.compress(BODY[:20]) + gzip.compress(BODY[20:]), Content_Encoding="gzip", piece=7))
    assert whole(stream) == BODY[12:]


@pytest.mark.parametrize(
    ("body", "content_type", "seen"),
    [
        (b"<html><head><title>Scheduled Maintenance</title></head>", "text/html", "Scheduled Maintenance"),
        (b'{"Id":"1"}', "application/json", "JSON"),
        (BODY, "application/octet-stream", "octet-stream"),
    ],
)
def test_a_page_that_is_not_csv_is_refused(body: bytes, content_type: str, seen: str) -> None:
    response = csv_page(body, records=2)
    response.headers["content-type"] = content_type
    with pytest.raises(errors.BadAnswer, match=seen):
        read_page(response)


@pytest.mark.parametrize("body", [b"", b'"Id', b'"Id"x\n', b'"\xff"\n', b'"' + b"x" * 300_000])
def test_a_header_line_that_cannot_be_read_is_refused(body: bytes) -> None:
    with pytest.raises(errors.BadAnswer):
        whole(read_page(csv_page(body, records=2)))


@pytest.mark.parametrize(
    ("header", "expected"), [("null", None), ("NULL", None), ("", None), (None, None), ("MTAwMDA", "MTAwMDA")]
)
def test_the_last_page_says_null_or_nothing(header: str | None, expected: str | None) -> None:
    assert read_page(csv_page(BODY, locator=header)).next_locator == expected


@pytest.mark.parametrize(("header", "expected"), [("2", 2), ("0", 0), ("many", None), ("", None)])
def test_the_number_of_records_is_read_where_there_is_one(header: str, expected: int | None) -> None:
    assert read_page(csv_page(BODY, Sforce_NumberOfRecords=header)).expected == expected


def _opened(url: str) -> Iterator[bytes]:
    from abmatic.salesforce.bulk import BulkQueryJob
    from abmatic.salesforce.jobs import JobInfo

    client = Client(StaticTokens(AccessToken("x", url)), api_version="67.0", sleep=lambda _: None)
    info = JobInfo(JOB_ID, "query", "Account", "JobComplete", 2, "67.0", "", None, "")
    with client, BulkQueryJob(client._wire, info, "67.0").open_page(ResultPage(0, None)) as stream:
        yield from stream.chunks


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        HEAD + b"Content-Length: 1000\r\n\r\n" + BODY,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(BODY), BODY),
        HEAD
        + b"Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n%x\r\n%b\r\n0\r\n\r\n"
        % (len(gzip.compress(BODY)) - 2, gzip.compress(BODY)[:-2]),
    ],
    ids=["length", "chunked", "gzip"],
)
def test_a_page_cut_on_the_wire_raises_while_it_is_read(socket_server: Callable[[bytes], str], answer: bytes) -> None:
    with pytest.raises((errors.BadAnswer, errors.ConnectionBroken)):
        list(_opened(socket_server(answer)))


def test_a_whole_page_on_the_wire_is_read(socket_server: Callable[[bytes], str]) -> None:
    packed = gzip.compress(BODY)
    answer = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed
    assert b"".join(_opened(socket_server(answer))) == BODY[12:]
