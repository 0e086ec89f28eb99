"""Serves a folder of finished pages: ``python -m abmatic.cli.demo_website.serving FOLDER PORT``.

It listens on this machine only. A form that is sent is answered with the page that it names, and what was typed is
read and dropped: whoever looks for it finds it in Abmatic.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from abmatic.cli.ports import LOOPBACK

# Nobody types more into these forms.
_LARGEST_FORM = 65_536


class Pages(SimpleHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Leads on to the page that the form names."""
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit() or int(length) > _LARGEST_FORM:
            self.close_connection = True
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        self.rfile.read(int(length))
        self.send_response(HTTPStatus.SEE_OTHER)
        # Within this website, whatever was asked for.
        self.send_header("Location", f"/{self.path.partition('?')[0].lstrip('/')}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def end_headers(self) -> None:
        """Pages are written anew at each start of the demo, so browsers ask each time."""
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the terminal is the demo's."""


def server(folder: Path, port: int) -> ThreadingHTTPServer:
    """A server of the folder's pages that doesn't run yet. Port 0 is any free one."""
    handler: Callable[..., Any] = partial(Pages, directory=str(folder))
    return ThreadingHTTPServer((LOOPBACK, port), handler)


def main() -> None:
    """Serves until it is ended."""
    folder, port = sys.argv[1:]
    with server(Path(folder), int(port)) as serving:
        serving.serve_forever()


if __name__ == "__main__":
    main()
