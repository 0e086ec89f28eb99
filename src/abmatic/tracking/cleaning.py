"""What is taken out of events before they are stored: secrets, card numbers, addresses within addresses."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

_UTM = {f"utm_{name}": name for name in ("source", "medium", "campaign", "term", "content", "id")}
# Ids that advertisers and mail tools put behind links, and our own signed ones ("ab").
CLICK_IDS = frozenset(
    {
        "gclid", "gbraid", "wbraid", "dclid", "fbclid", "msclkid", "li_fat_id", "ttclid", "twclid", "rdt_cid", "epik",
        "mc_eid", "_hsenc", "mkt_tok", "ab",
    }
)  # fmt: skip
# Of a query's parameters, never kept: what they are named after lets somebody in.
_SECRET = re.compile(r"pass|pwd|token|secret|auth|session|api_?key|code$|signature|^sig$|^jwt$", re.IGNORECASE)
# As long as addresses get (RFC 5321, 4.5.3.1), so that the time to look for one grows with the text alone.
_EMAIL = re.compile(r"[^\s@<>\"',;:()]{1,64}@[^\s@<>\"',;:()]{1,253}\.[^\s@<>\"',;:().]{2,63}")
_CARD = re.compile(r"(?<!\d)\d(?:[ -]?\d){11,18}(?!\d)")
REMOVED = "[removed]"
_LONGEST_VALUE = 200
# How often a value is read that was encoded more than once.
_MOST_DECODED = 4
# Of values within values of a request: events, event, properties, values, and some to spare.
_DEEPEST = 20


@dataclass(frozen=True, slots=True)
class Address:
    """A page's address, taken apart."""

    url: str
    host: str
    path: str
    utm: dict[str, str] | None
    click_ids: dict[str, str] | None


@lru_cache(maxsize=1_024)
def address_of(url: str) -> Address | None:
    """An http(s) address without user, fragment, secrets and personal parameters; None for anything else.

    Remembered, because a site's visitors look at the same pages; so nobody may change what it answers.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not host:
        return None
    utm: dict[str, str] = {}
    click_ids: dict[str, str] = {}
    kept = []
    for name, value in parse_qsl(parts.query, keep_blank_values=True, max_num_fields=None)[:50]:
        name, value = name.replace("\0", ""), value.replace("\0", "")
        key = name.lower()
        if key in _UTM:
            utm[_UTM[key]] = _decoded_without(value)[:_LONGEST_VALUE]
        elif key in CLICK_IDS:
            # Longer ones are cut off from what they mean, and no address needs them.
            click_ids[key] = _without_emails(value[:1_000])
            continue
        if not _SECRET.search(name):
            kept.append((_decoded_without(name), _decoded_without(value)))
    place = f"[{host}]" if ":" in host else host
    place = place if port is None else f"{place}:{port}"
    path = "/".join([_segment_without(segment) for segment in parts.path.split("/")]) or "/"
    clean = urlunsplit((parts.scheme, place, path, urlencode(kept), ""))
    return Address(clean, host, path, utm or None, click_ids or None)


def _segment_without(segment: str) -> str:
    """A part of a path, as it was written, or, where it hid something, without it."""
    clean = _decoded_without(segment)
    return segment if clean == segment else quote(clean, safe="[]@!$&'()*+,;=:~")


def _decoded_without(text: str) -> str:
    """Text without secrets, also those written with percent signs, once or within one another."""
    read = text
    for _ in range(_MOST_DECODED):
        clean = without_secrets(read)
        if clean != read:
            return clean
        if "%" not in read:
            break
        read = unquote(read)
    return text


def referrer_of(url: str) -> str | None:
    """Where a visitor came from, cleaned like a page's address; None where it tells nothing."""
    found = address_of(url)
    return found.url if found else None


def without_secrets(text: str) -> str:
    """Text without e-mail addresses and card numbers."""
    text = _without_emails(text)
    return _CARD.sub(lambda found: REMOVED if is_card(found[0]) else found[0], text)


def _without_emails(text: str) -> str:
    return _EMAIL.sub(REMOVED, text) if "@" in text else text


def is_card(text: str) -> bool:
    """Whether digits (with blanks or hyphens) are a payment card's: 12 to 19 that fit Luhn's check (ISO/IEC 7812)."""
    digits = re.sub(r"[ -]", "", text)
    if not (digits.isascii() and digits.isdigit() and 12 <= len(digits) <= 19):
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (place % 2 + 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def is_email(text: str) -> bool:
    """Whether text is an e-mail address and nothing else."""
    return len(text) <= 254 and _EMAIL.fullmatch(text) is not None


def form_values(given: Mapping[str, Any], allowed: Collection[str]) -> dict[str, str]:
    """Of a form's values those that the site allows, whatever the page sent: no card numbers, no secrets' names."""
    return {
        name: value[:_LONGEST_VALUE]
        for name, value in given.items()
        if isinstance(value, str) and name in allowed and not _SECRET.search(name) and not _has_card(value)
    }


def _has_card(value: str) -> bool:
    return any(is_card(found[0]) for found in _CARD.finditer(value))


class TooDeep(ValueError):
    """A JSON value lies in more others than anything that is sent does."""


def storable(value: Any, depth: int = 0) -> Any:
    """A JSON value without what Postgres can't hold: NUL, and halves of letters. Raises `TooDeep`."""
    if depth > _DEEPEST:
        raise TooDeep(f"more than {_DEEPEST} values within one another")
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "ignore").decode()
    if isinstance(value, dict):
        return {storable(key): storable(each, depth + 1) for key, each in value.items()}
    return [storable(each, depth + 1) for each in value] if isinstance(value, list) else value
