"""The ways in: the first administrator, one-time links, and whether the program is up."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable
from urllib.parse import urlsplit

import requests
from allauth.account.utils import perform_login
from allauth.socialaccount.providers.openid_connect import views as openid_connect
from django import forms
from django.conf import settings
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

logger = logging.getLogger(__name__)

# The provider's name in our addresses: see config.services.
PROVIDER = "sso"


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
            return _let_in(request, user, reverse("home"))
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
    # Somebody invited: without a password they would need a link every time.
    wants_password = not user.has_usable_password() and not settings.ENVIRONMENT.demo
    return _let_in(request, user, reverse("account_set_password" if wants_password else "home"))


def _let_in(request: HttpRequest, user: User, where: str) -> HttpResponse:
    """Signs somebody in who needs no password now; one with a second factor is still asked for it."""
    answer = perform_login(request, user, redirect_url=where)
    assert isinstance(answer, HttpResponse)
    return answer


@never_cache
@require_safe
def single_sign_on(request: HttpRequest) -> HttpResponse:
    """Leads to the identity provider. A page elsewhere can't start it: the person would find themselves signed in."""
    if request.headers.get("Sec-Fetch-Site") == "cross-site" or settings.ENVIRONMENT.identity_provider is None:
        return HttpResponseRedirect(reverse("account_login"))
    if request.get_host() != urlsplit(settings.BASE_URL).netloc:
        # The provider sends people back to the one address that it knows, where this browser's session has to be.
        return HttpResponseRedirect(settings.BASE_URL + request.get_full_path())
    return _at_provider(request, openid_connect.login)


@never_cache
@require_safe
def single_sign_on_callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Where the identity provider sends people back to."""
    if settings.ENVIRONMENT.identity_provider is None:
        return HttpResponseRedirect(reverse("account_login"))
    return _at_provider(request, openid_connect.callback)


def _at_provider(request: HttpRequest, step: Callable[[HttpRequest, str], HttpResponse]) -> HttpResponse:
    """A step that asks the provider, which may be down or answer what is no OpenID Connect."""
    try:
        return step(request, PROVIDER)
    except (requests.RequestException, KeyError, ValueError) as error:
        logger.warning("The identity provider can't be used: %s", error)
        return render(request, "socialaccount/authentication_error.html", status=502)


@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """Says "ok" when the program and its database answer; for supervisors and load balancers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok\n", content_type="text/plain")
