"""`abmatic user`, `api-keys`, `keys` and `settings`: what operating an installation takes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from tests.cli.orgs import sample_org
from tests.cli.processes import Installation

pytestmark = pytest.mark.server


def said(installation: Installation, *arguments: str, code: int = 0, **changes: str) -> str:
    """What a command said: on stdout where it ends with 0, else on stderr."""
    done = installation.run(*arguments, **changes)
    assert done.returncode == code, done.stderr
    return done.stderr if code else done.stdout


def test_users_are_added_and_get_links(installation: Installation) -> None:
    assert "There is no user yet" in said(installation, "user", "list")
    first = said(installation, "user", "add", "Ann@Example.org", "--role", "viewer", code=1)
    assert "must be an administrator" in first
    added = json.loads(said(installation, "user", "add", "Ann@Example.org", "--role", "administrator", "--json"))
    assert added["email"] == "ann@example.org"
    assert added["url"].startswith("http://127.0.0.1:8000/in/")
    assert "is a user already" in said(installation, "user", "add", "ann@example.org", "--role", "viewer", code=1)
    assert "no e-mail address" in said(installation, "user", "add", "ann", "--role", "viewer", code=2)
    assert "Missing option '--role'" in said(installation, "user", "add", "bob@example.org", code=2)
    assert "signs in once within 30 minutes" in said(installation, "user", "link", "ann@example.org")
    assert "There is no user" in said(installation, "user", "link", "bob@example.org", code=1)
    assert installation.query("SELECT count(*) FROM one_time_link") == [(2,)]
    assert said(installation, "user", "list") == "ann@example.org  administrator\n"


def test_api_keys_are_shown_once_and_end(installation: Installation) -> None:
    assert "There is no API key yet" in said(installation, "api-keys", "list")
    made = json.loads(
        said(installation, "api-keys", "create", "Reports", "--role", "operator", "--days", "30", "--json")
    )
    assert made["key"].startswith(f"{made['prefix']}_")
    listed = said(installation, "api-keys", "list")
    assert f"{made['prefix']}  Reports  operator, active, never used" in listed
    assert made["key"] not in listed
    assert "is revoked" in said(installation, "api-keys", "revoke", made["prefix"])
    assert json.loads(said(installation, "api-keys", "list", "--json"))["api_keys"][0]["state"] == "revoked"
    assert "There is no API key abm_x" in said(installation, "api-keys", "revoke", "abm_x", code=1)


def test_keys_kept_in_the_folder_rotate_by_themselves(installation: Installation) -> None:
    with sample_org(installation) as salesforce:
        salesforce.connect()
        file = installation.data_dir / "encryption.key"
        before = file.read_text()
        assert "1 secret is sealed" in salesforce.run("keys", "rotate")
        after = file.read_text()
        assert after != before
        assert file.stat().st_mode & 0o777 == 0o600
        assert (installation.data_dir / "encryption.key.former").read_text() == before
        # Sealed with the new key alone, and still of use.
        assert "Accounts: 12 records read" in salesforce.run("sync", "accounts", "--here")
        salesforce.run("keys", "rotate")
        former = (installation.data_dir / "encryption.key.former").read_text().split()
        assert former == [after.strip(), before.strip()]


def test_keys_given_by_the_environment(installation: Installation) -> None:
    old, new = (said(installation, "keys", "new").strip() for _ in range(2))
    Fernet(new)
    with sample_org(installation) as salesforce:
        salesforce.run(
            "connect", "--flow", "client-credentials", "--login-url", salesforce.org.url, "--client-id",
            salesforce.org.client_id, SALESFORCE_CLIENT_SECRET=salesforce.org.client_secret,
            ABMATIC_ENCRYPTION_KEYS=old,
        )  # fmt: skip
    assert "holds one key only" in said(installation, "keys", "rotate", code=3, ABMATIC_ENCRYPTION_KEYS=old)
    wrong = f"{new},{Fernet.generate_key().decode()}"
    assert "Nothing was changed" in said(installation, "keys", "rotate", code=1, ABMATIC_ENCRYPTION_KEYS=wrong)
    both = f"{new},{old}"
    assert json.loads(said(installation, "keys", "rotate", "--json", ABMATIC_ENCRYPTION_KEYS=both)) == {"sealed": 1}
    swapped = f"{new},{Fernet.generate_key().decode()}"
    assert json.loads(said(installation, "keys", "rotate", "--json", ABMATIC_ENCRYPTION_KEYS=swapped))["sealed"] == 1


def test_settings_go_out_and_come_back(installation: Installation, tmp_path: Path) -> None:
    with sample_org(installation) as salesforce:
        salesforce.connect()
        file = tmp_path / "settings.yaml"
        salesforce.run("settings", "export", str(file))
        text = file.read_text()
        assert text == salesforce.run("settings", "export")
        assert salesforce.org.client_secret not in text
        assert "No changes" in salesforce.run("settings", "import", str(file))

        file.write_text(text.replace("frequency: manual", "frequency: 6", 1))
        plan = json.loads(salesforce.run("settings", "import", str(file), "--json"))
        assert (plan["applied"], len(plan["changes"])) == (False, 1)
        # Nobody answers: nothing happens.
        assert "Aborted" in salesforce.run("settings", "import", str(file), code=1)
        assert installation.query("SELECT DISTINCT frequency FROM object_setting") == [(0,)]
        applied = salesforce.run("settings", "import", str(file), "--yes")
        assert "Sample Org › Account › frequency: manual → 6" in applied
        assert installation.query("SELECT frequency FROM object_setting WHERE sobject = 'Account'") == [(6,)]

        file.write_text(text.replace("frequency: manual", "frequency: 7"))
        refused = salesforce.run("settings", "import", str(file), "--yes", code=1)
        assert "nothing was changed" in refused
        assert "connections[0].objects.Account.frequency: 7 is no frequency" in refused
        assert "can't be read: No such file" in salesforce.run("settings", "import", "/nope", code=1)
        file.write_bytes(os.urandom(50) + b"\xff")
        assert "no UTF-8 text" in salesforce.run("settings", "import", str(file), code=1)
        assert "add --yes" in salesforce.run("settings", "import", "-", code=2)
