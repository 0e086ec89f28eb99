"""What will become of a value that somebody gives a field here, told before it is saved.

The merge rules (SYNC.md section 4) are carried out by the statements of pull and push; here they are only foretold, for
one record and one field: whether Salesforce's value will come back, whether this one goes to Salesforce and when, or
why it stays. What Salesforce would refuse is told from the describe that is kept, and never asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from datetime import datetime
from typing import Any, Literal

from django.utils import timezone

from abmatic.audiences.conditions import ConditionRefused
from abmatic.audiences.fields import LocalField, field
from abmatic.audiences.selection import Selection
from abmatic.sync import automatic, org_fields
from abmatic.sync.links import MIRRORS
from abmatic.sync.models import Connection, FieldMapping, Mode, ObjectSetting, Role
from abmatic.sync.models.mirrors import Mirror
from abmatic.sync.objects import OBJECTS, SObject
from abmatic.sync.org_fields import OrgField

_TEXTS = frozenset({"string", "textarea", "email", "phone", "url", "picklist", "combobox"})


@dataclass(frozen=True, slots=True)
class Outlook:
    """What becomes of the value: it "returns" to Salesforce's, is "pushed", or "stays". ``at``: by when, if known."""

    course: Literal["returns", "pushed", "stays"]
    text: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """One object of one connection that a record is linked to, or would be created as (``mirror`` is None)."""

    setting: ObjectSetting
    spec: SObject
    mirror: Mirror | None
    mapping: FieldMapping | None
    # What was asked of the object and the record already, whichever the field.
    asked: dict[str, Any] = dataclass_field(default_factory=dict, compare=False, repr=False)

    @property
    def place(self) -> str:
        return f"{self.spec.name}.{self.mapping.sf_field}" if self.mapping else self.spec.name

    @property
    def theirs(self) -> Any:
        """What Salesforce has in the field, as last seen; None is empty."""
        return self.mirror.values.get(self.mapping.sf_field) if self.mirror and self.mapping else None


def outlook(record: str, record_id: int, name: str) -> list[Outlook]:
    """What becomes of a value of this field, for each org that has the record or would get it."""
    sides = _sides(record, record_id, name)
    several = len({side.setting.connection_id for side in sides}) > 1
    told = [(side, _told(side, record_id)) for side in sides]
    if not told:
        return [Outlook("stays", "No connected Salesforce org has this record: the value stays in Abmatic.")]
    return [
        Outlook(each.course, f"{side.setting.connection}: {each.text}", each.at) if several else each
        for side, each in told
    ]


def outlook_of_many(record: str, name: str) -> list[Outlook]:
    """What becomes of a value that many records are given, whichever of them each org has."""
    sides = _sides(record, None, name, every=True)
    several = len({side.setting.connection_id for side in sides}) > 1
    told: list[Outlook] = []
    for side in sides:
        each = _told_of_many(side)
        where = f"{side.setting.connection}, {side.spec.label_plural}" if several else side.spec.label_plural
        if each is not None:
            told.append(Outlook(each.course, f"{where}: {each.text}", each.at))
    return told or [Outlook("stays", "The field is mapped to no Salesforce field: the value stays in Abmatic.")]


def _told_of_many(side: Side) -> Outlook | None:
    mapping, setting = side.mapping, side.setting
    if mapping is None or mapping.broken:
        return None
    reads = mapping.to_abmatic == Mode.OVERWRITE and mapping.to_salesforce != Mode.OVERWRITE
    if reads and setting.update_in_abmatic:
        return Outlook(
            "returns",
            f"Salesforce leads here (Overwrite to Abmatic): where {side.place} has a value, the next sync brings it "
            "back.",
        )
    if mapping.to_salesforce == Mode.NONE or not setting.is_pushed or mapping.unwritable:
        return Outlook("stays", f"{side.place} is not written to: the value stays in Abmatic.")
    when, at = _when(setting, side.spec)
    only = "empty fields are filled" if mapping.to_salesforce == Mode.FILL else "it goes to Salesforce"
    return Outlook("pushed", f"{only} ({side.place}), where the push filter lets the record through, {when}", at)


def objections(record: str, record_id: int | None, name: str, value: str | None, *, every: bool = False) -> list[str]:
    """Why Salesforce would refuse the value (as `abmatic.audiences.inputs` gives it), where it would be written.

    ``every``: in any org, of a value that many records are given.
    """
    found: list[str] = []
    for side in _sides(record, record_id, name, every=every):
        theirs = _described(side)
        if theirs is not None and side.mapping is not None and side.mapping.to_salesforce != Mode.NONE:
            found += _objection(side, theirs, field(record, name), value)
    return list(dict.fromkeys(found))


