"""Careful reading of a damaged page: row by row, so that one damaged row costs nobody but itself.

The usual path never looks at a row. This one is taken only for a page whose CSV Postgres refused twice: bytes that are
no UTF-8 become U+FFFD, and rows with too few or too many cells, a stray quote or no end are left out and counted.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Iterator

csv.field_size_limit(16 * 1024 * 1024)


class careful_rows:  # noqa: N801 - reads as the generator it wraps
    """The well-formed rows of a page. ``damaged`` counts the others once the rows were consumed."""

    def __init__(self, chunks: Iterable[bytes], width: int) -> None:
        self._chunks = chunks
        self._width = width
        self.damaged = 0

    def encoded(self) -> Iterator[bytes]:
        """The rows as CSV bytes again, every cell quoted."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\n")
        for row in self._rows():
            if len(row) != self._width:
                self.damaged += 1
                continue
            writer.writerow(row)
            if buffer.tell() > 64 * 1024:
                yield buffer.getvalue().encode()
                buffer.seek(0)
                buffer.truncate()
        yield buffer.getvalue().encode()

    def _rows(self) -> Iterator[list[str]]:
        """Rows by the strict rules of quoting. What breaks them counts as damaged, and the next line begins anew."""
        lines = _Lines(self._lines())
        reader = csv.reader(lines, strict=True)
        while True:
            begun = reader.line_num
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error:
                self.damaged += 1
                # A quote that nobody closed runs into the next row, which must not pay for it.
                if reader.line_num - begun > 1 and not lines.is_over:
                    lines.again()
                continue
            if row:
                yield row

    def _lines(self) -> Iterator[str]:
        """Decoded text, cut at line feeds; NULs stay for the stage to note."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        rest = ""
        for chunk in self._chunks:
            rest += decoder.decode(chunk)
            *lines, rest = rest.split("\n")
            yield from (line + "\n" for line in lines)
        rest += decoder.decode(b"", final=True)
        if rest:
            yield rest


class _Lines:
    """Lines, the last of which can be had once more."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._last = ""
        self._is_again = False
        self.is_over = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self._is_again:
            self._is_again = False
            return self._last
        try:
            self._last = next(self._lines)
        except StopIteration:
            self.is_over = True
            raise
        return self._last

    def again(self) -> None:
        """The next line is the last one again."""
        self._is_again = True
