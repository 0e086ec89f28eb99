"""Describe results of the objects of which no recording is at hand.

Written from Salesforce's Object Reference; the shape of every entry is that of the recorded ones.  Fields of
products that a plain Sales Cloud org lacks are left out.
"""

from __future__ import annotations

from typing import Any

JsonObject = dict[str, Any]

_SOAP = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "address": "urn:address",
}
_LENGTHS = {"id": 18, "reference": 18, "picklist": 255, "url": 255, "email": 80, "phone": 40}
_UNGROUPABLE = {"currency", "double", "percent", "datetime", "address"}
_UNLENGTHED = {"boolean", "int", "double", "currency", "percent", "date", "datetime", "address"}

# What a field may do, in letters: c createable, u updateable, n nillable, d defaulted on create.
_LETTERS = {"c": "createable", "u": "updateable", "n": "nillable", "d": "defaultedOnCreate"}


def field(
    name: str,
    kind: str,
    flags: str = "cun",
    *,
    label: str = "",
    length: int | None = None,
    to: tuple[str, ...] = (),
    relationship: str | None = None,
    values: tuple[str, ...] = (),
    default: str | bool | None = None,
    **more: Any,  # any further key of a describe entry, as is
) -> JsonObject:
    """One describe entry. ``flags``: c createable, u updateable, n nillable, d defaulted on create."""
    size = 0 if kind in _UNLENGTHED else (length if length is not None else _LENGTHS.get(kind, 255))
    long_text = kind == "textarea" and size > 255
    number = kind in ("double", "currency", "percent")
    entry: JsonObject = {
        "aggregatable": kind not in ("boolean", "address") and not long_text,
        "aiPredictionField": False,
        "autoNumber": False,
        "byteLength": size if kind in ("id", "reference") else size * 3,
        "calculated": False,
        "calculatedFormula": None,
        "cascadeDelete": False,
        "caseSensitive": False,
        "compoundFieldName": None,
        "controllerName": None,
        "createable": False,
        "custom": False,
        "defaultValue": False if kind == "boolean" and default is None else default,
        "defaultValueFormula": None,
        "defaultedOnCreate": False,
        "dependentPicklist": False,
        "deprecatedAndHidden": False,
        "digits": 8 if kind == "int" else 0,
        "displayLocationInDecimal": False,
        "encrypted": False,
        "externalId": False,
        "extraTypeInfo": "plaintextarea" if kind == "textarea" else None,
        "filterable": not long_text,
        "filteredLookupInfo": None,
        "formulaTreatNullNumberAsZero": False,
        "groupable": kind not in _UNGROUPABLE and not long_text,
        "highScaleNumber": False,
        "htmlFormatted": False,
        "idLookup": kind == "id",
        "inlineHelpText": None,
        "label": label or name,
        "length": size,
        "mask": None,
        "maskType": None,
        "name": name,
        "nameField": False,
        "namePointing": len(to) > 1,
        "nillable": False,
        "permissionable": "n" in flags and kind != "id",
        "picklistValues": [_picklist_value(v, v == default) for v in values],
        "polymorphicForeignKey": len(to) > 1,
        "precision": 18 if number else 0,
        "queryByDistance": kind == "address",
        "referenceTargetField": None,
        "referenceTo": list(to),
        "relationshipName": relationship,
        "relationshipOrder": None,
        "restrictedDelete": False,
        "restrictedPicklist": False,
        "scale": 2 if number and more.get("custom") else 0,
        "searchPrefilterable": kind == "reference",
        "soapType": _SOAP.get(kind, "xsd:string"),
        "sortable": kind != "address" and not long_text,
        "type": kind,
        "unique": False,
        "updateable": False,
        "writeRequiresMasterRead": False,
    }
    entry.update({_LETTERS[letter]: True for letter in flags})
    if kind == "boolean":
        entry["defaultedOnCreate"] = True
    entry.update(more)
    return entry


def custom_field(name: str, kind: str, *, label: str = "", **more: Any) -> JsonObject:
    """A describe entry of a custom field, as an administrator would add it: writable and empty by default.

    :param name: the API name, ending in ``__c``.
    :param more: as for :func:`field`, and any key of a describe entry (``externalId``, ``unique``, …).
    """
    flags = more.pop("flags", "cu" if kind == "boolean" else "cun")
    made = field(name, kind, flags, label=label or name.removesuffix("__c").replace("_", " "), custom=True, **more)
    made["idLookup"] = made["idLookup"] or made["externalId"]
    return made


