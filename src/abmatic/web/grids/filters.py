"""The filter of a grid: a condition (`abmatic.audiences.conditions`) in the address, as JSON.

What people type are texts: here they become values of the fields' types. What can't be used is explained, and then the
grid shows nothing: records that a filter was to leave out must not be there to be selected.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any

from abmatic.audiences import beyond, wording
from abmatic.audiences.conditions import SUITED, VALUELESS, Condition, check
from abmatic.audiences.fields import FieldType, LocalField
from abmatic.audiences.models import Collection

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
_EXAMPLES = {"number": "2,500", "date": "2026-03-31", "time": "2026-03-31", "yesno": "true"}
# Choices in the builder.
MOST_COLLECTIONS = 200


@dataclass(frozen=True, slots=True)
class Filter:
    """The filter in force. ``problem`` says why it can't be used, where it can't."""

    record: str
    tree: Condition
    problem: str = ""

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
    if not problems and typed and (why := check(record, typed, beyond=True)):
        problems.append(f"This filter can’t be used: {why}.")
    return Filter(record, typed, problems[0] if problems else "")


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
            return {**tree, "value": [_value(field, part) for part in value.split(",") if part.strip()]}
        if tree.get("is") == "within_days":
            return {**tree, "value": int(clean(value))}
        return {**tree, "value": _value(field, value)}
    except (ValueError, InvalidOperation):
        example = "30" if tree.get("is") == "within_days" else _EXAMPLES.get(kind, "text")
        if kind == "text":
            problems.append(f"{field.label} needs a value to be compared with.")
        else:
            problems.append(
                f"{field.label} is a {'date' if kind == 'time' else kind}: write “{value[:60]}” as {example}."
            )
        return tree


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
        return date.fromisoformat(text).isoformat()
    if kind == "time":
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()
    number = Decimal(text.replace(",", "").replace(" ", ""))
    if not number.is_finite() or abs(number) >= Decimal(10) ** 18:
        raise ValueError(text)
    if field.type is FieldType.INTEGER:
        return int(number) if number == number.to_integral_value() else _refuse(text)
    return str(number)


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
