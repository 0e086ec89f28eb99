"""The OAuth endpoints and the two pages a person sees: log in, allow."""

from __future__ import annotations

import secrets
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Response, jsonify, redirect, render_template, request, session
from werkzeug.wrappers import Response as BaseResponse

from salesforce_emulator.oauth.apps import App
from salesforce_emulator.oauth.codes import Code
from salesforce_emulator.oauth.discovery import configuration, introspection
from salesforce_emulator.oauth.grants import Grants, OAuthError
from salesforce_emulator.oauth.users import OrgUser, Users
from salesforce_emulator.runtime import Emulator, emulator
from salesforce_emulator.store import DEFAULT_PASSWORD

blueprint = Blueprint("oauth", __name__)

Answer = Response | BaseResponse | str | tuple[Response | str, int]

# What the consent page names, by scope, in Salesforce's words.
PERMISSIONS = {
    "id": "Access basic information",
    "api": "Access and manage data",
    "refresh_token": "Perform requests at any time",  # nosec B105
}
_SAME = {"id": ("id", "profile", "email", "openid", "address", "phone"), "refresh_token": ("offline_access",)}
_KEPT = (
    "response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method",
)  # fmt: skip


def base_url() -> str:
    return request.host_url.rstrip("/")


# -- the pages


@blueprint.get("/services/oauth2/authorize")
def authorize() -> Answer:
    """Step one of the web server flow: log in, unless somebody is, then ask for consent."""
    org = emulator()
    app = org.apps.get(request.args.get("client_id", ""))
    redirect_uri = request.args.get("redirect_uri", "")
    if app is None:
        return _refusal("invalid_client_id", "client identifier invalid")
    if not urlsplit(redirect_uri).scheme or not app.allows_callback(redirect_uri):
        return _refusal("redirect_uri_mismatch", "redirect_uri must match configuration")
    if problem := _request_problem(app):
        return redirect(_with(redirect_uri, {**problem, "state": request.args.get("state")}))
    user = Users(org.store).by_id(session.get("user_id", ""))
    if user is None or "login" in request.args.get("prompt", ""):
        return _login_page(org, "", request.args.get("login_hint", ""))
    return _consent_page(org, app, user)


def _request_problem(app: App) -> dict[str, str] | None:
    if request.args.get("response_type") != "code":
        return {"error": "unsupported_response_type", "error_description": "response type not supported"}
    if app.blocked:
        return {"error": "OAUTH_APP_BLOCKED", "error_description": "this app is blocked by admin"}
    if request.args.get("code_challenge") and request.args.get("code_challenge_method", "S256") != "S256":
        return {"error": "invalid_request", "error_description": "invalid code challenge method"}
    if app.require_pkce and not request.args.get("code_challenge"):
        return {"error": "invalid_request", "error_description": "missing required code challenge"}
    asked = request.args.get("scope", "").split()
    known = {*app.scopes, "openid", "full", "web", "offline_access"}
    if unknown := [s for s in asked if s not in known]:
        return {"error": "invalid_scope", "error_description": f"the requested scope is not allowed: {unknown[0]}"}
    return None


def _with(url: str, parameters: dict[str, str | None]) -> str:
    given = {k: v for k, v in parameters.items() if v is not None}
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(given)}"


def _refusal(error: str, description: str) -> tuple[str, int]:
    return render_template("oauth/refused.html", error=error, description=description), 400


def _login_page(org: Emulator, problem: str, username: str) -> str:
    return render_template(
        "oauth/login.html",
        users=Users(org.store).everybody(),
        password=DEFAULT_PASSWORD,
        problem=problem,
        username=username,
        kept=_asked(request.values.to_dict()),
    )


def _asked(values: dict[str, str]) -> dict[str, str]:
    return {k: values[k] for k in _KEPT if k in values}


