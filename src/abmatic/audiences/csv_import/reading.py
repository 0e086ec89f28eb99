"""The rows of a kept file, one after the other, whatever is wrong with some of them.

Python's reader is used instead of COPY's own: people's files have rows of uneven length, bytes that are no characters
and NULs, and one of these must cost its row and no other. Lines, rows, cells and columns have limits, so that a quote
which is never closed ends with an error instead of with all of the memory.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

from abmatic.audiences.csv_import.dialect import Dialect, skips_first_line
from abmatic.audiences.csv_import.models import FileImport
from abmatic.audiences.csv_import.refusals import FileRefused
from abmatic.audiences.csv_import.storage import Kept
from abmatic.audiences.formulas import unguarded

MOST_COLUMNS = 1_000
LONGEST_CELL = 1_000_000
_LONGEST_LINE = 8_000_000
_ESCAPED = re.compile("[\ud800-\udfff]")
_REPLACED = re.compile("[\ud800-\udfff\ufffd]")
_LONGEST_HEADING = 200
_CLOSE_IT = "Add the closing one and upload again."

# The reader's limit belongs to the process. Nothing else here reads CSV from outside, and the default is below what a
# text may have (131,072 characters).
csv.field_size_limit(LONGEST_CELL)


@dataclass(frozen=True, slots=True)
class Row:
    """One row: where it begins, its cells, and what is wrong with it as a whole."""

    line: int
    cells: list[str]
    fault: str


class Rows:
    """Reads a file from its beginning. ``header`` is there at once; iterating gives what is below it."""

    def __init__(self, file: FileImport, dialect: Dialect) -> None:
        self._kept = Kept(file)
        # Halves of characters in UTF-16 can't be escaped: there, what replaces them tells of them.
        is_wide = dialect.encoding.startswith("utf-16")
        text = io.TextIOWrapper(
            io.BufferedReader(self._kept, 1 << 20),
            dialect.encoding,
            errors="replace" if is_wide else "surrogateescape",
            newline="",
        )
        self._lines = _Lines(text, _REPLACED if is_wide else _ESCAPED)
        self._reader = csv.reader(self._lines, delimiter=dialect.delimiter)
        self.header = [_heading(cell, place) for place, cell in enumerate(self._first(), 1)]
        if len(self.header) > MOST_COLUMNS:
            raise FileRefused(f"The file has {len(self.header):,} columns; {MOST_COLUMNS:,} are the most.")

    @property
    def bytes_read(self) -> int:
        """How far it is, roughly: whole pieces are read ahead."""
        return self._kept.position

    def _first(self) -> list[str]:
        for _, cells in self._records():
            if any(map(str.strip, cells)):
                if self._lines.fault:
                    raise FileRefused(f"The heading {self._lines.fault}. Correct it, or choose another encoding.")
                return [unguarded(cell) for cell in cells]
        raise FileRefused("The file has no heading: its first row must name the columns.")

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        begins = self._reader.line_num + 1
        while True:
            self._lines.begin()
            try:
                cells = next(self._reader, None)
            except csv.Error as error:
                raise FileRefused(self._unreadable(begins + self._lines.skipped)) from error
            if cells is None:
                return
            yield begins + self._lines.skipped, cells
            begins = self._reader.line_num + 1

    def _unreadable(self, line: int) -> str:
        if self._lines.is_quoted:
            return f'In line {line:,} a quotation mark (") is opened and never closed. {_CLOSE_IT}'
        return f"In line {line:,} a cell is longer than {LONGEST_CELL:,} characters. Shorten it and upload again."

    def __iter__(self) -> Iterator[Row]:
        width = len(self.header)
        for line, cells in self._records():
            if not any(cells) or not any(map(str.strip, cells)):
                continue
            fault = self._lines.fault
            if len(cells) != width:
                # Spreadsheets leave out empty cells at the end of a row.
                if len(cells) > MOST_COLUMNS:
                    fault = fault or f"has {len(cells):,} cells; {MOST_COLUMNS:,} are the most"
                elif len(cells) > width and any(map(str.strip, cells[width:])):
                    fault = fault or f"has {len(cells)} cells, and the heading has {width}"
                cells = [*cells[:width], *([""] * (width - len(cells)))]
            yield Row(line, [unguarded(cell) for cell in cells], f"The row {fault}" if fault else "")


class _Lines:
    """The physical lines; notes what can't be stored until it is asked."""

    def __init__(self, text: io.TextIOWrapper, broken: re.Pattern[str]) -> None:
        self._text = text
        self._broken = broken
        self._number = 0
        # Lines before the first that the reader is given.
        self.skipped = 0
        self.begin()

    def begin(self) -> None:
        """The next line is the first of a record."""
        self.fault = ""
        self.is_quoted = False
        self._length = 0
        self._first = self._number + 1

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._text.readline(_LONGEST_LINE)
        if self._number == 0:
            if skips_first_line(line):
                self.skipped = 1
                line = self._text.readline(_LONGEST_LINE)
            line = line.removeprefix("\ufeff")
        if not line:
            raise StopIteration
        self._number += 1
        if len(line) >= _LONGEST_LINE:
            raise FileRefused(f"Line {self._number:,} is longer than {_LONGEST_LINE:,} characters. Is it a CSV file?")
        self._length += len(line)
        self.is_quoted = self.is_quoted or '"' in line
        if self._length >= _LONGEST_LINE:
            # The lines of one record, which the reader holds all at once.
            begins = self._first + self.skipped
            raise FileRefused(
                f"The row that begins in line {begins:,} is longer than {_LONGEST_LINE:,} characters. "
                f'A quotation mark (") may be opened there and never closed. {_CLOSE_IT}'
            )
        if "\x00" in line:
            self.fault = "holds a NUL character, which can't be stored"
        elif not line.isascii() and self._broken.search(line):
            self.fault = "holds bytes that are no characters in the file's encoding"
        return line


def _heading(cell: str, place: int) -> str:
    text = " ".join(cell.split())[:_LONGEST_HEADING]
    return text or f"Column {place}"
