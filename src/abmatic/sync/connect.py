"""Connecting an org: authorise, check, reconnect, disable.

The web server flow goes through a browser: `begin` gives the address of the org's login and what to keep in the
browser's session; `finish` takes the callback. The headless flows (JWT bearer, client credentials) need no browser.
Every failure is a `ConnectError` that says what happened and what to do.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from abmatic.identity import audit, sealing
from abmatic.identity.audit import COMMAND_LINE, Author, Difference
from abmatic.identity.models import AuditEntry, SealedSecret
from abmatic.salesforce import (
    AccessToken,
    Client,
    LoginHost,
    OAuthApp,
    Organization,
    RetryPolicy,
    StaticTokens,
    Tokens,
    UserInfo,
    errors,
    oauth,
    reach,
)
from abmatic.sync import alarms, clients
from abmatic.sync.checks import Findings, check_org
from abmatic.sync.models import Connection, ConnectionProblem, FieldMapping, Mode, ObjectSetting
from abmatic.sync.objects import configurable

# The one line of a check that found no way to the org.
LOST = "Connection"
# Somebody waits for the answer of a check.
_FEW_TRIES = RetryPolicy(attempts=3)
# How long a person may take between "Authorize" and coming back from Salesforce.
LOGIN_PATIENCE = timedelta(minutes=15)


class ConnectError(Exception):
    """Connecting failed. ``title`` and ``detail`` say what happened, ``remedy`` what to do about it."""

    def __init__(self, code: str, title: str, detail: str, remedy: str) -> None:
        super().__init__(f"{title}: {detail} {remedy}".strip())
        self.code = code
        self.title = title
        self.detail = detail
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Authorization:
    """Where to send the browser, and what to keep in its session (nothing in it is readable: secrets are sealed)."""

    url: str
    pending: dict[str, str]


def callback_url() -> str:
    """The callback URL to enter in the External Client App."""
    return f"{settings.BASE_URL}/settings/integrations/salesforce/callback/"


def begin(login_url: str, client_id: str, client_secret: str, *, connection: Connection | None = None) -> Authorization:
    """Starts the web server flow. With ``connection`` it is a reconnect; an empty secret then keeps the stored one.

    An address that somebody typed is called first: from one that doesn't answer, no browser comes back.
    """
    host = _host(login_url)
    if connection is not None and not client_secret:
        row = SealedSecret.objects.get(pk=connection.secret_id)
        client_secret = sealing.unseal(row.sealed).get("client_secret", "")
    if not client_id.strip():
        raise ConnectError(
            "client_id_missing", "Consumer key missing", "No consumer key was entered.",
            "Copy the consumer key of the External Client App from Salesforce Setup.",
        )  # fmt: skip
    if host.kind in ("my_domain", "extra"):
        try:
            reach.knock(host)
        except errors.SalesforceError as error:
            raise connect_error(error) from error
    request = oauth.begin(host, OAuthApp(client_id.strip(), client_secret.strip()), callback_url())
    sealed = sealing.seal({"client_secret": client_secret.strip(), "code_verifier": request.code_verifier})
    return Authorization(
        request.url,
        {
            "state": request.state,
            "login_url": host.origin,
            "client_id": client_id.strip(),
            "sealed": base64.b64encode(sealed).decode(),
            "connection": str(connection.pk) if connection else "",
            "began": datetime.now(UTC).isoformat(),
        },
    )


def finish(pending: Mapping[str, str], params: Mapping[str, str], *, by: Author = COMMAND_LINE) -> Connection:
    """Completes the web server flow from the callback's query. Raises `ConnectError`."""
    if not pending or datetime.now(UTC) - datetime.fromisoformat(pending["began"]) > LOGIN_PATIENCE:
        raise _state_error()
    host = _host(pending["login_url"])
    try:
        secret = sealing.unseal(base64.b64decode(pending["sealed"]))
    except sealing.SealBroken:
        raise _state_error("the encryption keys were changed since it began") from None
    app = OAuthApp(pending["client_id"], secret["client_secret"])
    try:
        code = oauth.code_from_callback(params, pending["state"])
        tokens = oauth.exchange(host, app, callback_url(), code, secret["code_verifier"])
    except errors.SalesforceError as error:
        raise connect_error(error) from error
    reconnecting = Connection.objects.filter(pk=int(pending["connection"] or 0)).first()
    return _accept(host, Connection.Flow.WEB, app, tokens, by, connection=reconnecting)


