"""The files that were given: the form that takes one, and what became of the others."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from abmatic.audiences.csv_import import verbs
from abmatic.audiences.csv_import.models import FileImport
from abmatic.audiences.csv_import.refusals import FileRefused
from abmatic.web.csv_import.upload import FIELD, Keeping
from abmatic.web.grids.columns import SPECS
from abmatic.web.http import PageRequest
from abmatic.web.roles import operator_required

PAGE = 50


# Who asks is known before anything of the body is read; the token is in the body, and is checked once that is.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@operator_required
def files(request: PageRequest, record: str) -> HttpResponse:
    """Past imports, and the form for a new one."""
    if request.method != "POST":
        return _page(request, record)
    handler = Keeping(record, request.user)
    request.upload_handlers = [handler]
    answer = _receive(request, record, handler)
    if handler.kept is not None and handler.kept.state == FileImport.State.UPLOADING:
        # A form without its token: its file isn't wanted.
        FileImport.objects.filter(pk=handler.kept.pk, state=FileImport.State.UPLOADING).delete()
    return answer


@csrf_protect
def _receive(request: PageRequest, record: str, handler: Keeping) -> HttpResponse:
    # The body is read here at the latest.
    request.FILES.get(FIELD)
    if handler.kept is None:
        return _page(request, record, handler.refused or "Choose a file.")
    try:
        file = verbs.look_at(handler.kept)
    except FileRefused as refused:
        return _page(request, record, str(refused))
    return HttpResponseRedirect(reverse(f"{record}-import", args=[file.pk]))


def _page(request: PageRequest, record: str, problem: str = "") -> HttpResponse:
    given = request.GET.get("before", "")
    found = FileImport.objects.filter(record=record).exclude(state=FileImport.State.UPLOADING)
    if given.isascii() and given.isdigit() and len(given) < 19:
        found = found.filter(pk__lt=int(given))
    listed = list(found.select_related("asked_by", "api_key", "collection").order_by("-pk")[: PAGE + 1])
    context = {
        "spec": SPECS[record],
        "files": listed[:PAGE],
        "next": listed[PAGE - 1].pk if len(listed) > PAGE else None,
        "most": settings.ENVIRONMENT.import_file_megabytes,
        "problem": problem,
    }
    return render(request, "csv_import/files.html", context, status=400 if problem else 200)
