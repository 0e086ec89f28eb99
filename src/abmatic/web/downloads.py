"""Files that people download, streamed as they are made."""

from __future__ import annotations

from django.http import StreamingHttpResponse

from abmatic.sync.export import Export


def download(made: Export) -> StreamingHttpResponse:
    """An export as a CSV file, for spreadsheets: with a byte order mark. When the reader goes, its statement ends."""
    return StreamingHttpResponse(
        made.stream(with_mark=True),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{made.name}.csv"'},
    )
