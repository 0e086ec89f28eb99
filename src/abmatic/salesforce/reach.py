"""Whether somebody answers at a login address, asked before a browser is sent there.

A mistyped My Domain has the right shape as often as not; the browser would leave for it and show an error page of its
own, with no way back. Only addresses that :mod:`.hosts` has let through are asked.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import httpx2

from .errors import HostUnreachable
from .hosts import LoginHost
from .transport import open_client

# Seconds. A person waits for it; whoever answers more slowly than this can't be signed in at either.
TIMEOUT = httpx2.Timeout(5.0)
# Lists the API versions, without a session and uncounted.
_PATH = "/services/data"
# The name exists nowhere, as against: it could not be looked up.
_NO_SUCH_NAME = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


def knock(host: LoginHost, transport: httpx2.BaseTransport | None = None) -> None:
    """Makes sure that the host answers, whatever it says. Raises HostUnreachable with the reason and its remedy."""
    client = open_client(host.origin, transport, user_agent="abmatic", timeout=TIMEOUT, connections=1)
    try:
        with client.stream("GET", _PATH):
            return
    except httpx2.TransportError as fault:
        raise _explained(host, fault) from fault
    finally:
        if transport is None:  # a transport that was handed in is its owner's to close
            client.close()


def _explained(host: LoginHost, fault: httpx2.TransportError) -> HostUnreachable:
    name = host.origin.split("://", 1)[1]
    reasons = list(_causes(fault))
    for reason in reasons:
        if isinstance(reason, socket.gaierror) and reason.errno in _NO_SUCH_NAME:
            return HostUnreachable(
                f"there is no address {name}",
                meaning="The address is written like one of Salesforce, but it doesn't exist.",
                remedy="Look for a typing error, and compare it with Setup → My Domain in Salesforce. A new or renamed "
                "My Domain takes a few minutes to be known everywhere.",
            )
        if isinstance(reason, ssl.SSLCertVerificationError):
            return HostUnreachable(
                f"the certificate of {name} is not trusted here: {reason.verify_message}",
                meaning="Somebody answers, but this server can't be sure that it is Salesforce.",
                remedy="If a proxy of your own inspects encrypted traffic, let this server trust its certificate "
                "authority (SSL_CERT_FILE); otherwise check the address.",
            )
        if isinstance(reason, ssl.SSLError):
            return HostUnreachable(
                f"{name} doesn't answer encrypted calls",
                meaning="Somebody answers, but without encryption.",
                remedy=f"If this is the emulator, enter it as http://{name}. Otherwise check the address."
                if host.kind == "extra"
                else "Check the address, and whether a proxy of this network stands in between.",
            )
    said = next((str(reason) for reason in reversed(reasons) if str(reason)), type(fault).__name__)
    return HostUnreachable(
        f"no answer from {host.origin}: {said}",
        meaning="Nobody answers at this address.",
        remedy="If this is the emulator, start it, and compare the port. Otherwise check the address."
        if host.kind == "extra"
        else "Check the address, and that this server may reach it over HTTPS; then try again.",
    )


def _causes(fault: BaseException | None) -> Iterator[BaseException]:
    """The fault and what it came from, the outermost first."""
    while fault is not None:
        yield fault
        fault = fault.__cause__ or fault.__context__
