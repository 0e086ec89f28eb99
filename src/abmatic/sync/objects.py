"""The Salesforce objects that are synchronised, in the order in which they are pulled.

An object is data: its mirror, its local record, its key, its parents, its default mappings. The statements of `pull`
are generated from it, so an object more is a row more here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class SystemColumn:
    """A Salesforce field that the mirror keeps in a column of its own."""

    sf_field: str
    column: str
    type: Literal["id", "boolean", "date", "datetime"] = "id"
    # Absent from orgs or objects that don't have it; then the column stays empty.
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Key:
    """The primary key by which records are matched: a Salesforce field, and the SQL function that makes the key."""

    sf_field: str
    function: str
    local_field: str
    local_column: str


@dataclass(frozen=True, slots=True)
class Parent:
    """A reference to another object's record, kept as a reference between local records."""

    mirror_column: str
    parent_mirror: str
    local_column: str


@dataclass(frozen=True, slots=True)
class Default:
    """A default mapping of the setup guide."""

    sf_field: str
    local_field: str
    is_key: bool = False
    # Absent from orgs that don't need it; then it is left out.
    optional: bool = False


@dataclass(frozen=True, slots=True)
class SObject:
    """One object. ``local`` names the table of its local records."""

    name: str
    label: str
    label_plural: str
    mirror: str
    local: str
    system: tuple[SystemColumn, ...] = ()
    key: Key | None = None
    parents: tuple[Parent, ...] = ()
    defaults: tuple[Default, ...] = ()
    # Always pulled as they are, not editable: they describe the record rather than belong to anybody.
    fixed: tuple[Default, ...] = ()
    # No settings of its own; pulled with the object named.
    rides_with: str | None = None
    # Of the fixed fields those that are written to Salesforce as well, under the settings of the object it rides with.
    written: tuple[str, ...] = ()
    # Whether Salesforce removes its records for good, so that no query says so (see `pull.removals`).
    vanishes: bool = False

    @property
    def obeys_settings(self) -> bool:
        """Whether settings say what may be done with it; else it is kept as Salesforce has it."""
        return self.rides_with is None or bool(self.written)

    @property
    def collection(self) -> bool:
        """Whether the first import makes a "Salesforce Import" collection of it."""
        return self.local in {"account", "contact", "opportunity"}

    @property
    def has_history(self) -> bool:
        """Whether its local records say who made them, and every change of a field is kept."""
        return self.local in {"account", "contact", "opportunity", "campaign", "campaign_member"}

    @property
    def joins(self) -> bool:
        """Whether its local records exist only where the records that they join are here (see `pull.settle`)."""
        return self.local in {"opportunity_contact", "campaign_member_status", "campaign_member"}

    @property
    def has_tree(self) -> bool:
        """Whether its records have parents of their own kind, which may come in the same page."""
        return any(parent.parent_mirror == self.mirror for parent in self.parents)


_OWNER = SystemColumn("OwnerId", "owner_sf_id", optional=True)
_OWNED = Parent("owner_sf_id", "mirror_user", "owner_id")
_MASTER = SystemColumn("MasterRecordId", "master_id", optional=True)

