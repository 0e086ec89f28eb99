"""A small website on a server of its own, with the script of the real program in its pages, and people who visit it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from pytest_django.live_server_helper import LiveServer
from tests.cli.processes import wait_until
from tests.conftest import CHROMIUM_FLAGS, find_chromium
from tests.tracking.conftest import Rows

from abmatic.tracking.models import TrackingSite

# Chromium without a window says so, and would be taken for a bot.
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"

HOME = """
<p id="hello">Hello</p>
<a id="next" href="/prices">Prices</a> <a id="out" href="http://127.0.0.1:{port}/elsewhere">Partner</a>
<a id="pdf" href="/brochure.pdf" target="_blank">Brochure</a>
<a id="quiet" data-abmatic-ignore href="/quiet.pdf" target="_blank">Quiet</a>
<div style="height: 4000px"></div><p id="end">End</p>
"""
FORM = """
<form id="contact" action="/thanks">
  <input name="contact[first-name]" value="Ann"> <input name="lastName" value="Adler">
  <input name="q1" type="email" value="ann@acme.com"> <input name="q2" autocomplete="work organization" value="Acme">
  <input name="password" type="password" value="hunter2"> <input name="email_token" type="hidden" value="s3cret">
  <input name="name" autocomplete="section-pay cc-name" value="A ADLER">
  <input name="phone" value="4111 1111 1111 1111"> <input name="shoe_size" value="43">
  <input name="job_title" value="" > <input name="country" type="checkbox" value="DE">
  <button id="send">Send</button>
</form>
"""
APP = """
<button id="a" onclick="history.pushState({}, '', '/app/a'); document.title = 'A'">A</button>
<button id="b" onclick="history.pushState({}, '', '/app/b?x=1'); document.title = 'B'">B</button>
<button id="tidy" onclick="history.replaceState({}, '', location.pathname + '?tidy=1')">Tidy</button>
"""
PAGES = {"/": HOME, "/prices": "<p>Prices</p>", "/form": FORM, "/thanks": "<p>Thanks</p>", "/app": APP,
         "/elsewhere": "<p>Elsewhere</p>"}  # fmt: skip


class _Pages(BaseHTTPRequestHandler):
    def __init__(self, head: Callable[[], str], *args: Any) -> None:
        self._head = head
        super().__init__(*args)

    def do_GET(self) -> None:
        body = PAGES.get(self.path.partition("?")[0])
        if body is None:
            self.send_error(404)
            return
        port = self.server.server_address[1]
        title = self.path.strip("/").partition("?")[0].title() or "Home"
        told = f"<!doctype html><title>{title}</title>{self._head()}{body.replace('{port}', str(port))}".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the tests say what they need."""


class Website:
    """The site's address, its settings, and what has come of visits."""

    def __init__(self, url: str, site: TrackingSite, rows: Rows) -> None:
        self.url = url
        self.site = site
        self._rows = rows

    def set(self, **values: Any) -> None:
        TrackingSite.objects.filter(pk=self.site.pk).update(**values)

    def events(self, kind: str = "") -> list[dict[str, Any]]:
        """What was stored so far, in the order of its time."""
        names = ("kind", "url", "path", "title", "referrer", "visitor", "utm", "properties", "id")
        found = self._rows(f"SELECT {', '.join(names)} FROM web_event ORDER BY occurred_at, id")
        told = [dict(zip(names, row, strict=True)) for row in found]
        return [each for each in told if each["kind"] == kind] if kind else told

    def wait_for(self, kind: str, number: int = 1) -> list[dict[str, Any]]:
        """The events of a kind, once there are so many."""
        try:
            wait_until(lambda: len(self.events(kind)) >= number, 20)
        except AssertionError:
            told = self._rows("SELECT reason, number FROM tracking_drop")
            pytest.fail(f"there are {self.events()}; dropped: {told}")
        return self.events(kind)


@pytest.fixture
def website(
    live_server: LiveServer, collects: None, site: TrackingSite, rows: Rows, settings: Any
) -> Iterator[Website]:
    """The website, which runs."""
    settings.BASE_URL = live_server.url

    def head() -> str:
        return f'<script async src="{live_server.url}/t/{site.public_id}.js"></script>'

    server = ThreadingHTTPServer(("localhost", 0), partial(_Pages, head))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://localhost:{server.server_address[1]}"
    TrackingSite.objects.filter(pk=site.pk).update(origins=[url])
    yield Website(url, site, rows)
    server.shutdown()
    thread.join()
    server.server_close()


class Visit:
    """A visitor's browser."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.page: Page = context.new_page()
        self.errors: list[str] = []
        self.sent: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        context.on("request", lambda request: self.sent.append(request.url))

    def open(self, url: str) -> Page:
        """Opens a page, and waits until the script runs in it (or has decided not to)."""
        self.page.goto(url)
        self.page.wait_for_function("() => window.abmatic && window.abmatic.loaded")
        return self.page

    def leave(self) -> None:
        """Goes away from the site."""
        self.page.goto("about:blank")

    @property
    def collected(self) -> list[str]:
        """The requests to the collector."""
        return [url for url in self.sent if "/collect/" in url]

    @property
    def cookies(self) -> list[str]:
        return [cookie["name"] for cookie in self.context.cookies()]


@pytest.fixture(scope="session")
def peoples_browser(browser: Browser) -> Iterator[Browser]:
    """Chromium as people have it: with its back/forward cache, which Playwright turns off, and with a window's name.

    The name is given at the start: what is only set for a page isn't sent by its last beacon.
    """
    flags = [*CHROMIUM_FLAGS, f"--user-agent={CHROME}", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    chromium = browser.browser_type.launch(
        executable_path=find_chromium(), args=flags, ignore_default_args=["--disable-back-forward-cache"]
    )
    yield chromium
    chromium.close()


@pytest.fixture
def visit(peoples_browser: Browser, website: Website) -> Iterator[Visit]:
    """Somebody with a browser that has never been here."""
    context = peoples_browser.new_context(viewport={"width": 1000, "height": 800})
    context.set_default_timeout(30_000)
    made = Visit(context)
    yield made
    context.close()
    assert not made.errors, f"the script broke the page: {made.errors}"
