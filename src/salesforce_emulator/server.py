"""Serving an org by itself: one process of several threads under granian, watched by the command.

The command makes or opens the database, then hands its configuration to the serving process through the
environment, since that process is started anew.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from flask import Flask
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from salesforce_emulator.app import create_app
from salesforce_emulator.oauth.apps import App
from salesforce_emulator.pubsub import PubSubServer
from salesforce_emulator.runtime import Settings
from salesforce_emulator.store import OrgStore

_VARIABLE = "SALESFORCE_EMULATOR_SERVING"
_THREADS = 32
_PATIENCE = 30.0
_KILL_AFTER = 2
_LOOK_EVERY = 0.5


@dataclass(frozen=True)
class Serving:
    """What the serving process has to know.

    ``scratch`` is a folder of the command's, which outlives it; ``faults`` a plan as JSON, or None.  The Pub/Sub API is
    served at ``host``, ``pubsub_port``.
    """

    database: Path
    scratch: Path
    settings: Settings
    apps: tuple[App, ...]
    host: str
    pubsub_port: int
    faults: object = None

    def to_environment(self) -> None:
        data = {
            "database": str(self.database),
            "scratch": str(self.scratch),
            "settings": asdict(self.settings),
            "apps": [asdict(a) for a in self.apps],
            "host": self.host,
            "pubsub_port": self.pubsub_port,
            "faults": self.faults,
        }
        os.environ[_VARIABLE] = json.dumps(data)

    @classmethod
    def from_environment(cls) -> Serving:
        data = json.loads(os.environ[_VARIABLE])
        apps = tuple(App.from_json(a) for a in data["apps"])
        return cls(
            Path(data["database"]),
            Path(data["scratch"]),
            Settings(**data["settings"]),
            apps,
            data["host"],
            data["pubsub_port"],
            data["faults"],
        )


def application() -> Flask:
    """The application of the serving process."""
    serving = Serving.from_environment()
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    store = OrgStore(serving.database, scratch=serving.scratch)
    app = create_app(store, settings=serving.settings, apps=serving.apps, faults=serving.faults)
    PubSubServer(app.extensions["salesforce_emulator"], serving.host, serving.pubsub_port)
    return app


def _end_with(command: int) -> None:
    """End this process once the command's is gone: killed, it can't stop anybody, and the port would stay taken."""
    while os.getppid() == command:
        time.sleep(_LOOK_EVERY)
    os._exit(1)


def free_port(host: str, wanted: int = 0, option: str = "--port") -> int:
    """The port asked for, or for 0 any that nobody listens on.

    Raises OSError when somebody has it. The server itself would share it: each of two orgs would get some of the calls.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        # As the server does: a port whose last connection was just closed is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, wanted))
        except OSError as error:
            raise OSError(
                f"can't listen on {host} port {wanted}: {error.strerror}."
                f" Choose another with {option} (0: any free one)"
            ) from error
        return int(probe.getsockname()[1])


def serve(serving: Serving, host: str, port: int, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT.

    :param ready: called once the org answers.
    """
    serving.to_environment()
    server = Granian(
        f"{__name__}:application",
        factory=True,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=_THREADS,
        workers_kill_timeout=_KILL_AFTER,
        log_level=LogLevels.error,
        respawn_failed_workers=True,
    )
    probed = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104  compared, not bound  # nosec B104
    url = f"http://[{probed}]:{port}" if ":" in probed else f"http://{probed}:{port}"
    threading.Thread(target=_announce, args=(url, ready), daemon=True).start()
    # Forked instead, the serving process would inherit whatever lock that thread holds at the moment, an import's
    # for instance, held for ever by nobody: every request would wait for it.
    multiprocessing.set_start_method("spawn", force=True)
    server.serve()


def _announce(url: str, ready: Callable[[], None]) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{url}/services/data", timeout=5):  # noqa: S310  our own server  # nosec B310
                ready()
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    print(f"The org does not answer at {url}: is something else listening there?", file=sys.stderr, flush=True)
