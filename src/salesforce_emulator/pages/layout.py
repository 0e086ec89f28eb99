"""What the pages show of an object: the columns of its lists, the sections of its records, the fields of its forms.

The tables name what a rep looks for in the objects that everybody knows.  Of any other object, and of fields that
an org has added, the describe result decides, so that each has its pages without a word here.
"""

from __future__ import annotations

from dataclasses import dataclass

from salesforce_emulator.schema import Field, Schema, SObject

BAR = ("Account", "Contact", "Lead", "Opportunity", "Campaign", "Task", "Event")
"""The objects in the app bar, where the org has them; objects of its own follow."""
_CUSTOM_IN_BAR = 5

_COLUMNS = {
    "Account": ("Name", "Website", "Industry", "BillingCountry", "OwnerId", "LastModifiedDate"),
    "Contact": ("Name", "AccountId", "Title", "Email", "Phone", "LastModifiedDate"),
    "Lead": ("Name", "Company", "Email", "Status", "OwnerId", "LastModifiedDate"),
    "Opportunity": ("Name", "AccountId", "StageName", "Amount", "CloseDate", "LastModifiedDate"),
    "Campaign": ("Name", "Type", "Status", "StartDate", "NumberOfLeads", "NumberOfContacts"),
    "CampaignMember": ("Name", "CampaignId", "Status", "Type", "CompanyOrAccount", "LastModifiedDate"),
    "CampaignMemberStatus": ("Label", "CampaignId", "SortOrder", "IsDefault", "HasResponded"),
    "OpportunityContactRole": ("ContactId", "Role", "OpportunityId", "IsPrimary", "LastModifiedDate"),
    "Task": ("Subject", "ActivityDate", "Status", "WhoId", "WhatId", "OwnerId"),
    "Event": ("Subject", "StartDateTime", "WhoId", "WhatId", "OwnerId"),
    "User": ("Name", "Username", "Title", "ProfileId", "IsActive"),
    "OpportunityStage": ("MasterLabel", "DefaultProbability", "ForecastCategoryName", "IsClosed", "IsWon"),
    "OpportunityHistory": ("CreatedDate", "StageName", "Amount", "CloseDate", "CreatedById"),
    "OpportunityFieldHistory": ("CreatedDate", "Field", "OldValue", "NewValue", "CreatedById"),
    "LeadStatus": ("MasterLabel", "SortOrder", "IsDefault", "IsConverted"),
}
# Shown beside the record's name.
_HIGHLIGHTS = {
    "Account": ("Type", "Phone", "Website", "Industry", "OwnerId"),
    "Contact": ("AccountId", "Title", "Phone", "Email", "OwnerId"),
    "Lead": ("Company", "Title", "Phone", "Email", "OwnerId"),
    "Opportunity": ("AccountId", "CloseDate", "Amount", "Probability", "OwnerId"),
    "Campaign": ("Type", "Status", "StartDate", "EndDate", "OwnerId"),
    "CampaignMember": ("CampaignId", "Type", "CompanyOrAccount", "HasResponded"),
    "Task": ("ActivityDate", "Status", "WhoId", "WhatId", "OwnerId"),
    "Event": ("StartDateTime", "EndDateTime", "WhoId", "WhatId", "OwnerId"),
}
# The first section; what an object has besides follows in others.
_DETAILS = {
    "Account": (
        "Name", "OwnerId", "ParentId", "Phone", "AccountNumber", "Fax", "Site", "Website", "Type", "TickerSymbol",
        "Industry", "Ownership", "AnnualRevenue", "NumberOfEmployees", "Rating", "AccountSource", "Sic", "Description",
    ),
    "Contact": (
        "Name", "OwnerId", "Salutation", "FirstName", "LastName", "AccountId", "Title", "Department", "Email", "Phone",
        "MobilePhone", "HomePhone", "OtherPhone", "Fax", "ReportsToId", "Birthdate", "LeadSource", "AssistantName",
        "AssistantPhone", "Description",
    ),
    "Lead": (
        "Name", "OwnerId", "Salutation", "FirstName", "LastName", "Company", "Title", "Email", "Phone", "MobilePhone",
        "Fax", "Website", "Status", "Rating", "LeadSource", "Industry", "AnnualRevenue", "NumberOfEmployees",
        "Description",
    ),
    "Opportunity": (
        "Name", "OwnerId", "AccountId", "Type", "StageName", "Probability", "CloseDate", "Amount", "ExpectedRevenue",
        "ForecastCategoryName", "NextStep", "LeadSource", "CampaignId", "IsPrivate", "Description",
    ),
}  # fmt: skip
# Nobody types these: they come from the record's history, or from services that an emulated org lacks.
_KEPT_BY_THE_ORG = frozenset(
    {
        "Id", "IsDeleted", "MasterRecordId", "CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById",
        "SystemModstamp", "LastActivityDate", "LastViewedDate", "LastReferencedDate", "LastStageChangeDate",
        "LastCURequestDate", "LastCUUpdateDate", "PhotoUrl", "IsConverted", "ConvertedDate", "ConvertedAccountId",
        "ConvertedContactId", "ConvertedOpportunityId", "Jigsaw", "JigsawCompanyId", "JigsawContactId", "CleanStatus",
        "EmailBouncedReason", "EmailBouncedDate", "IsEmailBounced", "LastAmountChangedHistoryId",
        "LastCloseDateChangedHistoryId", "FirstRespondedDate",
    }
)  # fmt: skip
_POSITION = ("Latitude", "Longitude", "GeocodeAccuracy")


