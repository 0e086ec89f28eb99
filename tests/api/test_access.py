"""Who may ask what: every operation for every key. A new operation without a row here fails."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from tests.api.conftest import Program, fault
from tests.web import addresses

from abmatic.api import access
from abmatic.api.v1 import api
from abmatic.identity import api_keys
from abmatic.identity.models import ApiKey, User

pytestmark = pytest.mark.django_db

ROLES = ("viewer", "operator", "administrator")
# The least role that may, and an example of the body.
WHO: dict[str, tuple[str, Any]] = {
    "list_connections": ("viewer", None),
    "show_connection": ("viewer", None),
    "show_settings": ("viewer", None),
    "change_settings": ("administrator", {"auto_push": False}),
    "start_preview": ("operator", {"object": "Account"}),
    "show_preview": ("viewer", None),
    "cancel_preview": ("operator", None),
    "list_fields": ("viewer", None),
    "list_runs": ("viewer", None),
    "show_run": ("viewer", None),
    "start_runs": ("operator", {"objects": ["Account"]}),
    "cancel_run": ("operator", None),
    "undo_run": ("operator", None),
    "preview_undo": ("operator", None),
    "list_run_changes": ("viewer", None),
    "list_run_writes": ("viewer", None),
    "list_run_findings": ("viewer", None),
    "list_run_issues": ("viewer", None),
    "list_issues": ("viewer", None),
    "list_causes": ("viewer", None),
    "retry_issues": ("operator", {"object": "Account"}),
    "retry_issue": ("operator", None),
    "link_issue": ("operator", {"salesforce_id": "0065800000000001AA"}),
    "follow_changes": ("viewer", None),
    "list_imports": ("operator", None),
    "upload_import": ("operator", b"E-mail\na@acme.com\n"),
    "show_import": ("operator", None),
    "preview_import": ("operator", {}),
    "start_import": ("operator", None),
    "cancel_import": ("operator", None),
    "list_rejected": ("operator", None),
    "prepare_push": ("operator", {"record": "account", "ids": [1]}),
    "show_push": ("operator", None),
    "list_experiences": ("viewer", None),
    "show_experience": ("viewer", None),
    "show_experience_results": ("viewer", None),
    "create_experience": ("operator", {}),
    "change_experience": ("operator", {}),
    "remove_experience": ("operator", None),
    "start_push": ("operator", None),
    "list_campaign_links": ("viewer", None),
    "find_salesforce_campaigns": ("operator", None),
    "link_campaign": ("operator", {"connection": 1, "salesforce_id": "701580000000001AAA"}),
    "unlink_campaign": ("operator", None),
    "create_campaign_there": ("operator", {"connection": 1}),
    "list_rules": ("viewer", None),
    "create_rule": ("operator", {"kind": "page", "pattern": "/pricing"}),
    "preview_rule": ("operator", {"kind": "page", "pattern": "/pricing"}),
    "remove_rule": ("operator", None),
    **{
        name.format(one=one, many=many): how
        for one, many in (("account", "accounts"), ("contact", "contacts"), ("opportunity", "opportunities"))
        for name, how in {
            "list_{many}": ("viewer", None),
            "show_{one}": ("viewer", None),
            "list_{one}_changes": ("viewer", None),
            "create_{one}": ("operator", {}),
            "save_{many}": ("operator", {"records": [{"x": 1}]}),
            "change_{one}": ("operator", {}),
        }.items()
    },
}


def operations() -> dict[str, tuple[str, str]]:
    """Every operation's method and path, by name, as the document lists them."""
    schema = api.get_openapi_schema(path_prefix="")
    return {
        said["operationId"]: (method.upper(), path)
        for path, those in schema["paths"].items()
        for method, said in those.items()
    }


OPERATIONS = operations()


@pytest.fixture
def world() -> addresses.World:
    return addresses.make_world()


