"""What Salesforce refuses becomes the error that says what to do next."""

from __future__ import annotations

import httpx2
import pytest

from abmatic.salesforce import errors
from abmatic.salesforce.answers import oauth_error, rest_error, retry_after


def _all(root: type[errors.SalesforceError]) -> list[type[errors.SalesforceError]]:
    return [found for kind in root.__subclasses__() for found in (kind, *_all(kind))]


def _drawn_tree() -> dict[str, str]:
    """Child → parent, out of the drawing at the head of the module."""
    parents: dict[str, str] = {}
    stack: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        name = line.lstrip(" │├└─").split(" ")[0]
        if not name or not hasattr(errors, name) or not line.startswith("    "):
            continue
        depth = (len(line) - len(line.lstrip(" │├└─")) - 4) // 3
        if depth:
            parents[name] = stack[depth - 1]
        stack[depth:] = [name]
    return parents


def test_the_tree_drawn_at_the_head_is_the_tree() -> None:
    assert _drawn_tree() == {kind.__name__: kind.__bases__[0].__name__ for kind in _all(errors.SalesforceError)}


@pytest.mark.parametrize("kind", _all(errors.SalesforceError), ids=lambda kind: kind.__name__)
def test_every_error_says_what_it_means_and_what_to_do(kind: type[errors.SalesforceError]) -> None:
    job = {"job_id": "750"} if "job_id" in kind.__init__.__code__.co_varnames else {}
    error = kind("because", **job)  # type: ignore[arg-type]
    assert error.code
    assert error.meaning.endswith(".")
    assert error.remedy.endswith((".", ").", "fault."))
    assert "because" in str(error)
    assert error.remedy in str(error)
    # Whoever reads it stands before what was tried often enough, and nothing more happens until they do something.
    assert "by itself" not in error.remedy


REST = [
    (401, "INVALID_SESSION_ID", "Session expired or invalid", errors.SessionExpired),
    (403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", errors.LimitReached),
    (403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded.", errors.TooManyConcurrent),
    (
        403,
        "REQUEST_LIMIT_EXCEEDED",
        "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
        errors.TooManyConcurrent,
    ),
    (
        403,
        "API_DISABLED_FOR_ORG",
        "The REST API is not enabled for this Organization.",
        errors.ApiDisabledForOrg,
    ),
    (403, "API_CURRENTLY_DISABLED", "API is not enabled for this user", errors.ApiNotEnabledForUser),
    (
        403,
        "API_CURRENTLY_DISABLED",
        "API is not enabled for this Organization or Partner",
        errors.ApiDisabledForOrg,
    ),
    (400, "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", errors.InsufficientAccess),
    (403, "INSUFFICIENT_ACCESS", "no", errors.InsufficientAccess),
    (500, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record", errors.RowLocked),
    (500, "UNKNOWN_EXCEPTION", "An unexpected error occurred.", errors.ServerTrouble),
    (503, "SERVER_UNAVAILABLE", "Server unavailable", errors.ServerTrouble),
    (400, "QUERY_TIMEOUT", "Your query request was running for too long.", errors.QueryTimedOut),
    (400, "INVALID_QUERY_LOCATOR", "invalid query locator", errors.LocatorExpired),
    (400, "MALFORMED_QUERY", "unexpected token: FORM", errors.MalformedQuery),
    (400, "INVALID_QUERY_FILTER_OPERATOR", "field 'Description' can not be filtered", errors.InvalidQueryFilter),
    (404, "NOT_FOUND", "The requested resource does not exist", errors.NotFound),
    (400, "EXCEEDED_QUOTA", "ExceededQuota", errors.LimitReached),
    (400, "SOMETHING_NEW", "never seen before", errors.Rejected),
    (403, "SOMETHING_NEW", "never seen before", errors.InsufficientAccess),
    (500, "SOMETHING_NEW", "never seen before", errors.ServerTrouble),
]


@pytest.mark.parametrize(("status", "code", "message", "kind"), REST)
def test_rest_errors(status: int, code: str, message: str, kind: type[errors.SalesforceError]) -> None:
    response = httpx2.Response(status, json=[{"message": message, "errorCode": code}])
    error = rest_error(status, response.headers, response.content)
    assert type(error) is kind
    assert (error.code, error.message, error.status) == (code, message, status)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, errors.HostMoved),
        (302, errors.HostMoved),
        (400, errors.BadAnswer),
        (401, errors.SessionExpired),
        (403, errors.BadAnswer),
        (404, errors.BadAnswer),
        (408, errors.TimedOut),
        (414, errors.QueryTooLong),
        (429, errors.TooManyConcurrent),
        (431, errors.QueryTooLong),
        (502, errors.ServerTrouble),
        (503, errors.ServerTrouble),
    ],
)
@pytest.mark.parametrize(
    "body", [b"", b"<html><head><title>Down for maintenance</title>", b"{", b"null", b"[]", b'["x"]']
)
def test_answers_that_are_not_salesforces(status: int, kind: type[errors.SalesforceError], body: bytes) -> None:
    error = rest_error(status, httpx2.Headers({"content-type": "text/html"}), body)
    assert type(error) is kind
    assert status < 400 or b"title" not in body or "Down for maintenance" in error.message


