"""Conditions on local records, as they are stored, checked and turned into SQL.

A condition is JSON::

    {"all": [{"field": "industry", "is": "equals", "value": "Banking"},
             {"any": [{"field": "employee_count", "is": "at_least", "value": 200},
                      {"not": {"field": "website", "is": "empty"}}]}]}

``{}`` is met by every record. Text is compared without regard to case, and blank text is empty. A record whose field is
empty meets no comparison but ``not_equals``, ``not_contains`` and ``empty``, as people expect of a list.

=================================  ===========================  =====================================
is                                 for                          value
=================================  ===========================  =====================================
equals, not_equals                 every type                   of the field's type
in                                 every type but yes/no        a list of at most 1,000 of those
contains, not_contains,            text                         text
starts_with
at_least, at_most, greater, less   numbers, dates, date-times   of the field's type; dates as ISO text
empty, not_empty                   every type but yes/no        none
within_days                        dates, date-times            whole days, counted back from now
=================================  ===========================  =====================================

Where a condition is evaluated anew each time it is asked (filters of lists, rules of collections), it may go *beyond*
the record's own fields (see `abmatic.audiences.beyond`): to further columns, the collections it is in, the account it
belongs to, and what the CRM says of it. A push filter may not: what meets it is found by the changes of fields.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, LiteralString

from psycopg import sql

from abmatic.audiences import beyond as others
from abmatic.audiences import quick
from abmatic.audiences.fields import FieldType, LocalField, field, fields
from abmatic.audiences.like import escaped
from abmatic.audiences.list_indexes import SEARCHED, Table
from abmatic.audiences.refusals import ConditionRefused as ConditionRefused

# JSON as stored: checked here before anything is made of it.
Condition = Mapping[str, Any]

_DEEPEST = 10
_LONGEST_LIST = 1_000
_LONGEST_TEXT = 4_000
_TEXTS = frozenset({FieldType.TEXT, FieldType.URL, FieldType.EMAIL, FieldType.PHONE, FieldType.PICKLIST})
_ORDERED = frozenset({FieldType.INTEGER, FieldType.NUMBER, FieldType.DATE, FieldType.DATETIME})
_TIMES = frozenset({FieldType.DATE, FieldType.DATETIME})
_ALL = frozenset(FieldType)
_MOST_DAYS = 36_500
# Which types each comparison can be asked of.
SUITED: dict[str, frozenset[FieldType]] = {
    "equals": _ALL,
    "not_equals": _ALL,
    "in": _ALL - {FieldType.BOOLEAN},
    "contains": _TEXTS,
    "not_contains": _TEXTS,
    "starts_with": _TEXTS,
    "at_least": _ORDERED,
    "at_most": _ORDERED,
    "greater": _ORDERED,
    "less": _ORDERED,
    "empty": _ALL - {FieldType.BOOLEAN},
    "not_empty": _ALL - {FieldType.BOOLEAN},
    "within_days": _TIMES,
}
VALUELESS = frozenset({"empty", "not_empty"})
# What is met or not depending on when it is asked.
_PASSING = frozenset({"within_days"})
_SIGNS: dict[str, LiteralString] = {"at_least": ">=", "at_most": "<=", "greater": ">", "less": "<"}


def operators() -> Mapping[str, frozenset[FieldType]]:
    """What can be asked of a record's own fields, and of which types of them."""
    return {name: types for name, types in SUITED.items() if name not in _PASSING}


def check(record: str, condition: object, *, beyond: bool = False) -> str:
    """Why a condition on such records can't be used; empty where it can."""
    try:
        compiled(record, condition, sql.Identifier("r"), beyond=beyond)
    except ConditionRefused as refused:
        return str(refused)
    return ""


def compiled(
    record: str, condition: object, alias: sql.Composable, *, beyond: bool = False, table: Table | None = None
) -> sql.Composed:  # fmt: skip
    """The condition as an SQL expression on the record's table under ``alias``. Raises `ConditionRefused`.

    With ``table`` it is written so that the table's indexes find who meets it; to ask row by row, that is dearer.
    """
    if condition == {}:
        return sql.SQL("true").format()
    return _Compiling(record, alias, beyond, table).tree(condition, "", 0)


