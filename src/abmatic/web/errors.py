"""The pages of what goes wrong: not allowed, not found, form expired, our own fault."""

from __future__ import annotations

import logging

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from abmatic.web.roles import RoleRequired

logger = logging.getLogger(__name__)


def not_allowed(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403: says which role it needs, where it is about a role."""
    reason = str(exception) if isinstance(exception, RoleRequired) else ""
    return render(request, "errors/403.html", {"reason": reason}, status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404."""
    return render(request, "errors/404.html", status=404)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400: an address or a form that no page of ours made."""
    return HttpResponse(render_to_string("errors/400.html"), status=400)


def form_expired(request: HttpRequest, reason: str = "") -> HttpResponse:
    """CSRF: the form was made for another session, usually because somebody signed in again in another tab."""
    logger.warning("Form refused at %s: %s", request.path, reason)
    return render(request, "errors/csrf.html", {"reason": reason}, status=403)


def our_fault(request: HttpRequest) -> HttpResponse:
    """500: needs neither the database nor the session, as either may be what is broken."""
    return HttpResponse(render_to_string("errors/500.html"), status=500)
