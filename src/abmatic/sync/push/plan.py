"""What one push may write, and how Salesforce would store it: the mappings held against the org's describe."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Protocol

from abmatic.audiences.fields import FieldType, LocalField, field
from abmatic.salesforce import Describe
from abmatic.sync.models import Mode, ObjectSetting
from abmatic.sync.objects import SObject

NewPeople = ObjectSetting.NewPeople

# Which types of Salesforce's a value of ours can be written to and read back from, without a text that is no such value
# ever standing there unseen.
_TEXTS = frozenset({"string", "textarea", "picklist", "combobox", "email", "phone", "url", "multipicklist"})
_NUMBERS = frozenset({"int", "double", "currency", "percent", "long"})
_SUITED: dict[FieldType, frozenset[str]] = {
    FieldType.INTEGER: _NUMBERS,
    FieldType.NUMBER: _NUMBERS,
    FieldType.DATE: frozenset({"date"}),
    FieldType.DATETIME: frozenset({"datetime"}),
    FieldType.BOOLEAN: frozenset({"boolean"}),
}


@dataclass(frozen=True, slots=True)
class PushedField:
    """One mapped field that may be written to Salesforce.

    ``scale``: the decimals that Salesforce keeps, of numbers. ``allowed``: the values of a restricted picklist.
    """

    sf_field: str
    local: LocalField
    to_abmatic: Mode
    to_salesforce: Mode
    clear_with_empty: bool
    type: str
    length: int
    scale: int
    createable: bool
    updateable: bool
    can_be_cleared: bool
    allowed: tuple[str, ...] | None

    @property
    def column(self) -> str:
        """The column of the local table."""
        return self.local.name


@dataclass(frozen=True, slots=True)
class Unwritable:
    """A mapping that is meant to be written and can't be."""

    sf_field: str
    reason: str


@dataclass(frozen=True, slots=True)
class PushPlan:
    """Everything the statements of a push are generated from.

    ``required`` are the fields without which Salesforce refuses a new record. ``parent`` is the reference that a new
    record gets to the account it belongs to: (Salesforce field, local column).
    """

    spec: SObject
    fields: tuple[PushedField, ...]
    create: bool
    update: bool
    policy: str
    condition: dict[str, Any]
    required: tuple[str, ...]
    parent: tuple[str, str] | None
    yields_to_contact: bool
    unwritable: tuple[Unwritable, ...]
    settings: str


_PARENTS = {"Contact": ("AccountId", "account_id"), "Opportunity": ("AccountId", "account_id")}


def make(spec: SObject, setting: ObjectSetting, described: Describe) -> PushPlan:
    """The plan for an object, from its settings and what the connected user may write."""
    new_people = _new_people(setting)
    makes_contacts = (
        spec.name == "Lead"
        and new_people == NewPeople.ACCOUNT
        and ObjectSetting.objects.filter(
            connection=setting.connection_id, sobject="Contact", create_in_salesforce=True
        ).exists()
    )
    unwanted = {"Lead": NewPeople.CONTACT, "Contact": NewPeople.LEAD}
    fields: list[PushedField] = []
    unwritable: list[Unwritable] = []
    for mapping in setting.mappings.all():
        if mapping.to_salesforce == Mode.NONE:
            continue
        target = described.fields.get(mapping.sf_field)
        local = field(spec.local, mapping.local_field)
        reason = mapping.broken or why_not_written(spec, mapping.sf_field, target, local)
        if reason or target is None:
            unwritable.append(Unwritable(mapping.sf_field, reason))
            continue
        fields.append(
            PushedField(
                mapping.sf_field, local, Mode(mapping.to_abmatic), Mode(mapping.to_salesforce),
                mapping.clear_with_empty, target.type, target.length, target.scale, target.createable,
                target.updateable, target.nillable,
                tuple(v.value for v in target.picklist_values if v.active) if target.restricted_picklist else None,
            )
        )  # fmt: skip
    parent = _PARENTS.get(spec.name)
    if parent and not ((found := described.fields.get(parent[0])) and found.createable):
        parent = None
    return PushPlan(
        spec=spec,
        fields=tuple(fields),
        create=setting.create_in_salesforce and described.createable and unwanted.get(spec.name) != new_people,
        update=setting.update_in_salesforce and described.updateable,
        policy=setting.policy,
        condition=setting.push_filter,
        required=tuple(f.name for f in described.fields.values() if f.required_on_create and f.name != "OwnerId"),
        parent=parent,
        yields_to_contact=makes_contacts,
        unwritable=tuple(unwritable),
        settings=allowed(setting),
    )


def _new_people(setting: ObjectSetting) -> str:
    """What people who are new to Salesforce become there: it is said with the leads, and counts for contacts too."""
    if setting.sobject not in {"Lead", "Contact"}:
        return ""
    lead = ObjectSetting.objects.filter(connection=setting.connection_id, sobject="Lead").first()
    return lead.new_people if lead is not None else NewPeople.ACCOUNT


class Writable(Protocol):
    """What has to be known of a Salesforce field to tell whether it can be written."""

    @property
    def type(self) -> str: ...
    @property
    def scale(self) -> int: ...
    @property
    def createable(self) -> bool: ...
    @property
    def updateable(self) -> bool: ...


def why_not_written(spec: SObject, name: str, target: Writable | None, local: LocalField) -> str:
    """Why a mapping's field can't be written to Salesforce; empty where it can."""
    if target is None:
        return f"{spec.name} has no field {name} that the connected user may see."
    if not target.createable and not target.updateable:
        return f"The connected user may not write {name} of {spec.name}."
    # A fraction that the mirror can't hold as a whole number would look like an empty field, and be written over.
    if local.type is FieldType.INTEGER and target.type not in {"int", "long"} and target.scale:
        return f"{name} has decimals, and {local.label} is a whole number."
    if target.type not in _SUITED.get(local.type, _TEXTS):
        return f"{name} is a field of type {target.type}, and {local.label} is {local.type.value}."
    return ""


def allowed(setting: ObjectSetting) -> str:
    """A digest of all that decides what is written: where it differs, every record is compared again."""
    mappings = [
        [m.sf_field, m.local_field, m.to_abmatic, m.to_salesforce, m.clear_with_empty, m.broken, m.unwritable]
        for m in setting.mappings.all()
    ]
    said = [
        setting.create_in_salesforce, setting.update_in_salesforce, setting.policy, setting.push_filter, mappings,
    ]  # fmt: skip
    if (new_people := _new_people(setting)) not in {"", NewPeople.ACCOUNT}:
        said.append(str(new_people))
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]
