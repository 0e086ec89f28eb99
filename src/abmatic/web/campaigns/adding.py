"""Putting people into campaigns: those chosen in the list of contacts, some by name, or all of a collection."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from abmatic.audiences.counted import counted
from abmatic.audiences.models import Collection, Contact
from abmatic.audiences.selection import Selection
from abmatic.campaigns import joining, membership
from abmatic.campaigns.joining import JoiningRefused
from abmatic.campaigns.membership import StatusUnknown
from abmatic.campaigns.models import Campaign, CampaignJoining
from abmatic.web.counting import TookTooLong, time_allowed
from abmatic.web.grids.columns import SPECS
from abmatic.web.grids.filters import MOST_COLLECTIONS, clean
from abmatic.web.grids.selected import CHANGE_MS, SelectionRefused, back, selection
from abmatic.web.http import PageRequest
from abmatic.web.once import number, once
from abmatic.web.records.editor import by
from abmatic.web.records.page import frame
from abmatic.web.roles import operator_required
from abmatic.web.search import contacts_like

_KEPT = ("within", "all", "except", "asked")
# Campaigns to choose from; more are found by a word of their name.
MOST_CAMPAIGNS = 50


@require_POST
@operator_required
def chosen_contacts(request: PageRequest) -> HttpResponse:
    """Add to campaign… of the list of contacts: the form; with ``do`` the campaigns that are meant, or it is done."""
    if request.POST.get("do") == "find":
        return render(request, "campaigns/pick_campaign.html", _campaigns(request))
    try:
        chosen = selection(request, "contact")
    except SelectionRefused as refused:
        messages.error(request, str(refused))
        return HttpResponseRedirect(back(request, "contact"))
    campaign = Campaign.objects.filter(pk=_number(request.POST.get("campaign", "")) or 0).first()
    if request.POST.get("do") != "add":
        return _chosen_page(request, chosen, {})
    if campaign is None:
        return _chosen_page(request, chosen, {"problem": "Choose the campaign that they are put into."}, 400)
    try:
        return once(request, lambda: _put_in_chosen(request, chosen, campaign))
    except StatusUnknown as refused:
        return _chosen_page(request, chosen, {"problem": str(refused)}, 400)
    except TookTooLong:
        problem = "That took too long, and nobody was put in. Narrow the list, and do it in parts."
        return _chosen_page(request, chosen, {"problem": problem}, 400)


@require_http_methods(["GET", "HEAD", "POST"])
@operator_required
def add(request: PageRequest, record_id: int) -> HttpResponse:
    """Add people to one campaign: some by name, or those of a collection."""
    campaign = get_object_or_404(Campaign, pk=record_id)
    if request.method != "POST":
        return _add_page(request, campaign, {})
    try:
        return once(request, lambda: _add(request, campaign))
    except (StatusUnknown, JoiningRefused) as refused:
        return _add_page(request, campaign, {"problem": str(refused)}, 400)
    except TookTooLong:
        problem = (
            "That took too long, and nobody was put in. Choose a smaller collection, or put its people in by parts, "
            "from the list of contacts."
        )
        return _add_page(request, campaign, {"problem": problem}, 400)


@require_safe
@operator_required
def pick_contacts(request: PageRequest) -> HttpResponse:
    """Contacts that match what is typed, to tick some."""
    query = clean(request.GET.get("contact", ""))
    found = contacts_like(query) if query else []
    return render(request, "campaigns/pick_contacts.html", {"query": query, "found": found})


@require_POST
@operator_required
def stop(request: PageRequest, record_id: int, joining_id: int) -> HttpResponse:
    """Nobody joins by a collection any more."""
    campaign = get_object_or_404(Campaign, pk=record_id)
    found = CampaignJoining.objects.filter(pk=joining_id, campaign=campaign).select_related("collection").first()
    if found is None:
        messages.info(request, "That was stopped already.")
    else:
        joining.stop(found)
        messages.success(request, f"Nobody joins by “{found.collection}” any more. Whoever joined stays.")
    return HttpResponseRedirect(reverse("campaign-members", args=[record_id]))


def _put_in_chosen(request: PageRequest, chosen: Selection, campaign: Campaign) -> HttpResponse:
    with time_allowed(CHANGE_MS):
        many = membership.put_in_selected(campaign, chosen, by(request), _status(request))
    messages.success(request, f"{_people(many)} put into “{campaign}”.{_rest(many, chosen)}")
    return HttpResponseRedirect(reverse("campaign-members", args=[campaign.pk]))


def _rest(many: int, chosen: Selection) -> str:
    return "" if chosen.ids is None or len(chosen.ids) == many else " The others were in it already."


def _add(request: PageRequest, campaign: Campaign) -> HttpResponse:
    status, wanted = _status(request), _number(request.POST.get("collection", "")) or 0
    if request.POST.get("do") == "people":
        ids = [found for text in request.POST.getlist("contact_id") if (found := _number(text)) is not None]
        there = Contact.objects.filter(pk__in=ids).values_list("pk", flat=True)
        if not there:
            raise JoiningRefused("Tick the people who are put in: type a part of a name or an address first.")
        many = membership.put_in(campaign, list(there), by(request)(), status)
        said = f"{_people(many)} put into “{campaign}”."
    else:
        collection = Collection.objects.filter(pk=wanted).first()
        if collection is None:
            raise JoiningRefused("Choose the collection whose people are put in.")
        with time_allowed(CHANGE_MS):
            if request.POST.get("always"):
                joining.join(campaign, collection, request.user, status)
                said = f"The people of “{collection}” are in “{campaign}”. {_comes(collection)}"
            else:
                many = joining.put_in_once(campaign, collection, by(request)(), status)
                said = f"{_people(many)} put into “{campaign}”."
    messages.success(request, said)
    return HttpResponseRedirect(reverse("campaign-members", args=[campaign.pk]))


def _comes(collection: Collection) -> str:
    """How soon somebody new joins."""
    if collection.record == Collection.Record.CONTACT:
        return "Whoever comes into it joins within two minutes."
    return "The people of an account that comes into it join within two minutes, a new one of its accounts within ten."


def _chosen_page(request: PageRequest, chosen: Selection, more: dict[str, Any], status: int = 200) -> HttpResponse:
    kept = [(each, request.POST.get(each, "")) for each in _KEPT]
    kept.append(("ids", ",".join(map(str, chosen.ids)) if chosen.ids is not None else ""))
    context = {
        "spec": SPECS["contact"], "kept": kept, "list_url": back(request, "contact"), "once": number(),
        "many": chosen.count(), **_campaigns(request), **more,
    }  # fmt: skip
    return render(request, "campaigns/chosen.html", context, status=status)


def _campaigns(request: PageRequest) -> dict[str, Any]:
    """Campaigns to choose from, those under way first, and the statuses of the one that is chosen."""
    query = clean(request.POST.get("find", ""))
    found = Campaign.objects.filter(name__icontains=query) if query else Campaign.objects.all()
    campaigns = list(found.order_by("-is_active", "-start_date", "-pk")[: MOST_CAMPAIGNS + 1])
    campaign = _number(request.POST.get("campaign", ""))
    chosen = next((one for one in campaigns if one.pk == campaign), campaigns[0] if campaigns else None)
    return {
        "find": query,
        "campaigns": campaigns[:MOST_CAMPAIGNS],
        "has_more": len(campaigns) > MOST_CAMPAIGNS,
        "campaign": chosen,
        "statuses": membership.statuses(chosen) if chosen else [],
    }


def _add_page(request: PageRequest, campaign: Campaign, more: dict[str, Any], status: int = 200) -> HttpResponse:
    collections = Collection.objects.filter(record__in=joining.RECORDS).order_by("-record", "name", "pk")
    context = {
        **frame("campaign", campaign, "members"),
        "once": number(),
        "statuses": membership.statuses(campaign),
        "collections": collections[:MOST_COLLECTIONS],
        **more,
    }
    return render(request, "campaigns/add.html", context, status=status)


def _status(request: PageRequest) -> str | None:
    return clean(request.POST.get("status", "")) or None


def _people(many: int) -> str:
    return counted(many, "person was", "people were")


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 19 else None
