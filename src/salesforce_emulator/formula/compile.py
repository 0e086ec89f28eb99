"""From a syntax tree to something that can be run: fields looked up, kinds checked, functions found.

Everything that Salesforce refuses when a formula is saved is refused here; running one afterwards can't fail.  What
has no value – a division by zero, VALUE of a text that is no number – is blank.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from salesforce_emulator.formula import nodes, operators, special
from salesforce_emulator.formula.errors import FormulaError
from salesforce_emulator.formula.functions import FUNCTIONS, OF_ANY, Function, pattern
from salesforce_emulator.formula.parse import parse
from salesforce_emulator.formula.special import Part, wrong_count, wrong_kind
from salesforce_emulator.formula.values import (
    BOOLEAN,
    MULTIPICKLIST,
    NULL,
    NUMBER,
    PICKLIST,
    TEXT,
    FieldPath,
    Record,
    Value,
    kind_of,
)
from salesforce_emulator.schema import Field, Schema, SObject

_ROOTS = {"$user": "User", "$profile": "Profile", "$userrole": "UserRole", "$organization": "Organization"}
_MAX_DEPTH = 150
"""Python's own stack is what is saved here."""


@dataclass(frozen=True)
class Formula:
    """A formula of one object, checked. ``kind``: Text, Number, Boolean, Date or DateTime."""

    text: str
    kind: str
    fields: tuple[FieldPath, ...]
    """What it reads."""
    _run: Callable[[Record], Value]

    def evaluate(self, record: Record) -> Value:
        """Its value for a record; None is blank."""
        return self._run(record)


def compile_formula(
    text: str, schema: Schema, sobject: SObject, *, expected: str = "", blanks_as_zero: bool = False
) -> Formula:
    """Read and check a formula.

    :param expected: the kind it must have; without one, any.
    :param blanks_as_zero: a blank number field counts as 0 ("Treat blank fields as zeroes").
    :raises FormulaError: a syntax error, an unknown field or function, a wrong kind.
    """
    compiler = _Compiler(schema, sobject, blanks_as_zero)
    try:
        part = compiler.part(parse(text))
    except RecursionError:
        raise FormulaError("The formula is nested too deeply.") from None
    if expected and part.kind not in (expected, NULL):
        wanted = "true or false" if expected == BOOLEAN else expected
        raise FormulaError(
            f"Formula result is data type ({part.kind}), incompatible with expected data type ({wanted})."
        )
    return Formula(text, part.kind, tuple(compiler.fields.values()), part.run)