def _picklist_value(value: str, default: bool) -> JsonObject:
    return {"active": True, "defaultValue": default, "label": value, "validFor": None, "value": value}


def _id(label: str) -> JsonObject:
    return field("Id", "id", "d", label=label)


def _deleted() -> JsonObject:
    return field("IsDeleted", "boolean", "d", label="Deleted")


def _name(flags: str = "cu", *, label: str = "Name", length: int = 255, **more: Any) -> JsonObject:
    return field("Name", "string", flags, label=label, length=length, nameField=True, idLookup=True, **more)


def _user(name: str, label: str, relationship: str, flags: str = "d") -> JsonObject:
    return field(name, "reference", flags, label=label, to=("User",), relationship=relationship)


def _audit() -> list[JsonObject]:
    return [
        field("CreatedDate", "datetime", "d", label="Created Date"),
        _user("CreatedById", "Created By ID", "CreatedBy"),
        field("LastModifiedDate", "datetime", "d", label="Last Modified Date"),
        _user("LastModifiedById", "Last Modified By ID", "LastModifiedBy"),
        field("SystemModstamp", "datetime", "d", label="System Modstamp"),
    ]


def _viewed() -> list[JsonObject]:
    return [
        field("LastViewedDate", "datetime", "n", label="Last Viewed Date"),
        field("LastReferencedDate", "datetime", "n", label="Last Referenced Date"),
    ]


def _child(child: str, by: str, relationship: str | None, cascade: bool = False) -> JsonObject:
    return {
        "cascadeDelete": cascade,
        "childSObject": child,
        "deprecatedAndHidden": False,
        "field": by,
        "junctionIdListNames": [],
        "junctionReferenceTo": [],
        "relationshipName": relationship,
        "restrictedDelete": False,
    }


def _object(
    name: str,
    prefix: str,
    fields: list[JsonObject],
    *,
    label: str = "",
    plural: str = "",
    children: tuple[JsonObject, ...] = (),
    writable: bool = True,
    deletable: bool | None = None,
    **more: Any,
) -> JsonObject:
    shown = label or name
    return {
        "actionOverrides": [],
        "activateable": False,
        "associateEntityType": None,
        "associateParentEntity": None,
        "childRelationships": list(children),
        "compactLayoutable": writable,
        "createable": writable,
        "custom": False,
        "customSetting": False,
        "deepCloneable": False,
        "defaultImplementation": None,
        "deletable": writable if deletable is None else deletable,
        "deprecatedAndHidden": False,
        "extendedBy": None,
        "extendsInterfaces": None,
        "feedEnabled": False,
        "fields": fields,
        "hasSubtypes": False,
        "implementedBy": None,
        "implementsInterfaces": None,
        "isInterface": False,
        "isSubtype": False,
        "keyPrefix": prefix,
        "label": shown,
        "labelPlural": plural or shown + "s",
        "layoutable": writable,
        "listviewable": None,
        "lookupLayoutable": None,
        "mergeable": False,
        "mruEnabled": False,
        "name": name,
        "namedLayoutInfos": [],
        "networkScopeFieldName": None,
        "queryable": True,
        "recordTypeInfos": [],
        "replicateable": True,
        "retrieveable": True,
        "searchLayoutable": False,
        "searchable": False,
        "sobjectDescribeOption": "FULL",
        "supportedScopes": [{"label": f"All {(plural or shown + 's').lower()}", "name": "everything"}],
        "triggerable": writable,
        "undeletable": False,
        "updateable": writable,
        **more,
    }


def _count(name: str, label: str) -> JsonObject:
    return field(name, "int", "d", label=label)


