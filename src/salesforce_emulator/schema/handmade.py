"""Describe results of the objects of which no recording is at hand.

Written from Salesforce's Object Reference; the shape of every entry is that of the recorded ones.  Fields of
products that a plain Sales Cloud org lacks are left out.
"""

from __future__ import annotations

from salesforce_emulator.schema.activities import activity_describes
from salesforce_emulator.schema.entries import (
    JsonObject,
    audit,
    child,
    count,
    deleted,
    field,
    id_entry,
    name,
    object_entry,
    user,
    viewed,
)
from salesforce_emulator.schema.histories import history_describes
from salesforce_emulator.schema.reports import report_describes
from salesforce_emulator.schema.views import view_describes


def _campaign() -> JsonObject:
    fields = [
        id_entry("Campaign ID"),
        deleted(),
        name(length=80),
        field("ParentId", "reference", label="Parent Campaign ID", to=("Campaign",), relationship="Parent"),
        field(
            "Type",
            "picklist",
            default="Conference",
            values=(
                "Conference",
                "Webinar",
                "Trade Show",
                "Public Relations",
                "Partners",
                "Referral Program",
                "Advertisement",
                "Banner Ads",
                "Direct Mail",
                "Email",
                "Telemarketing",
                "Other",
            ),
        ),
        field("Status", "picklist", default="Planned", values=("Planned", "In Progress", "Completed", "Aborted")),
        field("StartDate", "date", label="Start Date"),
        field("EndDate", "date", label="End Date"),
        field("ExpectedRevenue", "currency", label="Expected Revenue"),
        field("BudgetedCost", "currency", label="Budgeted Cost"),
        field("ActualCost", "currency", label="Actual Cost"),
        field("ExpectedResponse", "percent", label="Expected Response (%)"),
        field("NumberSent", "double", label="Num Sent"),
        field("IsActive", "boolean", "cu", label="Active"),
        field("Description", "textarea", length=32000),
        count("NumberOfLeads", "Leads in Campaign"),
        count("NumberOfConvertedLeads", "Converted Leads in Campaign"),
        count("NumberOfContacts", "Contacts in Campaign"),
        count("NumberOfResponses", "Responses in Campaign"),
        count("NumberOfOpportunities", "Opportunities in Campaign"),
        count("NumberOfWonOpportunities", "Won Opportunities in Campaign"),
        field("AmountAllOpportunities", "currency", "d", label="Value Opportunities in Campaign"),
        field("AmountWonOpportunities", "currency", "d", label="Value Won Opportunities in Campaign"),
        user("OwnerId", "Owner ID", "Owner", "cud"),
        *audit(),
        field("LastActivityDate", "date", "n", label="Last Activity"),
        *viewed(),
    ]
    children = (
        child("Campaign", "ParentId", "ChildCampaigns"),
        child("CampaignMember", "CampaignId", "CampaignMembers", True),
        child("CampaignMemberStatus", "CampaignId", "CampaignMemberStatuses", True),
        child("Opportunity", "CampaignId", "Opportunities"),
        child("Task", "WhatId", "Tasks", True),
        child("Event", "WhatId", "Events", True),
    )
    return object_entry(
        "Campaign",
        "701",
        fields,
        children=children,
        undeletable=True,
        searchable=True,
        searchLayoutable=True,
        mruEnabled=True,
        feedEnabled=True,
    )


def _campaign_member() -> JsonObject:
    def copied(name: str, kind: str = "string", label: str = "", length: int | None = None) -> JsonObject:
        return field(name, kind, "n", label=label or name, length=length)

    fields = [
        id_entry("Campaign Member ID"),
        deleted(),
        field("CampaignId", "reference", "c", label="Campaign ID", to=("Campaign",), relationship="Campaign"),
        field("LeadId", "reference", "cn", label="Lead ID", to=("Lead",), relationship="Lead"),
        field("ContactId", "reference", "cn", label="Contact ID", to=("Contact",), relationship="Contact"),
        field("Status", "picklist", "cud", values=("Sent", "Responded"), default="Sent"),
        field("HasResponded", "boolean", "d", label="Responded"),
        *audit(),
        field("FirstRespondedDate", "date", "n", label="First Responded Date"),
        copied("Salutation", "picklist"),
        copied("Name", length=121),
        copied("FirstName", label="First Name", length=40),
        copied("LastName", label="Last Name", length=80),
        copied("Title", length=128),
        copied("Street", "textarea", length=255),
        copied("City", length=40),
        copied("State", label="State/Province", length=80),
        copied("PostalCode", label="Zip/Postal Code", length=20),
        copied("Country", length=80),
        copied("Email", "email"),
        copied("Phone", "phone"),
        copied("Fax", "phone"),
        copied("MobilePhone", "phone", "Mobile"),
        copied("Description", "textarea", length=32000),
        copied("LeadSource", "picklist", "Lead Source"),
        copied("CompanyOrAccount", label="Company (Account)", length=255),
        field("Type", "picklist", "n", values=("Lead", "Contact")),
        field("LeadOrContactId", "reference", "n", label="Related Record ID", to=("Contact", "Lead")),
        field(
            "LeadOrContactOwnerId",
            "reference",
            "n",
            label="Related Record Owner ID",
            to=("Group", "User"),
            relationship="LeadOrContactOwner",
        ),
        field("AccountId", "reference", "n", label="Account ID", to=("Account",), relationship="Account"),
    ]
    return object_entry("CampaignMember", "00v", fields, label="Campaign Member")


