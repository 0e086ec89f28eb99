"""What one push may write, and how Salesforce would store it: the mappings held against the org's describe."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from abmatic.audiences.fields import FieldType, LocalField, field
from abmatic.salesforce import Describe, Field
from abmatic.sync.models import Mode, ObjectSetting
from abmatic.sync.objects import SObject

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
    makes_contacts = (
        spec.name == "Lead"
        and ObjectSetting.objects.filter(
            connection=setting.connection_id, sobject="Contact", create_in_salesforce=True
        ).exists()
    )
    fields: list[PushedField] = []
    unwritable: list[Unwritable] = []
    for mapping in setting.mappings.all():
        if mapping.to_salesforce == Mode.NONE:
            continue
        target = described.fields.get(mapping.sf_field)
        local = field(spec.local, mapping.local_field)
        reason = _why_not(spec, mapping.sf_field, target, local)
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
        create=setting.create_in_salesforce and described.createable,
        update=setting.update_in_salesforce and described.updateable,
        policy=setting.policy,
        condition=setting.push_filter,
        required=tuple(f.name for f in described.fields.values() if f.required_on_create and f.name != "OwnerId"),
        parent=parent,
        yields_to_contact=makes_contacts,
        unwritable=tuple(unwritable),
        settings=allowed(setting),
    )


def _why_not(spec: SObject, name: str, target: Field | None, local: LocalField) -> str:
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
        [m.sf_field, m.local_field, m.to_abmatic, m.to_salesforce, m.clear_with_empty, m.broken]
        for m in setting.mappings.all()
    ]
    said = [
        setting.create_in_salesforce, setting.update_in_salesforce, setting.policy, setting.push_filter, mappings,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]
