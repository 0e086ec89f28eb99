"""A client of the SOAP API, as the tests use it: envelopes out, elements in."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from xml.sax.saxutils import escape

import httpx2
from tests.salesforce_emulator.client import Api

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
PARTNER = "urn:partner.soap.sforce.com"
FAULTS = "urn:fault.partner.soap.sforce.com"
Element = ElementTree.Element


def local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def text(element: Element, path: str) -> str | None:
    """The text under a path of local names; None where it is absent or nil."""
    for name in path.split("/"):
        found = next((c for c in element if local(c) == name), None)
        if found is None:
            return None
        element = found
    return None if element.get(f"{{{XSI}}}nil") == "true" else element.text or ""


def texts(element: Element, name: str) -> list[str]:
    return [c.text or "" for c in element if local(c) == name]


def many(name: str, values: list[str]) -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for value in values)


def sobject(tag: str, type_: str, **values: str) -> str:
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values.items())
    return f"<{tag}><type>{type_}</type>{inner}</{tag}>"


@dataclass
class Soap:
    """Calls an org's SOAP API."""

    api: Api
    session: str
    version: str = "60.0"
    kind: str = "u"

    def post(self, body: str, header: str = "", **headers: str) -> httpx2.Response:
        namespace = PARTNER if self.kind == "u" else "urn:enterprise.soap.sforce.com"
        session = (
            f"<SessionHeader><sessionId>{escape(self.session)}</sessionId></SessionHeader>" if self.session else ""
        )
        envelope = (
            f'<?xml version="1.0" encoding="utf-8"?><soapenv:Envelope xmlns:soapenv="{ENVELOPE}" xmlns="{namespace}"'
            f' xmlns:xsi="{XSI}" xmlns:urn="urn:sobject.enterprise.soap.sforce.com">'
            f"<soapenv:Header>{session}{header}</soapenv:Header>"
            f"<soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>"
        )
        return self.raw(envelope, **headers)

    def raw(self, envelope: str, **headers: str) -> httpx2.Response:
        sent = {"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": '""', **headers}
        path = f"/services/Soap/{self.kind}/{self.version}/00D000000000001"
        return self.api.http.post(path, content=envelope.encode(), headers={**sent, "Authorization": ""})

    def call(self, body: str, header: str = "") -> list[Element]:
        """The results of a call that must succeed."""
        answer = self.post(body, header)
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"] == "text/xml;charset=UTF-8"
        (response,) = body_of(answer)
        return list(response)

    def fault(self, body: str, header: str = "") -> tuple[str, str]:
        """Code and message of a call that must be refused."""
        return fault_of(self.post(body, header))


def body_of(answer: httpx2.Response) -> Element:
    found = ElementTree.fromstring(answer.content).find(f"{{{ENVELOPE}}}Body")
    assert found is not None, answer.text
    return found


def fault_of(answer: httpx2.Response) -> tuple[str, str]:
    """Code and message of a fault; its three places must agree."""
    assert answer.status_code == 500, answer.text
    (fault,) = body_of(answer)
    code, said = text(fault, "faultcode") or "", text(fault, "faultstring") or ""
    detail = next((c for c in fault if local(c) == "detail"), None)
    if detail is None:
        return code, said
    (kind,) = detail
    assert kind.tag == f"{{{FAULTS}}}{local(kind)}"
    exception, message = text(kind, "exceptionCode"), text(kind, "exceptionMessage")
    assert (code, said) == (f"sf:{exception}", f"{exception}: {message}")
    return str(exception), str(message)
