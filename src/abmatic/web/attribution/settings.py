"""Attribution → Settings: look-back, half-life, custom weights, rates; and what each model gives four touches."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from abmatic.attribution import org_rates, settings
from abmatic.attribution.crediting import MODELS, PartsRefused, Path, Rules, Touch, weights
from abmatic.attribution.models import AttributionSetting, in_force
from abmatic.identity.audit import Author
from abmatic.identity.models import Role
from abmatic.web.http import PageRequest
from abmatic.web.roles import RoleRequired

_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def _part(label: str, text: str) -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=0, max_value=100, help_text=text)


class SettingsForm(forms.Form):
    """All settings of attribution."""

    lookback_days = forms.IntegerField(
        label="Look-back, days",
        min_value=1,
        max_value=settings.LONGEST_LOOKBACK,
        help_text="How long before a deal was opened touches count",
    )
    half_life_days = forms.IntegerField(
        label="Half-life, days",
        min_value=1,
        max_value=settings.LONGEST_HALF_LIFE,
        help_text="For time decay: a touch so much older counts half",
    )
    least_won = forms.IntegerField(
        label="Least won deals", min_value=1, max_value=100_000, help_text="Below it Markov and Shapley give no answer"
    )
    weight_first = _part("First touch, %", "Of the custom weights")
    weight_lead = _part("Lead creation, %", "The touch that led to it")
    weight_opportunity = _part("Opportunity creation, %", "The touch that led to it")
    weight_last = _part("Last touch, %", "Before the close")
    weight_others = _part("Others, %", "Shared equally")
    currency = forms.RegexField(
        r"^[A-Za-z]{3}$",
        label="Currency of reports",
        required=False,
        help_text="An ISO code such as USD; empty: Salesforce’s corporate currency, or the one that most deals have",
        error_messages={"invalid": "This is no ISO code of a currency; write three letters, such as USD."},
    )
    rates = forms.CharField(
        label="Rates", required=False, widget=forms.Textarea(attrs={"rows": 4}),
        help_text="What one unit of it is in other currencies, a line each: EUR 0.92. They stand in for Salesforce’s",
    )  # fmt: skip

    def clean_currency(self) -> str:
        """In capitals."""
        return str(self.cleaned_data["currency"]).upper()

    def clean_rates(self) -> dict[str, str]:
        """By ISO code."""
        try:
            return settings.read_rates(self.cleaned_data["rates"])
        except settings.RateRefused as refused:
            raise forms.ValidationError(str(refused)) from None


@require_http_methods(["GET", "HEAD", "POST"])
def settings_page(request: PageRequest) -> HttpResponse:
    """The form; everybody may read it."""
    now = in_force()
    if request.method == "POST" and not request.user.is_operator:
        raise RoleRequired(Role.OPERATOR, request.user)
    form = SettingsForm(request.POST if request.method == "POST" else None, initial=_initial(now))
    if form.is_valid():
        try:
            changed = settings.change(form.cleaned_data, Author(request.user))
        except PartsRefused as refused:
            form.add_error(None, f"{refused}")
        except settings.RateRefused as refused:
            form.add_error("rates", f"{refused}")
        else:
            said = "Saved. Credits are made anew within a minute where they change." if changed else "Nothing changed."
            messages.success(request, said)
            return HttpResponseRedirect(reverse("attribution-settings"))
    context = {
        "form": form, "examples": _examples(now.rules), "may_edit": request.user.is_operator, "setting": now,
        "general": [form[name] for name in ("lookback_days", "half_life_days", "least_won")],
        "parts": [form[f"weight_{part}"] for part in ("first", "lead", "opportunity", "last", "others")],
        "money": [form["currency"], form["rates"]],
        **_org_rates(now),
    }  # fmt: skip
    return render(request, "attribution/settings.html", context)


def _org_rates(now: AttributionSetting) -> dict[str, Any]:
    """The org's rates, each with the typed one that stands in for it."""
    org = org_rates.in_use()
    if org is None:
        return {}
    return {"org": org, "org_rates": [(code, rate, now.rates.get(code)) for code, rate in sorted(org.rates.items())]}


def _initial(now: AttributionSetting) -> dict[str, Any]:
    return {
        **{name: getattr(now, name) for name in settings.FIELDS},
        "rates": "\n".join(f"{currency} {rate}" for currency, rate in sorted(now.rates.items())),
    }


def _examples(rules: Rules) -> list[tuple[str, str, list[Fraction]]]:
    """What each model gives four touches, a week apart, of a deal whose lead came with the second."""
    touches = tuple(Touch(number, _BEGIN + timedelta(days=7 * number)) for number in range(4))
    path = Path(touches, touches[1].at, touches[2].at)
    found = []
    for name, model in MODELS.items():
        weighed = weights(path, name, rules)
        whole = sum(weighed.values())
        found.append((model.label, model.says, [Fraction(weighed[touch.id], whole) for touch in touches]))
    return found
