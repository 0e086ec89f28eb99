"""Taking a file in while it arrives: every piece is kept at once, so the size of a file is no matter of memory.

What is too large is refused in words: the rest of it is read and thrown away, because a browser shows no answer to a
request that it couldn't finish.
"""

from __future__ import annotations

import io
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile, StopUpload

from abmatic.audiences.csv_import.models import FileImport
from abmatic.audiences.csv_import.refusals import FileRefused
from abmatic.audiences.csv_import.storage import Incoming
from abmatic.identity.models import User

FIELD = "file"


class Keeping(FileUploadHandler):
    """Keeps the one file of a form."""

    def __init__(self, record: str, user: User) -> None:
        super().__init__()
        self._record = record
        self._user = user
        self._incoming: Incoming | None = None
        self.kept: FileImport | None = None
        self.refused = ""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begins one; any but the first is passed over."""
        super().new_file(*args, **kwargs)
        if self.field_name != FIELD or self._incoming is not None or not self.file_name:
            raise SkipFile
        self._incoming = Incoming(self._record, self.file_name, self._user)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Keeps a piece."""
        if self._incoming is None:
            return
        try:
            self._incoming.write(raw_data)
        except FileRefused as refused:
            self.refused = str(refused)
            self._incoming.forget()
            raise StopUpload(connection_reset=False) from refused

    def file_complete(self, file_size: int) -> UploadedFile[Any] | None:
        """The whole file is there. What the form gets is its name alone."""
        if self._incoming is None or self.kept is not None:
            return None
        self.kept = self._incoming.finish()
        return UploadedFile(io.BytesIO(), self.kept.file_name, size=file_size)

    def upload_interrupted(self) -> None:
        """The browser went away."""
        if self._incoming is not None and self.kept is None:
            self._incoming.forget()