@dataclass(frozen=True, slots=True)
class _Compiling:
    """One condition on its way to SQL. ``beyond``: whether it may ask about more than the record's own fields."""

    record: str
    alias: sql.Composable
    beyond: bool
    table: Table | None

    def tree(self, condition: object, path: str, depth: int) -> sql.Composed:
        if not isinstance(condition, dict):
            raise ConditionRefused(f"{path or 'the condition'} must be a mapping")
        if depth > _DEEPEST:
            raise ConditionRefused(f"{path} is nested more than {_DEEPEST} deep")
        if "field" in condition:
            return self._compare(condition, path)
        if self.beyond and len(condition) == 1 and condition.keys() <= others.WORDS:
            ((word, value),) = condition.items()
            test = others.compiled(self.record, word, value, self.alias, f"{path}.{word}".lstrip("."))
            if word == "search" and self.table is not None:
                return quick.holding(self.record, str(value), test, self.alias, self.table)
            return test
        if len(condition) != 1 or not condition.keys() <= {"all", "any", "not"}:
            known = '", "'.join(("all", "any", "not", *(sorted(others.WORDS) if self.beyond else ())))
            raise ConditionRefused(f'{path or "the condition"} must have "field", or one of "{known}"')
        ((word, inner),) = condition.items()
        here = f"{path}.{word}".lstrip(".")
        if word == "not":
            return sql.SQL("NOT coalesce({}, false)").format(self.tree(inner, here, depth + 1))
        if not isinstance(inner, list) or not inner:
            raise ConditionRefused(f"{here} must be a list of at least one condition")
        parts = [self.tree(each, f"{here}[{place}]", depth + 1) for place, each in enumerate(inner)]
        return sql.SQL("({})").format(sql.SQL(" AND " if word == "all" else " OR ").join(parts))

    def _compare(self, condition: Condition, path: str) -> sql.Composed:
        where = path or "the condition"
        if unknown := condition.keys() - {"field", "is", "value"}:
            raise ConditionRefused(f"{where} has {', '.join(sorted(map(str, unknown)))}, which means nothing")
        target, column = self._target(condition["field"], where)
        operator = condition.get("is")
        suits = isinstance(operator, str) and target.type in SUITED.get(operator, frozenset())
        if not isinstance(operator, str) or not suits or (operator in _PASSING and not self.beyond):
            suited = ", ".join(suiting(target, beyond=self.beyond))
            raise ConditionRefused(f"{where}: {operator!r} can't be asked of {target.name}; that can be: {suited}")
        if operator in VALUELESS:
            if condition.get("value") is not None:
                raise ConditionRefused(f"{where}: {operator} takes no value")
            test = sql.SQL("coalesce({} !~ '\\S', true)") if target.type in _TEXTS else sql.SQL("{} IS NULL")
            if operator == "not_empty":
                return sql.SQL("NOT ({})").format(test.format(column))
            return self._quickly(target, operator, None, column, test.format(column))
        value = condition.get("value")
        return self._quickly(target, operator, value, column, _valued(target, operator, value, column, where))

    def _quickly(
        self, target: LocalField, operator: str, value: object, column: sql.Composed, test: sql.Composed
    ) -> sql.Composed:  # fmt: skip
        """The test, by an index where one is of use."""
        if self.table is None or target.type not in _TEXTS:
            return test
        if operator == "contains" and target.name in SEARCHED.get(self.record, ()):
            return quick.holding(self.record, str(value), test, self.alias, self.table)
        return quick.sorted_so(target.name, operator, value, column, test, self.table)

    def _target(self, name: object, where: str) -> tuple[LocalField, sql.Composed]:
        """The field of that name, and where its value is."""
        further = others.further(self.record) if self.beyond else ()
        for each in further:
            if each.field.name == name:
                return each.field, each.column(self.alias)
        try:
            # Whatever it is in the JSON: what is no text is no field's name.
            target = field(self.record, name if isinstance(name, str) else "")
        except KeyError:
            known = ", ".join([*(each.name for each in fields(self.record)), *(each.field.name for each in further)])
            raise ConditionRefused(f"{where}: {name!r} is no field; fields are {known}") from None
        return target, sql.SQL("{}.{}").format(self.alias, sql.Identifier(target.name))


