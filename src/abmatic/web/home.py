"""Home: what is left to set up, how the connections are, what ran last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from abmatic.audiences.models import Account, Contact, Opportunity
from abmatic.sync import automatic, issues
from abmatic.sync.models import Connection, Run
from abmatic.web.counting import Count, whole_table
from abmatic.web.http import PageRequest
from abmatic.web.runs.activity import run_rows
from abmatic.web.tour import card
from abmatic.web.viewer import number_text

LAST_RUNS = 8
# Counted up to here; whoever has more needs no exact number.
MOST_ISSUES = 1_000
NEW_FOR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the checklist; ``state`` is "done", "now" or "later"."""

    title: str
    text: str
    url: str
    action: str
    state: str


@dataclass(frozen=True, slots=True)
class ToDo:
    """A connection's open issues: how many, as text and as a number."""

    connection: Connection
    text: str
    number: int


@dataclass(frozen=True, slots=True)
class Total:
    """A number on Home, and the page it can be clicked down to."""

    label: str
    count: Count
    url: str


@dataclass(frozen=True, slots=True)
class Org:
    """A connection. ``next_try``: when Salesforce is asked again of a problem that passes; None where nobody will."""

    connection: Connection
    next_try: datetime | None
    is_due: bool

    @classmethod
    def of(cls, connection: Connection) -> Org:
        now = timezone.now()
        when = automatic.next_try(connection, now)
        return cls(connection, when, when is not None and when <= now)


@require_safe
def home(request: PageRequest) -> HttpResponse:
    """The page."""
    connections = list(Connection.objects.order_by("created_at"))
    last = list(Run.objects.select_related("connection", "started_by").order_by("-id")[:LAST_RUNS])
    has_accounts = Account.objects.exists()
    # Setting up is the administrators' work; others aren't told to do what they may not.
    steps = _steps(request, connections, last, has_accounts) if request.user.is_administrator else []
    return render(
        request,
        "home.html",
        {
            "orgs": [Org.of(each) for each in connections],
            "to_do": _to_do(connections),
            "show_connection": len(connections) > 1,
            "rows": run_rows(last),
            "steps": steps if any(step.state != "done" for step in steps) else [],
            "done": sum(step.state == "done" for step in steps),
            "totals": _totals() if has_accounts or last else [],
            "tour_card": card(request),
        },
    )


def _to_do(connections: list[Connection]) -> list[ToDo]:
    """Connections with records that somebody has to look at, each with how many."""
    counts = issues.open_counts(MOST_ISSUES)
    return [
        ToDo(connection, f"more than {number_text(MOST_ISSUES)}" if count > MOST_ISSUES else number_text(count), count)
        for connection in connections
        if (count := counts.get(connection.pk, 0))
    ]


def _totals() -> list[Total]:
    return [
        Total("Accounts", whole_table(Account), reverse("accounts")),
        Total("Contacts", whole_table(Contact), reverse("contacts")),
        Total("Opportunities", whole_table(Opportunity), reverse("opportunities")),
    ]


def _steps(request: PageRequest, connections: list[Connection], last: list[Run], has_accounts: bool) -> list[Step]:
    """The way from nothing to data; what comes first and isn't done is "now"."""
    connection = next(
        (one for one in connections if one.status != Connection.Status.INACTIVE),
        connections[0] if connections else None,
    )
    here = reverse("connection", args=[connection.pk]) if connection else reverse("integrations")
    is_connected = connection is not None and connection.status != Connection.Status.INACTIVE
    imported_at = [run.finished_at for run in last if run.state == Run.State.SUCCEEDED and run.finished_at]
    is_imported = bool(imported_at)
    # What was opened is remembered for as long as somebody stays signed in; a day after an import nobody is new here.
    is_old = is_imported and min(imported_at) < timezone.now() - NEW_FOR
    has_reviewed = bool(last) or "seen_settings" in request.session
    has_looked = is_old or "seen_accounts" in request.session
    wanted = [
        ("Create the administrator", f"{request.user.email} is signed in.", reverse("home"), "", True),
        (
            "Connect Salesforce", "Authorize Abmatic in your org with an External Client App.",
            reverse("integrations"), "Connect", is_connected,
        ),
        (
            "Review settings", "Which objects are read and where their fields go. Nothing is written to Salesforce.",
            here, "Review", is_connected and has_reviewed,
        ),
        (
            "First import", "Accounts, contacts, leads and opportunities, with their owners.",
            here, "Import", is_imported and has_accounts,
        ),
        (
            "Look at accounts", "Sort, filter and search; open one to see where each value came from.",
            reverse("accounts"), "Open accounts", has_looked and has_accounts,
        ),
    ]  # fmt: skip
    steps, found_now = [], False
    for title, text, url, action, done in wanted:
        state = "done" if done else "later" if found_now else "now"
        found_now = found_now or not done
        steps.append(Step(title, text, url, action, state))
    return steps
