"""The guided tour of the demo: a card on Home, and a panel beside every page that says what to do now.

The panel asks again every few seconds, so that it notices what was done on another page or in Salesforce. Whether it is
shown is kept in the session, and costs pages nothing where it isn't.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache

from abmatic.identity.models import Role, User
from abmatic.sync.models import Tour
from abmatic.sync.settings_history import Author
from abmatic.sync.settings_reading import FileRefused
from abmatic.sync.tour import allowing, going, proofs, steps
from abmatic.sync.tour.proofs import Proof
from abmatic.sync.tour.rule import LARGE, VALIDATION_RULE
from abmatic.sync.tour.steps import Look
from abmatic.web.http import PageRequest
from abmatic.web.roles import RoleRequired, operator_required

# What Home says of each step.
_TEXTS = {
    Tour.Step.ARRIVAL: "Change an account in Salesforce, sync, and see what came over.",
    Tour.Step.EDIT: "Allow it, change a field here, and find it in Salesforce a few seconds later.",
    Tour.Step.CONFLICT: "The same field, changed there and here: which value stays, and where that is written.",
    Tour.Step.REFUSAL: "A validation rule refuses a value: what it says, what helps, and trying again.",
    Tour.Step.UNDO: "Take back what a run wrote.",
}
# In the session: the panel is shown.
_SHOWN = "tour"
NO_CONTENT = 204


@dataclass(frozen=True, slots=True)
class Line:
    """A step in the list of them; ``state`` is "done", "now" or "later"."""

    label: str
    text: str
    state: str
    proof: Proof | None


@dataclass(frozen=True, slots=True)
class Card:
    """The tour on Home. ``tour``: None before it was begun."""

    tour: Tour | None
    lines: list[Line]

    @property
    def done(self) -> int:
        """How many steps are done; skipping isn't doing."""
        return sum(line.state == "done" for line in self.lines)

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is left to do."""
        return self.tour is not None and self.tour.step == Tour.Step.OVER


@never_cache
@operator_required
def tour(request: PageRequest) -> HttpResponse:
    """The panel, or nothing where it would say the same as before; POST does what its buttons say."""
    if not settings.ENVIRONMENT.demo:
        raise Http404
    what = request.POST.get("do", "")
    problem = _do(request, what) if request.method == "POST" else ""
    if not request.htmx:
        if problem:
            messages.warning(request, problem)
        return HttpResponseRedirect(reverse("home"))
    context = _panel(request, request.user)
    seen = request.GET.get("seen")
    look = context.get("look")
    if isinstance(look, Look) and seen == look.mark:
        return HttpResponse(status=NO_CONTENT)
    answer = {"problem": problem, "is_answer": request.method == "POST", "was_hidden": what == "hide"}
    return render(request, "tour/panel.html", {**context, **answer})


def beside(request: HttpRequest) -> Callable[[], dict[str, object]]:
    """What a page's frame shows of the tour, looked for where the frame is drawn."""
    user = getattr(request, "user", None)
    if not settings.ENVIRONMENT.demo or not isinstance(user, User) or not user.is_operator:
        return dict
    return lambda: _panel(request, user)


def card(request: PageRequest) -> Card | None:
    """The tour on Home, for those who may do what it asks. It goes on by itself for whoever signs in anew."""
    if not settings.ENVIRONMENT.demo or not request.user.is_operator:
        return None
    found = going.of(request.user)
    if found is not None and not found.is_hidden and _SHOWN not in request.session:
        request.session[_SHOWN] = True
    return Card(found, _lines(found))


def _panel(request: HttpRequest, user: User) -> dict[str, object]:
    if _SHOWN not in request.session:
        return {}
    found = going.of(user)
    if found is None or found.is_hidden:
        del request.session[_SHOWN]  # put aside in another browser
        return {}
    return {"look": steps.look(found), "lines": _lines(found), "tour": found, "large": LARGE, "rule": VALIDATION_RULE}


def _lines(found: Tour | None) -> list[Line]:
    lines = []
    for step in proofs.STEPS:
        proof = proofs.of(found, step) if found else None
        is_now = found is not None and found.step == step
        is_done = proof is not None and not proof.is_skipped
        state = "done" if is_done else "now" if is_now else "later"
        lines.append(Line(str(step.label), _TEXTS[step], state, proof))
    return lines


# -- what buttons do


def _do(request: PageRequest, what: str) -> str:
    """Does it, and says what stood in the way."""
    if what == "start":
        return _start(request)
    found = going.of(request.user)
    if found is None:
        return ""
    if what == "allow":
        return _allow(request, found)
    if what == "show":
        going.show(found)
        request.session[_SHOWN] = True
    elif what == "hide":
        going.hide(found)
        request.session.pop(_SHOWN, None)
    elif what == "next":
        going.go_on(found)
    elif what == "skip":
        going.skip(found)
    return ""


def _start(request: PageRequest) -> str:
    try:
        going.start(request.user)
    except going.NotReady as missing:
        return str(missing)
    request.session[_SHOWN] = True
    return ""


def _allow(request: PageRequest, found: Tour) -> str:
    if not request.user.is_administrator:
        raise RoleRequired(Role.ADMINISTRATOR, request.user)
    try:
        allowing.allow(found.connection, Author(request.user))
    except FileRefused as refused:
        return f"Nothing was switched on: {refused}. Change the settings by hand."
    return ""
