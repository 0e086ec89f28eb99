"""create, update, upsert, delete, undelete, emptyRecycleBin, merge, convertLead."""

from __future__ import annotations

from salesforce_emulator.soap.calls import SoapCall, SoapFault
from salesforce_emulator.soap.markup import Element, Xml, joined, tag
from salesforce_emulator.soap.records import full_id, sobject_of
from salesforce_emulator.soap.results import done, each, errors, not_done
from salesforce_emulator.store import ConvertOptions, RecordError, Session, recycling
from salesforce_emulator.store.convert import convert_lead
from salesforce_emulator.store.errors import not_found
from salesforce_emulator.store.merge import merge as merge_records

MAX_CONVERSIONS = 100


def create(call: SoapCall) -> list[Xml]:
    def write(session: Session, element: Element) -> Xml:
        sobject, record_id, values = sobject_of(element, call)
        if record_id is not None:
            raise RecordError("INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", ["Id"])
        return done(session.insert(sobject.name, values))

    return each(call, call.operation.all("sObjects"), write, not_done)


def update(call: SoapCall) -> list[Xml]:
    def write(session: Session, element: Element) -> Xml:
        sobject, record_id, values = sobject_of(element, call)
        if record_id is None:
            raise RecordError("MISSING_ARGUMENT", "Id not specified in an update call")
        session.update(sobject.name, record_id, values)
        return done(record_id)

    return each(call, call.operation.all("sObjects"), write, not_done)


def upsert(call: SoapCall) -> list[Xml]:
    key = call.operation.value("externalIDFieldName") or call.operation.value("externalIdFieldName")
    if key is None:
        raise SoapFault("MISSING_ARGUMENT", "externalIDFieldName is required")
    field_name = key

    def write(session: Session, element: Element) -> Xml:
        sobject, record_id, values = sobject_of(element, call)
        by_id = field_name.lower() == "id"
        given = record_id if by_id else next((v for k, v in values.items() if k.lower() == field_name.lower()), None)
        others = {k: v for k, v in values.items() if k.lower() != field_name.lower()}
        if by_id and given is None:
            return _upserted(session.insert(sobject.name, others), created=True)
        made, created = session.upsert(sobject.name, field_name, given, others)
        return _upserted(made, created=created)

    def failed(_: Element, error: RecordError) -> Xml:
        return joined(tag("created", False), errors(error), tag("id", None), tag("success", False))

    return each(call, call.operation.all("sObjects"), write, failed)


def _upserted(record_id: str, *, created: bool) -> Xml:
    return joined(tag("created", created), tag("id", record_id), tag("success", True))


# -- by id


def delete(call: SoapCall) -> list[Xml]:
    def write(session: Session, text: str) -> Xml:
        record_id = full_id(text)
        session.delete(_object_name(session, record_id), record_id)
        return done(record_id)

    return each(call, _ids(call), write, not_done)


def undelete(call: SoapCall) -> list[Xml]:
    def write(session: Session, text: str) -> Xml:
        record_id = full_id(text)
        session.undelete(_object_name(session, record_id), record_id)
        return done(record_id)

    return each(call, _ids(call), write, not_done)


def empty_recycle_bin(call: SoapCall) -> list[Xml]:
    def write(session: Session, text: str) -> Xml:
        record_id = full_id(text)
        recycling.empty_bin(session, record_id)
        return done(record_id)

    return each(call, _ids(call), write, not_done)


def _ids(call: SoapCall) -> list[str]:
    return call.operation.values("ids") or call.operation.values("Ids")


def _object_name(session: Session, record_id: str) -> str:
    sobject = session.schema.by_id(record_id)
    if sobject is None:
        raise not_found()
    return sobject.name


# -- what REST has nothing for


def merge(call: SoapCall) -> list[Xml]:
    """Each request is done or refused by itself."""

    def write(session: Session, request: Element) -> Xml:
        master = request.first("masterRecord")
        if master is None:
            raise RecordError("MISSING_ARGUMENT", "masterRecord not specified in a merge call")
        sobject, record_id, values = sobject_of(master, call)
        if record_id is None:
            raise RecordError("MISSING_ARGUMENT", "Id of the masterRecord not specified in a merge call")
        losers = [full_id(text) for text in request.values("recordToMergeIds")]
        if any(_object_name(session, loser) != sobject.name for loser in losers):
            raise RecordError("INVALID_ID_FIELD", f"recordToMergeIds are not all of type {sobject.name}")
        merged = merge_records(session, sobject.name, record_id, losers, values)
        return joined(
            tag("id", merged.master_id),
            *(tag("mergedRecordIds", one) for one in merged.merged_ids),
            tag("success", True),
            *(tag("updatedRelatedIds", one) for one in merged.updated_related_ids),
        )

    return each(call, call.operation.all("request"), write, not_done)


def convert_leads(call: SoapCall) -> list[Xml]:
    """Each lead is converted or refused by itself. E-mail to the new owner isn't sent: the org sends none."""

    def write(session: Session, request: Element) -> Xml:
        status = request.value("convertedStatus")
        if status is None:
            raise RecordError("INVALID_STATUS", "invalid convertedStatus: null", ["Status"])
        converted = convert_lead(
            session,
            full_id(request.value("leadId") or ""),
            ConvertOptions(
                account_id=_optional_id(request, "accountId"),
                contact_id=_optional_id(request, "contactId"),
                opportunity_id=_optional_id(request, "opportunityId"),
                create_opportunity=not request.flag("doNotCreateOpportunity"),
                opportunity_name=request.value("opportunityName"),
                status=status,
                owner_id=_optional_id(request, "ownerId"),
                overwrite_lead_source=request.flag("overwriteLeadSource"),
            ),
        )
        return joined(
            tag("accountId", converted.account_id),
            tag("contactId", converted.contact_id),
            tag("leadId", converted.lead_id),
            tag("opportunityId", converted.opportunity_id),
            tag("success", True),
        )

    def failed(request: Element, error: RecordError) -> Xml:
        return joined(
            tag("accountId", None),
            tag("contactId", None),
            errors(error),
            tag("leadId", request.value("leadId")),
            tag("opportunityId", None),
            tag("success", False),
        )

    return each(call, call.operation.all("leadConverts"), write, failed, most=MAX_CONVERSIONS)


def _optional_id(request: Element, name: str) -> str | None:
    text = request.value(name)
    return None if text is None else full_id(text)
