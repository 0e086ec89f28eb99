"""Lists as CSV, streamed: some have a million rows. What sync exports is made by Postgres, the rest line by line."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence

from django.http import StreamingHttpResponse

from abmatic.audiences.formulas import harmless
from abmatic.sync.export import Export


def download(made: Export) -> StreamingHttpResponse:
    """An export as a file, with a byte order mark, for spreadsheets. When the reader goes, its statement ends."""
    return _answer(f"{made.name}.csv", made.stream(with_mark=True))


def csv_file(name: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> StreamingHttpResponse:
    """The answer that a browser saves as a file."""
    return _answer(name, _lines(head, rows))


def _answer(name: str, content: Iterable[str] | Iterable[bytes]) -> StreamingHttpResponse:
    return StreamingHttpResponse(
        content,
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
