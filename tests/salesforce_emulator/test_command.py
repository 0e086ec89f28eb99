"""``python -m salesforce_emulator``: serving an org as a program, and orgs described by a file."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from salesforce_emulator import OrgStore
from salesforce_emulator.__main__ import _make, main, parser
from salesforce_emulator.datafile import DataFile
from salesforce_emulator.ids import is_id, to18
from salesforce_emulator.oauth.apps import DEFAULT_APP
from salesforce_emulator.store import DEFAULT_PASSWORD

DATA_FILE = {
    "name": "Acme Test Org",
    "edition": "Enterprise Edition",
    "sandbox": True,
    "apps": [{"client_id": "my-app", "client_secret": "my-secret", "run_as": "rep@acme.example"}],
    "settings": {"allowance": 500},
    "custom_fields": {"Account": [{"name": "Score__c", "kind": "double", "externalId": True}]},
    "users": [{"Username": "rep@acme.example", "LastName": "Rep", "Profile": "Standard User", "Password": "secret-1"}],
    "records": {
        "Account": [{"@key": "acme", "Name": "Acme", "Score__c": 7}],
        "Contact": [{"LastName": "Doe", "AccountId": "@acme"}],
    },
}


class Program:
    """The command as a process of its own."""

    def __init__(self, *arguments: str, folder: Path | None = None) -> None:
        command = [sys.executable, "-m", "salesforce_emulator", "--port", "0", "--json-ready", *arguments]
        environment = {**os.environ, "TMPDIR": str(folder)} if folder else None
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        assert self.process.stdout
        self.ready: dict[str, Any] = json.loads(self.process.stdout.readline())
        self.http = httpx2.Client(base_url=self.ready["url"], timeout=30)

    def sign_in(self) -> Program:
        form = {"grant_type": "client_credentials", **{k: self.ready[k] for k in ("client_id", "client_secret")}}
        body = self.http.post("/services/oauth2/token", data=form).json()
        self.http.headers["Authorization"] = f"Bearer {body['access_token']}"
        return self

    def query(self, soql: str) -> list[dict[str, Any]]:
        answer = self.http.get("/services/data/v60.0/query", params={"q": soql})
        records: list[dict[str, Any]] = answer.json()["records"]
        return records

    def stop(self, number: int = signal.SIGTERM) -> tuple[str, str]:
        self.http.close()
        self.process.send_signal(number)
        return self.process.communicate(timeout=10)


@pytest.fixture
def data_file(tmp_path: Path) -> Path:
    file = tmp_path / "org.json"
    file.write_text(json.dumps(DATA_FILE))
    return file


@pytest.mark.server
def test_an_org_from_a_file_is_kept_in_a_file(data_file: Path, tmp_path: Path) -> None:
    arguments = ("--data", str(data_file), "--database", str(tmp_path / "kept" / "org.sqlite3"))
    program = Program(*arguments).sign_in()
    assert (program.ready["client_id"], program.ready["client_secret"]) == ("my-app", "my-secret")
    (contact,) = program.query("SELECT LastName, Account.Score__c FROM Contact")
    assert contact["Account"]["Score__c"] == 7.0
    (org,) = program.query("SELECT Name, OrganizationType, IsSandbox FROM Organization")
    assert (org["Name"], org["OrganizationType"], org["IsSandbox"]) == ("Acme Test Org", "Enterprise Edition", True)
    assert program.http.get("/services/data/v60.0/limits").headers["Sforce-Limit-Info"] == "api-usage=3/500"
    program.http.post("/services/data/v60.0/sobjects/Account", json={"Name": "Added"})
    bearer = program.http.headers["Authorization"]
    assert program.stop()[0] == ""
    again = Program(*arguments)
    again.http.headers["Authorization"] = bearer
    assert [r["Name"] for r in again.query("SELECT Name FROM Account ORDER BY Name")] == ["Acme", "Added"]
    again.stop()


@pytest.mark.server
def test_the_sample_org_is_the_default() -> None:
    program = Program().sign_in()
    names = {r["Name"] for r in program.query("SELECT Name FROM Account")}
    assert {"Burlington Textiles Corp of America", "Edge Communications", "GenePoint"} <= names
    assert program.http.get("/__emulator/org").json()["client_id"] == DEFAULT_APP.client_id
    out, err = program.stop()
    assert program.process.returncode == 0
    assert out == err == ""


@pytest.mark.server
def test_a_generated_org() -> None:
    program = Program("--accounts", "200", "--seed", "3").sign_in()
    assert len(program.query("SELECT Id FROM Account")) > 150
    program.stop()


@pytest.mark.server
def test_a_hostile_org() -> None:
    program = Program("--hostile").sign_in()
    revenues = [r["AnnualRevenue"] for r in program.query("SELECT AnnualRevenue FROM Account WHERE Name LIKE 'Neigh%'")]
    assert {"abc", "NaN", 1e308} <= {*revenues}
    (org,) = program.query("SELECT Name FROM Organization")
    assert org["Name"] == "Hostile Org"
    program.stop()


def made(folder: Path, *arguments: str) -> str:
    """The id of the org that a command makes. The file is its own each time."""
    database = folder / f"{uuid4().hex}.sqlite3"
    options = parser().parse_args(arguments)
    _make(options, DataFile.read(options.data) if options.data else DataFile(), database)
    with OrgStore(database) as store:
        return store.organization_id


def test_another_org_has_another_id_and_the_same_command_the_same(tmp_path: Path, data_file: Path) -> None:
    (tmp_path / "nameless.json").write_text('{"records": {"Account": [{"Name": "Acme"}]}}')
    commands: list[tuple[str, ...]] = [
        (), ("--sandbox",), ("--empty",), ("--hostile",), ("--accounts", "5"), ("--accounts", "6"),
        ("--accounts", "5", "--seed", "1"), ("--data", str(data_file)), ("--data", str(tmp_path / "nameless.json")),
    ]  # fmt: skip
    found = [made(tmp_path, *command) for command in commands]
    assert len(set(found)) == len(commands)
    assert all(is_id(org_id) and org_id.startswith("00D") for org_id in found)
    assert [made(tmp_path, *command) for command in commands] == found


def test_an_orgs_id_can_be_chosen_and_is_kept_with_its_file(tmp_path: Path) -> None:
    chosen = "00D58000000JkrZ"
    assert made(tmp_path, "--empty", "--org-id", chosen) == to18(chosen)
    file, database = tmp_path / "org.json", tmp_path / "org.sqlite3"
    file.write_text(json.dumps({"organization_id": chosen, "records": {"Account": [{"Name": "Acme"}]}}))
    assert made(tmp_path, "--data", str(file)) == to18(chosen)
    assert made(tmp_path, "--data", str(file), "--org-id", "00D000000000001") == to18("00D000000000001")
    OrgStore(database, organization_id=to18(chosen)).close()
    with OrgStore(database, organization_id=to18("00D000000000001")) as kept:
        assert kept.organization_id == to18(chosen)


@pytest.mark.parametrize("wrong", ["005000000000001", "00D1", "00D58000000JkrZEA!"])
def test_what_is_no_organization_id(capsys: pytest.CaptureFixture[str], wrong: str) -> None:
    with pytest.raises(SystemExit):
        main(["--org-id", wrong])
    assert "is no organization id" in capsys.readouterr().err


def test_an_org_is_of_one_kind(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--hostile", "--accounts", "5"])
    assert "not allowed with argument" in capsys.readouterr().err


@pytest.mark.server
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_behind(tmp_path: Path, number: int) -> None:
    program = Program("--empty", folder=tmp_path).sign_in()
    program.http.post("/services/data/v60.0/jobs/query", json={"operation": "query", "query": "SELECT Id FROM User"})
    assert program.stop(number) == ("", "")
    assert (program.process.returncode, list(tmp_path.iterdir())) == (0, [])


@pytest.mark.server
def test_nothing_is_left_of_an_org_that_was_being_made(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "salesforce_emulator", "--port", "0", "--accounts", "2000000"]
    database = tmp_path / "kept" / "org.sqlite3"
    with subprocess.Popen([*command, "--database", str(database)], env={**os.environ, "TMPDIR": str(tmp_path)}) as org:
        until = time.monotonic() + 30
        while not list(tmp_path.glob("kept/*")) and time.monotonic() < until:
            time.sleep(0.02)
        org.terminate()
        assert org.wait(timeout=10) == 128 + signal.SIGTERM
    assert [f.name for f in tmp_path.rglob("*")] == ["kept"]


@pytest.mark.server
def test_what_a_killed_process_left_goes_at_the_next_start(tmp_path: Path) -> None:
    stays = Program("--empty", folder=tmp_path)
    killed = Program("--empty", folder=tmp_path)
    killed.http.close()
    killed.process.kill()
    killed.process.communicate(timeout=10)  # until the serving process too has let go of them
    (tmp_path / "salesforce-emulator-unknown").mkdir()  # whose it is nobody knows yet
    assert len(list(tmp_path.iterdir())) == 3
    after = Program("--empty", folder=tmp_path)
    assert len(list(tmp_path.iterdir())) == 3
    assert stays.sign_in().query("SELECT Id FROM User")
    after.stop()
    stays.stop()
    assert [f.name for f in tmp_path.iterdir()] == ["salesforce-emulator-unknown"]


def test_help_tells_how_to_sign_in(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    told = capsys.readouterr().out
    assert DEFAULT_APP.client_id in told
    assert DEFAULT_APP.client_secret in told
    assert DEFAULT_PASSWORD in told
    assert "no place for production data" in told
    assert parser().get_default("host") == "127.0.0.1"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "Expecting"),
        ("[]", "a JSON object is wanted"),
        ('{"nme": 1}', "unknown nme"),
        ('{"organization_id": "001"}', "'001' is no organization id"),
        ('{"settings": {"speed": 1}}', "settings: unknown speed; known are allowance, allowed_hosts, api_access"),
        ('{"settings": {"allowance": "five"}}', "settings: allowance is 'five'; a whole number of at least 0"),
        ('{"settings": {"allowance": -1}}', "settings: allowance is -1; a whole number of at least 0"),
        ('{"settings": {"api_access": "yes"}}', "settings: api_access is 'yes'; true or false (or null) is wanted"),
        ('{"settings": {"session_seconds": 1.5}}', "settings: session_seconds is 1.5; a whole number of seconds"),
        ('{"settings": {"code_seconds": 1e300}}', "settings: code_seconds is 1e+300; a whole number of seconds"),
        ('{"settings": {"control": 1}}', "settings: control is 1; true or false is wanted"),
        ('{"settings": {"security_token": null}}', "settings: security_token is None; a text is wanted"),
        ('{"settings": {"job_seconds": NaN}}', "settings: job_seconds is nan; a number of seconds from 0 to"),
        ('{"settings": {"allowed_hosts": "a"}}', "settings: allowed_hosts is 'a'; a list of names"),
        ('{"settings": []}', "settings: an object is wanted, not []"),
        ('{"custom_fields": null}', "custom_fields: an object is wanted, not null"),
        ('{"sandbox": "no"}', 'sandbox: true or false is wanted, not "no"'),
        ('{"users": ["rita"]}', "users: a list of objects is wanted"),
        ('{"records": {"Account": {"Name": "Acme"}}}', "records: Account: a list of objects is wanted"),
        ('{"edition": "Gold Edition"}', "there is no edition Gold Edition; known are "),
        (
            '{"records": {"Account": [{"@key": "a", "Name": "A", "ParentId": "@zz"}]}}',
            'ParentId: no record has the @key "zz" above this one',
        ),
        ('{"apps": [{"client_id": "x"}]}', "client_secret is missing"),
        ('{"records": {"Account": [{"Industry": "Banking"}]}}', "REQUIRED_FIELD_MISSING"),
        ('{"records": {"Thing": []}}', "there is no object Thing; known are Account, "),
        (
            '{"users": [{"Username": "a@b.example", "LastName": "B", "Profile": "Nobody"}]}',
            "no profile 'Nobody'; known are Read Pages Only, Standard User, System Administrator",
        ),
    ],
)
def test_a_file_that_cannot_be_followed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, said: str
) -> None:
    file, database = tmp_path / "org.json", tmp_path / "org.sqlite3"
    file.write_text(content)
    assert main(["--port", "0", "--data", str(file), "--database", str(database)]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"salesforce-emulator: {file}: ")
    assert said in told
    assert not database.exists()


def test_a_text_may_begin_as_a_key_does_and_a_profile_that_is_described_is_made(tmp_path: Path) -> None:
    file, database = tmp_path / "org.json", tmp_path / "org.sqlite3"
    described = {
        "profiles": [{"fullName": "Partner"}],
        "users": [{"Username": "pat@acme.example", "LastName": "Pat", "Profile": "Partner"}],
        "records": {"Account": [{"Name": "@acme"}]},
    }
    file.write_text(json.dumps(described))
    options = parser().parse_args(["--data", str(file)])
    _make(options, DataFile.read(file), database)
    with OrgStore(database) as store, store.reading() as conn:
        assert conn.execute('SELECT "Name" FROM "Account"').fetchall()[0][0] == "@acme"
        sql = 'SELECT p."Name" FROM "User" u JOIN "Profile" p ON p."Id" = u."ProfileId" WHERE u."LastName" = ?'
        assert conn.execute(sql, ("Pat",)).fetchone()[0] == "Partner"


def test_a_missing_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(tmp_path / "nothing.json")]) == 2
    assert "nothing.json" in capsys.readouterr().err


def test_a_taken_port_is_not_shared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database = tmp_path / "org.sqlite3"
    with socket.socket() as other:
        # As servers do that share a port among their processes.
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert main(["--port", str(port), "--database", str(database)]) == 2
    assert f"can't listen on 127.0.0.1 port {port}: Address already in use" in capsys.readouterr().err
    assert not database.exists(), "nothing is made that can't be served"


@pytest.mark.parametrize("port", ["99999999", "-1", "http"])
def test_what_is_no_port(capsys: pytest.CaptureFixture[str], port: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--port", port])
    assert ended.value.code == 2
    assert "--port" in capsys.readouterr().err


@pytest.mark.server
def test_answers_those_who_asked_before_it_was_ready(tmp_path: Path) -> None:
    # Once it deadlocked every other time: the serving process was forked while a thread held an import's lock.
    for number in range(4):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        command = [sys.executable, "-m", "salesforce_emulator", "--port", str(port), "--database"]
        with subprocess.Popen(
            [*command, str(tmp_path / f"{number}.sqlite3"), "--empty"], stdout=subprocess.PIPE
        ) as org:
            until = time.monotonic() + 30
            answered = False
            while not answered and time.monotonic() < until:
                with contextlib.suppress(httpx2.TransportError):
                    answered = httpx2.get(f"http://127.0.0.1:{port}/services/data", timeout=5).status_code == 200
            org.terminate()
            assert answered, f"start {number}"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--port", "many"), "many is no number between 0 and 65535"),
        (("--port", "-1"), "-1 is no number between 0 and 65535"),
        (("--allowance", "-1"), "settings: allowance is -1; a whole number of at least 0"),
        (("--job-seconds", "nan"), "settings: job_seconds is nan"),
        (("--edition", "Gold Edition"), "there is no edition Gold Edition; known are "),
    ],
)
def test_wrong_arguments(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str) -> None:
    try:
        status = main(["--port", "0", *arguments])
    except SystemExit as ended:
        status = int(str(ended.code))
    assert status == 2
    assert said in capsys.readouterr().err


def test_a_file_that_is_no_org(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("hello")
    assert main(["--port", "0", "--database", str(file)]) == 2
    assert f"{file} is no org that --database once made" in capsys.readouterr().err
    assert file.read_text() == "hello"


@pytest.mark.server
def test_a_kept_org_is_one_file(tmp_path: Path) -> None:
    program = Program("--empty", "--database", str(tmp_path / "org.sqlite3"))
    program.stop()
    assert [file.name for file in tmp_path.iterdir()] == ["org.sqlite3"]


@pytest.mark.server
def test_it_says_that_it_is_no_place_for_production_data() -> None:
    command = [sys.executable, "-m", "salesforce_emulator", "--empty", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.terminate()
    assert re.fullmatch(
        r"An emulated Salesforce org answers at http://127\.0\.0\.1:\d+ — not for production data\.\n", line
    ), "and it listens on the loopback interface alone"


@pytest.mark.server
def test_listening_to_everybody_is_warned_of_and_leaves_no_control() -> None:
    program = Program("--empty", "--host", "0.0.0.0")
    url = program.ready["url"].replace("0.0.0.0", "127.0.0.1")
    assert httpx2.get(f"{url}/__emulator/calls").status_code == 403
    assert httpx2.get(f"{url}/watch/calls").status_code == 403
    _, said = program.stop()
    assert "everybody who reaches it can read and change this org" in said
    assert "no place for production data" in said
