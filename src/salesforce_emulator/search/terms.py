"""What is searched for: words, phrases, wildcards, AND, OR, AND NOT.

Words that stand side by side must all be found.  A word is found as a whole, whatever its case; ``*`` stands for any
number of characters in the middle or at the end of one, ``?`` for one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from salesforce_emulator.soql.errors import SoqlError

RESERVED = frozenset("&|!{}[]^~:'+-")
"""Characters that mean something, or may one day: in SOSL they need a backslash."""
MAX_DEPTH = 100
"""Parentheses in parentheses."""
_TOKEN = re.compile(
    r"""\s*(?:(?P<open>\()|(?P<close>\))|"(?P<phrase>(?:[^"\\]|\\.)*)"|(?P<word>(?:[^\s()"\\]|\\.)+))"""
)
_WORD = re.compile(r"\w+")
_WILD = re.compile(r"[*?]")


@dataclass(frozen=True)
class Term:
    """Words that must stand in this order: one, or those of a phrase."""

    text: str

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        parts = [_wild_pattern(p) for p in re.findall(r"[\w*?]+", self.text.casefold()) if _WORD.search(p)]
        return re.compile(r"(?<!\w)" + r"\W+".join(parts) + r"(?!\w)")

    @cached_property
    def fragment(self) -> str:
        """The longest part of it that a text must hold as it is."""
        return max(_WORD.findall(_WILD.sub(" ", self.text)), key=len, default="")

    def found_in(self, text: str) -> bool:
        return self.pattern.search(text) is not None


@dataclass(frozen=True)
class Every:
    terms: tuple[Expression, ...]

    def found_in(self, text: str) -> bool:
        return all(t.found_in(text) for t in self.terms)


@dataclass(frozen=True)
class Some:
    terms: tuple[Expression, ...]

    def found_in(self, text: str) -> bool:
        return any(t.found_in(text) for t in self.terms)


@dataclass(frozen=True)
class Without:
    term: Expression

    def found_in(self, text: str) -> bool:
        return not self.term.found_in(text)


Expression = Term | Every | Some | Without


def _wild_pattern(word: str) -> str:
    return "".join({"*": r"\w*", "?": r"\w"}.get(c, re.escape(c)) for c in word)


def plain(text: str) -> str:
    """A text that a person typed, with a blank for each character that means something in SOSL."""
    return "".join(" " if c in RESERVED or c == "\\" else c for c in text)


def parse_terms(text: str) -> Expression:
    """Read what stands between the braces of FIND.

    :raises SoqlError: there is nothing to search for, or too little.
    """
    if len("".join(_WORD.findall(re.sub(r"\b(AND|OR|NOT)\b", " ", text)))) < 2:
        message = f"search term must be longer than one character: {text}"
        raise SoqlError("INVALID_SEARCH", message)
    reader = _Reader(list(_tokens(text)))
    found = reader.some()
    if reader.left:
        raise SoqlError("MALFORMED_SEARCH", f"unexpected token: '{reader.left[0][1]}'")
    return found


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    place = 0
    while text[place:].strip():
        match = _TOKEN.match(text, place)
        if match is None:
            raise SoqlError("MALFORMED_SEARCH", f"unexpected token: '{text[place:].strip()[0]}'")
        kind = str(match.lastgroup)
        value = re.sub(r"\\(.)", r"\1", match[kind])
        yield (value if kind == "word" and value in ("AND", "OR", "NOT") else kind), value
        place = match.end()


class _Reader:
    """OR binds weaker than AND, AND than NOT."""

    def __init__(self, tokens: Sequence[tuple[str, str]]) -> None:
        self.left = list(tokens)
        self._depth = 0

    def _next(self) -> str:
        return self.left[0][0] if self.left else ""

    def some(self) -> Expression:
        found = [self.every()]
        while self._next() == "OR":
            self.left.pop(0)
            found.append(self.every())
        return found[0] if len(found) == 1 else Some(tuple(found))

    def every(self) -> Expression:
        found: list[Expression] = [self.one()]
        while self._next() in ("AND", "NOT", "open", "phrase", "word"):
            if self._next() == "AND":
                self.left.pop(0)
            if self._next() == "NOT":
                self.left.pop(0)
                found.append(Without(self.one()))
            else:
                found.append(self.one())
        return found[0] if len(found) == 1 else Every(tuple(found))

    def one(self) -> Expression:
        kind, value = self.left.pop(0) if self.left else ("", "<EOF>")
        if kind == "open":
            self._depth += 1
            if self._depth > MAX_DEPTH:
                raise SoqlError("MALFORMED_SEARCH", f"parentheses are nested deeper than {MAX_DEPTH} levels")
            found = self.some()
            self._depth -= 1
            if self._next() != "close":
                raise SoqlError("MALFORMED_SEARCH", "expecting a right parenthesis, found '<EOF>'")
            self.left.pop(0)
            return found
        if kind not in ("word", "phrase") or not _WORD.search(value):
            raise SoqlError("MALFORMED_SEARCH", f"unexpected token: '{value}'")
        return Term(value)