def _campaign_member_status() -> JsonObject:
    fields = [
        id_entry("Campaign Member Status ID"),
        deleted(),
        field("CampaignId", "reference", "c", label="Campaign ID", to=("Campaign",), relationship="Campaign"),
        field("Label", "string", "cu", length=765, nameField=True),
        field("SortOrder", "int", label="Sort Order"),
        field("IsDefault", "boolean", "cu", label="Is Default"),
        field("HasResponded", "boolean", "cu", label="Responded"),
        *audit(),
    ]
    return object_entry(
        "CampaignMemberStatus", "01Y", fields, label="Campaign Member Status", plural="Campaign Member Status"
    )


def _user_object() -> JsonObject:
    fields = [
        id_entry("User ID"),
        field("Username", "string", "cu", length=80, idLookup=True, unique=False),
        field("LastName", "string", "cu", label="Last Name", length=80),
        field("FirstName", "string", label="First Name", length=40),
        field("Name", "string", "", label="Full Name", length=121, nameField=True, extraTypeInfo="personname"),
        field("CompanyName", "string", label="Company Name", length=80),
        field("Division", "string", length=80),
        field("Department", "string", length=80),
        field("Title", "string", length=80),
        field("Street", "textarea", length=255, compoundFieldName="Address"),
        field("City", "string", length=40, compoundFieldName="Address"),
        field("State", "string", label="State/Province", length=80, compoundFieldName="Address"),
        field("PostalCode", "string", label="Zip/Postal Code", length=20, compoundFieldName="Address"),
        field("Country", "string", length=80, compoundFieldName="Address"),
        field("Latitude", "double", compoundFieldName="Address"),
        field("Longitude", "double", compoundFieldName="Address"),
        field("GeocodeAccuracy", "picklist", label="Geocode Accuracy", compoundFieldName="Address"),
        field("Address", "address", "n"),
        field("Email", "email", "cu", length=128),
        field("Phone", "phone"),
        field("MobilePhone", "phone", label="Mobile"),
        field("Alias", "string", "cu", length=8),
        field("CommunityNickname", "string", "cu", label="Nickname", length=40),
        field("IsActive", "boolean", "cu", label="Active", default=True),
        field("TimeZoneSidKey", "picklist", "cu", label="Time Zone", length=40),
        field("UserRoleId", "reference", label="Role ID", to=("UserRole",), relationship="UserRole"),
        field("LocaleSidKey", "picklist", "cu", label="Locale", length=40),
        field("EmailEncodingKey", "picklist", "cu", label="Email Encoding", length=40),
        field("ProfileId", "reference", "cu", label="Profile ID", to=("Profile",), relationship="Profile"),
        field("UserType", "picklist", "d", label="User Type", length=40, values=("Standard",)),
        field("LanguageLocaleKey", "picklist", "cu", label="Language", length=40),
        field("EmployeeNumber", "string", label="Employee Number", length=20),
        user("ManagerId", "Manager ID", "Manager", "cun"),
        field("LastLoginDate", "datetime", "n", label="Last Login"),
        *audit(),
    ]
    return object_entry("User", "005", fields, deletable=False, searchable=True, searchLayoutable=True)


def _organization() -> JsonObject:
    fields = [
        id_entry("Organization ID"),
        name("u", length=80),
        field("Division", "string", "un", length=80),
        field("Street", "textarea", "un", length=255, compoundFieldName="Address"),
        field("City", "string", "un", length=40, compoundFieldName="Address"),
        field("State", "string", "un", label="State/Province", length=80, compoundFieldName="Address"),
        field("PostalCode", "string", "un", label="Zip/Postal Code", length=20, compoundFieldName="Address"),
        field("Country", "string", "un", length=80, compoundFieldName="Address"),
        field("Latitude", "double", "un", compoundFieldName="Address"),
        field("Longitude", "double", "un", compoundFieldName="Address"),
        field("GeocodeAccuracy", "picklist", "un", label="Geocode Accuracy", compoundFieldName="Address"),
        field("Address", "address", "n"),
        field("Phone", "phone", "un"),
        field("Fax", "phone", "un"),
        field("PrimaryContact", "string", "un", label="Primary Contact", length=80),
        field("DefaultLocaleSidKey", "picklist", "u", label="Locale", length=40),
        field("TimeZoneSidKey", "picklist", "u", label="Time Zone", length=40),
        field("LanguageLocaleKey", "picklist", "u", label="Language", length=40),
        field("FiscalYearStartMonth", "int", "n", label="Fiscal Year Starts In"),
        field("UsesStartDateAsFiscalYearName", "boolean", "d", label="Fiscal Year Name by Start"),
        field("InstanceName", "string", "n", label="Instance Name", length=5),
        field("NamespacePrefix", "string", "n", label="Namespace Prefix", length=15),
        field(
            "OrganizationType",
            "picklist",
            "n",
            label="Edition",
            length=40,
            values=(
                "Team Edition",
                "Professional Edition",
                "Enterprise Edition",
                "Developer Edition",
                "Personal Edition",
                "Unlimited Edition",
                "Contact Manager Edition",
                "Base Edition",
            ),
        ),
        field("IsSandbox", "boolean", "d", label="Is Sandbox"),
        field("IsReadOnly", "boolean", "d", label="Is Read Only"),
        field("TrialExpirationDate", "datetime", "n", label="Trial Expiration Date"),
        *audit(),
    ]
    return object_entry("Organization", "00D", fields, writable=False, updateable=True)


