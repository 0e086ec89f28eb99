"""The bytes of files: written in parts as they arrive, read in parts as they are wanted.

They lie in the database, not on a disk: the worker that reads a file need not be on the machine that took it in. Each
part is a commit of its own, because a slow upload in one transaction would hold back whoever follows the change log.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import PurePath
from types import TracebackType
from typing import TYPE_CHECKING

from django.conf import settings

from abmatic.audiences.csv_import.models import FileImport, FilePart
from abmatic.audiences.csv_import.refusals import FileRefused
from abmatic.identity.models import User

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PART = 1 << 20
_LONGEST_NAME = 200


class Incoming:
    """A file that arrives piece by piece. Leaving the ``with`` block without `finish` forgets it."""

    def __init__(self, record: str, name: str, user: User | None) -> None:
        if record not in FileImport.Record.values:
            raise FileRefused(f"There is no import of {record} records from files.")
        # Browsers and people give paths; only what is printable is shown anywhere.
        plain = "".join(sign for sign in PurePath(name.replace("\\", "/")).name if sign.isprintable())
        self.file = FileImport.objects.create(record=record, file_name=plain[-_LONGEST_NAME:] or "file", asked_by=user)
        self._buffer = bytearray()
        self._parts = 0
        self._is_finished = False

    def __enter__(self) -> Incoming:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._is_finished:
            self.forget()

    def write(self, piece: bytes) -> None:
        """Keeps a piece. Raises `FileRefused` once the file is larger than files may be."""
        self.file.size += len(piece)
        most = settings.ENVIRONMENT.import_file_megabytes
        if self.file.size > most << 20:
            raise FileRefused(
                f"The file is larger than {most:,} MB. Cut it into several, or ask whoever runs Abmatic to raise the "
                "limit (ABMATIC_IMPORT_FILE_MEGABYTES)."
            )
        self._buffer += piece
        while len(self._buffer) >= PART:
            self._keep(PART)

    def finish(self) -> FileImport:
        """The whole file is there."""
        if self._buffer:
            self._keep(len(self._buffer))
        self.file.save(update_fields=["size"])
        self._is_finished = True
        return self.file

    def forget(self) -> None:
        """Takes back what was kept."""
        self._is_finished = True
        if self.file.pk is not None:
            self.file.delete()

    def _keep(self, size: int) -> None:
        FilePart.objects.create(file=self.file, number=self._parts, content=bytes(self._buffer[:size]))
        del self._buffer[:size]
        self._parts += 1


def keep(record: str, name: str, pieces: Iterable[bytes], user: User | None) -> FileImport:
    """Keeps a whole file. Raises `FileRefused`."""
    with Incoming(record, name, user) as incoming:
        for piece in pieces:
            incoming.write(piece)
        return incoming.finish()


class Kept(io.RawIOBase):
    """A kept file, read from its beginning; one part is in memory at a time."""

    def __init__(self, file: FileImport) -> None:
        self._file = file
        self._number = 0
        self._part = memoryview(b"")
        self.position = 0

    def readable(self) -> bool:
        """As files that are read say."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """The next bytes; 0 at the end."""
        if not self._part:
            found = FilePart.objects.filter(file=self._file, number=self._number).values_list("content", flat=True)
            content = found.first()
            if content is None:
                if self.position < self._file.size:
                    raise FileRefused("The file was removed, as old. Give it again.")
                return 0
            self._part = memoryview(bytes(content))
            self._number += 1
        target = memoryview(buffer).cast("B")
        size = min(len(target), len(self._part))
        target[:size] = self._part[:size]
        self._part = self._part[size:]
        self.position += size
        return size
