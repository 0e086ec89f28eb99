"""From a formula's text to its syntax tree."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from importlib import resources
from typing import cast

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedToken

from salesforce_emulator.formula import nodes
from salesforce_emulator.formula.errors import FormulaError

MAX_LENGTH = 3_900
"""Characters of a formula."""
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_CONSTANTS = {"true": True, "false": False, "null": None}
_SAME = {"==": "=", "!=": "<>"}


@lru_cache(maxsize=1)
def _parser() -> Lark:
    grammar = (resources.files("salesforce_emulator.formula") / "grammar.lark").read_text("utf-8")
    return Lark(grammar, parser="lalr", transformer=_Reader(), maybe_placeholders=True)


def parse(text: str) -> nodes.Node:
    """Read a formula.

    :raises FormulaError: it isn't one.
    """
    if not text.strip():
        raise FormulaError("Error: Formula is empty. Write a condition, such as ISBLANK(Industry).")
    if len(text) > MAX_LENGTH:
        raise FormulaError(
            f"Formula is too long ({len(text):,} characters). Maximum length is {MAX_LENGTH:,} characters."
        )
    try:
        tree = _parser().parse(text)
    except UnexpectedToken as error:
        found = str(error.token)
        if error.token.type != "$END":
            raise FormulaError(
                f"Syntax error. Found '{found}' at character {(error.token.start_pos or 0) + 1}"
            ) from None
        missing = "Missing ')'" if "RPAR" in error.expected else "Found the end of the formula"
        raise FormulaError(f"Syntax error. {missing}") from None
    except UnexpectedEOF:
        raise FormulaError("Syntax error. Found the end of the formula") from None
    except UnexpectedCharacters as error:
        place = error.pos_in_stream or 0
        raise FormulaError(f"Syntax error. Found '{text[place]}' at character {place + 1}") from None
    # The parser was given a transformer, so it answers with what that made, and not with the tree that it declares.
    return cast("nodes.Node", tree)


def _unquote(literal: str) -> str:
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), literal[1:-1], flags=re.DOTALL)


@v_args(inline=True)
class _Reader(Transformer[Token, nodes.Node]):
    """Makes nodes while the parser reads."""

    def start(self, found: nodes.Node) -> nodes.Node:
        return found

    def number(self, token: Token) -> nodes.Node:
        return nodes.Literal(Decimal(str(token)))

    def text(self, token: Token) -> nodes.Node:
        return nodes.Literal(_unquote(str(token)))

    def path(self, token: Token) -> nodes.Node:
        name = str(token)
        return nodes.Literal(_CONSTANTS[name.lower()]) if name.lower() in _CONSTANTS else nodes.Path(name)

    def call(self, name: Token, *arguments: nodes.Node | None) -> nodes.Node:
        return nodes.Call(str(name).upper(), tuple(a for a in arguments if a is not None))

    def either(self, left: nodes.Node, right: nodes.Node) -> nodes.Node:
        return nodes.Call("OR", (left, right))

    def both(self, left: nodes.Node, right: nodes.Node) -> nodes.Node:
        return nodes.Call("AND", (left, right))

    def compare(self, left: nodes.Node, operator: Token, right: nodes.Node) -> nodes.Node:
        return nodes.Operation(_SAME.get(str(operator), str(operator)), left, right)

    def arithmetic(self, left: nodes.Node, operator: Token, right: nodes.Node) -> nodes.Node:
        return nodes.Operation(str(operator), left, right)

    def sign(self, operator: Token, value: nodes.Node) -> nodes.Node:
        if operator == "&":
            raise FormulaError("Syntax error. Found '&'")
        return nodes.Sign(operator == "-", value)

    def negate(self, value: nodes.Node) -> nodes.Node:
        return nodes.Call("NOT", (value,))
