"""Two rules every answer obeys: nothing foreign runs in a page, and nothing is shown to a stranger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import Resolver404, resolve, reverse
from django.utils import timezone
from django.utils.translation.trans_real import parse_accept_lang_header

from abmatic.identity import setup
from abmatic.identity.models import User
from abmatic.web import viewer
from abmatic.web.accounts import came_by_single_sign_on

Answer = Callable[[HttpRequest], HttpResponse]

# Views named here answer people who aren't signed in. Everything else asks them to sign in, which makes a forgotten
# decorator harmless.
PUBLIC = frozenset(
    {
        "account_login", "account_logout", "account_inactive", "setup", "one-time-link", "health",
        # On the way in, after the password or at the identity provider's word.
        "mfa_authenticate", "single-sign-on", "openid_connect_callback",
        "socialaccount_login_cancelled",
    }
)  # fmt: skip
# Programs don't sign in: each operation of the API asks for a key itself.
API = "api-v1:"
# What somebody who lacks a second factor that is needed may still open: the way to one, and the way out.
WITHOUT_FACTOR = PUBLIC | {
    "mfa_activate_totp", "mfa_reauthenticate", "account_reauthenticate", "account_set_password",
}  # fmt: skip

POLICY: dict[str, str] = {
    "default-src": "'self'",
    # Tabler draws check marks and arrows with data: images inside its style sheet.
    "img-src": "'self' data:",
    "object-src": "'none'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}


def allow_form_targets(response: HttpResponse, origins: Sequence[str]) -> None:
    """Lets forms of this page end up at other origins.

    Browsers hold a redirect after a form to ``form-action`` too, so the page whose form leads to Salesforce's login
    has to name Salesforce.
    """
    response.headers["Content-Security-Policy"] = _policy(form_action=["'self'", *origins])


class ContentSecurityPolicy:
    """Sends the policy with every answer that has none of its own."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", _policy(form_action=["'self'"]))
        return response


class SignInRequired:
    """Leads strangers to the sign-in page, or to the setup page while there is no user at all."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            return self.get_response(request)
        try:
            name = resolve(request.path_info).view_name
        except Resolver404:
            return self.get_response(request)
        if name.startswith(API):
            return self.get_response(request)
        if name not in {"setup", "health"} and setup.is_needed():
            return HttpResponseRedirect(reverse("setup"))
        if name in PUBLIC:
            return self.get_response(request)
        return _sign_in(request)


class SecondFactorRequired:
    """Leads people who lack a second factor to adding one, where everybody needs one.

    Who came by single sign-on has proved to the identity provider what it asks for.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if isinstance(user, User) and user.lacks_second_factor and not came_by_single_sign_on(request, user):
            try:
                name = resolve(request.path_info).view_name
            except Resolver404:
                name = ""
            if name not in WITHOUT_FACTOR:
                target = reverse("mfa_activate_totp")
                if request.headers.get("HX-Request") == "true":
                    return HttpResponse(headers={"HX-Redirect": target})
                return HttpResponseRedirect(target)
        return self.get_response(request)


class AsTheViewerHasIt:
    """Times and numbers as the person who is signed in wants them."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        zone, locale = (user.time_zone, user.locale) if isinstance(user, User) else ("", "")
        viewer.set_locale(locale or _of_browser(request))
        # A zone that this machine's list doesn't know (any more) is as good as none.
        with timezone.override(zone if zone in viewer.zones() else None):
            return self.get_response(request)


def _of_browser(request: HttpRequest) -> str:
    """The locale that the browser asks for first, for whoever hasn't chosen one; empty for none."""
    wanted = parse_accept_lang_header(request.headers.get("Accept-Language", "").lower())
    return next((language for language, _ in wanted if language != "*"), "")


def _sign_in(request: HttpRequest) -> HttpResponse:
    if request.headers.get("HX-Request") != "true":
        return redirect_to_login(request.get_full_path())
    # A part of a page asked: the whole page has to go to the sign-in form, and come back to where the person was.
    here = urlsplit(request.headers.get("HX-Current-URL", ""))
    page = redirect_to_login(f"{here.path or '/'}{'?' + here.query if here.query else ''}")
    return HttpResponse(headers={"HX-Redirect": page["Location"]})


def _policy(*, form_action: Sequence[str]) -> str:
    rules = POLICY | {"form-action": " ".join(form_action)}
    return "; ".join(f"{name} {value}" for name, value in rules.items())
