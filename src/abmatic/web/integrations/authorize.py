"""Authorize, the way to Salesforce and back, and the page of each way it can fail."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from abmatic.identity import sealing
from abmatic.identity.audit import Author
from abmatic.sync import connect, rechecking
from abmatic.sync.connect import ConnectError
from abmatic.sync.models import Connection
from abmatic.web.http import PageRequest
from abmatic.web.integrations.forms import AuthorizeForm, initial_choice
from abmatic.web.middleware import allow_form_targets
from abmatic.web.roles import administrator_required

# Where the pending authorisations of this browser wait for Salesforce's answer, by their state.
PENDING = "salesforce_pending"
# More unfinished attempts than this are forgotten, oldest first: a session is no store.
PENDING_KEPT = 5

# Where the form may lead: Salesforce's login hosts, as a policy names them.
SALESFORCE_ORIGINS = (
    "https://*.salesforce.com",
    "https://*.salesforce.mil",
    "https://*.sfcrmproducts.cn",
)


@dataclass(frozen=True, slots=True)
class NextStep:
    """The button that leads out of a failure."""

    label: str
    url: str


@never_cache
@sensitive_post_parameters("client_secret")
@administrator_required
@require_http_methods(["GET", "HEAD", "POST"])
def authorize(request: PageRequest, connection_id: int | None = None) -> HttpResponse:
    """Asks for the org and the External Client App, then leads to Salesforce's login (reconnects too)."""
    connection = get_object_or_404(Connection, pk=connection_id) if connection_id is not None else None
    form = AuthorizeForm(
        request.POST if request.method == "POST" else None,
        is_reconnect=connection is not None,
        initial=_first_values(connection),
    )
    problem: ConnectError | None = None
    if form.is_valid():
        try:
            return _leave_for_salesforce(request, form, connection)
        except ConnectError as error:
            problem = error
        except sealing.SealBroken as error:
            form.add_error("client_secret", str(error))
    page = render(
        request,
        "integrations/authorize.html",
        {
            "form": form,
            "connection": connection,
            "callback_url": connect.callback_url(),
            "problem": problem,
            "elsewhere": _elsewhere(request),
            "emulator_url": settings.ENVIRONMENT.emulator_url if settings.ENVIRONMENT.demo else "",
        },
        status=400 if problem else 200,
    )
    allow_form_targets(page, [*SALESFORCE_ORIGINS, *_extra_origins()])
    return page


@never_cache
@administrator_required
@require_safe
def callback(request: PageRequest) -> HttpResponse:
    """Where Salesforce sends people back to."""
    waiting: dict[str, dict[str, str]] = request.session.get(PENDING, {})
    pending = waiting.pop(request.GET.get("state", ""), {})
    request.session[PENDING] = waiting
    try:
        connection = connect.finish(pending, request.GET.dict(), by=Author(request.user))
    except ConnectError as error:
        return problem_page(request, error, _connection_of(pending))
    return HttpResponseRedirect(reverse("connected", args=[connection.pk]))


@never_cache
@administrator_required
@require_safe
def connected(request: PageRequest, connection_id: int) -> HttpResponse:
    """What was found on the way back: edition, API access, user, and a line for each permission."""
    connection = get_object_or_404(Connection, pk=connection_id)
    is_due = rechecking.is_due(connection, timezone.now())
    return render(request, "integrations/connected.html", {**checked(connection), "recheck": is_due})


def checked(connection: Connection) -> dict[str, object]:
    """What the part with the checks shows."""
    states = [str(check.get("state")) for check in connection.checks]
    # What a check says is not said a second time above it.
    names = {check.get("name") for check in connection.checks}
    return {
        "connection": connection,
        "checked": names,
        "is_lost": connect.LOST in names,
        "worked_since": rechecking.has_worked_since(connection),
        "failed": states.count("failed"),
        "warnings": states.count("warning"),
        "has_run": connection.runs.exists(),
    }


def problem_page(request: PageRequest, error: ConnectError, connection: Connection | None) -> HttpResponse:
    """Says what happened, what Salesforce said, and what to do, with the button that does it."""
    return render(
        request,
        "integrations/problem.html",
        {"problem": error, "connection": connection, "next": _next_step(connection)},
        status=400,
    )


def _leave_for_salesforce(request: PageRequest, form: AuthorizeForm, connection: Connection | None) -> HttpResponse:
    authorization = connect.begin(
        form.login_url(),
        form.cleaned_data["client_id"].strip(),
        form.cleaned_data["client_secret"].strip(),
        connection=connection,
    )
    waiting: dict[str, dict[str, str]] = request.session.get(PENDING, {})
    waiting[authorization.pending["state"]] = authorization.pending
    request.session[PENDING] = dict(list(waiting.items())[-PENDING_KEPT:])
    return HttpResponseRedirect(authorization.url)


def _first_values(connection: Connection | None) -> dict[str, str]:
    if connection is not None:
        return {**initial_choice(connection.login_url), "client_id": connection.client_id}
    if settings.ENVIRONMENT.demo and settings.ENVIRONMENT.emulator_url:
        return {"kind": "emulator"}
    return {"kind": "production"}


def _elsewhere(request: PageRequest) -> str | None:
    """This page at the address Salesforce sends people back to, where it was opened at another.

    The browser keeps the sign-in per host name: leaving from localhost and coming back to 127.0.0.1 would look like
    an expired authorisation.
    """
    home = settings.BASE_URL
    if request.get_host() == home.split("://", 1)[1]:
        return None
    return f"{home}{request.get_full_path()}"


def _extra_origins() -> list[str]:
    return [
        f"{scheme}://{host}" for host in settings.ENVIRONMENT.salesforce_extra_hosts for scheme in ("http", "https")
    ]


def _connection_of(pending: dict[str, str]) -> Connection | None:
    """The connection that a pending authorisation was to reconnect."""
    known = pending.get("connection", "")
    return Connection.objects.filter(pk=known).first() if known.isdigit() else None


def _next_step(connection: Connection | None) -> NextStep:
    if connection is not None:
        return NextStep("Reconnect", reverse("reconnect", args=[connection.pk]))
    return NextStep("Authorize again", reverse("authorize"))
