"""The form of an experience: what is typed, read into what is wanted, and shown again with what is wrong where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.http import QueryDict
from django.utils import timezone
from pydantic import ValidationError

from abmatic.personalisation.changes import ATTRIBUTES
from abmatic.personalisation.models import Experience
from abmatic.personalisation.wanted import ExperienceWanted

# One list to choose from: the kind of a change, and which attribute or which place where a kind has several.
KINDS = [
    ("text", "Text"), ("link", "Link"), ("image", "Image"),
    *((f"attribute:{name}", f"Attribute {name}") for name in ATTRIBUTES),
    ("banner:top", "Banner at the top"), ("banner:bottom", "Banner at the foot"),
]  # fmt: skip
_LABELS = {
    "name": "Name", "site": "Site", "pages": "Pages", "collection": "Collection", "known": "Visitors", "visit": "Visit",
    "utm_source": "UTM source", "utm_medium": "UTM medium", "utm_campaign": "UTM campaign",
    "starts_at": "Start", "ends_at": "End", "control_percent": "Control group", "weight": "Weight",
    "variants": "Variants", "changes": "Changes", "selector": "Element", "value": "Text or address", "link": "Link",
    "attribute": "Attribute",
}  # fmt: skip
_PLAIN = ("name", "site", "collection", "known", "visit", "utm_source", "utm_medium", "utm_campaign")
_SAYS = {
    "string_too_short": "this is needed.",
    "missing": "this is needed.",
    "int_type": "this is needed.",
    "int_parsing": "give a whole number.",
    "datetime_from_date_parsing": "give a day and a time.",
    "too_short": "at least one is needed.",
}


@dataclass(slots=True)
class ChangeRow:
    """A change as it is typed. ``kind``: of `KINDS`, empty for a row that isn't used."""

    kind: str = ""
    selector: str = ""
    value: str = ""
    link: str = ""
    problems: list[str] = field(default_factory=list)

    @property
    def is_used(self) -> bool:
        """Whether anything was typed."""
        return bool(self.kind or self.selector or self.value)

    def wanted(self) -> dict[str, Any]:
        """As `personalisation.changes` reads it."""
        kind, _, which = self.kind.partition(":")
        told: dict[str, Any] = {"kind": kind or "text", "value": self.value}
        if kind == "banner":
            return told | {"position": which} | ({"link": self.link} if self.link else {})
        return told | {"selector": self.selector} | ({"attribute": which} if which else {})

    @classmethod
    def of(cls, change: dict[str, Any]) -> ChangeRow:
        """A change that is stored."""
        which = change.get("attribute") or change.get("position") or ""
        kind = f"{change['kind']}:{which}" if which else change["kind"]
        return cls(kind, change.get("selector", ""), change["value"], change.get("link", ""))


@dataclass(slots=True)
class VariantRow:
    """A variant as it is typed."""

    id: str = ""
    name: str = ""
    weight: str = "1"
    changes: list[ChangeRow] = field(default_factory=list)
    is_gone: bool = False
    problems: list[str] = field(default_factory=list)

    def wanted(self) -> dict[str, Any]:
        """As `personalisation.wanted` reads it."""
        told: dict[str, Any] = {
            "name": self.name, "weight": self.weight, "changes": [row.wanted() for row in self.changes if row.is_used],
        }  # fmt: skip
        return told | ({"id": self.id} if self.id else {})


