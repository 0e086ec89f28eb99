"""A report's answers: its metadata, and the fact map of a run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

from salesforce_emulator.reports.query import Column
from salesforce_emulator.schema.entries import JsonObject
from salesforce_emulator.schema.reports import Report
from salesforce_emulator.soql.render import Record
from salesforce_emulator.soql.shown import formatted

_COUNT_INFO = {"acrossGroupingContext": None, "dataType": "int", "downGroupingContext": None, "label": "Record Count"}


def metadata(report_id: str, report: Report, *, details: bool = True) -> JsonObject:
    """reportMetadata: what the report is, and what of it a run may change."""
    return {
        "aggregates": ["RowCount"],
        "chart": None,
        "crossFilters": [],
        "currency": None,
        "description": report.description,
        "detailColumns": list(report.columns),
        "developerName": report.developer_name,
        "division": None,
        "folderId": None,
        "groupingsAcross": [],
        "groupingsDown": [],
        "hasDetailRows": details,
        "hasRecordCount": True,
        "historicalSnapshotDates": [],
        "id": report_id,
        "name": report.name,
        "reportBooleanFilter": report.boolean_filter,
        "reportFilters": [dict(f) for f in report.filters],
        "reportFormat": "TABULAR",
        "reportType": report.type,
        "scope": report.scope,
        "showGrandTotal": True,
        "showSubtotals": True,
        "sortBy": [dict(s) for s in report.sort_by],
        "standardDateFilter": None,
        "standardFilters": None,
        "supportsRoleHierarchy": False,
        "userOrHierarchyFilterId": None,
    }


def extended(columns: Sequence[Column]) -> JsonObject:
    """reportExtendedMetadata: what the columns are called and hold."""
    return {
        "aggregateColumnInfo": {"RowCount": _COUNT_INFO},
        "detailColumnInfo": {c.name: {"dataType": c.field.type, "label": c.label} for c in columns},
        "groupingColumnInfo": {},
    }


def fact_map(total: int, rows: Sequence[JsonObject] | None) -> JsonObject:
    """The one entry of a tabular report."""
    entry: JsonObject = {"aggregates": [{"label": f"{total:,}", "value": total}]}
    if rows is not None:
        entry["rows"] = list(rows)
    return {"T!T": entry}


def row(record: Record, columns: Sequence[Column], zone: tzinfo | None) -> JsonObject:
    return {"dataCells": [_cell(record, c, zone) for c in columns]}


def _cell(record: Record, column: Column, zone: tzinfo | None) -> JsonObject:
    value = _at(record, column.path)
    if value is None:
        return {"label": "-", "value": None}
    if column.is_name:
        return {"label": str(value), "value": _at(record, column.id_path)}
    if isinstance(value, bool):
        return {"label": str(value).lower(), "value": value}
    kind = column.field.type
    show = formatted(kind, int(column.field.describe["scale"]) or (2 if kind == "currency" else 0), zone)
    label = str(value if show is None else show(value))
    if kind == "currency":
        return {"label": label, "value": {"amount": value, "currency": None}}
    if kind == "datetime":
        return {"label": label.replace(",", ""), "value": str(value).replace(".000+0000", "Z")}
    return {"label": label, "value": value}


def _at(record: object, path: str) -> object:
    for name in path.split("."):
        record = record.get(name) if isinstance(record, dict) else None
    return record
