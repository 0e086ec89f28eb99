"""Push to Salesforce: of a selection in a grid, or of one record. In a dialog, which is a page of its own as well."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from abmatic.sync import runs
from abmatic.sync.models import Connection, ObjectSetting, SelectedPush
from abmatic.sync.selected import results
from abmatic.sync.selected.asking import ask, begin, choose, connections, give_up
from abmatic.sync.selected.rules import NotPushed
from abmatic.web.grids.columns import SPECS
from abmatic.web.grids.selected import SelectionRefused, back, selection
from abmatic.web.http import PageRequest
from abmatic.web.pushing.shown import samples
from abmatic.web.roles import operator_required
from abmatic.web.running import object_label

_NEW_PEOPLE = ((ObjectSetting.NewPeople.LEAD, "As Lead"), (ObjectSetting.NewPeople.CONTACT, "As Contact"))
_REFUSED = (NotPushed, runs.AlreadyRunning, runs.ConnectionNotReady)


@require_POST
@operator_required
def ask_for(request: PageRequest, record: str) -> HttpResponse:
    """Asks a worker what a push of the selection would do."""
    try:
        chosen = selection(request, record)
        connection = connections().first()
        if connection is None:
            raise NotPushed("No Salesforce org is connected. Connect one under Settings, Integrations.")
        push = ask(chosen, connection, user=request.user)
    except (SelectionRefused, NotPushed) as refused:
        if request.htmx:
            return render(request, "pushing/refused.html", {"problem": str(refused)})
        messages.error(request, str(refused))
        return HttpResponseRedirect(back(request, record))
    return answer(request, push)


@require_safe
@operator_required
def push_page(request: PageRequest, push_id: int) -> HttpResponse:
    """How far it is; htmx asks for the part that changes."""
    return _shown(request, _found(push_id), "pushing/state.html" if request.htmx else "pushing/push.html")


@require_POST
@operator_required
def choose_how(request: PageRequest, push_id: int) -> HttpResponse:
    """Takes the choices, and has it previewed anew."""
    push = _found(push_id)
    wanted = request.POST.get("connection", "")
    is_number = wanted.isascii() and wanted.isdigit() and len(wanted) < 19
    connection = get_object_or_404(Connection, pk=int(wanted)) if is_number else push.connection
    new_people, past_filter = request.POST.get("new_people", ""), request.POST.get("past_filter") == "1"
    try:
        choose(push, connection, new_people=new_people, past_filter=past_filter)
    except NotPushed as refused:
        return answer(request, push, str(refused))
    return answer(request, push)


@require_POST
@operator_required
def start(request: PageRequest, push_id: int) -> HttpResponse:
    """Starts it, and shows its progress where the preview was."""
    push = _found(push_id)
    try:
        begin(push, user=request.user)
    except _REFUSED as refused:
        return answer(request, push, str(refused))
    push.refresh_from_db()
    return answer(request, push)


@require_POST
@operator_required
def stop(request: PageRequest, push_id: int) -> HttpResponse:
    """Gives up its preview, or the push that goes on."""
    push = _found(push_id)
    give_up(push)
    push.refresh_from_db()
    return answer(request, push)


def _found(push_id: int) -> SelectedPush:
    return get_object_or_404(SelectedPush.objects.select_related("connection"), pk=push_id)


def answer(request: PageRequest, push: SelectedPush, problem: str = "") -> HttpResponse:
    """The push in its dialog, or on the page of its own."""
    if request.htmx:
        return _shown(request, push, "pushing/inner.html", problem)
    if problem:
        messages.error(request, problem)
    return HttpResponseRedirect(reverse("push", args=[push.pk]))


def _shown(request: PageRequest, push: SelectedPush, template: str, problem: str = "") -> HttpResponse:
    spec = SPECS[push.record]
    context: dict[str, Any] = {"push": push, "spec": spec, "problem": problem, "list_url": reverse(spec.page)}
    if push.state == SelectedPush.State.STARTED:
        context["outcome"] = results.outcome(push)
        context["runs"] = [(run, object_label(run.sobject)) for run in context["outcome"].runs]
    else:
        context |= {
            "connections": list(connections()),
            "new_people": _NEW_PEOPLE if push.record == "contact" else (),
            "lines": [(line, samples(line)) for line in results.preview_lines(push)],
            "notes": [note for found in push.found["objects"] for note in found["notes"]] if push.found else [],
        }
    return render(request, template, context)
