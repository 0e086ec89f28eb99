"""SQL in named, described blocks, kept in files beside the room that uses them.

A file holds blocks like this one; the text after the name is its description::

    -- take_turn -- Marks the run as started.
    UPDATE run SET state = 'running' WHERE id = %(run)s;

Statements whose columns depend on settings are composed with `psycopg.sql` instead, from quoted identifiers.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import LiteralString

_HEAD = re.compile(r"^-- (?P<name>[a-z][a-z0-9_]*) -- (?P<text>.+)$", re.MULTILINE)


class UnknownBlock(KeyError):
    """A block that the file does not hold: a programming error."""


@cache
def blocks(package: str, file: str) -> dict[str, LiteralString]:
    """Every block of a file of a package, by name. ``file`` may name a subfolder: ``sql/settle.sql``."""
    text = resources.files(package).joinpath(file).read_text(encoding="utf-8")
    heads = list(_HEAD.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return {head["name"]: text[head.end() : end].strip() for head, end in zip(heads, ends, strict=True)}


def block(package: str, file: str, name: str) -> LiteralString:
    """One named block. Raises `UnknownBlock`."""
    found = blocks(package, file).get(name)
    if found is None:
        raise UnknownBlock(f"{package}/{file} has no block named {name}")
    return found