@dataclass
class _Compiler:
    schema: Schema
    sobject: SObject
    blanks_as_zero: bool
    fields: dict[str, FieldPath] = field(default_factory=dict)
    depth: int = 0

    def part(self, node: nodes.Node) -> Part:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise FormulaError(f"The formula is nested more than {_MAX_DEPTH} levels deep.")
        try:
            return self._part(node)
        finally:
            self.depth -= 1

    def _part(self, node: nodes.Node) -> Part:
        match node:
            case nodes.Literal(value):
                constant = None if value == "" else value
                return Part(_kind_of_literal(value), lambda _: constant, literal=node)
            case nodes.Path(text):
                return self._field(text)
            case nodes.Sign(negative, inner):
                return operators.sign(negative, self.plain(inner))
            case nodes.Operation(operator, left, right):
                return operators.operation(operator, self.plain(left), self.plain(right))
            case nodes.Call():
                return self._call(node)

    def plain(self, node: nodes.Node) -> Part:
        """A value that is no picklist field: those go into certain functions only."""
        part = self.part(node)
        if part.kind in (PICKLIST, MULTIPICKLIST):
            what = "picklist" if part.kind == PICKLIST else "multi-select picklist"
            name = part.path or "PRIORVALUE"
            raise FormulaError(
                f"Field {name} is a {what} field. {what.capitalize()} fields are only supported in certain functions."
            )
        return part

    # -- fields

    def _field(self, text: str) -> Part:
        path = self._path(text)
        self.fields[str(path)] = path
        kind = kind_of(path.field)

        def run(record: Record) -> Value:
            return record.value(path)

        if kind == NUMBER and self.blanks_as_zero:
            return Part(kind, operators.zero_for_blank(run), path)
        return Part(kind, run, path)

    def _path(self, text: str) -> FieldPath:
        steps = text.split(".")
        root, sobject = "", self.sobject
        if text.startswith("$"):
            root, sobject = steps[0], self._root(steps[0])
            steps = steps[1:]
        parents: list[Field] = []
        for step in steps[:-1]:
            reference, sobject = self._parent(sobject, step)
            parents.append(reference)
        found = sobject.get(steps[-1]) if steps else None
        if found is None or found.compound:
            raise FormulaError(f"Field {text} does not exist. Check spelling.")
        return FieldPath(root.lower(), tuple(parents), found)

    def _root(self, name: str) -> SObject:
        target = self.schema.get(_ROOTS.get(name.lower(), ""))
        if target is None:
            known = ", ".join(sorted(("$User", "$Profile", "$UserRole", "$Organization")))
            raise FormulaError(f"Field {name} does not exist. Check spelling. Known here: {known}.")
        return target

    def _parent(self, sobject: SObject, step: str) -> tuple[Field, SObject]:
        """The reference a relationship follows and the object it leads to: ``Account``, ``Owner:User``."""
        name, _, wanted = step.partition(":")
        reference = sobject.parent(name)
        target = None
        if reference is not None:
            target = self.schema.get(wanted) if wanted else self.schema.target(reference)
        if reference is None or target is None or target.name not in reference.reference_to:
            raise FormulaError(f"Field {step} does not exist. Check spelling.")
        return reference, target

    # -- functions

    def _call(self, call: nodes.Call) -> Part:
        if call.name in special.FORMS:
            form = special.FORMS[call.name]
            parts = [(self.part if form.picklists else self.plain)(a) for a in call.arguments]
            if not form.least <= len(parts) <= form.most:
                raise wrong_count(call.name, str(form.least), len(parts))
            return form.build(call.name, parts)
        if call.name in OF_ANY:
            kinds, gives, run = OF_ANY[call.name]
            return self._of_any(call, kinds, gives, run)
        function = FUNCTIONS.get(call.name)
        if function is None:
            raise FormulaError(f"Unknown function {call.name}. Check spelling.")
        return self._function(call, function)

    def _of_any(self, call: nodes.Call, kinds: tuple[str, ...], gives: str, run: Callable[[Value], Value]) -> Part:
        if len(call.arguments) != 1:
            raise wrong_count(call.name, "1", len(call.arguments))
        part = self.plain(call.arguments[0])
        if part.kind not in (*kinds, NULL):
            raise wrong_kind(call.name, ", ".join(kinds), part.kind)
        return Part(gives, operators.unless_blank(run, (part.run,), (False,)))

    def _function(self, call: nodes.Call, function: Function) -> Part:
        parts = [self.plain(a) for a in call.arguments]
        takes = function.takes
        if function.repeats and len(parts) > len(takes):
            takes += (takes[-1],) * (len(parts) - len(takes))
        if not len(function.takes) - function.optional <= len(parts) <= len(takes):
            raise wrong_count(call.name, str(len(function.takes)), len(parts))
        for part, kind in zip(parts, takes, strict=False):
            if part.kind not in (kind, NULL):
                raise wrong_kind(call.name, kind, part.kind)
        if call.name == "REGEX":
            _check_pattern(parts[1])
        run = _of_all(function.run) if function.repeats else function.run
        texts = tuple(kind == TEXT for kind in takes)
        return Part(function.gives, operators.unless_blank(run, tuple(p.run for p in parts), texts))


def _of_all(run: Callable[..., Value]) -> Callable[..., Value]:
    """MAX and MIN, of one number too."""
    return lambda *numbers: run(numbers)


def _kind_of_literal(value: object) -> str:
    if value is None:
        return NULL
    if isinstance(value, bool):
        return BOOLEAN
    return TEXT if isinstance(value, str) else NUMBER


def _check_pattern(part: Part) -> None:
    if part.literal is None or not isinstance(part.literal.value, str):
        return
    try:
        pattern(part.literal.value)
    except re.error as error:
        raise FormulaError(f"REGEX: {part.literal.value!r} is no regular expression: {error}") from None
