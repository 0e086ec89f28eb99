"""A client for a connection: its sealed tokens as a `TokenSource`, one refresher for all workers together.

The lock is the row of the connection's secret: whoever gets a 401 locks it, looks whether somebody else has a newer
token already, and only then asks Salesforce. A refused grant is remembered on the connection, so nobody knocks again
until a person reconnects.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Case, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from abmatic.identity import sealing
from abmatic.identity.models import SealedSecret
from abmatic.salesforce import AccessToken, Call, Client, LoginHosts, OAuthApp, RetryPolicy, Tokens, errors, oauth
from abmatic.sync import alarms
from abmatic.sync.models import Connection, ConnectionProblem
from abmatic.sync.models.connections import PASSING

logger = logging.getLogger(__name__)


def login_hosts() -> LoginHosts:
    """The door: real Salesforce hosts, and what ABMATIC_SALESFORCE_EXTRA_HOSTS allows besides."""
    return LoginHosts(settings.ENVIRONMENT.salesforce_extra_hosts)


def app_of(connection: Connection, secret: dict[str, str]) -> OAuthApp:
    """The External Client App of a connection."""
    return OAuthApp(connection.client_id, secret.get("client_secret", ""), secret.get("private_key", ""))


def with_tokens(secret: dict[str, str], tokens: Tokens) -> dict[str, str]:
    """The secret with a token answer's values; a refresh token is kept where the answer brings none."""
    return {
        **secret,
        "access_token": tokens.access_token,
        "refresh_token": tokens.refresh_token or secret.get("refresh_token", ""),
    }


class ConnectionTokens:
    """The tokens of a connection, in the database. Safe for any number of threads, workers and machines."""

    def __init__(self, connection: Connection) -> None:
        self._connection_id = connection.pk
        self._secret_id = connection.secret_id

    def current(self) -> AccessToken:
        """The token in force."""
        connection = Connection.objects.only("instance_url").get(pk=self._connection_id)
        secret = sealing.unseal(SealedSecret.objects.get(pk=self._secret_id).sealed)
        if not secret.get("access_token"):
            raise errors.InvalidGrant("this connection has no token: it was disabled, or never authorised")
        return AccessToken(secret["access_token"], connection.instance_url)

    def renew(self, stale: AccessToken) -> AccessToken:
        """A token other than ``stale``. Raises InvalidGrant once for all, and marks the connection."""
        try:
            return self._renew(stale)
        except errors.SignInAgain as refusal:
            mark_problem(self._connection_id, ConnectionProblem.INVALID_GRANT, str(refusal))
            raise

    def _renew(self, stale: AccessToken) -> AccessToken:
        with transaction.atomic():
            row = SealedSecret.objects.select_for_update().get(pk=self._secret_id)
            connection = Connection.objects.get(pk=self._connection_id)
            if connection.status == Connection.Status.INACTIVE:
                # Some flows would get a token without being asked to: a run that still works must not bring it back.
                raise errors.InvalidGrant("this connection was disabled")
            secret = sealing.unseal(row.sealed)
            if secret.get("access_token") and secret["access_token"] != stale.value:
                return AccessToken(secret["access_token"], connection.instance_url)
            if connection.problem == ConnectionProblem.INVALID_GRANT:
                raise errors.InvalidGrant(connection.problem_detail or "the authorisation was refused before")
            tokens = _fetch(connection, secret)
            row.sealed = sealing.seal(with_tokens(secret, tokens))
            row.save()
            if tokens.instance_url and tokens.instance_url != connection.instance_url:
                connection.instance_url = tokens.instance_url
                connection.save(update_fields=["instance_url", "updated_at"])
            return AccessToken(tokens.access_token, connection.instance_url)


def _fetch(connection: Connection, secret: dict[str, str]) -> Tokens:
    host = login_hosts().login(connection.login_url)
    app = app_of(connection, secret)
    if connection.flow == Connection.Flow.JWT:
        return oauth.jwt_bearer(host, app, connection.jwt_username)
    if connection.flow == Connection.Flow.CLIENT_CREDENTIALS:
        return oauth.client_credentials(host, app)
    if not secret.get("refresh_token"):
        raise errors.InvalidGrant("the app's policy grants no refresh token, so the sign-in ended with its session")
    return oauth.refresh(host, app, secret["refresh_token"])


