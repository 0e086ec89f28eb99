"""Letting a connected org take another's place, from its page."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from tests.web import org

from abmatic.identity.models import AuditEntry
from abmatic.sync.models import Connection, ObjectSetting

pytestmark = pytest.mark.django_db


@pytest.fixture
def fresh() -> Connection:
    """The refreshed sandbox, connected beside its former self."""
    return org.connect(name="Northwind Traders 2", org_id="00D580000000077EAA")


def address(connection: Connection) -> str:
    return reverse("replace", args=[connection.pk])


def test_it_is_offered_where_there_are_two(admin: Client, connection: Connection) -> None:
    assert address(connection) not in admin.get("/settings/integrations/").text
    assert "Authorize the new org" in admin.get(address(connection)).text
    org.connect(name="Other", org_id="00D580000000077EAA")
    assert address(connection) in admin.get("/settings/integrations/").text


def test_it_needs_the_name_typed_and_an_org_chosen(admin: Client, connection: Connection, fresh: Connection) -> None:
    page, name = admin.get(address(connection)).text, connection.name
    for words in (fresh.name, fresh.org_id, "can’t be undone", "abmatic replace", "Writing to Salesforce is off"):
        assert words in page, words
    for sent, words in (
        ({"name": connection.name}, "Choose the connection"),
        ({"name": connection.name, "by": "x"}, "Choose the connection"),
        ({"name": connection.name, "by": connection.pk}, "Choose the connection"),
        ({"name": connection.name.upper(), "by": fresh.pk}, "Nothing was changed"),
        ({"name": "", "by": fresh.pk}, "Nothing was changed"),
    ):
        answer = admin.post(address(connection), sent)
        assert (answer.status_code, words in answer.text) == (400, True), sent
    run = org.running(fresh)
    busy = admin.post(address(connection), {"name": connection.name, "by": fresh.pk})
    assert f"Run {run.pk}" in busy.text
    connection.refresh_from_db()
    assert (connection.status, connection.name) == ("active", name)


def test_the_new_org_gets_the_settings_and_the_old_one_is_disabled(
    admin: Client, connection: Connection, fresh: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, name = [], connection.name
    monkeypatch.setattr("abmatic.sync.replacing.disable", lambda old, by: told.append((old.pk, str(by))))
    ObjectSetting.objects.filter(connection=connection, sobject="Account").update(frequency=6)
    answer = admin.post(address(connection), {"name": f" {name} ", "by": fresh.pk}, follow=True)
    assert answer.redirect_chain == [(reverse("connection", args=[fresh.pk]), 302)]
    assert "Writing to Salesforce is off" in answer.text
    fresh.refresh_from_db()
    assert fresh.name == name
    assert ObjectSetting.objects.get(connection=fresh, sobject="Account").frequency == 6
    assert told == [(connection.pk, "Alice Adler <alice@example.com>")]
    assert "Alice Adler" in AuditEntry.objects.get(about="settings").by
