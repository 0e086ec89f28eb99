"""From the text of a query to its syntax tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from importlib import resources

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedToken

from salesforce_emulator.soql import nodes
from salesforce_emulator.soql.errors import SoqlError, at, too_complicated, unexpected_token

MAX_STATEMENT = 100_000
"""Characters of a statement."""
MAX_COUNT = 2**31 - 1
"""What LIMIT and OFFSET can say at all."""
MAX_LITERAL = 4_000
"""Characters of a string in a condition."""
MAX_DEPTH = 150
"""Levels of a query: NOT in NOT, a function or a subquery in another. SQLite's own limit is some three times that."""

Node = Tree[Token]

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
_ILLEGAL = re.compile(r"""(?<!\\)(?:\\\\)*(\\(?!u[0-9a-f]{4}|[nrtbf"'\\_%]).)""", re.IGNORECASE | re.DOTALL)
"""A backslash before what it can't escape."""
_LITERAL_KINDS = {
    "STRING": "string",
    "NUMBER": "number",
    "AMOUNT": "amount",
    "DATE": "date",
    "DATETIME": "datetime",
    "DATE_LITERAL": "date_literal",
    "NULL": "null",
    "TRUE": "boolean",
    "FALSE": "boolean",
}
# Marking as viewed, locking, and the statistics of articles: what a client may say, and nothing else.
_PURPOSES = {
    "for_": frozenset({"view", "reference", "update"}),
    "tracked": frozenset({"tracking", "viewstat"}),
}
_WORDS = re.compile(r"[A-Za-z_]\w*|\d+|'(?:[^'\\]|\\.)*'?|\S")


@lru_cache(maxsize=1)
def _parser() -> Lark:
    grammar = (resources.files("salesforce_emulator.soql") / "grammar.lark").read_text("utf-8")
    return Lark(grammar, parser="lalr", lexer="contextual", maybe_placeholders=True)


def parse(text: str) -> nodes.Query:
    """Read a query.

    :raises SoqlError: MALFORMED_QUERY with the place and the token that doesn't belong there.
    """
    if not text.strip():
        raise SoqlError("MALFORMED_QUERY", "SOQL statements cannot be empty or null")
    if len(text) > MAX_STATEMENT:
        raise SoqlError("QUERY_TOO_COMPLICATED", "SOQL statement is too long")
    try:
        tree = _parser().parse(text)
    except UnexpectedToken as error:
        token = error.token
        if token.type == "$END":
            raise unexpected_token(text, len(text.rstrip()), "<EOF>") from None
        raise unexpected_token(text, token.start_pos or 0, str(token)) from None
    except UnexpectedEOF:
        raise unexpected_token(text, len(text.rstrip()), "<EOF>") from None
    except UnexpectedCharacters as error:
        position = error.pos_in_stream or 0
        word = _WORDS.match(text, position)
        raise unexpected_token(text, position, word.group() if word else "<EOF>") from None
    if _is_deep(tree):
        raise too_complicated()
    return _Reader(text).query(_tree(tree.children[0]))


def _is_deep(tree: Node) -> bool:
    level = [tree]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _trees(outer)]
    return bool(level)


def unquote(literal: str) -> str:
    """The text of a quoted string, escapes resolved (``\\_`` and ``\\%`` are left to LIKE)."""
    text = re.sub(
        r"\\(u[0-9A-Fa-f]{4}|.)",
        lambda m: chr(int(m[1][1:], 16)) if len(m[1]) == 5 else _ESCAPES.get(m[1].lower(), m[0]),
        literal[1:-1],
        flags=re.DOTALL,
    )
    # Two escapes can be the halves of one character; half a one is none.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _tree(node: object) -> Node:
    assert isinstance(node, Tree)
    return node


def _token(node: object) -> Token:
    assert isinstance(node, Token)
    return node


def _path(token: object) -> nodes.Path:
    found = _token(token)
    return nodes.Path(str(found), found.start_pos or 0)


def _trees(node: Node) -> Iterator[Node]:
    return (c for c in node.children if isinstance(c, Tree))