def connect_headless(
    login_url: str,
    flow: Literal["jwt", "client-credentials"],
    client_id: str,
    *,
    client_secret: str = "",
    private_key_pem: str = "",
    username: str = "",
    by: Author = COMMAND_LINE,
) -> Connection:
    """Connects by a flow that needs no browser. The org is added, or reconnected when it is known already."""
    host = _host(login_url)
    app = OAuthApp(client_id, client_secret, private_key_pem)
    try:
        tokens = oauth.jwt_bearer(host, app, username) if flow == "jwt" else oauth.client_credentials(host, app)
    except errors.SalesforceError as error:
        raise connect_error(error) from error
    return _accept(host, Connection.Flow(flow), app, tokens, by, username=username)


def check(connection: Connection) -> list[dict[str, str]]:
    """Checks edition, API access, user and permissions, a line each; stores and returns the lines."""
    try:
        with clients.open_client(connection, retry=_FEW_TRIES) as client:
            findings = check_org(client)
    except errors.SalesforceError as error:
        clients.mark_problem(connection.pk, clients.problem_of(error), str(error))
        connection.checks = [{"name": LOST, "state": "failed", "detail": error.cause, "remedy": error.remedy}]
    except sealing.SealBroken as error:
        clients.mark_problem(connection.pk, ConnectionProblem.SEAL_BROKEN, str(error))
        connection.checks = [{"name": LOST, "state": "failed", "detail": str(error), "remedy": ""}]
    else:
        _describe_org(connection, findings.organization, findings.user)
        connection.checks = findings.lines
        # Only what was found: the client has stored the use of the allowance meanwhile, or a new address of the org,
        # and somebody may have disabled the connection.
        connection.save(update_fields=_ORG_COLUMNS)
        Connection.objects.filter(pk=connection.pk).exclude(status=Connection.Status.INACTIVE).update(
            status=Connection.Status.ACTIVE, problem=ConnectionProblem.NONE, problem_detail=""
        )
        alarms.connection_back(connection.pk)
    connection.checked_at = timezone.now()
    connection.save(update_fields=["checks", "checked_at", "updated_at"])
    lines: list[dict[str, str]] = connection.checks
    connection.refresh_from_db()
    return lines


def disable(connection: Connection, *, by: Author = COMMAND_LINE) -> None:
    """Revokes the token and forgets it. Settings and data are kept."""
    with transaction.atomic():
        # Read under the lock: another worker may have renewed the tokens since this connection was loaded.
        row = SealedSecret.objects.select_for_update().get(pk=connection.secret_id)
        try:
            secret = sealing.unseal(row.sealed)
        except sealing.SealBroken:
            # Nobody can read it, so nobody can revoke it from here; it is forgotten all the same.
            secret = {}
        kept = {name: value for name, value in secret.items() if name not in {"access_token", "refresh_token"}}
        row.sealed = sealing.seal(kept)
        row.save()
        connection.status = Connection.Status.INACTIVE
        connection.problem, connection.problem_detail = ConnectionProblem.NONE, ""
        connection.save(update_fields=["status", "problem", "problem_detail", "updated_at"])
        audit.note(AuditEntry.About.CONNECTION, str(connection), "disabled", by=by, subject_id=connection.pk)
    token = secret.get("refresh_token") or secret.get("access_token")
    if token:
        # Unreachable, revoked there already, or of a host that isn't allowed any more: either way we hold it no longer.
        with suppress(errors.SalesforceError, ConnectError):
            oauth.revoke(_host(connection.login_url), token)


