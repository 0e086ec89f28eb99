"""Which company a network belongs to, by a provider. None is built in: whoever runs Abmatic supplies a database.

The one provider reads files in MaxMind's format (https://maxmind.github.io/MaxMind-DB/), which several vendors sell.
What they call a company's domain, its name and its kind differs, so the usual names are tried. Addresses are kept
truncated (`tracking.events`): an entry for less than the whole kept network says nothing of it. Networks of internet
providers and data centres are no companies.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

import maxminddb
from django.conf import settings

# How sure it is that a visitor from a company's network is of the company, of 100.
CONFIDENCE = 40

# In which of these a record names things, from the plainest to those of particular vendors.
_PLACES = ("", "company", "traits")
_DOMAINS = ("domain", "company_domain", "website")
_NAMES = ("name", "company_name", "organization", "organisation", "autonomous_system_organization")
_KINDS = ("type", "company_type", "user_type", "usage_type")
_NO_COMPANIES = frozenset(
    {
        "isp", "hosting", "residential", "cellular", "consumer_privacy_network", "router", "search_engine_spider",
        "content_delivery_network", "dialup", "traveler", "mobile", "cdn", "vpn", "proxy",
    }
)  # fmt: skip


class DatabaseRefused(Exception):
    """The company database can't be read. The message says why, and what helps."""


@dataclass(frozen=True, slots=True)
class Company:
    """A company as a provider tells it."""

    domain: str
    name: str


class Provider(Protocol):
    """Who knows companies by their networks. ``version`` changes where answers may."""

    @property
    def version(self) -> str:
        """Of its data."""

    def company_of(self, network: str) -> Company | None:
        """The company of a truncated network ("192.0.2.0/24"); None where none is known."""


class FileProvider:
    """Reads a file in MaxMind's format, opened once."""

    def __init__(self, path: Path) -> None:
        try:
            self._reader = maxminddb.open_database(path)
        except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
            raise DatabaseRefused(
                f"The company database {path} can't be read ({error}). ABMATIC_COMPANY_DATABASE must name a file in "
                "MaxMind's format (.mmdb)"
            ) from error
        told = self._reader.metadata()
        self._version = f"{told.database_type} {told.build_epoch}"

    @property
    def version(self) -> str:
        """The database's type and when it was built."""
        return self._version

    def company_of(self, network: str) -> Company | None:
        """The company of a truncated network."""
        asked = ipaddress.ip_network(network)
        try:
            found, bits = self._reader.get_with_prefix_len(asked.network_address)
        except ValueError:
            # An address of version 6, and a file of version 4.
            return None
        if not isinstance(found, Mapping) or bits > asked.prefixlen:
            return None
        return company_in(found)


def company_in(found: Mapping[str, object]) -> Company | None:
    """The company that a record of a database names; None for internet providers, and without a domain."""
    if any(kind.lower() in _NO_COMPANIES for kind in _texts(found, _KINDS)):
        return None
    domain = next(_texts(found, _DOMAINS), "")
    return Company(domain, next(_texts(found, _NAMES), domain)) if domain else None


def _texts(found: Mapping[str, object], names: tuple[str, ...]) -> Iterator[str]:
    for place in _PLACES:
        inside = found.get(place) if place else found
        if isinstance(inside, Mapping):
            for name in names:
                text = inside.get(name)
                if isinstance(text, str) and text.strip():
                    yield text.strip()


def is_set_up() -> bool:
    """Whether there is somebody to ask."""
    return settings.ENVIRONMENT.company_database is not None


def provider() -> Provider | None:
    """The provider that is set up, if one is. Raises `DatabaseRefused`."""
    path: Path | None = settings.ENVIRONMENT.company_database
    if path is None:
        return None
    try:
        changed = path.stat().st_mtime_ns
    except OSError as error:
        raise DatabaseRefused(
            f"The company database {path} can't be read ({error.strerror}). Put it there, or correct "
            "ABMATIC_COMPANY_DATABASE"
        ) from error
    return _opened(path, changed)


@cache
def _opened(path: Path, changed: int) -> FileProvider:
    """Opened anew where the file was replaced. A handful in the life of a process."""
    return FileProvider(path)
