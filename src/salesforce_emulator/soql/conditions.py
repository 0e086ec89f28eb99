"""WHERE and HAVING as SQL.

SOQL knows two truth values: what can't be compared, because a side is null, is false, and its negation true.
So a negation here is always of something coalesced to false, and ``!=`` holds for null.  Text is compared
without regard to case; the tables' NOCASE knows only ASCII, so other letters go through soql_fold.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, tzinfo
from math import isfinite

from salesforce_emulator import ids
from salesforce_emulator.soql import money, nodes
from salesforce_emulator.soql.dates import literal_days
from salesforce_emulator.soql.errors import SoqlError, at, wrong_literal
from salesforce_emulator.soql.functions import Expression, is_text
from salesforce_emulator.soql.plan import QueryContext

Value = object
Resolve = Callable[[nodes.Operand], Expression]
Subselect = Callable[[nodes.Query, int], tuple[str, list[object]]]

_SQL_OPERATORS = {"=": "=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_WHOLE = re.compile(r"[+-]?\d{1,18}")
"""A number that the tables hold; one of more digits is no int."""
_IN_A_ROW = 16
# How the messages call the types.
_TYPE_WORDS = {"datetime": "dateTime", "currency": "double", "percent": "double"}


def fold(text: str | None) -> str | None:
    """Case folding for letters beyond ASCII, registered with SQLite as soql_fold."""
    return text.casefold() if text is not None else None


class Conditions:
    """Compiles the conditions of one query.

    :param resolve: finds the SQL of a field or function.
    :param subselect: compiles the query of a semi-join.
    """

    def __init__(self, text: str, context: QueryContext, resolve: Resolve, subselect: Subselect) -> None:
        self.text = text
        self.context = context
        self.resolve = resolve
        self.subselect = subselect
        self.params: list[object] = []
        self._place = 0
        """Where the field of the comparison stands: errors point there."""

    def sql(self, condition: nodes.Condition) -> str:
        match condition:
            case nodes.Logical(operator, terms):
                return _balanced(operator, [self.sql(t) for t in terms])
            case nodes.Not(term):
                return f"NOT coalesce({self.sql(term)}, 0)"
            case nodes.Compare(left, operator, value):
                return self._compare(self._filterable(left), operator, value, left)
            case nodes.Like(left, value):
                return self._like(self._filterable(left), value, left)
            case nodes.InValues(left, values, negated):
                return self._in_values(self._filterable(left), values, negated, left)
            case nodes.InQuery(left, query, negated):
                return self._in_query(self._filterable(left), query, negated, left)
            case nodes.Includes(left, values, negated):
                return self._includes(self._filterable(left), values, negated, left)

    def _filterable(self, operand: nodes.Operand) -> Expression:
        found = self.resolve(operand)
        self._place = operand.pos
        if found.field is not None and (found.field.compound or not found.field.filterable):
            message = f"field '{found.field.name}' can not be filtered in a query call"
            raise at(self.text, operand.pos, "INVALID_FIELD", message)
        return found

    def _mark(self, value: object) -> str:
        self.params.append(value)
        return "?"

    def _operator_error(self, operand: nodes.Operand, found: Expression) -> SoqlError:
        kind = {"reference": "id"}.get(found.type, found.type)
        return at(self.text, operand.pos, "INVALID_QUERY_FILTER_OPERATOR", f"invalid operator on {kind} field")

    # -- comparisons

    def _compare(self, left: Expression, operator: str, value: nodes.Literal, operand: nodes.Operand) -> str:
        if _is_null(left, value):
            return self._compare_null(left, operator)
        if operator not in ("=", "!=") and left.type in ("boolean", "multipicklist"):
            raise self._operator_error(operand, left)
        if value.kind == "date_literal":
            return self._compare_days(left, operator, value)
        if value.kind == "amount":
            return self._compare_amount(left, operator, value)
        bound = self._value(left, value)
        return self._compare_value(left, operator, bound)

    def _compare_amount(self, left: Expression, operator: str, value: nodes.Literal) -> str:
        """``Amount > USD5000``: compared in the corporate currency."""
        if not left.corporate:
            raise self._wrong(left)
        code, amount = money.literal(value.text)
        worth = f"({self._mark(amount)} / {money.rate(self._mark(code), left.day)})"
        sign = "IS NOT" if operator == "!=" else _SQL_OPERATORS[operator]
        return f"round({left.corporate}, 6) {sign} round({worth}, 6)"

    def _compare_null(self, left: Expression, operator: str) -> str:
        if left.type == "boolean":  # a boolean is never null
            return "0" if operator == "=" else "1"
        if operator == "=":
            return f"{left.sql} IS NULL"
        return f"{left.sql} IS NOT NULL" if operator == "!=" else "0"  # nothing is less or more than null

    def _compare_value(self, left: Expression, operator: str, value: object) -> str:
        sql, value = _caseless(left, value)
        if operator == "!=":
            return f"{sql} IS NOT {self._mark(value)}"
        return f"{sql} {_SQL_OPERATORS[operator]} {self._mark(value)}"

    def _compare_days(self, left: Expression, operator: str, value: nodes.Literal) -> str:
        start, end = self._days(left, value)
        match operator:
            case "=":
                return f"({left.sql} >= {self._mark(start)} AND {left.sql} < {self._mark(end)})"
            case "!=":
                return f"({left.sql} IS NULL OR {left.sql} < {self._mark(start)} OR {left.sql} >= {self._mark(end)})"
            case "<":
                return f"{left.sql} < {self._mark(start)}"
            case "<=":
                return f"{left.sql} < {self._mark(end)}"
            case ">":
                return f"{left.sql} >= {self._mark(end)}"
            case _:
                return f"{left.sql} >= {self._mark(start)}"

    def _days(self, left: Expression, value: nodes.Literal) -> tuple[str, str]:
        if left.type not in ("date", "datetime"):
            raise self._wrong(left)
        try:
            start, end = literal_days(value.text, self.context.now, self.context.fiscal_start)
        except (OverflowError, ValueError):  # ValueError: more digits than a number is read from
            message = f"Invalid date literal: {value.text}"
            raise at(self.text, value.pos, "MALFORMED_QUERY", message) from None
        if left.type == "date":
            return start.isoformat(), end.isoformat()
        zone = self.context.now.tzinfo
        return day_start(start, zone), day_start(end, zone)

    # -- the other operators

    def _like(self, left: Expression, value: nodes.Literal, operand: nodes.Operand) -> str:
        if not is_text(left.type) or left.type == "multipicklist":
            raise self._operator_error(operand, left)
        if value.kind == "null":
            return f"{left.sql} IS NULL"
        if value.kind != "string":
            raise self._wrong(left)
        sql, pattern = _caseless(left, value.text)
        return f"{sql} LIKE {self._mark(pattern)} ESCAPE '\\'"

    def _in_values(
        self, left: Expression, values: tuple[nodes.Literal, ...], negated: bool, operand: nodes.Operand
    ) -> str:
        if any(v.kind in ("date_literal", "amount") for v in values):
            tests = [self._compare(left, "=", v, operand) for v in values]
            joined = _balanced("OR", tests)
            return f"NOT coalesce({joined}, 0)" if negated else joined
        nulls = any(_is_null(left, v) for v in values)
        bound = [self._value(left, v) for v in values if not _is_null(left, v)]
        sql, folded = left.sql, bound
        if _ignores_case(left) and any(isinstance(b, str) and not b.isascii() for b in bound):
            sql, folded = f"soql_fold({left.sql})", [fold(str(b)) for b in bound]
        inside = f"{sql} IN ({', '.join(self._mark(b) for b in folded)})" if folded else "0"
        test = f"({inside} OR {left.sql} IS NULL)" if nulls else inside
        return f"NOT coalesce({test}, 0)" if negated else test

    def _in_query(self, left: Expression, query: nodes.Query, negated: bool, operand: nodes.Operand) -> str:
        if left.type not in ("id", "reference"):
            message = "The left operand field in the where expression for outer query should be an id or reference"
            raise at(self.text, operand.pos, "MALFORMED_QUERY", f"{message} field: {left.name}")
        sql, params = self.subselect(query, operand.pos)
        self.params.extend(params)
        test = f"{left.sql} IN ({sql})"
        return f"NOT coalesce({test}, 0)" if negated else test

    def _includes(
        self, left: Expression, values: tuple[nodes.Literal, ...], negated: bool, operand: nodes.Operand
    ) -> str:
        if left.type != "multipicklist":
            raise self._operator_error(operand, left)
        choices = []
        for value in values:
            if value.kind != "string":
                raise self._wrong(left)
            parts = [p.strip() for p in value.text.split(";") if p.strip()]
            tests = [f"instr(lower(';' || {left.sql} || ';'), {self._mark(f';{p.lower()};')}) > 0" for p in parts]
            choices.append(_balanced("AND", tests or ["0"]))
        test = _balanced("OR", choices)
        return f"NOT coalesce({test}, 0)" if negated else test

    # -- literals

    def _wrong(self, left: Expression) -> SoqlError:
        quoted = is_text(left.type) or left.type in ("id", "reference")
        word = "string" if quoted else _TYPE_WORDS.get(left.type, left.type)
        return wrong_literal(self.text, self._place, left.name, word, quoted)

    def _value(self, left: Expression, value: nodes.Literal) -> object:
        """The literal as the table holds such values."""
        kind = left.type
        if value.kind == "string" and is_text(kind):
            return value.text
        if value.kind == "string" and kind in ("id", "reference"):
            return self._id(value)
        if value.kind == "boolean" and kind == "boolean":
            return int(value.text.lower() == "true")
        if value.kind == "number" and kind in ("double", "currency", "percent") and isfinite(float(value.text)):
            return float(value.text)
        if value.kind == "number" and kind in ("int", "long") and _WHOLE.fullmatch(value.text):
            return int(value.text)
        if value.kind == "date" and kind == "date":
            return self._checked_date(value)
        if value.kind == "datetime" and kind == "datetime":
            return self._instant(value)
        raise self._wrong(left)

    def _id(self, value: nodes.Literal) -> str:
        try:
            return ids.to18(value.text)
        except ValueError:
            message = f"invalid ID field: {value.text}"
            raise at(self.text, self._place, "INVALID_QUERY_FILTER_OPERATOR", message) from None

    def _checked_date(self, value: nodes.Literal) -> str:
        try:
            return date.fromisoformat(value.text).isoformat()
        except ValueError:
            raise at(self.text, value.pos, "MALFORMED_QUERY", f"Invalid date: {value.text}") from None

    def _instant(self, value: nodes.Literal) -> str:
        try:
            return stamp(datetime.fromisoformat(value.text.upper()))
        except (ValueError, OverflowError):
            raise at(self.text, value.pos, "MALFORMED_QUERY", f"Invalid dateTime: {value.text}") from None


def _balanced(operator: str, terms: list[str]) -> str:
    """Terms joined in halves of halves: in a plain row each makes the expression a level deeper, up to a limit."""
    if len(terms) <= _IN_A_ROW:
        return "(" + f" {operator} ".join(terms) + ")"
    half = len(terms) // 2
    return f"({_balanced(operator, terms[:half])} {operator} {_balanced(operator, terms[half:])})"


def _is_null(left: Expression, value: nodes.Literal) -> bool:
    """Whether the literal stands for no value: null, or an empty text where the field holds texts."""
    empty = value.kind == "string" and not value.text
    return value.kind == "null" or (empty and (is_text(left.type) or left.type == "reference"))


def _ignores_case(left: Expression) -> bool:
    return is_text(left.type) and not (left.field is not None and left.field.case_sensitive)


def _caseless(left: Expression, value: object) -> tuple[str, object]:
    if isinstance(value, str) and _ignores_case(left) and not value.isascii():
        return f"soql_fold({left.sql})", fold(value)
    return left.sql, value


def stamp(moment: datetime) -> str:
    """A moment as the tables hold it: UTC, milliseconds."""
    utc = moment.astimezone(UTC)
    return utc.strftime("%Y-%m-%dT%H:%M:%S.") + f"{utc.microsecond // 1000:03d}Z"


def day_start(day: date, zone: tzinfo | None) -> str:
    """The moment a day begins in a time zone, as the tables hold it."""
    return stamp(datetime.combine(day, time(), zone or UTC))