OBJECTS: dict[str, SObject] = {
    spec.name: spec
    for spec in (
        SObject(
            "User", "User", "Users", mirror="mirror_user", local="owner", rides_with="Account",
            fixed=(Default("Name", "name"), Default("Email", "email"), Default("IsActive", "is_active")),
        ),
        SObject(
            "Account", "Account", "Accounts", mirror="mirror_account", local="account",
            system=(_OWNER, _MASTER, SystemColumn("ParentId", "parent_sf_id", optional=True)),
            key=Key("Website", "domain_of", "website", "domain"),
            parents=(_OWNED,),
            defaults=(
                Default("Name", "name"), Default("Website", "website", is_key=True), Default("Industry", "industry"),
                Default("NumberOfEmployees", "employee_count"), Default("AnnualRevenue", "revenue"),
                Default("BillingCountry", "country"), Default("BillingCity", "city"),
            ),
        ),
        SObject(
            "Contact", "Contact", "Contacts", mirror="mirror_contact", local="contact",
            system=(_OWNER, _MASTER, SystemColumn("AccountId", "account_sf_id")),
            key=Key("Email", "email_of", "work_email", "email_key"),
            parents=(_OWNED, Parent("account_sf_id", "mirror_account", "account_id")),
            defaults=(
                Default("Email", "work_email", is_key=True), Default("FirstName", "first_name"),
                Default("LastName", "last_name"), Default("Title", "job_title"), Default("Phone", "phone"),
            ),
        ),
        SObject(
            "Lead", "Lead", "Leads", mirror="mirror_lead", local="contact",
            system=(
                _OWNER, _MASTER, SystemColumn("IsConverted", "is_converted", "boolean"),
                SystemColumn("ConvertedDate", "converted_at", "date"),
                SystemColumn("ConvertedAccountId", "converted_account_id"),
                SystemColumn("ConvertedContactId", "converted_contact_id"),
                SystemColumn("ConvertedOpportunityId", "converted_opportunity_id"),
            ),
            key=Key("Email", "email_of", "work_email", "email_key"),
            parents=(_OWNED,),
            defaults=(
                Default("Email", "work_email", is_key=True), Default("FirstName", "first_name"),
                Default("LastName", "last_name"), Default("Title", "job_title"), Default("Phone", "phone"),
                # Not in the guide's table, but a lead has no account: nothing else says for whom the person works.
                Default("Company", "company"),
            ),
        ),
        SObject(
            "Campaign", "Campaign", "Campaigns", mirror="mirror_campaign", local="campaign",
            system=(_OWNER, SystemColumn("ParentId", "parent_sf_id", optional=True)),
            parents=(_OWNED, Parent("parent_sf_id", "mirror_campaign", "parent_id")),
            defaults=(
                Default("Name", "name"), Default("Type", "type"), Default("Status", "status"),
                Default("IsActive", "is_active"), Default("StartDate", "start_date"), Default("EndDate", "end_date"),
                Default("BudgetedCost", "budgeted_cost"), Default("ActualCost", "actual_cost"),
                Default("ExpectedRevenue", "expected_revenue"),
            ),
            # Only orgs with several currencies have it.
            fixed=(Default("CurrencyIsoCode", "currency", optional=True),),
        ),
        SObject(
            "CampaignMemberStatus", "Member status", "Member statuses", mirror="mirror_campaign_member_status",
            local="campaign_member_status", rides_with="Campaign",
            system=(SystemColumn("CampaignId", "campaign_sf_id"),),
            fixed=(
                Default("Label", "label"), Default("SortOrder", "position"), Default("IsDefault", "is_default"),
                Default("HasResponded", "is_responded"),
            ),
        ),
        SObject(
            "CampaignMember", "Campaign member", "Campaign members", mirror="mirror_campaign_member",
            local="campaign_member", rides_with="Campaign", written=("Status",), vanishes=True,
            system=(
                SystemColumn("CampaignId", "campaign_sf_id"), SystemColumn("LeadId", "lead_sf_id"),
                SystemColumn("ContactId", "contact_sf_id"),
            ),
            fixed=(
                Default("Status", "status"), Default("HasResponded", "has_responded"),
                Default("FirstRespondedDate", "first_responded"),
            ),
        ),
        SObject(
            "Opportunity", "Opportunity", "Opportunities", mirror="mirror_opportunity", local="opportunity",
            system=(
                _OWNER, SystemColumn("AccountId", "account_sf_id"),
                SystemColumn("CampaignId", "campaign_sf_id", optional=True),
            ),
            parents=(
                _OWNED, Parent("account_sf_id", "mirror_account", "account_id"),
                Parent("campaign_sf_id", "mirror_campaign", "campaign_id"),
            ),
            defaults=(
                Default("Name", "name"), Default("Amount", "amount"), Default("StageName", "stage"),
                Default("CloseDate", "close_date"),
            ),
            fixed=(
                Default("IsClosed", "is_closed"), Default("IsWon", "is_won"),
                Default("CurrencyIsoCode", "currency", optional=True),
            ),
        ),
        SObject(
            "OpportunityContactRole", "Contact role", "Contact roles", mirror="mirror_contact_role",
            local="opportunity_contact", rides_with="Opportunity",
            system=(SystemColumn("OpportunityId", "opportunity_sf_id"), SystemColumn("ContactId", "contact_sf_id")),
            fixed=(Default("Role", "role"), Default("IsPrimary", "is_primary")),
        ),
    )
}  # fmt: skip


def configurable() -> list[SObject]:
    """The objects with settings of their own."""
    return [spec for spec in OBJECTS.values() if spec.rides_with is None]


def with_riders(names: list[str]) -> list[SObject]:
    """The named objects and those that ride with them, in pull order."""
    return [spec for spec in OBJECTS.values() if spec.name in names or spec.rides_with in names]
