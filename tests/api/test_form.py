"""What every answer has in common: problems in one form, pages by cursor, a document, a page that explains it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from tests.api.conftest import Program, fault

from abmatic.api import records
from abmatic.audiences.models import Account
from abmatic.identity.models import User

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/", 404),
        ("GET", "/accounts/12/nothing", 404),
        ("DELETE", "/accounts", 405),
        ("PUT", "/accounts/1", 405),
        ("GET", "/accounts/0", 422),
        ("GET", "/accounts/x", 422),
        ("GET", f"/accounts/{2**63}", 422),
        ("GET", "/accounts/12", 404),
        ("GET", "/connections/12", 404),
        ("GET", "/runs/12", 404),
        ("GET", "/accounts?limit=0", 422),
        ("GET", "/accounts?limit=501", 422),
        ("GET", "/accounts?cursor=x", 422),
        ("GET", "/accounts?cursor=WyJhIl0", 422),
        ("GET", "/accounts?domain=%00", 422),
        ("GET", "/accounts?updated_since=yesterday", 422),
        ("GET", "/changes?cursor=WzFd", 422),
        ("GET", "/runs?state=odd", 422),
    ],
)
def test_every_problem_has_one_form(viewer: Program, method: str, path: str, status: int) -> None:
    fault(viewer.ask(method, path), status)


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"", 422), (b'{"name": NaN}', 400), (b'"x"', 422), (b"\xff", 400), (b"[" * 100_000, 400)],
)
def test_a_body_that_is_none(operator: Program, body: bytes, status: int) -> None:
    told = fault(operator.post("/accounts", body), status)
    assert told["remedy"]


def test_a_body_that_is_too_large(operator: Program) -> None:
    fault(operator.post("/accounts", {"name": "x" * 3_000_000}), 413)


def test_a_method_that_is_not_possible_says_which_are(viewer: Program) -> None:
    answer = viewer.ask("DELETE", "/accounts")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "POST"}
    assert "GET" in fault(answer, 405)["detail"]


def test_what_fails_here_is_told_without_its_inside(viewer: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr(records, "_page", fail)
    assert "secret" not in str(fault(viewer.get("/accounts"), 500))


def test_a_database_that_is_away_is_told_as_such(viewer: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OperationalError("connection to 10.0.0.7 refused")

    monkeypatch.setattr(records, "_page", fail)
    assert "10.0.0.7" not in str(fault(viewer.get("/accounts"), 503))


def test_pages_follow_one_another_while_records_arrive(viewer: Program) -> None:
    made = [Account.objects.create(name=f"Firm {n}").pk for n in range(5)]
    seen, cursor = [], None
    while True:
        page = viewer.get("/accounts", limit=2, **({"cursor": cursor} if cursor else {})).json()
        seen += [item["id"] for item in page["items"]]
        if len(seen) == 2:
            made.append(Account.objects.create(name="Late").pk)
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == made


def test_the_document_is_public_and_complete() -> None:
    document = Client().get("/api/v1/openapi.json").json()
    assert document["info"]["title"] == "Abmatic"
    said = document["paths"]["/api/v1/accounts/{record_id}"]["patch"]
    fields = said["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert {"name", "website", "revenue"} <= fields.keys()
    assert "application/problem+json" in said["responses"]["412"]["content"]


def test_the_page_is_for_people_who_are_signed_in() -> None:
    assert Client().get("/api/v1/docs/").status_code in {302, 200}
    assert "operationId" not in Client().get("/api/v1/docs/").text
    browser = Client()
    browser.force_login(User.objects.create_user("vera@example.com", role="viewer"))
    answer = browser.get("/api/v1/docs/")
    for path in ("/api/v1/accounts/{record_id}", "/api/v1/changes", "/api/v1/connections/{connection_id}/runs"):
        assert path in answer.text
    # Nothing foreign, and no script of its own: the policy would not let it run.
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert not re.search(r'(?:src|href)="https?://', answer.text)
    assert not re.search(r"<script(?![^>]*src=)", answer.text.split("<main")[-1])
