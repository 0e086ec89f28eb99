"""A real Chromium in front of the real program."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

import pytest
from django.test import Client
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from abmatic.identity.models import User


class Tab:
    """A browser tab at this program; addresses are paths. What the browser complains about is kept."""

    def __init__(self, page: Page, base: str) -> None:
        self.page = page
        self.base = base
        self.complaints: list[str] = []
        page.on("console", lambda message: self._hear(message.type, message.text))

    def _hear(self, kind: str, text: str) -> None:
        if kind == "error":
            self.complaints.append(text)

    def open(self, path: str) -> Page:
        self.page.goto(urljoin(self.base, path))
        return self.page

    def sign_in(self, user: User) -> None:
        """Signs in without the form, which has a test of its own."""
        client = Client()
        client.force_login(user)
        for name, morsel in client.cookies.items():
            self.page.context.add_cookies([{"name": name, "value": morsel.value, "url": self.base}])


@pytest.fixture
def tab(page: Page, live_server: LiveServer, settings: Any) -> Iterator[Tab]:
    """A tab in which nobody is signed in. The browser refusing something by policy fails the test."""
    settings.BASE_URL = live_server.url
    opened = Tab(page, live_server.url)
    yield opened
    # The server's threads may still be answering; the database is emptied right after this.
    page.goto("about:blank")
    refused = [text for text in opened.complaints if "Content Security Policy" in text]
    assert refused == []


@pytest.fixture
def admin_tab(tab: Tab, alice: User) -> Tab:
    """The administrator's tab."""
    tab.sign_in(alice)
    return tab
