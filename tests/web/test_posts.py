"""A page that is loaded again sends its form again: what answers a form with a page has done nothing with it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from tests.web import addresses
from tests.web.conftest import PASSWORD
from tests.web.test_roles import ACTIONS, FORMS

from abmatic.identity.models import ApiKey, User, Webhook

pytestmark = pytest.mark.django_db

# Who was here last, and what is kept for one browser.
PASSING = {"django_session", "usersessions_usersession"}
# Forms filled in so that they do what they are for; every other address gets an empty one.
FILLED: dict[str, dict[str, Any]] = {
    "api-keys": {"name": "Reports", "role": "viewer", "days": "30"},
    "webhooks": {"name": "Team", "format": "json", "url": "https://hooks.invalid/x", "kinds": ["sync"]},
    "users": {"name": "Nina New", "email": "nina@example.com", "role": "viewer"},
    "profile": {"name": "Alice", "mails_notices": "no"},
    "sign-in-policy": {"second_factor": "0"},
    "account_change_password": {"oldpassword": PASSWORD, "password1": "ten new ones", "password2": "ten new ones"},
    "setup": {"name": "x", "email": "x@example.com", "password": "a quiet harbour"},
    **{f"{record}-new": {"name": "Acme", "last_name": "Smith"} for record in addresses.RECORDS},
    **{f"{record}-collection-new": {"name": "Mine", "kind": "static"} for record in addresses.RECORDS},
    **{f"{record}-collection-edit": {"name": "Other"} for record in addresses.RECORDS},
    **{f"{record}-view-save": {"name": "Mine", "asked": "q=a"} for record in addresses.RECORDS},
    **{f"{record}-push": {"all": "1"} for record in addresses.RECORDS},
    **{f"{record}-set": {"all": "1", "do": "preview", "value": "x"} for record in addresses.RECORDS},
    **{f"{record}-selected": {"all": "1", "do": "add", "name": "Some"} for record in addresses.RECORDS},
    **{f"{record}-from-crm": {"kind": "soql", "soql": "SELECT Id FROM Account"} for record in addresses.RECORDS},
    **{f"{record}-field": {"value": "Other"} for record in (*addresses.RECORDS, "campaign")},
}  # fmt: skip


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, settings: Any) -> addresses.World:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, demo=True)  # where there is a tour
    addresses.without_an_org(monkeypatch)
    return addresses.make_world()


def written() -> dict[str, int]:
    """How many rows this transaction has written, by table."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables")
        return {table: rows for table, rows in cursor.fetchall() if table not in PASSING}


@pytest.mark.parametrize("name", sorted(ACTIONS | set(FORMS)))
def test_what_answers_a_form_with_a_page_wrote_nothing(name: str, world: addresses.World, admin: Client) -> None:
    before = written()
    answer = admin.post(world.address(name), FILLED.get(name, {}))
    after = written()
    is_page = answer.status_code == 200 and answer.content.startswith(b"<!doctype html>")
    assert not is_page or after == before, {table for table in after if after[table] != before.get(table)}


@pytest.mark.parametrize(
    ("name", "model"), [("api-keys", ApiKey), ("webhooks", Webhook), ("users", User), ("user-link", User)]
)
def test_what_is_made_is_shown_once_on_the_page_that_follows(
    name: str, model: Any, world: addresses.World, admin: Client
) -> None:
    many = model.objects.count()
    answer = admin.post(world.address(name), FILLED.get(name, {}))
    assert answer.status_code == 302
    assert model.objects.count() == many + (name != "user-link")
    kept = json.dumps(dict(admin.session.items()))
    assert "abm_" not in kept
    assert "/in/" not in kept, "it lies there sealed"
    where = answer.headers["Location"]
    assert "shown only" not in admin.head(where).text
    assert "shown only" not in admin.get(where, headers={"Sec-Purpose": "prefetch"}).text
    page = admin.get(where)
    assert "shown only" in page.text
    assert "no-store" in page.headers["Cache-Control"]
    assert "shown only" not in admin.get(where).text, "once"
    assert model.objects.count() == many + (name != "user-link"), "and looking makes nothing"
