"""Patterns of paths: * stands for any letters, a slash at the end makes no difference."""

from __future__ import annotations

import re
from urllib.parse import quote

# Of a pattern, and of a path that one is held against.
LONGEST = 500
# With more, the time to find that a path doesn't fit grows without measure.
MOST_STARS = 2


class BadPath(ValueError):
    """What was given is no pattern of paths; the message says what one looks like."""


def path_of(text: str) -> str:
    """A pattern, from what a person types. Raises `BadPath`."""
    given = text.strip()
    if not given.startswith("/") or re.search(r"[\s?#\\\x00-\x1f]", given) or len(given) > LONGEST:
        raise BadPath(f"“{given}” is no path of pages: say /prices, or /blog/* for all pages below it, or /* for all")
    given = re.sub(r"\*{2,}", "*", given)
    if given.count("*") > MOST_STARS:
        raise BadPath(f"“{given}” has more than {MOST_STARS} stars: use * twice at most")
    # As browsers write it; what is written so already stays.
    return quote(given, safe="/%*@!$&'()+,;=:~-._")


def expression_of(patterns: list[str]) -> str:
    """A regular expression that means the same to Python and to browsers."""
    each = (".*".join(re.escape(part) for part in pattern.rstrip("/").split("*")) for pattern in patterns)
    return f"^(?:{'|'.join(each)})/?$"


def example_of(pattern: str) -> str:
    """A path that the pattern may stand for."""
    return pattern.partition("*")[0] or "/"
