"""The SOAP API: its envelope, its faults, signing in, and what a call costs."""

from __future__ import annotations

import pytest
from tests.salesforce_emulator.client import Api, OpenApi
from tests.salesforce_emulator.soap_client import ENVELOPE, PARTNER, Soap, body_of, fault_of, local, text

from salesforce_emulator import OrgStore, Settings
from salesforce_emulator.schema import BASE

ADMIN = "admin@emulator.example"
OFF = "SOAP API login() is disabled by default in this org. Contact the org administrator to enable SOAP API login()."

GONE = (
    "The SOAP Login operation is not available in the API version specified (65.0). "
    "Refer to the documentation for supported versions."
)


def soap_of(api: Api, **options: str) -> Soap:
    return Soap(api, api.org.access_token(BASE.administrator), **options)


@pytest.fixture
def soap(api: Api) -> Soap:
    return soap_of(api)


def login(soap: Soap, username: str, password: str) -> tuple[str, str] | str:
    """The session's id, or code and message of the fault."""
    answer = soap.post(f"<login><username>{username}</username><password>{password}</password></login>")
    if answer.status_code != 200:
        return fault_of(answer)
    (response,) = body_of(answer)
    return text(response, "result/sessionId") or ""


def test_login_is_off_in_a_new_org_and_gone_from_65_on(api: Api, open_api: OpenApi) -> None:
    """Both messages as quoted by clients that met them."""
    assert login(Soap(api, ""), ADMIN, api.org.password) == ("INVALID_OPERATION", OFF)
    turned_on = open_api(settings=Settings(soap_login=True))
    gone = login(Soap(turned_on, "", version="65.0"), ADMIN, api.org.password)
    assert gone == ("INVALID_OPERATION", GONE)
    assert isinstance(login(Soap(turned_on, "", version="64.0"), ADMIN, api.org.password), str)


def test_a_session_by_login(open_api: OpenApi) -> None:
    api = open_api(settings=Settings(soap_login=True, security_token="tok3n"))
    soap = Soap(api, "")
    wrong = ("INVALID_LOGIN", "Invalid username, password, security token; or user locked out.")
    assert login(soap, ADMIN, "wrong") == wrong
    assert login(soap, ADMIN, api.org.password) == wrong, "the security token is missing"
    assert login(soap, "nobody@emulator.example", f"{api.org.password}tok3n") == wrong
    assert login(soap, "noapi@emulator.example", f"{api.org.password}tok3n")[0] == "API_CURRENTLY_DISABLED"
    (result,) = soap.call(f"<login><username>{ADMIN}</username><password>{api.org.password}tok3n</password></login>")
    short = BASE.organization[:15]
    assert text(result, "serverUrl") == f"{api.org.url}/services/Soap/u/60.0/{short}"
    assert text(result, "metadataServerUrl") == f"{api.org.url}/services/Soap/m/60.0/{short}"
    assert (text(result, "userId"), text(result, "passwordExpired")) == (BASE.administrator, "false")
    assert text(result, "userInfo/userName") == ADMIN
    session = text(result, "sessionId") or ""
    assert api.get("limits", headers={"Authorization": f"Bearer {session}"}).status_code == 200
    assert text(Soap(api, session).call("<getUserInfo/>")[0], "userId") == BASE.administrator
    assert Soap(api, session).call("<logout/>") == []
    assert Soap(api, session).fault("<getUserInfo/>")[0] == "INVALID_SESSION_ID"


def test_who_and_when(soap: Soap) -> None:
    (who,) = soap.call("<getUserInfo/>")
    assert text(who, "organizationId") == BASE.organization
    assert text(who, "profileId") == BASE.admin_profile
    assert text(who, "userDefaultCurrencyIsoCode") is None
    (when,) = soap.call("<getServerTimestamp/>")
    assert (text(when, "timestamp") or "").endswith("Z")


def test_faults_of_sessions(api: Api, soap: Soap, open_api: OpenApi) -> None:
    """ "sf:INVALID_SESSION_ID", status 500."""
    illegal = ("INVALID_SESSION_ID", "Invalid Session ID found in SessionHeader: Illegal Session")
    assert Soap(api, "").fault("<getUserInfo/>") == illegal
    assert Soap(api, "nonsense").fault("<getUserInfo/>") == illegal
    no_api = Soap(api, api.org.access_token(BASE.without_api))
    assert no_api.fault("<getUserInfo/>")[0] == "API_CURRENTLY_DISABLED"
    narrow = Soap(api, api.org.access_token(scope="id profile"))
    assert narrow.fault("<getUserInfo/>")[0] == "INVALID_SESSION_ID"
    professional = open_api(store=OrgStore(edition="Professional Edition"))
    assert soap_of(professional).fault("<getUserInfo/>")[0] == "API_DISABLED_FOR_ORG"


