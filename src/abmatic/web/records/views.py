"""Account, contact and campaign: a header with the key facts, and a page for each tab."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from abmatic.audiences.custom_fields import values_of
from abmatic.audiences.fields import FIELDS
from abmatic.audiences.models import Account, Contact
from abmatic.campaigns.models import Campaign
from abmatic.changes.latest import last_changes
from abmatic.sync.links import links_of
from abmatic.web.grids.columns import CONTACTS, MEMBERS, OPPORTUNITIES
from abmatic.web.grids.grid import grid_of
from abmatic.web.grids.views import grid_answer
from abmatic.web.http import PageRequest
from abmatic.web.records.provenance import Source, sources
from abmatic.web.records.timeline import timeline

TABS = {
    "account": (
        ("overview", "Overview"), ("contacts", "Contacts"), ("opportunities", "Opportunities"),
        ("timeline", "Timeline"), ("sync", "Sync"),
    ),
    "contact": (
        ("overview", "Overview"), ("opportunities", "Opportunities"), ("campaigns", "Campaigns"),
        ("timeline", "Timeline"), ("sync", "Sync"),
    ),
    "campaign": (
        ("overview", "Overview"), ("members", "Members"), ("opportunities", "Opportunities"), ("timeline", "Timeline"),
        ("sync", "Sync"),
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FieldShown:
    """A field in the overview: its value, and where that came from."""

    label: str
    type: str
    value: object
    source: Source | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab of the record's page."""

    label: str
    url: str
    is_here: bool


@require_safe
def overview(request: PageRequest, record: str, record_id: int) -> HttpResponse:
    """Fields with where each value came from and when."""
    local = _load(record, record_id)
    changes = last_changes(record, local.pk)
    created = local.created_by
    named = sources([*(change.cause for change in changes.values()), created])
    first = named.get(created.pk) if created else None
    fields = [(field.name, field.label, str(field.type), getattr(local, field.name)) for field in FIELDS[record]]
    fields += [(name, name, "text", value) for name, value in sorted(local.custom.items())]
    fields += [(each.name, each.label, str(each.type), value) for each, value in values_of(record, local.pk)]
    shown = []
    for name, label, kind, value in fields:
        change = changes.get(name)
        source = named.get(change.cause_id) if change else first
        at = change.at if change else local.created_at
        # An empty value that never was anything else came from nowhere.
        is_known = change is not None or value not in (None, "")
        shown.append(FieldShown(label, kind, value, source if is_known else None, at if is_known else None))
    return _page(request, record, local, "overview", {"fields": shown})


@require_safe
def contacts(request: PageRequest, record_id: int) -> HttpResponse:
    """The contacts of an account."""
    account = _load("account", record_id)
    grid = grid_of(request, CONTACTS, scope={"account": account.pk})
    return grid_answer(request, grid, "records/contacts.html", _frame("account", account, "contacts"))


@require_safe
def opportunities(request: PageRequest, record: str, record_id: int) -> HttpResponse:
    """The opportunities of an account, those a contact has a role in, or those that are put down to a campaign."""
    local = _load(record, record_id)
    grid = grid_of(request, OPPORTUNITIES, scope={record: local.pk})
    return grid_answer(request, grid, "records/opportunities.html", _frame(record, local, "opportunities"))


@require_safe
def members(request: PageRequest, record_id: int) -> HttpResponse:
    """Who is in a campaign, and how far each of them is."""
    campaign = _load("campaign", record_id)
    grid = grid_of(request, MEMBERS, scope={"campaign": campaign.pk})
    return grid_answer(request, grid, "records/members.html", _frame("campaign", campaign, "members"))


@require_safe
def campaigns(request: PageRequest, record_id: int) -> HttpResponse:
    """The campaigns that a contact is in."""
    contact = _load("contact", record_id)
    grid = grid_of(request, MEMBERS, scope={"contact": contact.pk})
    return grid_answer(request, grid, "records/members.html", _frame("contact", contact, "campaigns"))


@require_safe
def record_timeline(request: PageRequest, record: str, record_id: int) -> HttpResponse:
    """Changes, conversion and creation, newest first."""
    local = _load(record, record_id)
    before = request.GET.get("before", "")
    found = timeline(record, local, int(before) if before.isascii() and before.isdigit() else None)
    if request.htmx and before:
        return render(request, "records/events.html", {"timeline": found})
    return _page(request, record, local, "timeline", {"timeline": found})


@require_safe
def sync(request: PageRequest, record: str, record_id: int) -> HttpResponse:
    """The Salesforce records that this one is linked with, duplicates included."""
    return _page(request, record, _load(record, record_id), "sync", {})


def _load(record: str, record_id: int) -> Account | Contact | Campaign:
    if record == "account":
        return get_object_or_404(Account.objects.select_related("owner", "created_by__user"), pk=record_id)
    if record == "campaign":
        return get_object_or_404(Campaign.objects.select_related("owner", "parent", "created_by__user"), pk=record_id)
    return get_object_or_404(Contact.objects.select_related("owner", "account", "created_by__user"), pk=record_id)


def _page(
    request: PageRequest, record: str, local: Account | Contact | Campaign, tab: str, more: dict[str, object]
) -> HttpResponse:
    return render(request, f"records/{tab}.html", {**_frame(record, local, tab), **more})


def _frame(record: str, local: Account | Contact | Campaign, tab: str) -> dict[str, object]:
    """What the header around every tab shows."""
    links = links_of(record, local.pk)
    return {
        "record": record,
        "local": local,
        "links": links,
        "primary": links[0] if links else None,  # a live primary, where there is one
        "is_deleted": bool(links) and all(link.is_deleted for link in links),
        "tabs": [Tab(label, reverse(f"{record}-{name}", args=[local.pk]), name == tab) for name, label in TABS[record]],
    }
