"""The report of rejected rows: what they held, as it was in the file, with their lines and the reasons.

Rows that were imported without the account they name have one of the same form.
"""

from __future__ import annotations

from collections.abc import Iterator

from abmatic.audiences.csv_import import dialect
from abmatic.audiences.csv_import.models import FileImport, RejectedRow
from abmatic.audiences.csv_import.reading import Rows

_SOME = 1_000


def head(file: FileImport) -> list[str]:
    """The report's heading."""
    return ["Line", "Reason", *file.header]


def rows(file: FileImport, *, imported: bool = False) -> Iterator[list[str]]:
    """The rejected rows in the order of the file, which is read once for them. Raises `FileRefused`.

    ``imported``: those that were imported, without their account.
    """
    wanted = _rejected(file, imported=imported)
    next_one = next(wanted, None)
    if next_one is None:
        return
    for number, row in enumerate(Rows(file, dialect.of(file)), 1):
        if number == next_one.number:
            cells = [cell.replace("\x00", "").encode("utf-8", "replace").decode() for cell in row.cells]
            yield [str(row.line), next_one.reason, *cells]
            next_one = next(wanted, None)
            if next_one is None:
                return


def _rejected(file: FileImport, *, imported: bool) -> Iterator[RejectedRow]:
    after = 0
    listed = RejectedRow.objects.filter(file=file, is_imported=imported).order_by("number")
    while some := list(listed.filter(number__gt=after)[:_SOME]):
        yield from some
        after = some[-1].number
