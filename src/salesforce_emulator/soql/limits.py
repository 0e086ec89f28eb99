"""What a query may not be, whatever the org holds: too deep, too many parts, parts in the wrong place."""

from __future__ import annotations

from collections.abc import Iterator

from salesforce_emulator.soql import nodes
from salesforce_emulator.soql.errors import SoqlError, at
from salesforce_emulator.soql.functions import AGGREGATES

MAX_OFFSET = 2000
MAX_SEMI_JOINS = 2
MAX_CHILDREN = 20
MAX_PARENTS = 55


def check(text: str, query: nodes.Query) -> None:
    """Look at a whole query.

    :raises SoqlError: it goes beyond a limit.
    """
    if query.offset is not None and query.offset > MAX_OFFSET:
        raise SoqlError("NUMBER_OUTSIDE_VALID_RANGE", f"Maximum SOQL offset allowed is {MAX_OFFSET}")
    if query.locking and query.order:
        raise SoqlError("MALFORMED_QUERY", "FOR UPDATE is not allowed in a query with ORDER BY")
    children = [i.query for i in query.select if isinstance(i, nodes.SelectChildren)]
    if len(children) > MAX_CHILDREN:
        message = f"only {MAX_CHILDREN} aggregate relationships are allowed in a query"
        raise at(text, children[MAX_CHILDREN].source.pos, "MALFORMED_QUERY", message)
    for child in children:
        _check_child(text, child)
    _check_parents(text, query)
    if query.having is not None and not query.group:
        raise SoqlError("MALFORMED_QUERY", "HAVING is only allowed in a query with GROUP BY")
    if query.limit is not None and not query.group and any(_is_overall(item) for item in query.select):
        message = "Non-grouped query that uses overall aggregate functions cannot also use LIMIT"
        raise SoqlError("MALFORMED_QUERY", message)
    if query.where is not None:
        _check_semi_joins(text, query)


def is_aggregate(operand: nodes.Operand) -> bool:
    """Whether a selected value is an aggregate, or one that FORMAT shows."""
    if isinstance(operand, nodes.Path):
        return False
    return operand.lower in AGGREGATES or (operand.lower == "format" and any(map(is_aggregate, operand.arguments)))


def _is_overall(item: object) -> bool:
    """An aggregate other than the lone COUNT(), which does take LIMIT."""
    if not isinstance(item, nodes.SelectItem) or not isinstance(item.value, nodes.Call):
        return False
    return is_aggregate(item.value) and bool(item.value.arguments)


def _check_child(text: str, child: nodes.Query) -> None:
    if child.offset is not None:
        message = "OFFSET clause is not allowed in a subquery"
        raise at(text, child.source.pos, "MALFORMED_QUERY", message)
    if child.where is not None:
        _check_semi_joins(text, child)


def _check_parents(text: str, query: nodes.Query) -> None:
    """The relationships on the way to parents, each counted once."""
    seen: set[str] = set()
    for path in _paths(query):
        parts = path.text.lower().split(".")[:-1]
        seen.update(".".join(parts[: n + 1]) for n in range(len(parts)))
        if len(seen) > MAX_PARENTS:
            message = f"only {MAX_PARENTS} child-to-parent relationships are allowed in a query"
            raise at(text, path.pos, "MALFORMED_QUERY", message)


def _paths(query: nodes.Query) -> Iterator[nodes.Path]:
    for item in query.select:
        if isinstance(item, nodes.SelectItem):
            yield from _operand_paths(item.value)
    if query.where is not None:
        for condition in _conditions(query.where):
            yield from _operand_paths(condition.left)
    for order in query.order:
        yield from _operand_paths(order.value)


def _operand_paths(operand: nodes.Operand) -> Iterator[nodes.Path]:
    if isinstance(operand, nodes.Path):
        yield operand
        return
    for argument in operand.arguments:
        yield from _operand_paths(argument)


_Leaf = nodes.Compare | nodes.Like | nodes.InValues | nodes.InQuery | nodes.Includes


def _conditions(condition: nodes.Condition) -> Iterator[_Leaf]:
    match condition:
        case nodes.Logical(_, terms):
            for term in terms:
                yield from _conditions(term)
        case nodes.Not(term):
            yield from _conditions(term)
        case _:
            yield condition


def _check_semi_joins(text: str, query: nodes.Query) -> None:
    where = query.where
    assert where is not None
    joins = [c for c in _conditions(where) if isinstance(c, nodes.InQuery)]
    if len(joins) > MAX_SEMI_JOINS:
        message = f"Maximum {MAX_SEMI_JOINS} semi join sub-selects are allowed in a query"
        raise at(text, joins[MAX_SEMI_JOINS].left.pos, "MALFORMED_QUERY", message)
    if not joins:
        return
    top = where.terms if isinstance(where, nodes.Logical) else (where,)
    if isinstance(where, nodes.Logical) and where.operator == "OR":
        message = "Semi join sub-selects are not allowed with the 'OR' operator"
        raise at(text, joins[0].left.pos, "MALFORMED_QUERY", message)
    for join in joins:
        if join not in top:
            message = (
                "Semi join sub-selects are only allowed at the top level WHERE expressions and not in nested WHERE "
                "expressions."
            )
            raise at(text, join.left.pos, "MALFORMED_QUERY", message)
        _check_inner(text, query, join)


def _check_inner(text: str, query: nodes.Query, join: nodes.InQuery) -> None:
    inner = join.query
    if inner.where is not None and any(isinstance(c, nodes.InQuery) for c in _conditions(inner.where)):
        message = "Nesting of semi join sub-selects is not supported"
        raise at(text, inner.source.pos, "MALFORMED_QUERY", message)
    same = inner.source.text.lower() == query.source.text.lower()
    column = inner.select[0]
    ids = (
        isinstance(column, nodes.SelectItem)
        and isinstance(column.value, nodes.Path)
        and {_text(join.left), _text(column.value)} == {"id"}
    )
    if same and ids:
        message = "The inner and outer selects should not be on the same object type"
        raise at(text, join.left.pos, "MALFORMED_QUERY", message)


def _text(operand: nodes.Operand) -> str:
    return operand.text.lower() if isinstance(operand, nodes.Path) else operand.lower
