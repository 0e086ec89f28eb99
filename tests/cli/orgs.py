"""A Salesforce org for the commands to connect to: the emulator, served by the test's own process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.cli.processes import Installation

from salesforce_emulator import OrgStore
from salesforce_emulator.data import sample
from salesforce_emulator.testing import RunningOrg, running


@dataclass(frozen=True)
class Connected:
    """An installation that may call the org, and the org."""

    installation: Installation
    org: RunningOrg

    def run(self, *arguments: str, code: int = 0, **changes: str) -> str:
        """Runs a command and returns what it said: on stdout where it ends as expected with 0, else on stderr."""
        allowed = {"ABMATIC_SALESFORCE_EXTRA_HOSTS": urlsplit(self.org.url).netloc}
        done = self.installation.run(*arguments, **allowed | changes)
        assert done.returncode == code, done.stderr
        return done.stderr if code else done.stdout

    def connect(self, *arguments: str, code: int = 0, secret: str | None = None) -> str:
        """`abmatic connect` by client credentials."""
        return self.run(
            "connect", "--flow", "client-credentials", "--login-url", self.org.url, "--client-id", self.org.client_id,
            *arguments, code=code, SALESFORCE_CLIENT_SECRET=secret or self.org.client_secret,
        )  # fmt: skip


@contextmanager
def sample_org(installation: Installation) -> Iterator[Connected]:
    """The sample org of a Developer Edition, not connected yet."""
    with running(OrgStore(loader=sample.load, name="Sample Org")) as org:
        yield Connected(installation, org)
