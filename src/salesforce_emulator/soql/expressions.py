"""Fields and functions as SQL: what a query selects, orders and groups by, and compares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from salesforce_emulator.schema import Field, Schema, SObject
from salesforce_emulator.soql import money, nodes
from salesforce_emulator.soql.errors import (
    SoqlError,
    at,
    no_such_column,
    no_such_parent,
    unexpected_token,
)
from salesforce_emulator.soql.functions import (
    AGGREGATES,
    Expression,
    aggregate,
    date_part,
    is_date_function,
    is_text,
)
from salesforce_emulator.soql.joins import Scope
from salesforce_emulator.soql.plan import QueryContext

MAX_DEPTH = 5


class Expressions:
    """The values of one query.

    :param text: the query, which errors point into.
    :param aliases: numbers for the tables of the whole statement.
    """

    def __init__(self, text: str, schema: Schema, context: QueryContext, aliases: Iterator[int]) -> None:
        self.text = text
        self.schema = schema
        self.context = context
        self.aliases = aliases
        self.select_aliases: dict[str, Expression] = {}
        self.grouped: dict[str, bool] = {}
        """The SQL of what the query groups by, and whether the rows at hand are told apart by it (ROLLUP, CUBE)."""

    def _of_group(self, operand: nodes.Operand, scope: Scope) -> Expression:
        """A value of a whole group: an aggregate, or what the query groups by."""
        found = self._expression(operand, scope, aggregates=True)
        if not found.aggregate and not found.grouped:
            raise SoqlError("MALFORMED_QUERY", f"Field must be grouped or aggregated: {_text(operand)}")
        return found

    def _grouped(self, operand: nodes.Operand, scope: Scope) -> Expression:
        found = self._expression(operand, scope)
        if found.field is not None and not found.field.groupable:
            message = f"field '{found.field.name}' can not be grouped in a query call"
            raise at(self.text, operand.pos, "MALFORMED_QUERY", message)
        return found

    # -- ORDER BY

    def _order(self, query: nodes.Query, scope: Scope, kind: str) -> list[tuple[str, str]]:
        """The SQL of each term, and how it is ordered by."""
        terms = []
        for item in query.order:
            found = self._ordered(item.value, scope, kind)
            collate = "COLLATE NOCASE " if is_text(found.type) else ""
            nulls = "LAST" if item.nulls_last else "FIRST"
            terms.append((found.sql, f"{collate}{'DESC' if item.descending else 'ASC'} NULLS {nulls}"))
        return terms

    def _ordered(self, operand: nodes.Operand, scope: Scope, kind: str) -> Expression:
        found = self._of_group(operand, scope) if kind == "aggregate" else self._expression(operand, scope)
        if found.field is not None and not found.field.sortable:
            message = f"field '{found.field.name}' can not be sorted in a query call"
            raise at(self.text, operand.pos, "MALFORMED_QUERY", message)
        if found.corporate and not found.grouped:
            return replace(found, sql=found.corporate)
        return found

    # -- fields and functions

    def _expression(self, operand: nodes.Operand, scope: Scope, *, aggregates: bool = False) -> Expression:
        """A value in SQL.

        :param aggregates: the value is one of a group's.
        """
        if isinstance(operand, nodes.Call):
            found = self._call(operand, scope, aggregates)
        elif aggregates and (known := self.select_aliases.get(operand.text.lower())):
            return known
        else:
            found = self._field(operand, scope)
        if aggregates and not found.aggregate and found.sql in self.grouped:
            return replace(found, sql=found.sql if self.grouped[found.sql] else "NULL", grouped=True)
        return found

    def _field(self, path: nodes.Path, scope: Scope) -> Expression:
        alias, found, parents = self._walk(path, scope)
        sql = found.sql(alias)
        if is_text(found.type) and not found.stored:
            sql = f"({sql} COLLATE NOCASE)"
        owner = self._owner(parents, scope)
        corporate = money.in_corporate(self.schema, owner, found, alias)
        day = money.rates_of(self.schema, owner, alias) if corporate else ""
        return Expression(sql, found.type, found.name, found, corporate=corporate, day=day)

    def _owner(self, parents: list[Field], scope: Scope) -> SObject:
        target = self.schema.target(parents[-1]) if parents else scope.sobject
        assert target is not None
        return target

    def _call(self, call: nodes.Call, scope: Scope, aggregates: bool) -> Expression:
        if call.lower == "count" and not call.arguments and aggregates:
            return Expression("count(*)", "int", "count", aggregate=True)
        if len(call.arguments) != 1:
            raise unexpected_token(self.text, call.pos, call.name)
        if call.lower == "convertcurrency":
            raise self._not_converted(call)
        if call.lower == "format" and aggregates:
            return replace(self._expression(call.arguments[0], scope, aggregates=True), shown_by="format")
        if call.lower == "grouping" and aggregates:
            return self._grouping(call, scope)
        if call.lower in AGGREGATES and aggregates:
            return self._aggregate(call, scope)
        if is_date_function(call.lower):
            return self._date_part(call, scope)
        if call.lower == "tolabel":
            return self._expression(call.arguments[0], scope)
        raise unexpected_token(self.text, call.pos, call.name)

    def _not_converted(self, call: nodes.Call) -> SoqlError:
        if not money.knows_currencies(self.schema):
            message = "convertCurrency is only available in organizations with multiple currencies"
            return at(self.text, call.pos, "INVALID_FIELD", message)
        message = "convertCurrency is only allowed on currency fields in SELECT, and on no aggregate"
        return at(self.text, call.pos, "MALFORMED_QUERY", message)

    def _grouping(self, call: nodes.Call, scope: Scope) -> Expression:
        """1 in a row that sums up over the field, 0 in others."""
        argument = self._expression(call.arguments[0], scope)
        if argument.sql not in self.grouped:
            raise SoqlError("MALFORMED_QUERY", f"Field must be grouped or aggregated: {_text(call.arguments[0])}")
        return Expression("0" if self.grouped[argument.sql] else "1", "int", argument.name, aggregate=True)

    def _aggregate(self, call: nodes.Call, scope: Scope) -> Expression:
        argument = self._expression(call.arguments[0], scope)
        if argument.sql in self.grouped:
            message = f"Grouped field should not be aggregated: {_text(call.arguments[0])}"
            raise at(self.text, call.arguments[0].pos, "MALFORMED_QUERY", message)
        if argument.corporate:  # amounts of several currencies are added up in the corporate one
            argument = replace(argument, sql=argument.corporate)
        found = aggregate(call.lower, argument)
        if found is None:
            message = f"field {argument.name} does not support aggregate operator {call.name.upper()}"
            raise at(self.text, call.pos, "MALFORMED_QUERY", message)
        return found

    def _date_part(self, call: nodes.Call, scope: Scope) -> Expression:
        inner = call.arguments[0]
        if isinstance(inner, nodes.Call) and inner.lower == "converttimezone" and len(inner.arguments) == 1:
            moment = self._expression(inner.arguments[0], scope)
            zone = str(self.context.now.tzinfo)
            argument = replace(moment, sql=f"soql_local({moment.sql}, '{zone}')") if moment.type == "datetime" else None
        else:
            argument = self._expression(inner, scope)
        part = date_part(call.lower, argument) if argument is not None else None
        if part is None:
            message = f"function {call.name.upper()} can't be used on field {_text(inner)}"
            raise at(self.text, call.pos, "INVALID_FIELD", message)
        return part

    def _walk(self, path: nodes.Path, scope: Scope) -> tuple[str, Field, list[Field]]:
        """Follow a path: the alias of the last table, the field, the references on the way."""
        parts = path.parts
        if len(parts) > 1 and parts[0].lower() in scope.names and scope.sobject.parent(parts[0]) is None:
            parts = parts[1:]
        alias, sobject = scope.alias, scope.sobject
        parents: list[Field] = []
        if len(parts) - 1 > MAX_DEPTH:
            message = f"SOQL child-to-parent relationship depth exceeds the maximum of {MAX_DEPTH}"
            raise at(self.text, path.pos, "MALFORMED_QUERY", message)
        for index, relationship in enumerate(parts[:-1], 1):
            reference = sobject.parent(relationship)
            target = self.schema.target(reference) if reference else None
            if reference is None or target is None:
                raise no_such_parent(self.text, path.pos, relationship)
            joined = tuple(p.lower() for p in parts[:index])
            alias, sobject = scope.join(joined, reference, alias, target), target
            parents.append(reference)
        found = sobject.get(parts[-1])
        if found is None:
            raise no_such_column(self.text, path.pos, parts[-1], sobject.name)
        return alias, found, parents


def _text(operand: nodes.Operand) -> str:
    if isinstance(operand, nodes.Path):
        return operand.text
    return f"{operand.name}({', '.join(_text(a) for a in operand.arguments)})"
