"""The port to serve on: asked for or free, and told clearly when somebody else has it."""

from __future__ import annotations

import errno
import os
import socket
from urllib.parse import urlsplit

from abmatic.cli.failures import NotReady

DEFAULT_PORT = 8000
LOOPBACK = "127.0.0.1"


def choose(host: str, port: int | None) -> int:
    """The port to serve on: 0 means any free one; None means BASE_URL's if that is this machine, else 8000.

    Raises `NotReady` when the port is taken.
    """
    wanted = _default() if port is None else port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As the server does: a port whose last connection was just closed is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, wanted))
        except OSError as error:
            raise NotReady(_told(host, wanted, error)) from error
        return int(probe.getsockname()[1])


def announce(host: str, port: int) -> str:
    """The address people open; told to the settings too, unless they name one. Call before settings are read."""
    if not {"ABMATIC_BASE_URL", "ABMATIC_BASE_URL_FILE"} & os.environ.keys():
        os.environ["ABMATIC_BASE_URL"] = local_url(host, port)
    return os.environ.get("ABMATIC_BASE_URL", local_url(host, port)).rstrip("/")


def local_url(host: str, port: int) -> str:
    """The server's own address as this machine reaches it."""
    # Compared with, not bound to.
    everywhere = {"0.0.0.0", "::", ""}  # noqa: S104  # nosec B104
    reached = LOOPBACK if host in everywhere else host
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"


def _default() -> int:
    given = urlsplit(os.environ.get("ABMATIC_BASE_URL", ""))
    if given.hostname in {LOOPBACK, "localhost", "::1"} and given.port:
        return given.port
    return DEFAULT_PORT


def _told(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is taken by another program. Stop that, or choose another with --port"
    if error.errno == errno.EACCES:
        return f"Port {port} on {host} may be used by root only. Choose one above 1023 with --port"
    return f"{host} port {port} can't be served on: {error.strerror}. Choose others with --host and --port"
