"""Mail, where a server for it is set (ABMATIC_SMTP_URL)."""

from __future__ import annotations

import smtplib

from django.conf import settings
from django.core.mail import EmailMessage


class MailFailed(Exception):
    """The mail server didn't take it; the message says why, and never holds a password."""


def is_possible() -> bool:
    """Whether there is a mail server."""
    return settings.ENVIRONMENT.mail is not None


def send(to: str, subject: str, text: str) -> None:
    """Hands one mail to the server, at once. Raises `MailFailed`."""
    # A line break would end the header it is in.
    message = EmailMessage(subject=" ".join(subject.split()), body=text, to=[to])
    try:
        message.send()
    except smtplib.SMTPAuthenticationError as error:
        raise MailFailed("the mail server refused the user name or password of ABMATIC_SMTP_URL") from error
    except smtplib.SMTPRecipientsRefused as error:
        raise MailFailed(f"the mail server refused the address {to}") from error
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise MailFailed(f"the mail server of ABMATIC_SMTP_URL can't be used: {error}") from error


def invitation(to: str, *, invited_by: str, link: str, days: int) -> None:
    """Invites somebody. Raises `MailFailed`."""
    send(
        to,
        "Your sign-in link for Abmatic",
        f"{invited_by} sends you a link that signs you in to Abmatic at {settings.BASE_URL}:\n\n{link}\n\n"
        f"It works once, within {days} {'day' if days == 1 else 'days'}. "
        "If you expected no such link, ignore this mail.\n",
    )