def _campaign() -> JsonObject:
    fields = [
        _id("Campaign ID"),
        _deleted(),
        _name(length=80),
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
        _count("NumberOfLeads", "Leads in Campaign"),
        _count("NumberOfConvertedLeads", "Converted Leads in Campaign"),
        _count("NumberOfContacts", "Contacts in Campaign"),
        _count("NumberOfResponses", "Responses in Campaign"),
        _count("NumberOfOpportunities", "Opportunities in Campaign"),
        _count("NumberOfWonOpportunities", "Won Opportunities in Campaign"),
        field("AmountAllOpportunities", "currency", "d", label="Value Opportunities in Campaign"),
        field("AmountWonOpportunities", "currency", "d", label="Value Won Opportunities in Campaign"),
        _user("OwnerId", "Owner ID", "Owner", "cud"),
        *_audit(),
        field("LastActivityDate", "date", "n", label="Last Activity"),
        *_viewed(),
    ]
    children = (
        _child("Campaign", "ParentId", "ChildCampaigns"),
        _child("CampaignMember", "CampaignId", "CampaignMembers", True),
        _child("CampaignMemberStatus", "CampaignId", "CampaignMemberStatuses", True),
        _child("Opportunity", "CampaignId", "Opportunities"),
    )
    return _object(
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
        _id("Campaign Member ID"),
        _deleted(),
        field("CampaignId", "reference", "c", label="Campaign ID", to=("Campaign",), relationship="Campaign"),
        field("LeadId", "reference", "cn", label="Lead ID", to=("Lead",), relationship="Lead"),
        field("ContactId", "reference", "cn", label="Contact ID", to=("Contact",), relationship="Contact"),
        field("Status", "picklist", "cud", values=("Sent", "Responded"), default="Sent"),
        field("HasResponded", "boolean", "d", label="Responded"),
        *_audit(),
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
    return _object("CampaignMember", "00v", fields, label="Campaign Member")


def _campaign_member_status() -> JsonObject:
    fields = [
        _id("Campaign Member Status ID"),
        _deleted(),
        field("CampaignId", "reference", "c", label="Campaign ID", to=("Campaign",), relationship="Campaign"),
        field("Label", "string", "cu", length=765, nameField=True),
        field("SortOrder", "int", label="Sort Order"),
        field("IsDefault", "boolean", "cu", label="Is Default"),
        field("HasResponded", "boolean", "cu", label="Responded"),
        *_audit(),
    ]
    return _object(
        "CampaignMemberStatus", "01Y", fields, label="Campaign Member Status", plural="Campaign Member Status"
    )


def _user_object() -> JsonObject:
    fields = [
        _id("User ID"),
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
        _user("ManagerId", "Manager ID", "Manager", "cun"),
        field("LastLoginDate", "datetime", "n", label="Last Login"),
        *_audit(),
    ]
    return _object("User", "005", fields, deletable=False, searchable=True, searchLayoutable=True)


def _organization() -> JsonObject:
    fields = [
        _id("Organization ID"),
        _name("u", length=80),
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
        *_audit(),
    ]
    return _object("Organization", "00D", fields, writable=False, updateable=True)


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
        _id("Profile ID"),
        _name("", length=255),
        *permissions,
        field("UserType", "picklist", "", label="User Type", length=40, values=("Standard",)),
        field("Description", "string", "n", length=255),
        *_audit(),
    ]
    return _object("Profile", "00e", fields, writable=False, children=(_child("User", "ProfileId", "Users"),))


def _user_role() -> JsonObject:
    fields = [
        _id("Role ID"),
        _name(length=80),
        field("ParentRoleId", "reference", label="Parent Role ID", to=("UserRole",)),
        field("DeveloperName", "string", "cu", label="Developer Name", length=80),
        field("LastModifiedDate", "datetime", "d", label="Last Modified Date"),
        _user("LastModifiedById", "Last Modified By ID", "LastModifiedBy"),
        field("SystemModstamp", "datetime", "d", label="System Modstamp"),
    ]
    return _object("UserRole", "00E", fields, label="Role", children=(_child("User", "UserRoleId", "Users"),))


def _opportunity_stage() -> JsonObject:
    categories = ("Omitted", "Pipeline", "BestCase", "MostLikely", "Forecast", "Closed")
    names = ("Omitted", "Pipeline", "Best Case", "Commit", "Closed")
    fields = [
        _id("Opportunity Stage ID"),
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
        *_audit(),
    ]
    return _object("OpportunityStage", "01J", fields, label="Opportunity Stage", writable=False)


def _lead_status() -> JsonObject:
    fields = [
        _id("Lead Status Value ID"),
        field("MasterLabel", "string", "n", label="Master Label", nameField=True),
        field("ApiName", "string", "n", label="API Name", length=120),
        field("SortOrder", "int", "n", label="Sort Order"),
        field("IsDefault", "boolean", "d", label="Default"),
        field("IsConverted", "boolean", "d", label="Converted"),
        *_audit(),
    ]
    return _object("LeadStatus", "01J", fields, label="Lead Status Value", writable=False)


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
    ]
