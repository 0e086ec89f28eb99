"""Conditions in words, as people read them: "Industry is “Banking”, and Employees is at least “200”"."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from abmatic.audiences import beyond
from abmatic.audiences.fields import FieldType, LocalField, fields
from abmatic.audiences.models import Collection, FileImport

OPERATORS = {
    "contains": "contains",
    "not_contains": "doesn’t contain",
    "equals": "is",
    "not_equals": "is not",
    "starts_with": "starts with",
    "in": "is one of",
    "at_least": "is at least",
    "at_most": "is at most",
    "greater": "is more than",
    "less": "is less than",
    "within_days": "is within the last days",
    "not_empty": "has a value",
    "empty": "is empty",
}
_OF_TIMES = {
    "at_least": "is on or after",
    "at_most": "is on or before",
    "greater": "is after",
    "less": "is before",
}
_LONGEST = 80


def asked_about(record: str, known: Sequence[LocalField] | None = None) -> tuple[LocalField, ...]:
    """The fields that filters and rules can ask about. ``known``: those of the catalogue, where they are at hand."""
    return (*(fields(record) if known is None else known), *(each.field for each in beyond.further(record)))


def operator(name: str, kind: FieldType) -> str:
    """A comparison in words, for a field of a type."""
    words = OPERATORS.get(name, name)
    return _OF_TIMES.get(name, words) if kind in {FieldType.DATE, FieldType.DATETIME} else words


# Writes a value of a field.
Writer = Callable[[LocalField | None, object], str]


def _plainly(field: LocalField | None, value: object) -> str:
    return str(value)


def described(record: str, condition: object, write: Writer = _plainly) -> str:
    """A condition in words; empty for one that everything meets. It need not be one that can be used."""
    return described_each(record, [condition], write)[0]


def described_each(record: str, conditions: Sequence[object], write: Writer = _plainly) -> list[str]:
    """Each of some conditions in words."""
    wording = _Wording(record, list(conditions), write)
    return [wording.tree(condition, is_inner=False) for condition in conditions]


class _Wording:
    def __init__(self, record: str, condition: object, write: Writer) -> None:
        self._write = write
        self._fields = {each.name: each for each in asked_about(record)}
        self._states = {state.name: state.label for state in beyond.states(record)}
        wanted = set(beyond.collections_of(condition))
        found = Collection.objects.filter(pk__in=wanted).values_list("pk", "name") if wanted else ()
        self._collections: dict[object, str] = dict(found)

    def tree(self, condition: object, *, is_inner: bool) -> str:
        if not isinstance(condition, Mapping) or not condition:
            return ""
        if "field" in condition:
            return self._comparison(condition)
        ((word, inner), *_) = condition.items()
        if word in {"all", "any"} and isinstance(inner, list):
            parts = [part for part in (self.tree(each, is_inner=len(inner) > 1) for each in inner) if part]
            joined = (", and " if word == "all" else ", or ").join(parts)
            return f"({joined})" if is_inner and len(parts) > 1 else joined
        if word == "not":
            return self._denied(inner)
        return self._other(word, inner)

    def _comparison(self, condition: Mapping[str, object]) -> str:
        name, asked = condition.get("field"), str(condition.get("is", ""))
        known = self._fields.get(str(name))
        label = known.label if known else str(name)
        if asked == "within_days":
            return f"{label} is within the last {condition.get('value')} days"
        words = operator(asked, known.type if known else FieldType.TEXT)
        value = condition.get("value")
        if value is None:
            return f"{label} {words}"
        if isinstance(value, bool):
            return f"{label} {words} {'yes' if value else 'no'}"
        shown = ", ".join(self._write(known, each) for each in (value if isinstance(value, list) else [value]))
        return f"{label} {words} “{shown if len(shown) <= _LONGEST else shown[:_LONGEST] + '…'}”"

    def _denied(self, inner: object) -> str:
        if isinstance(inner, Mapping) and len(inner) == 1:
            ((word, value),) = inner.items()
            if word == "collection":
                return f"not in “{self._name(value)}”"
        return f"not: {self.tree(inner, is_inner=True)}"

    def _other(self, word: object, value: object) -> str:
        match word:
            case "collection":
                return f"in “{self._name(value)}”"
            case "state":
                return self._states.get(str(value), str(value))
            case "search":
                return f"contains “{value}”"
            case "made_by":
                return f"new from {self._file(value)}"
            case "changed_by":
                return f"changed by {self._file(value)}"
            case _:
                return f"{word} {value}"

    def _file(self, number: object) -> str:
        known = FileImport.objects.filter(pk=number).first() if isinstance(number, int) else None
        return f"the import of “{known}”" if known else "an import that is gone"

    def _name(self, collection: object) -> str:
        known = self._collections.get(collection) if isinstance(collection, int) else None
        return known if known is not None else f"a collection that is gone ({collection})"
