"""A Salesforce org on a free port of this machine, and a person who walks through its login and consent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from django.conf import settings as django_settings

from salesforce_emulator import OrgStore
from salesforce_emulator.oauth.apps import DEFAULT_APP
from salesforce_emulator.store import DEFAULT_PASSWORD
from salesforce_emulator.testing import running

APP = {"client_id": DEFAULT_APP.client_id, "client_secret": DEFAULT_APP.client_secret}
USER = DEFAULT_APP.run_as


@dataclass(frozen=True, slots=True)
class EmulatedOrg:
    """A running emulator."""

    url: str

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    def fault(self, path: str, **rule: Any) -> None:
        """Makes calls whose address matches ``path`` fail as the rule says (see salesforce_emulator.faults)."""
        rules = [{"match": {"path": path}, "after": 0, "times": 0, **rule}]
        httpx2.post(f"{self.url}/__emulator/faults", json=rules).raise_for_status()

    def answer(self, authorization_url: str, answer: str = "allow") -> dict[str, str]:
        """Logs in, allows or denies, and gives the query that comes back to the callback."""
        with httpx2.Client(base_url=self.url, follow_redirects=True) as browser:
            login = browser.get(authorization_url)
            consent = browser.post("/login", data={**_hidden(login.text), "username": USER, "pw": DEFAULT_PASSWORD})
            left = browser.post(
                "/services/oauth2/consent", data={**_hidden(consent.text), "answer": answer}, follow_redirects=False
            )
        return {name: values[0] for name, values in parse_qs(urlsplit(left.headers["Location"]).query).items()}


def _hidden(page: str) -> dict[str, str]:
    form = page[page.index("<form") : page.index("</form>")]
    return {
        unescape(name): unescape(value)
        for name, value in re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', form)
    }


@contextmanager
def running_org(folder: Path) -> Iterator[EmulatedOrg]:
    """Serves a fresh Developer Edition org from this process."""
    with running(OrgStore(folder / "org.db")) as org:
        yield EmulatedOrg(org.url)


def environment_with(org: EmulatedOrg, **changed: Any) -> Any:
    """The settings of a demo whose org this is."""
    return replace(
        django_settings.ENVIRONMENT,
        salesforce_extra_hosts=frozenset({org.host}),
        demo=True,
        emulator_url=org.url,
        **changed,
    )
