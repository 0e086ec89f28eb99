"""Reports: the object, and what a tabular report is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from salesforce_emulator.schema.entries import JsonObject, audit, deleted, field, id_entry, name, object_entry, user

TYPES = {
    "Account": ("AccountList", "Accounts"),
    "Campaign": ("CampaignList", "Campaigns"),
    "Contact": ("ContactList", "Contacts & Accounts"),
    "Lead": ("LeadList", "Leads"),
    "Opportunity": ("Opportunity", "Opportunities"),
}
"""The report types by object: API name and label. Other objects have a custom report type of their own."""
SCOPES = ("organization", "user")


@dataclass(frozen=True)
class Report:
    """A tabular report of one object and its parents.

    Columns are named as in a custom report type: ``Account.Name``, ``Contact.Account.Industry``.  ``filters`` are as
    in reportMetadata: column, operator, value.
    """

    sobject: str
    name: str
    developer_name: str
    columns: tuple[str, ...]
    filters: tuple[Mapping[str, str], ...] = ()
    boolean_filter: str | None = None
    sort_by: tuple[Mapping[str, str], ...] = ()
    scope: str = "organization"
    description: str | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Report:
        """As a data file describes one.

        :raises ValueError: something is missing, unknown, or no scope.
        """
        missing = {"sobject", "name", "columns"} - set(data)
        unknown = set(data) - set(cls.__dataclass_fields__)
        if missing or unknown:
            raise ValueError(f"report {data.get('name')}: missing {sorted(missing)}, unknown {sorted(unknown)}")
        if data.get("scope", SCOPES[0]) not in SCOPES:
            raise ValueError(f"report {data['name']}: scope is one of {', '.join(SCOPES)}")
        made = {**data, "developer_name": data.get("developer_name", str(data["name"]).replace(" ", "_"))}
        for key in ("columns", "filters", "sort_by"):
            made[key] = tuple(made.get(key, ()))
        return cls(**made)

    def to_json(self) -> JsonObject:
        """What :meth:`from_json` reads."""
        return {key: getattr(self, key) for key in self.__dataclass_fields__}

    @property
    def type(self) -> JsonObject:
        api_name, label = TYPES.get(self.sobject, (f"CustomEntity${self.sobject}", self.sobject))
        return {"label": label, "type": api_name}


def report_describes() -> list[JsonObject]:
    """The describe result of Report, a new object on every call."""
    fields = [
        id_entry("Report ID"),
        user("OwnerId", "Owner ID", "Owner"),
        field("FolderName", "string", "n", label="Folder Name"),
        *audit(),
        deleted(),
        name("", label="Report Name", length=40),
        field("Description", "string", "n"),
        field("DeveloperName", "string", "n", label="Report Unique Name", length=80),
        field("NamespacePrefix", "string", "n", label="Namespace Prefix", length=15),
        field("LastRunDate", "datetime", "n", label="Last Run"),
        field("Format", "picklist", "n", length=40, values=("Tabular", "Summary", "Matrix", "MultiBlock")),
        field("LastViewedDate", "datetime", "n", label="Last Viewed Date"),
        field("LastReferencedDate", "datetime", "n", label="Last Referenced Date"),
    ]
    return [object_entry("Report", "00O", fields, writable=False)]
