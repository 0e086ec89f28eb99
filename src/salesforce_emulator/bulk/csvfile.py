"""A query's result as a CSV file on disk, written once and read in ranges.

SQLite itself puts the rows together, so that no Python object is made per cell; beside the file stands an
index of where every 500th row begins, so that any row is found by reading at most 499 others.
"""

from __future__ import annotations

import re
import sqlite3
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from salesforce_emulator.soql import Plan
from salesforce_emulator.soql.functions import is_text

DELIMITERS = {
    "COMMA": ",",
    "TAB": "\t",
    "PIPE": "|",
    "SEMICOLON": ";",
    "BACKQUOTE": "`",
    "CARET": "^",
}
LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
INDEX_EVERY = 500
READ = 1 << 20
_CELLS_OF_A_CALL = 100
"""SQLite functions take 127 arguments at most."""
_ROW = re.compile(rb'(?:"(?:[^"]|"")*"[^"\r\n]?)+\r?\n')


def _cell(sql: str, kind: str) -> str:
    """A cell's value as text; null is empty, and text in a column of another type is printed as it is."""
    if kind == "boolean":
        return f"CASE {sql} WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE ifnull({sql}, '') END"
    if kind in ("double", "currency", "percent"):
        # SQLite prints large numbers with an exponent; Salesforce is not seen to.
        plain = f"WHEN abs({sql}) < 1e15 OR typeof({sql}) = 'text' THEN {sql}"
        return f"CASE WHEN {sql} IS NULL THEN '' {plain} ELSE printf('%.1f', {sql}) END"
    return f"ifnull({sql}, '')"


def _quickly(cells: Sequence[str], delimiter: str) -> str:
    """The row by printf, which reads a text up to its first NUL. %w doubles quotes."""
    calls = []
    for start in range(0, len(cells), _CELLS_OF_A_CALL):
        some = cells[start : start + _CELLS_OF_A_CALL]
        formats = delimiter.join('"%w"' for _ in some)
        calls.append(f"printf('{formats}', {', '.join(some)})")
    return f" || '{delimiter}' || ".join(calls)


def _exactly(cells: Sequence[str], delimiter: str) -> str:
    """The row by operators that take any text: three times as slow."""
    between = f""" || '"{delimiter}"' || """
    doubled = between.join(f"""replace({cell}, '"', '""')""" for cell in cells)
    return f"""'"' || {doubled} || '"'"""


def row_sql(columns: Sequence[tuple[str, str]], delimiter: str) -> str:
    """The SQL expression of a whole row, without its line end.

    :param columns: SQL and type of each cell.
    """
    cells = [_cell(sql, kind) for sql, kind in columns]
    quickly = _quickly(cells, delimiter)
    # Only where text belongs: the search costs a fifth of the time.
    with_nul = " OR ".join(f"instr({sql}, char(0))" for sql, kind in columns if is_text(kind))
    return f"CASE WHEN {with_nul} THEN {_exactly(cells, delimiter)} ELSE {quickly} END" if with_nul else quickly


def line(cells: Sequence[str], delimiter: str, ending: str) -> bytes:
    """One line of text cells, all quoted."""
    quoted = ('"' + c.replace('"', '""') + '"' for c in cells)
    return (delimiter.join(quoted) + ending).encode()


@dataclass
class CsvFile:
    """The rows of one result. ``header`` is not in the file: every range that is served begins with it."""

    path: Path
    header: bytes
    rows: int = 0
    starts: array[int] = field(default_factory=lambda: array("q"))

    def write(
        self,
        conn: sqlite3.Connection,
        plan: Plan,
        delimiter: str,
        ending: str,
        progress: Callable[[int], bool],
        most: int | None = None,
    ) -> None:
        """Run the query and write its rows.

        :param progress: told the rows so far; False stops the writing.
        :param most: rows that are written, whatever the query finds.
        """
        columns = list(zip(plan.cells, plan.types, strict=True))
        end = ending.encode()
        # As a BLOB it comes as bytes: nothing is decoded that would be encoded again.
        sql = plan.sql([f"CAST({row_sql(columns, delimiter)} AS BLOB)"])
        position = 0
        with closing(conn.execute(sql, plan.params)) as cursor, self.path.open("wb", buffering=READ) as file:
            while most is None or self.rows < most:
                chunk = cursor.fetchmany(INDEX_EVERY if most is None else min(INDEX_EVERY, most - self.rows))
                if not chunk:
                    return
                data = end.join([row[0] for row in chunk]) + end
                self.starts.append(position)
                file.write(data)
                position += len(data)
                self.rows += len(chunk)
                if not progress(self.rows):
                    return

    def offset(self, row: int) -> int:
        """Where a row begins in the file; the file's end for the row after the last."""
        if row >= self.rows:
            return self.path.stat().st_size
        block = row // INDEX_EVERY
        position, skip = self.starts[block], row - block * INDEX_EVERY
        if not skip:
            return position
        end = self.starts[block + 1] if block + 1 < len(self.starts) else self.path.stat().st_size
        with self.path.open("rb") as file:
            file.seek(position)
            data = file.read(end - position)
        here = 0
        for _ in range(skip):
            found = _ROW.match(data, here)
            assert found is not None, f"row {row} of {self.path} is no CSV"
            here = found.end()
        return position + here

    def size(self, first: int, count: int) -> int:
        """Bytes of a range, header included."""
        return len(self.header) + self.offset(first + count) - self.offset(first)

    def read(self, first: int, count: int) -> Iterator[bytes]:
        """The header and ``count`` rows from ``first`` on, in pieces of at most a mebibyte."""
        start = self.offset(first)
        left = self.offset(first + count) - start
        yield self.header
        with self.path.open("rb", buffering=0) as file:
            file.seek(start)
            while left > 0:
                piece = file.read(min(READ, left))
                if not piece:
                    return
                left -= len(piece)
                yield piece
