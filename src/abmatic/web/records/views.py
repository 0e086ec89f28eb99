"""Account, contact, opportunity and campaign: a page for each tab."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from abmatic.campaigns.models import Campaign, CampaignJoining
from abmatic.sync.campaign_links import orgs_without
from abmatic.web.grids.columns import CONTACTS, MEMBERS, OPPORTUNITIES
from abmatic.web.grids.grid import grid_of
from abmatic.web.grids.views import grid_answer
from abmatic.web.http import PageRequest
from abmatic.web.records.editor import editor
from abmatic.web.records.fields import fields_shown
from abmatic.web.records.page import frame, load, page
from abmatic.web.records.refused import refused
from abmatic.web.records.timeline import timeline


@require_safe
def overview(request: PageRequest, record: str, record_id: int) -> HttpResponse:
    """Fields with where each value came from and when; one of them with its control, where the address says so."""
    local = load(record, record_id)
    issues = refused(record, local.pk)
    shown = fields_shown(record, local, issues)
    context: dict[str, object] = {"fields": shown}
    wanted = request.GET.get("edit", "")
    edited = next((each for each in shown if each.name == wanted and each.url), None)
    if edited is not None and request.user.is_operator:
        context["editor"] = editor(record, local.pk, edited)
    return render(request, "records/overview.html", {**frame(record, local, "overview", issues), **context})


@require_safe
def contacts(request: PageRequest, record: str, record_id: int) -> HttpResponse:
    """The contacts of an account, or those who have a role in an opportunity."""
    local = load(record, record_id)
    grid = grid_of(request, CONTACTS, scope={record: local.pk})
    return grid_answer(request, grid, "records/contacts.html", frame(record, local, "contacts"))


@require_safe
def opportunities(request: PageRequest, record: str, record_id: int) -> HttpResponse:
    """The opportunities of an account, those a contact has a role in, or those that are put down to a campaign."""
    local = load(record, record_id)
    grid = grid_of(request, OPPORTUNITIES, scope={record: local.pk})
    return grid_answer(request, grid, "records/opportunities.html", frame(record, local, "opportunities"))


@require_safe
def members(request: PageRequest, record_id: int) -> HttpResponse:
    """Who is in a campaign, and how far each of them is."""
    campaign = load("campaign", record_id)
    grid = grid_of(request, MEMBERS, scope={"campaign": campaign.pk})
    joinings = CampaignJoining.objects.filter(campaign=campaign.pk).select_related("collection").order_by("pk")
    more = {**frame("campaign", campaign, "members"), "joinings": joinings}
    return grid_answer(request, grid, "records/members.html", more)


@require_safe
def campaigns(request: PageRequest, record_id: int) -> HttpResponse:
    """The campaigns that a contact is in."""
    contact = load("contact", record_id)
    grid = grid_of(request, MEMBERS, scope={"contact": contact.pk})
    return grid_answer(request, grid, "records/members.html", frame("contact", contact, "campaigns"))


@require_safe
def record_timeline(request: PageRequest, record: str, record_id: int) -> HttpResponse:
    """Changes, what was written, refused, settled and undone, links and creation, newest first."""
    local = load(record, record_id)
    after = request.GET.get("after", "")
    found = timeline(record, local, request.GET.get("kind", ""), after)
    if request.htmx and after:
        return render(request, "records/events.html", {"timeline": found})
    return page(request, record, local, "timeline", "records/timeline.html", {"timeline": found})


@require_safe
def sync(request: PageRequest, record: str, record_id: int) -> HttpResponse:
    """The Salesforce records that this one is linked with, duplicates included."""
    local = load(record, record_id)
    more = {"orgs": orgs_without(local)} if isinstance(local, Campaign) else {}
    return page(request, record, local, "sync", "records/sync.html", dict(more))
