"""login, logout, getUserInfo, getServerTimestamp.

login() is on its way out: gone from version 65 on, and off in a new org until an administrator turns it on.
"""

from __future__ import annotations

from flask import request

from salesforce_emulator.oauth.users import OrgUser, Users
from salesforce_emulator.runtime import Emulator, api_session, api_user, emulator
from salesforce_emulator.soap.calls import SoapCall, SoapFault
from salesforce_emulator.soap.markup import Xml, joined, result, tag
from salesforce_emulator.soql.conditions import stamp

_LAST_WITH_LOGIN = 64
_SCOPE = "full"
_WRONG = "Invalid username, password, security token; or user locked out."
_OFF = "SOAP API login() is disabled by default in this org. Contact the org administrator to enable SOAP API login()."


def login(call: SoapCall) -> list[Xml]:
    """A session for a username, and a password with the security token behind it.

    :raises SoapFault: LoginFault.
    """
    org = emulator()
    if float(call.version) > _LAST_WITH_LOGIN:
        message = (
            f"The SOAP Login operation is not available in the API version specified ({call.version}). "
            "Refer to the documentation for supported versions."
        )
        raise _refused("INVALID_OPERATION", message)
    if not org.settings.soap_login:
        raise _refused("INVALID_OPERATION", _OFF)
    users = Users(org.store)
    user = users.by_name(call.operation.value("username") or "")
    # blanks at either end are part of a password
    given = call.operation.first("password")
    password = "" if given is None else given.text
    if user is None or not user.active or not users.signs_in(user, password, org.settings.security_token):
        raise _refused("INVALID_LOGIN", _WRONG)
    if not org.has_api:
        raise _refused("API_DISABLED_FOR_ORG", "API is not enabled for this Organization or Partner")
    if not user.api_enabled:
        raise _refused("API_CURRENTLY_DISABLED", "API is not enabled for this user")
    session_id = org.tokens.issue_access("", user.id, _SCOPE, org.tokens.new_family())
    folder = f"{request.host_url}services/Soap"
    place = f"{call.version}/{org.store.organization_id[:15]}"
    return [
        result(
            tag("metadataServerUrl", f"{folder}/m/{place}"),
            tag("passwordExpired", False),
            tag("sandbox", _sandbox(org)),
            tag("serverUrl", f"{folder}/{call.flavour.path}/{place}"),
            tag("sessionId", session_id),
            tag("userId", user.id),
            tag("userInfo", _user_info(org, user)),
        )
    ]


def _refused(code: str, message: str) -> SoapFault:
    return SoapFault(code, message, "LoginFault")


def logout(call: SoapCall) -> list[Xml]:
    """Ends the session that asks."""
    emulator().tokens.end_session(api_session().key)
    return []


def user_info(call: SoapCall) -> list[Xml]:
    return [result(_user_info(emulator(), api_user()))]


def server_timestamp(call: SoapCall) -> list[Xml]:
    return [result(tag("timestamp", stamp(emulator().store.clock())))]


def _sandbox(org: Emulator) -> bool:
    with org.store.reading() as conn:
        return bool(conn.execute('SELECT "IsSandbox" FROM "Organization"').fetchone()[0])


def _user_info(org: Emulator, user: OrgUser) -> Xml:
    with org.store.reading() as conn:
        (name,) = conn.execute('SELECT "Name" FROM "Organization"').fetchone()
        row = conn.execute('SELECT "ProfileId", "UserRoleId" FROM "User" WHERE "Id" = ?', (user.id,)).fetchone()
    told = {
        "accessibilityMode": False,
        "currencySymbol": "$",
        "orgAttachmentFileSizeLimit": 5_242_880,
        "orgDefaultCurrencyIsoCode": "USD",
        "orgDisallowHtmlAttachments": False,
        "orgHasPersonAccounts": False,
        "organizationId": org.store.organization_id,
        "organizationMultiCurrency": False,
        "organizationName": name,
        "profileId": row[0],
        "roleId": row[1],
        "sessionSecondsValid": int(org.settings.session_seconds),
        "userDefaultCurrencyIsoCode": None,
        "userEmail": user.email,
        "userFullName": user.name,
        "userId": user.id,
        "userLanguage": user.language,
        "userLocale": user.locale,
        "userName": user.username,
        "userTimeZone": user.time_zone,
        "userType": "Standard",
        "userUiSkin": "Theme3",
    }
    return joined(*(tag(key, value) for key, value in told.items()))
