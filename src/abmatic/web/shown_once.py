"""What a form made and a person may see once: a key, a secret, a sign-in link.

A page that answers a form directly is sent again when it is loaded again, and makes a second one. So the form leads to
a page, as every form does, and what is to be shown waits until that page is opened: in the session, sealed, because
sessions lie in the database and what is secret must not. The first time it is looked at it is gone from there.
"""

from __future__ import annotations

from django.utils import timezone

from abmatic.identity import sealing
from abmatic.web.http import PageRequest

# Seconds. Whoever doesn't follow to the page at once has gone elsewhere.
_KEPT = 600


def keep(request: PageRequest, what: str, shown: dict[str, str]) -> None:
    """For the next page of this session that takes ``what``."""
    request.session[_name(what)] = {"at": timezone.now().timestamp(), "sealed": sealing.seal(shown).decode()}


def take(request: PageRequest, what: str) -> dict[str, str]:
    """What was kept, which is forgotten with that; nothing where there is nothing.

    A browser that only asks whether the page is there, or looks ahead, shows it to nobody.
    """
    if request.method != "GET" or "prefetch" in request.headers.get("Sec-Purpose", ""):
        return {}
    kept = request.session.pop(_name(what), None)
    if kept is None or kept["at"] < timezone.now().timestamp() - _KEPT:
        return {}
    try:
        return sealing.unseal(kept["sealed"].encode())
    except sealing.SealBroken:
        return {}


def _name(what: str) -> str:
    return f"shown-once-{what}"
