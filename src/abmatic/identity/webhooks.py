"""Webhooks: notices told to a Slack channel, or to a program of the company's own.

A notice's calls are queued in its transaction, as its mails are. One that isn't answered is made again for some hours;
one that is refused for good is not, and the list says why. The address is a secret, since whoever knows
Slack's can write into the channel: it is sealed, and only its host is shown.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from procrastinate.contrib.django import app

from abmatic.identity import audit, outgoing, sealing
from abmatic.identity.models import AuditEntry, Notice, SealedSecret, Webhook

LONGEST_NAME = 80
# Answers after which a later call may do better.
_PASSING = frozenset({408, 425, 429})


class WebhookFailed(Exception):
    """A call that may succeed later."""


def add(name: str, format_: str, url: str, kinds: Sequence[str], *, by: audit.Author) -> tuple[Webhook, str]:
    """A new webhook, and the secret that its calls are signed with (empty for Slack). Raises `outgoing.NotAllowed`."""
    parts = outgoing.require_allowed(url)
    secret = secrets.token_urlsafe(32) if format_ == Webhook.Format.JSON else ""
    with transaction.atomic():
        hook = Webhook.objects.create(
            name=name, format=format_, host=parts.hostname or "", kinds=sorted(kinds), created_by=by.user,
            secret=SealedSecret.objects.create(sealed=sealing.seal({"url": url, "secret": secret})),
        )  # fmt: skip
        told = [audit.Difference("Host", after=hook.host), audit.Difference("Notifications about", after=hook.kinds)]
        _note(hook, "webhook added", by, told)
    return hook, secret


def switch(hook: Webhook, *, is_on: bool, by: audit.Author) -> None:
    """Turns it on or off; what is told meanwhile is not told later."""
    with transaction.atomic():
        if Webhook.objects.filter(pk=hook.pk, is_on=not is_on).update(is_on=is_on, last_error=""):
            _note(hook, f"webhook turned {'on' if is_on else 'off'}", by)


def remove(hook: Webhook, *, by: audit.Author) -> None:
    """Forgets it, and its address."""
    with transaction.atomic():
        _note(hook, "webhook removed", by)
        secret = hook.secret
        hook.delete()
        secret.delete()


def queue(notice: Notice) -> None:
    """The calls of a notice; in its transaction."""
    for pk in Webhook.objects.filter(is_on=True, kinds__contains=[notice.kind]).values_list("pk", flat=True):
        app.configure_task("identity.call_webhook", queue="notices").defer(webhook_id=pk, notice_id=notice.pk)


def call(webhook_id: int, notice_id: int) -> bool:
    """Tells a notice. Answers whether it was heard; False too where it is refused for good, or the webhook is off.

    Raises `WebhookFailed` where it is worth another try.
    """
    hook = Webhook.objects.select_related("secret").filter(pk=webhook_id, is_on=True).first()
    notice = Notice.objects.filter(pk=notice_id).first()
    if hook is None or notice is None:
        return False
    said = {
        "id": notice.pk, "kind": notice.kind, "key": notice.key, "title": notice.title, "text": notice.text,
        "url": f"{settings.BASE_URL}{notice.path}", "at": notice.at.isoformat(), "is_test": False,
    }  # fmt: skip
    return _told(hook, said)


def try_out(hook: Webhook) -> str:
    """Tells something harmless, now. Answers what went wrong, or nothing."""
    said = {
        "id": 0, "kind": "test", "key": "test", "title": "A test of Abmatic’s notifications",
        "text": "Notifications of Abmatic reach this place.", "url": f"{settings.BASE_URL}/notifications/",
        "at": timezone.now().isoformat(), "is_test": True,
    }  # fmt: skip
    try:
        _told(hook, said)
    except WebhookFailed as error:
        return str(error)
    hook.refresh_from_db()
    return hook.last_error


def _told(hook: Webhook, said: dict[str, Any]) -> bool:
    try:
        sealed = sealing.unseal(hook.secret.sealed)
        body = _body(hook, said)
        status, text = outgoing.post(sealed["url"], body, _signature(sealed["secret"], body))
    except (outgoing.NotAllowed, sealing.SealBroken) as refused:
        return _ended(hook, str(refused))
    except outgoing.NotAnswered as error:
        _ended(hook, str(error))
        raise WebhookFailed(str(error)) from error
    if 200 <= status < 300:
        return _ended(hook, "")
    problem = f"{hook.host} answered {status}{_remedy(hook, status)}: {text[:200].strip() or 'nothing'}"
    _ended(hook, problem)
    if status >= 500 or status in _PASSING:
        raise WebhookFailed(problem)
    return False


def _ended(hook: Webhook, error: str) -> bool:
    now = {"last_at": timezone.now(), "last_error": error[:500]}
    Webhook.objects.filter(pk=hook.pk).update(**now)
    return not error


def _remedy(hook: Webhook, status: int) -> str:
    if 300 <= status < 400:
        return " (another address, which is not followed: enter that one)"
    if hook.format == Webhook.Format.SLACK and status in (403, 404, 410):
        return " (the webhook was removed in Slack: make a new one there and add it here)"
    return ""


def _body(hook: Webhook, said: dict[str, Any]) -> bytes:
    if hook.format == Webhook.Format.SLACK:
        text = f"*{_escaped(said['title'])}*\n{_escaped(said['text'])}\n<{said['url']}|Open in Abmatic>"
        said = {"text": text}
    return json.dumps(said, ensure_ascii=False).encode()


def _escaped(text: str) -> str:
    """As Slack wants it: otherwise a record's name could call everybody in the channel."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _signature(secret: str, body: bytes) -> dict[str, str]:
    """Proof that it is ours, and when it was said: a replayed call shows its age."""
    if not secret:
        return {}
    at = str(int(timezone.now().timestamp()))
    proof = hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"Abmatic-Signature": f"t={at},v1={proof}"}


def _note(hook: Webhook, act: str, by: audit.Author, told: Sequence[audit.Difference] = ()) -> None:
    audit.note(AuditEntry.About.NOTIFICATION, hook.name, act, by=by, subject_id=hook.pk, differences=told)
