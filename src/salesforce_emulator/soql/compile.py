"""From a syntax tree to SQL.

Every relationship path becomes one LEFT JOIN, every semi-join a sub-select, every child subquery a plan of
its own that is run once for a page of parents.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

from salesforce_emulator.schema import Field, Schema, SObject
from salesforce_emulator.schema.polymorphic import NAME, is_polymorphic
from salesforce_emulator.soql import grouping, limits, money, nodes, scopes, shown, values
from salesforce_emulator.soql.conditions import Conditions
from salesforce_emulator.soql.errors import (
    SoqlError,
    at,
    no_such_children,
    no_such_column,
    no_such_parent,
    unexpected_token,
    unsupported_type,
)
from salesforce_emulator.soql.functions import (
    AGGREGATES,
    SHOWN,
    Expression,
    aggregate,
    date_part,
    is_date_function,
    is_text,
)
from salesforce_emulator.soql.parse import parse
from salesforce_emulator.soql.plan import ChildShape, Leaf, ParentShape, Plan, QueryContext, Shape, TypeOfShape

MAX_DEPTH = 5
FIELDS_LIMIT = 200
LONG_TEXT = 255


def compile_soql(text: str, schema: Schema, context: QueryContext) -> Plan:
    """Read a query and make its SQL.

    :raises SoqlError: whatever Salesforce would refuse.
    """
    return compile_query(text, parse(text), schema, context)


def compile_query(text: str, query: nodes.Query, schema: Schema, context: QueryContext) -> Plan:
    """Make the SQL of a query that was read from a text, or of one made of its parts.

    :raises SoqlError: whatever Salesforce would refuse.
    """
    limits.check(text, query)
    return _Compiler(text, schema, context, count()).root(query)


class _Scope:
    """One FROM: a table and the joins that its paths need."""

    def __init__(self, sobject: SObject, alias: str, names: set[str], aliases: Iterator[int]) -> None:
        self.sobject = sobject
        self.alias = alias
        self.names = names
        self._aliases = aliases
        self._joins: dict[tuple[str, ...], str] = {}
        self._sql = [f'"{sobject.name}" AS {alias}']

    @property
    def from_sql(self) -> str:
        return " ".join(self._sql)

    def join(self, path: tuple[str, ...], reference: Field, of: str, target: SObject) -> str:
        """The alias of a parent's table. Of Name, which has none: the reference by which its fields are looked up."""
        if path not in self._joins:
            alias = f"t{next(self._aliases)}" if target.kept else reference.sql(of)
            self._joins[path] = alias
            if target.kept:
                self._sql.append(f'LEFT JOIN "{target.name}" AS {alias} ON {alias}."Id" = {reference.sql(of)}')
        return self._joins[path]

    def alias_of(self, path: tuple[str, ...]) -> str:
        return self._joins[path]

    def within(self, target: SObject, alias: str) -> _Scope:
        """The scope of a parent that is joined already: its own parents are joined to the same FROM."""
        inner = _Scope(target, alias, set(), self._aliases)
        inner._sql = self._sql
        return inner


