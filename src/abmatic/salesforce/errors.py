"""Everything that can go wrong with Salesforce, grouped by what the caller does next.

    SalesforceError
    ├─ Transient                 try again, a little later
    │  ├─ RowLocked              another transaction holds the record
    │  ├─ ServerTrouble          Salesforce answered 5xx, or is down for maintenance
    │  ├─ TooManyConcurrent      too many long calls at once in this org
    │  ├─ TimedOut               no answer in time
    │  │  ├─ QueryTimedOut       Salesforce itself gave up on the query
    │  │  └─ JobUnfinished       we stopped waiting for a bulk job, which may still be running
    │  ├─ ConnectionBroken       the network failed before or during the answer
    │  └─ BadAnswer              an answer, but not one Salesforce's API gives (HTML, cut short, contradictory)
    ├─ LimitReached              wait until the allowance is back, then go on
    ├─ SignInAgain               the stored authorisation no longer works: a person reconnects
    │  ├─ SessionExpired         the access token is refused, and a fresh one as well
    │  └─ InvalidGrant           the refresh token, code, certificate or user is refused
    │     └─ CodeExpired         the login took too long between consent and return
    ├─ AskPerson                 somebody has to change a setting, in Salesforce or here
    │  ├─ HostRefused            the address isn't a Salesforce address
    │  ├─ HostUnreachable        nobody answers at the login address that was typed
    │  ├─ HostMoved              the org has a new address
    │  ├─ UnsupportedVersion     the org's API is older than we speak
    │  ├─ ApiDisabledForOrg      the edition has no API access
    │  ├─ ApiNotEnabledForUser   the user's profile lacks "API Enabled"
    │  ├─ InsufficientAccess     the user may not do this
    │  ├─ LoginDenied            the org's login or consent said no
    │  │  ├─ ConsentDenied       the person pressed Deny
    │  │  ├─ UserInactive        the user is deactivated, locked or frozen
    │  │  ├─ AppNotApproved      the app waits for an administrator's approval
    │  │  └─ AppBlocked          an administrator blocked the app
    │  ├─ AppMisconfigured       the External Client App and our settings disagree
    │  │  ├─ UnknownClient       consumer key unknown
    │  │  ├─ WrongClientSecret   consumer secret wrong
    │  │  ├─ RedirectMismatch    callback URL not registered
    │  │  ├─ FlowNotEnabled      the flow or a scope isn't enabled for the app
    │  │  └─ SignatureMismatch   the token answer isn't signed with our consumer secret
    │  └─ StateMismatch          a login came back that we did not start, or started too long ago
    ├─ BadRequest                the request is wrong; the same again fails again
    │  ├─ InvalidField           a field doesn't exist, or isn't visible to the user (.field, .sobject)
    │  ├─ InvalidType            an object doesn't exist, or isn't visible to the user (.sobject)
    │  ├─ MalformedQuery         SOQL that can't be read
    │  ├─ InvalidQueryFilter     a field can't be filtered like this
    │  ├─ QueryTooLong           longer than a URL may be; use Bulk
    │  ├─ NotFound               no such record or resource
    │  └─ Rejected               refused for another reason (.code says which)
    └─ StartOver                 what was begun is gone; begin it again
       ├─ LocatorExpired         the query's cursor belongs to a session that ended, or is too old
       ├─ JobGone                the bulk job or its results no longer exist
       ├─ JobFailed              Salesforce gave up on the job (.reason where we know it)
       ├─ JobAborted             somebody stopped the job
       ├─ ResultIncomplete       the result's pages hold fewer records than the job found
       └─ ResultChanged          a page opened again doesn't begin as it did before

Each error carries ``code`` (Salesforce's, or ours in lower case), ``message`` (what Salesforce
said), ``meaning`` and ``remedy``, both for a marketing-operations person, who sees them once all
that is tried again by itself was tried. Whatever looks like
a token is taken out of a message before it is kept, so that an error can be logged and shown.
"""

from __future__ import annotations

