"""The push filter as a form: groups of rules, "all of" or "any of" within each and between them.

A filter that has more to it (deeper groups, "not") was written in a file. It is shown as it is and kept, unless
somebody begins a new one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from abmatic.audiences.conditions import operators
from abmatic.audiences.fields import FieldType, LocalField, fields
from abmatic.web.viewer import plain_date, plain_number, separators, typed_number

LABELS = {
    "equals": "is",
    "not_equals": "is not",
    "in": "is one of",
    "contains": "contains",
    "not_contains": "does not contain",
    "starts_with": "starts with",
    "at_least": "is at least",
    "at_most": "is at most",
    "greater": "is more than",
    "less": "is less than",
    "empty": "is empty",
    "not_empty": "is filled",
}
VALUELESS = frozenset({"empty", "not_empty"})
_WORDS = ("all", "any")


@dataclass(slots=True)
class Rule:
    """One line: a field, what is asked of it, and the value as text."""

    field: str
    operator: str
    value: str = ""


@dataclass(slots=True)
class Group:
    """Rules that belong together."""

    word: str = "all"
    rules: list[Rule] = field(default_factory=list)


@dataclass(slots=True)
class FilterForm:
    """A filter as it is shown. ``kept`` is one that the form can't show, as JSON."""

    word: str = "all"
    groups: list[Group] = field(default_factory=list)
    kept: str = ""

    @property
    def active(self) -> int:
        """How many rules there are."""
        return sum(len(group.rules) for group in self.groups) or (1 if self.kept else 0)

    @property
    def is_unfinished(self) -> bool:
        """Whether a rule still lacks its value."""
        rules = [rule for group in self.groups for rule in group.rules]
        return any(not rule.value.strip() for rule in rules if rule.operator not in VALUELESS)


@dataclass(frozen=True, slots=True)
class Operator:
    """What can be asked, for the form's list."""

    name: str
    label: str
    types: str


def offered_operators() -> list[Operator]:
    """All of them, each with the types of fields that it suits."""
    return [
        Operator(name, LABELS.get(name, name.replace("_", " ")), " ".join(sorted(types)))
        for name, types in operators().items()
    ]


# -- from what is stored


def shown(record: str, condition: Mapping[str, Any]) -> FilterForm:
    """A stored filter as a form."""
    made = _groups(condition)
    # Shown in parts only where the parts say the same.
    if made is None or condition_of(record, made) != condition:
        return FilterForm(kept=json.dumps(condition, ensure_ascii=False))
    return made


def _groups(condition: Mapping[str, Any]) -> FilterForm | None:
    if not condition:
        return FilterForm()
    if "field" in condition:
        return FilterForm("all", [Group("all", [_rule(condition)])])
    word, inner = next(iter(condition.items()))
    if word not in _WORDS or not isinstance(inner, list):
        return None
    form = FilterForm(word)
    for part in inner:
        if not isinstance(part, dict):
            return None
        if "field" in part:
            if not form.groups or form.groups[-1].word != word:
                form.groups.append(Group(word))
            form.groups[-1].rules.append(_rule(part))
            continue
        kind, rules = next(iter(part.items()), ("", None))
        if kind not in _WORDS or not isinstance(rules, list) or not all(_is_rule(rule) for rule in rules):
            return None
        form.groups.append(Group(kind, [_rule(rule) for rule in rules]))
    return form


def _is_rule(part: object) -> bool:
    return isinstance(part, dict) and "field" in part


def _rule(part: Mapping[str, Any]) -> Rule:
    value = part.get("value")
    text = _listed(value) if isinstance(value, list) else _text(value)
    return Rule(str(part["field"]), str(part.get("is")), text)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return typed_number(value) if isinstance(value, int | float) else str(value)


def _listed(values: list[object]) -> str:
    """Values of a list; numbers are not parted by what stands before their fractions."""
    are_numbers = any(isinstance(each, int | float) and not isinstance(each, bool) for each in values)
    return ("; " if are_numbers and separators()[0] == "," else ", ").join(map(_text, values))


# -- from what is sent


def sent(record: str, post: QueryDict) -> tuple[FilterForm, dict[str, Any]]:
    """What a form holds: to show it again, and as a condition (judged where it is saved)."""
    if kept := post.get("filter-kept"):
        return _sent_as_kept(kept)
    words = post.getlist("group-word")
    form = FilterForm(post.get("filter-word", "all"), [Group(word) for word in words])
    names = ("rule-group", "rule-field", "rule-is", "rule-value")
    for group, name, operator, value in zip(*(post.getlist(each) for each in names), strict=False):
        if group.isascii() and group.isdigit() and int(group) < len(form.groups):
            form.groups[int(group)].rules.append(Rule(name, operator, value))
    form.groups = [group for group in form.groups if group.rules]
    return form, condition_of(record, form)


def _sent_as_kept(text: str) -> tuple[FilterForm, dict[str, Any]]:
    try:
        condition = json.loads(text)
    except ValueError:
        condition = {"": text}
    return FilterForm(kept=text), condition if isinstance(condition, dict) else {"": text}


def condition_of(record: str, form: FilterForm) -> dict[str, Any]:
    """The form's rules as a condition."""
    known = {each.name: each for each in fields(record)}
    groups = [(group.word, [_condition(known.get(rule.field), rule) for rule in group.rules]) for group in form.groups]
    if not groups:
        return {}
    if len(groups) == 1:
        return {groups[0][0]: groups[0][1]}
    parts: list[dict[str, Any]] = []
    for word, rules in groups:
        parts += rules if word == form.word else [{word: rules}]
    return {form.word: parts}


def _condition(known: LocalField | None, rule: Rule) -> dict[str, Any]:
    said: dict[str, Any] = {"field": rule.field, "is": rule.operator}
    if rule.operator in VALUELESS:
        return said
    if rule.operator == "in":
        return {**said, "value": [_typed(known, each.strip()) for each in _split(known, rule.value) if each.strip()]}
    return {**said, "value": _typed(known, rule.value.strip())}


def _split(known: LocalField | None, text: str) -> list[str]:
    is_number = known is not None and known.type in {FieldType.INTEGER, FieldType.NUMBER}
    if is_number and (";" in text or separators()[0] == "," or re.search(r",\s", text)):
        return re.split(r";|,(?=\s)", text)
    return text.split(",")


def _typed(known: LocalField | None, text: str) -> object:
    """The text as a value of the field's type; as it is where it is none, which judging then says."""
    try:
        if known is not None and known.type is FieldType.INTEGER:
            return int(plain_number(text))
        if known is not None and known.type is FieldType.NUMBER:
            number = plain_number(text)
            return int(number) if number.lstrip("+-").isdigit() else float(number)
        if known is not None and known.type is FieldType.DATE:
            return plain_date(text)
    except ValueError:
        return text
    if known is not None and known.type is FieldType.BOOLEAN:
        return {"true": True, "yes": True, "false": False, "no": False}.get(text.lower(), text)
    return text
