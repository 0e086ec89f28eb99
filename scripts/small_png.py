"""Makes a screenshot's PNG a third as large: 256 colours, and the best compression there is time for.

Pages have few colours; what comes to more of them are the edges of letters, whose next nearest colour nobody can tell
apart. With the standard library alone, as pictures are made once in a while.
"""

from __future__ import annotations

import struct
import zlib
from collections import Counter

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MOST_COLOURS = 256

Colour = tuple[int, int, int]


def smaller(png: bytes) -> bytes:
    """The picture with a palette. It must have 8 bits a channel and no interlacing, as browsers write it."""
    width, height, channels, rows = _read(png)
    pixels = [tuple(row[at : at + 3]) for row in rows for at in range(0, width * channels, channels)]
    palette, places = _palette(Counter(pixels))
    lines = bytearray()
    for row in range(height):
        lines.append(0)
        lines += bytes(places[pixel] for pixel in pixels[row * width : (row + 1) * width])
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    colours = bytes(channel for colour in palette for channel in colour)
    body = zlib.compress(bytes(lines), 9)
    return SIGNATURE + _chunk(b"IHDR", head) + _chunk(b"PLTE", colours) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _palette(seen: Counter[Colour]) -> tuple[list[Colour], dict[Colour, int]]:
    """The colours that are most frequent, and the place of the nearest of them for each."""
    palette = [colour for colour, _ in seen.most_common(MOST_COLOURS)]
    places = {colour: place for place, colour in enumerate(palette)}
    for colour in seen:
        if colour not in places:
            places[colour] = min(range(len(palette)), key=lambda place: _distance(palette[place], colour))
    return palette, places


def _distance(one: Colour, other: Colour) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def _read(png: bytes) -> tuple[int, int, int, list[bytes]]:
    """Width, height, channels, and the bytes of each row."""
    if not png.startswith(SIGNATURE):
        raise ValueError("this is no PNG")
    at, data, head = len(SIGNATURE), b"", b""
    while at < len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        kind, body = png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        if kind == b"IHDR":
            head = body
        elif kind == b"IDAT":
            data += body
        at += size + 12
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", head)
    if depth != 8 or colour not in (2, 6) or interlaced:
        raise ValueError(f"depth {depth}, colour type {colour}, interlacing {interlaced}: browsers write none such")
    channels = 3 if colour == 2 else 4
    return width, height, channels, _rows(zlib.decompress(data), width * channels, channels)


def _rows(lines: bytes, length: int, channels: int) -> list[bytes]:
    """Each row without its filter (PNG specification, 9.2)."""
    rows: list[bytes] = []
    above = bytes(length)
    for start in range(0, len(lines), length + 1):
        kind, row = lines[start], bytearray(lines[start + 1 : start + 1 + length])
        if kind == 2:
            row = bytearray((a + b) & 255 for a, b in zip(row, above, strict=True))
        elif kind:
            for at in range(length):
                left = row[at - channels] if at >= channels else 0
                corner = above[at - channels] if at >= channels else 0
                row[at] = (row[at] + _foreseen(kind, left, above[at], corner)) & 255
        above = bytes(row)
        rows.append(above)
    return rows


def _foreseen(kind: int, left: int, above: int, corner: int) -> int:
    if kind == 1:
        return left
    if kind == 3:
        return (left + above) // 2
    guess = left + above - corner
    return min((left, above, corner), key=lambda near: abs(guess - near))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