import re
from typing import ClassVar

_SECRETS = re.compile(
    r"00D[A-Za-z0-9]{12,15}(?:!|%21)[\w.%!-]+"  # an access token
    r"|5Aep[\w.%-]{20,}"  # a refresh token
    r"|eyJ[\w-]+\.[\w-]+\.[\w-]*"  # a JSON Web Token
    r"|(?<=Bearer )[\w.!%~+/=-]+",
    re.ASCII,
)
_SECRET_MEMBERS = re.compile(
    r"((?:access_token|refresh_token|client_secret|assertion|code_verifier|password|sid)[\"']?\s*[=:]\s*[\"']?)[^\s&\"',}]+",
    re.IGNORECASE,
)
_MESSAGE_LENGTH = 1_000


def without_secrets(text: str) -> str:
    """The text with tokens and passwords replaced by "…", at most 1,000 characters."""
    text = _SECRET_MEMBERS.sub(r"\1…", _SECRETS.sub("…", text[: 4 * _MESSAGE_LENGTH]))
    return text if len(text) <= _MESSAGE_LENGTH else text[: _MESSAGE_LENGTH - 1] + "…"


class SalesforceError(Exception):
    """The root. ``status`` is the HTTP status, or None where there was no answer."""

    default_code: ClassVar[str] = "unknown"
    default_meaning: ClassVar[str] = "Salesforce answered with an error."
    default_remedy: ClassVar[str] = "Read Salesforce's message; if it doesn't help, contact your administrator."

    def __init__(
        self,
        message: str = "",
        *,
        code: str = "",
        status: int | None = None,
        meaning: str = "",
        remedy: str = "",
    ) -> None:
        self.code = code or self.default_code
        self.message = without_secrets(message.strip())
        self.status = status
        self.meaning = meaning or self.default_meaning
        self.remedy = remedy or self.default_remedy
        super().__init__(self.message)

    @property
    def cause(self) -> str:
        """What it means and what Salesforce said, for where the remedy stands beside it."""
        return f"{self.meaning} [{self._said}]"

    @property
    def _said(self) -> str:
        return f"{self.code}: {self.message}" if self.message else self.code

    def __str__(self) -> str:
        return f"{self.meaning} {self.remedy} [{self._said}]"

    def __repr__(self) -> str:
        return f"{type(self).__name__}(code={self.code!r}, message={self.message!r}, status={self.status!r})"


# --- try again


class Transient(SalesforceError):
    """Passing trouble. ``retry_after`` is what the server asked for, in seconds.

    ``outcome_unknown`` is True where the request may have been carried out although no answer
    says so: before repeating anything that isn't a read, look whether it was.
    """

    default_meaning = "Salesforce had a passing problem."
    default_remedy = "Try again in a few minutes; if it lasts, look at status.salesforce.com."

    def __init__(
        self,
        message: str = "",
        *,
        code: str = "",
        status: int | None = None,
        meaning: str = "",
        remedy: str = "",
        retry_after: float | None = None,
        outcome_unknown: bool = False,
    ) -> None:
        super().__init__(message, code=code, status=status, meaning=meaning, remedy=remedy)
        self.retry_after = retry_after
        self.outcome_unknown = outcome_unknown


class RowLocked(Transient):
    default_code = "UNABLE_TO_LOCK_ROW"
    default_meaning = "Somebody else was changing the same record in Salesforce at that moment."


class ServerTrouble(Transient):
    default_code = "server_trouble"
    default_meaning = "Salesforce itself had a problem, or is down for maintenance."


class TooManyConcurrent(Transient):
    default_code = "REQUEST_LIMIT_EXCEEDED"
    default_meaning = "Too many long-running calls are open in this org at once (25; 5 in Developer Edition)."
    default_remedy = "Try again in a few minutes; if it lasts, see which other integrations run at the same time."


class TimedOut(Transient):
    default_code = "timed_out"
    default_meaning = "Salesforce didn't answer in time."