@dataclass(slots=True)
class ExperienceForm:
    """All of it. ``values``: texts by the names of the fields; ``problems``: those of the whole."""

    values: dict[str, str]
    is_on: bool
    variants: list[VariantRow]
    problems: list[str] = field(default_factory=list)
    bad: set[str] = field(default_factory=set)
    # When what is edited was changed last, as the form was first shown: sent along.
    seen: str = ""

    def wanted(self) -> ExperienceWanted | None:
        """What is wanted; None where something is wrong, which is noted where it is."""
        kept = [each for each in self.variants if not each.is_gone]
        told: dict[str, Any] = {
            **{name: self.values[name] for name in _PLAIN},
            "site": self.values["site"] or None,
            "collection": self.values["collection"] or None,
            "pages": _lines(self.values["pages"]),
            "control_percent": self.values["control_percent"] or 0,
            "is_on": self.is_on,
            "variants": [each.wanted() for each in kept],
        }
        for name in ("starts_at", "ends_at"):
            told[name] = self._moment(name)
        try:
            wanted = ExperienceWanted.model_validate(told)
        except ValidationError as error:
            for fault in error.errors(include_url=False):
                self._place(list(fault["loc"]), _worded(fault), kept)
            return None
        return None if self.problems else wanted

    @property
    def seen_at(self) -> datetime:
        """``seen``; a time at which nothing was changed where the form doesn't say."""
        try:
            return datetime.fromisoformat(self.seen)
        except ValueError:
            return datetime.min.replace(tzinfo=UTC)

    def _moment(self, name: str) -> datetime | None:
        text = self.values[name]
        if not text:
            return None
        try:
            return timezone.make_aware(datetime.fromisoformat(text))
        except ValueError:
            self._note(name, f"“{text}” is no day and time")
            return None

    def _note(self, name: str, said: str) -> None:
        self.bad.add(name)
        self.problems.append(f"{_LABELS.get(name, name)}: {said}")

    def _place(self, where: list[int | str], said: str, kept: list[VariantRow]) -> None:
        """Notes a problem at its variant or change, and among those of the whole."""
        if where[:1] != ["variants"] or len(where) < 2:
            if where:
                self._note(str(where[0]), said)
            else:
                self.problems.append(said[:1].upper() + said[1:])
            return
        variant = kept[int(where[1])]
        label = _LABELS.get(str(where[-1]), "")
        said = f"{label}: {said}" if label else said
        row: VariantRow | ChangeRow = variant
        if len(where) > 3 and where[2] == "changes":
            row = [each for each in variant.changes if each.is_used][int(where[3])]
        row.problems.append(said)
        self.problems.append(f"Variant {variant.name or int(where[1]) + 1}: {said}")


def _worded(fault: Any) -> str:
    known = _SAYS.get(fault["type"])
    return known or str(fault["msg"]).removeprefix("Value error, ").rstrip(".") + "."


def of_experience(told: dict[str, Any] | None, local: Callable[[datetime], str]) -> ExperienceForm:
    """The form of an experience that is stored (`managing.wanted_of`), or of a new one.

    ``local``: a time in the viewer's zone, as browsers' fields have it.
    """
    if told is None:
        fresh = {"known": "anybody", "visit": "any", "control_percent": "10"}
        values = dict.fromkeys(_names(), "") | fresh
        return ExperienceForm(values, False, [VariantRow(name="A", changes=[ChangeRow()])])
    values = {name: "" if told[name] is None else str(told[name]) for name in (*_PLAIN, "control_percent")}
    values |= {"known": told["known"], "visit": told["visit"]}
    values["pages"] = "\n".join(told["pages"])
    values |= {name: local(told[name]) if told[name] else "" for name in ("starts_at", "ends_at")}
    variants = [
        VariantRow(str(each["id"]), each["name"], str(each["weight"]), [ChangeRow.of(one) for one in each["changes"]])
        for each in told["variants"]
    ]
    return ExperienceForm(values, told["is_on"], variants)


def of_post(post: QueryDict) -> ExperienceForm:
    """The form as it was sent; with ``do`` a row more."""
    variants: list[VariantRow] = []
    while (name := post.get(f"v{len(variants)}-name")) is not None:
        key = f"v{len(variants)}"
        rows: list[ChangeRow] = []
        while (kind := post.get(f"{key}-c{len(rows)}-kind")) is not None:
            at = f"{key}-c{len(rows)}"
            selector, value, link = (_text(post, f"{at}-{each}") for each in ("selector", "value", "link"))
            rows.append(ChangeRow(kind, selector, value, link))
        made = VariantRow(_text(post, f"{key}-id"), name.strip(), _text(post, f"{key}-weight"), rows)
        made.is_gone = bool(post.get(f"{key}-gone"))
        variants.append(made)
    form = ExperienceForm({name: _text(post, name) for name in _names()}, bool(post.get("is_on")), variants)
    form.seen = _text(post, "seen")
    act, _, which = post.get("do", "").partition("-")
    if act == "variant":
        names = (chr(ord("A") + place) for place in range(26))
        free = next((each for each in names if each not in {one.name for one in variants}), "")
        variants.append(VariantRow(name=free, changes=[ChangeRow()]))
    elif act == "change" and which.isdigit() and int(which) < len(variants):
        variants[int(which)].changes.append(ChangeRow())
    return form


def _names() -> tuple[str, ...]:
    return (*_PLAIN, "pages", "control_percent", "starts_at", "ends_at")


def _text(post: QueryDict, name: str) -> str:
    return post.get(name, "").replace("\x00", "").strip()


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def choices() -> dict[str, Any]:
    """What there is to choose from, for the template."""
    return {"kinds": KINDS, "known": Experience.Known.choices, "visits": Experience.Visit.choices}
