"""Functions that choose what they evaluate, or look at a field rather than at its value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from salesforce_emulator.formula import nodes
from salesforce_emulator.formula.errors import FormulaError
from salesforce_emulator.formula.functions import text_of
from salesforce_emulator.formula.values import (
    BOOLEAN,
    DATE,
    DATETIME,
    MULTIPICKLIST,
    NULL,
    NUMBER,
    PICKLIST,
    TEXT,
    FieldPath,
    Record,
    Value,
)

Run = Callable[[Record], Value]
_ANY_NUMBER = 1000


@dataclass(frozen=True)
class Part:
    """A part of a formula: its kind, how it is run, and the field or the literal that it is, if it is one."""

    kind: str
    run: Run
    path: FieldPath | None = None
    literal: nodes.Literal | None = None


@dataclass(frozen=True)
class Form:
    """``picklists``: whether an argument may be a picklist field."""

    least: int
    most: int
    build: Callable[[str, Sequence[Part]], Part]
    picklists: bool = False


def wrong_count(name: str, expected: str, received: int) -> FormulaError:
    return FormulaError(
        f"Incorrect number of parameters for function '{name}()'. Expected {expected}, received {received}"
    )


def wrong_kind(name: str, expected: str, received: str) -> FormulaError:
    return FormulaError(f"Incorrect parameter type for function '{name}()'. Expected {expected}, received {received}")


def _want(name: str, part: Part, *kinds: str) -> None:
    if part.kind not in (*kinds, NULL):
        raise wrong_kind(name, ", ".join(kinds), part.kind)


def _common(name: str, parts: Sequence[Part]) -> str:
    """The kind that several results share."""
    kinds = [p.kind for p in parts if p.kind != NULL]
    for kind in kinds[1:]:
        if kind != kinds[0]:
            raise wrong_kind(name, kinds[0], kind)
    return kinds[0] if kinds else NULL


def _all(name: str, parts: Sequence[Part]) -> Part:
    for part in parts:
        _want(name, part, BOOLEAN)
    runs = [p.run for p in parts]
    return Part(BOOLEAN, lambda record: all(run(record) for run in runs))


def _any(name: str, parts: Sequence[Part]) -> Part:
    for part in parts:
        _want(name, part, BOOLEAN)
    runs = [p.run for p in parts]
    return Part(BOOLEAN, lambda record: any(run(record) for run in runs))


def _not(name: str, parts: Sequence[Part]) -> Part:
    _want(name, parts[0], BOOLEAN)
    run = parts[0].run
    return Part(BOOLEAN, lambda record: not run(record))


def _if(name: str, parts: Sequence[Part]) -> Part:
    condition, yes, no = parts
    _want(name, condition, BOOLEAN)
    return Part(_common(name, [yes, no]), lambda record: (yes if condition.run(record) else no).run(record))


def _case(name: str, parts: Sequence[Part]) -> Part:
    """CASE(value, when, then, …, otherwise)."""
    if len(parts) % 2:
        raise wrong_count(name, str(len(parts) + 1), len(parts))
    subject, otherwise = parts[0], parts[-1]
    pairs = [(parts[i], parts[i + 1]) for i in range(1, len(parts) - 1, 2)]
    kind = TEXT if subject.kind == PICKLIST else subject.kind
    for when, _ in pairs:
        _want(name, when, kind)
    results = [*(then for _, then in pairs), otherwise]
    for result in results:
        _want(name, result, TEXT, NUMBER, BOOLEAN, DATE, DATETIME)

    def run(record: Record) -> Value:
        value = subject.run(record)
        chosen = next((then for when, then in pairs if when.run(record) == value), otherwise)
        return chosen.run(record)

    return Part(_common(name, results), run)


def _is_blank(name: str, parts: Sequence[Part]) -> Part:
    run = parts[0].run
    return Part(BOOLEAN, lambda record: run(record) is None)


def _is_null(name: str, parts: Sequence[Part]) -> Part:
    """Text is never null, as the documentation warns."""
    if parts[0].kind == TEXT:
        return Part(BOOLEAN, lambda _: False)
    return _is_blank(name, parts)


def _blank_value(name: str, parts: Sequence[Part]) -> Part:
    value, instead = parts
    if name == "NULLVALUE" and value.kind == TEXT:
        _common(name, parts)
        return Part(TEXT, value.run)

    def run(record: Record) -> Value:
        found = value.run(record)
        return instead.run(record) if found is None else found

    return Part(_common(name, parts), run)


def _field_of(name: str, part: Part, *kinds: str) -> FieldPath:
    if part.path is None or (kinds and part.kind not in kinds):
        raise wrong_kind(name, ", ".join(kinds) or "a field", part.kind)
    return part.path


def _literal_text(name: str, part: Part) -> str:
    if part.literal is None or not isinstance(part.literal.value, str):
        raise FormulaError(f"Function {name}() takes a text literal as its second parameter.")
    return part.literal.value


def _is_picklist_value(name: str, parts: Sequence[Part]) -> Part:
    if parts[0].kind != PICKLIST:
        raise wrong_kind(name, PICKLIST, parts[0].kind)
    run, wanted = parts[0].run, _literal_text(name, parts[1]) or None
    return Part(BOOLEAN, lambda record: run(record) == wanted)


def _includes(name: str, parts: Sequence[Part]) -> Part:
    _field_of(name, parts[0], MULTIPICKLIST)
    run, wanted = parts[0].run, _literal_text(name, parts[1])

    def includes(record: Record) -> Value:
        return wanted in str(run(record) or "").split(";") if wanted else run(record) is None

    return Part(BOOLEAN, includes)


def _own_field(name: str, part: Part) -> FieldPath:
    path = _field_of(name, part)
    if path.root or path.parents:
        raise FormulaError(f"Function {name}() takes a field of the record itself, not {path}.")
    return path


def _is_changed(name: str, parts: Sequence[Part]) -> Part:
    path = _own_field(name, parts[0])
    return Part(BOOLEAN, lambda record: not record.is_new and record.value(path) != record.prior(path))


def _prior_value(name: str, parts: Sequence[Part]) -> Part:
    path = _own_field(name, parts[0])
    return Part(parts[0].kind, lambda record: record.prior(path))


def _text(name: str, parts: Sequence[Part]) -> Part:
    _want(name, parts[0], PICKLIST, NUMBER, DATE, DATETIME)
    run = parts[0].run
    return Part(TEXT, lambda record: text_of(run(record)) or None)


FORMS: dict[str, Form] = {
    "AND": Form(1, _ANY_NUMBER, _all),
    "OR": Form(1, _ANY_NUMBER, _any),
    "NOT": Form(1, 1, _not),
    "IF": Form(3, 3, _if),
    "CASE": Form(4, _ANY_NUMBER, _case, picklists=True),
    "ISBLANK": Form(1, 1, _is_blank, picklists=True),
    "ISNULL": Form(1, 1, _is_null, picklists=True),
    "BLANKVALUE": Form(2, 2, _blank_value),
    "NULLVALUE": Form(2, 2, _blank_value),
    "ISPICKVAL": Form(2, 2, _is_picklist_value, picklists=True),
    "INCLUDES": Form(2, 2, _includes, picklists=True),
    "ISCHANGED": Form(1, 1, _is_changed, picklists=True),
    "PRIORVALUE": Form(1, 1, _prior_value, picklists=True),
    "ISNEW": Form(0, 0, lambda name, parts: Part(BOOLEAN, lambda record: record.is_new)),
    "TEXT": Form(1, 1, _text, picklists=True),
    "TODAY": Form(0, 0, lambda name, parts: Part(DATE, lambda record: record.now.date())),
    "NOW": Form(0, 0, lambda name, parts: Part(DATETIME, lambda record: record.now)),
}
