"""The filter of a grid: a condition (`abmatic.audiences.conditions`) in the address, as JSON.

What people type are texts, numbers and days written as their locale has it: here they become values of the fields'
types, and `for_viewer` writes these as they would be typed. An address that was put together from such texts is led on
to the one with values, so that it means the same to whoever is sent it. What can't be used is explained, and then the
grid shows nothing: records that a filter was to leave out must not be there to be selected.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any

from abmatic.audiences import beyond, wording
from abmatic.audiences.conditions import SUITED, VALUELESS, Condition, check
from abmatic.audiences.fields import FieldType, LocalField
from abmatic.audiences.models import Collection
from abmatic.web.values import shown
from abmatic.web.viewer import number_text, plain_date, plain_number, separators, typed_date, typed_number

# A long enough line; what is beyond it was no question.
LONGEST_VALUE = 500
LONGEST_FILTER = 16_000
# As the builder knows the types: one kind of control each.
KINDS = {
    FieldType.INTEGER: "number",
    FieldType.NUMBER: "number",
    FieldType.DATE: "date",
    FieldType.DATETIME: "time",
    FieldType.BOOLEAN: "yesno",
}
# Nobody means a moment exactly.
_UNASKED = {("time", "equals"), ("time", "not_equals"), ("time", "in")}
_EXAMPLES = {"date": "2026-03-31", "time": "2026-03-31", "yesno": "true"}
# A number as a text.
_AS_TEXT = re.compile(r'"[+-]?[0-9.]+(E[+-]?[0-9]+)?"')
# Choices in the builder.
MOST_COLLECTIONS = 200


@dataclass(frozen=True, slots=True)
class Filter:
    """The filter in force. ``problem`` says why it can't be used, where it can't."""

    record: str
    tree: Condition
    problem: str = ""
    # Whether it holds numbers or days as a locale writes them.
    is_as_typed: bool = False

    @property
    def parts(self) -> list[Condition]:
        """The conditions that all hold, each of which can be taken away; one where they are joined otherwise."""
        if not self.tree:
            return []
        inner = self.tree.get("all") if len(self.tree) == 1 else None
        return list(inner) if isinstance(inner, list) and inner else [self.tree]

    def without(self, place: int) -> Condition:
        """The filter without one of its parts."""
        kept = [part for number, part in enumerate(self.parts) if number != place]
        return {"all": kept} if kept else {}


def read(record: str, text: str) -> Filter:
    """The filter in an address."""
    if not text:
        return Filter(record, {})
    try:
        tree = json.loads(text[: LONGEST_FILTER + 1])
        written(tree).encode()  # half of a surrogate pair is no character
    except (ValueError, RecursionError):
        tree = None
    if not isinstance(tree, dict) or len(text) > LONGEST_FILTER or "\\u0000" in text:
        return Filter(record, {}, "This filter can’t be read. Remove it, and put it together again.")
    known = {each.name: each for each in wording.asked_about(record)}
    problems: list[str] = []
    typed = _typed(tree, known, problems, 0)
    is_as_typed = not problems and _means_otherwise(tree, typed)
    if not problems and typed and (why := check(record, typed, beyond=True)):
        problems.append(f"This filter can’t be used: {why}.")
    return Filter(record, typed, problems[0] if problems else "", is_as_typed)


def written(tree: Condition) -> str:
    """A filter as it is in an address."""
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":")) if tree else ""


def clean(text: str) -> str:
    """Text fit for a query: NUL, which no text in Postgres can hold, and the ends trimmed."""
    return text.replace("\x00", "").strip()[:LONGEST_VALUE]


def _typed(tree: Any, known: dict[str, LocalField], problems: list[str], depth: int) -> Any:
    """The condition with typed values in place of texts."""
    if depth > 50:
        return None
    if isinstance(tree, list):
        return [_typed(each, known, problems, depth + 1) for each in tree]
    if not isinstance(tree, dict):
        return tree
    if "field" not in tree:
        return {word: _typed(inner, known, problems, depth + 1) for word, inner in tree.items()}
    field = known.get(tree["field"]) if isinstance(tree["field"], str) else None
    value = tree.get("value")
    if field is None or tree.get("is") in VALUELESS or not isinstance(value, str):
        return tree
    kind = KINDS.get(field.type, "text")
    try:
        if tree.get("is") == "in":
            return {**tree, "value": [_value(field, part) for part in _parts(kind, value)]}
        if tree.get("is") == "within_days":
            return {**tree, "value": int(plain_number(clean(value)))}
        return {**tree, "value": _value(field, value)}
    except (ValueError, InvalidOperation):
        example = "30" if tree.get("is") == "within_days" else _example(kind)
        if kind == "text":
            problems.append(f"{field.label} needs a value to be compared with.")
        else:
            problems.append(
                f"{field.label} is a {'date' if kind == 'time' else kind}: write “{value[:60]}” as {example}."
            )
        return tree


def _example(kind: str) -> str:
    """A value as the viewer would write it."""
    return number_text("2500.5", 1) if kind == "number" else _EXAMPLES.get(kind, "text")


def _parts(kind: str, text: str) -> list[str]:
    """The values of a list. Where a comma stands before fractions it parts numbers only with a blank behind it."""
    if kind == "number" and (";" in text or re.search(r",\s", text) or separators()[0] == ","):
        parts = re.split(r";|,(?=\s)", text)
    else:
        parts = text.split(",")
    return [part for part in parts if part.strip()]


def _means_otherwise(given: Any, typed: Any) -> bool:
    """Whether somebody of another locale would read what was given as something else than what is meant."""
    if isinstance(given, dict) and isinstance(typed, dict):
        return any(_means_otherwise(given.get(name), value) for name, value in typed.items())
    if isinstance(given, list) and isinstance(typed, list):
        return len(given) != len(typed) or any(map(_means_otherwise, given, typed))
    if not isinstance(given, str):
        return False
    values = typed if isinstance(typed, list) else [typed]
    return any(isinstance(value, int | float) and not isinstance(value, bool) for value in values) and not (
        given.strip().isdigit()
    )


def for_viewer(record: str, tree: Any, known: Mapping[str, LocalField] | None = None) -> Any:
    """A condition with its numbers as the viewer types them, for the controls of the builder."""
    fields = known if known is not None else {each.name: each for each in wording.asked_about(record)}
    return _rewritten(tree, fields, _for_viewer)


def as_kept(record: str, tree: Any) -> Any:
    """A condition that was kept, for an address. Its numbers are what they say, whoever looks.

    They were once kept as texts with a point, which a reader of addresses takes for what the viewer typed: 0.125 is 125
    to a German.
    """
    if not _AS_TEXT.search(written(tree)):
        return tree
    return _rewritten(tree, {each.name: each for each in wording.asked_about(record)}, _as_number)


def _rewritten(tree: Any, fields: Mapping[str, LocalField], how: Callable[[LocalField, Any, bool], Any]) -> Any:
    """The condition with other values. ``how`` is told whether a value is one of a list."""
    if isinstance(tree, list):
        return [_rewritten(each, fields, how) for each in tree]
    if not isinstance(tree, Mapping):
        return tree
    if "field" not in tree:
        return {word: _rewritten(inner, fields, how) for word, inner in tree.items()}
    field = fields.get(str(tree["field"]))
    if field is None or "value" not in tree or tree.get("is") == "within_days":
        return dict(tree)
    value = tree["value"]
    is_list = isinstance(value, list)
    written_so = [how(field, each, is_list) for each in (value if is_list else [value])]
    return {**tree, "value": written_so if is_list else written_so[0]}


def _as_number(field: LocalField, value: Any, is_list: bool) -> Any:
    if KINDS.get(field.type) == "number" and isinstance(value, str):
        with suppress(InvalidOperation):
            number = Decimal(value)
            return _json_number(number) if number.is_finite() else value
    return value


def _for_viewer(field: LocalField, value: Any, is_list: bool) -> Any:
    kind = KINDS.get(field.type, "text")
    if kind == "number" and not isinstance(value, bool):
        with suppress(InvalidOperation):
            return typed_number(Decimal(str(value)))
    # A single day has a control of the browser's, which shows it its own way.
    return typed_date(value) if kind == "date" and is_list and isinstance(value, str) else value


def in_words(field: LocalField | None, value: object) -> str:
    """A value of a condition as pages show such values."""
    kind = KINDS.get(field.type, "text") if field is not None else "text"
    if kind == "number" and not isinstance(value, bool):
        with suppress(InvalidOperation):
            number = Decimal(str(value))
            return number_text(format(number, "f"), max(-int(number.as_tuple().exponent), 0))
    if kind in {"date", "time"} and isinstance(value, str):
        with suppress(ValueError):
            return str(shown(datetime.fromisoformat(value).date()))
    return str(value)


def _value(field: LocalField, text: str) -> object:
    text = clean(text)
    kind = KINDS.get(field.type, "text")
    if kind == "text":
        if not text:
            raise ValueError(text)
        return text
    if kind == "yesno":
        return {"true": True, "false": False}[text] if text in {"true", "false"} else _refuse(text)
    if kind == "date":
        return date.fromisoformat(plain_date(text)).isoformat()
    if kind == "time":
        moment = datetime.fromisoformat(plain_date(text))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()
    number = Decimal(plain_number(text))
    if not number.is_finite() or abs(number) >= Decimal(10) ** 18:
        raise ValueError(text)
    if field.type is FieldType.INTEGER:
        return int(number) if number == number.to_integral_value() else _refuse(text)
    return _json_number(number)


def _json_number(number: Decimal) -> object:
    """JSON's own number where it can hold it: a text would be read as the viewer's locale writes numbers."""
    return float(number) if Decimal(repr(float(number))) == number else format(number, "f")


def _refuse(text: str) -> object:
    raise ValueError(text)


@dataclass(frozen=True)
class Builder:
    """What the builder of a grid's filter offers."""

    record: str
    known: Sequence[LocalField] | None = None

    @cached_property
    def fields(self) -> list[tuple[str, str, str]]:
        """Fields: name, label, kind."""
        asked = wording.asked_about(self.record, self.known)
        return [(each.name, each.label, KINDS.get(each.type, "text")) for each in asked]

    @cached_property
    def operators(self) -> list[tuple[str, str, str]]:
        """Comparisons: name, words, and the kinds that they suit. One that two kinds word otherwise is there twice."""
        found: dict[tuple[str, str], list[str]] = {}
        for name in wording.OPERATORS:
            for kind, type_ in _TYPICAL.items():
                if type_ in SUITED[name] and (kind, name) not in _UNASKED:
                    found.setdefault((name, wording.operator(name, type_)), []).append(kind)
        return [(name, words, " ".join(kinds)) for (name, words), kinds in found.items()]

    @cached_property
    def collections(self) -> list[tuple[int, str]]:
        """Collections of such records."""
        found = Collection.objects.filter(record=self.record).order_by("name", "id")
        return list(found.values_list("id", "name")[:MOST_COLLECTIONS])

    @cached_property
    def states(self) -> tuple[beyond.State, ...]:
        """What the CRM may say of such records."""
        return beyond.states(self.record)


_TYPICAL = {
    "text": FieldType.TEXT,
    "number": FieldType.NUMBER,
    "date": FieldType.DATE,
    "time": FieldType.DATETIME,
    "yesno": FieldType.BOOLEAN,
}
