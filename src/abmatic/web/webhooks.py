"""Settings → Webhooks: where notifications are told besides. A secret is shown once, on the page that follows."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from abmatic.identity import outgoing, webhooks
from abmatic.identity.audit import Author
from abmatic.identity.models import Notice, Webhook
from abmatic.web import shown_once
from abmatic.web.http import PageRequest
from abmatic.web.roles import administrator_required


class WebhookForm(forms.Form):
    """A new webhook."""

    name = forms.CharField(max_length=webhooks.LONGEST_NAME, help_text="What it is for, such as the channel’s name")
    format = forms.ChoiceField(
        choices=Webhook.Format.choices, help_text="Slack: an “Incoming Webhook” of a channel. JSON: a program of yours"
    )
    url = forms.CharField(
        label="Webhook URL", max_length=2000, help_text="Begins with https://. Kept encrypted, never shown again"
    )
    kinds = forms.MultipleChoiceField(
        label="Notifications about", choices=Notice.Kind.choices, initial=list(Notice.Kind.values),
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip

    def clean_url(self) -> str:
        """What may be called at all."""
        url: str = self.cleaned_data["url"].strip()
        try:
            outgoing.require_allowed(url)
        except outgoing.NotAllowed as refused:
            raise forms.ValidationError(str(refused)) from None
        return url


@never_cache
@administrator_required
@require_http_methods(["GET", "HEAD", "POST"])
def hooks(request: PageRequest) -> HttpResponse:
    """The list, and the form that adds one."""
    form = WebhookForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        given = form.cleaned_data
        made, secret = webhooks.add(
            given["name"], given["format"], given["url"], given["kinds"], by=Author(request.user)
        )
        if secret:
            shown_once.keep(request, "webhook", {"made": str(made), "secret": secret})
        else:
            messages.success(request, f"{made} is added. Press Test to see whether it is heard.")
        return HttpResponseRedirect(reverse("webhooks"))
    hooks = Webhook.objects.order_by("name", "pk")
    context = {"form": form, "hooks": hooks, **shown_once.take(request, "webhook")}
    return render(request, "webhooks.html", context, status=400 if form.errors else 200)


@require_POST
@administrator_required
def test(request: PageRequest, hook_id: int) -> HttpResponse:
    """Tells it something harmless, and says what came of it."""
    hook = get_object_or_404(Webhook, pk=hook_id)
    error = webhooks.try_out(hook)
    if error:
        messages.error(request, f"{hook} was not reached: {error}.")
    else:
        messages.success(request, f"{hook} has heard the test.")
    return HttpResponseRedirect(reverse("webhooks"))


@require_POST
@administrator_required
def switch(request: PageRequest, hook_id: int) -> HttpResponse:
    """Turns it off, or on again."""
    hook = get_object_or_404(Webhook, pk=hook_id)
    webhooks.switch(hook, is_on=not hook.is_on, by=Author(request.user))
    messages.success(request, f"{hook} is turned {'off' if hook.is_on else 'on'}.")
    return HttpResponseRedirect(reverse("webhooks"))


@require_POST
@administrator_required
def remove(request: PageRequest, hook_id: int) -> HttpResponse:
    """Forgets it."""
    hook = get_object_or_404(Webhook, pk=hook_id)
    webhooks.remove(hook, by=Author(request.user))
    messages.success(request, f"{hook} is removed.")
    return HttpResponseRedirect(reverse("webhooks"))
