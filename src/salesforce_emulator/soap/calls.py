"""One SOAP call: its flavour, version, headers; and the envelopes of answers and faults."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flask import Response

from salesforce_emulator.api.answers import ApiError
from salesforce_emulator.soap.markup import XSI, Element, Xml, joined, tag

_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_XSD = "http://www.w3.org/2001/XMLSchema"
_TYPE = "text/xml;charset=UTF-8"
_FLAVOURS = {"u": "partner", "c": "enterprise"}
_PLACE = re.compile(r"ERROR at Row:(\d+):Column:(\d+)")
_QUERY_FAULTS = {
    "MALFORMED_QUERY": "MalformedQueryFault",
    "INVALID_FIELD": "InvalidFieldFault",
    "INVALID_TYPE": "InvalidSObjectFault",
    "INVALID_QUERY_FILTER_OPERATOR": "MalformedQueryFault",
}
"""Faults that say where in a query the error is."""
_FAULTS = {
    "INVALID_ID_FIELD": "InvalidIdFault",
    "MALFORMED_ID": "InvalidIdFault",
    "INVALID_QUERY_LOCATOR": "InvalidQueryLocatorFault",
}


@dataclass(frozen=True)
class Flavour:
    """Partner: any object, by its type's name. Enterprise: objects are types of the schema."""

    path: str
    name: str

    @property
    def namespace(self) -> str:
        return f"urn:{self.name}.soap.sforce.com"

    @property
    def is_partner(self) -> bool:
        return self.name == "partner"


def flavour(path: str) -> Flavour | None:
    name = _FLAVOURS.get(path)
    return Flavour(path, name) if name else None


class SoapFault(Exception):
    """A call that is refused as a whole."""

    def __init__(self, code: str, message: str, kind: str = "") -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.kind = kind or _QUERY_FAULTS.get(code) or _FAULTS.get(code, "UnexpectedErrorFault")

    @classmethod
    def of(cls, error: ApiError) -> SoapFault:
        """A refusal of the REST API's, as the SOAP API words it."""
        if error.status == 401:
            return illegal_session()
        return cls(error.code, error.message)


def illegal_session() -> SoapFault:
    message = "Invalid Session ID found in SessionHeader: Illegal Session"
    return SoapFault("INVALID_SESSION_ID", message)


class ClientFault(Exception):
    """A message that can't be read as a call; ``status`` is the HTTP status."""

    def __init__(self, message: str, status: int = 500) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


@dataclass(frozen=True)
class SoapCall:
    """A call as it was sent: its operation's element, and its headers by name."""

    flavour: Flavour
    version: str
    operation: Element
    headers: dict[str, Element]

    def header_flag(self, header: str, name: str) -> bool:
        found = self.headers.get(header)
        return found is not None and found.flag(name)

    def header_value(self, header: str, name: str) -> str | None:
        found = self.headers.get(header)
        return None if found is None else found.value(name)


def operation_of(sent: Element, flavour: Flavour, version: str) -> SoapCall:
    """The call in an envelope.

    :raises ClientFault: it isn't one, or has no operation in the flavour's namespace.
    """
    body = sent.first("Body")
    if sent.name != "Envelope" or sent.namespace != _ENVELOPE or body is None:
        raise ClientFault("The message is not a SOAP 1.1 envelope with a body")
    header = sent.first("Header")
    headers = {one.name: one for one in header.children} if header is not None else {}
    if not body.children:
        raise ClientFault("No operation available for request")
    return SoapCall(flavour, version, body.children[0], headers)


def unknown_operation(operation: Element) -> ClientFault:
    return ClientFault(f"No operation available for request {{{operation.namespace}}}{operation.name}")


def answer(flavour: Flavour, name: str, results: list[Xml], usage: tuple[int, int] | None) -> Response:
    """The envelope of an answer with its result elements. ``usage``: calls made and allowed, where the call counted."""
    header = ""
    if usage is not None:
        counted = joined(tag("current", usage[0]), tag("limit", usage[1]), tag("type", "API REQUESTS"))
        header = tag("soapenv:Header", tag("LimitInfoHeader", tag("limitInfo", counted)))
    body = tag("soapenv:Body", tag(f"{name}Response", joined(*results)))
    sobjects = f"urn:sobject.{flavour.name}.soap.sforce.com"
    opening = (
        f'<soapenv:Envelope xmlns:soapenv="{_ENVELOPE}" xmlns="{flavour.namespace}" xmlns:xsd="{_XSD}"'
        f' xmlns:xsi="{XSI}" xmlns:sf="{sobjects}">'
    )
    return _document(f"{opening}{header}{body}</soapenv:Envelope>", 200)


def fault_answer(flavour: Flavour, fault: SoapFault) -> Response:
    """A fault of the API's own: status 500."""
    detail = joined(tag("sf:exceptionCode", fault.code), tag("sf:exceptionMessage", fault.message))
    if fault.kind in _QUERY_FAULTS.values():
        place = _PLACE.search(fault.message)
        row, column = place.groups() if place else ("-1", "-1")
        detail = joined(detail, tag("sf:row", row), tag("sf:column", column))
    kind = f"sf:{fault.kind}"
    said = joined(
        tag("faultcode", f"sf:{fault.code}"),
        tag("faultstring", f"{fault.code}: {fault.message}"),
        tag("detail", tag(kind, detail, xsi__type=kind)),
    )
    return _fault_document(flavour, said, 500)


def client_fault_answer(flavour: Flavour, fault: ClientFault) -> Response:
    """A fault of the one who sent what can't be read."""
    said = joined(tag("faultcode", "soapenv:Client"), tag("faultstring", fault.message))
    return _fault_document(flavour, said, fault.status)


def _fault_document(flavour: Flavour, said: Xml, status: int) -> Response:
    opening = (
        f'<soapenv:Envelope xmlns:soapenv="{_ENVELOPE}"'
        f' xmlns:sf="urn:fault.{flavour.name}.soap.sforce.com" xmlns:xsi="{XSI}">'
    )
    body = tag("soapenv:Body", tag("soapenv:Fault", said))
    return _document(f"{opening}{body}</soapenv:Envelope>", status)


def _document(text: str, status: int) -> Response:
    return Response(f'<?xml version="1.0" encoding="UTF-8"?>{text}', status=status, content_type=_TYPE)
