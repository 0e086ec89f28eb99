"""The ways in: the first administrator, one-time links, and whether the program is up."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.password_validation import validate_password
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from abmatic.identity import links, people, setup
from abmatic.identity.models import Role, User

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


class SetupForm(forms.Form):
    """The first administrator."""

    name = forms.CharField(max_length=200, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    email = forms.EmailField(label="E-mail", widget=forms.EmailInput(attrs={"autocomplete": "username"}))
    password = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least 10 characters; a sentence is easiest to remember.",
    )

    def clean(self) -> dict[str, object]:
        """Judges the password knowing whose it is to be."""
        values: dict[str, object] = super().clean() or {}
        if "password" in values:
            somebody = User(email=str(values.get("email", "")), name=str(values.get("name", "")))
            try:
                validate_password(str(values["password"]), somebody)
            except forms.ValidationError as problem:
                self.add_error("password", problem)
        return values


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def first_administrator(request: HttpRequest) -> HttpResponse:
    """Makes the first administrator and signs them in; once there is a user, leads to the sign-in page."""
    if not setup.is_needed():
        return HttpResponseRedirect(reverse("home"))
    code = request.POST.get("code", "") or request.GET.get("code", "")
    if not (_is_from_this_machine(request) or setup.is_setup_code(code)):
        return render(request, "door/setup_code.html", {"wrong": bool(code)}, status=403 if code else 200)
    form = SetupForm(request.POST if request.method == "POST" and "email" in request.POST else None)
    if form.is_valid():
        user = _make_first(form.cleaned_data)
        if user is not None:
            login(request, user, backend=BACKEND)
        return HttpResponseRedirect(reverse("home"))
    return render(request, "door/setup.html", {"form": form, "code": code})


def _make_first(values: dict[str, str]) -> User | None:
    """The new administrator; None when somebody else was faster."""
    with transaction.atomic(), connection.cursor() as cursor:
        # Two people pressing the button together must not both become administrators.
        cursor.execute("LOCK TABLE app_user IN SHARE ROW EXCLUSIVE MODE")
        if not setup.is_needed():
            return None
        return people.add(values["email"], values["password"], role=Role.ADMINISTRATOR, name=values["name"])


def _is_from_this_machine(request: HttpRequest) -> bool:
    """True for a loopback address that no proxy stands before; a proxy makes everybody look local.

    Not every proxy says that it is one (nginx adds no header unless told to), so an installation with a public address
    takes nobody for local.
    """
    if any(header in request.headers for header in ("X-Forwarded-For", "Forwarded", "X-Real-Ip", "Via")):
        return False
    home = urlsplit(settings.BASE_URL).hostname or ""
    return _is_loopback(home) and _is_loopback(request.META.get("REMOTE_ADDR", ""))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def one_time_link(request: HttpRequest, token: str) -> HttpResponse:
    """Signs the link's user in, once.

    From elsewhere a button has to be pressed: a link sent by chat or mail is opened by previews and scanners first,
    which would use it up. On the machine itself, where `abmatic demo` prints it and opens it in the browser, opening
    is enough, unless the browser only looks ahead.
    """
    if request.method == "HEAD" or "prefetch" in request.headers.get("Sec-Purpose", ""):
        return HttpResponse(status=204)
    if request.method == "GET" and not _is_from_this_machine(request):
        return render(request, "door/link.html")
    user = links.redeem(token)
    if user is None:
        if request.user.is_authenticated:
            # The same link opened again from the history: the person is in already.
            return HttpResponseRedirect(reverse("home"))
        return render(request, "door/link_used.html", status=410)
    login(request, user, backend=BACKEND)
    if not user.has_usable_password() and not settings.ENVIRONMENT.demo:
        # Somebody invited: without a password they would need a link every time.
        return HttpResponseRedirect(reverse("account_set_password"))
    return HttpResponseRedirect(reverse("home"))


@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """Says "ok" when the program and its database answer; for supervisors and load balancers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok\n", content_type="text/plain")
