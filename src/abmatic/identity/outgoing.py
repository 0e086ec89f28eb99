"""Calls to addresses that people type: nothing inside the company's network can be reached by them.

An administrator's webhook is called by a server that may see more than they do: a database's own port, a cloud's
metadata address. So only https is called, and only where every address that the name stands for is a public one. The
address that was checked is the one that is connected to, whatever the name stands for a moment later; redirects are not
followed. Hosts of one's own network are allowed one by one (``ABMATIC_WEBHOOK_HOSTS``), with http too.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

SECONDS = 10
_MOST_READ = 500
# Public to the eye, and lead to whatever IPv4 address is written into them.
_WRAPPING = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("2002::/16"), ipaddress.ip_network("::/96"))


class NotAllowed(Exception):
    """Why an address is not called, and what helps."""


class NotAnswered(Exception):
    """A call that was not carried out: no connection, no answer, a broken certificate."""


def require_allowed(url: str) -> SplitResult:
    """Checks what can be checked without asking anybody. Raises `NotAllowed`."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise NotAllowed("This is not an address. It begins with https:// and a host's name.") from None
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise NotAllowed("This is not an address. It begins with https:// and a host's name.")
    if parts.username or parts.password:
        raise NotAllowed("An address with a name and password before the host is not called. Put the secret elsewhere.")
    if any(character <= " " or character > "~" for character in url):
        raise NotAllowed("The address has blanks or other characters that no address has. Copy it once more.")
    if _is_own(parts):
        return parts
    if parts.scheme != "https":
        raise NotAllowed("Only https:// is called: what is told must not be read on its way.")
    if port not in (None, 443, 8443):
        raise NotAllowed(f"Port {port} is not called: 443 and 8443 are. {_OWN}")
    return parts


def post(url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
    """The answer's status and the beginning of its text. Raises `NotAllowed` or `NotAnswered`."""
    parts = require_allowed(url)
    address = _address(parts)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = _connection(parts, address)
    try:
        connection.request("POST", target, body, {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        return answer.status, answer.read(_MOST_READ).decode("utf-8", "replace")
    except ssl.SSLError as error:
        raise NotAnswered(f"{parts.hostname} has no certificate that can be trusted: {error.reason}") from error
    except TimeoutError as error:
        raise NotAnswered(f"{parts.hostname} did not answer within {SECONDS} seconds") from error
    except (OSError, http.client.HTTPException) as error:
        raise NotAnswered(f"{parts.hostname} can't be reached: {error or type(error).__name__}") from error
    finally:
        connection.close()


_OWN = "Who runs Abmatic can allow a host of your own network with ABMATIC_WEBHOOK_HOSTS."


def _is_own(parts: SplitResult) -> bool:
    """Whether who runs Abmatic has allowed this host and port."""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"{(parts.hostname or '').lower()}:{port}" in settings.ENVIRONMENT.webhook_hosts


def _address(parts: SplitResult) -> str:
    """The IP address to call. Raises `NotAllowed` where any that the name stands for is not public."""
    assert parts.hostname is not None
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotAnswered(f"{parts.hostname} has no address: check its spelling") from error
    addresses = [str(entry[4][0]) for entry in found]
    if not _is_own(parts):
        for address in addresses:
            if not is_public(address):
                raise NotAllowed(f"{parts.hostname} lies in a network of your own ({address}). {_OWN}")
    return addresses[0]


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet's."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        elif any(ip in network for network in _WRAPPING):
            return False
    return ip.is_global and not ip.is_multicast


def _connection(parts: SplitResult, address: str) -> http.client.HTTPConnection:
    assert parts.hostname is not None
    if parts.scheme == "https":
        return _Https(parts.hostname, parts.port, address)
    return _Http(parts.hostname, parts.port, address)


class _Http(http.client.HTTPConnection):
    """Connects to the address that was checked, and says the host's name."""

    def __init__(self, host: str, port: int | None, address: str) -> None:
        super().__init__(host, port, timeout=SECONDS)
        self._checked = address

    def connect(self) -> None:
        self.sock = socket.create_connection((self._checked, self.port), SECONDS)


class _Https(http.client.HTTPSConnection):
    """As `_Http`, and the certificate must be the host's."""

    def __init__(self, host: str, port: int | None, address: str) -> None:
        self._trust = ssl.create_default_context()
        super().__init__(host, port, timeout=SECONDS, context=self._trust)
        self._checked = address

    def connect(self) -> None:
        plain = socket.create_connection((self._checked, self.port), SECONDS)
        self.sock = self._trust.wrap_socket(plain, server_hostname=self.host)