def address(path: str, world: addresses.World) -> str:
    """An example of a path."""
    numbers = {
        "connection_id": world.connection.pk,
        "run_id": world.run,
        "record_id": world.contact if path.startswith("/contacts") else world.account,
        "issue_id": 1,
        "preview_id": 1,
        "push_id": world.push,
        "import_id": world.files["contact"],
        "campaign_id": world.campaign,
        "rule_id": world.rule,
        "salesforce_id": "701580000000001AAA",
        "experience_id": world.experience,
        "name": "Account",
    }
    return path.format(**numbers)


def test_the_table_names_every_operation() -> None:
    assert set(WHO) == set(OPERATIONS)


@pytest.mark.parametrize("name", sorted(WHO))
def test_who_may(name: str, world: addresses.World) -> None:
    least, body = WHO[name]
    method, path = OPERATIONS[name]
    for role in ROLES:
        _, token = api_keys.create(role, role)
        answer = Program(token).ask(method, address(path, world), body)
        if ROLES.index(role) >= ROLES.index(least):
            assert answer.status_code not in {401, 403, 405, 429, 500}, f"{role} gets {answer.content} for {name}"
        else:
            assert least.capitalize() in fault(answer, 403)["detail"]
    dead, dead_token = api_keys.create("revoked", "administrator")
    api_keys.revoke(dead)
    _, old_token = api_keys.create("expired", "administrator", expires_at=timezone.now() - timedelta(seconds=1))
    for token, why in ((None, "no API key"), ("abm_x", "isn't known"), (dead_token, "revoked"), (old_token, "expired")):
        answer = Program(token).ask(method, address(path, world), body)
        assert why in fault(answer, 401)["detail"]
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_the_document_tells_the_role() -> None:
    schema = api.get_openapi_schema(path_prefix="")
    for those in schema["paths"].values():
        for said in those.values():
            assert said["security"] == [{f"{WHO[said['operationId']][0].capitalize()}Key": []}]


def test_a_session_is_no_key(world: addresses.World) -> None:
    browser = Client()
    browser.force_login(User.objects.create_user("alice@example.com", role="administrator"))
    fault(browser.get("/api/v1/accounts"), 401)
    fault(browser.post("/api/v1/accounts", {"name": "x"}, content_type="application/json"), 401)


def test_another_scheme_is_no_key(viewer: Program) -> None:
    answer = Program(None).ask("GET", "/accounts", Authorization="Basic YWxpY2U6cHc=")
    fault(answer, 401)


def test_a_key_that_is_revoked_is_out_at_once() -> None:
    key, token = api_keys.create("Reports", "viewer")
    assert Program(token).get("/accounts").status_code == 200
    api_keys.revoke(key)
    fault(Program(token).get("/accounts"), 401)


def test_guessing_is_slowed_down_and_good_keys_go_on() -> None:
    _, good = api_keys.create("Reports", "viewer")
    assert Program(good).get("/accounts").status_code == 200
    for _ in range(access.MOST_BAD):
        fault(Program("abm_guess").get("/accounts"), 401)
    answer = Program("abm_guess").get("/accounts")
    assert fault(answer, 429)["code"] == "too_many_bad_keys"
    assert int(answer.headers["Retry-After"]) > 0
    assert Program(good).get("/accounts").status_code == 200, "it was good a moment ago"
    _, new = api_keys.create("New", "viewer")
    fault(Program(new).get("/accounts"), 429)
    cache.clear()
    assert Program(new).get("/accounts").status_code == 200


def test_a_key_that_stops_being_good_is_counted_like_any_other() -> None:
    key, good = api_keys.create("Reports", "viewer")
    Program(good).get("/accounts")
    api_keys.revoke(key)
    for _ in range(access.MOST_BAD):
        fault(Program(good).get("/accounts"), 401)
    fault(Program(good).get("/accounts"), 429)


def test_the_last_use_is_kept(viewer: Program) -> None:
    viewer.get("/accounts")
    assert ApiKey.objects.get().last_used_at is not None
