"""The request as pages see it: signed in, and with htmx's headers read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest

if TYPE_CHECKING:
    from django_htmx.middleware import HtmxDetails

    from abmatic.identity.models import User


class PageRequest(HttpRequest):
    """A request after the middleware: pages that are not public always have a user."""

    user: User
    htmx: HtmxDetails
