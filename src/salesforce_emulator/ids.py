"""Record ids as Salesforce makes them: 15 case-sensitive characters, or 18 with a checksum.

Three characters say the object (its key prefix), two the instance, one is reserved, and nine count up in
base 62.  The digits run 0-9, A-Z, a-z, which is also their ASCII order: ids sort in the order of creation.
The three characters of the checksum hold a bit for each upper-case letter of a block of five (low bit
first), so that software that can't tell case apart can still tell ids apart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from itertools import product

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
CHECKSUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
INSTANCE = "gK"
"""The two instance characters of every id this org makes."""

_ALLOWED = frozenset(DIGITS)
_PAIRS = tuple(a + b for a, b in product(DIGITS, DIGITS))


@lru_cache(maxsize=65536)
def _check_block(block: str) -> str:
    return CHECKSUM[sum(1 << bit for bit, char in enumerate(block) if "A" <= char <= "Z")]


def checksum(id15: str) -> str:
    """The three checksum characters of a 15-character id."""
    return _check_block(id15[:5]) + _check_block(id15[5:10]) + _check_block(id15[10:15])


@lru_cache(maxsize=65536)
def to18(record_id: str) -> str:
    """The 18-character form of an id of 15 or 18 characters.

    An 18-character id is believed to be the same id whatever its case is: the checksum restores the case,
    as Salesforce does.

    :raises ValueError: the text is no id, or its checksum is impossible.
    """
    if not set(record_id) <= _ALLOWED:
        raise ValueError(f"not an id: {record_id!r}")
    if len(record_id) == 15:
        return record_id + checksum(record_id)
    if len(record_id) == 18:
        return _restore_case(record_id)
    raise ValueError(f"an id has 15 or 18 characters: {record_id!r}")


def _restore_case(id18: str) -> str:
    if checksum(id18[:15]) == id18[15:]:
        return id18
    chars: list[str] = []
    for block in range(3):
        bits = CHECKSUM.find(id18[15 + block].upper())
        if bits < 0:
            raise ValueError(f"impossible checksum: {id18!r}")
        for bit in range(5):
            char = id18[block * 5 + bit]
            chars.append(char.upper() if bits >> bit & 1 else char.lower())
    restored = "".join(chars)
    if checksum(restored) != id18[15:].upper():
        raise ValueError(f"impossible checksum: {id18!r}")
    return restored + checksum(restored)


def is_id(text: str) -> bool:
    """Whether a text has the shape of an id (15 or 18 characters, a possible checksum)."""
    try:
        to18(text)
    except ValueError:
        return False
    return True


def make(prefix: str, number: int) -> str:
    """The 18-character id of the ``number``-th record (from 1) of the object with this key prefix."""
    return next(sequence(prefix, number, 1))


def derived(prefix: str, seed: str) -> str:
    """The 18-character id that a text stands for: the same text, the same id; another text, another id."""
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:6]) % (62**8)
    return make(prefix, number)


def sequence(prefix: str, first: int, count: int) -> Iterator[str]:
    """``count`` consecutive 18-character ids, beginning with number ``first`` (from 1).

    About a million a second: generated orgs need many.
    """
    start = prefix + INSTANCE
    start_check = _check_block(start)
    for number in range(first, first + count):
        rest, low = divmod(number, 3844)
        rest, mid = divmod(rest, 3844)
        rest, high = divmod(rest, 3844)
        middle = f"0{DIGITS[rest // 3844 % 62]}{_PAIRS[rest % 3844]}{_PAIRS[high][0]}"
        tail = f"{_PAIRS[high][1]}{_PAIRS[mid]}{_PAIRS[low]}"
        yield f"{start}{middle}{tail}{start_check}{_check_block(middle)}{_check_block(tail)}"
