"""`abmatic demo`: from nothing to an org's data on screen, told truthfully, and nothing left behind."""

from __future__ import annotations

import http.cookiejar
import json
import re
import signal
import socket
import sqlite3
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.cli.processes import PROGRAM, Installation, children_of, is_running, wait_until

from abmatic.postgres.embedded import EmbeddedServer
from salesforce_emulator.data import generate

pytestmark = pytest.mark.server

TABLES = (
    "User", "Account", "Contact", "Lead", "Campaign", "CampaignMemberStatus", "CampaignMember", "Opportunity",
    "OpportunityContactRole",
)  # fmt: skip


@pytest.fixture
def temporary(open_dir: Path) -> Path:
    """Where the processes of a test put temporary files, so that what they leave behind is seen."""
    folder = open_dir / "tmp"
    folder.mkdir()
    folder.chmod(0o777)
    return folder


@pytest.fixture
def home(open_dir: Path) -> Iterator[Installation]:
    """A data folder for a demo that stays."""
    made = Installation(open_dir / "data", None)
    made.data_dir.mkdir()
    yield made
    made.end()
    EmbeddedServer(made.data_dir).remove()


def org_of(accounts: int, seed: int) -> sqlite3.Connection:
    """The same org as the demo's, made here: a size and a seed give the same org anywhere."""
    org = sqlite3.connect(":memory:")
    generate.load(org, accounts=accounts, seed=seed)
    return org


def count(org: sqlite3.Connection, table: str, condition: str = "1") -> int:
    return int(org.execute(f'SELECT count(*) FROM "{table}" WHERE {condition}').fetchone()[0])


