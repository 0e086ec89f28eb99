"""A person's own page: name, how they want times and numbers, how they sign in, and where they are signed in."""

from __future__ import annotations

from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from abmatic.identity import mail, second_factor
from abmatic.identity.models import User
from abmatic.web import viewer
from abmatic.web.http import PageRequest

THEMES = (("", "As each browser has it"), ("light", "Light"), ("dark", "Dark"), ("system", "As the system has it"))
MAILS = (("no", "On the pages only"), ("yes", "Mail them to me"))
AS_IN_BROWSER = ("", "As the browser has it")
# Nobody is signed in in more places, and an old list helps nobody.
SESSIONS_SHOWN = 50


def _zone_choices() -> list[tuple[str, str]]:
    return [AS_IN_BROWSER, *((zone, zone.replace("_", " ")) for zone in viewer.zones())]


class ProfileForm(forms.Form):
    """What people say about themselves."""

    name = forms.CharField(max_length=200, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    time_zone = forms.ChoiceField(required=False, label="Time zone", choices=_zone_choices)
    locale = forms.ChoiceField(required=False, label="Numbers and dates", choices=[AS_IN_BROWSER, *viewer.LOCALES])
    theme = forms.ChoiceField(required=False, choices=THEMES)
    mails_notices = forms.TypedChoiceField(
        label="Notifications by mail",
        choices=MAILS,
        coerce=lambda text: text == "yes",
        help_text="Where a mail server is set.",
    )


FIELDS = ("name", "time_zone", "locale", "theme", "mails_notices")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: PageRequest) -> HttpResponse:
    """The page, and saving what is on it."""
    user = request.user
    known = {name: getattr(user, name) for name in FIELDS}
    known["mails_notices"] = "yes" if user.mails_notices else "no"
    form = ProfileForm(request.POST if request.method == "POST" else None, initial=known)
    if form.is_valid():
        for name in FIELDS:
            setattr(user, name, form.cleaned_data[name])
        user.save(update_fields=FIELDS)
        messages.success(request, "Your profile is saved.")
        return HttpResponseRedirect(reverse("profile"))
    return render(
        request,
        "profile.html",
        {
            "form": form,
            "sessions": _sessions(user),
            "can_mail": mail.is_possible(),
            "here": request.session.session_key,
            "has_second_factor": second_factor.has_one(user),
            "needs_second_factor": second_factor.is_needed(),
        },
    )


@require_POST
def end_session(request: PageRequest, session_id: int) -> HttpResponse:
    """Signs the person out elsewhere; somebody else's session is none of theirs."""
    _end([one for one in UserSession.objects.filter(user=request.user, pk=session_id) if not _is_here(request, one)])
    messages.success(request, "That browser is signed out.")
    return HttpResponseRedirect(reverse("profile"))


@require_POST
def end_other_sessions(request: PageRequest) -> HttpResponse:
    """Signs the person out everywhere but here."""
    _end([one for one in UserSession.objects.filter(user=request.user) if not _is_here(request, one)])
    messages.success(request, "Every other browser is signed out.")
    return HttpResponseRedirect(reverse("profile"))


def _sessions(user: User) -> list[UserSession]:
    """Where somebody is signed in, the latest first; what has ended meanwhile is forgotten."""
    return sorted(UserSession.objects.purge_and_list(user), key=lambda one: one.created_at, reverse=True)[
        :SESSIONS_SHOWN
    ]


def _is_here(request: PageRequest, session: UserSession) -> bool:
    return bool(session.session_key == request.session.session_key)


def _end(sessions: list[UserSession]) -> None:
    for session in sessions:
        session.end()
