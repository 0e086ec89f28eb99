"""The columns of a query, for tools that lay its answer out as a table: what ``query?q=…&columns=true`` says.

Salesforce documents it nowhere; its own command line asks for it after every query.
"""

from __future__ import annotations

from salesforce_emulator.schema import Field, Schema
from salesforce_emulator.schema.entries import JsonObject
from salesforce_emulator.soql import nodes
from salesforce_emulator.soql.parse import parse
from salesforce_emulator.soql.plan import ChildShape, Leaf, ParentShape, Plan, Shape

_APEX_TYPES = {
    "id": "Id",
    "reference": "Id",
    "boolean": "Boolean",
    "int": "Integer",
    "double": "Decimal",
    "currency": "Decimal",
    "percent": "Decimal",
    "date": "Date",
    "datetime": "Datetime",
    "time": "Time",
    "address": "Address",
    "location": "Location",
}
_NUMBERS = frozenset({"Integer", "Decimal"})


def columns(text: str, plan: Plan, schema: Schema) -> JsonObject:
    """The columns of a query that was compiled to ``plan``."""
    found = _of_shape(plan.shape, schema) if plan.kind == "rows" else _of_groups(parse(text), plan)
    names = {name.lower() for name in plan.names}
    return {
        "columnMetadata": found,
        "entityName": plan.sobject.name,
        "groupBy": bool(plan.group_sql),
        "idSelected": plan.kind == "rows" and "id" in names,
        "keyPrefix": plan.sobject.prefix,
    }


def _of_shape(shape: Shape, schema: Schema) -> list[JsonObject]:
    sobject = schema[shape.type]
    found = []
    for entry in shape.entries:
        match entry:
            case Leaf(key=key):
                found.append(_plain(key, sobject.get(key)))
            case ParentShape(key, inner):
                reference = sobject.parent(key)
                foreign_key = reference.name if reference else None
                found.append(_column(key, foreignKeyName=foreign_key, joinColumns=_of_shape(inner, schema)))
            case ChildShape(key=key, plan=inner_plan):
                found.append(_column(key, aggregate=True, joinColumns=_of_shape(inner_plan.shape, schema)))
    return found


def _of_groups(query: nodes.Query, plan: Plan) -> list[JsonObject]:
    """Of a query with aggregates. A plain ``count()`` has no name in the answer."""
    keys, types = (plan.names, plan.types) if plan.kind == "aggregate" else (["expr0"], ["int"])
    found = []
    for item, key, kind in zip(query.select, keys, types, strict=True):
        value = item.value if isinstance(item, nodes.SelectItem) else None
        if isinstance(value, nodes.Path):
            found.append(_plain(key, plan.sobject.get(value.parts[-1])))
        elif value is not None:
            is_number = _APEX_TYPES.get(kind, "String") in _NUMBERS
            found.append(_column(key, aggregate=True, displayName=_written(value), numberType=is_number))
    return found


def _written(operand: nodes.Operand) -> str:
    if isinstance(operand, nodes.Path):
        return operand.text
    return f"{operand.lower}({', '.join(map(_written, operand.arguments))})"


def _plain(key: str, field: Field | None) -> JsonObject:
    """A field; without one, the text that toLabel or FORMAT gives under a name of its own."""
    kind = _APEX_TYPES.get(field.type, "String") if field else "String"
    return _column(
        key,
        apexType=kind,
        booleanType=kind == "Boolean",
        custom=field is not None and field.custom,
        insertable=field is not None and field.createable,
        numberType=kind in _NUMBERS,
        textType=kind == "String",
        updatable=field is not None and field.updateable,
    )


def _column(name: str, **known: object) -> JsonObject:
    return {
        "aggregate": False,
        "apexType": None,
        "booleanType": False,
        "columnName": name,
        "custom": False,
        "displayName": name,
        "foreignKeyName": None,
        "insertable": False,
        "joinColumns": [],
        "numberType": False,
        "textType": False,
        "updatable": False,
        **known,
    }