def mark_problem(connection_id: int, problem: ConnectionProblem, detail: str) -> None:
    """The connection needs a person. Everything else about it is kept.

    An org out of reach needs nobody, nor do calls that are used up: that passes, so syncs are still tried, and the
    first that succeeds takes it back.
    """
    with transaction.atomic():
        found = Connection.objects.filter(pk=connection_id).exclude(status=Connection.Status.INACTIVE)
        now = timezone.now()
        # What is found once more has lasted since it was found first.
        since = Case(When(problem=problem, then=Coalesce("problem_since", Value(now))), default=Value(now))
        found.update(problem=problem, problem_detail=detail[:1000], problem_since=since, updated_at=now)
        if problem not in PASSING:
            found.update(status=Connection.Status.NEEDS_ATTENTION)
            for connection in found:
                alarms.connection_lost(connection)


PROBLEMS: tuple[tuple[type[errors.SalesforceError], ConnectionProblem], ...] = (
    (errors.SignInAgain, ConnectionProblem.INVALID_GRANT),
    (errors.LoginDenied, ConnectionProblem.INVALID_GRANT),
    (errors.ApiDisabledForOrg, ConnectionProblem.API_DISABLED),
    (errors.ApiNotEnabledForUser, ConnectionProblem.INSUFFICIENT_PRIVILEGES),
    (errors.InsufficientAccess, ConnectionProblem.INSUFFICIENT_PRIVILEGES),
    (errors.LimitReached, ConnectionProblem.LIMIT_REACHED),
    (errors.Transient, ConnectionProblem.UNREACHABLE),
)


# Until somebody has done something, nothing is tried again.
_NEEDS_PERSON = frozenset(
    {
        ConnectionProblem.INVALID_GRANT,
        ConnectionProblem.INSUFFICIENT_PRIVILEGES,
        ConnectionProblem.API_DISABLED,
        ConnectionProblem.SEAL_BROKEN,
    }
)
_MENDED_BY_SUCCESS = (ConnectionProblem.LIMIT_REACHED, ConnectionProblem.UNREACHABLE, ConnectionProblem.OTHER)


def mark_lost(connection_id: int, problem: ConnectionProblem | None, detail: str) -> None:
    """As `mark_problem`, after work that failed: only what needs a person. The rest of it passes."""
    if problem in _NEEDS_PERSON:
        mark_problem(connection_id, problem, detail)


def mark_mended(connection_id: int, *, before: datetime | None = None) -> None:
    """Work ended well: what passes by itself has passed.

    That calls are used up may have been found by others while the work's last ones were answered: with ``before``, only
    what was found until then has passed of that.
    """
    mended = Connection.objects.filter(pk=connection_id, problem__in=_MENDED_BY_SUCCESS)
    if before is not None:
        mended = mended.exclude(problem=ConnectionProblem.LIMIT_REACHED, problem_since__gte=before)
    if mended.update(status=Connection.Status.ACTIVE, problem=ConnectionProblem.NONE, problem_detail=""):
        alarms.connection_back(connection_id)


def problem_of(error: errors.SalesforceError) -> ConnectionProblem:
    """Which of the connection's problems an error stands for."""
    return next((problem for kind, problem in PROBLEMS if isinstance(error, kind)), ConnectionProblem.OTHER)


@contextmanager
def open_client(connection: Connection, *, retry: RetryPolicy | None = None) -> Iterator[Client]:
    """A client for the connection; what it learns of the API allowance is kept when it closes."""
    version = connection.api_version or None
    client = Client(ConnectionTokens(connection), api_version=version, on_call=_log, retry=retry)
    try:
        yield client
    finally:
        client.close()
        if client.usage is not None:
            Connection.objects.filter(pk=connection.pk).update(
                api_used=client.usage.used, api_allowed=client.usage.allowed, api_seen_at=timezone.now()
            )


def _log(call: Call) -> None:
    logger.debug("%s %s: %s in %.3f s", call.method, call.path, call.status, call.seconds)