def suggestions(record: str, record_id: int | None, name: str, *, every: bool = False) -> list[str]:
    """The values that Salesforce's picklist offers for the field, where that is known."""
    for side in _sides(record, record_id, name, every=every):
        theirs = _described(side)
        if theirs is not None and theirs.values:
            return list(theirs.values)
    return []


@dataclass(frozen=True, slots=True)
class Hint:
    """What is known of a field before a record is made: the picklist's values, and whether Salesforce needs it."""

    values: tuple[str, ...]
    is_required: bool


def hints(record: str) -> dict[str, Hint]:
    """By local field, what orgs in which such records may be created say of it."""
    sides = _sides(record, None, "")
    mappings = FieldMapping.objects.filter(setting__in=[side.setting.pk for side in sides], broken="")
    offers = {side.setting.pk: org_fields.known(side.setting.connection, side.spec) for side in sides}
    found: dict[str, Hint] = {}
    for mapping in mappings.exclude(to_salesforce=Mode.NONE).order_by("id"):
        offer = offers[mapping.setting_id]
        theirs = offer.fields.get(mapping.sf_field) if offer else None
        # Whoever has no company gets the account's name in a lead (see docs/sync.md).
        if theirs is not None and (theirs.values or (theirs.required and mapping.local_field != "company")):
            found.setdefault(mapping.local_field, Hint(theirs.values, theirs.required))
    return found


def creation(record: str, record_id: int) -> list[Outlook]:
    """What becomes of a record that was made here: where and when it is created in Salesforce, and what it lacks."""
    sides = _sides(record, record_id, "")
    if not sides:
        return [Outlook("stays", "It stays in Abmatic: “Create in Salesforce” is off.")]
    told: dict[str, Outlook] = {}
    for side in sides:
        if not _passes(side, record_id):
            each = Outlook("stays", f"The push filter of {side.spec.label_plural} keeps it out of Salesforce.")
        else:
            when, at = _when(side.setting, side.spec)
            kinds = " or ".join(
                one.spec.label.lower() for one in sides if one.setting.connection_id == side.setting.connection_id
            )
            each = Outlook("pushed", f"It is created in {side.setting.connection} as {_article(kinds)}, {when}", at)
        # A person becomes a contact or a lead, not both: told once for each org.
        told.setdefault(str(side.setting.connection_id), each)
    return list(told.values())


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def linked_fields(record: str, record_id: int) -> list[tuple[Side, FieldMapping]]:
    """Each mapped field of each live record that the local one exchanges values with."""
    sides = {
        side.setting.pk: side for side in _sides(record, record_id, "")
        if side.mirror is not None and not side.mirror.is_deleted
    }  # fmt: skip
    mappings = FieldMapping.objects.filter(setting__in=list(sides), broken="").order_by("position", "id")
    return [(replace(sides[mapping.setting_id], mapping=mapping), mapping) for mapping in mappings]


def course(side: Side, record_id: int) -> Outlook:
    """What becomes of the value that the field has here now."""
    return _told(side, record_id)


# -- which objects it is about


def _sides(record: str, record_id: int | None, name: str, *, every: bool = False) -> list[Side]:
    settings: dict[tuple[int, str], ObjectSetting] = {
        (setting.connection_id, setting.sobject): setting
        for setting in ObjectSetting.objects.filter(sobject__in=[sobject for sobject, _ in MIRRORS[record]])
        .exclude(connection__status=Connection.Status.INACTIVE)
        .select_related("connection")
        .order_by("connection_id", "id")
    }
    mappings = {
        mapping.setting_id: mapping for mapping in FieldMapping.objects.filter(
            local_field=name, setting__in=[setting.pk for setting in settings.values()]
        )
    }  # fmt: skip
    linked = _linked(record, record_id)
    there = {connection for connection, _ in linked}
    sides = []
    for (connection, sobject), setting in settings.items():
        mirror = linked.get((connection, sobject))
        # A person who is a contact is no lead's business any more; who is there already isn't created again.
        if (mirror is None and connection in there) or (sobject == "Lead" and (connection, "Contact") in linked):
            continue
        if mirror is None and not setting.create_in_salesforce and not every:
            continue
        sides.append(Side(setting, OBJECTS[sobject], mirror, mappings.get(setting.pk)))
    return sides


def _linked(record: str, record_id: int | None) -> dict[tuple[int, str], Mirror]:
    """By connection and object, the record that gives and takes values: the primary, one that is alive first."""
    found: dict[tuple[int, str], Mirror] = {}
    for sobject, model in MIRRORS[record] if record_id is not None else ():
        primaries = model._default_manager.filter(local_id=record_id, role=Role.PRIMARY)
        for mirror in primaries.order_by("connection_id", "is_deleted", "sf_id"):
            found.setdefault((mirror.connection_id, sobject), mirror)
    return found


