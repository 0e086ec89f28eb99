"""Jobs about people."""

from __future__ import annotations

import procrastinate
from django.db import close_old_connections
from procrastinate.contrib.django import app

from abmatic.identity import notices
from abmatic.identity.mail import MailFailed

# After one, two, four … minutes: a mail server that is restarted costs no mail.
RETRIES = procrastinate.RetryStrategy(max_attempts=8, wait=60, exponential_wait=2, retry_exceptions=[MailFailed])


@app.task(name="identity.mail_notice", queue="notices", retry=RETRIES)
def mail_notice(notice_id: int) -> None:
    """Mails one notice to those who want it."""
    close_old_connections()
    notices.send_mails(notice_id)
