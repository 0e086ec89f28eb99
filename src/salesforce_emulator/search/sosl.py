"""From the text of a SOSL statement to what it asks for.

``FIND {terms} [IN group FIELDS] [RETURNING Object(fields WHERE … ORDER BY … LIMIT n OFFSET n), …] [WITH …] [LIMIT n]``.
The part of an object is SOQL in all but its beginning, so it is read as that.
"""

from __future__ import annotations

import re

from salesforce_emulator.search.run import GROUPS, MOST, Request, Returning
from salesforce_emulator.search.terms import RESERVED, parse_terms
from salesforce_emulator.soql.errors import SoqlError, at_in_search

_FIND = re.compile(r"\s*FIND\s*\{", re.IGNORECASE)
_SPACE = re.compile(r"\s*")
_WORD = re.compile(r"\w+")
_CLAUSE = re.compile(r"\b(WHERE|ORDER|LIMIT|OFFSET|USING)\b", re.IGNORECASE)
_STRING = re.compile(r"'(?:[^'\\]|\\.)*'", re.DOTALL)
_WITH = re.compile(r"(HIGHLIGHT|SPELL_CORRECTION\s*=\s*(?:true|false))\b", re.IGNORECASE)


def read_sosl(text: str) -> Request:
    """Read a statement.

    :raises SoqlError: MALFORMED_SEARCH with the place, or INVALID_SEARCH where there is too little to search for.
    """
    return _Reader(text).request()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0

    def request(self) -> Request:
        terms = parse_terms(self._between_braces())
        group, limit = "ALL", MOST
        returning: tuple[Returning, ...] = ()
        if self._took("IN"):
            group = self._group()
        if self._took("RETURNING"):
            returning = self._returning()
        while self._took("WITH"):
            self._skip()
            if (found := _WITH.match(self.text, self.place)) is None:
                raise self._unexpected()
            self.place = found.end()
        if self._took("LIMIT"):
            limit = self._number()
        self._skip()
        if self.place < len(self.text):
            raise self._unexpected()
        return Request(terms, group, returning, limit)

    def _between_braces(self) -> str:
        found = _FIND.match(self.text)
        if found is None:
            raise self._unexpected()
        start = self.place = found.end()
        while self.place < len(self.text):
            char = self.text[self.place]
            if char == "}":
                self.place += 1
                return self.text[start : self.place - 1]
            if char in RESERVED:
                raise self._mismatched(repr(char))
            self.place += 2 if char == "\\" else 1
        self.place = len(self.text)
        raise self._mismatched("'<EOF>'")

    def _mismatched(self, char: str) -> SoqlError:
        row = self.text.count("\n", 0, self.place) + 1
        column = self.place - (self.text.rfind("\n", 0, self.place) + 1)
        return at_in_search(self.text, self.place, f"line {row}:{column} mismatched character {char} expecting '}}'")

    def _unexpected(self) -> SoqlError:
        self._skip()
        word = _WORD.match(self.text, self.place)
        found = word.group() if word else self.text[self.place : self.place + 1] or "<EOF>"
        return at_in_search(self.text, self.place, f"Malformed search token: {found}")

    def _skip(self) -> None:
        found = _SPACE.match(self.text, self.place)
        assert found is not None
        self.place = found.end()

    def _word(self) -> str:
        self._skip()
        found = _WORD.match(self.text, self.place)
        if found is None:
            raise self._unexpected()
        self.place = found.end()
        return found.group()

    def _took(self, keyword: str) -> bool:
        self._skip()
        found = _WORD.match(self.text, self.place)
        if found is None or found.group().upper() != keyword:
            return False
        self.place = found.end()
        return True

    def _number(self) -> int:
        start = self.place
        word = self._word()
        if not word.isdigit() or int(word) > MOST:
            self.place = start
            raise self._unexpected()
        return int(word)

    def _group(self) -> str:
        start = self.place
        group = self._word().upper()
        if group not in GROUPS:
            self.place = start
            raise self._unexpected()
        if not self._took("FIELDS"):
            raise self._unexpected()
        return group

    def _returning(self) -> tuple[Returning, ...]:
        found = [self._object()]
        self._skip()
        while self.text[self.place : self.place + 1] == ",":
            self.place += 1
            found.append(self._object())
            self._skip()
        return tuple(found)

    def _object(self) -> Returning:
        name = self._word()
        start = self.place - len(name)
        self._skip()
        inside = self._in_parentheses() if self.text[self.place : self.place + 1] == "(" else ""
        bare = _STRING.sub(lambda m: "'" + "x" * (len(m[0]) - 2) + "'", inside)
        clause = _CLAUSE.search(bare)
        cut = clause.start() if clause else len(inside)
        if clause and clause[1].upper() == "USING":
            self.place = self.text.index(inside, start) + cut
            raise self._unexpected()
        fields = inside[:cut].strip() or "Id"
        return Returning(name, f"SELECT {fields} FROM {name} {inside[cut:]}", start)

    def _in_parentheses(self) -> str:
        start, depth = self.place + 1, 0
        while self.place < len(self.text):
            char = self.text[self.place]
            if char == "'" and (literal := _STRING.match(self.text, self.place)):
                self.place = literal.end()
                continue
            depth += {"(": 1, ")": -1}.get(char, 0)
            self.place += 1
            if depth == 0:
                return self.text[start : self.place - 1]
        raise self._unexpected()
