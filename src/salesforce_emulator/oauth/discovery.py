"""What clients can find out beside tokens: where the endpoints are, and what a token is worth."""

from __future__ import annotations

from salesforce_emulator.oauth.apps import App
from salesforce_emulator.oauth.users import Users
from salesforce_emulator.runtime import Emulator

_SCOPES = ("id", "profile", "email", "api", "full", "web", "openid", "refresh_token", "offline_access")


def configuration(base: str) -> dict[str, object]:
    """The endpoints, as OpenID Connect publishes them. No id tokens are given out, so no keys are named.

    :param base: the org's own URL, without a slash at the end.
    """
    services = f"{base}/services/oauth2"
    return {
        "issuer": base,
        "authorization_endpoint": f"{services}/authorize",
        "token_endpoint": f"{services}/token",
        "revocation_endpoint": f"{services}/revoke",
        "userinfo_endpoint": f"{services}/userinfo",
        "introspection_endpoint": f"{services}/introspect",
        "scopes_supported": list(_SCOPES),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "code_challenge_methods_supported": ["S256"],
    }


def introspection(org: Emulator, app: App, token: str, base: str) -> dict[str, object]:
    """Whose token it is and how long it lives; of a token that isn't the app's, or isn't valid, only that."""
    access = org.tokens.session(token)
    session = access or org.tokens.refresh(token)
    user = Users(org.store).by_id(session.user_id) if session is not None else None
    if session is None or session.client_id != app.client_id or user is None or not user.active:
        return {"active": False}
    told: dict[str, object] = {
        "active": True,
        "scope": session.scope,
        "client_id": session.client_id,
        "username": user.username,
        "sub": f"{base}/id/{org.store.organization_id}/{user.id}",
        "token_type": "access_token" if access else "refresh_token",
    }
    if session.expires is not None:
        told["exp"] = int(session.expires)
    if session.issued is not None:
        told.update(iat=int(session.issued), nbf=int(session.issued))
    return told