def test_the_field_that_is_missing_is_named() -> None:
    body = httpx2.Response(
        400,
        json=[
            {
                "message": "\nSELECT Id, Region__c FROM Account\n           ^\nERROR at Row:1:Column:12\n"
                "No such column 'Region__c' on entity 'Account'. If you are attempting to use a custom field, be sure "
                "to append the '__c' after the custom field name.",
                "errorCode": "INVALID_FIELD",
            }
        ],
    )
    error = rest_error(400, body.headers, body.content)
    assert isinstance(error, errors.InvalidField)
    assert (error.field, error.sobject) == ("Region__c", "Account")
    assert "Region__c of Account" in error.meaning


def test_the_relationship_that_is_missing_is_named() -> None:
    response = httpx2.Response(
        400,
        json=[
            {
                "message": "Didn't understand relationship 'Partner__r' in field path. If you are …",
                "errorCode": "INVALID_FIELD",
            }
        ],
    )
    error = rest_error(400, response.headers, response.content)
    assert isinstance(error, errors.InvalidField)
    assert error.field == "Partner__r"


def test_the_object_that_is_missing_is_named() -> None:
    response = httpx2.Response(
        400,
        json=[
            {
                "message": "\nFROM Campaign\n    ^\nERROR at Row:1:Column:9\nsObject type 'Campaign' is not supported.",
                "errorCode": "INVALID_TYPE",
            }
        ],
    )
    error = rest_error(400, response.headers, response.content)
    assert isinstance(error, errors.InvalidType)
    assert error.sobject == "Campaign"
    assert "Campaign" in error.meaning


OAUTH = [
    ("invalid_grant", "expired access/refresh token", errors.InvalidGrant),
    ("invalid_grant", "authentication failure", errors.InvalidGrant),
    ("invalid_grant", "user hasn't approved this consumer", errors.AppNotApproved),
    ("invalid_grant", "expired authorization code", errors.CodeExpired),
    ("invalid_grant", "invalid code verifier", errors.CodeExpired),
    ("invalid_grant", "ip restricted", errors.LoginDenied),
    ("invalid_grant", "audience is invalid", errors.AppMisconfigured),
    ("invalid_client_id", "client identifier invalid", errors.UnknownClient),
    ("invalid_client", "invalid client credentials", errors.WrongClientSecret),
    ("inactive_user", "user is inactive", errors.UserInactive),
    ("unsupported_grant_type", "grant type not supported", errors.FlowNotEnabled),
    ("invalid_app_access", "user is not admin approved to access this app", errors.AppNotApproved),
    ("OAUTH_APP_BLOCKED", "this app is blocked by admin", errors.AppBlocked),
    ("redirect_uri_mismatch", "redirect_uri must match configuration", errors.RedirectMismatch),
    ("access_denied", "end-user denied authorization", errors.ConsentDenied),
    ("something_new", "", errors.LoginDenied),
]


@pytest.mark.parametrize(("code", "description", "kind"), OAUTH)
def test_oauth_errors(code: str, description: str, kind: type[errors.SalesforceError]) -> None:
    error = oauth_error(code, description, 400)
    assert type(error) is kind
    assert error.code == code


@pytest.mark.parametrize(
    "secret",
    [
        "00D58000000JkrZ!AQcAQH0dMHZfz972Szmpkb58urFRkgeBGsxL_QJWwYMfAbUeeG7c1E6LYUfiDUkWe6H34r1AAwOR8B8fLEz6n04NPGRrq0FM",
        "5Aep861TSESvWeug_xvFHRBTTbf_YrTWgEyjBJrfoVUKzNZwqx",
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhIn0.c2lnbmF0dXJl",
    ],
)
def test_tokens_never_show_in_an_error(secret: str) -> None:
    error = errors.Rejected(f"bad header Authorization: Bearer {secret} in request")
    assert secret[:20] not in str(error) + repr(error) + error.message


@pytest.mark.parametrize("text", ["client_secret=hunter2&x=1", '{"access_token":"hunter2"}', "refresh_token: hunter2"])
def test_named_secrets_never_show_in_an_error(text: str) -> None:
    error = errors.BadAnswer(text)
    assert "hunter2" not in str(error) + repr(error)


def test_a_message_is_kept_readable() -> None:
    assert len(errors.Rejected("x" * 100_000).message) <= 1000


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), (" 7 ", 7.0), ("", None), ("soon", None), ("-3", None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)],
)
def test_retry_after_is_read_as_number_or_date(header: str, seconds: float | None) -> None:
    assert retry_after(httpx2.Headers({"retry-after": header})) == seconds
