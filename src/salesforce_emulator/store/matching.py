"""How values of two records are found alike: exactly, or by what is left of them once the trimmings are off.

The SQL function :data:`FUNCTION` does the same in the tables, where an index keeps what it makes of a column.
"""

from __future__ import annotations

import re
import unicodedata

FUNCTION = "match_key"
EXACT = "Exact"
_LEGAL_FORMS = frozenset(
    {"ag", "bv", "co", "company", "corp", "corporation", "gmbh", "group", "holding", "holdings", "inc", "incorporated",
     "kg", "limited", "llc", "llp", "ltd", "nv", "oy", "plc", "pty", "sa", "sas", "sarl", "se", "spa", "srl", "the"}
)  # fmt: skip
_HOST = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?(?:[^/@]*@)?([^/:?#]+)")
_PHONE_DIGITS = 7


def _plain(text: str) -> str:
    """Lower-case letters without accents."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in parts if not unicodedata.combining(c))


def _company(text: str) -> str:
    """``The Acme Corp.`` and ``ACME, Inc.`` are acme."""
    words = re.findall(r"\w+", _plain(text).replace("'", "").replace(".", ""))
    return " ".join(w for w in words if w not in _LEGAL_FORMS) or " ".join(words)


def _domain(text: str) -> str:
    """Of an e-mail address or a web address, without www."""
    found = _HOST.match(text.strip().lower())
    return found[1].removeprefix("www.").rstrip(".") if found else ""


def _phone(text: str) -> str:
    """The last digits, since some write the country's and some don't."""
    digits = re.sub(r"\D", "", text)
    return digits[-_PHONE_DIGITS:] if len(digits) >= _PHONE_DIGITS else ""


def _name(text: str) -> str:
    return " ".join(re.findall(r"\w+", _plain(text)))


METHODS = {"CompanyName": _company, "Domain": _domain, "Phone": _phone, "Name": _name}
"""The ways beside Exact."""


def match_key(method: str, value: object) -> str | None:
    """What two values have in common that match; None matches nothing."""
    return (METHODS[method](value) or None) if isinstance(value, str) else None