def once(temporary: Path, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """A demo that ends by itself, to its end."""
    return subprocess.run(
        [*PROGRAM, "demo", "--once", *arguments],
        env=Installation(temporary / "unused", None).environment(TMPDIR=str(temporary), **changes),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def left_behind(folder: Path) -> list[str]:
    """Files in the folder, and processes that work with it."""
    files = [str(path) for path in folder.iterdir()]
    return files + [
        " ".join(process.info["cmdline"])
        for process in psutil.process_iter(["cmdline"])
        if str(folder) in " ".join(process.info["cmdline"] or [])
    ]


def test_once_tells_what_is_in_the_org_and_leaves_nothing_behind(temporary: Path) -> None:
    # Of somebody's own installation it takes nothing: neither its database nor its folder.
    done = once(
        temporary, "--json", "--accounts", "200", "--seed", "3",
        DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing", ABMATIC_BASE_URL="https://abm.example.com",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert left_behind(temporary) == []

    org = org_of(200, 3)
    assert list(told["objects"]) == list(TABLES)
    for table in TABLES:
        counts = told["objects"][table]
        assert counts["read"] == count(org, table), table
        parts = ("created", "linked", "duplicates", "updated", "unchanged", "deleted", "skipped")
        assert sum(counts[part] for part in parts) == counts["read"], table
        if table != "User":
            deleted = count(org, table, '"IsDeleted" = 1')
            assert counts["skipped"] == counts["skipped_reasons"].get("deleted_in_salesforce", 0) == deleted, table
    without = count(org, "Account", """"IsDeleted" = 0 AND coalesce("Website", '') = ''""")
    assert told["objects"]["Account"]["notes"]["no_website"] == without
    assert told["records"] == sum(count(org, table) for table in TABLES)
    assert 0 < told["seconds"] < told["total_seconds"]
    assert told["api_calls"] == sum(each["api_calls"] for each in told["objects"].values()) > len(TABLES)
    assert 20 * 2**20 < told["worker_peak_memory"] < 200 * 2**20
    assert int(told["postgres"].split(".")[0]) >= 15


def test_once_in_words(temporary: Path) -> None:
    done = once(temporary, "--sample")
    assert done.returncode == 0, done.stderr
    # United Oil & Gas and its two branches have one website.
    assert "Account: 12 read, 10 created, 2 duplicates, 0 skipped" in done.stdout
    assert "API calls" in done.stdout
    assert left_behind(temporary) == []


@pytest.mark.parametrize("said_first", ["Starting", "An emulated Salesforce"], ids=["at the start", "while it works"])
def test_once_stopped_halfway_leaves_nothing_behind(temporary: Path, said_first: str) -> None:
    process = subprocess.Popen(
        [*PROGRAM, "demo", "--once", "--json", "--accounts", "500"],
        env=Installation(temporary / "unused", None).environment(TMPDIR=str(temporary)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert any(said_first in line for line in process.stderr)
    children = [child.pid for child in children_of(process.pid)]
    process.send_signal(signal.SIGTERM)
    stdout, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupted" in json.loads(stdout)["error"]
    assert not any(map(is_running, children))
    assert left_behind(temporary) == []


def test_once_says_in_json_what_failed(temporary: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = once(temporary, "--json", "--emulator-port", str(taken.getsockname()[1]))
    assert done.returncode == 3
    assert "is taken by another program" in json.loads(done.stdout)["error"]
    assert "--emulator-port" in done.stderr
    assert left_behind(temporary) == []


def test_wrong_options(temporary: Path) -> None:
    done = once(temporary, "--sample", "--accounts", "5")
    assert done.returncode == 2
    assert "--sample" in done.stderr
    assert once(temporary, "--accounts", "0").returncode == 2


def started(home: Installation, *arguments: str, **changes: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    """A demo that stays, ready; and what it said when it was."""
    process = home.start("demo", "--json", *arguments, **changes)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, f"it ended with {process.wait()}: {home.said()}"
    return process, json.loads(line)


def test_stays_shows_the_way_in_and_keeps_everything(home: Installation) -> None:
    process, told = started(home, "--accounts", "100", "--port", "0", "--emulator-port", "0")
    assert told["objects"]["Account"]["read"] == 100, home.said()
    browser, page = _the_link_signs_in_once(told["url"])
    app = told["url"].split("/in/")[0]

    # The tour, and what its fourth step needs of the org.
    assert "Start the tour" in page
    for what in ("start", "skip"):
        page = _press(browser, f"{app}/tour/", page, what)
    assert "Tour, 2 of 5" in page

    # The website that is followed, and the year of visits before.
    line = _line_of(told["website"])
    assert line.startswith(f"{app}/t/")
    with urllib.request.urlopen(line, timeout=30) as script:
        assert "javascript" in script.headers["Content-Type"]
    with urllib.request.urlopen(f"{told['website']}/play/", timeout=30) as guide:
        assert f"{app}/attribution/" in guide.read().decode()
    assert "ines." in home.run("records", "contacts", "--search", "alder-estates").stdout

    # Others on the same folder: a second demo stays away, and commands know the running one.
    second = home.run("demo", "--port", "0")
    assert second.returncode == 3
    assert f"Abmatic runs already at {app}" in second.stderr
    assert json.loads(home.run("user", "link", "demo@abmatic.example", "--json").stdout)["url"].startswith(app)
    kept = json.loads((home.data_dir / "demo" / "demo.json").read_text())
    with urllib.request.urlopen(f"http://127.0.0.1:{kept['emulator_port']}/__emulator/rules", timeout=30) as rules:
        assert [rule["object"] for rule in json.load(rules)["validation_rules"]] == ["Account"]
    doctor = json.loads(home.run("doctor", "--json").stdout)
    assert doctor["ok"], doctor
    assert json.loads(home.run("sync", "accounts", "--json").stdout)["ok"]

    # Reports, to import from: one of each kind of record that can be.
    pulled = home.run("pull", "contacts", "--report", _report(home, "Contacts without E-mail"), "--yes", "--json")
    without = count(org_of(100, 0), "Contact", """"IsDeleted" = 0 AND coalesce("Email", '') = ''""")
    assert json.loads(pulled.stdout)["counts"]["read"] == without > 0, pulled.stderr
    for name, kind in (("Customers in the US", "accounts"), ("Large Accounts by Industry", "accounts"),
                       ("Open Opportunities of 100,000 and more", "opportunities")):  # fmt: skip
        said = home.run("pull", kind, "--report", _report(home, name), "--preview").stdout
        assert " here already." in said, name

    # Ctrl-C stops all of it.
    children = [child.pid for child in children_of(process.pid)]
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0, home.said()
    assert "Everything that is written is kept" in home.said()
    assert not any(map(is_running, children))
    assert not EmbeddedServer(home.data_dir).status().running

    # Another size would be another org.
    other = home.run("demo", "--accounts", "7")
    assert other.returncode == 3
    assert "100 accounts from seed 0" in other.stderr

    # The emulator's port is taken meanwhile: the connection moves with it, and nothing is read twice.
    with socket.create_server(("127.0.0.1", kept["emulator_port"])):
        process, told = started(home, "--port", "0")
        assert told["records"] == 0
        assert {each["read"] for each in told["objects"].values()} == {0}
        moved = json.loads((home.data_dir / "demo" / "demo.json").read_text())
        assert moved["emulator_port"] != kept["emulator_port"]
        assert _line_of(told["website"]).rpartition("/")[2] == line.rpartition("/")[2]
        # The tour goes on where it was.
        _, page = _the_link_signs_in_once(told["url"])
        assert "Tour, 2 of 5" in page
        exported = home.run("settings", "export").stdout
        assert f"http://127.0.0.1:{moved['emulator_port']}" in exported

    # Killed outright, it takes everything with it all the same.
    children = [child.pid for child in children_of(process.pid)]
    process.kill()
    process.wait()
    wait_until(lambda: not any(map(is_running, children)))

    # A real org's data and a demo's don't mix.
    file = home.data_dir.parent / "settings.yaml"
    file.write_text(
        "version: 1\nconnections:\n"
        "- {name: Real, login_url: 'https://login.salesforce.com', flow: web, client_id: key}\n"
    )
    assert home.run("settings", "import", str(file), "--yes").returncode == 0
    refused = home.run("demo", "--port", "0")
    assert refused.returncode == 3
    assert "connected to Real" in refused.stderr


def _press(browser: urllib.request.OpenerDirector, address: str, page: str, what: str) -> str:
    """Presses a button of the tour without JavaScript; the page that follows."""
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token is not None
    form = urllib.parse.urlencode({"do": what, "csrfmiddlewaretoken": token[1]}).encode()
    with browser.open(address, form, timeout=30) as answer:
        return str(answer.read().decode())


def _line_of(website: str) -> str:
    """The address of the script in the website's first page."""
    with urllib.request.urlopen(f"{website}/", timeout=30) as page:
        found = re.search(r'<script src="([^"]+/t/[^"]+)">', page.read().decode())
    assert found is not None
    return found[1]


def _the_link_signs_in_once(url: str) -> tuple[urllib.request.OpenerDirector, str]:
    """The browser that is signed in, and the page where it is then."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    with browser.open(url, timeout=30) as page:
        assert page.status == 200
        text = page.read().decode()
    assert "demo@abmatic.example" in text or "Demo Administrator" in text
    with pytest.raises(urllib.error.HTTPError) as stranger:
        urllib.request.urlopen(url, timeout=30)
    assert stranger.value.code == 410
    return browser, text


def _report(home: Installation, name: str) -> str:
    with sqlite3.connect(home.data_dir / "demo" / "org.sqlite3") as org:
        return str(org.execute('SELECT "Id" FROM "Report" WHERE "Name" = ?', [name]).fetchone()[0])
