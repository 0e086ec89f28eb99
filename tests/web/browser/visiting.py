"""A website that people visit, and somebody who does, at times of their own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from playwright.sync_api import Page

from abmatic.cli.demo_website.serving import server
from abmatic.cli.demo_website.writing import Addresses, write


@dataclass(frozen=True, slots=True)
class Website:
    """The demo's website: pages in a folder that is served."""

    folder: Path
    url: str

    def install(self, line: str, hub: str, org: str) -> None:
        """Makes the pages, with Abmatic's line in the head of each."""
        write(self.folder, Addresses(self.url, hub, org, line, "Spring launch"))


@contextmanager
def served(folder: Path) -> Iterator[Website]:
    """A website that runs, without pages so far."""
    with server(folder, 0) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield Website(folder, f"http://localhost:{serving.server_address[1]}")
        serving.shutdown()
        thread.join()


class Visitor:
    """A person at a browser whose clock is set."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.context.clock.install()

    def come_at(self, moment: datetime) -> None:
        """The browser is opened then. The collector believes its clock up to three days back."""
        # What was open before is closed first, at its own time.
        self.page.goto("about:blank")
        self.page.context.clock.set_system_time(moment)

    def visit(self, url: str) -> Page:
        """Opens a page, and waits until it has told Abmatic."""
        with self.page.expect_response(lambda response: "/collect/" in response.url) as told:
            self.page.goto(url)
        assert told.value.status == 204
        return self.page
