"""The journey of an account: a tab of its page that grows as it scrolls."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from abmatic.attribution.journey import Position, Step, journey
from abmatic.attribution.models import Touch
from abmatic.audiences.fields import fields
from abmatic.web.http import PageRequest
from abmatic.web.records.page import load, page

_KINDS = ("touch", "membership", "change", "opened", "closed")
_TOUCHES = dict(Touch.Kind.choices)
# What they saw or clicked says all, without the channel.
_PERSONALISED = {Touch.Kind.PERSONALISED: "eye", Touch.Kind.PERSONALISED_CLICK: "click"}
_TOUCH_ICONS = {
    Touch.Kind.VISIT: "device-desktop", Touch.Kind.FORM: "forms", Touch.Kind.CAMPAIGN_RESPONSE: "speakerphone",
}  # fmt: skip
_ICONS = {"membership": "users", "change": "pencil", "opened": "briefcase", "closed": "check"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A step as the page words it."""

    step: Step
    icon: str
    title: str

    @property
    def amount(self) -> Decimal | None:
        """Of a deal that was opened or closed."""
        return Decimal(self.step.after) if self.step.kind in {"opened", "closed"} and self.step.after else None

    @property
    def day(self) -> date | None:
        """Of what isn't over: a deal closes at the end of its day (UTC), and nothing has happened "in 2 hours"."""
        return self.step.at.date() if self.step.at > timezone.now() else None


@require_safe
def account_journey(request: PageRequest, record_id: int) -> HttpResponse:
    """Every touch, membership, change and deal, newest first."""
    account = load("account", record_id)
    after = _position(request.GET.get("after", ""))
    found = journey(account.pk, after)
    labels = {
        record: {each.name: each.label for each in fields(record)} for record in ("account", "contact", "opportunity")
    }
    older = f"?{urlencode({'after': _text(found.after)})}" if found.after else ""
    shown: dict[str, object] = {"steps": [_shown(step, labels) for step in found.steps], "older": older}
    if request.htmx and after:
        return render(request, "records/journey_steps.html", shown)
    return page(request, "account", account, "journey", "records/journey.html", shown)


def _shown(step: Step, labels: dict[str, dict[str, str]]) -> Shown:
    if step.kind == "touch" and step.what in _PERSONALISED:
        return Shown(step, _PERSONALISED[Touch.Kind(step.what)], _TOUCHES[step.what])
    if step.kind == "touch":
        icon = _TOUCH_ICONS[Touch.Kind(step.what)]
        return Shown(step, icon, f"{_TOUCHES[step.what]}: {step.label}")
    if step.kind == "membership":
        return Shown(step, _ICONS["membership"], "Put into a campaign")
    if step.kind == "opened":
        return Shown(step, _ICONS["opened"], "Opportunity opened")
    if step.kind == "closed":
        return Shown(step, "check" if step.what == "won" else "x", f"Opportunity {step.what}")
    record = "opportunity" if step.opportunity_id else "contact" if step.contact_id else "account"
    return Shown(step, _ICONS["change"], f"{labels[record].get(step.what, step.what.capitalize())} changed")


def _text(position: Position) -> str:
    at, kind, last = position
    return f"{at.isoformat()}/{kind}/{last}"


def _position(text: str) -> Position | None:
    """The position in an address; the beginning where it makes no sense."""
    at, _, rest = text.partition("/")
    kind, _, last = rest.partition("/")
    with suppress(ValueError):
        moment = datetime.fromisoformat(at)
        if moment.tzinfo and kind in _KINDS and last.isascii() and last.isdigit() and len(last) < 19:
            return moment, kind, int(last)
    return None