@dataclass(frozen=True)
class Section:
    """A part of a record's page or form. ``open`` is whether it is unfolded at first."""

    title: str
    fields: tuple[Field, ...]
    open: bool = True


def label(field: Field) -> str:
    """What a page calls a field: a reference is shown by name, so its "ID" is left out."""
    return field.label.removesuffix(" ID") if field.type == "reference" else field.label


def name_field(sobject: SObject) -> Field | None:
    """The field that says what a record is called. A campaign member is called as its person."""
    return sobject.name_field or (sobject.get("Name") if sobject.name == "CampaignMember" else None)


def columns(sobject: SObject) -> list[Field]:
    """The columns of an object's lists."""
    name = name_field(sobject)
    wanted = _COLUMNS.get(sobject.name, ((name.name if name else "Id"), "SystemModstamp"))
    return [found for n in wanted if (found := sobject.get(n)) is not None]


def highlights(sobject: SObject) -> list[Field]:
    return [found for n in _HIGHLIGHTS.get(sobject.name, ()) if (found := sobject.get(n)) is not None]


def parts(sobject: SObject, compound: Field) -> list[Field]:
    """The fields that an address or a name is made of."""
    return [f for f in sobject.fields if f.describe.get("compoundFieldName") == compound.name and f is not compound]


def view_sections(sobject: SObject) -> list[Section]:
    """A record's page. Names and addresses stand for their parts."""
    covered = {p.name for f in sobject.fields if f.compound for p in parts(sobject, f)}
    if (name := sobject.name_field) is not None and not name.stored:
        covered.update(p.name for p in parts(sobject, name))
    addresses = [f for f in sobject.fields if f.compound]
    rest = [f for f in sobject.fields if f.name not in covered and not f.compound]
    return _sections(sobject, rest, addresses)


def form_sections(schema: Schema, sobject: SObject, *, creating: bool) -> list[Section]:
    """A record's form: what its user may write. References to objects that the org lacks are left out."""
    of_addresses = {p.name for f in sobject.fields if f.compound for p in parts(sobject, f)}
    writable = [
        f
        for f in sobject.fields
        if f.stored and f.type != "id" and (f.createable if creating else f.updateable)
        and not (f.name in of_addresses and f.name.endswith(_POSITION))
        and (f.type != "reference" or any(n in schema for n in f.reference_to))
    ]  # fmt: skip
    addresses = [f for f in writable if f.name in of_addresses]
    return _sections(sobject, [f for f in writable if f not in addresses], addresses)


def _sections(sobject: SObject, fields: list[Field], addresses: list[Field]) -> list[Section]:
    ordered = _DETAILS.get(sobject.name, ())
    by_name = {f.name: f for f in fields}
    system = [f for f in fields if f.name in _KEPT_BY_THE_ORG]
    free = [f for f in fields if f.name not in _KEPT_BY_THE_ORG]
    first = [by_name[n] for n in ordered if n in by_name] if ordered else [f for f in free if not f.custom]
    more = [f for f in free if f not in first]
    found = (
        Section("Details", tuple(first)),
        Section("Address", tuple(addresses)),
        Section("Additional information", tuple(more), open=any(f.custom for f in more)),
        Section("System information", tuple(system), open=False),
    )
    return [s for s in found if s.fields]


def bar(schema: Schema) -> list[SObject]:
    known = [found for n in BAR if (found := schema.get(n)) is not None]
    return [*known, *[o for o in schema if o.custom and o.createable][:_CUSTOM_IN_BAR]]
