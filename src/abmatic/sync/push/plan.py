"""What one push may write, and how Salesforce would store it: the mappings held against the org's describe."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Protocol

from abmatic.audiences.fields import FieldType, LocalField, field
from abmatic.salesforce import Describe
from abmatic.sync.models import FieldMapping, Mode, ObjectSetting
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
    # The values are the labels of the statuses of the record's own campaign.
    by_campaign: bool = False

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
class Reference:
    """A reference of a new record to another one, and the mirror's column that keeps it.

    Without a column ("") it is told only once: what is known of a company that Salesforce doesn't have.
    """

    sf_field: str
    mirror_column: str
    # Salesforce locks that record while this one is written.
    is_locked: bool = False


@dataclass(frozen=True, slots=True)
class Picked:
    """What a push is limited to: the records of a `SelectedPush`, and what its person chose.

    ``new_people``: what people who are in Salesforce as neither become, instead of what the settings say; empty: that.
    ``past_filter``: whether the push filter is passed by. ``insists``: local fields that count as changed here, though
    an undo left the two sides different.
    """

    push: int
    new_people: str = ""
    past_filter: bool = False
    insists: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PushPlan:
    """Everything the statements of a push are generated from.

    ``required`` are the fields without which Salesforce refuses a new record. ``references`` are those that a new
    record gets; ``parent`` is the one whose record Salesforce locks, and by which writes are grouped.
    """

    spec: SObject
    fields: tuple[PushedField, ...]
    create: bool
    update: bool
    policy: str
    condition: dict[str, Any]
    required: tuple[str, ...]
    references: tuple[Reference, ...]
    parent: Reference | None
    yields_to_contact: bool
    unwritable: tuple[Unwritable, ...]
    settings: str
    # Of people: what those who are new to Salesforce become.
    new_people: str = ""
    # What the settings allow and the connected user may not do: "create", "update".
    denied: tuple[str, ...] = ()

    @property
    def denial(self) -> str:
        """What the connected user lacks, and what helps; empty where it lacks nothing."""
        if not self.denied:
            return ""
        rights = " and ".join({"create": "Create", "update": "Edit"}[name] for name in self.denied)
        return (
            f"The connected user may not {' or '.join(self.denied)} {self.spec.label_plural} in Salesforce: give its "
            f"permission set {rights} on the object. The sync after that makes up for it."
        )


_ACCOUNT = Reference("AccountId", "account_sf_id", is_locked=True)
# In `compare` stands where each comes from.
REFERENCES: dict[str, tuple[Reference, ...]] = {
    "Contact": (_ACCOUNT,),
    # The account that the lead is converted into has it, and is known by it as the one that is here.
    "Lead": (Reference("Website", ""),),
    "Opportunity": (_ACCOUNT, Reference("CampaignId", "campaign_sf_id")),
    "Campaign": (Reference("ParentId", "parent_sf_id"),),
    "CampaignMember": (
        Reference("CampaignId", "campaign_sf_id", is_locked=True),
        Reference("ContactId", "contact_sf_id"),
        Reference("LeadId", "lead_sf_id"),
    ),
}


def make(spec: SObject, setting: ObjectSetting, described: Describe, picked: Picked | None = None) -> PushPlan:
    """The plan for an object, from its settings, what the connected user may write, and what somebody chose."""
    new_people = (picked.new_people if picked else "") or new_people_of(setting)
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
    mappings = _mappings(spec, setting)
    for mapping in mappings:
        if mapping.to_salesforce == Mode.NONE:
            continue
        target = described.fields.get(mapping.sf_field)
        local = field(spec.local, mapping.local_field)
        reason = mapping.broken or why_not_written(spec, mapping.sf_field, target, local)
        if reason or target is None:
            unwritable.append(Unwritable(mapping.sf_field, reason))
            continue
        by_campaign = (spec.name, mapping.sf_field) == ("CampaignMember", "Status")
        is_restricted = target.restricted_picklist and not by_campaign
        fields.append(
            PushedField(
                mapping.sf_field, local, Mode(mapping.to_abmatic), Mode(mapping.to_salesforce),
                mapping.clear_with_empty, target.type, target.length, target.scale, target.createable,
                target.updateable, target.nillable and not by_campaign,
                tuple(v.value for v in target.picklist_values if v.active) if is_restricted else None, by_campaign,
            )
        )  # fmt: skip
    references = tuple(
        each
        for each in REFERENCES.get(spec.name, ())
        if (found := described.fields.get(each.sf_field))
        and found.createable
        # What a mapping is of is that mapping's business: with "Don't sync" nothing is written.
        and each.sf_field not in {one.sf_field for one in mappings}
    )
    return PushPlan(
        spec=spec,
        fields=tuple(fields),
        create=setting.create_in_salesforce and described.createable and unwanted.get(spec.name) != new_people,
        update=setting.update_in_salesforce and described.updateable,
        policy=setting.policy,
        condition={} if picked and picked.past_filter else setting.push_filter,
        required=tuple(f.name for f in described.fields.values() if f.required_on_create and f.name != "OwnerId"),
        references=references,
        parent=next((each for each in references if each.is_locked), None),
        yields_to_contact=makes_contacts,
        new_people=new_people,
        denied=tuple(
            name
            for name, is_wanted, may in (
                ("create", setting.create_in_salesforce, described.createable),
                ("update", setting.update_in_salesforce, described.updateable),
            )
            if is_wanted and not may
        ),
        unwritable=tuple(unwritable),
        settings=allowed(setting),
    )


def new_people_of(setting: ObjectSetting) -> str:
    """What people who are new to Salesforce become there: it is said with the leads, and counts for contacts too."""
    if setting.sobject not in {"Lead", "Contact"}:
        return ""
    lead = ObjectSetting.objects.filter(connection=setting.connection_id, sobject="Lead").first()
    return lead.new_people if lead is not None else NewPeople.ACCOUNT


def _mappings(spec: SObject, setting: ObjectSetting) -> list[FieldMapping]:
    """Those of the setting; of an object that rides along its own, which nobody can change."""
    if spec.rides_with is None:
        return list(setting.mappings.all())
    return [
        FieldMapping(sf_field=each.sf_field, local_field=each.local_field, to_salesforce=Mode.OVERWRITE)
        for each in spec.fixed
        if each.sf_field in spec.written
    ]


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
    if (new_people := new_people_of(setting)) not in {"", NewPeople.ACCOUNT}:
        said.append(str(new_people))
    if setting.compared.get("denied"):
        said.append(setting.compared["denied"])
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]
