"""Pages cut into parts: nothing lost, nothing twice, never within a record, and found again after a stop."""

from __future__ import annotations

import csv
import io
import itertools
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abmatic.salesforce import errors
from abmatic.sync.pull.parts import Position, cut, skip

CELLS = st.text(alphabet='a"\n\r,é\\', max_size=6)
TABLES = st.lists(st.tuples(CELLS, CELLS), max_size=12)


def as_csv(rows: list[tuple[str, str]]) -> bytes:
    """As Bulk writes it: every cell quoted."""
    buffer = io.StringIO()
    csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    return buffer.getvalue().encode()


def in_pieces(whole: bytes, at: list[int]) -> list[bytes]:
    """Cut anywhere, as the network does."""
    borders = sorted({0, len(whole), *(place % (len(whole) + 1) for place in at)})
    return [whole[begin:end] for begin, end in itertools.pairwise(borders)]


def rows_of(data: bytes) -> list[tuple[str, ...]]:
    return [tuple(row) for row in csv.reader(io.StringIO(data.decode(), newline=""), strict=True)]


@given(TABLES, st.integers(1, 40), st.lists(st.integers(0, 400), max_size=6))
def test_parts_are_whole_records_and_together_the_page(rows: list[tuple[str, str]], size: int, at: list[int]) -> None:
    page = as_csv(rows)
    found = [(b"".join(data), after) for data, after in cut(in_pieces(page, at), size, Position(3))]
    assert b"".join(data for data, _ in found) == page
    assert [row for data, _ in found for row in rows_of(data)] == rows_of(page)
    assert all(len(data) >= size for data, _ in found[:-1])
    assert [after.bytes for _, after in found] == [
        sum(len(data) for data, _ in found[: number + 1]) for number in range(len(found))
    ]
    assert {after.page for _, after in found} == {3}


@given(TABLES, st.integers(1, 40), st.lists(st.integers(0, 400), max_size=6), st.data())
def test_from_any_part_on_the_rest_is_found_again(
    rows: list[tuple[str, str]], size: int, at: list[int], data: st.DataObject
) -> None:
    page = as_csv(rows)
    found = list(cut([page], size, Position()))
    number = data.draw(st.integers(0, len(found) - 1))
    position = found[number][1]
    rest = b"".join(skip(in_pieces(page, at), position))
    assert rest == page[position.bytes :]
    again = list(cut(skip(in_pieces(page, at), position), size, position))
    assert again[-1][1] == found[-1][1]
    assert again[-1][1].crc == zlib.crc32(page)


@pytest.mark.parametrize("page", [b'"b"\n"2"\n', b'"a"', b""])
def test_a_page_that_begins_otherwise_is_refused(page: bytes) -> None:
    (_, position), *_ = cut([b'"a"\n', b'"2"\n'], 4, Position())
    assert position == Position(bytes=4, crc=zlib.crc32(b'"a"\n'))
    with pytest.raises(errors.ResultChanged):
        list(skip([page], position))


def test_a_position_is_kept_as_json() -> None:
    position = Position(2, 7, 99, 3)
    assert Position.from_json(position.as_json()) == position
    assert Position.from_json({"next_page": 4, "job": "750"}) == Position(4)
