"""Settings → Audit: who did what on the pages, filters, pages of entries, CSV."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from abmatic.identity import audit, people
from abmatic.identity.audit import Author, Difference
from abmatic.identity.models import ApiKey, AuditEntry, Role, User
from abmatic.sync import settings_edit, settings_history
from abmatic.sync.models import Connection
from abmatic.sync.objects import OBJECTS

pytestmark = pytest.mark.django_db


def noted(count: int, by: User, name: str = "Accounts") -> None:
    for number in range(count):
        audit.note(
            AuditEntry.About.SETTINGS, name, f"act {number}", by=Author(by), differences=[Difference("frequency", 1, 6)]
        )


def test_what_is_done_on_the_pages_names_who_did_it(admin: Client, vera: User) -> None:
    admin.post(reverse("users"), {"name": "Nina", "email": "nina@example.com", "role": "viewer"})
    admin.post(reverse("change-user", args=[vera.pk]), {"role": "operator"})
    admin.post(reverse("user-link", args=[vera.pk]))
    admin.post(reverse("api-keys"), {"name": "Reports", "role": "viewer", "days": "30"})
    admin.post(reverse("revoke-api-key", args=[ApiKey.objects.get().pk]))
    found = list(AuditEntry.objects.order_by("id").values_list("act", flat=True))
    assert found == ["user added", "sign-in link made", "role changed", "sign-in link made", "key made", "key revoked"]
    assert set(AuditEntry.objects.values_list("by", flat=True)) == {"Alice Adler <alice@example.com>"}
    page = admin.get(reverse("audit")).text
    assert "Vera Vogt &lt;vera@example.com&gt;" in page
    assert '<del class="wrap" dir="auto">viewer</del>' in page
    assert '<ins class="wrap" dir="auto">operator</ins>' in page


def test_settings_of_a_connection_are_among_them_whichever_way_they_were_changed(
    admin: Client, connection: Connection
) -> None:
    spec = OBJECTS["Account"]
    seen = settings_edit.look(connection, spec)
    settings_edit.save(
        connection, spec, {"frequency": 6}, mark=seen.mark, by=settings_history.Author(name="Command line")
    )
    settings_history.note(
        connection, "", [settings_history.Difference("changed", "api_ceiling", 80, 60)],
        settings_history.Author(User.objects.get(email="alice@example.com")),
    )  # fmt: skip
    page = admin.get("/settings/audit/?about=settings").text
    for words in ("Northwind Traders › Account", "settings changed", "Command line", "Sync frequency", "Manual only",
                  "Every 6 hours", "Alice Adler", "API calls of a day, in per cent", "80", "60"):  # fmt: skip
        assert words in page, words
    assert "api_ceiling" not in page
    assert ",Sync frequency,Manual only,Every 6 hours" in admin.get("/settings/audit.csv").getvalue().decode()
    assert "No entry matches" in admin.get("/settings/audit/?about=user").text


def test_filters(admin: Client, alice: User, vera: User) -> None:
    people.change(vera, role=Role.OPERATOR, by=Author(alice))
    noted(1, vera, "100%_sure")
    assert "100%_sure" not in admin.get("/settings/audit/?about=user").text
    assert "100%_sure" in admin.get("/settings/audit/?q=%25_SURE").text
    assert "No entry matches" in admin.get("/settings/audit/?q=zzz").text
    today = timezone.now().date()
    assert "100%_sure" in admin.get(f"/settings/audit/?since={today}&until={today}").text
    assert "No entry matches" in admin.get(f"/settings/audit/?since={today + timedelta(days=1)}").text
    assert "No entry matches" in admin.get(f"/settings/audit/?until={today - timedelta(days=1)}").text
    nonsense = admin.get("/settings/audit/?about=zzz&since=9999-12-31&until=soon&before=99999999999999999999&q=%00")
    assert "100%_sure" in nonsense.text


def test_older_entries_come_page_by_page(admin: Client, alice: User) -> None:
    noted(60, alice)
    page = admin.get("/settings/audit/").text
    assert page.count("audit-line") == 50
    older = AuditEntry.objects.order_by("-id")[49].pk
    rows = admin.get(f"/settings/audit/?before={older}", headers={"HX-Request": "true"}).text
    assert rows.count("audit-line") == 10
    assert "<html" not in rows


def test_as_many_queries_for_many_as_for_few(admin: Client, alice: User) -> None:
    noted(1, alice)
    admin.get("/settings/audit/")
    with CaptureQueriesContext(database) as few:
        admin.get("/settings/audit/")
    noted(60, alice)
    with CaptureQueriesContext(database) as many:
        admin.get("/settings/audit/")
    assert len(few) == len(many)


def test_csv(admin: Client, alice: User) -> None:
    noted(2, alice, "=1+1")
    people.change(alice, role=Role.ADMINISTRATOR)
    answer = admin.get("/settings/audit.csv?about=settings")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0][:3] == ["Time (UTC)", "Who", "About"]
    assert rows[1][1:] == ["Alice Adler <alice@example.com>", "Settings", "'=1+1", "act 1", "frequency", "1", "6"]
    assert len(rows) == 3
