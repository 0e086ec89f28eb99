"""What can't be done with a file, grouped by what the caller does next.

ImportRefused               say it to the person; nothing was done
├── FileRefused             the file itself can't be used: correct it and give it again
└── MappingRefused          the choices don't fit: choose again
"""

from __future__ import annotations


class ImportRefused(ValueError):
    """Why it isn't done, and what helps."""


class FileRefused(ImportRefused):
    """The file can't be read as it is."""


class MappingRefused(ImportRefused):
    """The chosen columns or options can't be used."""
