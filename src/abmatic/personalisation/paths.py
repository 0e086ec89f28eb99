"""Patterns of paths: * stands for any letters, a slash at the end makes no difference."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

LONGEST = 500


class BadPath(ValueError):
    """What was given is no pattern of paths; the message says what one looks like."""


def path_of(text: str) -> str:
    """A pattern, from what a person types. Raises `BadPath`."""
    given = text.strip()
    if not given.startswith("/") or re.search(r"[\s?#\\\x00-\x1f]", given) or len(given) > LONGEST:
        raise BadPath(f"“{given}” is no path of pages: say /prices, or /blog/* for all pages below it, or /* for all")
    # As browsers write it; what is written so already stays.
    return quote(given, safe="/%*@!$&'()+,;=:~-._")


def known_as(pattern: str) -> str:
    """A pattern as `fits` and the script read it: without a slash at its end."""
    return pattern.rstrip("/")


def fits(patterns: Iterable[str], path: str) -> bool:
    """Whether a path is one of those that the patterns (`known_as`) stand for; tracker.js has the same rule.

    Stars are looked for one after the other, each as early as can be, which is as good as any other place: a regular
    expression would try them all, and many stars would keep it busy for ever.
    """
    paths = (path, path.removesuffix("/"))
    return any(_stands_for(pattern, each) for pattern in patterns for each in paths)


def _stands_for(pattern: str, path: str) -> bool:
    first, *others = pattern.split("*")
    if not others:
        return path == first
    if not path.startswith(first):
        return False
    at = len(first)
    *between, last = others
    for part in between:
        found = path.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return path.endswith(last) and at + len(last) <= len(path)


def example_of(pattern: str) -> str:
    """A path that the pattern may stand for."""
    return pattern.partition("*")[0] or "/"