class _Compiler:
    def __init__(self, text: str, schema: Schema, context: QueryContext, aliases: Iterator[int]) -> None:
        self.text = text
        self.schema = schema
        self.context = context
        self.aliases = aliases
        self.select_aliases: dict[str, Expression] = {}
        self.grouped: dict[str, bool] = {}
        """The SQL of what the query groups by, and whether the rows at hand are told apart by it (ROLLUP, CUBE)."""

    # -- whole queries

    def root(self, query: nodes.Query) -> Plan:
        sobject = self.schema.get(query.source.text)
        if sobject is None:
            raise unsupported_type(self.text, query.source.pos, query.source.text)
        if not sobject.describe["queryable"]:
            raise SoqlError("INVALID_TYPE_FOR_OPERATION", f"entity type {sobject.name} does not support query")
        return self.plan(query, sobject)

    def plan(self, query: nodes.Query, sobject: SObject) -> Plan:
        scope = self._scope(sobject, query)
        kind = _kind(query)
        plan = Plan(sobject, kind, [], "", "", [], Shape(sobject.name, 0), limit=query.limit, offset=query.offset)
        plan.viewed = query.viewed
        if kind == "count":
            plan.columns = ["count(*)"]
        elif kind == "aggregate":
            return self._grouped_plan(query, scope, plan)
        else:
            self._select_rows(query, scope, plan)
        self._filter(query, scope, plan)
        if kind != "count":
            terms = [f"{sql} {way}" for sql, way in self._order(query, scope, kind)]
            # Equal rows keep one order from page to page.
            plan.order_sql = f"ORDER BY {', '.join([*terms, f'{scope.alias}.rowid'])}" if terms else ""
        plan.from_sql = scope.from_sql
        return plan

    def _scope(self, sobject: SObject, query: nodes.Query) -> _Scope:
        names = {sobject.name.lower(), *([query.alias.lower()] if query.alias else [])}
        return _Scope(sobject, f"t{next(self.aliases)}", names, self.aliases)

    def _filter(self, query: nodes.Query, scope: _Scope, plan: Plan) -> None:
        if self._hides_deleted(query, scope.sobject):
            plan.alive_sql = f'{scope.alias}."IsDeleted" = 0'
        where = []
        if query.scope is not None:
            within = scopes.condition(self.text, query.scope, scope.sobject, scope.alias, self.context.user_id)
            where.extend([within] if within else [])
        if scope.sobject.name in self.context.only_own:
            where.append(f"{scope.alias}.\"OwnerId\" = '{self.context.user_id}'")
        if query.where is not None:
            conditions = self._conditions(scope)
            where.append(conditions.sql(query.where))
            plan.params.extend(conditions.params)
        plan.where_sql = " AND ".join(where)
        if query.having is not None:
            conditions = self._conditions(scope, aggregates=True)
            plan.group_sql += f" HAVING {conditions.sql(query.having)}"
            plan.params.extend(conditions.params)

    def _hides_deleted(self, query: nodes.Query, sobject: SObject) -> bool:
        return not (query.all_rows or self.context.include_deleted) and sobject.get("IsDeleted") is not None

    def _conditions(self, scope: _Scope, *, aggregates: bool = False) -> Conditions:
        def resolve(operand: nodes.Operand) -> Expression:
            return self._of_group(operand, scope) if aggregates else self._expression(operand, scope)

        return Conditions(self.text, self.context, resolve, self._subselect)

    def _subselect(self, query: nodes.Query, pos: int) -> tuple[str, list[object]]:
        """The query of a semi-join, which must select one id."""
        plan = _Compiler(self.text, self.schema, self.context, self.aliases).root(query)
        if len(plan.names) != 1 or plan.types[0] not in ("id", "reference"):
            message = "The selected field in the subquery should be an id or reference field"
            raise at(self.text, query.source.pos, "MALFORMED_QUERY", message)
        return plan.sql(plan.cells), plan.params

    # -- SELECT

    def _select_rows(self, query: nodes.Query, scope: _Scope, plan: Plan) -> None:
        plan.columns.append(f'{scope.alias}."Id"')
        shapes: dict[tuple[str, ...], Shape] = {(): plan.shape}
        for item in query.select:
            match item:
                case nodes.SelectChildren(child):
                    self._select_children(child, scope, plan)
                case nodes.TypeOf():
                    self._select_typeof(item, scope, plan)
                case nodes.SelectItem(nodes.Path() as path, None):
                    self._select_path(path, scope, plan, shapes)
                case nodes.SelectItem(nodes.Call() as call, alias):
                    self._select_call(call, alias, query, scope, plan, shapes)
                case nodes.SelectItem(nodes.Path() as path, _):
                    raise at(self.text, path.pos, "MALFORMED_QUERY", "only aggregate expressions use field aliasing")

    def _select_path(
        self,
        path: nodes.Path,
        scope: _Scope,
        plan: Plan,
        shapes: dict[tuple[str, ...], Shape],
        key: str = "",
        function: str = "",
        instead: str = "",
    ) -> None:
        """A field in the answer.

        :param key: what the answer calls it, where that is another name.
        :param function: what changes how it is shown.
        :param instead: SQL of what is shown in the field's place.
        """
        alias, found, parents = self._walk(path, scope)
        shape = self._shape(parents, scope, plan, shapes)
        name = ".".join([*(p.relationship_name or "" for p in parents), key or found.name])
        if name in plan.names:
            raise at(self.text, path.pos, "MALFORMED_QUERY", f"duplicate field selected: {name}")
        plan.names.append(name)
        plan.types.append(found.type)
        start = len(plan.columns)
        owner = self._owner(parents, scope)
        parts = [instead] if instead else values.sql_columns(owner, found, alias)
        plan.columns.extend(parts)
        plan.cells.append(parts[0])
        plan.long_text = plan.long_text or (found.type == "textarea" and found.length > LONG_TEXT)
        convert = values.converter(owner, found)
        if function == "tolabel":
            convert = shown.label(found)
        elif function == "format":
            convert = shown.formatted(found.type, _scale(found), self.context.now.tzinfo) or convert
        shape.entries.append(Leaf(key or found.name, start, len(parts), convert))

    def _owner(self, parents: list[Field], scope: _Scope) -> SObject:
        target = self.schema.target(parents[-1]) if parents else scope.sobject
        assert target is not None
        return target

    def _shape(self, parents: list[Field], scope: _Scope, plan: Plan, shapes: dict[tuple[str, ...], Shape]) -> Shape:
        """The shape of a parent in the answer, made where it is first mentioned."""
        path: tuple[str, ...] = ()
        for reference in parents:
            outer, path = shapes[path], (*path, str(reference.relationship_name).lower())
            if path not in shapes:
                target = self.schema.target(reference)
                assert target is not None
                kinds = {} if target.kept else self.schema.names_by_prefix
                shapes[path] = Shape(target.name, len(plan.columns), kinds=kinds)
                plan.columns.append(target["Id"].sql(scope.alias_of(path)))
                outer.entries.append(ParentShape(str(reference.relationship_name), shapes[path]))
        return shapes[path]

    def _select_call(
        self,
        call: nodes.Call,
        alias: str | None,
        query: nodes.Query,
        scope: _Scope,
        plan: Plan,
        shapes: dict[tuple[str, ...], Shape],
    ) -> None:
        if call.lower == "fields":
            for path in self._fields(call, query, scope.sobject):
                self._select_path(path, scope, plan, shapes)
            return
        if call.lower in SHOWN and len(call.arguments) == 1:
            inner = call.arguments[0]
            if isinstance(inner, nodes.Path):
                self._select_path(inner, scope, plan, shapes, alias or "", call.lower)
                return
            if call.lower == "format" and inner.lower == "convertcurrency":
                self._select_converted(inner, scope, plan, shapes, alias or "", "format")
                return
        if call.lower == "convertcurrency":
            self._select_converted(call, scope, plan, shapes, alias or "")
            return
        self._expression(call, scope, aggregates=True)  # says what is wrong with its argument, if anything
        raise at(self.text, call.pos, "MALFORMED_QUERY", f"function {call.name} is not allowed here")

    def _select_converted(
        self,
        call: nodes.Call,
        scope: _Scope,
        plan: Plan,
        shapes: dict[tuple[str, ...], Shape],
        key: str,
        function: str = "",
    ) -> None:
        """An amount in the user's currency."""
        path = call.arguments[0] if len(call.arguments) == 1 else None
        amount = self._field(path, scope).corporate if isinstance(path, nodes.Path) else ""
        if not amount or not isinstance(path, nodes.Path):
            raise self._not_converted(call)
        self._select_path(path, scope, plan, shapes, key, function, money.in_users(amount, self.context.user_id))

    def _fields(self, call: nodes.Call, query: nodes.Query, sobject: SObject) -> Iterator[nodes.Path]:
        """FIELDS(ALL), FIELDS(STANDARD), FIELDS(CUSTOM)."""
        which = call.arguments[0].text.upper() if call.arguments and isinstance(call.arguments[0], nodes.Path) else ""
        if which not in ("ALL", "STANDARD", "CUSTOM"):
            raise unexpected_token(self.text, call.pos, call.name)
        if which != "STANDARD" and (query.limit is None or query.limit > FIELDS_LIMIT):
            message = f"The SOQL FIELDS function must have a LIMIT of at most {FIELDS_LIMIT}"
            raise SoqlError("MALFORMED_QUERY", message)
        for found in sobject.fields:
            if which == "ALL" or found.custom == (which == "CUSTOM"):
                yield nodes.Path(found.name, call.pos)

    def _select_typeof(self, item: nodes.TypeOf, scope: _Scope, plan: Plan) -> None:
        """One shape for each object that TYPEOF names, and one of Name's fields for the rest."""
        reference = scope.sobject.parent(item.path.parts[-1])
        if reference is None:
            raise no_such_parent(self.text, item.path.pos, item.path.text)
        if not is_polymorphic(reference):
            message = f"TYPEOF needs a polymorphic relationship, and {reference.relationship_name} is none"
            raise at(self.text, item.path.pos, "MALFORMED_QUERY", message)
        entry = TypeOfShape(str(reference.relationship_name), len(plan.columns), self.schema.names_by_prefix)
        plan.columns.append(reference.sql(scope.alias))
        for name, fields in item.branches:
            kind = self.schema.get(name.text)
            if kind is None:
                raise unsupported_type(self.text, name.pos, name.text)
            if kind.name not in reference.reference_to:
                message = f"{entry.key} never is of type {kind.name}"
                raise at(self.text, name.pos, "MALFORMED_QUERY", message)
            entry.branches[kind.name] = self._branch(kind, reference, fields, scope, plan)
        if item.otherwise:
            entry.otherwise = self._branch(self.schema[NAME], reference, item.otherwise, scope, plan)
        plan.names.append(entry.key)
        plan.types.append("typeof")
        plan.cells.append("NULL")
        plan.shape.entries.append(entry)

    def _branch(
        self, kind: SObject, reference: Field, fields: tuple[nodes.Path, ...], scope: _Scope, plan: Plan
    ) -> Shape:
        """What TYPEOF shows of a parent of this kind."""
        path = (str(reference.relationship_name).lower(), f"as {kind.name}")
        inner = scope.within(kind, scope.join(path, reference, scope.alias, kind))
        shape = Shape(kind.name if kind.kept else "", len(plan.columns), kinds=self.schema.names_by_prefix)
        plan.columns.append(kind["Id"].sql(inner.alias))
        part = replace(plan, names=[], types=[], cells=[])  # fills the same columns
        for field in fields:
            self._select_path(field, inner, part, {(): shape})
        plan.long_text = plan.long_text or part.long_text
        return shape

    def _select_children(self, query: nodes.Query, scope: _Scope, plan: Plan) -> None:
        name = query.source.text.rsplit(".", 1)[-1]
        found = scope.sobject.children.get(name.lower())
        child = self.schema.get(found.child) if found else None
        if found is None or child is None:
            raise no_such_children(self.text, query.source.pos, query.source.text)
        compiler = _Compiler(self.text, self.schema, self.context, self.aliases)
        inner = compiler.plan(query, child)
        if inner.kind != "rows":
            raise at(self.text, query.source.pos, "MALFORMED_QUERY", "aggregates are not allowed in a subquery")
        plan.names.append(found.relationship)
        plan.types.append("children")
        plan.cells.append("NULL")
        foreign_key = child[found.field].sql(inner.alias)
        plan.shape.entries.append(ChildShape(found.relationship, inner, foreign_key))

    # -- aggregates

    def _grouped_plan(self, query: nodes.Query, scope: _Scope, plan: Plan) -> Plan:
        """The plan of a query with aggregates: one SELECT for each set of fields that ROLLUP or CUBE groups by."""
        operands, sets = grouping.sets(self.text, query.group)
        grouped = [self._grouped(operand, scope).sql for operand in operands]
        parts: list[Plan] = []
        orders: list[list[tuple[str, str]]] = []
        for chosen in sets:
            self.grouped = {sql: number in chosen for number, sql in enumerate(grouped)}
            part = replace(plan, columns=[], params=[], names=[], types=[])
            kept = [sql for sql, present in self.grouped.items() if present]
            part.group_sql = f"GROUP BY {', '.join(kept)}" if kept else ""
            self._select_aggregates(query, scope, part)
            self._filter(query, scope, part)
            orders.append(self._order(query, scope, "aggregate"))
            parts.append(part)
        for part in parts:
            part.from_sql = scope.from_sql
        return grouping.united(parts, orders)

    def _select_aggregates(self, query: nodes.Query, scope: _Scope, plan: Plan) -> None:
        plan.shape = Shape("AggregateResult", -1)
        self.select_aliases = {}
        unnamed = count()
        for item in query.select:
            if not isinstance(item, nodes.SelectItem):
                raise at(self.text, query.source.pos, "MALFORMED_QUERY", "a grouped query selects no child records")
            found = self._of_group(item.value, scope)
            plain = isinstance(item.value, nodes.Path)
            key = item.alias or (found.name if plain else f"expr{next(unnamed)}")
            if any(isinstance(e, Leaf) and e.key == key for e in plan.shape.entries):
                raise at(self.text, item.value.pos, "MALFORMED_QUERY", f"duplicate alias: {key}")
            self.select_aliases[key.lower()] = found
            convert = values.converter_of(found.type)
            if found.shown_by == "format":
                scale = _scale(found.field) if found.field else 2 if found.type == "currency" else 0
                convert = shown.formatted(found.type, scale, self.context.now.tzinfo) or convert
            plan.shape.entries.append(Leaf(key, len(plan.columns), 1, convert))
            plan.columns.append(found.sql)
            plan.names.append(key)
            plan.types.append(found.type)

    def _of_group(self, operand: nodes.Operand, scope: _Scope) -> Expression:
        """A value of a whole group: an aggregate, or what the query groups by."""
        found = self._expression(operand, scope, aggregates=True)
        if not found.aggregate and not found.grouped:
            raise SoqlError("MALFORMED_QUERY", f"Field must be grouped or aggregated: {_text(operand)}")
        return found

    def _grouped(self, operand: nodes.Operand, scope: _Scope) -> Expression:
        found = self._expression(operand, scope)
        if found.field is not None and not found.field.groupable:
            message = f"field '{found.field.name}' can not be grouped in a query call"
            raise at(self.text, operand.pos, "MALFORMED_QUERY", message)
        return found

    # -- ORDER BY

    def _order(self, query: nodes.Query, scope: _Scope, kind: str) -> list[tuple[str, str]]:
        """The SQL of each term, and how it is ordered by."""
        terms = []
        for item in query.order:
            found = self._ordered(item.value, scope, kind)
            collate = "COLLATE NOCASE " if is_text(found.type) else ""
            nulls = "LAST" if item.nulls_last else "FIRST"
            terms.append((found.sql, f"{collate}{'DESC' if item.descending else 'ASC'} NULLS {nulls}"))
        return terms

    def _ordered(self, operand: nodes.Operand, scope: _Scope, kind: str) -> Expression:
        found = self._of_group(operand, scope) if kind == "aggregate" else self._expression(operand, scope)
        if found.field is not None and not found.field.sortable:
            message = f"field '{found.field.name}' can not be sorted in a query call"
            raise at(self.text, operand.pos, "MALFORMED_QUERY", message)
        if found.corporate and not found.grouped:
            return replace(found, sql=found.corporate)
        return found

    # -- fields and functions

    def _expression(self, operand: nodes.Operand, scope: _Scope, *, aggregates: bool = False) -> Expression:
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

    def _field(self, path: nodes.Path, scope: _Scope) -> Expression:
        alias, found, parents = self._walk(path, scope)
        sql = found.sql(alias)
        if is_text(found.type) and not found.stored:
            sql = f"({sql} COLLATE NOCASE)"
        corporate = money.in_corporate(self.schema, self._owner(parents, scope), found, alias)
        return Expression(sql, found.type, found.name, found, corporate=corporate)

    def _call(self, call: nodes.Call, scope: _Scope, aggregates: bool) -> Expression:
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

    def _grouping(self, call: nodes.Call, scope: _Scope) -> Expression:
        """1 in a row that sums up over the field, 0 in others."""
        argument = self._expression(call.arguments[0], scope)
        if argument.sql not in self.grouped:
            raise SoqlError("MALFORMED_QUERY", f"Field must be grouped or aggregated: {_text(call.arguments[0])}")
        return Expression("0" if self.grouped[argument.sql] else "1", "int", argument.name, aggregate=True)

    def _aggregate(self, call: nodes.Call, scope: _Scope) -> Expression:
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

    def _date_part(self, call: nodes.Call, scope: _Scope) -> Expression:
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

    def _walk(self, path: nodes.Path, scope: _Scope) -> tuple[str, Field, list[Field]]:
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


def _scale(field: Field) -> int:
    """Places behind the decimal point: those of describe, and a currency's two."""
    return int(field.describe["scale"]) or (2 if field.type == "currency" else 0)


def _text(operand: nodes.Operand) -> str:
    if isinstance(operand, nodes.Path):
        return operand.text
    return f"{operand.name}({', '.join(_text(a) for a in operand.arguments)})"


def _kind(query: nodes.Query) -> str:
    calls = [i.value for i in query.select if isinstance(i, nodes.SelectItem) and isinstance(i.value, nodes.Call)]
    if len(query.select) == 1 and calls and calls[0].lower == "count" and not calls[0].arguments and not query.group:
        return "count"
    return "aggregate" if query.group or any(limits.is_aggregate(c) for c in calls) else "rows"
