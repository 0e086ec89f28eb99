"""Settings → Web tracking: the sites whose visits are followed, and how the script gets into their pages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from abmatic.engagement.latest import latest_visits
from abmatic.engagement.newcomers import of_day
from abmatic.identity.audit import Author
from abmatic.personalisation.models import Experience
from abmatic.tracking import arrivals, managing, sites
from abmatic.tracking.models import LONGEST_COOKIE_DAYS, TrackingSite
from abmatic.web.http import PageRequest
from abmatic.web.roles import administrator_required

_FIELD = re.compile(r"^[a-z0-9]+(_[a-z0-9]+)*$")
_MOST_LINES = 50

if TYPE_CHECKING:
    _SiteForm = forms.ModelForm[TrackingSite]
else:  # Django's own class takes no type
    _SiteForm = forms.ModelForm


class SiteForm(_SiteForm):
    """What can be set for a site."""

    origins = forms.CharField(
        label="Pages", widget=forms.Textarea(attrs={"rows": 3, "placeholder": "https://www.example.com"}),
        help_text="One origin a line. https://*.example.com stands for every name under it. Other pages are not heard",
    )  # fmt: skip
    captured_fields = forms.CharField(
        label="Captured form fields", required=False, widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Names of fields whose values are kept, one a line: first_name finds firstName and First Name too. "
        "Never passwords and card numbers, whatever is listed",
    )  # fmt: skip

    class Meta:
        model = TrackingSite
        fields = tuple(managing.SETTINGS)
        labels: ClassVar = {
            "mode": "Visitors are told apart",
            "consent": "Consent",
            "honours_dnt": "Honour Do Not Track",
            "honours_gpc_cookieless": "Honour Global Privacy Control without cookies too",
            "cookie_days": "The cookie lives for (days)",
            "captures_forms": "Follow form submissions",
            "makes_people": "Make people and companies of forms and identify()",
            "new_people_a_day": "New people a day, at most",
            "is_active": "Collect events of this site",
        }
        help_texts: ClassVar = {
            "mode": "Without a cookie, by a hash that means nothing on the next day",
            "consent": "Your consent banner says so to the script: abmatic.consent('granted') or 'denied'",
            "cookie_days": f"At most {LONGEST_COOKIE_DAYS}: thirteen months",
            "new_people_a_day": "And as many companies by network. Beyond it nobody is made until the next day (UTC). "
            "The Installation page says so",
        }
        field_classes: ClassVar = {"name": forms.CharField}
        widgets: ClassVar = {"name": forms.TextInput()}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name in ("origins", "captured_fields"):
            if isinstance(self.initial.get(name), list):
                self.initial[name] = "\n".join(self.initial[name])
        if self.instance._state.adding:
            self.fields["captured_fields"].initial = "\n".join(TrackingSite().captured_fields)

    def clean_name(self) -> str:
        """Short enough to be a heading."""
        name: str = self.cleaned_data["name"].strip()
        if len(name) > 100:
            raise forms.ValidationError(f"A name has at most 100 letters; this has {len(name)}.")
        return name

    def clean_origins(self) -> list[str]:
        """Each as browsers send it."""
        try:
            found = list(dict.fromkeys(map(sites.origin_of, _lines(self.cleaned_data["origins"]))))
        except sites.BadOrigin as bad:
            raise forms.ValidationError(f"{bad}.") from None
        return _few(found)

    def clean_captured_fields(self) -> list[str]:
        """Each as the script spells it."""
        found = list(dict.fromkeys(_lines(self.cleaned_data["captured_fields"].lower())))
        for name in found:
            if not _FIELD.match(name):
                raise forms.ValidationError(
                    f"“{name}” is no name of a field: use letters, digits and single underscores, as in first_name."
                )
        return _few(found)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _few(found: list[str]) -> list[str]:
    if len(found) > _MOST_LINES:
        raise forms.ValidationError(f"There are {len(found)} lines; {_MOST_LINES} is the most.")
    return found


@never_cache
@require_safe
def site_list(request: PageRequest) -> HttpResponse:
    """Every site, and whether it is live."""
    found = list(TrackingSite.objects.order_by("name", "pk"))
    arrived = arrivals.last_arrivals([site.pk for site in found], timezone.now())
    visited = latest_visits(site.pk for site in found if site.pk not in arrived)
    rows = [(site, *arrived.get(site.pk, (None, 0)), site.pk in visited) for site in found]
    return render(request, "tracking/sites.html", {"rows": rows})


@never_cache
@administrator_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_site(request: PageRequest) -> HttpResponse:
    """Makes a site, and leads to how it is installed."""
    form = SiteForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        made = managing.add(form.cleaned_data, by=Author(request.user))
        messages.success(request, f"{made} is added. Put its line into its pages.")
        return HttpResponseRedirect(reverse("tracking-site", args=[made.pk]))
    return render(request, "tracking/edit.html", {"form": form, "site": None})


@never_cache
@administrator_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit_site(request: PageRequest, site_id: int) -> HttpResponse:
    """Changes a site."""
    site = get_object_or_404(TrackingSite, pk=site_id)
    form = SiteForm(request.POST if request.method == "POST" else None, instance=site)
    if request.method == "POST" and form.is_valid():
        managing.change(site.pk, form.cleaned_data, by=Author(request.user))
        messages.success(request, "Saved. Browsers know within five minutes.")
        return HttpResponseRedirect(reverse("tracking-site", args=[site.pk]))
    # Not the instance, which has the values that were refused.
    return render(request, "tracking/edit.html", {"form": form, "site": TrackingSite.objects.get(pk=site_id)})


@never_cache
@require_safe
def installation(request: PageRequest, site_id: int) -> HttpResponse:
    """How a site is installed, and whether it is live."""
    site = get_object_or_404(TrackingSite, pk=site_id)
    # Texts to be copied, which the page escapes like any other.
    context = {
        "site": site,
        "line": sites.line_for(settings.BASE_URL, site.public_id),
        "line_that_holds_back": sites.line_for(settings.BASE_URL, site.public_id, holds_back=True),
        "is_personalised": Experience.objects.filter(site=site).exists(),
    }
    return render(request, "tracking/installation.html", {**context, **_state(site)})


@never_cache
@require_safe
def live(request: PageRequest, site_id: int) -> HttpResponse:
    """The part of that page that changes by itself."""
    site = get_object_or_404(TrackingSite, pk=site_id)
    return render(request, "tracking/live.html", {"site": site, **_state(site)})


def _state(site: TrackingSite) -> dict[str, Any]:
    now = timezone.now()
    arrived = arrivals.of_site(site, now)
    is_live = arrived.last_at is not None and now - arrived.last_at < arrivals.DAY
    # Visits can be put in by other means than the script, too.
    visited_at = latest_visits([site.pk]).get(site.pk) if arrived.last_at is None else None
    return {"arrived": arrived, "is_live": is_live, "visited_at": visited_at, "people": of_day(site.pk, now.date())}
