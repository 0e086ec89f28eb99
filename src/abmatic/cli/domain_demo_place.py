"""Where a demo lives: its folder, its ports, the org it shows, and the settings that follow from them.

What must be the same at the next start (the org's size and seed, the emulator's port, which is in the connection and
in every link to Salesforce) is kept in ``demo/demo.json`` in the data folder, beside the org's own file. Other
commands on that folder find the running demo by it and take on its settings, so that `abmatic doctor` may ask the
emulator as the demo may.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import click
from django.conf import settings

from abmatic.audiences.counted import counted
from abmatic.cli import claim, ports
from abmatic.cli.failures import NotReady
from abmatic.postgres.embedded import EmbeddedServer

# A few thousand: some 11,000 records of all objects, enough to feel real, imported in a few seconds.
DEFAULT_ACCOUNTS = 3_000
EMULATOR_PORT = 8088
WEBSITE_PORT = 8090
# How fast things are read is the demo's affair too; everything else in the environment is somebody's own installation.
_TUNING = frozenset(
    {"ABMATIC_IMPORT_PAGE_RECORDS", "ABMATIC_IMPORT_CHUNK_BYTES", "ABMATIC_REST_LIMIT", "ABMATIC_LOG_LEVEL"}
)


@dataclass(frozen=True, slots=True)
class Org:
    """The emulated org: generated, or the sample records of a Developer Edition (``accounts`` is None)."""

    accounts: int | None
    seed: int

    def __str__(self) -> str:
        return (
            "the sample org" if self.accounts is None else f"{counted(self.accounts, 'account')} from seed {self.seed}"
        )

    @property
    def options(self) -> list[str]:
        """As the emulator's command line says it."""
        return ["--sample"] if self.accounts is None else ["--accounts", str(self.accounts), "--seed", str(self.seed)]


@dataclass(frozen=True, slots=True)
class Place:
    """One demo: its folder, its org, the ports of the app, of the emulator and of the website that is followed."""

    data_dir: Path
    org: Org
    port: int
    emulator_port: int
    website_port: int

    @property
    def url(self) -> str:
        """The app's address, as people reach it."""
        return os.environ.get("ABMATIC_BASE_URL", ports.local_url(ports.LOOPBACK, self.port)).rstrip("/")

    @property
    def emulator_url(self) -> str:
        """The org's login address."""
        return ports.local_url(ports.LOOPBACK, self.emulator_port)

    @property
    def website_url(self) -> str:
        """The website's address: another host than the app's, so that neither sees the other's cookies."""
        return f"http://localhost:{self.website_port}"

    @property
    def website_folder(self) -> Path:
        """Where the website's pages are."""
        return self.data_dir / "demo" / "website"

    @property
    def org_file(self) -> Path:
        """The emulated org's SQLite file."""
        return self.data_dir / "demo" / "org.sqlite3"

    @property
    def companies_file(self) -> Path:
        """Who has which network, for telling companies by it: the demo's own file."""
        return _companies_file(self.data_dir)

    def keep(self) -> None:
        """Writes down what the next start and other commands need to know."""
        kept = {
            "pid": os.getpid(), "org": asdict(self.org), "port": self.port, "emulator_port": self.emulator_port,
            "website_port": self.website_port,
        }  # fmt: skip
        file = _kept_file(self.data_dir)
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(".new")
        draft.write_text(json.dumps(kept), encoding="utf-8")
        draft.replace(file)

    def adopt(self) -> None:
        """Makes the demo's settings those of this process and of the processes it starts. Call after `configure`."""
        emulator = urlsplit(self.emulator_url).netloc
        hosts = sorted({emulator, *settings.ENVIRONMENT.salesforce_extra_hosts})
        os.environ |= {
            "ABMATIC_DATA_DIR": str(self.data_dir),
            "ABMATIC_BASE_URL": self.url,
            "ABMATIC_SALESFORCE_EXTRA_HOSTS": ",".join(hosts),
            "ABMATIC_DEMO": "1",
            "ABMATIC_EMULATOR_URL": self.emulator_url,
        }
        _take_on(self.url, self.emulator_url)
        if _take_on_companies(self.companies_file):
            os.environ["ABMATIC_COMPANY_DATABASE"] = str(self.companies_file)


def kept(data_dir: Path) -> dict[str, object]:
    """What `Place.keep` wrote, or nothing."""
    with suppress(OSError, ValueError):
        found = json.loads(_kept_file(data_dir).read_text(encoding="utf-8"))
        if isinstance(found, dict):
            return found
    return {}