def _paths(node: Node) -> list[nodes.Path]:
    return [_path(c) for c in node.children if isinstance(c, Token) and c.type == "PATH"]


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text

    def query(self, tree: Node) -> nodes.Query:
        parts = {t.data: t for t in _trees(tree)}
        source = _paths(parts["source"])
        with_ = parts.get("with_")
        if with_ and (word := _paths(with_)[0]).text.lower() not in ("security_enforced", "user_mode", "system_mode"):
            raise unexpected_token(self.text, word.pos, word.text)
        purposes = self._purposes(tree)
        return nodes.Query(
            select=tuple(self._select(t) for t in _trees(parts["select_list"])),
            source=source[0],
            alias=source[1].text if len(source) > 1 else None,
            where=self._condition(_last(parts["where"])) if "where" in parts else None,
            group=tuple(self._operand(t) for t in _trees(parts["group"])) if "group" in parts else (),
            having=self._condition(_last(parts["having"])) if "having" in parts else None,
            order=tuple(self._order(t) for t in _trees(parts["order"])) if "order" in parts else (),
            limit=self._count(parts.get("limit")),
            offset=self._count(parts.get("offset")),
            all_rows="all_rows" in parts,
            scope=_paths(parts["using"])[0] if "using" in parts else None,
            locking="update" in purposes,
            viewed=not purposes.isdisjoint(("view", "reference")),
        )

    def _purposes(self, tree: Node) -> set[str]:
        """What FOR and UPDATE say, in lower case."""
        said = set()
        for part in _trees(tree):
            if part.data in _PURPOSES:
                for word in _paths(part):
                    if word.text.lower() not in _PURPOSES[part.data]:
                        raise unexpected_token(self.text, word.pos, word.text)
                    said.add(word.text.lower())
        return said

    def _count(self, tree: Node | None) -> int | None:
        if tree is None:
            return None
        token = _token(tree.children[-1])
        if not token.isdigit() or len(token.lstrip("0")) > len(str(MAX_COUNT)) or int(token) > MAX_COUNT:
            raise unexpected_token(self.text, token.start_pos or 0, str(token))
        return int(token)

    def _select(self, tree: Node) -> nodes.SelectItem | nodes.SelectChildren | nodes.TypeOf:
        if tree.data == "select_children":
            return nodes.SelectChildren(self.query(_tree(tree.children[0])))
        if tree.data == "select_typeof":
            return self._typeof(tree)
        alias = tree.children[1]
        value = self._operand(tree.children[0])
        return nodes.SelectItem(value, str(alias) if alias is not None else None)

    def _typeof(self, tree: Node) -> nodes.TypeOf:
        branches = []
        otherwise: tuple[nodes.Path, ...] = ()
        for part in _trees(tree):
            if part.data == "when":
                branches.append((_paths(part)[0], tuple(_paths(_last(part)))))
            else:
                otherwise = tuple(_paths(part))
        return nodes.TypeOf(_paths(tree)[0], tuple(branches), otherwise)

    def _operand(self, node: object) -> nodes.Operand:
        if isinstance(node, Token):
            return _path(node)
        tree = _tree(node)
        if tree.data != "function":
            return self._operand(tree.children[0])
        name = _token(tree.children[0])
        arguments = tuple(self._operand(c) for c in tree.children[1:] if c is not None)
        return nodes.Call(str(name), name.start_pos or 0, arguments)

    def _order(self, tree: Node) -> nodes.OrderItem:
        value, direction, nulls = tree.children
        descending = isinstance(direction, Tree) and _token(direction.children[0]).type == "DESC"
        last = isinstance(nulls, Tree) and _token(nulls.children[1]).type == "LAST"
        return nodes.OrderItem(self._operand(value), descending, last)

    def _condition(self, tree: Node) -> nodes.Condition:
        if tree.data in ("all_of", "any_of"):
            terms = tuple(self._condition(t) for t in _trees(tree))
            return nodes.Logical("AND" if tree.data == "all_of" else "OR", terms)
        if tree.data == "none_of":
            return nodes.Not(self._condition(_last(tree)))
        left = self._operand(tree.children[0])
        if tree.data == "compare":
            operator = str(tree.children[1])
            value = self._literal(tree.children[2])
            return nodes.Compare(left, "!=" if operator == "<>" else operator, value)
        if tree.data == "like":
            return nodes.Like(left, self._literal(tree.children[2]))
        if tree.data in ("in_list", "not_in_list"):
            return self._membership(left, _last(tree), negated=tree.data == "not_in_list")
        values = tuple(self._literal(t) for t in _trees(tree) if t.data == "value")
        return nodes.Includes(left, values, negated=tree.data == "excludes")

    def _membership(self, left: nodes.Operand, listed: Node, *, negated: bool) -> nodes.Condition:
        if listed.data == "subquery":
            return nodes.InQuery(left, self.query(_tree(listed.children[0])), negated)
        return nodes.InValues(left, tuple(self._literal(t) for t in _trees(listed)), negated)

    def _literal(self, node: object) -> nodes.Literal:
        token = _token(_tree(node).children[0])
        kind = _LITERAL_KINDS[token.type]
        if kind == "string" and (wrong := _ILLEGAL.search(token)) is not None:
            message = f"Invalid string literal {token}. Illegal character sequence '{wrong[1]}' in string literal."
            raise at(self.text, token.start_pos or 0, "MALFORMED_QUERY", message)
        text = unquote(token) if kind == "string" else str(token)
        if len(text) > MAX_LITERAL:
            raise SoqlError("QUERY_TOO_COMPLICATED", f"a string in a condition has at most {MAX_LITERAL} characters")
        return nodes.Literal(kind, text, token.start_pos or 0)


def _last(tree: Node) -> Node:
    return _tree(tree.children[-1])