@blueprint.post("/login")
def log_in() -> Answer:
    """The login form. Continues with what was asked for, or with the org's pages."""
    org = emulator()
    users = Users(org.store)
    username = request.form.get("username", "")
    user = users.by_name(username)
    if user is None or not user.active or not users.password_fits(user, request.form.get("pw", "")):
        problem = (
            "Please check your username and password. If you still can't log in, contact your Salesforce administrator."
        )
        return _login_page(org, problem, username)
    session.clear()
    session["user_id"] = user.id
    session["csrf"] = secrets.token_urlsafe(16)
    kept = _asked(request.form.to_dict())
    return redirect(f"/services/oauth2/authorize?{urlencode(kept)}" if kept else "/")


@blueprint.get("/login")
def login() -> Answer:
    return _login_page(emulator(), "", "")


@blueprint.route("/logout", methods=["GET", "POST"])
def log_out() -> Answer:
    """Another user's turn. Goes back to the login page of the same request."""
    session.clear()
    kept = _asked(request.values.to_dict())
    return redirect(f"/services/oauth2/authorize?{urlencode(kept)}" if kept else "/")


def _consent_page(org: Emulator, app: App, user: OrgUser) -> str:
    session.setdefault("csrf", secrets.token_urlsafe(16))
    return render_template(
        "oauth/consent.html",
        app=app,
        user=user,
        permissions=[text for scope, text in PERMISSIONS.items() if _grants(_scope(app), scope)],
        kept=_asked(request.args.to_dict()),
        csrf=session["csrf"],
    )


def _scope(app: App) -> str:
    return request.values.get("scope") or " ".join(app.scopes)


def _grants(scope: str, wanted: str) -> bool:
    return bool({wanted, "full" if wanted == "api" else wanted, *_SAME.get(wanted, ())} & set(scope.split()))


@blueprint.post("/services/oauth2/consent")
def consent() -> Answer:
    """Allow or Deny."""
    org = emulator()
    app = org.apps.get(request.form.get("client_id", ""))
    user = Users(org.store).by_id(session.get("user_id", ""))
    redirect_uri, state = request.form.get("redirect_uri", ""), request.form.get("state")
    if app is None or not app.allows_callback(redirect_uri):
        return _refusal("redirect_uri_mismatch", "redirect_uri must match configuration")
    known = session.get("csrf")
    if user is None or not known or request.form.get("csrf") != known:
        return _refusal("access_denied", "your session has ended: go back and log in again")
    if request.form.get("answer") != "allow":
        denied = {"error": "access_denied", "error_description": "end-user denied authorization", "state": state}
        return redirect(_with(redirect_uri, denied))
    code = Code(
        client_id=app.client_id,
        user_id=user.id,
        redirect_uri=redirect_uri,
        scope=_scope(app),
        challenge=request.form.get("code_challenge", ""),
        expires=org.store.clock().timestamp() + org.settings.code_seconds,
    )
    return redirect(_with(redirect_uri, {"code": org.codes.issue(code), "state": state}))


# -- the endpoints


@blueprint.post("/services/oauth2/token")
def token() -> Answer:
    org = emulator()
    try:
        body = Grants(org, base_url()).answer(request.form.to_dict(), _basic())
    except OAuthError as refused:
        return _refused(refused)
    answer = jsonify(body)
    answer.headers["Cache-Control"] = "no-cache, no-store"
    return answer


def _basic() -> tuple[str, str] | None:
    """Id and secret of the client, where they are in the header."""
    basic = request.authorization
    return (basic.username or "", basic.password or "") if basic and basic.type == "basic" else None


def _refused(error: OAuthError) -> Response:
    answer = jsonify({"error": error.error, "error_description": error.description})
    answer.status_code = 400
    return answer


@blueprint.post("/services/oauth2/introspect")
def introspect() -> Answer:
    """What a token of the asking app is worth."""
    org, form = emulator(), request.form.to_dict()
    try:
        app = Grants(org, base_url()).client(form, _basic(), "introspect")
    except OAuthError as refused:
        return _refused(refused)
    return jsonify(introspection(org, app, form.get("token", ""), base_url()))


@blueprint.get("/.well-known/openid-configuration")
def openid_configuration() -> Answer:
    return jsonify(configuration(base_url()))


