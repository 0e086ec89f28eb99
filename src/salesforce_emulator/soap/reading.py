"""query, queryAll, queryMore, retrieve, getDeleted, getUpdated."""

from __future__ import annotations

from salesforce_emulator import ids
from salesforce_emulator.api import replication
from salesforce_emulator.api.query import Page, compile_for_api, first_page, following_page
from salesforce_emulator.api.records import chosen_fields, read_records
from salesforce_emulator.runtime import api_session, emulator, visible_schema
from salesforce_emulator.schema import SObject
from salesforce_emulator.soap.calls import Flavour, SoapCall, SoapFault
from salesforce_emulator.soap.markup import Xml, joined, result, tag
from salesforce_emulator.soap.records import query_result, record_xml
from salesforce_emulator.soql.conditions import stamp
from salesforce_emulator.soql.render import Record

MAX_RETRIEVED = 2000
_DEFAULT_BATCH = 500


def query(call: SoapCall) -> list[Xml]:
    return _first(call, include_deleted=False)


def query_all(call: SoapCall) -> list[Xml]:
    return _first(call, include_deleted=True)


def _first(call: SoapCall, *, include_deleted: bool) -> list[Xml]:
    soql = call.operation.value("queryString")
    if soql is None:
        raise SoapFault("MALFORMED_QUERY", "unexpected end of query: queryString is missing")
    asked = call.header_value("QueryOptions", "batchSize")
    batch = int(asked[:9]) if asked is not None and asked.isdecimal() else _DEFAULT_BATCH
    return [_page(first_page(compile_for_api(soql, include_deleted=include_deleted), batch), call.flavour)]


def query_more(call: SoapCall) -> list[Xml]:
    return [_page(following_page(call.operation.value("queryLocator") or ""), call.flavour)]


def _page(page: Page, flavour: Flavour) -> Xml:
    return query_result("result", page.records, page.total, page.more, flavour)


def retrieve(call: SoapCall) -> list[Xml]:
    """The records in the order asked; nil for one that isn't there."""
    sobject, asked = _sobject(call), call.operation.values("ids")
    if len(asked) > MAX_RETRIEVED:
        raise SoapFault("EXCEEDED_ID_LIMIT", f"cannot retrieve more than {MAX_RETRIEVED} records in this call")
    for text in asked:
        if not ids.is_id(text):
            raise SoapFault("MALFORMED_ID", f"malformed id {text}")
    fields = chosen_fields(sobject, call.operation.value("fieldList"))
    full = [ids.to18(text) for text in asked]
    found = read_records(sobject, full, ["Id", *(f for f in fields if f.lower() != "id")])
    wanted = {"attributes", *(name.lower().partition(".")[0] for name in fields)}
    return [_retrieved(found.get(one), wanted, call.flavour) for one in full]


def _retrieved(record: Record | None, wanted: set[str], flavour: Flavour) -> Xml:
    if record is None:
        return tag("result", None)
    return record_xml("result", {k: v for k, v in record.items() if k.lower() in wanted}, flavour)


def _sobject(call: SoapCall) -> SObject:
    name = call.operation.value("sObjectType") or ""
    found = visible_schema().get(name)
    if found is None:
        raise SoapFault("INVALID_TYPE", f"sObject type '{name}' is not supported.")
    return found


def _span(call: SoapCall) -> replication.Span:
    start, end = call.operation.value("startDate"), call.operation.value("endDate")
    return replication.span(start, end, emulator().store.now())


def get_deleted(call: SoapCall) -> list[Xml]:
    found = replication.deleted(emulator().store, api_session().user_id, _sobject(call), _span(call))
    records = (
        tag("deletedRecords", joined(tag("deletedDate", at), tag("id", record_id))) for record_id, at in found.records
    )
    dates = (tag("earliestDateAvailable", stamp(found.earliest)), tag("latestDateCovered", stamp(found.covered)))
    return [result(*records, *dates)]


def get_updated(call: SoapCall) -> list[Xml]:
    found = replication.updated(emulator().store, api_session().user_id, _sobject(call), _span(call))
    return [result(*(tag("ids", one) for one in found.record_ids), tag("latestDateCovered", stamp(found.covered)))]
