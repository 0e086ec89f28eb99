"""Notices: told once while it lasts, with their transaction, mailed to those who want mails, not too many."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail as outbox
from django.db import connection, transaction
from django.utils import timezone

from abmatic.config.services import mail_server
from abmatic.identity import notices
from abmatic.identity.mail import MailFailed
from abmatic.identity.models import Notice, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(settings: Any) -> None:
    server = mail_server("smtp://mail.example.com", "abmatic@example.com")
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, mail=server)


def tell(key: str = "connection 1") -> Notice | None:
    return notices.tell(Notice.Kind.CONNECTION, key, "Northwind needs\nattention", "It was revoked.", "/settings/")


def queued() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (args->>'notice_id')::bigint FROM procrastinate_jobs"
            " WHERE task_name = 'identity.mail_notice' ORDER BY id"
        )
        return [row[0] for row in cursor.fetchall()]


def test_what_lasts_is_told_once_and_again_after_a_day() -> None:
    first = tell()
    assert first
    assert tell() is None
    assert tell("connection 2")
    Notice.objects.filter(pk=first.pk).update(at=timezone.now() - timedelta(hours=25))
    assert tell()


def test_what_was_over_is_news_again() -> None:
    assert tell()
    notices.settle(Notice.Kind.CONNECTION, "connection 1")
    assert tell()


def test_each_sees_what_is_new_to_them(alice: User, vera: User) -> None:
    one, two = tell(), tell("connection 2")
    assert one
    assert two
    assert notices.unread(alice) == 2
    notices.mark_seen(alice, one.pk)
    notices.mark_seen(alice, 0)
    alice.refresh_from_db()
    assert (notices.unread(alice), notices.unread(vera)) == (1, 2)


def test_a_mail_is_queued_with_the_notice(server: None) -> None:
    told = tell()
    assert told
    assert queued() == [told.pk]
    with transaction.atomic():
        tell("connection 2")
        assert len(queued()) == 2
        transaction.set_rollback(True)
    assert queued() == [told.pk]


def test_without_a_mail_server_nothing_is_queued() -> None:
    tell()
    assert queued() == []


def test_those_who_want_it_get_it_once(server: None, alice: User, vera: User, oscar: User) -> None:
    User.objects.filter(pk__in=[alice.pk, vera.pk]).update(mails_notices=True)
    User.objects.filter(pk=vera.pk).update(is_active=False)
    told = tell()
    assert told
    assert (notices.send_mails(told.pk), notices.send_mails(told.pk)) == (1, 0)
    [sent] = outbox.outbox
    assert (sent.to, sent.subject) == (["alice@example.com"], "Northwind needs attention")
    assert "http://127.0.0.1:8000/settings/" in str(sent.body)


def test_a_mail_server_that_is_away_costs_nobody_a_mail(server: None, settings: Any, alice: User, oscar: User) -> None:
    User.objects.update(mails_notices=True)
    told = tell()
    assert told
    good = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    with pytest.raises(MailFailed):
        notices.send_mails(told.pk)
    settings.EMAIL_BACKEND = good
    assert notices.send_mails(told.pk) == 2


def test_a_storm_is_not_mailed(server: None, alice: User) -> None:
    User.objects.update(mails_notices=True)
    for number in range(notices.MAILED_AN_HOUR + 5):
        told = tell(f"connection {number}")
        assert told
        notices.send_mails(told.pk)
    assert len(outbox.outbox) == notices.MAILED_AN_HOUR
