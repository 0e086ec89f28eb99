"""The open issues of a connection: by cause, record by record, and trying them again."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from abmatic.audiences.counted import counted
from abmatic.sync import export, issues
from abmatic.sync.models import Connection, Issue
from abmatic.sync.objects import OBJECTS, configurable
from abmatic.sync.refusals import Refusal, refusal
from abmatic.web.csv_files import download
from abmatic.web.grids.filters import clean
from abmatic.web.http import PageRequest
from abmatic.web.roles import operator_required
from abmatic.web.running import object_label

PAGE = 50
# The local records that have a page of their own.
_WITH_PAGES = frozenset({"account", "contact", "opportunity", "campaign"})


@dataclass(frozen=True, slots=True)
class IssueRow:
    """An issue in the list. ``address`` names its record's page, "" where there is none."""

    issue: Issue
    label: str
    refusal: Refusal
    name: str
    address: str


@require_safe
def open_issues(request: PageRequest, connection_id: int) -> HttpResponse:
    """What could not be written to Salesforce: the causes, then the newest; older ones come as the list scrolls."""
    connection = get_object_or_404(Connection, pk=connection_id)
    wanted = _wanted(request, connection)
    before = request.GET.get("before", "")
    found = issues.listed(wanted, before=int(before) if _is_number(before) else None, limit=PAGE + 1)
    names = issues.names(found)
    is_more_rows = request.htmx and before
    return render(
        request,
        "runs/open_issues_rows.html" if is_more_rows else "runs/open_issues.html",
        {
            "connection": connection,
            "causes": [] if is_more_rows else issues.by_cause(wanted),
            "rows": [_row(issue, names) for issue in found[:PAGE]],
            "older": found[PAGE - 1].pk if len(found) > PAGE else None,
            "objects": [(spec.name, spec.label_plural) for spec in configurable()],
            "sobject": wanted.sobject or "",
            "code": wanted.code or "",
            "record": wanted.local_id or "",
        },
    )


@require_safe
def issues_csv(request: PageRequest, connection_id: int) -> StreamingHttpResponse:
    """The same as a file, all of it."""
    connection = get_object_or_404(Connection, pk=connection_id)
    return download(export.open_issues(_wanted(request, connection)))


@require_POST
@operator_required
def retry(request: PageRequest, connection_id: int) -> HttpResponse:
    """Has one issue, or all of a cause, or all tried again with the next sync."""
    connection = get_object_or_404(Connection, pk=connection_id)
    chosen = request.POST.get("issue", "")
    sobject, code = clean(request.POST.get("object", "")), clean(request.POST.get("code", ""))
    try:
        if chosen:
            done = issues.retry([int(chosen) if _is_number(chosen) else 0], of=connection)
        else:
            done = issues.retry_all(issues.Filter(connection, sobject=sobject or None, code=code or None))
    except issues.NoSuchIssue as settled:
        messages.info(request, str(settled))
    else:
        one = counted(done.issues, "issue is", "issues are")
        messages.success(request, f"{one} tried again with the next sync.")
    return HttpResponseRedirect(_record_page(request) or reverse("issues", args=[connection.pk]))


def _record_page(request: PageRequest) -> str:
    """The page of the record on which the button was pressed; empty where it was the list of issues."""
    record, pk = request.POST.get("record", ""), request.POST.get("id", "")
    is_one = record in {spec.local for spec in configurable()} and _is_number(pk)
    return reverse(f"{record}-overview", args=[int(pk)]) if is_one else ""


def _wanted(request: PageRequest, connection: Connection) -> issues.Filter:
    """Records of different objects may have the same number, so one is asked for with its object."""
    sobject, code, record = request.GET.get("object", ""), clean(request.GET.get("code", "")), request.GET.get("record")
    known = sobject if sobject in OBJECTS else None
    of = int(record) if record and known and _is_number(record) else None
    return issues.Filter(connection, sobject=known, code=code or None, local_id=of)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18


def _row(issue: Issue, names: dict[tuple[str, int], str]) -> IssueRow:
    name = names.get((issue.sobject, issue.local_id), "")
    local = OBJECTS[issue.sobject].local if issue.sobject in OBJECTS else ""
    address = f"{local}-overview" if name and local in _WITH_PAGES else ""
    return IssueRow(issue, object_label(issue.sobject), refusal(issue.code), name, address)
