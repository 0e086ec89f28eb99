"""The catalogue of local fields: what can be mapped, shown, sorted and filtered."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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

    ``is_derived``: it follows from another field where that is kept, and nobody edits it here.
    """

    name: str
    label: str
    type: FieldType
    is_derived: bool = False


FIELDS: dict[str, tuple[LocalField, ...]] = {
    "account": (
        LocalField("name", "Name", FieldType.TEXT),
        LocalField("website", "Website", FieldType.URL),
        LocalField("industry", "Industry", FieldType.PICKLIST),
        LocalField("employee_count", "Employees", FieldType.INTEGER),
        LocalField("revenue", "Annual revenue", FieldType.NUMBER),
        LocalField("country", "Country", FieldType.TEXT),
        LocalField("city", "City", FieldType.TEXT),
    ),
    "contact": (
        LocalField("first_name", "First name", FieldType.TEXT),
        LocalField("last_name", "Last name", FieldType.TEXT),
        LocalField("work_email", "Work e-mail", FieldType.EMAIL),
        LocalField("job_title", "Job title", FieldType.TEXT),
        LocalField("phone", "Phone", FieldType.PHONE),
        LocalField("company", "Company", FieldType.TEXT),
    ),
    "opportunity": (
        LocalField("name", "Name", FieldType.TEXT),
        LocalField("amount", "Amount", FieldType.NUMBER),
        LocalField("stage", "Stage", FieldType.PICKLIST),
        LocalField("close_date", "Close date", FieldType.DATE),
        LocalField("is_closed", "Closed", FieldType.BOOLEAN, is_derived=True),
        LocalField("is_won", "Won", FieldType.BOOLEAN, is_derived=True),
    ),
    "opportunity_contact": (
        LocalField("role", "Role", FieldType.PICKLIST),
        LocalField("is_primary", "Primary", FieldType.BOOLEAN),
    ),
    "owner": (
        LocalField("name", "Name", FieldType.TEXT),
        LocalField("email", "E-mail", FieldType.EMAIL),
        LocalField("is_active", "Active", FieldType.BOOLEAN),
    ),
}


def field(record: str, name: str) -> LocalField:
    """The field of that name. Raises KeyError naming both."""
    for candidate in FIELDS[record]:
        if candidate.name == name:
            return candidate
    raise KeyError(f"{record} has no field {name}")
