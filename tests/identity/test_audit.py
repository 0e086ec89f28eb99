"""The audit log: what is written, in which transaction, never a secret, never changed."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from abmatic.identity import api_keys, audit, links, people
from abmatic.identity.audit import Author, Difference
from abmatic.identity.models import AuditEntry, Role, User

pytestmark = pytest.mark.django_db


def last() -> AuditEntry:
    return AuditEntry.objects.latest("id")


def test_adding_and_changing_people_is_written_down(alice: User, vera: User) -> None:
    nina = people.add("Nina@Example.com", role=Role.OPERATOR, name="Nina", by=Author(alice))
    assert (last().by, last().subject, last().act, last().subject_id, last().user) == (
        "Alice Adler <alice@example.com>", "Nina <nina@example.com>", "user added", nina.pk, alice,
    )  # fmt: skip
    people.change(vera, role=Role.ADMINISTRATOR, by=Author(alice))
    assert last().act == "role changed"
    assert last().differences == [{"what": "role", "kind": "changed", "before": "viewer", "after": "administrator"}]
    people.change(vera, is_active=False)
    assert (last().by, last().act) == ("Command line", "switched off")
    entries = AuditEntry.objects.count()
    people.change(vera, is_active=False)
    assert AuditEntry.objects.count() == entries, "what changes nothing is no entry"


def test_what_is_refused_leaves_no_entry(alice: User) -> None:
    with pytest.raises(people.LastAdministrator):
        people.change(alice, role=Role.VIEWER)
    assert not AuditEntry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_entry_shares_its_act_s_transaction(alice: User) -> None:
    with transaction.atomic():
        people.change(people.add("bob@example.com", role=Role.VIEWER), role=Role.OPERATOR)
        assert AuditEntry.objects.count() == 2
        transaction.set_rollback(True)
    assert not AuditEntry.objects.exists()
    with pytest.raises(AssertionError, match="in the transaction"):
        audit.note(AuditEntry.About.USER, "x", "y", by=Author(alice))


def test_links_and_keys_are_written_down_without_their_tokens(alice: User) -> None:
    link = links.issue(alice, by=Author(alice))
    key, token = api_keys.create("Reports", "viewer", by=Author(alice))
    api_keys.revoke(key, by=Author(alice))
    api_keys.revoke(key, by=Author(alice))
    entries = list(AuditEntry.objects.order_by("id"))
    assert [each.act for each in entries] == ["sign-in link made", "key made", "key revoked"]
    kept = repr([(each.subject, each.differences) for each in entries])
    assert link not in kept
    assert token not in kept
    assert key.prefix in kept


def test_no_secret_gets_in(alice: User) -> None:
    audit.note(
        AuditEntry.About.SETTINGS,
        "Accounts",
        "changed",
        by=Author(alice),
        differences=[
            Difference("client_secret", "s3cret", "n3wer"),
            Difference("Webhook URL", None, "https://hooks.example.com/s3cret"),
            Difference("options", {"password": "s3cret", "list": [{"refresh_token": "s3cret", "n": 1}]}, None),
        ],
    )
    assert "s3cret" not in repr(last().differences)
    assert "n3wer" not in repr(last().differences)
    assert last().differences[1] == {
        "what": "Webhook URL", "kind": "changed", "before": None, "after": audit.SET,
    }  # fmt: skip
    assert last().differences[2]["before"]["list"][0]["n"] == 1


@pytest.mark.parametrize("sql", ["UPDATE audit_entry SET act = 'nothing'", "DELETE FROM audit_entry"])
def test_entries_are_never_changed(alice: User, sql: str) -> None:
    people.change(alice, role=Role.ADMINISTRATOR)
    people.add("bob@example.com", role=Role.VIEWER, by=Author(alice))
    with pytest.raises(DatabaseError, match="never changed"):
        connection.cursor().execute(sql)


def test_entries_outlive_who_made_them(alice: User, vera: User) -> None:
    people.add("bob@example.com", role=Role.VIEWER, by=Author(vera))
    vera.delete()
    assert (last().user, last().by) == (None, "vera@example.com")
