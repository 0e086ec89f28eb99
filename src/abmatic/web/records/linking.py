"""Linking a deal with the one in Salesforce that it is. Rules in `abmatic.sync.linking`."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from abmatic.sync.linking import NotLinked, link
from abmatic.sync.models import Issue
from abmatic.web.http import PageRequest
from abmatic.web.records.editor import by
from abmatic.web.records.page import load
from abmatic.web.roles import operator_required


@require_POST
@operator_required
def link_opportunity(request: PageRequest, record_id: int) -> HttpResponse:
    """Links it with the chosen one of those that its issue names."""
    local = load("opportunity", record_id)
    chosen = request.POST.get("issue", "")
    issue = None
    if chosen.isdecimal() and chosen.isascii() and len(chosen) < 19:
        issue = Issue.objects.filter(pk=int(chosen), sobject="Opportunity", local_id=local.pk).first()
    try:
        if issue is None:
            raise NotLinked("This is settled already: nothing waits to be linked any more.")
        link(issue, request.POST.get("salesforce_id", ""), by(request))
    except NotLinked as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, "Linked. The next sync gives both sides what the settings say.")
    return HttpResponseRedirect(reverse("opportunity-overview", args=[local.pk]))
