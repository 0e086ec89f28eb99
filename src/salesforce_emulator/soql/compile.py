"""From a syntax tree to SQL.

Every relationship path becomes one LEFT JOIN, every semi-join a sub-select, every child subquery a plan of
its own that is run once for a page of parents.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from salesforce_emulator.schema import Schema, SObject
from salesforce_emulator.soql import grouping, limits, nodes, scopes, shown, values
from salesforce_emulator.soql.conditions import Conditions
from salesforce_emulator.soql.errors import SoqlError, at, no_such_children, unsupported_type
from salesforce_emulator.soql.functions import Expression
from salesforce_emulator.soql.joins import Scope
from salesforce_emulator.soql.parse import parse
from salesforce_emulator.soql.plan import ChildShape, Leaf, Plan, QueryContext, Shape
from salesforce_emulator.soql.selecting import Selecting, places


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


class _Compiler(Selecting):
    """Whole queries, child subqueries and semi-joins among them."""

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

    def _scope(self, sobject: SObject, query: nodes.Query) -> Scope:
        names = {sobject.name.lower(), *([query.alias.lower()] if query.alias else [])}
        return Scope(sobject, f"t{next(self.aliases)}", names, self.aliases)

    def _filter(self, query: nodes.Query, scope: Scope, plan: Plan) -> None:
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

    def _conditions(self, scope: Scope, *, aggregates: bool = False) -> Conditions:
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

    def _select_rows(self, query: nodes.Query, scope: Scope, plan: Plan) -> None:
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

    def _select_children(self, query: nodes.Query, scope: Scope, plan: Plan) -> None:
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

    def _grouped_plan(self, query: nodes.Query, scope: Scope, plan: Plan) -> Plan:
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

    def _select_aggregates(self, query: nodes.Query, scope: Scope, plan: Plan) -> None:
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
                scale = places(found.field) if found.field else 2 if found.type == "currency" else 0
                convert = shown.formatted(found.type, scale, self.context.now.tzinfo) or convert
            plan.shape.entries.append(Leaf(key, len(plan.columns), 1, convert))
            plan.columns.append(found.sql)
            plan.names.append(key)
            plan.types.append(found.type)


def _kind(query: nodes.Query) -> str:
    calls = [i.value for i in query.select if isinstance(i, nodes.SelectItem) and isinstance(i.value, nodes.Call)]
    if len(query.select) == 1 and calls and calls[0].lower == "count" and not calls[0].arguments and not query.group:
        return "count"
    return "aggregate" if query.group or any(limits.is_aggregate(c) for c in calls) else "rows"
