"""What the tests share: one real Postgres for the whole run, and a real Chromium.

The settings of Django are read from the environment, so the environment is set here, before pytest-django reads them:
a data folder of the run's own, and none of the developer's settings. ``TEST_DATABASE_URL`` runs everything on another
server instead of the embedded one.
"""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import django
import hypothesis
import psycopg
import pytest
from django.conf import settings
from psycopg.conninfo import conninfo_to_dict
from tests import reset

from abmatic.postgres.embedded import EmbeddedServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# Nothing here must survive a power cut.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "128MB"}

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CHROMIUM_ON_MACOS = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
# Unpacked there by scripts/browser.py where the system has none.
CHROMIUM_OF_MAKE = Path(sys.prefix) / "browser" / "chromium"
CHROMIUM_FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # A container's /dev/shm may be tiny.
    "--disable-dev-shm-usage",
]


def _prepare_environment() -> Path:
    """Makes the run's data folder (once: xdist's workers inherit it) and points the settings at it."""
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    if is_worker:
        folder = Path(os.environ["ABMATIC_DATA_DIR"])
    else:
        folder = Path(tempfile.mkdtemp(prefix="abmatic-tests-"))
        # Root's Postgres runs as another account, which must get in; what is secret in it has a mode of its own.
        folder.chmod(0o755)
        # Also where pytest ends before it was configured (a usage error, a broken conftest).
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name in [name for name in os.environ if name.startswith("ABMATIC_") or name == "DATABASE_URL"]:
        del os.environ[name]
    os.environ["ABMATIC_DATA_DIR"] = str(folder)
    if "TEST_DATABASE_URL" in os.environ:
        os.environ["DATABASE_URL"] = os.environ["TEST_DATABASE_URL"]
    os.environ["DJANGO_SETTINGS_MODULE"] = "abmatic.config.settings"
    # Playwright's synchronous interface runs an event loop in the test's thread; Django would refuse to query there.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    return folder


# How long an example takes says more of the machine than of the code.
hypothesis.settings.register_profile("calm", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("calm")

RUN_DIR = _prepare_environment()
# pytest-django sets Django up only where the settings were read before; here they must not be, until now.
django.setup()
reset.install()


def pytest_unconfigure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        return
    EmbeddedServer(RUN_DIR).remove()
    shutil.rmtree(RUN_DIR, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[None]:
    """The run's Postgres server is up: the first worker starts it, the last one to leave stops it."""
    if "TEST_DATABASE_URL" in os.environ:
        yield
        return
    with EmbeddedServer(RUN_DIR, options=FAST).acquire():
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(postgres: None, django_db_modify_db_settings: None) -> None:
    """Called by pytest-django before it makes its databases, one for each xdist worker."""


@pytest.fixture
def open_dir() -> Iterator[Path]:
    """An empty folder that any account may enter (pytest's own are closed), with a space in its path."""
    folder = Path(tempfile.mkdtemp(prefix="abmatic test "))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def database_url(name: str) -> str:
    """The DATABASE_URL of a database in the run's server, for processes."""
    entry: dict[str, Any] = settings.DATABASES["default"]
    host, port, user, password = (entry.get(key, "") for key in ("HOST", "PORT", "USER", "PASSWORD"))
    secret = f":{quote(password, safe='')}" if password else ""
    where = urlencode({"host": host, "port": port}, quote_via=quote)
    return f"postgresql://{quote(user, safe='')}{secret}@/{name}?{where}"


@contextmanager
def _made_database(template: str = "template1") -> Iterator[str]:
    """Makes a database in the run's server and gives its DATABASE_URL; it is dropped in the end."""
    server = database_url("postgres")
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
    yield database_url(name)
    with psycopg.connect(server, autocommit=True) as connection:
        try:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
        except psycopg.errors.InsufficientPrivilege:
            # Autovacuum is in it, which belongs to another role; asked without force, it is sent away and waited for.
            connection.execute(f"DROP DATABASE {name}".encode())


@pytest.fixture
def database(postgres: None) -> Iterator[str]:
    """The DATABASE_URL of an empty database of the test's own, for the processes it starts."""
    with _made_database() as url:
        yield url


@pytest.fixture(scope="session")
def _migrated_template(postgres: None) -> Iterator[str]:
    """The name of a database of this release that others are copied from: migrating each would take seconds."""
    with _made_database() as url:
        command = [sys.executable, "-m", "abmatic.cli", "migrate"]
        subprocess.run(command, env={**os.environ, "DATABASE_URL": url}, check=True, capture_output=True)
        yield conninfo_to_dict(url)["dbname"]


@pytest.fixture
def migrated_database(_migrated_template: str) -> Iterator[str]:
    """The DATABASE_URL of a database of the test's own that has this release's tables, for the processes it starts."""
    with _made_database(_migrated_template) as url:
        yield url


def find_chromium() -> str | None:
    """The browser the tests drive: ``CHROMIUM``, the system's, or (None) Playwright's own if it was downloaded."""
    if "CHROMIUM" in os.environ:
        return os.environ["CHROMIUM"]
    found = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if found is None and CHROMIUM_OF_MAKE.exists():
        return str(CHROMIUM_OF_MAKE)
    if found is None and CHROMIUM_ON_MACOS.exists():
        return str(CHROMIUM_ON_MACOS)
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real headless Chromium. A machine without one fails, as `make test` puts one there."""
    from playwright.sync_api import Error, expect, sync_playwright

    expect.set_options(timeout=15_000)
    with sync_playwright() as playwright:
        flags = [*CHROMIUM_FLAGS, "--no-sandbox"] if os.geteuid() == 0 else CHROMIUM_FLAGS
        try:
            chromium = playwright.chromium.launch(executable_path=find_chromium(), args=flags)
        except Error as error:
            pytest.fail(
                f"Chromium couldn't be started: {error}\nInstall it (`make browser`), or name it in CHROMIUM.",
                pytrace=False,
            )
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page in a fresh profile. An uncaught error in a script of the page fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-US", timezone_id="UTC")
    # Only what fails waits for so long; a busy machine may need some of it.
    context.set_default_timeout(30_000)
    tab = context.new_page()
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    yield tab
    context.close()
    assert not errors, f"the page's scripts failed: {errors}"