def join_what_runs() -> None:
    """Takes on the address of what runs on this data folder, and, of a demo, its emulator. Call after `configure`."""
    data_dir = settings.ENVIRONMENT.data_dir
    running = claim.find(data_dir) if settings.ENVIRONMENT.embedded else None
    if running is None or settings.ENVIRONMENT.demo:
        return
    facts = kept(data_dir)
    if facts.get("pid") == running.pid:
        _take_on(running.url, ports.local_url(ports.LOOPBACK, int(str(facts["emulator_port"]))))
        _take_on_companies(_companies_file(data_dir))
    elif "ABMATIC_BASE_URL" not in os.environ:
        settings.BASE_URL = running.url


def leave_other_installations_alone(*, everything: bool) -> None:
    """A demo has a database of its own: whatever DATABASE_URL names is left alone.

    With ``everything``, no other setting of the environment counts either, but for those that say how to read.
    """
    if os.environ.pop("DATABASE_URL", "") or os.environ.pop("DATABASE_URL_FILE", ""):
        click.echo("A demo has a database of its own; the one that DATABASE_URL names is left alone.", err=True)
    if everything:
        for name in [name for name in os.environ if name.startswith("ABMATIC_") and name not in _TUNING]:
            del os.environ[name]


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A data folder for one run; its database is stopped and removed with it."""
    folder = Path(tempfile.mkdtemp(prefix="abmatic-demo-"))
    # Root's Postgres runs as another account, which must get in; what is secret in it has a mode of its own.
    folder.chmod(0o755)
    os.environ["ABMATIC_DATA_DIR"] = str(folder)
    try:
        yield folder
    finally:
        try:
            EmbeddedServer(folder).remove()
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def choose_org(data_dir: Path, accounts: int | None, seed: int | None, sample: bool) -> Org:
    """The org that was asked for, or the one that is there. Raises `NotReady` when they differ."""
    facts = kept(data_dir)
    there = facts.get("org") if _org_file(data_dir).exists() else None
    asked = accounts is not None or seed is not None or sample
    wanted = Org(None if sample else accounts or DEFAULT_ACCOUNTS, seed or 0)
    if not isinstance(there, dict):
        return wanted
    existing = Org(**there)
    if asked and wanted != existing:
        raise NotReady(
            f"The demo in {data_dir} shows {existing}, not {wanted}. Start afresh with `make clean` (or delete that "
            "folder), or set ABMATIC_DATA_DIR to another folder"
        )
    return existing


def choose_ports(data_dir: Path, app: int | None, emulator: int | None, website: int | None) -> tuple[int, int, int]:
    """The ports of the app, of the emulator and of the website: those asked for (taken: `NotReady`; 0: any free one).

    Without that, those of the last start, the usual ones, or any free ones. BASE_URL names the app's port too.
    """
    if app is None and "ABMATIC_BASE_URL" in os.environ:
        app = ports.choose(ports.LOOPBACK, None)
    return (
        _choose_port(app, kept(data_dir).get("port"), ports.DEFAULT_PORT),
        _choose_port(emulator, kept(data_dir).get("emulator_port"), EMULATOR_PORT, "--emulator-port"),
        _choose_port(website, kept(data_dir).get("website_port"), WEBSITE_PORT, "--website-port"),
    )


def _choose_port(asked: int | None, last: object, usual: int, option: str = "--port") -> int:
    if asked is not None:
        try:
            return ports.choose(ports.LOOPBACK, asked)
        except NotReady as error:
            raise NotReady(error.message.replace("--port", option)) from error
    for candidate in dict.fromkeys((last if isinstance(last, int) else usual, usual)):
        with suppress(NotReady):
            return ports.choose(ports.LOOPBACK, candidate)
    return ports.choose(ports.LOOPBACK, 0)


def _take_on(url: str, emulator_url: str) -> None:
    environment = settings.ENVIRONMENT
    settings.ENVIRONMENT = replace(
        environment,
        base_url=url,
        demo=True,
        emulator_url=emulator_url,
        salesforce_extra_hosts=environment.salesforce_extra_hosts | {urlsplit(emulator_url).netloc},
    )
    settings.BASE_URL = url


def _take_on_companies(file: Path) -> bool:
    """Lets the demo's file tell companies by their networks, unless somebody has set another. Answers whether."""
    if settings.ENVIRONMENT.company_database is not None or not file.exists():
        return False
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, company_database=file)
    return True


def _companies_file(data_dir: Path) -> Path:
    return data_dir / "demo" / "companies.mmdb"


def _kept_file(data_dir: Path) -> Path:
    return data_dir / "demo" / "demo.json"


def _org_file(data_dir: Path) -> Path:
    return data_dir / "demo" / "org.sqlite3"