@blueprint.route("/services/oauth2/revoke", methods=["GET", "POST"])
def revoke() -> Answer:
    if emulator().tokens.revoke(request.values.get("token", "")):
        return Response(status=200)
    answer = jsonify({"error": "invalid_token", "error_description": "invalid token"})
    answer.status_code = 400
    return answer


def _bearer_user() -> tuple[OrgUser | None, str]:
    """The user of the request's access token, or the text of the 403 that Salesforce answers instead."""
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    value = value if kind.lower() in ("bearer", "oauth") else request.values.get("oauth_token", "")
    if not value:
        return None, "Missing_OAuth_Token"
    found = emulator().tokens.access(value)
    user = Users(emulator().store).by_id(found.user_id) if found else None
    return user, "Bad_OAuth_Token"


@blueprint.route("/services/oauth2/userinfo", methods=["GET", "POST"])
def userinfo() -> Answer:
    user, problem = _bearer_user()
    if user is None:
        return problem, 403
    organization = emulator().store.organization_id
    return jsonify(
        {
            "sub": f"{base_url()}/id/{organization}/{user.id}",
            "user_id": user.id,
            "organization_id": organization,
            "preferred_username": user.username,
            "nickname": user.nickname,
            "name": user.name,
            "email": user.email,
            "email_verified": True,
            "given_name": user.first_name,
            "family_name": user.last_name,
            "zoneinfo": user.time_zone,
            "photos": _photos(),
            "profile": f"{base_url()}/{user.id}",
            "picture": _photos()["picture"],
            "address": {},
            "is_salesforce_integration_user": False,
            "urls": _urls(user, organization),
            "active": user.active,
            "user_type": "STANDARD",
            "language": user.language,
            "locale": user.locale,
            "utcOffset": user.utc_offset,
            "updated_at": user.modified.replace(".000Z", "Z"),
            "is_app_installed": True,
        }
    )


@blueprint.get("/id/<organization_id>/<user_id>")
def identity(organization_id: str, user_id: str) -> Answer:
    user, problem = _bearer_user()
    if user is None:
        return problem, 403
    organization = emulator().store.organization_id
    if organization_id != organization or user_id != user.id:
        return "Wrong_Org", 404
    return jsonify(
        {
            "id": f"{base_url()}/id/{organization}/{user.id}",
            "asserted_user": True,
            "user_id": user.id,
            "organization_id": organization,
            "username": user.username,
            "nick_name": user.nickname,
            "display_name": user.name,
            "email": user.email,
            "email_verified": True,
            "first_name": user.first_name,
            "last_name": user.last_name,
            "timezone": user.time_zone,
            "photos": _photos(),
            "addr_street": None,
            "addr_city": None,
            "addr_state": None,
            "addr_country": None,
            "addr_zip": None,
            "mobile_phone": None,
            "mobile_phone_verified": False,
            "status": {"created_date": None, "body": None},
            "urls": _urls(user, organization),
            "active": user.active,
            "user_type": "STANDARD",
            "language": user.language,
            "locale": user.locale,
            "utcOffset": user.utc_offset,
            "last_modified_date": user.modified.replace(".000Z", "Z"),
            "is_app_installed": True,
        }
    )


def _photos() -> dict[str, str]:
    folder = f"{base_url()}/profilephoto/005"
    return {"picture": f"{folder}/F", "thumbnail": f"{folder}/T"}


def _urls(user: OrgUser, organization: str) -> dict[str, str]:
    rest = f"{base_url()}/services/data/v{{version}}"
    return {
        "enterprise": f"{base_url()}/services/Soap/c/{{version}}/{organization[:15]}",
        "metadata": f"{base_url()}/services/Soap/m/{{version}}/{organization[:15]}",
        "partner": f"{base_url()}/services/Soap/u/{{version}}/{organization[:15]}",
        "rest": f"{rest}/",
        "sobjects": f"{rest}/sobjects/",
        "search": f"{rest}/search/",
        "query": f"{rest}/query/",
        "recent": f"{rest}/recent/",
        "profile": f"{base_url()}/{user.id}",
        "custom_domain": base_url(),
    }
