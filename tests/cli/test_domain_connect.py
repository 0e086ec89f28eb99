"""`abmatic connect`: orgs without a browser, secrets from the environment or a file only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.cli.orgs import Connected, sample_org
from tests.cli.processes import Installation

from salesforce_emulator import App, OrgStore
from salesforce_emulator.testing import running

pytestmark = pytest.mark.server


@pytest.fixture
def salesforce(installation: Installation) -> Iterator[Connected]:
    with sample_org(installation) as connected:
        yield connected


def test_client_credentials_with_a_line_for_each_check(salesforce: Connected) -> None:
    said = salesforce.connect()
    assert "ok    Edition: Developer Edition" in said
    assert "ok    Accounts: read, create, edit" in said
    # Again is a reconnect, not a second connection.
    told = json.loads(salesforce.connect("--json"))
    assert told["ok"]
    assert told["username"] == "integration@emulator.example"
    assert {"API access", "Contacts"} <= {line["name"] for line in told["checks"]}
    assert salesforce.installation.query("SELECT count(*) FROM connection") == [(1,)]


def test_the_secret_from_a_file_or_standard_input(salesforce: Connected, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(salesforce.org.client_secret + "\n")
    salesforce.connect("--client-secret-file", str(file), secret="ignored")
    file.write_text("\n")
    assert "which is empty" in salesforce.connect("--client-secret-file", str(file), code=2)
    assert "can't be read: No such file" in salesforce.connect("--client-secret-file", "/nope", code=2)


def test_jwt(installation: Installation, tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    file = tmp_path / "key.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    app = App("consumer", "unused", certificate=public.decode(), run_as="integration@emulator.example")
    with running(OrgStore(), apps=[app]) as org:
        salesforce = Connected(installation, org)
        sign_in = ["connect", "--flow", "jwt", "--login-url", org.url, "--client-id", "consumer"]
        user = ["--username", "integration@emulator.example"]
        assert "Connected Emulated Org" in salesforce.run(*sign_in, *user, "--private-key-file", str(file))
        assert "needs --private-key-file" in salesforce.run(*sign_in, *user, code=2)
        stranger = ["--username", "nobody@emulator.example", "--private-key-file", str(file)]
        assert "user is not admin approved" in salesforce.run(*sign_in, *stranger, code=1)
        file.write_text("no key")
        assert "PEM" in salesforce.run(*sign_in, *user, "--private-key-file", str(file), code=1)


def test_what_salesforce_refuses_is_said_with_a_remedy(salesforce: Connected) -> None:
    said = salesforce.connect(secret="wrong", code=1)
    assert "invalid client credentials" in said
    assert "→ Copy the consumer secret again" in said
    assert salesforce.installation.query("SELECT count(*) FROM connection") == [(0,)]


def test_addresses_that_are_not_salesforces_are_refused(salesforce: Connected) -> None:
    elsewhere = ["connect", "--flow", "client-credentials", "--client-id", "x"]
    secret = {"SALESFORCE_CLIENT_SECRET": "s"}
    for url in ("https://salesforce.example.com", "http://127.0.0.1:9", "file:///etc/passwd"):
        assert "Not a Salesforce address" in salesforce.run(*elsewhere, "--login-url", url, code=1, **secret)


def test_what_is_missing_or_too_much_is_named(installation: Installation) -> None:
    for arguments, problem in (
        ([], "Missing option '--flow'"),
        (["--flow", "client-credentials"], "needs --login-url and --client-id"),
        (["--flow", "client-credentials", "--login-url", "x", "--client-id", "y"], "SALESFORCE_CLIENT_SECRET"),
        (["--flow", "client-credentials", "--username", "u", "--login-url", "x", "--client-id", "y"], "--username"),
        (["--flow", "web", "--private-key-file", "f"], "--private-key-file: of --flow jwt only"),
        (["--client-secret", "on-the-command-line"], "No such option"),
    ):
        done = installation.run("connect", *arguments)
        assert done.returncode == 2, done.stderr
        assert problem in done.stderr


def test_the_web_flow_leads_to_the_running_app(installation: Installation) -> None:
    address = "https://abm.example.com"
    done = installation.run("connect", "--flow", "web", ABMATIC_BASE_URL=address)
    assert done.returncode == 0, done.stderr
    assert f"{address}/settings/integrations/salesforce/authorize/" in done.stdout