def test_calls_count_and_say_so(open_api: OpenApi) -> None:
    api = open_api(settings=Settings(allowance=2))
    soap = soap_of(api)
    answer = soap.post("<getUserInfo/>")
    assert answer.headers["Sforce-Limit-Info"] == "api-usage=1/2"
    assert "<current>1</current><limit>2</limit><type>API REQUESTS</type>" in answer.text
    soap.call("<getServerTimestamp/>")
    assert soap.fault("<getUserInfo/>") == ("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    assert api.org.counted_calls() == 2


def test_planned_faults_speak_xml(api: Api, soap: Soap) -> None:
    api.org.fault("limit", {"path": "/Soap/"})
    assert soap.fault("<getUserInfo/>") == ("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    api.org.fault("session_expired", {"path": "/Soap/"})
    assert soap.fault("<getUserInfo/>")[0] == "INVALID_SESSION_ID"


def test_versions(api: Api, soap: Soap) -> None:
    """ "500: UNSUPPORTED_API_VERSION"."""
    for version in ("30.0", "99.0", "x"):
        assert soap_of(api, version=version).fault("<getUserInfo/>")[0] == "UNSUPPORTED_API_VERSION"
    assert soap_of(api, version="31.0").call("<getUserInfo/>")
    assert soap_of(api, kind="m").post("<getUserInfo/>").status_code == 404


def test_operations_that_are_not_here(soap: Soap) -> None:
    """ "No operation available for request {urn:partner.soap.sforce.com}x"."""
    assert soap.fault("<x/>") == ("soapenv:Client", f"No operation available for request {{{PARTNER}}}x")
    assert soap.fault("<search><searchString>FIND {x}</searchString></search>")[0] == "UNKNOWN_EXCEPTION"
    assert soap.fault('<getUserInfo xmlns="urn:other"/>')[0] == "soapenv:Client"


def test_messages_that_are_no_calls(soap: Soap) -> None:
    assert fault_of(soap.raw("<a"))[0] == "soapenv:Client"
    assert fault_of(soap.raw("<a/>"))[0] == "soapenv:Client"
    assert fault_of(soap.raw(f'<e:Envelope xmlns:e="{ENVELOPE}"><e:Body/></e:Envelope>'))[0] == "soapenv:Client"
    deep = "<a>" * 200 + "</a>" * 200
    assert "nested too deeply" in soap.fault(f"<query>{deep}</query>")[1]
    assert soap.post("<getUserInfo/>", **{"Content-Type": "application/json"}).status_code == 415
    without = soap.api.http.post("/services/Soap/u/60.0", content=b"<a/>", headers={"Content-Type": "text/xml"})
    assert fault_of(without) == ("soapenv:Client", "SOAPAction HTTP header missing")


@pytest.mark.parametrize(
    "document_type",
    [
        '<!DOCTYPE a [<!ENTITY x "y">]>',
        '<!DOCTYPE a SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    ],
)
def test_document_types_are_refused(soap: Soap, document_type: str) -> None:
    envelope = f'<e:Envelope xmlns:e="{ENVELOPE}"><e:Body><getUserInfo xmlns="{PARTNER}"/></e:Body></e:Envelope>'
    code, message = fault_of(soap.raw(document_type + envelope))
    assert code == "soapenv:Client"
    assert "DOCTYPE is not allowed" in message


def test_the_enterprise_flavour(api: Api) -> None:
    """Objects are types, and the namespaces its own."""
    soap = soap_of(api, kind="c")
    (made,) = soap.call('<create><sObjects xsi:type="urn:Account"><Name>A</Name></sObjects></create>')
    assert text(made, "success") == "true"
    answer = soap.post("<query><queryString>SELECT Id, Name FROM Account</queryString></query>")
    (response,) = body_of(answer)
    assert response.tag == "{urn:enterprise.soap.sforce.com}queryResponse"
    assert '<records xsi:type="sf:Account"><sf:Id>' in answer.text
    (record,) = [c for c in response[0] if local(c) == "records"]
    assert [local(c) for c in record] == ["Id", "Name"]
