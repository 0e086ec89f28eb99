"""A page of a bulk result in parts, each of which becomes one committed chunk.

Salesforce cuts pages as it likes, 100,000 records and more. Parts of a few megabytes let one be typed while another is
applied, keep memory small, and lose little to a crash. They are cut where a record ends: at a line feed outside quotes,
by the same rule that COPY reads CSV by, so a page means the same cut or whole. No row is built for it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from abmatic.salesforce import errors

_QUOTE, _BREAK = b'"', b"\n"


@dataclass(frozen=True, slots=True)
class Position:
    """How far a result was read: before ``page``, and of it so many bytes of CSV (with their CRC-32) and records.

    The bytes are what a page that is opened again begins with; their sum tells whether it is still the same page.
    """

    page: int = 0
    bytes: int = 0
    crc: int = 0
    records: int = 0

    def as_json(self) -> dict[str, Any]:
        """As stored in ``run.checkpoint``."""
        return {"next_page": self.page, "of_page": [self.bytes, self.crc, self.records]}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Position:
        """Reads ``run.checkpoint``."""
        return cls(stored["next_page"], *stored.get("of_page", ()))


@dataclass(frozen=True, slots=True)
class Part:
    """CSV of whole records, and the position after them, whose ``records`` count those before them."""

    columns: list[str]
    data: list[bytes]
    after: Position
    # The records Salesforce says the page holds, told with its last part; None where it doesn't say or is yet to end.
    expected: int | None
    is_last: bool


def skip(chunks: Iterable[bytes], position: Position) -> Iterator[bytes]:
    """What follows the position. Raises StartOver where the page doesn't begin as it did."""
    left, crc = position.bytes, 0
    for chunk in chunks:
        if not left:
            yield chunk
            continue
        crc = zlib.crc32(chunk[:left], crc)
        rest = chunk[left:]
        left -= len(chunk) - len(rest)
        if not left and crc != position.crc:
            break
        if rest:
            yield rest
    if left or crc != position.crc:
        raise errors.ResultChanged("a page of the result is not what it was when it was read before")


def cut(chunks: Iterable[bytes], size: int, begin: Position) -> Iterator[tuple[list[bytes], Position]]:
    """The CSV in parts of at least ``size`` bytes but for the last, each with the position after it.

    The last may be empty: a page without records is one empty part.
    """
    held: list[bytes] = []
    length, quotes = 0, 0
    end, crc = begin.bytes, begin.crc
    for chunk in chunks:
        rest = chunk
        while length + len(rest) >= size:
            at = _record_end(rest, max(0, size - length), quotes)
            if at is None:
                break
            piece, rest = rest[:at], rest[at:]
            held.append(piece)
            end, crc = end + length + len(piece), zlib.crc32(piece, crc)
            yield held, Position(begin.page, end, crc, begin.records)
            held, length, quotes = [], 0, 0
        if rest:
            held.append(rest)
            length += len(rest)
            quotes += rest.count(_QUOTE)
            crc = zlib.crc32(rest, crc)
    yield held, Position(begin.page, end + length, crc, begin.records)


def _record_end(chunk: bytes, least: int, quotes: int) -> int | None:
    """Where the first record ends at ``least`` bytes or later, given the quotes before the chunk. None: not in it."""
    at = 0
    while (found := chunk.find(_BREAK, max(at, least - 1))) >= 0:
        quotes += chunk.count(_QUOTE, at, found)
        at = found + 1
        if quotes % 2 == 0:
            return at
    return None
