"""Who calls: the metadata ``accesstoken``, ``instanceurl`` and ``tenantid`` that every call brings."""

from __future__ import annotations

from urllib.parse import urlsplit

from salesforce_emulator.oauth.users import Users
from salesforce_emulator.pubsub.refusals import Context, Refused, unauthenticated
from salesforce_emulator.runtime import Emulator

_NEEDED = ("accesstoken", "instanceurl", "tenantid")


def admit(org: Emulator, context: Context) -> str:
    """Check a call's metadata; its access token.

    :raises Refused: something is missing, or its session isn't valid for this org and API.
    """
    given = {key.lower(): value for key, value in context.invocation_metadata()}
    blank = [name for name in _NEEDED if not str(given.get(name, "")).strip()]
    if blank:
        raise _headers(f"Authentication headers are missing or blank: {', '.join(blank)}")
    url = urlsplit(given["instanceurl"].strip())
    if url.scheme not in ("http", "https") or not url.hostname:
        raise _headers("The instanceurl header is not the URL of an instance")
    if given["tenantid"].strip() != org.store.organization_id:
        raise _headers("The tenantid header is not the 18-character ID of this org")
    token = given["accesstoken"].strip()
    check(org, token)
    return token


def check(org: Emulator, token: str) -> str:
    """See that a token's session is valid still; the id of its user.

    :raises Refused: it isn't.
    """
    session = org.tokens.access(token)
    user = Users(org.store).by_id(session.user_id) if session is not None else None
    if session is None or user is None or not user.active:
        raise _session("INVALID_SESSION_ID")
    if not {"api", "full", "web"} & set(session.scope.split()) or not org.has_api or not user.api_enabled:
        raise _session("API_DISABLED")
    return user.id


def _session(why: str) -> Refused:
    message = f"An authentication exception occurred ({why}). Provide valid authentication via metadata headers."
    return unauthenticated("service.auth.error", message)


def _headers(message: str) -> Refused:
    return unauthenticated("service.auth.headers.invalid", message)
