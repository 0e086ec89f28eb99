"""The rules of a campaign: what people do on the website, and how far that brings them. Told before it is saved."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from abmatic.campaigns import following, membership, rules
from abmatic.campaigns.following import TookTooLong
from abmatic.campaigns.membership import StatusUnknown
from abmatic.campaigns.models import Campaign, CampaignMemberStatus, CampaignRule
from abmatic.campaigns.rules import RuleRefused, Wanted
from abmatic.identity.models import Role
from abmatic.tracking.models import TrackingSite
from abmatic.web.days import midnight
from abmatic.web.http import PageRequest
from abmatic.web.once import number, once
from abmatic.web.records.page import frame
from abmatic.web.roles import RoleRequired, operator_required


class RuleForm(forms.Form):
    """A rule of one campaign."""

    kind = forms.ChoiceField(label="When somebody", choices=CampaignRule.Kind.choices)
    pattern = forms.CharField(
        label="Which",
        required=False,
        max_length=rules.LONGEST,
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "/pricing"}),
        help_text="Path of the page, name of the form (or path of its page), name of the event, or variant. "
        "* stands for anything: /blog/*",
    )
    status = forms.ChoiceField(label="They get the status", required=False)
    since = forms.DateField(
        label="Counts from",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": "This is no day; write it as 2026-05-01."},
    )
    joins = forms.BooleanField(label="Who isn’t in the campaign joins", required=False)

    def __init__(self, campaign: Campaign, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        choices = [(each.label, _words(each)) for each in membership.statuses(campaign)]
        status = self.fields["status"]
        assert isinstance(status, forms.ChoiceField)
        status.choices = [("", "As the campaign gives it"), *choices]

    def wanted(self) -> Wanted:
        """What is asked for. A day that is today means from now on."""
        given = self.cleaned_data
        since: date = given["since"]
        return Wanted(
            given["kind"], given["pattern"], given["status"] or None, given["joins"],
            None if since == timezone.localdate() else midnight(since),
        )  # fmt: skip


def _words(status: CampaignMemberStatus) -> str:
    return f"{status.label}, counts as a response" if status.is_responded else status.label


@require_http_methods(["GET", "HEAD", "POST"])
def rules_page(request: PageRequest, record_id: int) -> HttpResponse:
    """The rules; posted: what a new one would do (``look``), or it is made."""
    campaign = get_object_or_404(Campaign.objects.select_related("owner", "parent", "created_by__user"), pk=record_id)
    if request.method != "POST":
        return _page(request, campaign, RuleForm(campaign, initial={"since": timezone.localdate()}))
    if not request.user.is_operator:
        raise RoleRequired(Role.OPERATOR, request.user)
    form = RuleForm(campaign, request.POST)
    if not form.is_valid():
        return _page(request, campaign, form, status=400)
    try:
        if request.POST.get("do") == "look":
            return _looked(request, campaign, form)
        return once(request, lambda: _add(request, campaign, form.wanted()))
    except (RuleRefused, StatusUnknown) as refused:
        form.add_error(None, str(refused))
        return _page(request, campaign, form, status=400)


@require_POST
@operator_required
def remove(request: PageRequest, record_id: int, rule_id: int) -> HttpResponse:
    """A rule counts nothing any more."""
    campaign = get_object_or_404(Campaign, pk=record_id)
    rule = CampaignRule.objects.filter(pk=rule_id, campaign=campaign).first()
    if rule is None:
        messages.info(request, "That rule was removed already.")
    else:
        rules.remove(rule)
        messages.success(request, f"“{rule}” counts no more. Members and their statuses stay as they are.")
    return HttpResponseRedirect(reverse("campaign-rules", args=[record_id]))


def _looked(request: PageRequest, campaign: Campaign, form: RuleForm) -> HttpResponse:
    rule = rules.rule_of(campaign, form.wanted())
    try:
        found = {"outlook": following.outlook(rule), "looked": rule}
    except TookTooLong:
        found = {"too_much": True, "looked": rule}
    return _page(request, campaign, form, found)


def _add(request: PageRequest, campaign: Campaign, wanted: Wanted) -> HttpResponse:
    rule = rules.add(campaign, wanted, request.user)
    messages.success(request, f"“{rule}” counts from now on, within a minute or two of what somebody does.")
    return HttpResponseRedirect(reverse("campaign-rules", args=[campaign.pk]))


def _page(
    request: PageRequest, campaign: Campaign, form: RuleForm, more: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    people = rules.people_counted(campaign)
    context = {
        **frame("campaign", campaign, "rules"),
        "form": form,
        "once": number(),
        "rules": [(rule, people.get(rule.pk, 0)) for rule in rules.of(campaign)],
        "statuses": membership.statuses(campaign),
        "has_sites": TrackingSite.objects.exists(),
        **(more or {}),
    }
    return render(request, "campaigns/rules.html", context, status=status)
