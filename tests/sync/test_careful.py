"""A damaged page of CSV: each damaged row is left out and counted, and no neighbour pays for it."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abmatic.sync.pull.careful import careful_rows

WIDTH = 3


def read(*chunks: bytes) -> tuple[list[list[str]], int]:
    """The rows that came through, and how many did not."""
    rows = careful_rows(chunks, WIDTH)
    text = b"".join(rows.encoded()).decode()
    return list(csv.reader(io.StringIO(text, newline=""))), rows.damaged


def row(number: int) -> bytes:
    return f'"{number}","Name {number}","x"\n'.encode()


GOOD = [["1", "Name 1", "x"], ["3", "Name 3", "x"]]

DAMAGED = {
    "too few cells": b'"2","x"\n',
    "too many cells": b'"2","x","y","z"\n',
    "a stray quote in a cell": b'"2","Na"me","x"\n',
    "a quote that is not closed": b'"2","Name,"x"\n',
    "the last quote is missing": b'"2","Name","x\n',
    "a bare carriage return": b"2,Na\rme,x\n",
    "nothing but a quote": b'"\n',
}


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_row_is_counted_and_its_neighbours_are_kept(damage: bytes) -> None:
    assert read(row(1) + damage + row(3)) == (GOOD, 1)


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED.keys())
def test_where_the_chunks_are_cut_makes_no_difference(damage: bytes) -> None:
    whole = row(1) + damage + row(3)
    assert read(*(whole[i : i + 1] for i in range(len(whole)))) == (GOOD, 1)


def test_a_page_that_ends_in_the_middle_of_a_row_keeps_the_rows_before() -> None:
    """The last cell has its width already: only its missing quote tells that it was cut."""
    whole = row(1) + row(3) + b'"4","Name 4","a long text'
    assert read(whole) == (GOOD, 1)
    assert read(row(1) + row(3) + b'"4","Na') == (GOOD, 1)
    assert read(row(1) + row(3) + b'"4","Name 4","line\nanother\nand ano') == (GOOD, 1)


def test_a_last_row_without_a_line_feed_is_whole() -> None:
    assert read((row(1) + row(3)).rstrip(b"\n")) == (GOOD, 0)


def test_bytes_that_are_no_characters_become_the_replacement_character() -> None:
    assert read(b'"1","Caf\xe9","\xff\xfe"\n' + row(3)) == ([["1", "Caf\ufffd", "\ufffd\ufffd"], GOOD[1]], 0)
    assert read(row(1) + b'"3","cut \xe2\x82') == ([GOOD[0]], 1)


def test_what_is_allowed_in_quotes_stays() -> None:
    cells = ['a "quoted" word', "two\nlines, three\r\nand a lone \r", "NUL \0 and \\. and \\N"]
    text = ",".join('"' + cell.replace('"', '""') + '"' for cell in cells) + "\n"
    assert read(text.encode() + b"\n") == ([cells], 0)


def test_windows_line_ends_are_line_ends() -> None:
    assert read((row(1) + row(3)).replace(b"\n", b"\r\n")) == (GOOD, 0)


def test_empty_cells_and_no_rows() -> None:
    assert read(b'"1","",""\n') == ([["1", "", ""]], 0)
    assert read(b"") == ([], 0)
    assert read() == ([], 0)


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


@given(
    st.lists(st.lists(CELL, min_size=WIDTH, max_size=WIDTH), max_size=8),
    # One at a time: a quote left open by one and closed by the next is, to any reader of CSV, a row.
    st.lists(st.sampled_from(sorted(DAMAGED.values())), max_size=1),
    st.integers(0, 8),
    st.integers(1, 40),
)
def test_whole_rows_come_through_whatever_lies_between_them(
    rows: list[list[str]], damage: list[bytes], where: int, size: int
) -> None:
    # Salesforce's rows begin with an Id, so a whole row never begins with an empty line or a stray quote.
    rows = [["001" + cells[0], *cells[1:]] for cells in rows]
    encoded = [",".join('"' + cell.replace('"', '""') + '"' for cell in cells).encode() + b"\n" for cells in rows]
    encoded[where:where] = damage
    page = b"".join(encoded)
    found, damaged = read(*(page[i : i + size] for i in range(0, len(page), size)))
    assert found == rows
    assert (damaged >= 1) == bool(damage)


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_no_bytes_are_an_error(chunks: list[bytes]) -> None:
    found, damaged = read(*chunks)
    assert all(len(cells) == WIDTH for cells in found)
    assert damaged >= 0
