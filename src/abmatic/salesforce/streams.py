"""A CSV body as it comes off the wire: decompressed, its header line taken off, in big pieces.

No row is ever built here. What is checked is what the bytes alone can tell: that the body is
CSV, complete by its Content-Length and by the end mark of its compression. Whether every record
came is for whoever counts them against ``PageStream.expected``.
"""

from __future__ import annotations

import csv
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import httpx2

from . import errors
from .answers import not_json
from .transport import network_errors

CHUNK = 256 * 1024
_LONGEST_HEADER_LINE = 256 * 1024
_INFLATE_STEP = 1024 * 1024
_BOM = b"\xef\xbb\xbf"
_QUOTE_OR_BREAK = re.compile(rb'["\r\n]')
# What Bulk answers instead of a CSV without rows in some releases.
_NOTHING_FOUND = "Records not found for this query"


@dataclass
class PageStream:
    """One page of a bulk result.

    ``columns`` are the names of the header line; ``expected`` the records Salesforce says the page
    holds (None where it doesn't say); ``chunks`` the CSV after the header line, at least 64 KB
    each but for the last, to be read once; ``next_locator`` where the following page begins.
    Reading ``chunks`` raises BadAnswer or ConnectionBroken where the body is cut: open the page again.
    """

    columns: list[str]
    expected: int | None
    chunks: Iterator[bytes]
    next_locator: str | None


def read_page(response: httpx2.Response, chunk_size: int = CHUNK) -> PageStream:
    """The page behind an open response. Raises BadAnswer where it isn't CSV."""
    expected = _count(response.headers.get("sforce-numberofrecords"))
    content_type = response.headers.get("content-type", "").split(";")[0].strip().lower()
    body = body_bytes(response)
    if content_type != "text/csv":
        beginning = next(body, b"")
        if expected != 0 or beginning.strip():
            raise _not_csv(response, beginning)
        return PageStream([], expected, iter(()), locator(response.headers))
    columns, rest = take_header_line(body)
    if columns == [_NOTHING_FOUND]:
        columns = []
    if not columns and expected:
        raise errors.BadAnswer(f"a page of {expected} records came without a header line")
    return PageStream(columns, expected, regroup(rest, chunk_size), locator(response.headers))


def locator(headers: httpx2.Headers) -> str | None:
    """The next page's locator; the string "null", nothing, or no header at all end the result."""
    value = headers.get("sforce-locator", "").strip()
    return value if value and value.lower() != "null" else None


def body_bytes(response: httpx2.Response) -> Iterator[bytes]:
    """The decompressed body. Raises BadAnswer where it ends before its length or its end mark."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    raw = _complete(response)
    if encoding in ("identity", ""):
        return raw
    if encoding == "gzip":
        return _inflate(raw)
    raise errors.BadAnswer(f"the answer is compressed with {encoding}, which wasn't asked for")


def _complete(response: httpx2.Response) -> Iterator[bytes]:
    announced = _count(response.headers.get("content-length"))
    received = 0
    with network_errors():
        for piece in response.iter_raw():
            received += len(piece)
            yield piece
    if announced is not None and received != announced:
        raise errors.BadAnswer(f"the answer is cut: {received} of {announced} bytes came")


def _inflate(raw: Iterator[bytes]) -> Iterator[bytes]:
    """gzip in steps of at most 1 MiB, so that a small input can't fill the memory."""
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
    begun = False
    for piece in raw:
        rest = piece
        while rest:
            if inflater.eof:  # gzip files may follow one another in one body
                inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
            begun = True
            try:
                out = inflater.decompress(rest, _INFLATE_STEP)
            except zlib.error as fault:
                raise errors.BadAnswer(f"the answer's compression is damaged: {fault}") from fault
            rest = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
            if out:
                yield out
    if begun and not inflater.eof:
        out = inflater.flush()
        if out:
            yield out
        raise errors.BadAnswer("the answer is cut: its compression has no end")


def take_header_line(body: Iterator[bytes]) -> tuple[list[str], Iterator[bytes]]:
    """The column names, and the bytes that follow the header line.

    Names may be quoted and contain commas or quotes; the line ends with LF, CRLF or CR outside
    quotes, or with the body. An empty body has no columns.
    """
    buffer = b""
    for piece in body:
        buffer = buffer + piece if buffer else piece
        end = _line_end(buffer, final=False)
        if end is not None:
            return _names(buffer[: end[0]]), _then(buffer[end[1] :], body)
        if len(buffer) > _LONGEST_HEADER_LINE:
            raise errors.BadAnswer("the CSV's header line doesn't end")
    end = _line_end(buffer, final=True)
    if end is None:
        return _names(buffer), iter(())
    return _names(buffer[: end[0]]), _then(buffer[end[1] :], body)


def _line_end(buffer: bytes, *, final: bool) -> tuple[int, int] | None:
    """Where the first line's text ends and where the next line begins."""
    quoted = False
    for found in _QUOTE_OR_BREAK.finditer(buffer):
        at = found.start()
        if found[0] == b'"':
            quoted = not quoted
        elif not quoted:
            if found[0] == b"\r" and at + 1 == len(buffer) and not final:
                return None  # the LF of a CRLF may still be on its way
            return at, at + (2 if buffer[at : at + 2] == b"\r\n" else 1)
    return None


def _names(line: bytes) -> list[str]:
    try:
        text = line.removeprefix(_BOM).decode()
        return next(csv.reader([text], strict=True), [])
    except (UnicodeDecodeError, csv.Error) as fault:
        raise errors.BadAnswer(f"the CSV's header line can't be read: {fault}") from fault


def _then(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def regroup(pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in pieces of at least ``size``, but for the last."""
    waiting: list[bytes] = []
    held = 0
    for piece in pieces:
        waiting.append(piece)
        held += len(piece)
        if held >= size:
            yield waiting[0] if len(waiting) == 1 else b"".join(waiting)
            waiting, held = [], 0
    if waiting:
        yield b"".join(waiting)


def _count(value: str | None) -> int | None:
    return int(value) if value is not None and value.strip().isdecimal() else None


def _not_csv(response: httpx2.Response, beginning: bytes) -> errors.BadAnswer:
    found = not_json(response.status_code, response.headers, beginning)
    return errors.BadAnswer(found.message.replace("expected JSON", "expected CSV"), status=found.status)
