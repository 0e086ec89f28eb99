"""Notices: what people have to know of without looking, on every page and, where that is wanted, by mail and webhook.

`tell` writes a notice in the transaction of what it is about, and queues its mails and calls there: nothing is sent for
what is rolled back, and none is lost. What is told already isn't told again while it lasts, but once a day as a
reminder; `settle` says that it is over, so that the next time is news.
"""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from procrastinate.contrib.django import app

from abmatic.identity import mail, webhooks
from abmatic.identity.models import Notice, User

REMINDED_AFTER = timedelta(days=1)
# More mails than this an hour help nobody; the notices are on the pages all the same.
MAILED_AN_HOUR = 20


def tell(kind: Notice.Kind, key: str, title: str, text: str, path: str) -> Notice | None:
    """Tells once what lasts. ``key`` says what it is about, as "connection 3"; ``path`` is the page that helps.

    Answers None where it was told within a day and isn't over.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            # Two workers meeting the same trouble must not both tell it.
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('notice'), hashtext(%s))", [f"{kind} {key}"])
        lasting = Notice.objects.filter(kind=kind, key=key, settled_at=None)
        if lasting.filter(at__gt=timezone.now() - REMINDED_AFTER).exists():
            return None
        notice = Notice.objects.create(kind=kind, key=key, title=title[:300], text=text[:2000], path=path)
        if mail.is_possible():
            app.configure_task("identity.mail_notice", queue="notices").defer(notice_id=notice.pk)
        webhooks.queue(notice)
    return notice


def settle(kind: Notice.Kind, key: str) -> None:
    """It is over; the next time it is told again."""
    Notice.objects.filter(kind=kind, key=key, settled_at=None).update(settled_at=timezone.now())


def unread(user: User) -> int:
    """How many notices came since the person looked; counted up to a hundred."""
    return Notice.objects.filter(pk__gt=user.notices_seen)[:100].count()


def mark_seen(user: User, latest: int) -> None:
    """The person has seen the notices up to this one."""
    User.objects.filter(pk=user.pk, notices_seen__lt=latest).update(notices_seen=latest)


def send_mails(notice_id: int) -> int:
    """Mails a notice to everybody who wants mails and hasn't got it. Raises `MailFailed`; what was sent stays sent."""
    notice = Notice.objects.get(pk=notice_id)
    if _mails_of_this_hour(notice) >= MAILED_AN_HOUR:
        return 0
    wanting = User.objects.filter(is_active=True, mails_notices=True).exclude(pk__in=notice.mailed_to)
    count = 0
    for user in wanting.order_by("pk"):
        mail.send(user.email, notice.title, _words(notice))
        notice.mailed_to.append(user.pk)
        notice.save(update_fields=["mailed_to"])
        count += 1
    return count


def _mails_of_this_hour(notice: Notice) -> int:
    since = timezone.now() - timedelta(hours=1)
    return Notice.objects.filter(at__gt=since).exclude(pk=notice.pk).exclude(mailed_to=[]).count()


def _words(notice: Notice) -> str:
    return (
        f"{notice.text}\n\n{settings.BASE_URL}{notice.path}\n\n"
        f"You get this because your profile says so: {settings.BASE_URL}/user/profile/\n"
    )
