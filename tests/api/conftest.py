"""Keys of every kind, and a program that asks with one of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from tests.sync.live import Orgs
from tests.web import org

from abmatic.identity import api_keys
from abmatic.sync.models import Connection

# `abmatic web` makes this folder when it starts; without it every client warns.
Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)


class Program:
    """Asks the API with a key, or (None) without."""

    def __init__(self, token: str | None) -> None:
        self._headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        self._client = Client(raise_request_exception=False)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The answer. ``path`` is below /api/v1; header names have underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self._client.generic(
            method, f"/api/v1{path}", content, "application/json", headers={**self._headers, **named}
        )

    def get(self, path: str, **parameters: Any) -> Any:
        return self._client.get(f"/api/v1{path}", parameters, headers=self._headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.ask("POST", path, body, **headers)

    def patch(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.ask("PATCH", path, body, **headers)


def fault(answer: Any, status: int) -> dict[str, Any]:
    """The problem that an answer tells: it has one form, and all of its parts."""
    assert answer.status_code == status, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert told["status"] == status
    assert all(told[part] for part in ("title", "code", "detail", "remedy")), told
    return told


@pytest.fixture(autouse=True)
def nothing_counted() -> Iterator[None]:
    """Bad keys are counted in the cache, which outlives a test."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def program(db: None) -> Callable[[str], Program]:
    """Makes a program whose key has a role."""

    def make(role: str) -> Program:
        return Program(api_keys.create(f"a {role}'s", role)[1])

    return make


@pytest.fixture
def viewer(program: Callable[[str], Program]) -> Program:
    return program("viewer")


@pytest.fixture
def operator(program: Callable[[str], Program]) -> Program:
    return program("operator")


@pytest.fixture
def administrator(program: Callable[[str], Program]) -> Program:
    return program("administrator")


@pytest.fixture
def connection(db: None) -> Connection:
    """An authorised org with the default settings."""
    return org.connect()


@pytest.fixture(scope="session")
def org_templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("orgs")


@pytest.fixture
def orgs(tmp_path: Path, org_templates: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Orgs]:
    serving = Orgs(tmp_path, org_templates, settings, monkeypatch)
    yield serving
    serving.close()
