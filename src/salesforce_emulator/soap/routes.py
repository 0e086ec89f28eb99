"""The SOAP endpoints: every call is a POST to one address, and says inside what it wants.

A call passes the same checks as a REST call, and is counted like one; its session is in its SessionHeader.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from flask import Blueprint, Response, request

from salesforce_emulator.api import gate
from salesforce_emulator.api.answers import ApiError, not_found
from salesforce_emulator.changes import api_origin, change_origin
from salesforce_emulator.runtime import NEWEST_VERSION, OLDEST_VERSION, call_state, emulator
from salesforce_emulator.soap import reading, signing_in, writing
from salesforce_emulator.soap.calls import (
    ClientFault,
    Flavour,
    SoapCall,
    SoapFault,
    answer,
    client_fault_answer,
    fault_answer,
    flavour,
    illegal_session,
    operation_of,
    unknown_operation,
)
from salesforce_emulator.soap.markup import MarkupError, Xml, parse
from salesforce_emulator.store import RecordError

blueprint = Blueprint("soap", __name__)

_VERSION = re.compile(r"(\d+)(?:\.0)?")
_OPERATIONS: dict[str, Callable[[SoapCall], list[Xml]]] = {
    "logout": signing_in.logout,
    "getUserInfo": signing_in.user_info,
    "getServerTimestamp": signing_in.server_timestamp,
    "query": reading.query,
    "queryAll": reading.query_all,
    "queryMore": reading.query_more,
    "retrieve": reading.retrieve,
    "getDeleted": reading.get_deleted,
    "getUpdated": reading.get_updated,
    "create": writing.create,
    "update": writing.update,
    "upsert": writing.upsert,
    "delete": writing.delete,
    "undelete": writing.undelete,
    "emptyRecycleBin": writing.empty_recycle_bin,
    "merge": writing.merge,
    "convertLead": writing.convert_leads,
}
_NOT_HERE = frozenset(
    {
        "changeOwnPassword", "describeAllTabs", "describeAppMenu", "describeApprovalLayout",
        "describeAvailableQuickActions", "describeCompactLayouts", "describeDataCategoryGroups",
        "describeDataCategoryGroupStructures", "describeGlobal", "describeGlobalTheme", "describeKnowledgeSettings",
        "describeLayout", "describeNouns", "describePathAssistants", "describePrimaryCompactLayouts",
        "describeQuickActions", "describeSearchLayouts", "describeSearchScopeOrder", "describeSObject",
        "describeSObjectListViews", "describeSObjects", "describeSoftphoneLayout", "describeSoqlListViews",
        "describeTabs", "describeTheme", "describeVisualForce", "executeListView", "findDuplicates",
        "findDuplicatesByIds", "invalidateSessions", "performQuickActions", "process", "renderEmailTemplate",
        "renderStoredEmailTemplate", "resetPassword", "retrieveQuickActionTemplates", "search", "sendEmail",
        "sendEmailMessage", "setPassword",
    }
)  # fmt: skip
"""Operations that a real org has beside these."""


@blueprint.post("/services/Soap/<kind>/<version>")
@blueprint.post("/services/Soap/<kind>/<version>/")
@blueprint.post("/services/Soap/<kind>/<version>/<organization_id>")
def endpoint(kind: str, version: str, organization_id: str = "") -> Response:
    asked = flavour(kind)
    if asked is None:
        raise not_found()
    try:
        return _answer(asked, version)
    except ClientFault as fault:
        return client_fault_answer(asked, fault)
    except SoapFault as fault:
        return fault_answer(asked, fault)
    except ApiError as error:
        return fault_answer(asked, SoapFault.of(error))
    except RecordError as refused:
        return fault_answer(asked, SoapFault(refused.code, refused.message))


@blueprint.after_request
def _in_xml(told: Response) -> Response:
    """A fault of the plan speaks the language of the call it strikes."""
    asked = flavour((request.view_args or {}).get("kind", ""))
    if asked is None or told.mimetype != "application/json":
        return told
    try:
        (error, *_) = json.loads(told.get_data())
        fault = SoapFault(str(error["errorCode"]), str(error["message"]))
    except (ValueError, TypeError, KeyError):
        return told
    return fault_answer(asked, fault)


def _answer(asked: Flavour, version: str) -> Response:
    call = _call(asked, version)
    name = call.operation.name
    if name == "login":
        return answer(asked, name, signing_in.login(call), None)
    org, state = emulator(), call_state()
    session_id = call.header_value("SessionHeader", "sessionId")
    if session_id is None:
        raise illegal_session()
    gate.admit(org, state, org.tokens.access(session_id))
    gate.count(org, state)
    change_origin.set(api_origin("soap", call.version, f"client={state.client}" if state.client else ""))
    results = _OPERATIONS[name](call)
    return answer(asked, name, results, (org.usage.used, org.usage.allowance))


def _call(asked: Flavour, version: str) -> SoapCall:
    """The call in the request's body.

    :raises ClientFault: it is none.
    :raises SoapFault: of a version or an operation that isn't here.
    """
    if request.mimetype != "text/xml":
        raise ClientFault("content-type of the request should be text/xml", 415)
    if "SOAPAction" not in request.headers:
        raise ClientFault("SOAPAction HTTP header missing")
    number = _VERSION.fullmatch(version)
    if number is None or not OLDEST_VERSION <= int(number[1]) <= NEWEST_VERSION:
        raise SoapFault("UNSUPPORTED_API_VERSION", f"Invalid Api version specified on URL: {version}")
    try:
        sent = parse(request.get_data())
    except MarkupError as error:
        raise ClientFault(f"Unable to parse the request: {error}") from None
    call = operation_of(sent, asked, f"{number[1]}.0")
    state = call_state()
    state.version, state.client = call.version, call.header_value("CallOptions", "client") or ""
    name = call.operation.name
    if call.operation.namespace != asked.namespace or name not in {"login", *_OPERATIONS, *_NOT_HERE}:
        raise unknown_operation(call.operation)
    if name in _NOT_HERE:
        raise SoapFault("UNKNOWN_EXCEPTION", f"{name} is not among what this emulated org answers by SOAP")
    return call
