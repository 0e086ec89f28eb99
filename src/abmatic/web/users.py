"""Settings → Users: who is here, what they may do, and links that let them in."""

from __future__ import annotations

from datetime import timedelta

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from abmatic.identity import links, mail, people, second_factor
from abmatic.identity.audit import Author
from abmatic.identity.models import Role, User
from abmatic.web import shown_once
from abmatic.web.http import PageRequest
from abmatic.web.roles import administrator_required

# An invitation waits in somebody's inbox over a weekend.
INVITATION = timedelta(days=3)


class InviteForm(forms.Form):
    """Somebody new."""

    name = forms.CharField(max_length=200)
    email = forms.EmailField(label="E-mail")
    role = forms.ChoiceField(choices=Role.choices, initial=Role.VIEWER)

    def clean_email(self) -> str:
        """Lower case, as addresses are stored; one user an address."""
        email = str(self.cleaned_data["email"]).lower()
        if User.objects.filter(email=email).exists():
            raise forms.ValidationError("A user with this e-mail address exists already.")
        return email


@never_cache
@administrator_required
@require_http_methods(["GET", "HEAD", "POST"])
def users(request: PageRequest) -> HttpResponse:
    """The list, and the form that invites. A new user's link is shown once, on the page that follows."""
    form = InviteForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        values = form.cleaned_data
        user = people.add(values["email"], role=values["role"], name=values["name"], by=Author(request.user))
        return _invited(request, user)
    return _page(request, form)


@require_POST
@administrator_required
def change_user(request: PageRequest, user_id: int) -> HttpResponse:
    """Another role, or switched off or on."""
    user = get_object_or_404(User, pk=user_id)
    role = request.POST.get("role")
    active = request.POST.get("active")
    if role is not None and role not in Role.values:
        messages.error(request, f"“{role[:40]}” is no role.")
        return HttpResponseRedirect(reverse("users"))
    try:
        wanted = None if active is None else active == "1"
        user = people.change(user, role=role, is_active=wanted, by=Author(request.user))
    except people.LastAdministrator as problem:
        messages.error(request, str(problem))
    else:
        state = Role(user.role).label if user.is_active else "switched off"
        messages.success(request, f"{user} is now {state}.")
    return HttpResponseRedirect(reverse("users"))


@never_cache
@require_POST
@administrator_required
def new_link(request: PageRequest, user_id: int) -> HttpResponse:
    """A new sign-in link for somebody who has forgotten their password, or whose invitation expired."""
    return _invited(request, get_object_or_404(User, pk=user_id, is_active=True))


@require_POST
@administrator_required
def reset_second_factor(request: PageRequest, user_id: int) -> HttpResponse:
    """For somebody who has lost telephone and recovery codes: their password alone signs them in again."""
    user = get_object_or_404(User, pk=user_id)
    if second_factor.reset(user, by=Author(request.user)):
        messages.success(request, f"{user} signs in without a second factor now, and can add a new one.")
    else:
        messages.info(request, f"{user} has no second factor.")
    return HttpResponseRedirect(reverse("users"))


@require_POST
@administrator_required
def change_policy(request: PageRequest) -> HttpResponse:
    """Whether everybody needs a second factor."""
    needed = request.POST.get("second_factor") == "1"
    second_factor.require(needed, by=Author(request.user))
    said = "Everybody needs a second factor now." if needed else "A second factor is everybody’s choice now."
    messages.success(request, said)
    return HttpResponseRedirect(reverse("users"))


def _invited(request: PageRequest, user: User) -> HttpResponse:
    """Makes somebody's link, mails it where that can be, and leads to the page that shows it once."""
    token = links.issue(user, lifetime=INVITATION, by=Author(request.user))
    link = f"{settings.BASE_URL}{reverse('one-time-link', args=[token])}"
    mailed, problem = _mail(request.user, user, link)
    shown = {"invited": str(user), "to": user.email, "link": link, "mailed": "1" if mailed else ""}
    shown_once.keep(request, "sign-in-link", {**shown, "mail_problem": problem})
    return HttpResponseRedirect(reverse("users"))


def _page(request: PageRequest, form: InviteForm) -> HttpResponse:
    return render(
        request,
        "users.html",
        {
            "form": form,
            "users": list(User.objects.order_by("name", "email")),
            "roles": Role.choices,
            "with_factor": second_factor.with_one(),
            "needs_second_factor": second_factor.is_needed(),
            "days": INVITATION.days,
            **shown_once.take(request, "sign-in-link"),
        },
        status=400 if form.errors else 200,
    )


def _mail(sender: User, invited: User, link: str) -> tuple[bool, str]:
    """Whether the link went out by mail, and why it didn't where that was to be."""
    if not mail.is_possible():
        return False, ""
    try:
        mail.invitation(invited.email, invited_by=str(sender), link=link, days=INVITATION.days)
    except mail.MailFailed as error:
        return False, str(error)
    return True, ""