class QueryTimedOut(TimedOut):
    default_code = "QUERY_TIMEOUT"
    default_meaning = "Salesforce took too long over the query and gave it up."
    default_remedy = "Try again in a few minutes; if it lasts, narrow the filter or map fewer formula fields."


class JobUnfinished(TimedOut):
    """``job_id`` can be resumed."""

    default_code = "job_unfinished"
    default_meaning = "Salesforce hasn't finished preparing the records in the time allowed."
    default_remedy = "Sync again later; Setup → Bulk Data Load Jobs shows what keeps Salesforce busy."

    def __init__(self, message: str, *, job_id: str) -> None:
        super().__init__(message)
        self.job_id = job_id


class ConnectionBroken(Transient):
    default_code = "connection_broken"
    default_meaning = "The connection to Salesforce failed."
    default_remedy = "Try again in a few minutes; if it lasts, check that this server may reach Salesforce over HTTPS."


class BadAnswer(Transient):
    default_code = "bad_answer"
    default_meaning = "What came back is not an answer of Salesforce's API, or it was cut short."
    default_remedy = (
        "Try again in a few minutes; if it lasts, a proxy in between or a maintenance page is answering instead."
    )


# --- wait


class LimitReached(SalesforceError):
    """The org's allowance is used up. Nothing is lost: the work goes on when it is back."""

    default_code = "REQUEST_LIMIT_EXCEEDED"
    default_meaning = "The org has used up its Salesforce API calls for the last 24 hours."
    default_remedy = (
        "Syncs that start by themselves go on when calls are available again; one that a person started is started "
        "again then. Reduce the sync frequency, or ask your Salesforce administrator to raise the limit."
    )


# --- sign in again


class SignInAgain(SalesforceError):
    default_meaning = "Salesforce no longer accepts the stored authorisation."
    default_remedy = "Click Reconnect to authorise again; settings and data are kept."


class SessionExpired(SignInAgain):
    default_code = "INVALID_SESSION_ID"
    default_meaning = "Salesforce refused the session, and a fresh one as well."
    default_remedy = (
        'Click Reconnect to authorise again. If it comes back at once, the app lacks the "Access and manage '
        'data" (api) scope, or a session policy ends sessions early.'
    )


class InvalidGrant(SignInAgain):
    default_code = "invalid_grant"
    default_meaning = "The authorisation has expired, or was revoked in Salesforce."


class CodeExpired(InvalidGrant):
    default_code = "invalid_grant"
    default_meaning = "The login took too long, or its page was used a second time."
    default_remedy = "Start again with Authorize, and allow access within a few minutes."


# --- ask a person


class AskPerson(SalesforceError):
    default_meaning = "Something has to be changed by a person before this can go on."


class HostRefused(AskPerson):
    default_code = "host_refused"
    default_meaning = "This is not an address Salesforce signs people in at."
    default_remedy = (
        "Use https://login.salesforce.com, https://test.salesforce.com for a sandbox, or your My Domain "
        "address such as https://yourcompany.my.salesforce.com."
    )


class HostUnreachable(AskPerson):
    default_code = "host_unreachable"
    default_meaning = "Nobody answers at this address."
    default_remedy = "Check the address, and that this server may reach it over HTTPS; then try again."


class HostMoved(AskPerson):
    default_code = "host_moved"
    default_meaning = "The org has moved to a new address."
    default_remedy = "Click Reconnect to authorise again; the new address is learnt from Salesforce."


class UnsupportedVersion(AskPerson):
    default_code = "unsupported_version"
    default_meaning = "The org offers no API version this release can use."
    default_remedy = "Check that the address belongs to a current Salesforce org, and that Abmatic is up to date."


class ApiDisabledForOrg(AskPerson):
    default_code = "API_DISABLED_FOR_ORG"
    default_meaning = "This Salesforce edition has no API access."
    default_remedy = (
        "API access comes with Enterprise, Unlimited, Performance and Developer Edition; for Professional and "
        "Essentials, buy the API add-on from Salesforce."
    )


