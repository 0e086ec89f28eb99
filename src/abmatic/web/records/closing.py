"""Closing a gap that an undo left: taking Salesforce's value, or writing ours there. Rules in `abmatic.sync.gaps`."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST

from abmatic.audiences.selection import Selection
from abmatic.sync.gaps import Gap, gaps, take
from abmatic.sync.selected.asking import ask
from abmatic.sync.selected.rules import NotPushed
from abmatic.web.http import PageRequest
from abmatic.web.pushing.views import answer
from abmatic.web.records.editor import by
from abmatic.web.records.page import load
from abmatic.web.roles import operator_required


class NotClosed(Exception):
    """Why the gap is left as it is, and what helps."""


@require_POST
@operator_required
def close_gap(request: PageRequest, record: str, record_id: int, name: str) -> HttpResponse:
    """``do`` says which side's value it shall be: "take" Salesforce's, or "write" ours, which is previewed first."""
    local = load(record, record_id)
    address = f"{reverse(f'{record}-overview', args=[local.pk])}#field-{name}"
    try:
        gap = _seen(request, record, local.pk, name)
        if request.POST.get("do") == "write":
            return _write(request, record, local.pk, gap)
        _take(request, record, local.pk, gap)
    except (NotClosed, NotPushed) as refused:
        if request.htmx:
            return render(request, "pushing/refused.html", {"problem": str(refused)})
        messages.error(request, str(refused))
    return HttpResponseRedirect(address)


def _seen(request: PageRequest, record: str, record_id: int, name: str) -> Gap:
    """The gap as it was shown. Raises `NotClosed`."""
    wanted = request.POST.get("connection", "")
    for gap in gaps(record, record_id):
        if gap.local_field == name and str(gap.connection.pk) == wanted and gap.sobject == request.POST.get("object"):
            if gap.mark != request.POST.get("saw"):
                raise NotClosed("One of the two values was changed meanwhile. Look at both again, then decide.")
            return gap
    raise NotClosed("Both sides have the same value by now, or the field is not mapped any more. Nothing was changed.")


def _take(request: PageRequest, record: str, record_id: int, gap: Gap) -> None:
    if not gap.can_be_taken:
        raise NotClosed(gap.not_taken or gap.reason)
    saved = take(record, record_id, gap, by(request))
    if saved.status == "refused":
        raise NotClosed(" ".join(f"{each.reason}. {each.remedy}" for each in saved.problems))
    messages.success(request, "Salesforce’s value is here now. Both sides agree on it.")


def _write(request: PageRequest, record: str, record_id: int, gap: Gap) -> HttpResponse:
    if not gap.can_be_written:
        raise NotClosed(gap.not_written or gap.reason)
    chosen = Selection(record, {}, ids=(record_id,))
    return answer(request, ask(chosen, gap.connection, user=request.user, insists=[gap.local_field]))
