"""Which addresses we talk to: the door against server-side request forgery.

A login address is typed by a person and an instance address comes out of a token answer. Both
become the target of requests that carry secrets, so both are checked against what Salesforce
really uses, by their whole shape and not by a suffix, and nothing else is ever called. Only
https on its own port; no user info, no IP address, nothing but ASCII letters.

The shapes: ``login`` and ``test.salesforce.com``; My Domain (``acme.my.salesforce.com``), with a
partition where the org has one (``acme--uat.sandbox.my.salesforce.com``); Government Cloud
(``.my.salesforce.mil``) and China (``.my.sfcrmproducts.cn``, ``.my.sfcrmapps.cn``); instances of
orgs that came before My Domain (``na123.salesforce.com``, ``acme.cloudforce.com``,
``acme.database.com``). The emulator, or anything else, only by being listed in ``extra``.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Literal

from .errors import HostRefused

LoginKind = Literal["production", "sandbox", "my_domain", "extra"]

_PRODUCTION = "login.salesforce.com"
_SANDBOX = "test.salesforce.com"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_MY_DOMAIN = re.compile(
    rf"(?P<name>{_LABEL})\."
    r"(?:(?P<partition>sandbox|develop|scratch|demo|patch|trailblaze|free)\.)?"
    r"my\.(?:salesforce\.com|salesforce\.mil|sfcrmproducts\.cn|sfcrmapps\.cn)"
)
_LEGACY_INSTANCE = re.compile(
    rf"(?:[a-z]{{2,6}}\d{{1,4}}[a-z]{{0,2}}\.salesforce\.com|{_LABEL}\.(?:cloudforce|database)\.com)"
)
# What people copy out of the address bar once they are signed in.
_APP_PAGE = re.compile(
    rf"(?P<name>{_LABEL}(?:\.(?:sandbox|develop|scratch|demo|patch|trailblaze|free))?)"
    r"\.(?:lightning\.force\.com|my\.salesforce-setup\.com)"
)
_TEST_PARTITIONS = frozenset({"sandbox", "scratch"})
_ADDRESS = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://)?(?P<authority>[^/?#\\\s]+)(?:[/?#][^\\\s]*)?", re.ASCII
)
_AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::(?P<port>\d{1,5}))?", re.ASCII)
_DEFAULT_PORT = {"https": 443, "http": 80}


@dataclass(frozen=True)
class _Address:
    scheme: str
    host: str
    port: int | None

    @property
    def origin(self) -> str:
        default = self.port is None or self.port == _DEFAULT_PORT[self.scheme]
        return f"{self.scheme}://{self.host}" + ("" if default else f":{self.port}")


@dataclass(frozen=True)
class LoginHost:
    """An address people and programs sign in at, checked. ``origin`` has no trailing slash."""

    origin: str
    kind: LoginKind
    audience: str
    """The ``aud`` of a JWT bearer assertion. Salesforce compares it with the generic login host of
    the org's kind: https://test.salesforce.com for sandboxes and scratch orgs, else https://login.salesforce.com."""
    hosts: LoginHosts

    def instance(self, url: str) -> str:
        """The instance URL of a token answer, by the rules this login host was checked with."""
        return self.hosts.instance(url)


@dataclass(frozen=True)
class LoginHosts:
    """The addresses that may be called.

    ``extra`` are ``host`` or ``host:port`` entries allowed beside Salesforce's own, over http too;
    for the emulator.
    """

    extra: frozenset[str] = field(default_factory=frozenset)

    def login(self, url_or_host: str) -> LoginHost:
        """The login host a person typed: a URL or a bare host name; a path is dropped.

        A Lightning or Setup page's address is taken for the My Domain it belongs to. Raises
        HostRefused.
        """
        address = self._parse(url_or_host)
        if self._is_extra(address):
            return LoginHost(address.origin, "extra", address.origin, self)
        host = self._salesforce_host(address, url_or_host)
        page = _APP_PAGE.fullmatch(host)
        if page:
            host = f"{page['name']}.my.salesforce.com"
        production, sandbox = f"https://{_PRODUCTION}", f"https://{_SANDBOX}"
        if host == _PRODUCTION:
            return LoginHost(production, "production", production, self)
        if host == _SANDBOX:
            return LoginHost(sandbox, "sandbox", sandbox, self)
        my_domain = _MY_DOMAIN.fullmatch(host)
        if not my_domain or my_domain["name"].startswith("xn--"):
            raise HostRefused(f"{_shown(url_or_host)} is not a Salesforce login address")
        audience = sandbox if my_domain["partition"] in _TEST_PARTITIONS else production
        return LoginHost(f"https://{host}", "my_domain", audience, self)

    def instance(self, url: str) -> str:
        """The origin of an ``instance_url``: "https://acme.my.salesforce.com". Raises HostRefused."""
        address = self._parse(url)
        if self._is_extra(address):
            return address.origin
        host = self._salesforce_host(address, url)
        known = _MY_DOMAIN.fullmatch(host) or _LEGACY_INSTANCE.fullmatch(host)
        if not known or host.startswith("xn--"):
            raise HostRefused(
                f"{_shown(url)} is not the address of a Salesforce org",
                meaning="Salesforce's answer points to an address outside Salesforce.",
                remedy="Check the login address; if it is right, a proxy in between alters answers.",
            )
        return address.origin

    def _parse(self, text: str) -> _Address:
        address = _ADDRESS.fullmatch(text.strip(" "))
        authority = _AUTHORITY.fullmatch(address["authority"]) if address else None
        if address is None or authority is None:
            raise HostRefused(f"{_shown(text)} is not a plain host name or URL")
        host = authority["host"].lower()
        port = int(authority["port"]) if authority["port"] else None
        scheme = (address["scheme"] or ("http" if self._plain_by_default(host, port) else "https")).lower()
        if scheme not in _DEFAULT_PORT or (port is not None and not 0 < port < 65_536):
            raise HostRefused(f"{_shown(text)} is not an https address")
        return _Address(scheme, host, port)

    def _plain_by_default(self, host: str, port: int | None) -> bool:
        """A bare loopback address on the extra list is the emulator, which speaks http."""
        return is_loopback(host) and self._is_extra(_Address("http", host, port))

    def _is_extra(self, address: _Address) -> bool:
        allowed = {entry.strip().lower() for entry in self.extra}
        port = address.port or _DEFAULT_PORT[address.scheme]
        return f"{address.host}:{port}" in allowed or (address.port is None and address.host in allowed)

    def _salesforce_host(self, address: _Address, text: str) -> str:
        if address.scheme != "https":
            raise HostRefused(f"{_shown(text)} is not encrypted", remedy="Use the same address with https://.")
        if address.port not in (None, 443):
            raise HostRefused(f"{_shown(text)} names a port, which Salesforce doesn't use")
        return address.host


def is_loopback(host: str) -> bool:
    """Whether the host is this machine, by name or address; nothing is resolved."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _shown(text: str) -> str:
    """The address for a message: without what stands before "@", which may be a password."""
    visible = text.strip().rsplit("@", 1)[-1]
    return repr(visible if len(visible) <= 100 else visible[:99] + "…")