# -- what becomes of it


def _told(side: Side, record_id: int) -> Outlook:
    mapping, setting = side.mapping, side.setting
    if mapping is None:
        return Outlook("stays", "The field is not mapped: the value stays in Abmatic.")
    if side.mirror is not None and side.mirror.is_deleted:
        return Outlook("stays", "The record is deleted in Salesforce: the value stays in Abmatic.")
    if mapping.broken:
        return Outlook("stays", f"The mapping to {side.place} is broken: the value stays in Abmatic.")
    if side.mirror is not None and _leads(side):
        theirs = f", “{_short(side.theirs)}”" if side.theirs is not None else ""
        return Outlook(
            "returns",
            f"Salesforce leads here (Overwrite to Abmatic): the next sync of {side.spec.label_plural} brings its value "
            f"back{theirs}.",
        )
    return _pushed(side, mapping, setting, record_id)


def _leads(side: Side) -> bool:
    """Whether Salesforce's value overwrites ours. An empty one of a field that is filled from here doesn't."""
    mapping = side.mapping
    assert mapping is not None
    if mapping.to_abmatic != Mode.OVERWRITE or mapping.to_salesforce == Mode.OVERWRITE:
        return False
    return side.setting.update_in_abmatic and (side.theirs is not None or mapping.clear_with_empty)


def _pushed(side: Side, mapping: FieldMapping, setting: ObjectSetting, record_id: int) -> Outlook:
    if mapping.to_salesforce == Mode.NONE:
        return Outlook("stays", f"{side.place} is not written to: the value stays in Abmatic.")
    if side.mirror is not None and not setting.update_in_salesforce:
        return Outlook(
            "stays", f"“Update in Salesforce” of {side.spec.label_plural} is off: the value stays in Abmatic."
        )
    if mapping.unwritable:
        return Outlook("stays", f"It can’t be written to {side.place}: {mapping.unwritable}")
    if mapping.to_salesforce == Mode.FILL and side.theirs is not None:
        return Outlook(
            "stays", f"Only an empty {side.place} is filled, and Salesforce has “{_short(side.theirs)}”: the value "
            "stays in Abmatic.",
        )  # fmt: skip
    if not _passes(side, record_id):
        return Outlook("stays", "As it is, the push filter keeps this record out: the value stays in Abmatic.")
    new = "" if side.mirror is not None else " together with the record, which is created there"
    if "when" not in side.asked:
        side.asked["when"] = _when(setting, side.spec)
    when, at = side.asked["when"]
    return Outlook("pushed", f"Goes to Salesforce ({side.place}){new}, {when}", at)


def _when(setting: ObjectSetting, spec: SObject) -> tuple[str, datetime | None]:
    if setting.auto_push and setting.cursor is not None:
        return "within seconds.", None
    at = automatic.next_run_at(setting, timezone.now())
    if at is None:
        return f"when somebody starts a sync of {spec.label_plural}.", None
    return f"with the next sync of {spec.label_plural}:", at


def _passes(side: Side, record_id: int) -> bool:
    if not side.setting.push_filter:
        return True
    if "passes" not in side.asked:
        try:
            chosen = Selection(side.spec.local, side.setting.push_filter, ids=(record_id,))
            side.asked["passes"] = chosen.count() > 0
        except ConditionRefused:
            side.asked["passes"] = False
    return bool(side.asked["passes"])


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


# -- what Salesforce would refuse


def _described(side: Side) -> OrgField | None:
    if side.mapping is None:
        return None
    offer = org_fields.known(side.setting.connection, side.spec)
    return offer.fields.get(side.mapping.sf_field) if offer else None


def _objection(side: Side, theirs: OrgField, local: LocalField, value: str | None) -> Sequence[str]:
    if value is None:
        if theirs.required and side.mapping is not None and side.mapping.to_salesforce == Mode.OVERWRITE:
            return [f"Salesforce requires a value in {side.place}: it would refuse an empty one."]
        return []
    if theirs.restricted and value.casefold() not in {each.casefold() for each in theirs.values}:
        return [f"“{_short(value)}” is not in the picklist of {side.place}: Salesforce would refuse it."]
    if theirs.type in _TEXTS and theirs.length and len(value) > theirs.length:
        much = f"{side.place} takes {theirs.length:,} characters, and this has {len(value):,}"
        return [f"{much}: Salesforce would refuse it."]
    return []