class ApiNotEnabledForUser(AskPerson):
    default_code = "API_CURRENTLY_DISABLED"
    default_meaning = "The connected Salesforce user may not use the API."
    default_remedy = 'In Salesforce, add "API Enabled" to the user\'s profile or to a permission set, then try again.'


class InsufficientAccess(AskPerson):
    default_code = "INSUFFICIENT_ACCESS"
    default_meaning = "The connected Salesforce user lacks a permission this needs."
    default_remedy = (
        "Give the integration user access to the object and its fields (profile or permission set), then try again."
    )


class LoginDenied(AskPerson):
    default_meaning = "Salesforce did not let the app in."
    default_remedy = "Ask your Salesforce administrator, then start again with Authorize."


class ConsentDenied(LoginDenied):
    default_code = "access_denied"
    default_meaning = "Access was not allowed on Salesforce's consent page."
    default_remedy = "Start again with Authorize and click Allow; Abmatic can't read anything without that consent."


class UserInactive(LoginDenied):
    default_code = "inactive_user"
    default_meaning = "The Salesforce user is deactivated, locked or frozen, or the whole org is."
    default_remedy = "Reactivate the user in Setup → Users, or reconnect as another user."


class AppNotApproved(LoginDenied):
    default_code = "invalid_app_access"
    default_meaning = "A Salesforce administrator has not approved the app for this user."
    default_remedy = (
        "In the External Client App's policies, add the user's profile or permission set to those pre-authorised, "
        "or permit all users to authorise themselves."
    )


class AppBlocked(LoginDenied):
    default_code = "OAUTH_APP_BLOCKED"
    default_meaning = "A Salesforce administrator has blocked the app."
    default_remedy = "Ask the administrator to unblock it in Setup → Connected Apps OAuth Usage."


class AppMisconfigured(AskPerson):
    default_meaning = "The External Client App in Salesforce and the settings here don't agree."
    default_remedy = "Compare consumer key, secret, callback URL, flows and scopes on both sides."


class UnknownClient(AppMisconfigured):
    default_code = "invalid_client_id"
    default_meaning = "Salesforce doesn't know the consumer key."
    default_remedy = (
        "Check the consumer key. A new app takes up to ten minutes to be known everywhere, and an app that lives "
        "in a sandbox isn't known to production."
    )


class WrongClientSecret(AppMisconfigured):
    default_code = "invalid_client"
    default_meaning = "Salesforce refuses the consumer secret."
    default_remedy = "Copy the consumer secret again from the External Client App; it may have been rotated there."


class RedirectMismatch(AppMisconfigured):
    default_code = "redirect_uri_mismatch"
    default_meaning = "The callback URL is not registered with the app in Salesforce."
    default_remedy = "Add this server's callback URL, letter by letter, to the External Client App."


class FlowNotEnabled(AppMisconfigured):
    default_code = "unsupported_grant_type"
    default_meaning = "The app in Salesforce doesn't allow this way of signing in, or a scope it needs."
    default_remedy = (
        "In the External Client App, enable the flow (web server, JWT bearer or client credentials with a "
        "run-as user) and the scopes id, profile, email, api and refresh_token."
    )


class SignatureMismatch(AppMisconfigured):
    default_code = "signature_mismatch"
    default_meaning = "The token answer is not signed with the consumer secret we know."
    default_remedy = (
        "Check the consumer secret. If it is right, something between this server and Salesforce alters answers: "
        "don't connect until that is cleared up."
    )


class StateMismatch(AskPerson):
    default_code = "state_mismatch"
    default_meaning = "This login was not started here, or was started too long ago."
    default_remedy = "Start again with Authorize, in one browser window."


# --- fix the request


class BadRequest(SalesforceError):
    default_meaning = "Salesforce can't carry out the request as it stands."
    default_remedy = "Salesforce's message says what is wrong; the same request would fail again."


