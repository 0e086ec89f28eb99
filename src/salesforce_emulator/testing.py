"""An emulated org for tests: in this process, on a free port of the loopback interface.

::

    with running() as org:
        client = connect(org.url, org.access_token())
        org.fault("status", {"path": "/query"}, status=503)
        client.query("SELECT Id FROM Account")  # tries again once
        assert org.counted_calls() == 1  # the other was answered by the fault

Or without a socket, through a WSGI transport: ``create_app(OrgStore())``.  The faults ``cut`` and ``reset`` need the
socket: in-process they raise :class:`~salesforce_emulator.faults.ConnectionReset` where the body is read.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import Flask
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from salesforce_emulator.app import create_app
from salesforce_emulator.oauth.apps import App
from salesforce_emulator.pubsub import PubSubServer
from salesforce_emulator.pubsub.server import KEEPALIVE
from salesforce_emulator.runtime import Emulator, Settings
from salesforce_emulator.store import DEFAULT_PASSWORD, OrgStore


@dataclass(frozen=True)
class RunningOrg:
    """An org that is being served.

    ``app`` is its WSGI application, ``pubsub`` the address of its Pub/Sub API (``host:port``) where it was asked for.
    """

    url: str
    app: Flask
    emulator: Emulator
    pubsub: str | None = None

    @property
    def store(self) -> OrgStore:
        return self.emulator.store

    @property
    def client_id(self) -> str:
        return self.emulator.apps.first.client_id

    @property
    def client_secret(self) -> str:
        return self.emulator.apps.first.client_secret

    @property
    def username(self) -> str:
        """A user who may do everything."""
        return self.emulator.apps.first.run_as

    @property
    def password(self) -> str:
        return DEFAULT_PASSWORD

    def access_token(self, user_id: str | None = None, scope: str = "id profile email api") -> str:
        """A session without the OAuth dance, of the app's user unless another is named."""
        return issue_token(self.emulator, user_id, scope)

    def refresh_token(self, user_id: str | None = None, scope: str = "id profile email api refresh_token") -> str:
        """What the web server flow would have left a client with, of the same user."""
        return issue_refresh_token(self.emulator, user_id, scope)

    def fault(self, action: str, match: dict[str, Any] | None = None, **rule: Any) -> None:
        """Set a plan of one fault; :mod:`salesforce_emulator.faults` says what a rule may hold."""
        self.emulator.faults.set([{"action": action, "match": match or {}, **rule}])

    def calls(self) -> list[dict[str, object]]:
        return self.emulator.calls.all()

    def counted_calls(self) -> int:
        """API calls that counted against the allowance; those that a fault answered don't."""
        return sum(1 for c in self.calls() if c["counted"])


def emulator_of(app: Flask) -> Emulator:
    """The running org behind an application."""
    found: Emulator = app.extensions["salesforce_emulator"]
    return found


def issue_token(emulator: Emulator, user_id: str | None = None, scope: str = "id profile email api") -> str:
    """An access token of a user, of the first app."""
    tokens, client_id = emulator.tokens, emulator.apps.first.client_id
    return tokens.issue_access(client_id, user_id or _own_user(emulator), scope, tokens.new_family())


def issue_refresh_token(
    emulator: Emulator, user_id: str | None = None, scope: str = "id profile email api refresh_token"
) -> str:
    """A refresh token of a user, of the first app."""
    tokens, client_id = emulator.tokens, emulator.apps.first.client_id
    return tokens.issue_refresh(client_id, user_id or _own_user(emulator), scope, tokens.new_family())


def _own_user(emulator: Emulator) -> str:
    """Id of the user whom the first app runs as."""
    with emulator.store.reading() as conn:
        row = conn.execute('SELECT "Id" FROM "User" WHERE "Username" = ?', (emulator.apps.first.run_as,)).fetchone()
    return str(row[0])


class _Quiet(WSGIRequestHandler):
    """Speaks HTTP/1.1, so that connections are kept; logs nothing; closes when a fault says so."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:
        pass

    def send_response(self, code: int, message: str | None = None) -> None:
        """Without a Date: the org tells its own."""
        self.send_response_only(code, message)

    def connection_dropped(self, error: BaseException, environ: dict[str, Any] | None = None) -> None:
        self.close_connection = True

    def make_environ(self) -> dict[str, Any]:
        environ = super().make_environ()
        environ["wsgi.errors"] = _Nowhere()
        return environ


class _Nowhere:
    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        pass


@contextmanager
def running(
    store: OrgStore | None = None,
    *,
    settings: Settings | None = None,
    apps: Iterable[App] = (),
    pubsub: bool = False,
    keepalive: float = KEEPALIVE,
) -> Iterator[RunningOrg]:
    """Serve an org on a free loopback port until the block ends.

    :param store: the org; a new one with the base records where none is given. It is closed at the end.
    :param pubsub: serve the Pub/Sub API too, on another free port.
    :param keepalive: seconds after which a subscriber hears that nothing happened.
    """
    app = create_app(store or OrgStore(), settings=settings, apps=apps)
    server = ThreadedWSGIServer("127.0.0.1", 0, app, handler=_Quiet)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    emulator = emulator_of(app)
    events = PubSubServer(emulator, keepalive=keepalive) if pubsub else None
    address = f"127.0.0.1:{events.port}" if events is not None else None
    try:
        yield RunningOrg(f"http://127.0.0.1:{server.server_port}", app, emulator, address)
    finally:
        if events is not None:
            events.close()
        server.shutdown()
        thread.join()
        server.server_close()
        emulator.close()
