"""A website and visitors, as the tracking script's tests have them, with pages to be personalised."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route
from pytest_django.live_server_helper import LiveServer
from tests.cli.processes import wait_until
from tests.personalisation.worlds import experience
from tests.tracking.browser.conftest import Visit, peoples_browser
from tests.tracking.browser.conftest import Website as TrackedWebsite
from tests.tracking.conftest import Rows, collects, rows, session

from abmatic.personalisation.models import Experience
from abmatic.tracking.models import TrackingSite
from abmatic.tracking.sites import line_for

__all__ = ["collects", "peoples_browser", "rows", "session"]

# What was painted of the headline, frame by frame, and what it said when the page was first painted.
WATCH = """
<script>
window.frames_ = [];
(function note() {
  var one = document.querySelector("h1");
  if (one && getComputedStyle(one).opacity !== "0") frames_.push([one.textContent, Math.round(performance.now())]);
  requestAnimationFrame(note);
})();
</script>
"""
STATIC = """
<h1>Original</h1> <p class="intro">Intro <b>here</b></p> <a id="go" href="/old">Go</a>
<a id="driven" href="/old" hx-boost="true">x</a> <a id="remote" href="/old" data-remote="true">x</a>
<a id="folds" href="#old" data-bs-toggle="collapse">x</a> <input id="typed" value="secret">
<picture><source srcset="/old.webp"><img id="pic" src="/old.png" srcset="/old2.png 2x" alt="Old"></picture>
<input id="q" placeholder="Old"> <script id="code">window.ran = 0</script>
<iframe id="frame" src="about:blank"></iframe>
<style id="sheet">p { color: black }</style>
"""
# A single-page app: each view is built by code, anew.
APP = """
<nav><button id="home">Home</button> <button id="prices">Prices</button> <button id="again">Again</button></nav>
<main></main>
<script>
function show() {
  var isPrices = location.pathname === "/app/prices";
  document.querySelector("main").innerHTML = isPrices ? "<h1>Original</h1>" : "<h2>Start</h2>";
}
function to(path) { history.pushState({}, "", path); show(); }
home.onclick = function () { to("/app"); };
prices.onclick = function () { to("/app/prices"); };
again.onclick = show;
window.onpopstate = show;
show();
</script>
"""
PAGES = {"/": STATIC, "/other": STATIC, "/app": APP, "/app/prices": APP}


class _Pages(BaseHTTPRequestHandler):
    def __init__(self, head: Callable[[], str], policy: Callable[[], str], *args: Any) -> None:
        self._head, self._policy = head, policy
        super().__init__(*args)

    def do_GET(self) -> None:
        body = PAGES.get(self.path.partition("?")[0])
        if body is None:
            self.send_error(404)
            return
        head = f"<head><title>Site</title>{self._head()}{WATCH}</head>"
        told = f"<!doctype html><html>{head}<body>{body}</body></html>".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        if self._policy():
            self.send_header("Content-Security-Policy", self._policy())
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the tests say what they need."""


class Website(TrackedWebsite):
    """A site with the script in the head of its pages, not loaded asynchronously, and what is personalised of it."""

    def __init__(self, site: TrackingSite, rows: Rows, settings: Any) -> None:
        super().__init__("", site, rows)
        self._settings = settings
        self.policy = ""
        # In the head.
        self.line = ""
        self.waits(10_000)

    def waits(self, milliseconds: int) -> None:
        """How long parts of pages are hidden at most: long enough for a busy machine, unless that is what is tested."""
        self._settings.ENVIRONMENT = replace(self._settings.ENVIRONMENT, personalise_hide_ms=milliseconds)

    def told(self, kind: str, number: int = 1) -> list[tuple[int, int]]:
        """Experience and variant of the events of a kind, once there are so many."""
        found = [each["properties"] for each in self.wait_for(kind, number)]
        return [(each["experience"], each["variant"]) for each in found]

    def shows(self, *changes: dict[str, Any], **values: Any) -> Experience:
        """An experience with one variant of these changes."""
        return experience(
            self.site, **{"pages": ["/"], "variants": [{"name": "A", "changes": list(changes)}], **values}
        )


@pytest.fixture
def website(
    live_server: LiveServer, collects: None, site: TrackingSite, rows: Rows, settings: Any
) -> Iterator[Website]:
    """The website, which runs."""
    settings.BASE_URL = live_server.url
    made = Website(site, rows, settings)
    made.line = line_for(live_server.url, site.public_id, holds_back=True)
    server = ThreadingHTTPServer(("localhost", 0), partial(_Pages, lambda: made.line, lambda: made.policy))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    made.url = f"http://localhost:{server.server_address[1]}"
    TrackingSite.objects.filter(pk=site.pk).update(origins=[made.url])
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


class Guest(Visit):
    """Somebody who looks at personalised pages."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.bodies: list[dict[str, Any]] = []
        self.context.on("request", self._note)

    def _note(self, request: Any) -> None:
        if "/collect/" in request.url and request.method == "POST":
            told = request.post_data_json
            self.bodies.append(told | {"to": request.url})

    @property
    def asked(self) -> list[dict[str, Any]]:
        """The requests for decisions."""
        return [each for each in self.bodies if each["to"].endswith("/decide")]

    def slow_down(self, seconds: float) -> None:
        """Decisions take so long."""

        def late(route: Route) -> None:
            time.sleep(seconds)
            route.continue_()

        self.context.route("**/decide", late)

    def hold(self, pattern: str) -> list[Route]:
        """The requests for what fits a pattern, each of which waits until it is continued."""
        held: list[Route] = []
        self.context.route(pattern, lambda route: held.append(route))
        return held

    def arrive(self, url: str) -> Page:
        """Opens a page of which something is held: it isn't loaded, but the script runs."""
        self.page.goto(url, wait_until="domcontentloaded")
        self.page.wait_for_function("() => window.abmatic && window.abmatic.loaded")
        return self.page

    def wait_for(self, held: list[Route], number: int = 1) -> None:
        """Until so many requests are held."""
        wait_until(lambda: self.page.evaluate("1") and len(held) >= number, 20)

    def opacity(self, selector: str) -> str:
        """Of an element: 0 while it is hidden."""
        return str(self.page.evaluate("one => getComputedStyle(document.querySelector(one)).opacity", selector))

    def painted(self) -> list[str]:
        """What the headline said in the frames in which it could be seen, each text once in a row."""
        frames = self.page.evaluate("() => new Promise(done => setTimeout(() => done(window.frames_), 100))")
        texts = [text for text, _ in frames]
        return [text for place, text in enumerate(texts) if place == 0 or text != texts[place - 1]]

    def first_painted_after(self) -> int:
        """Milliseconds after which the headline could first be seen."""
        return int(self.page.evaluate("() => window.frames_[0][1]"))


@pytest.fixture
def guest(peoples_browser: Browser, website: Website) -> Iterator[Guest]:
    """Somebody with a browser that has never been here."""
    context = peoples_browser.new_context(viewport={"width": 1000, "height": 800})
    context.set_default_timeout(20_000)
    made = Guest(context)
    yield made
    context.close()
    assert not made.errors, f"the script broke the page: {made.errors}"


def says(page: Page, selector: str, text: str) -> None:
    """Waits until an element says something."""
    page.wait_for_function(
        "([selector, text]) => document.querySelector(selector)?.textContent === text", arg=[selector, text]
    )
