"""One web event, as it is stored; and the time that its id tells."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Bits of an address that are kept: 256 neighbours of IPv4, a site of IPv6, look alike.
KEPT_BITS = {4: 24, 6: 48}

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Kind(StrEnum):
    """What happened."""

    PAGE = "page"
    LEAVE = "leave"
    SCROLL = "scroll"
    CLICK = "click"
    FORM = "form"
    IDENTIFY = "identify"
    TRACK = "track"
    IMPRESSION = "impression"
    PERSONALISED_CLICK = "personalised_click"


@dataclass(frozen=True, slots=True)
class WebEvent:
    """An event. ``occurred_at`` is the time in ``id``, so that what is sent twice lands in the same place.

    ``visitor`` is the cookie's id, or the day's hash without cookies. ``ip`` is truncated, see `truncated`; the
    database refuses any other. ``properties["email"]`` is the address of a person who gave it, in a form or by
    identify(). Raises ValueError where ``id`` is no UUIDv7.
    """

    id: UUID
    received_at: datetime
    site_id: int
    visitor: str
    kind: Kind
    url: str | None = None
    path: str | None = None
    referrer: str | None = None
    title: str | None = None
    utm: dict[str, str] | None = None
    click_ids: dict[str, str] | None = None
    properties: dict[str, Any] | None = None
    browser: str | None = None
    os: str | None = None
    device: str | None = None
    country: str | None = None
    ip: Network | None = None
    occurred_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "occurred_at", time_of(self.id))


class NotVersion7(ValueError):
    """The id is no UUID of version 7."""


def time_of(event_id: UUID) -> datetime:
    """The millisecond that a UUIDv7 was made in (RFC 9562, 5.7). Raises `NotVersion7`."""
    if event_id.version != 7:
        raise NotVersion7(f"{event_id} is a UUID of version {event_id.version}, not 7.")
    milliseconds = event_id.int >> 80
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        raise NotVersion7(f"{event_id} tells a time after the year 9999.") from None


def truncated(address: str) -> Network | None:
    """The network that an address is kept as: /24 of IPv4, /48 of IPv6; None for what is no address."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return ipaddress.ip_network((found, KEPT_BITS[found.version]), strict=False)
