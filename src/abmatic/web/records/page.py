"""What every tab of a record's page has: the record, the header with its key facts, the tabs."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from abmatic.audiences.models import Account, Contact, Opportunity
from abmatic.campaigns.models import Campaign
from abmatic.sync.links import links_of
from abmatic.sync.objects import OBJECTS
from abmatic.web.http import PageRequest
from abmatic.web.records.refused import Refused, refused
from abmatic.web.salesforce.tabs import slug_of

Local = Account | Contact | Opportunity | Campaign

TABS = {
    "account": (
        ("overview", "Overview"), ("contacts", "Contacts"), ("opportunities", "Opportunities"),
        ("engagement", "Engagement"), ("journey", "Journey"), ("timeline", "Timeline"), ("sync", "Sync"),
    ),
    "contact": (
        ("overview", "Overview"), ("opportunities", "Opportunities"), ("campaigns", "Campaigns"),
        ("engagement", "Engagement"),
        ("timeline", "Timeline"), ("sync", "Sync"),
    ),
    "opportunity": (
        ("overview", "Overview"), ("contacts", "Contacts"), ("timeline", "Timeline"), ("sync", "Sync"),
    ),
    "campaign": (
        ("overview", "Overview"), ("members", "Members"), ("rules", "Rules"), ("web", "Web"),
        ("opportunities", "Opportunities"),
        ("timeline", "Timeline"), ("sync", "Sync"),
    ),
}  # fmt: skip
_LISTS = {
    "account": ("accounts", "Accounts"), "contact": ("contacts", "Contacts"),
    "opportunity": ("opportunities", "Opportunities"), "campaign": ("campaigns", "Campaigns"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab of the record's page, or the list that it is in."""

    label: str
    url: str
    is_here: bool = False


def load(record: str, record_id: int) -> Local:
    """The record with what its header shows, or Http404."""
    if record == "account":
        return get_object_or_404(Account.objects.select_related("owner", "created_by__user"), pk=record_id)
    if record == "campaign":
        return get_object_or_404(Campaign.objects.select_related("owner", "parent", "created_by__user"), pk=record_id)
    if record == "opportunity":
        deals = Opportunity.objects.select_related("owner", "account", "created_by__user")
        return get_object_or_404(deals, pk=record_id)
    return get_object_or_404(Contact.objects.select_related("owner", "account", "created_by__user"), pk=record_id)


def page(
    request: PageRequest,
    record: str,
    local: Local,
    tab: str,
    template: str,
    more: dict[str, object],
    status: int = 200,
) -> HttpResponse:
    """A tab, in its frame."""
    return render(request, template, {**frame(record, local, tab), **more}, status=status)


def frame(record: str, local: Local, tab: str, issues: list[Refused] | None = None) -> dict[str, object]:
    """What the header around every tab shows; ``issues``: those of the record, where they were asked for already."""
    links = links_of(record, local.pk)
    name, label = _LISTS[record]
    return {
        "record": record,
        "local": local,
        "refused": refused(record, local.pk) if issues is None else issues,
        "links": links,
        "primary": links[0] if links else None,  # a live primary, where there is one
        # Whose mappings say which fields there are.
        "mapping_tab": slug_of(OBJECTS[links[0].sobject]) if links else "",
        "is_deleted": bool(links) and all(link.is_deleted for link in links),
        "list": Tab(label, reverse(name)),
        "tabs": [Tab(label, reverse(f"{record}-{name}", args=[local.pk]), name == tab) for name, label in TABS[record]],
    }
