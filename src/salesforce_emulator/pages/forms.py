"""The form of a record: its inputs in their sections, saving it, and what Salesforce says against it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from werkzeug.datastructures import MultiDict

from salesforce_emulator.pages import inputs, layout
from salesforce_emulator.pages.acting import schema
from salesforce_emulator.pages.inputs import Input
from salesforce_emulator.pages.records import Record
from salesforce_emulator.schema import Field, SObject
from salesforce_emulator.store import OrgStore, RecordError

_MISSING = "Complete this field."


@dataclass
class Problems:
    """What is wrong with a form: at its fields, and altogether."""

    by_field: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    general: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.by_field or self.general)

    def refused(self, error: RecordError, shown: set[str]) -> None:
        """Put a refusal where its fields are, and what else was refused with it."""
        for further in error.further:
            self.refused(further, shown)
        here = [name for name in error.fields if name in shown]
        for name in here:
            self.by_field[name].append(_MISSING if error.code == "REQUIRED_FIELD_MISSING" else error.message)
        if not here or len(here) < len(error.fields):
            self.general.append(error.message)


@dataclass(frozen=True)
class FormSection:
    """A section with its inputs."""

    title: str
    inputs: list[Input]
    open: bool


class Form:
    """A record's form: a new one's where ``record`` is None.

    :param typed: what was sent, or for a new record what its address asks for.
    """

    def __init__(
        self, store: OrgStore, sobject: SObject, record: Record | None, typed: MultiDict[str, str], user_id: str
    ) -> None:
        self.store, self.sobject, self.record, self.typed = store, sobject, record, typed
        self.problems = Problems()
        self._user_id = user_id
        self._sections = layout.form_sections(schema(), sobject, creating=record is None)

    @property
    def fields(self) -> list[Field]:
        return [f for s in self._sections for f in s.fields]

    def changes(self) -> dict[str, object]:
        """What was sent and differs from the record. What names no record becomes a problem."""
        found: dict[str, object] = {}
        for each in self.fields:
            try:
                differs, value = inputs.sent(self.store, each, self.typed, self.record)
            except inputs.NotFound as unknown:
                self.problems.by_field[each.name].append(str(unknown))
                continue
            if differs:
                found[each.name] = value
        return found

    def save(self) -> str | None:
        """Write what was sent, as the user: the record's id, or None where Salesforce refuses it."""
        changes = self.changes()
        if self.problems:
            return None
        try:
            with self.store.session(self._user_id, from_csv=True) as session:
                if self.record is None:
                    given = {name: value for name, value in changes.items() if value not in (None, False)}
                    off = self._switched_off()
                    return session.insert(self.sobject.name, {**given, **off})
                if changes:
                    session.update(self.sobject.name, self.record.id, changes)
                return self.record.id
        except RecordError as refused:
            self.problems.refused(refused, {f.name for f in self.fields})
            return None

    def _switched_off(self) -> dict[str, object]:
        """Boxes that are ticked in a new record unless somebody unticks them."""
        boxes = [f for f in self.fields if f.type == "boolean" and f.default is True]
        return {f.name: False for f in boxes if f.name not in self.typed}

    def sections(self, *, sent: bool) -> list[FormSection]:
        """The inputs to show: what was typed where the form was sent, the record or the defaults otherwise."""
        found = []
        for section in self._sections:
            made = [self._input(f, sent=sent) for f in section.fields]
            found.append(FormSection(section.title, made, section.open or any(i.errors for i in made)))
        return found

    def _input(self, each: Field, *, sent: bool) -> Input:
        text = self._text(each, sent=sent)
        kind = inputs.kind_of(each, text)
        name = ""
        if kind == "reference":
            name = self.typed.get(each.name + inputs.NAME, "") if sent else ""
            name = name or (inputs.label_of(self.store, text) if text else "")
        values: list[str] = []
        if kind == "select":
            campaign = self.record.value("CampaignId") if self.record else self.typed.get("CampaignId")
            values = inputs.options(self.store, self.sobject, each, campaign, text)
        elif kind == "many":
            values = list(dict.fromkeys([*each.picklist_values, *filter(None, text.split(";"))]))
        errors = tuple(self.problems.by_field.get(each.name, ()))
        return Input(each, kind, text, name, tuple((v, _value_label(each, v)) for v in values), errors)

    def _text(self, each: Field, *, sent: bool) -> str:
        if sent:
            if each.type == "multipicklist":
                return ";".join(v for v in self.typed.getlist(each.name) if v)
            return self.typed.get(each.name, "")
        if self.record is not None:
            value = self.record.value(each.name)
            return ("1" if value else "") if each.type == "boolean" else inputs.text_of(each, value)
        return self.typed.get(each.name) or self._default(each)

    def _default(self, each: Field) -> str:
        if each.name == "OwnerId":
            return self._user_id
        if each.type == "boolean":
            return "1" if each.default is True else ""
        chosen = next((p["value"] for p in each.describe["picklistValues"] if p.get("defaultValue")), None)
        # The org fills in the day or the moment itself.
        default = None if each.default in ("TODAY()", "NOW()") else each.default
        return inputs.text_of(each, chosen if default is None else default)


def _value_label(each: Field, value: str) -> str:
    return next((str(p["label"]) for p in each.describe["picklistValues"] if p["value"] == value), value) or value
