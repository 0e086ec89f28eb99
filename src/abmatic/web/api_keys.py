"""Settings → API keys: what programs sign in with. A new key is shown once, on the page that follows."""

from __future__ import annotations

from datetime import timedelta

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from abmatic.identity import api_keys
from abmatic.identity.audit import Author
from abmatic.identity.models import ApiKey, Role
from abmatic.web import shown_once
from abmatic.web.http import PageRequest
from abmatic.web.roles import administrator_required

_LIFETIMES = (("30", "30 days"), ("90", "90 days"), ("365", "1 year"), ("", "Until it is revoked"))


class KeyForm(forms.Form):
    """A new key."""

    name = forms.CharField(max_length=api_keys.LONGEST_NAME, help_text="What it is for")
    role = forms.ChoiceField(choices=Role.choices, initial=Role.VIEWER)
    days = forms.ChoiceField(label="Valid for", choices=_LIFETIMES, initial="90", required=False)


@never_cache
@administrator_required
@require_http_methods(["GET", "HEAD", "POST"])
def keys(request: PageRequest) -> HttpResponse:
    """The list, and the form that makes one."""
    form = KeyForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        days = form.cleaned_data["days"]
        expires_at = timezone.now() + timedelta(days=int(days)) if days else None
        made, token = api_keys.create(
            form.cleaned_data["name"], form.cleaned_data["role"], by=Author(request.user), expires_at=expires_at
        )
        shown_once.keep(request, "api-key", {"made": str(made), "token": token})
        return HttpResponseRedirect(reverse("api-keys"))
    found = ApiKey.objects.select_related("created_by").order_by("-id")
    context = {"form": form, "keys": found, **shown_once.take(request, "api-key")}
    return render(request, "api_keys.html", context, status=400 if form.errors else 200)


@require_POST
@administrator_required
def revoke(request: PageRequest, key_id: int) -> HttpResponse:
    """Ends a key at once and for good."""
    key = get_object_or_404(ApiKey, pk=key_id)
    api_keys.revoke(key, by=Author(request.user))
    messages.success(request, f"{key} ({key.prefix}) is revoked.")
    return HttpResponseRedirect(reverse("api-keys"))
