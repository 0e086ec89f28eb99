"""What a person reads when connecting fails: Salesforce is quoted only where Salesforce spoke."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from django.urls import resolve, reverse

from abmatic.salesforce import answers, errors
from abmatic.sync import connect
from abmatic.sync.connect import OUR_CODES, ConnectError, connect_error


def said(error: errors.SalesforceError) -> bool:
    return "Salesforce said" in connect_error(error).detail


def test_our_own_refusal_of_an_address_is_not_put_into_salesforces_mouth() -> None:
    with pytest.raises(ConnectError) as caught:
        connect.begin("https://evil.example", "id", "secret")
    assert caught.value.title == "Not a Salesforce address"
    assert "Salesforce said" not in str(caught.value)
    assert "evil.example" in caught.value.detail


def test_a_login_that_began_nowhere_is_ours_too() -> None:
    with pytest.raises(ConnectError) as caught:
        connect.finish({}, {})
    assert caught.value.code == "state_mismatch"
    assert caught.value.detail.endswith("This browser began no login in the last 15 minutes.")


@pytest.mark.parametrize(
    "error",
    [
        errors.InvalidGrant("the access token was refused and there is no refresh token"),
        errors.BadAnswer("expected JSON, got an HTML page titled 'Sorry'", status=200),
        errors.ConnectionBroken("[Errno 111] Connection refused"),
        errors.UnsupportedVersion("the org offers API versions up to 58.0; 60.0 to 67.0 can be used"),
        errors.SignatureMismatch("the signature of the token answer doesn't fit"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_we_found_ourselves_is_said_in_our_words(error: errors.SalesforceError) -> None:
    assert not said(error)
    assert error.message[1:] in connect_error(error).detail


@pytest.mark.parametrize(
    "error",
    [
        answers.oauth_error("invalid_grant", "expired access/refresh token", 400),
        answers.oauth_error("access_denied", "end-user denied authorization"),
        errors.ApiDisabledForOrg("The REST API is not enabled", code="API_DISABLED_FOR_ORG", status=403),
        errors.ServerTrouble("Server unavailable", code="SERVER_UNAVAILABLE", status=503),
    ],
    ids=lambda error: type(error).__name__,
)
def test_salesforces_words_are_quoted(error: errors.SalesforceError) -> None:
    assert connect_error(error).detail.endswith(f"Salesforce said: “{error.message}”.")


def test_an_error_without_words_quotes_nobody() -> None:
    assert connect_error(errors.ConsentDenied()).detail == errors.ConsentDenied.default_meaning


def every_error(kind: type[errors.SalesforceError] = errors.SalesforceError) -> Iterator[type[errors.SalesforceError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from every_error(below)


def test_every_code_is_known_as_salesforces_or_ours() -> None:
    """A new error must say whose words it carries: codes of ours are listed, OAuth's are in its table."""
    oauth = {*answers._OAUTH, "invalid_grant", "job_failed", "job_aborted"}
    for kind in every_error():
        code = kind.default_code
        if code == code.lower() and kind.__module__ == errors.__name__:
            assert code in OUR_CODES or code in oauth, f"{kind.__name__}: {code}"


def test_the_callback_url_is_the_address_the_pages_serve() -> None:
    path = urlsplit(connect.callback_url()).path
    assert resolve(path).url_name == "callback"
    assert connect.callback_url().endswith(reverse(resolve(path).view_name))
