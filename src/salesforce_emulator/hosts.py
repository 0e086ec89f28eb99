"""By which names an org on a loopback address may be called: what keeps other people's pages away from it.

A page of any site can have its own name lead to 127.0.0.1 (DNS rebinding); the browser then takes the org's pages and
its control for that site's own, and lets it read them.  What it can't do is call the org by another name than its own:
the Host header tells.  Programs that are led here with the host of a real org in their requests are let through to the
API, where they need a token; a browser's requests that could get one carry an Origin, and aren't.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_API = "/services/"


def is_loopback(host: str) -> bool:
    """Whether a name or an address is this machine's own, for itself alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def same_origin(origin: str, host: str) -> bool:
    """Whether an Origin header names the server that a Host header names."""
    try:
        return bool(host) and urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False


class KnownHosts:
    """A WSGI application that answers only those who call it by a name it knows.

    :param names: those it has besides the loopback interface's.
    """

    def __init__(self, app: WSGIApplication, names: Iterable[str]) -> None:
        self._app = app
        self._names = frozenset(name.lower() for name in names)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        host = str(environ.get("HTTP_HOST", ""))
        by_program = str(environ["PATH_INFO"]).startswith(_API) and "HTTP_ORIGIN" not in environ
        if not host or by_program or self._knows(host):
            return self._app(environ, start_response)
        said = (
            f"This org isn't called {host[:200]!a}. If it should be: --allow-host, or allowed_hosts in the settings.\n"
        )
        body = said.encode()
        start_response("421 Misdirected Request", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
        return [body]

    def _knows(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return is_loopback(name) or name in self._names
