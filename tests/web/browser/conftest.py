"""A real Chromium in front of the real program."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from django.db import connection as database
from django.test import Client
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer
from tests.cli.processes import Installation, wait_until
from tests.conftest import RUN_DIR, database_url
from tests.tracking.browser.conftest import peoples_browser
from tests.tracking.conftest import collects
from tests.web.emulated import EmulatedOrg, environment_with

from abmatic.identity.models import User
from salesforce_emulator import OrgStore
from salesforce_emulator.data import sample
from salesforce_emulator.testing import RunningOrg, running

# Fixtures of the tracking's tests, for pages of a website that people visit.
__all__ = ["collects", "peoples_browser"]


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
    # The database is emptied right after this, so nothing may still be asked. A page that is being opened would refuse
    # to go elsewhere ("ERR_ABORTED"); it can always be closed.
    page.close()
    refused = [text for text in opened.complaints if "Content Security Policy" in text]
    assert refused == []


@pytest.fixture
def admin_tab(tab: Tab, alice: User) -> Tab:
    """The administrator's tab."""
    tab.sign_in(alice)
    return tab


@pytest.fixture(scope="session")
def sample_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the sample org that every Developer Edition begins with; each test gets a copy."""
    path = tmp_path_factory.mktemp("sample") / "org.sqlite3"
    OrgStore(path, loader=sample.load).close()
    return path


@pytest.fixture
def salesforce(sample_template: Path, tmp_path: Path, settings: Any) -> Iterator[RunningOrg]:
    """A Developer Edition org with its sample records, not connected yet; this program may call it."""
    path = tmp_path / "org.sqlite3"
    shutil.copy(sample_template, path)
    with running(OrgStore(path)) as org:
        settings.ENVIRONMENT = environment_with(EmulatedOrg(org.url))
        yield org


@pytest.fixture
def worker(live_server: LiveServer, salesforce: RunningOrg, tmp_path: Path) -> Iterator[Installation]:
    """`abmatic worker` in a process of its own, on the database that the pages read."""
    made = Installation(RUN_DIR, database_url(str(database.settings_dict["NAME"])), logs=tmp_path)
    made.start("worker", ABMATIC_SALESFORCE_EXTRA_HOSTS=urlsplit(salesforce.url).netloc)
    wait_until(lambda: made.query("SELECT FROM procrastinate_workers"))
    yield made
    made.end()
