"""Links in e-mails that say who follows them: a page's address with a signed token for one person.

The token is the contact's number and its signature (HMAC by the installation's secret key), so it tells a stranger
nothing and can't be made up. The collector takes it out of the page's address before that is stored.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django.core import signing

PARAMETER = "ab"
# A change makes all links worthless that were sent before.
_SALT = "abmatic.engagement.link.1"


class NoLink(ValueError):
    """What was given is no address of a page."""


def link_for(contact_id: int, url: str) -> str:
    """The address with the contact's token, in place of one that it had. Raises `NoLink`."""
    parts = urlsplit(url.strip())
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise NoLink(f"“{url.strip()}” is no address of a page: say https://www.example.com/page.")
    kept = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != PARAMETER]
    return urlunsplit(parts._replace(query=urlencode([*kept, (PARAMETER, token_for(contact_id))])))


def token_for(contact_id: int) -> str:
    """A contact's token."""
    return _signer().sign(str(contact_id))


def contact_of(token: str) -> int | None:
    """Whom a token was made for; None where it was made by somebody else, or cut off."""
    try:
        number = _signer().unsign(token)
    except signing.BadSignature:
        return None
    return int(number)


def _signer() -> signing.Signer:
    # The separator must stay as it is in an address.
    return signing.Signer(salt=_SALT, sep=".")