def connect_error(error: errors.SalesforceError) -> ConnectError:
    """What a person should read when Salesforce, or the way to it, says no."""
    title = next((title for kind, title in _TITLES if isinstance(error, kind)), "Salesforce said no")
    return ConnectError(error.code, title, f"{error.meaning} {_words(error)}".strip(), error.remedy)


def _words(error: errors.SalesforceError) -> str:
    """The error's message: quoted where the words are Salesforce's, a sentence of ours where they are ours."""
    if not error.message:
        return ""
    # Nobody but us refuses a grant without an answer.
    if error.code in OUR_CODES or (isinstance(error, errors.SignInAgain) and error.status is None):
        return f"{error.message[0].upper()}{error.message[1:].rstrip('.')}."
    return f"Salesforce said: “{error.message}”."


# The codes of what we found ourselves; every other one is Salesforce's, and so is the message beside it.
OUR_CODES = frozenset(
    {
        "unknown", "server_trouble", "timed_out", "job_unfinished", "connection_broken", "bad_answer", "host_refused",
        "host_unreachable", "host_moved", "unsupported_version", "signature_mismatch", "state_mismatch",
        "query_too_long", "job_gone", "result_incomplete", "result_changed", "malformed_job_id", "no_code",
        "invalid_private_key",
    }
)  # fmt: skip

_TITLES: tuple[tuple[type[errors.SalesforceError], str], ...] = (
    (errors.HostRefused, "Not a Salesforce address"),
    (errors.HostUnreachable, "Nobody answers at this address"),
    (errors.ConsentDenied, "Access was denied"),
    (errors.StateMismatch, "The login can't be matched with this browser"),
    (errors.CodeExpired, "The login took too long"),
    (errors.InvalidGrant, "Invalid Grant"),
    (errors.ApiDisabledForOrg, "API not enabled for this edition"),
    (errors.ApiNotEnabledForUser, "Insufficient Privileges"),
    (errors.InsufficientAccess, "Insufficient Privileges"),
    (errors.AppMisconfigured, "The External Client App is set up differently"),
    (errors.LoginDenied, "Salesforce refused the login"),
    (errors.LimitReached, "Request limit exceeded"),
    (errors.UnsupportedVersion, "The org's API is too old"),
    (errors.Transient, "Salesforce can't be reached"),
)


def _host(login_url: str) -> LoginHost:
    try:
        return clients.login_hosts().login(login_url)
    except errors.SalesforceError as error:
        raise connect_error(error) from error


def _state_error(reason: str = "this browser began no login in the last 15 minutes") -> ConnectError:
    return connect_error(errors.StateMismatch(reason))


