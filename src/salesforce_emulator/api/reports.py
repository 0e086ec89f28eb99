"""analytics/reports: which there are, what each is made of, and a run of it while the client waits."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from flask import Blueprint, Response, request

from salesforce_emulator import ids
from salesforce_emulator.api.answers import ApiError, json_answer, not_found
from salesforce_emulator.api.bodies import JsonObject, json_object
from salesforce_emulator.api.query import compile_for_api, context
from salesforce_emulator.reports import answers
from salesforce_emulator.reports.query import MOST, BadReport, Column, column, order_by, where
from salesforce_emulator.runtime import api_session, api_user, api_version, emulator, visible_schema
from salesforce_emulator.schema.reports import SCOPES, Report
from salesforce_emulator.soql.conditions import stamp
from salesforce_emulator.soql.render import Renderer
from salesforce_emulator.store.reports import note_run, reports_of

blueprint = Blueprint("reports", __name__)

_BASE = "/services/data/v<version>/analytics/reports"


def _urls(report_id: str) -> JsonObject:
    url = f"/services/data/v{api_version()}/analytics/reports/{report_id}"
    return {"describeUrl": f"{url}/describe", "instancesUrl": f"{url}/instances", "url": url}


@blueprint.get(f"{_BASE}/")
@blueprint.get(_BASE)
def listed(version: str) -> Response:
    with emulator().store.reading() as conn:
        found = reports_of(conn)
    return json_answer([{**_urls(i), "id": i, "name": r.name} for i, r in found.items()])


def _report(report_id: str) -> tuple[str, Report]:
    full = ids.to18(report_id) if ids.is_id(report_id) else ""
    with emulator().store.reading() as conn:
        found = reports_of(conn).get(full)
    if found is None:
        raise not_found()
    return full, found


@blueprint.get(f"{_BASE}/<report_id>/describe")
def describe(version: str, report_id: str) -> Response:
    full, report = _report(report_id)
    columns = _columns(report)
    found = visible_schema()[report.sobject]
    available = {f"{found.name}.{f.name}": f for f in found.fields if not f.compound}
    return json_answer(
        {
            "attributes": _attributes(full, report),
            "reportExtendedMetadata": answers.extended(columns),
            "reportMetadata": answers.metadata(full, report),
            "reportTypeMetadata": {
                "categories": [
                    {
                        "columns": {
                            name: {"dataType": f.type, "filterable": f.filterable, "label": f.label}
                            for name, f in available.items()
                        },
                        "label": f"{found.label} Information",
                    }
                ]
            },
        }
    )


@blueprint.get(f"{_BASE}/<report_id>")
def run(version: str, report_id: str) -> Response:
    return _run(*_report(report_id))


@blueprint.post(f"{_BASE}/<report_id>")
def run_changed(version: str, report_id: str) -> Response:
    """Run a report with other filters, columns, order or scope; the report itself stays as it is."""
    full, report = _report(report_id)
    given = json_object().get("reportMetadata") or {}
    if not isinstance(given, dict):
        raise ApiError(400, "JSON_PARSER_ERROR", "reportMetadata: an object is required")
    changes: JsonObject = {}
    for key, name in (("detailColumns", "columns"), ("reportFilters", "filters"), ("sortBy", "sort_by")):
        if key in given:
            if not isinstance(given[key], list):
                raise ApiError(400, "JSON_PARSER_ERROR", f"{key}: a list is required")
            changes[name] = tuple(given[key])
    for key, name in (("reportBooleanFilter", "boolean_filter"), ("scope", "scope")):
        if key in given:
            changes[name] = given[key]
    if "filters" in changes and "boolean_filter" not in changes:
        changes["boolean_filter"] = None
    return _run(full, replace(report, **changes))


def _columns(report: Report) -> list[Column]:
    try:
        return [column(visible_schema(), report, name) for name in report.columns]
    except BadReport as error:
        raise ApiError(400, "BAD_REQUEST", str(error)) from None


def _attributes(report_id: str, report: Report) -> JsonObject:
    urls = {key: value for key, value in _urls(report_id).items() if key != "url"}
    return {**urls, "reportId": report_id, "reportName": report.name, "type": "Report"}


def _run(report_id: str, report: Report) -> Response:
    columns = _columns(report)
    details = request.args.get("includeDetails", "false").lower() == "true"
    if report.scope not in SCOPES:
        raise ApiError(400, "BAD_REQUEST", f"The scope {report.scope} isn't valid for this report.")
    try:
        condition, order = where(visible_schema(), report), order_by(visible_schema(), report)
    except BadReport as error:
        raise ApiError(400, "BAD_REQUEST", str(error)) from None
    store = emulator().store
    total, rows = _read(report, columns, condition, order)
    with store.writing() as conn:
        note_run(conn, report_id, stamp(store.now()))
    return json_answer(
        {
            "allData": total <= MOST,
            "attributes": _attributes(report_id, report),
            "factMap": answers.fact_map(total, rows if details else None),
            "groupingsAcross": {"groupings": []},
            "groupingsDown": {"groupings": []},
            "hasDetailRows": details,
            "reportExtendedMetadata": answers.extended(columns),
            "reportMetadata": answers.metadata(report_id, report, details=details),
        }
    )


def _read(report: Report, columns: list[Column], condition: str, order: str) -> tuple[int, list[JsonObject]]:
    """How many records the report finds, and the first of them."""
    rest = report.sobject + (" USING SCOPE mine" if report.scope == "user" else "")
    rest += f" WHERE {condition}" if condition else ""
    paths = dict.fromkeys(["Id", *(c.path for c in columns), *(c.id_path for c in columns if c.is_name)])
    ordered = f" ORDER BY {order}" if order else ""
    counting = compile_for_api(f"SELECT count() FROM {rest}", include_deleted=False)
    plan = compile_for_api(f"SELECT {', '.join(paths)} FROM {rest}{ordered} LIMIT {MOST}", include_deleted=False)
    store = emulator().store
    zone = context(store, api_session().user_id, api_user().time_zone, include_deleted=False).now.tzinfo
    with store.reading() as conn:
        total = cast(int, conn.execute(counting.sql(narrow=True), counting.params).fetchone()[0])
        records = Renderer(conn, api_version()).records(plan, conn.execute(plan.sql(), plan.params))
    return total, [answers.row(r, columns, zone) for r in records]
