"""Jobs about people."""

from __future__ import annotations

import procrastinate
from django.db import close_old_connections
from procrastinate.contrib.django import app

from abmatic.identity import notices, webhooks
from abmatic.identity.mail import MailFailed
from abmatic.identity.webhooks import WebhookFailed

# After four seconds, sixteen, a minute, … four and a half hours: a server that is away for some hours costs nothing.
RETRIES = procrastinate.RetryStrategy(max_attempts=8, exponential_wait=4, retry_exceptions=[MailFailed, WebhookFailed])


@app.task(name="identity.mail_notice", queue="notices", retry=RETRIES)
def mail_notice(notice_id: int) -> None:
    """Mails one notice to those who want it."""
    close_old_connections()
    notices.send_mails(notice_id)


@app.task(name="identity.call_webhook", queue="notices", retry=RETRIES)
def call_webhook(webhook_id: int, notice_id: int) -> None:
    """Tells one notice to one webhook."""
    close_old_connections()
    webhooks.call(webhook_id, notice_id)
