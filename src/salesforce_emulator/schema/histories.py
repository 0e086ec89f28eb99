"""Describe results of what opportunities were before. The system writes these records, clients only read them."""

from __future__ import annotations

from salesforce_emulator.schema.entries import JsonObject, deleted, field, id_entry, object_entry, user

_CATEGORIES = ("Omitted", "Pipeline", "BestCase", "MostLikely", "Forecast", "Closed")
_TRACKED = ("created", "opportunityCreatedFromLead", "StageName", "Amount", "Probability", "CloseDate")
_DATA_TYPES = ("Text", "DynamicEnum", "Currency", "Percent", "DateOnly")


def _made() -> list[JsonObject]:
    return [
        user("CreatedById", "Created By ID", "CreatedBy"),
        field("CreatedDate", "datetime", "d", label="Created Date"),
    ]


def _opportunity() -> JsonObject:
    return field(
        "OpportunityId", "reference", "", label="Opportunity ID", to=("Opportunity",), relationship="Opportunity"
    )


def _any(name: str, label: str) -> JsonObject:
    """A value of whatever type the changed field has: it can be read, nothing more."""
    return field(
        name,
        "anyType",
        "n",
        label=label,
        length=0,
        aggregatable=False,
        filterable=False,
        groupable=False,
        sortable=False,
        soapType="xsd:anyType",
    )


def _opportunity_history() -> JsonObject:
    fields = [
        id_entry("Opportunity History ID"),
        _opportunity(),
        *_made(),
        field("StageName", "picklist", "n", label="Stage Name"),
        field("Amount", "currency", "n"),
        field("ExpectedRevenue", "currency", "n", label="Expected Revenue"),
        field("CloseDate", "date", "n", label="Close Date"),
        field("Probability", "percent", "n", label="Probability (%)"),
        field("ForecastCategory", "picklist", "n", label="To ForecastCategory", values=_CATEGORIES),
        field("SystemModstamp", "datetime", "d", label="System Modstamp"),
        deleted(),
    ]
    return object_entry(
        "OpportunityHistory",
        "008",
        fields,
        label="Opportunity History",
        plural="Opportunity Histories",
        writable=False,
    )


def _opportunity_field_history() -> JsonObject:
    fields = [
        id_entry("Opportunity Field History ID"),
        deleted(),
        _opportunity(),
        *_made(),
        field("Field", "picklist", "", label="Changed Field", values=_TRACKED, restrictedPicklist=True),
        field("DataType", "picklist", "n", label="Datatype", values=_DATA_TYPES, restrictedPicklist=True),
        _any("OldValue", "Old Value"),
        _any("NewValue", "New Value"),
    ]
    return object_entry(
        "OpportunityFieldHistory",
        "017",
        fields,
        label="Opportunity Field History",
        plural="Opportunity Field Histories",
        writable=False,
    )


def history_describes() -> list[JsonObject]:
    """The describe results of the history objects, new objects on every call."""
    return [_opportunity_history(), _opportunity_field_history()]
