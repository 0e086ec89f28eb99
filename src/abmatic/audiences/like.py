"""Text inside a pattern."""

from __future__ import annotations


def escaped(text: str) -> str:
    """What LIKE takes for a pattern is meant as text."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
