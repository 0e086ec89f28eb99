"""Notifications: the count in the top bar, which asks by itself, and the list."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from abmatic.identity import mail, notices
from abmatic.identity.models import Notice
from abmatic.web.http import PageRequest

PAGE = 50


@require_safe
def bell(request: PageRequest) -> HttpResponse:
    """The part of the top bar that says how many are new; asked for once a page and every minute, not with the page."""
    return render(request, "frame/bell.html", {"unread": notices.unread(request.user), "is_loaded": True})


@never_cache
@require_safe
def notifications(request: PageRequest) -> HttpResponse:
    """The list, newest first; looking at it makes them read."""
    before = request.GET.get("before", "")
    found = Notice.objects.order_by("-id")
    if before.isascii() and before.isdigit() and len(before) < 19:
        found = found.filter(pk__lt=int(before))
    page = list(found[: PAGE + 1])
    seen = request.user.notices_seen
    if page and not before:
        notices.mark_seen(request.user, page[0].pk)
    return render(
        request,
        "notices.html",
        {
            "notices": page[:PAGE],
            "older": page[PAGE - 1].pk if len(page) > PAGE else None,
            "seen": seen,
            "can_mail": mail.is_possible(),
        },
    )


@require_POST
def test_mail(request: PageRequest) -> HttpResponse:
    """Sends the person a mail, so that they know that it works before it matters."""
    if not mail.is_possible():
        messages.warning(request, "No mail server is set. Who runs Abmatic sets ABMATIC_SMTP_URL.")
    else:
        try:
            mail.send(request.user.email, "A test of Abmatic’s mails", "Mails of Abmatic reach you.\n")
        except mail.MailFailed as error:
            messages.error(request, f"No mail was sent: {error}.")
        else:
            messages.success(request, f"A mail is on its way to {request.user.email}.")
    return HttpResponseRedirect(reverse("profile"))
