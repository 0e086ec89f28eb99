"""What a query of records selects: columns of SQL, and where each goes in the answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from salesforce_emulator.schema import Field, SObject
from salesforce_emulator.schema.polymorphic import NAME, is_polymorphic
from salesforce_emulator.soql import money, nodes, shown, values
from salesforce_emulator.soql.errors import SoqlError, at, no_such_parent, unexpected_token, unsupported_type
from salesforce_emulator.soql.expressions import Expressions
from salesforce_emulator.soql.functions import SHOWN
from salesforce_emulator.soql.joins import Scope
from salesforce_emulator.soql.plan import Leaf, ParentShape, Plan, Shape, TypeOfShape

FIELDS_LIMIT = 200
LONG_TEXT = 255


class Selecting(Expressions):
    """Fills a plan with fields, parents, and what TYPEOF chooses."""

    def _select_path(
        self,
        path: nodes.Path,
        scope: Scope,
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
            convert = shown.formatted(found.type, places(found), self.context.now.tzinfo) or convert
        shape.entries.append(Leaf(key or found.name, start, len(parts), convert))

    def _shape(self, parents: list[Field], scope: Scope, plan: Plan, shapes: dict[tuple[str, ...], Shape]) -> Shape:
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
        scope: Scope,
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
        scope: Scope,
        plan: Plan,
        shapes: dict[tuple[str, ...], Shape],
        key: str,
        function: str = "",
    ) -> None:
        """An amount in the user's currency."""
        path = call.arguments[0] if len(call.arguments) == 1 else None
        amount = self._field(path, scope) if isinstance(path, nodes.Path) else None
        if amount is None or not amount.corporate or not isinstance(path, nodes.Path):
            raise self._not_converted(call)
        converted = money.in_users(amount.corporate, self.context.user_id, amount.day)
        self._select_path(path, scope, plan, shapes, key, function, converted)

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

    def _select_typeof(self, item: nodes.TypeOf, scope: Scope, plan: Plan) -> None:
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
        self, kind: SObject, reference: Field, fields: tuple[nodes.Path, ...], scope: Scope, plan: Plan
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


def places(field: Field) -> int:
    """Places behind the decimal point: those of describe, and a currency's two."""
    return int(field.describe["scale"]) or (2 if field.type == "currency" else 0)
