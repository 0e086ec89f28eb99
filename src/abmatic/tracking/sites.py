"""A site as the collector needs it, looked up by its public id and remembered for some seconds."""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from urllib.parse import urlsplit

from abmatic.tracking.models import TrackingSite

# Seconds for which a process goes on with what it knows: for as long a changed setting may take.
_FRESH = 5.0
# Ids that a process remembers, those that are no site's included: whoever asks for random ones fills nothing.
_MOST = 2_000

_ORIGIN = re.compile(r"^https?://(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?$")
_DEFAULT_PORTS = {"https": 443, "http": 80}


class BadOrigin(ValueError):
    """What was given is no origin; the message says what one looks like."""


@dataclass(frozen=True, slots=True)
class Site:
    """A site's settings."""

    id: int
    public_id: str
    is_active: bool
    origins: tuple[str, ...]
    has_cookies: bool
    cookie_days: int
    needs_consent: bool
    honours_gpc: bool
    honours_dnt: bool
    captures_forms: bool
    captured_fields: tuple[str, ...]

    def allows(self, origin: str) -> bool:
        """Whether pages of an origin, as the browser sends it, may send events."""
        return any(_matches(allowed, origin) for allowed in self.origins)


def origin_of(text: str) -> str:
    """An origin as browsers send it, from what a person types: an address with or without path. Raises `BadOrigin`."""
    given = text.strip().lower()
    if "://" not in given:
        given = f"https://{given}"
    try:
        parts = urlsplit(given)
        port, host = parts.port, (parts.hostname or "").rstrip(".")
        host = host if host.startswith("*.") or not host else host.encode("idna").decode()
    except (ValueError, UnicodeError):
        raise BadOrigin(_no_origin(text)) from None
    origin = f"{parts.scheme}://{host}"
    if port is not None and port != _DEFAULT_PORTS.get(parts.scheme):
        origin += f":{port}"
    if not _ORIGIN.match(origin) or "@" in parts.netloc or ".." in host:
        raise BadOrigin(_no_origin(text))
    return origin


def line_for(hub: str, public_id: str, *, holds_back: bool = False) -> str:
    """The line that a website's pages carry. ``hub``: this installation's address, without a slash at its end.

    ``holds_back``: nothing of the page is painted before the script has run, for pages that are personalised: what the
    script is to replace would be seen otherwise. Other pages needn't wait for us.
    """
    return f'<script {"" if holds_back else "async "}src="{hub}/t/{public_id}.js"></script>'


def _no_origin(text: str) -> str:
    return (
        f"“{text.strip()}” is no origin of a website: say https://www.example.com, or https://*.example.com for every "
        "name under it"
    )


def _matches(allowed: str, origin: str) -> bool:
    if "://*." not in allowed:
        return allowed == origin
    scheme, _, rest = allowed.partition("://*")
    return origin.startswith(f"{scheme}://") and origin.endswith(rest) and len(origin) > len(scheme) + 3 + len(rest)


_known: OrderedDict[str, tuple[float, Site | None]] = OrderedDict()
_lock = Lock()


def by_public_id(public_id: str) -> Site | None:
    """The site, as it was some seconds ago at most; None where there is none."""
    now = time.monotonic()
    with _lock:
        known = _known.get(public_id)
    if known is not None and now - known[0] < _FRESH:
        return known[1]
    row = TrackingSite.objects.filter(public_id=public_id).first()
    found = None if row is None else as_site(row)
    with _lock:
        _known[public_id] = (now, found)
        _known.move_to_end(public_id)
        while len(_known) > _MOST:
            _known.popitem(last=False)
    return found


def as_site(row: TrackingSite) -> Site:
    """The settings of a row."""
    has_cookies = row.mode == TrackingSite.Mode.IDENTIFIED
    return Site(
        id=row.pk,
        public_id=row.public_id,
        is_active=row.is_active,
        origins=tuple(row.origins),
        has_cookies=has_cookies,
        cookie_days=row.cookie_days,
        needs_consent=row.consent == TrackingSite.Consent.ASKED,
        honours_gpc=has_cookies or row.honours_gpc_cookieless,
        honours_dnt=row.honours_dnt,
        captures_forms=row.captures_forms,
        captured_fields=tuple(row.captured_fields),
    )


def forget_known() -> None:
    """Makes the next request ask the database."""
    with _lock:
        _known.clear()