def _accept(
    host: LoginHost,
    flow: Connection.Flow,
    app: OAuthApp,
    tokens: Tokens,
    by: Author,
    *,
    connection: Connection | None = None,
    username: str = "",
) -> Connection:
    """Checks the org behind the tokens and stores the connection. Nothing is stored when the org can't be used."""
    try:
        with Client(StaticTokens(AccessToken(tokens.access_token, tokens.instance_url))) as client:
            findings = check_org(client)
            version = client.api_version
    except errors.SalesforceError as error:
        raise connect_error(error) from error
    organization = findings.organization
    if connection is not None and connection.org_id and connection.org_id[:15] != organization.id[:15]:
        raise ConnectError(
            "wrong_org",
            "This is another org",
            f"The login was for {organization.name} ({organization.id}), but this connection belongs to "
            f"{connection} ({connection.org_id}). Its records would be mixed up, so nothing was changed.",
            f"Reconnect with a user of {connection}, or add the other org as a connection of its own. A refreshed "
            "sandbox has a new id: add it as a new connection, which takes the old one's place with `abmatic replace`.",
        )
    with transaction.atomic():
        # From a settings file the id may have 15 characters, which name the same org.
        same_org = Connection.objects.select_for_update().filter(org_id__startswith=organization.id[:15])
        connection = connection or same_org.first()
        if connection is None:
            row = SealedSecret.objects.create(sealed=sealing.seal({}))
            connection = Connection(secret=row, name=_free_name(organization.name))
        before, is_new = _facts(connection), connection.pk is None
        row = SealedSecret.objects.select_for_update().get(pk=connection.secret_id)
        kept = {"client_secret": app.client_secret, "private_key": app.private_key_pem}
        row.sealed = sealing.seal(clients.with_tokens(kept, tokens))
        row.save()
        connection.login_url, connection.flow, connection.client_id = host.origin, flow, app.client_id
        connection.jwt_username, connection.scope = username, tokens.scope
        connection.instance_url, connection.api_version = tokens.instance_url, version
        connection.status, connection.problem, connection.problem_detail = (
            Connection.Status.ACTIVE,
            ConnectionProblem.NONE,
            "",
        )
        connection.checks, connection.checked_at = findings.lines, timezone.now()
        _describe_org(connection, organization, findings.user)
        connection.save()
        add_default_settings(connection)
        _note_accepted(connection, before, is_new, by)
        alarms.connection_back(connection.pk)
    return connection


def _facts(connection: Connection) -> dict[str, str]:
    """What of a connection is worth an entry when it changes; nothing of it is secret."""
    return {
        "address": connection.login_url,
        "flow": connection.flow,
        "client id": connection.client_id,
        "org": connection.org_id,
        "user": connection.username,
    }


def _note_accepted(connection: Connection, before: dict[str, str], is_new: bool, by: Author) -> None:
    after = _facts(connection)
    differences = [
        Difference(name, before[name] or None, after[name], "changed" if before[name] else "added")
        for name in after
        if is_new or before[name] != after[name]
    ]
    act = "connected" if is_new else "reconnected"
    audit.note(
        AuditEntry.About.CONNECTION, str(connection), act, by=by, subject_id=connection.pk, differences=differences
    )


_ORG_COLUMNS = ("org_id", "org_name", "edition", "is_sandbox", "user_id", "username", "user_name", "time_zone")


def _describe_org(connection: Connection, organization: Organization, user: UserInfo) -> None:
    connection.org_id, connection.org_name = organization.id, organization.name
    connection.edition, connection.is_sandbox = organization.edition, organization.is_sandbox
    connection.user_id, connection.username, connection.user_name = user.user_id, user.username, user.name
    connection.time_zone = connection.time_zone or organization.time_zone


def _free_name(wanted: str) -> str:
    """The org's name, numbered when a connection has it already (a sandbox is often called like its production)."""
    name, n = wanted or "Salesforce", 1
    while Connection.objects.filter(name=name).exists():
        n += 1
        name = f"{wanted} ({n})"
    return name


def add_default_settings(connection: Connection) -> None:
    """Settings and mappings of a new connection: both "in Abmatic" boxes ticked, both "in Salesforce" boxes clear."""
    for spec in configurable():
        setting, is_new = ObjectSetting.objects.get_or_create(connection=connection, sobject=spec.name)
        if is_new:
            FieldMapping.objects.bulk_create(
                FieldMapping(
                    setting=setting,
                    sf_field=default.sf_field,
                    local_field=default.local_field,
                    to_abmatic=Mode.OVERWRITE,
                    to_salesforce=Mode.FILL,
                    is_key=default.is_key,
                    position=position,
                )
                for position, default in enumerate(spec.defaults)
            )


__all__ = [
    "LOST",
    "Authorization",
    "ConnectError",
    "Findings",
    "add_default_settings",
    "begin",
    "callback_url",
    "check",
    "connect_error",
    "connect_headless",
    "disable",
    "finish",
]
