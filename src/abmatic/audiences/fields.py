"""The catalogue of local fields: what can be mapped, shown, sorted and filtered.

`FIELDS` are those that every installation has; `fields` adds the custom ones that were made in this one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from abmatic.audiences.models import CustomField


class FieldType(StrEnum):
    """The canonical types in which values are compared (SYNC.md section 4)."""

    TEXT = "text"
    URL = "url"
    EMAIL = "email"
    PHONE = "phone"
    PICKLIST = "picklist"
    INTEGER = "integer"
    NUMBER = "number"
    DATE = "date"
    DATETIME = "datetime"
    BOOLEAN = "boolean"


@dataclass(frozen=True, slots=True)
class LocalField:
    """A field of a local record, stored in the column of the same name.

    ``is_derived``: it follows from something else, and nobody edits it here: from another field where that is kept, or
    (``is_computed``) from what happened here, so that no CRM gives it a value either. ``is_custom``: it was
    made in this installation (see `abmatic.audiences.custom_fields`). ``is_required`` and ``least`` hold for what
    people and programs give it here (see `abmatic.audiences.inputs`): it can't be emptied, and no number below that is
    taken. A CRM may hold anything.
    """

    name: str
    label: str
    type: FieldType
    is_derived: bool = False
    is_custom: bool = False
    is_required: bool = False
    least: int | None = None
    is_computed: bool = False

    @property
    def why_fixed(self) -> str:
        """Why nobody edits it, as the end of a sentence; empty where people do."""
        if not self.is_derived:
            return ""
        return "is worked out from visits to your website" if self.is_computed else "follows from the CRM"


# What visits to the website say of a contact or an account.
ENGAGEMENT = tuple(
    LocalField(name, label, type_, is_derived=True, is_computed=True)
    for name, label, type_ in (
        ("engagement_score", "Engagement score", FieldType.INTEGER),
        ("engagement_temperature", "Engagement", FieldType.PICKLIST),
        ("last_visit_on", "Last visit", FieldType.DATE),
        ("first_channel", "First channel", FieldType.PICKLIST),
        ("first_campaign", "First campaign", FieldType.TEXT),
    )
)
COMPUTED = frozenset(each.name for each in ENGAGEMENT)

FIELDS: dict[str, tuple[LocalField, ...]] = {
    "account": (
        LocalField("name", "Name", FieldType.TEXT, is_required=True),
        LocalField("website", "Website", FieldType.URL),
        LocalField("industry", "Industry", FieldType.PICKLIST),
        LocalField("employee_count", "Employees", FieldType.INTEGER, least=0),
        LocalField("revenue", "Annual revenue", FieldType.NUMBER, least=0),
        LocalField("country", "Country", FieldType.TEXT),
        LocalField("city", "City", FieldType.TEXT),
        *ENGAGEMENT,
    ),
    "contact": (
        LocalField("first_name", "First name", FieldType.TEXT),
        LocalField("last_name", "Last name", FieldType.TEXT, is_required=True),
        LocalField("work_email", "Work e-mail", FieldType.EMAIL),
        LocalField("job_title", "Job title", FieldType.TEXT),
        LocalField("phone", "Phone", FieldType.PHONE),
        LocalField("company", "Company", FieldType.TEXT),
        *ENGAGEMENT,
    ),
    "opportunity": (
        LocalField("name", "Name", FieldType.TEXT, is_required=True),
        LocalField("amount", "Amount", FieldType.NUMBER),
        LocalField("stage", "Stage", FieldType.PICKLIST, is_required=True),
        LocalField("close_date", "Close date", FieldType.DATE, is_required=True),
        LocalField("is_closed", "Closed", FieldType.BOOLEAN, is_derived=True),
        LocalField("is_won", "Won", FieldType.BOOLEAN, is_derived=True),
        LocalField("currency", "Currency", FieldType.PICKLIST, is_derived=True),
    ),
    "opportunity_contact": (
        LocalField("role", "Role", FieldType.PICKLIST),
        LocalField("is_primary", "Primary", FieldType.BOOLEAN),
    ),
    "campaign": (
        LocalField("name", "Name", FieldType.TEXT, is_required=True),
        LocalField("type", "Type", FieldType.PICKLIST),
        LocalField("status", "Status", FieldType.PICKLIST),
        LocalField("is_active", "Active", FieldType.BOOLEAN),
        LocalField("start_date", "Start date", FieldType.DATE),
        LocalField("end_date", "End date", FieldType.DATE),
        LocalField("budgeted_cost", "Budgeted cost", FieldType.NUMBER),
        LocalField("actual_cost", "Actual cost", FieldType.NUMBER),
        LocalField("expected_revenue", "Expected revenue", FieldType.NUMBER),
        LocalField("currency", "Currency", FieldType.PICKLIST, is_derived=True),
    ),
    "campaign_member_status": (
        LocalField("label", "Label", FieldType.TEXT),
        LocalField("position", "Position", FieldType.INTEGER),
        LocalField("is_default", "Default", FieldType.BOOLEAN),
        LocalField("is_responded", "Responded", FieldType.BOOLEAN),
    ),
    "campaign_member": (
        LocalField("status", "Status", FieldType.PICKLIST),
        LocalField("has_responded", "Responded", FieldType.BOOLEAN, is_derived=True),
        LocalField("first_responded", "First responded", FieldType.DATE, is_derived=True),
    ),
    "owner": (
        LocalField("name", "Name", FieldType.TEXT),
        LocalField("email", "E-mail", FieldType.EMAIL),
        LocalField("is_active", "Active", FieldType.BOOLEAN),
    ),
}


def fields(record: str) -> tuple[LocalField, ...]:
    """The fields of such records, custom ones last, in the order in which they were made."""
    return (*FIELDS[record], *custom(record))


def custom(record: str) -> tuple[LocalField, ...]:
    """The custom fields of such records."""
    return tuple(map(_of, CustomField.objects.filter(record=record).order_by("id")))


def field(record: str, name: str) -> LocalField:
    """The field of that name. Raises KeyError naming both."""
    for candidate in FIELDS[record]:
        if candidate.name == name:
            return candidate
    # Asked each time: it may have been made a moment ago, by another process.
    made = CustomField.objects.filter(record=record, name=name).first() if _may_be_custom(name) else None
    if made is None:
        raise KeyError(f"{record} has no field {name}")
    return _of(made)


def _may_be_custom(name: object) -> bool:
    return isinstance(name, str) and name.startswith(CustomField.PREFIX) and "\x00" not in name


def _of(made: CustomField) -> LocalField:
    return LocalField(made.name, made.label, FieldType(made.type), is_custom=True)
