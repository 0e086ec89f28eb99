"""How a file is written: its encoding and what separates its cells, found by looking at it.

Files say neither. A byte order mark settles the encoding; without one, UTF-16 shows in its zeros, and everything else
is UTF-8 unless more of it is wrong than right: then it is Windows-1252, which Excel writes on machines of the West.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from dataclasses import dataclass

from abmatic.audiences.csv_import.models import FileImport
from abmatic.audiences.csv_import.refusals import FileRefused
from abmatic.audiences.csv_import.storage import PART, Kept

ENCODINGS = {
    "utf-8-sig": "UTF-8",
    "utf-16-le": "UTF-16 (little-endian)",
    "utf-16-be": "UTF-16 (big-endian)",
    "cp1252": "Windows-1252",
}
DELIMITERS = {",": "Comma", ";": "Semicolon", "\t": "Tab", "|": "Bar"}
# Enough to tell a separator by.
_LOOK = 1 << 16
_RECORDS = 30
# How much is looked at for the encoding, because somebody waits for the page; less, where so many characters more speak
# for one than for the other.
_MOST_LOOKED_AT = 16 << 20
_FAR_AHEAD = 10_000
_BEGINNINGS = {
    b"PK\x03\x04": "an Excel workbook (or another zip file). In Excel: File › Save As › CSV UTF-8",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook. In Excel: File › Save As › CSV UTF-8",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "compressed (gzip). Unpack it first",
}
_GOOD = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_HIGH = re.compile(rb"[\x80-\xff]")
_SEPARATOR_LINE = re.compile(r"\ufeff?\"?sep=(.)\"?\r?\n", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Dialect:
    """An encoding by its Python name, and the separator of cells."""

    encoding: str
    delimiter: str


def of(file: FileImport) -> Dialect:
    """What was found, or chosen."""
    return Dialect(file.encoding, file.delimiter)


def found(file: FileImport) -> Dialect:
    """How a kept file is written. Raises `FileRefused` for what is no CSV at all."""
    head = Kept(file).read(_LOOK) or b""
    for beginning, what in _BEGINNINGS.items():
        if head.startswith(beginning):
            raise FileRefused(f"{file.file_name} is no CSV file: it is {what}.")
    encoding = _marked(head) or _unmarked(head) or _by_content(file)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head)
    if not text.lstrip("\ufeff").strip():
        raise FileRefused(f"{file.file_name} is empty.")
    return Dialect(encoding, delimiter_of(text))


def _marked(head: bytes) -> str | None:
    marks = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
    return next((name for mark, name in marks.items() if head.startswith(mark)), None)


def _unmarked(head: bytes) -> str | None:
    """UTF-16 without its mark: every other byte of Western text is zero."""
    pairs = len(head) // 2
    if pairs == 0:
        return None
    even, odd = head[0 : 2 * pairs : 2].count(0), head[1 : 2 * pairs : 2].count(0)
    if odd > pairs // 2 and even < pairs // 10:
        return "utf-16-le"
    return "utf-16-be" if even > pairs // 2 and odd < pairs // 10 else None


def _by_content(file: FileImport) -> str:
    """UTF-8, where it can be that; a few broken places in much of it are the fault of their rows."""
    kept = Kept(file)
    right = wrong = 0
    left = b""
    while kept.position < _MOST_LOOKED_AT and abs(right - wrong) < _FAR_AHEAD and (piece := kept.read(PART)):
        piece = left + piece
        # A character that is cut in two belongs to the next piece.
        cut = next((back for back in (1, 2, 3) if piece[-back:][:1] >= b"\xc0"), 0)
        piece, left = (piece[:-cut], piece[-cut:]) if cut else (piece, b"")
        if piece.isascii():
            continue
        good = _GOOD.findall(piece)
        right += len(good)
        wrong += len(_HIGH.findall(piece)) - sum(map(len, good))
    wrong += len(left)
    return "cp1252" if wrong > right else "utf-8-sig"


def delimiter_of(text: str) -> str:
    """What separates the cells: what cuts the first rows most alike."""
    if said := _SEPARATOR_LINE.match(text):
        return said[1] if said[1] in DELIMITERS else ","
    return max(DELIMITERS, key=lambda sign: _evenness(text, sign))


def _evenness(text: str, sign: str) -> tuple[float, int]:
    widths = []
    try:
        for row in csv.reader(text.splitlines(keepends=True), delimiter=sign):
            if row:
                widths.append(len(row))
            if len(widths) >= _RECORDS:
                break
    except csv.Error:
        return 0.0, 0
    if not widths or widths[0] < 2:
        return 0.0, 0
    many = Counter(widths)[widths[0]]
    return many / len(widths), widths[0]


def skips_first_line(text: str) -> bool:
    """Whether the first line only says what separates the cells, as Excel wants it."""
    return _SEPARATOR_LINE.match(text) is not None