class InvalidField(BadRequest):
    """``field`` and ``sobject`` as Salesforce named them, or "" where it named none."""

    default_code = "INVALID_FIELD"

    def __init__(
        self, message: str, *, code: str = "", status: int | None = None, field: str = "", sobject: str = ""
    ) -> None:
        self.field = field
        self.sobject = sobject
        what = f"The field {field}" + (f" of {sobject}" if sobject else "") if field else "A field"
        super().__init__(
            message,
            code=code,
            status=status,
            meaning=f"{what} doesn't exist in this org, or the connected user may not see it.",
            remedy="Give the integration user read access to the field, or remove its mapping.",
        )


class InvalidType(BadRequest):
    """``sobject`` as Salesforce named it."""

    default_code = "INVALID_TYPE"

    def __init__(self, message: str, *, code: str = "", status: int | None = None, sobject: str = "") -> None:
        self.sobject = sobject
        what = f"The object {sobject}" if sobject else "An object"
        super().__init__(
            message,
            code=code,
            status=status,
            meaning=f"{what} doesn't exist in this org, or the connected user may not see it.",
            remedy="Give the integration user read access to the object, or switch its sync off.",
        )


class MalformedQuery(BadRequest):
    default_code = "MALFORMED_QUERY"
    default_meaning = "Salesforce can't read the query."
    default_remedy = "Check the filter of this object; if there is none, report the message as a fault."


class InvalidQueryFilter(BadRequest):
    default_code = "INVALID_QUERY_FILTER_OPERATOR"
    default_meaning = "A field in the filter can't be filtered, or not with that operator or value."
    default_remedy = "Change the filter: long text areas and encrypted fields can't be filtered by."


class QueryTooLong(BadRequest):
    default_code = "query_too_long"
    default_meaning = "The query is longer than Salesforce accepts."
    default_remedy = "Map fewer fields or shorten the filter."


class NotFound(BadRequest):
    default_code = "NOT_FOUND"
    default_meaning = "Salesforce has nothing at this address: the record or resource doesn't exist."
    default_remedy = (
        "It may have been deleted, or the object isn't enabled in this org (Campaigns need Marketing User)."
    )


class Rejected(BadRequest):
    """A refusal without a class of its own; ``code`` says which."""


# --- start over


class StartOver(SalesforceError):
    default_meaning = "What was begun in Salesforce is no longer there."
    default_remedy = "It was begun again without success. Sync again: what was read is kept."


class LocatorExpired(StartOver):
    default_code = "INVALID_QUERY_LOCATOR"
    default_meaning = "Salesforce closed the query before all pages were read."


class JobGone(StartOver):
    default_code = "job_gone"
    default_meaning = "The bulk job or its results no longer exist in Salesforce (they are kept for seven days)."


class JobFailed(StartOver):
    """``reason`` is the error that made Salesforce give up, where its message names one we know."""

    default_code = "job_failed"
    default_meaning = "Salesforce gave up on preparing the records."
    default_remedy = "Sync again; if it fails again, Salesforce's message says why."

    def __init__(self, message: str, *, job_id: str, code: str = "", reason: SalesforceError | None = None) -> None:
        self.job_id = job_id
        self.reason = reason
        super().__init__(
            message,
            code=code,
            meaning=f"{self.default_meaning} {reason.meaning}" if reason else "",
            remedy=reason.remedy if reason else "",
        )


class JobAborted(StartOver):
    default_code = "job_aborted"
    default_meaning = "The bulk job was stopped in Salesforce, by a person or another program."

    def __init__(self, message: str, *, job_id: str) -> None:
        self.job_id = job_id
        super().__init__(message)


class ResultIncomplete(StartOver):
    default_code = "result_incomplete"
    default_meaning = "Salesforce's pages held fewer records than it says it found."
    default_remedy = (
        "It was read anew without success. Sync again later; if it lasts, a proxy in between may be cutting answers."
    )

    def __init__(self, message: str, *, job_id: str) -> None:
        self.job_id = job_id
        super().__init__(message)


class ResultChanged(StartOver):
    default_code = "result_changed"
    default_meaning = "A page of the result was not the same when it was opened again."
