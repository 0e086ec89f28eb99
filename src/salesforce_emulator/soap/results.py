"""Results of writing, one a record: what was done, or why not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from salesforce_emulator.runtime import api_session, emulator
from salesforce_emulator.soap.calls import SoapCall, SoapFault
from salesforce_emulator.soap.markup import Xml, joined, tag
from salesforce_emulator.store import RecordError, Session, SeveralMatch
from salesforce_emulator.store.duplicates import DuplicateOptions

MAX_RECORDS = 200
Asked = TypeVar("Asked")

_CODES = {"NOT_FOUND": ("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")}
"""What the REST API calls by a name that the SOAP API doesn't have."""
_NONE = RecordError(
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "Record rolled back because not all records were valid and the request was using AllOrNone header",
)


class _RolledBack(Exception):
    """A record failed and the client wants all or none."""


def each(
    call: SoapCall,
    asked: Sequence[Asked],
    write: Callable[[Session, Asked], Xml],
    failed: Callable[[Asked, RecordError], Xml],
    *,
    most: int = MAX_RECORDS,
) -> list[Xml]:
    """Write every record, in one transaction where the client wants all or none; a result element for each.

    :raises SoapFault: more than are taken in one call.
    """
    if len(asked) > most:
        message = f"record limit reached. cannot submit more than {most} records into this call"
        raise SoapFault("EXCEEDED_ID_LIMIT", message)
    outcomes: list[Xml | RecordError] = []
    try:
        with emulator().store.session(api_session().user_id, from_csv=True, by_person=False) as session:
            session.duplicates = _duplicate_options(call)
            outcomes.extend(_attempt(session, write, one) for one in asked)
            all_or_none = call.header_flag("AllOrNoneHeader", "allOrNone")
            if all_or_none and any(isinstance(one, RecordError) for one in outcomes):
                raise _RolledBack
    except _RolledBack:
        outcomes = [one if isinstance(one, RecordError) else _NONE for one in outcomes]
    return [
        tag("result", failed(given, one) if isinstance(one, RecordError) else one)
        for given, one in zip(asked, outcomes, strict=True)
    ]


def _duplicate_options(call: SoapCall) -> DuplicateOptions:
    def asked(name: str) -> bool:
        return call.header_flag("DuplicateRuleHeader", name)

    return DuplicateOptions(
        allow_save=asked("allowSave"),
        include_details=asked("includeRecordDetails"),
        as_current_user=asked("runAsCurrentUser"),
        version=call.version,
    )


def _attempt(session: Session, write: Callable[[Session, Asked], Xml], asked: Asked) -> Xml | RecordError:
    try:
        with session.row():
            return write(session, asked)
    except RecordError as error:
        return error
    except SeveralMatch as several:
        message = f"more than one record found for external id field: {several.record_ids}"
        return RecordError("DUPLICATE_EXTERNAL_ID", message)


def errors(error: RecordError) -> Xml:
    """Why a record was not written."""
    return joined(*(_error(one) for one in (error, *error.further)))


def _error(error: RecordError) -> Xml:
    code, message = _CODES.get(error.code, (error.code, error.message))
    fields = (tag("fields", name) for name in error.fields)
    return tag("errors", joined(*fields, tag("message", message), tag("statusCode", code)))


def done(record_id: str) -> Xml:
    return joined(tag("id", record_id), tag("success", True))


def not_done(_: object, error: RecordError) -> Xml:
    return joined(errors(error), tag("id", None), tag("success", False))
