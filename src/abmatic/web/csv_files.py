"""Lists as CSV, streamed line by line: some have a million rows."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence

from django.http import StreamingHttpResponse

# Spreadsheets run cells that begin like this as formulas; an apostrophe before them is how they are told not to.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def csv_file(name: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> StreamingHttpResponse:
    """The answer that a browser saves as a file."""
    return StreamingHttpResponse(
        _lines(head, rows),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


class _Line:
    """What csv writes to: hands each line back instead of keeping it."""

    def write(self, text: str) -> str:
        return text


def _lines(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    writer = csv.writer(_Line())
    # The byte order mark tells spreadsheets that this is UTF-8.
    yield "\ufeff" + str(writer.writerow(head))
    for row in rows:
        yield str(writer.writerow([harmless(text) for text in row]))


def harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return "'" + text if text.startswith(FORMULA_STARTS) else text