def suiting(target: LocalField, *, beyond: bool = False) -> list[str]:
    """The comparisons that can be asked of a field."""
    return [name for name, types in SUITED.items() if target.type in types and (beyond or name not in _PASSING)]


def _valued(target: LocalField, operator: str, value: object, column: sql.Composed, where: str) -> sql.Composed:
    if operator == "in":
        if not isinstance(value, list) or not 0 < len(value) <= _LONGEST_LIST:
            raise ConditionRefused(f"{where}: value must be a list of 1 to {_LONGEST_LIST:,} values")
        listed = sql.SQL(", ").join(_literal(target, each, where) for each in value)
        return sql.SQL("{} IN ({})").format(_comparable(target, column), listed)
    if operator == "within_days":
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _MOST_DAYS:
            raise ConditionRefused(f"{where}: value must be a number of days, 1 to {_MOST_DAYS:,}")
        since = sql.SQL("statement_timestamp() - make_interval(days => {})").format(sql.Literal(value))
        return sql.SQL("{column} > {since} AND {column} <= statement_timestamp()").format(column=column, since=since)
    literal = _literal(target, value, where)
    comparable = _comparable(target, column)
    if operator in {"equals", "not_equals"}:
        sign = "IS DISTINCT FROM" if operator == "not_equals" else "="
        return sql.SQL("{} {} {}").format(comparable, sql.SQL(sign), literal)
    if operator in _SIGNS:
        return sql.SQL("{} {} {}").format(comparable, sql.SQL(_SIGNS[operator]), literal)
    if operator == "starts_with":
        return sql.SQL("starts_with({}, {})").format(comparable, literal)
    # On the bare column: for anything else the planner has no statistics, and takes any text for frequent.
    found = sql.SQL("{} ILIKE {}").format(column, sql.Literal(f"%{escaped(str(value))}%"))
    return sql.SQL("NOT coalesce({}, false)").format(found) if operator == "not_contains" else found


def _comparable(target: LocalField, column: sql.Composed) -> sql.Composed:
    return sql.SQL("lower({})").format(column) if target.type in _TEXTS else column


def _literal(target: LocalField, value: object, where: str) -> sql.Composable:
    """The value as a constant of the field's type."""
    try:
        read = _READERS.get(target.type, _text)(value)
    except (TypeError, ValueError, InvalidOperation):
        raise ConditionRefused(f"{where}: {value!r} is no value of {target.name} ({target.type.value})") from None
    if isinstance(read, str):
        return sql.SQL("lower({}::text)").format(sql.Literal(read))
    return sql.Literal(read)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST_TEXT or "\0" in value:
        raise ValueError(value)
    return value


def _integer(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 10**18:
        raise ValueError(value)
    return value


def _number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(value)
    number = Decimal(str(value))
    if not number.is_finite() or abs(number) >= 10**20:
        raise ValueError(value)
    return number


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(value)
    return value


def _date(value: object) -> date:
    return date.fromisoformat(_text(value))


def _datetime(value: object) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise ValueError(value)
    return moment


_READERS: dict[FieldType, Callable[[object], object]] = {
    FieldType.INTEGER: _integer,
    FieldType.NUMBER: _number,
    FieldType.BOOLEAN: _boolean,
    FieldType.DATE: _date,
    FieldType.DATETIME: _datetime,
}


def fields_of(condition: object) -> Iterator[str]:
    """The names of the fields that a condition asks about."""
    if isinstance(condition, dict):
        if "field" in condition:
            yield str(condition["field"])
        for inner in condition.values():
            yield from fields_of(inner)
    elif isinstance(condition, list):
        for inner in condition:
            yield from fields_of(inner)