def _profile() -> JsonObject:
    permissions = [
        field(f"Permissions{name}", "boolean", "", label=label)
        for name, label in (
            ("ApiEnabled", "API Enabled"),
            ("ApiUserOnly", "Api Only User"),
            ("BulkApiHardDelete", "Bulk API Hard Delete"),
            ("ConvertLeads", "Convert Leads"),
            ("EditReadonlyFields", "Edit Read Only Fields"),
            ("ImportLeads", "Import Leads"),
            ("ManageUsers", "Manage Users"),
            ("ModifyAllData", "Modify All Data"),
            ("TransferAnyLead", "Transfer Leads"),
            ("ViewAllData", "View All Data"),
            ("ViewSetup", "View Setup and Configuration"),
        )
    ]
    fields = [
        id_entry("Profile ID"),
        name("", length=255),
        *permissions,
        field("UserType", "picklist", "", label="User Type", length=40, values=("Standard",)),
        field("Description", "string", "n", length=255),
        *audit(),
    ]
    return object_entry("Profile", "00e", fields, writable=False, children=(child("User", "ProfileId", "Users"),))


def _user_role() -> JsonObject:
    fields = [
        id_entry("Role ID"),
        name(length=80),
        field("ParentRoleId", "reference", label="Parent Role ID", to=("UserRole",)),
        field("DeveloperName", "string", "cu", label="Developer Name", length=80),
        field("LastModifiedDate", "datetime", "d", label="Last Modified Date"),
        user("LastModifiedById", "Last Modified By ID", "LastModifiedBy"),
        field("SystemModstamp", "datetime", "d", label="System Modstamp"),
    ]
    return object_entry("UserRole", "00E", fields, label="Role", children=(child("User", "UserRoleId", "Users"),))


def _opportunity_stage() -> JsonObject:
    categories = ("Omitted", "Pipeline", "BestCase", "MostLikely", "Forecast", "Closed")
    names = ("Omitted", "Pipeline", "Best Case", "Commit", "Closed")
    fields = [
        id_entry("Opportunity Stage ID"),
        field("MasterLabel", "string", "n", label="Master Label", nameField=True),
        field("ApiName", "string", "n", label="API Name", length=120),
        field("IsActive", "boolean", "d", label="Is Active"),
        field("SortOrder", "int", "n", label="Sort Order"),
        field("IsClosed", "boolean", "d", label="Closed"),
        field("IsWon", "boolean", "d", label="Won"),
        field("ForecastCategory", "picklist", "n", label="Forecast Category", length=40, values=categories),
        field("ForecastCategoryName", "picklist", "n", label="Forecast Category", length=40, values=names),
        field("DefaultProbability", "percent", "n", label="Probability (%)"),
        field("Description", "string", "n", length=255),
        *audit(),
    ]
    return object_entry("OpportunityStage", "01J", fields, label="Opportunity Stage", writable=False)


def _lead_status() -> JsonObject:
    fields = [
        id_entry("Lead Status Value ID"),
        field("MasterLabel", "string", "n", label="Master Label", nameField=True),
        field("ApiName", "string", "n", label="API Name", length=120),
        field("SortOrder", "int", "n", label="Sort Order"),
        field("IsDefault", "boolean", "d", label="Default"),
        field("IsConverted", "boolean", "d", label="Converted"),
        *audit(),
    ]
    return object_entry("LeadStatus", "01J", fields, label="Lead Status Value", writable=False)


def handmade_describes() -> list[JsonObject]:
    """The describe results of the objects without a recording, new objects on every call."""
    return [
        _campaign(),
        _campaign_member(),
        _campaign_member_status(),
        _user_object(),
        _organization(),
        _profile(),
        _user_role(),
        _opportunity_stage(),
        _lead_status(),
        *history_describes(),
        *activity_describes(),
        *view_describes(),
        *report_describes(),
    ]
