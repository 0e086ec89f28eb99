"""The open issues of a connection: by cause, record by record, and trying them again.

What is tried again stays in its place on the page, with by when that will be and then what came of it: the page asks
for as long as there is something to wait for, and says which rows it shows.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect, QueryDict, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from abmatic.audiences.counted import counted
from abmatic.sync import export, issues
from abmatic.sync.models import Connection, Issue
from abmatic.sync.objects import OBJECTS, configurable
from abmatic.sync.refusals import Refusal, refusal
from abmatic.sync.retrying import Retrying, retrying
from abmatic.web.csv_files import download
from abmatic.web.grids.filters import clean
from abmatic.web.http import PageRequest
from abmatic.web.roles import operator_required
from abmatic.web.running import object_label

PAGE = 50
# Of the rows on a page so many are shown anew at once (app.js sends no more).
MOST_SHOWN = 200
# The local records that have a page of their own.
_WITH_PAGES = frozenset({"account", "contact", "opportunity", "campaign"})


@dataclass(frozen=True, slots=True)
class IssueRow:
    """An issue in the list. ``address`` names its record's page, "" where there is none; ``tried``: what is to be said
    of a retry, "" where none was asked for."""

    issue: Issue
    label: str
    refusal: Refusal
    name: str
    address: str
    tried: str


@dataclass(frozen=True, slots=True)
class CauseRow:
    """A cause in the list. ``tried``: by when its issues are tried again, where all of them are to be."""

    cause: issues.Cause
    tried: str


@require_safe
def open_issues(request: PageRequest, connection_id: int) -> HttpResponse:
    """What could not be written to Salesforce: the causes, then the newest; older ones come as the list scrolls."""
    connection = get_object_or_404(Connection, pk=connection_id)
    wanted = _wanted(request, connection)
    before = request.GET.get("before", "")
    found = issues.listed(wanted, before=int(before) if _is_number(before) else None, limit=PAGE + 1)
    retrying_now = retrying(connection)
    context = {
        **_shown(connection, wanted, retrying_now, found[:PAGE]),
        "older": found[PAGE - 1].pk if len(found) > PAGE else None,
    }
    if request.htmx and before:
        return render(request, "runs/open_issues_rows.html", context)
    objects = [(spec.name, spec.label_plural) for spec in configurable()]
    causes = _causes(wanted, retrying_now)
    return render(request, "runs/open_issues.html", {**context, "causes": causes, "objects": objects})


@require_safe
def issues_live(request: PageRequest, connection_id: int) -> HttpResponse:
    """What is new of what the page shows; nothing, where nothing is."""
    connection = get_object_or_404(Connection, pk=connection_id)
    now = retrying(connection)
    if request.GET.get("seen", "") == now.seen:
        return HttpResponse(status=204)
    return _anew(request, connection, now, request.GET)


@require_safe
def issues_csv(request: PageRequest, connection_id: int) -> StreamingHttpResponse:
    """The same as a file, all of it."""
    connection = get_object_or_404(Connection, pk=connection_id)
    return download(export.open_issues(_wanted(request, connection)))


@require_POST
@operator_required
def retry(request: PageRequest, connection_id: int) -> HttpResponse:
    """Has one issue, or all of a cause, or all tried again with the next sync. The address holds the page's filter."""
    connection = get_object_or_404(Connection, pk=connection_id)
    chosen = request.POST.get("issue", "")
    sobject, code = clean(request.POST.get("object", "")), clean(request.POST.get("code", ""))
    said, problem = "", ""
    try:
        if chosen:
            done = issues.retry([int(chosen) if _is_number(chosen) else 0], of=connection)
        else:
            done = issues.retry_all(issues.Filter(connection, sobject=sobject or None, code=code or None))
    except issues.NoSuchIssue as settled:
        problem = str(settled)
    else:
        said = f"{counted(done.issues, 'issue is', 'issues are')} tried again with the next sync."
    if request.htmx:
        return _anew(request, connection, retrying(connection), request.POST, said, problem)
    if problem:
        messages.info(request, problem)
    else:
        messages.success(request, said)
    back, query = reverse("issues", args=[connection.pk]), _query(_wanted(request, connection))
    return HttpResponseRedirect(_record_page(request) or (f"{back}?{query}" if query else back))


