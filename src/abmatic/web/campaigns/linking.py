"""Linking a campaign with one in Salesforce, unlinking it, creating it there: rules in `sync.campaign_links`."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from abmatic.campaigns.models import Campaign
from abmatic.sync import campaign_links
from abmatic.sync.linking import NotLinked
from abmatic.sync.models import Connection
from abmatic.sync.runs import ConnectionNotReady
from abmatic.web.grids.filters import clean
from abmatic.web.http import PageRequest
from abmatic.web.records.editor import by
from abmatic.web.records.page import frame, load
from abmatic.web.roles import operator_required


@require_http_methods(["GET", "HEAD", "POST"])
@operator_required
def link_page(request: PageRequest, record_id: int) -> HttpResponse:
    """Campaigns in Salesforce to choose from; posted: the chosen one is linked."""
    campaign = _campaign(record_id)
    if request.method != "POST":
        return _link_page(request, campaign, "")
    try:
        campaign_links.link(campaign, _connection(request), _id(request), by(request))
    except NotLinked as refused:
        return _link_page(request, campaign, str(refused), 409)
    messages.success(request, "Linked. The next sync gives both sides what the settings say, and brings the members.")
    return _back(campaign)


@require_POST
@operator_required
def unlink(request: PageRequest, record_id: int) -> HttpResponse:
    """Each goes on by itself."""
    campaign = _campaign(record_id)
    try:
        campaign_links.unlink(campaign, _connection(request), _id(request), by(request))
    except NotLinked as refused:
        messages.warning(request, str(refused))
    else:
        said = (
            "Unlinked. The campaign and its members stay as they are here and in Salesforce, and no sync creates it "
            "there again. Salesforce’s comes in as a campaign of its own when it is read next, if Campaigns are "
            "created in Abmatic."
        )
        messages.success(request, said)
    return _back(campaign)


@require_POST
@operator_required
def create_there(request: PageRequest, record_id: int) -> HttpResponse:
    """Creates it in Salesforce, by a sync that begins now."""
    campaign = _campaign(record_id)
    try:
        begun = campaign_links.create(campaign, _connection(request), request.user)
    except (NotLinked, ConnectionNotReady) as refused:
        messages.error(request, str(refused))
        return _back(campaign)
    if not begun:
        said = "A sync of Campaigns is about to begin: it or the one after it creates the campaign in Salesforce."
        messages.info(request, said)
        return _back(campaign)
    return HttpResponseRedirect(reverse("run", args=[begun[0].pk]))


def _link_page(request: PageRequest, campaign: Campaign, problem: str, status: int = 200) -> HttpResponse:
    words = clean(request.GET.get("q", ""))
    context = {
        **frame("campaign", campaign, "sync"),
        "problem": problem,
        "words": words,
        "found": campaign_links.found(words),
        "orgs": campaign_links.orgs_without(campaign),
    }
    return render(request, "campaigns/link.html", context, status=status)


def _campaign(record_id: int) -> Campaign:
    found = load("campaign", record_id)
    assert isinstance(found, Campaign)
    return found


def _connection(request: PageRequest) -> Connection:
    text = request.POST.get("connection", "")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
    found = Connection.objects.filter(pk=number).first()
    if found is None:
        raise NotLinked("That org is not connected any more.")
    return found


def _id(request: PageRequest) -> str:
    return clean(request.POST.get("salesforce_id", ""))


def _back(campaign: Campaign) -> HttpResponse:
    return HttpResponseRedirect(reverse("campaign-sync", args=[campaign.pk]))
