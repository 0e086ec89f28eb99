"""List views: the object, and the views that every org begins with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from salesforce_emulator.schema.entries import JsonObject, audit, field, id_entry, name, object_entry

DEFAULT_ORDER = "Name ASC NULLS FIRST, Id ASC NULLS FIRST"


@dataclass(frozen=True)
class ListView:
    """What a list view shows: pieces of SOQL. ``scope`` is one of USING SCOPE's, or empty for everything."""

    sobject: str
    developer_name: str
    label: str
    columns: tuple[str, ...]
    where: str = ""
    order_by: str = DEFAULT_ORDER
    scope: str = ""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ListView:
        """As a data file describes one: sobject, name, columns, and label, where, order_by, scope where wanted.

        :raises ValueError: something is missing, or unknown.
        """
        missing = {"sobject", "name", "columns"} - set(data)
        unknown = set(data) - {"sobject", "name", "columns", "label", "where", "order_by", "scope"}
        if missing or unknown:
            raise ValueError(f"list view {data.get('name')}: missing {sorted(missing)}, unknown {sorted(unknown)}")
        return cls(
            str(data["sobject"]),
            str(data["name"]),
            str(data.get("label", str(data["name"]).replace("_", " "))),
            tuple(map(str, data["columns"])),
            str(data.get("where", "")),
            str(data.get("order_by", DEFAULT_ORDER)),
            str(data.get("scope", "")),
        )

    def to_json(self) -> JsonObject:
        """What :meth:`from_json` reads."""
        return {
            "sobject": self.sobject,
            "name": self.developer_name,
            "label": self.label,
            "columns": list(self.columns),
            "where": self.where,
            "order_by": self.order_by,
            "scope": self.scope,
        }

    @property
    def soql(self) -> str:
        return self.selecting(", ".join([*self.columns, *HIDDEN]))

    def selecting(self, fields: str) -> str:
        """The view's query with these fields."""
        scope = f" USING SCOPE {self.scope}" if self.scope else ""
        where = f" WHERE {self.where}" if self.where else ""
        return f"SELECT {fields} FROM {self.sobject}{scope}{where} ORDER BY {self.order_by}"


HIDDEN = ("Id", "CreatedDate", "LastModifiedDate", "SystemModstamp")
"""Columns that every view has beside those it shows."""
_COLUMNS = {
    "Account": ("Name", "BillingState", "Phone", "toLabel(Type)", "Owner.Alias"),
    "Campaign": (
        "Name",
        "toLabel(Type)",
        "toLabel(Status)",
        "StartDate",
        "EndDate",
        "Owner.Alias",
    ),
    "Contact": ("Name", "Account.Name", "Title", "Phone", "Email", "Owner.Alias"),
    "Lead": ("Name", "Title", "Company", "Phone", "Email", "toLabel(Status)", "Owner.Alias"),
    "Opportunity": ("Name", "Account.Name", "Amount", "CloseDate", "toLabel(StageName)", "Owner.Alias"),
}
# developer name, label, condition, scope
_NEW = (
    ("NewLastWeek", "New Last Week", "CreatedDate = LAST_WEEK", ""),
    ("NewThisWeek", "New This Week", "CreatedDate = THIS_WEEK", ""),
)
_VIEWS = {
    "Account": (("AllAccounts", "All Accounts", "", ""), ("MyAccounts", "My Accounts", "", "mine"), *_NEW),
    "Campaign": (
        ("AllActiveCampaigns", "All Active Campaigns", "IsActive = true", ""),
        ("MyActiveCampaigns", "My Active Campaigns", "IsActive = true", "mine"),
    ),
    "Contact": (
        ("AllContacts", "All Contacts", "", ""),
        ("MyContacts", "My Contacts", "", "mine"),
        *_NEW,
    ),
    "Lead": (
        ("AllOpenLeads", "All Open Leads", "IsConverted = false", ""),
        ("MyUnreadLeads", "My Unread Leads", "IsUnreadByOwner = true AND IsConverted = false", "mine"),
        ("TodaysLeads", "Today's Leads", "CreatedDate = TODAY AND IsConverted = false", ""),
    ),
    "Opportunity": (
        ("AllOpportunities", "All Opportunities", "", ""),
        ("ClosingNextMonth", "Closing Next Month", "CloseDate = NEXT_MONTH AND IsClosed = false", ""),
        ("ClosingThisMonth", "Closing This Month", "CloseDate = THIS_MONTH AND IsClosed = false", ""),
        ("MyOpportunities", "My Opportunities", "", "mine"),
        *_NEW,
        ("Won", "Won", "IsWon = true", ""),
    ),
}


def _recent(sobject: str) -> ListView:
    plural = "Opportunities" if sobject == "Opportunity" else f"{sobject}s"
    return ListView(
        sobject,
        f"RecentlyViewed{plural}",
        f"Recently Viewed {plural}",
        _COLUMNS[sobject],
        "LastViewedDate != null",
        "LastViewedDate DESC NULLS LAST, Id ASC NULLS FIRST",
    )


STANDARD_VIEWS = tuple(
    view
    for sobject, views in _VIEWS.items()
    for view in (
        *(ListView(sobject, n, label, _COLUMNS[sobject], where, scope=scope) for n, label, where, scope in views),
        _recent(sobject),
    )
)


def view_describes() -> list[JsonObject]:
    """The describe result of ListView, a new object on every call."""
    fields = [
        id_entry("List View ID"),
        name("", label="View Name", length=80),
        field("DeveloperName", "string", "n", label="API Name", length=80),
        field("NamespacePrefix", "string", "n", label="Namespace Prefix", length=15),
        field("SobjectType", "picklist", "n", label="Sobject Type", length=40, values=tuple(_VIEWS)),
        field("IsSoqlCompatible", "boolean", "d", label="Is Soql Compatible", default=True),
        *audit(),
        field("LastViewedDate", "datetime", "n", label="Last Viewed Date"),
        field("LastReferencedDate", "datetime", "n", label="Last Referenced Date"),
    ]
    return [object_entry("ListView", "00B", fields, label="List View", writable=False)]
