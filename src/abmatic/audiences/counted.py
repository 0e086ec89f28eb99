"""Numbers with what they count, as people say it: "1 record", "2,000 records"; never "1 records"."""

from __future__ import annotations


def counted(number: int, one: str, many: str = "") -> str:
    """So many of something. ``many`` where it is not ``one`` with an s."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
