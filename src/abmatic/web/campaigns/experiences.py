"""The tab Web of a campaign: its experiences, their form, their results, and links that show their variants."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from abmatic.audiences.models import Collection
from abmatic.campaigns.models import Campaign
from abmatic.identity.audit import Author
from abmatic.personalisation import managing, previewing, results
from abmatic.personalisation.managing import ExperienceRefused
from abmatic.personalisation.models import Experience
from abmatic.personalisation.running import as_running
from abmatic.tracking.models import TrackingSite
from abmatic.web.campaigns import experience_form
from abmatic.web.campaigns.experience_form import ExperienceForm
from abmatic.web.http import PageRequest
from abmatic.web.once import number, once
from abmatic.web.records.page import frame
from abmatic.web.roles import operator_required

# Experiences that are shown at once.
PAGE = 50
VERDICTS = {
    "better": ("Better than the control group", "chip-succeeded"),
    "worse": ("Worse than the control group", "chip-failed"),
    "open": ("No difference shown", ""),
    "few": ("Too few people yet", ""),
    "none": ("Nothing to compare yet", ""),
}


@require_safe
def experiences(request: PageRequest, record_id: int) -> HttpResponse:
    """The experiences of a campaign, those made last first, and how many people are in each; grows as it scrolls."""
    campaign = get_object_or_404(Campaign, pk=record_id)
    every = campaign.experiences.select_related("site").prefetch_related("variants").order_by("-pk")
    after = request.GET.get("after", "")
    is_further = after.isascii() and after.isdigit() and len(after) < 19
    if is_further:
        every = every.filter(pk__lt=int(after))
    found = list(every[: PAGE + 1])
    shown = found[:PAGE]
    told = zip(shown, results.results_of_several(shown), strict=True)
    context: dict[str, Any] = {
        "local": campaign, "rows": [(each, _state(each), numbers) for each, numbers in told],
        "older": f"?after={shown[-1].pk}" if len(found) > PAGE else "",
    }  # fmt: skip
    if request.htmx and is_further:
        return render(request, "campaigns/web_rows.html", context)
    context |= {**frame("campaign", campaign, "web"), "has_sites": TrackingSite.objects.exists()}
    return render(request, "campaigns/web.html", context)


@require_safe
def experience(request: PageRequest, record_id: int, experience_id: int) -> HttpResponse:
    """One experience: what it does, what came of it, previews."""
    one = _find(record_id, experience_id)
    found = results.results_of(one)
    variants = [
        (variant, previewing.link_of(one, variant), *VERDICTS[compared.verdict], compared)
        for variant, compared in zip(one.variants.all(), found.variants, strict=True)
    ]
    selectors = as_running(one).selectors
    context = {
        **frame("campaign", one.campaign, "web"),
        "experience": one, "state": _state(one), "results": found, "variants": variants, "least": results.LEAST,
        # None, too, where it is gone.
        "collection": Collection.objects.filter(pk=one.collection_id or 0).first(),
        "only_banner": not selectors, "confidence": f"{100 * found.confidence:.4g}",
    }  # fmt: skip
    return render(request, "campaigns/experience.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@operator_required
def new(request: PageRequest, record_id: int) -> HttpResponse:
    """Makes an experience."""
    campaign = get_object_or_404(Campaign, pk=record_id)
    form = experience_form.of_post(request.POST) if request.method == "POST" else _fresh()
    return _edited(request, campaign, None, form)


@require_http_methods(["GET", "HEAD", "POST"])
@operator_required
def edit(request: PageRequest, record_id: int, experience_id: int) -> HttpResponse:
    """Changes an experience."""
    one = _find(record_id, experience_id)
    if request.method == "POST":
        return _edited(request, one.campaign, one, experience_form.of_post(request.POST))
    form = experience_form.of_experience(managing.wanted_of(one), _local)
    form.seen = one.updated_at.isoformat()
    return _edited(request, one.campaign, one, form)


@require_POST
@operator_required
def switch(request: PageRequest, record_id: int, experience_id: int) -> HttpResponse:
    """Turns an experience on or off."""
    one = _find(record_id, experience_id)
    is_on = request.POST.get("to") == "on"
    try:
        managing.switch(one.pk, is_on, by=Author(request.user))
    except ExperienceRefused as refused:
        messages.error(request, str(refused))
    except Experience.DoesNotExist:
        raise _removed_meanwhile() from None
    else:
        told = "is on. Browsers know within five minutes." if is_on else "is off. Nobody new sees it."
        messages.success(request, f"“{one}” {told}")
    return HttpResponseRedirect(reverse("campaign-experience", args=[record_id, experience_id]))


@require_POST
@operator_required
def remove(request: PageRequest, record_id: int, experience_id: int) -> HttpResponse:
    """Removes an experience with its results."""
    get_object_or_404(Campaign, pk=record_id)
    found = Experience.objects.filter(pk=experience_id, campaign=record_id)
    try:
        name = managing.remove(found.get().pk, by=Author(request.user))
    except Experience.DoesNotExist:
        messages.info(request, "That was removed already.")
    else:
        messages.success(request, f"“{name}” is removed, with its results.")
    return HttpResponseRedirect(reverse("campaign-web", args=[record_id]))


def _find(campaign_id: int, experience_id: int) -> Experience:
    every = Experience.objects.select_related("site", "campaign__owner", "campaign__parent")
    return get_object_or_404(every.prefetch_related("variants"), pk=experience_id, campaign=campaign_id)


def _edited(request: PageRequest, campaign: Campaign, one: Experience | None, form: ExperienceForm) -> HttpResponse:
    """What the form says is saved; without ``do=save`` it is shown again, with a row more."""
    if request.method != "POST" or request.POST.get("do") != "save":
        return _form_page(request, campaign, one, form)
    wanted = form.wanted()
    if wanted is None:
        return _form_page(request, campaign, one, form, 400)

    def save() -> HttpResponse:
        by = Author(request.user)
        if one:
            made = managing.change(one.pk, wanted, by=by, seen=form.seen_at)
        else:
            made = managing.add(campaign, wanted, by=by)
        messages.success(request, "Saved. Browsers know within five minutes." if made.is_on else "Saved. It is off.")
        return HttpResponseRedirect(reverse("campaign-experience", args=[campaign.pk, made.pk]))

    try:
        return once(request, save)
    except ExperienceRefused as refused:
        form.problems.append(str(refused))
        return _form_page(request, campaign, one, form, 400)
    except Experience.DoesNotExist:
        raise _removed_meanwhile() from None


def _removed_meanwhile() -> Http404:
    """As for one that was gone before."""
    return Http404("The experience was removed meanwhile.")


def _form_page(
    request: PageRequest, campaign: Campaign, one: Experience | None, form: ExperienceForm, status: int = 200
) -> HttpResponse:
    found = Collection.objects.filter(record__in=("account", "contact")).order_by("-record", "name", "pk")
    collections = list(found.only("name", "record"))
    # What can't be chosen any more stays chosen, and is refused: an empty field would mean everybody.
    chosen = form.values["collection"]
    # Of the profile; without one times are shown in the browser's, which isn't known here.
    zone = timezone.get_current_timezone_name()
    context: dict[str, Any] = {
        **frame("campaign", campaign, "web"), **experience_form.choices(),
        "experience": one, "form": form, "once": number(),
        "sites": TrackingSite.objects.order_by("name", "pk"), "collections": collections,
        "gone": chosen if chosen not in {"", *(str(each.pk) for each in collections)} else "",
        "zone": zone, "has_zone": zone == request.user.time_zone,
    }  # fmt: skip
    return render(request, "campaigns/experience_edit.html", context, status=status)


def _fresh() -> ExperienceForm:
    """A new one's, of the only site where there is one."""
    form = experience_form.of_experience(None, _local)
    sites = list(TrackingSite.objects.values_list("pk", flat=True)[:2])
    if len(sites) == 1:
        form.values["site"] = str(sites[0])
    return form


def _local(moment: datetime) -> str:
    return timezone.localtime(moment).strftime("%Y-%m-%dT%H:%M")


def _state(one: Experience) -> tuple[str, str]:
    """In a word, and the class of its chip."""
    now = timezone.now()
    if not one.is_on:
        return "Off", ""
    if not one.site.is_active:
        return "The site is off", "chip-failed"
    if one.ends_at is not None and one.ends_at <= now:
        return "Over", ""
    if one.starts_at is not None and one.starts_at > now:
        return "Waits for its start", ""
    return "On", "chip-succeeded"
