"""Whether somebody answers at a login address: what is said when nobody does, and that it is said soon."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import httpx2
import pytest

from abmatic.salesforce import LoginHost, LoginHosts, errors, reach
from salesforce_emulator.testing import running

MY_DOMAIN = LoginHosts().login("acme.my.salesforce.com")


def failing(cause: BaseException) -> httpx2.MockTransport:
    """A network in which connecting fails for a reason."""

    def handle(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError(str(cause)) from cause

    return httpx2.MockTransport(handle)


def refusal(host: LoginHost, transport: httpx2.BaseTransport | None = None) -> errors.HostUnreachable:
    with pytest.raises(errors.HostUnreachable) as caught:
        reach.knock(host, transport)
    return caught.value


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of this machine that is taken and that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.mark.parametrize("status", [200, 302, 404, 503])
def test_any_answer_will_do(status: int) -> None:
    asked: list[httpx2.URL] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url)
        return httpx2.Response(status, headers={"Location": "https://elsewhere.example/"})

    reach.knock(MY_DOMAIN, httpx2.MockTransport(handle))
    assert [url.host for url in asked] == ["acme.my.salesforce.com"], "a redirect is not followed"


def test_a_mistyped_my_domain_does_not_exist() -> None:
    error = refusal(MY_DOMAIN, failing(socket.gaierror(socket.EAI_NONAME, "Name or service not known")))
    assert "there is no address acme.my.salesforce.com" in error.message
    assert "typing error" in error.remedy


def test_names_that_cannot_be_looked_up_are_not_called_mistyped() -> None:
    error = refusal(MY_DOMAIN, failing(socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")))
    assert "Temporary failure in name resolution" in error.message
    assert "typing error" not in error.remedy


def test_a_certificate_that_is_not_trusted() -> None:
    cause = ssl.SSLCertVerificationError(1, "certificate verify failed")
    cause.verify_message = "self-signed certificate"
    error = refusal(MY_DOMAIN, failing(cause))
    assert "self-signed certificate" in error.message
    assert "SSL_CERT_FILE" in error.remedy


def test_the_emulator_called_encrypted() -> None:
    with running() as org:
        name = org.url.removeprefix("http://")
        hosts = LoginHosts(frozenset({name}))
        reach.knock(hosts.login(name))
        assert f"http://{name}" in refusal(hosts.login(f"https://{name}")).remedy


def test_the_emulator_that_does_not_run(closed_port: int) -> None:
    name = f"127.0.0.1:{closed_port}"
    error = refusal(LoginHosts(frozenset({name})).login(f"http://{name}"))
    assert "start it" in error.remedy
    assert "refused" in error.message.lower()


def test_somebody_who_takes_the_call_and_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "TIMEOUT", httpx2.Timeout(0.2))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        name = f"127.0.0.1:{silent.getsockname()[1]}"
        assert refusal(LoginHosts(frozenset({name})).login(name)).meaning == "Nobody answers at this address."
