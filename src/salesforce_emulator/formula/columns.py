"""Formula fields: formulas that are computed where records are read.

Each becomes a call of an SQL function, with the key of the formula and the columns that it reads.  Being computed at
every reading it can't be out of date, and moves no SystemModstamp, as in a real org.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from itertools import count

from salesforce_emulator.formula import nodes
from salesforce_emulator.formula.compile import Formula, compile_formula
from salesforce_emulator.formula.errors import FormulaError
from salesforce_emulator.formula.parse import parse
from salesforce_emulator.formula.values import FieldPath, Value, from_stored, kind_of
from salesforce_emulator.schema import Field, Schema, SObject

FUNCTION = "soql_formula"
"""What the SQL function is called."""
_OF_CHANGES = frozenset({"ISNEW", "ISCHANGED", "PRIORVALUE", "ISCLONE"})
Stored = str | int | float | None


@dataclass(frozen=True)
class _Row:
    """The record that a formula is evaluated on, as far as it reads it."""

    now: datetime
    values: Mapping[str, Value]
    """By the path, as the formula spells it."""
    is_new: bool = False

    def value(self, path: FieldPath) -> Value:
        return self.values[str(path)]

    def prior(self, path: FieldPath) -> Value:
        return self.values[str(path)]


class FormulaFields:
    """The formulas of an org's fields, also of earlier schemas: a query may be under way.

    :param clock: tells the time.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._known: dict[str, tuple[Field, Formula]] = {}

    def computed(self, schema: Schema, whole: Schema) -> Schema:
        """The schema, with an SQL expression for each formula field.

        :param whole: the same with what is hidden, which formulas may read.
        :raises FormulaError: one of them can't be.
        """
        reading = _Reading(whole, self._known)
        return schema.with_objects(self._object(sobject, reading) for sobject in schema if _has_formulas(sobject))

    def _object(self, sobject: SObject, reading: _Reading) -> SObject:
        fields = [
            replace(f, expression=reading.sql(reading.schema[sobject.name], f, "{t}")) if _is_formula(f) else f
            for f in sobject.fields
        ]
        return SObject(sobject.describe, fields, sobject.hidden)

    def evaluate(self, key: str, *stored: object) -> Stored:
        """The SQL function."""
        field, formula = self._known[key]
        values = {str(p): from_stored(p.field, s) for p, s in zip(formula.fields, stored, strict=True)}
        return _stored(field, formula.evaluate(_Row(self._clock().astimezone(UTC), values)))


class _Reading:
    """How the formulas of one schema read what they need."""

    def __init__(self, schema: Schema, known: dict[str, tuple[Field, Formula]]) -> None:
        self.schema = schema
        self._known = known
        self._aliases: Iterator[int] = count()
        self._under_way: list[str] = []

    def sql(self, sobject: SObject, field: Field, alias: str) -> str:
        """A field's value, given the alias of its object's table."""
        if not _is_formula(field):
            return field.sql(alias)
        name = f"{sobject.name}.{field.name}"
        if name in self._under_way:
            raise FormulaError(f"{name} refers to itself, through {', '.join(self._under_way)}.")
        self._under_way.append(name)
        formula = self._compiled(name, sobject, field)
        arguments = [self._path(path.parents, path.field, sobject, alias) for path in formula.fields]
        self._under_way.pop()
        key = f"{name} {self.schema.version}"
        self._known[key] = (field, formula)
        return f"{FUNCTION}({', '.join([repr(key), *arguments])})"

    def _compiled(self, name: str, sobject: SObject, field: Field) -> Formula:
        text, zero = str(field.describe["calculatedFormula"]), bool(field.describe["formulaTreatNullNumberAsZero"])
        for called in _calls(parse(text)):
            if called in _OF_CHANGES:
                raise FormulaError(f"{name}: Function {called} may not be used in this type of formula.")
        try:
            formula = compile_formula(text, self.schema, sobject, expected=kind_of(field), blanks_as_zero=zero)
        except FormulaError as error:
            raise FormulaError(f"{name}: {error}") from None
        if outside := next((p for p in formula.fields if p.root), None):
            raise FormulaError(f"{name}: {outside} can't be read by a formula field of this org.")
        return formula

    def _path(self, parents: tuple[Field, ...], field: Field, sobject: SObject, alias: str) -> str:
        if not parents:
            return self.sql(sobject, field, alias)
        reference, rest = parents[0], parents[1:]
        following = rest[0] if rest else field
        targets = (self.schema.get(name) for name in reference.reference_to)
        target = next(t for t in targets if t is not None and t.get(following.name) is following)
        inner = f"f{next(self._aliases)}"
        wanted = self._path(rest, field, target, inner)
        return f'(SELECT {wanted} FROM "{target.name}" AS {inner} WHERE {inner}."Id" = {reference.sql(alias)})'


def _is_formula(field: Field) -> bool:
    """Whether it is an administrator's formula: what Salesforce itself computes is written in SQL."""
    return field.custom and bool(field.describe["calculatedFormula"])


def _has_formulas(sobject: SObject) -> bool:
    return any(_is_formula(f) for f in sobject.fields)


def _calls(node: nodes.Node) -> Iterator[str]:
    match node:
        case nodes.Call(name, arguments):
            yield name
            for argument in arguments:
                yield from _calls(argument)
        case nodes.Operation(_, left, right):
            yield from _calls(left)
            yield from _calls(right)
        case nodes.Sign(_, value):
            yield from _calls(value)


def _stored(field: Field, value: Value) -> Stored:
    """A formula's value as a column would hold it."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, Decimal):
        places = Decimal(1).scaleb(-int(field.describe["scale"]))
        return float(value.quantize(places, ROUND_HALF_UP) if abs(value) < 10**18 else value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    if isinstance(value, date):
        return value.isoformat()
    return 0 if value is None and field.type == "boolean" else value