def _record_page(request: PageRequest) -> str:
    """The page of the record on which the button was pressed; empty where it was the list of issues."""
    record, pk = request.POST.get("record", ""), request.POST.get("id", "")
    is_one = record in {spec.local for spec in configurable()} and _is_number(pk)
    return reverse(f"{record}-overview", args=[int(pk)]) if is_one else ""


def _anew(
    request: PageRequest, connection: Connection, now: Retrying, sent: QueryDict, said: str = "", problem: str = ""
) -> HttpResponse:
    """The causes, and the rows that the page shows, as they are now: also of what is no issue any more."""
    wanted = _wanted(request, connection)
    ids, tried = (_numbers(sent.get(name, "")) for name in ("rows", "tried"))
    chosen = _numbers(sent.get("issue", ""))
    found = list(Issue.objects.filter(connection=connection, pk__in={*ids, *tried, *chosen}).order_by("-id"))
    shown = _shown(connection, wanted, now, found, frozenset(tried))
    news = {"causes": _causes(wanted, now), "problem": problem, "said": said}
    return render(request, "runs/open_issues_anew.html", {**shown, **news})


def _shown(
    connection: Connection,
    wanted: issues.Filter,
    now: Retrying,
    found: list[Issue],
    tried: frozenset[int] = frozenset(),
) -> dict[str, object]:
    names = issues.names(found)
    return {
        "connection": connection,
        "now": now,
        "rows": [_row(issue, names, now, tried) for issue in found],
        "sobject": wanted.sobject or "",
        "code": wanted.code or "",
        "record": wanted.local_id or "",
        "query": _query(wanted),
    }


def _causes(wanted: issues.Filter, now: Retrying) -> list[CauseRow]:
    return [
        CauseRow(cause, now.by_when(cause.sobject) if cause.retried == cause.issues else "")
        for cause in issues.by_cause(wanted)
    ]


def _wanted(request: PageRequest, connection: Connection) -> issues.Filter:
    """Records of different objects may have the same number, so one is asked for with its object."""
    sobject, code, record = request.GET.get("object", ""), clean(request.GET.get("code", "")), request.GET.get("record")
    known = sobject if sobject in OBJECTS else None
    of = int(record) if record and known and _is_number(record) else None
    return issues.Filter(connection, sobject=known, code=code or None, local_id=of)


def _query(wanted: issues.Filter) -> str:
    """The filter as an address holds it."""
    asked = QueryDict(mutable=True)
    parts = {"object": wanted.sobject, "code": wanted.code, "record": wanted.local_id}
    asked.update({name: str(value) for name, value in parts.items() if value})
    return asked.urlencode()


def _numbers(text: str) -> list[int]:
    return [int(each) for each in text[: MOST_SHOWN * 20].split(",") if _is_number(each)][:MOST_SHOWN]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18


def _row(issue: Issue, names: dict[tuple[str, int], str], now: Retrying, tried: frozenset[int]) -> IssueRow:
    name = names.get((issue.sobject, issue.local_id), "")
    local = OBJECTS[issue.sobject].local if issue.sobject in OBJECTS else ""
    address = f"{local}-overview" if name and local in _WITH_PAGES else ""
    said = ""
    if issue.is_open and issue.retry_at is not None:
        said = now.by_when(issue.sobject)
    elif issue.is_open and issue.pk in tried:
        said = "Tried again, and refused again"
    return IssueRow(issue, object_label(issue.sobject), refusal(issue.code), name, address, said)
