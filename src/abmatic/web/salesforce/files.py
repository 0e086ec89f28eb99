"""The settings of a connection as a file: written, and read back after showing what that would change."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from abmatic.sync import settings_file
from abmatic.sync.models import Connection
from abmatic.sync.settings_file import Plan, PlanOutdated
from abmatic.sync.settings_history import Author
from abmatic.sync.settings_reading import FileRefused
from abmatic.web.http import PageRequest
from abmatic.web.roles import administrator_required

_LARGEST = 1_000_000


@require_safe
@administrator_required
def settings_yaml(request: PageRequest, connection_id: int) -> HttpResponse:
    """The file."""
    connection = get_object_or_404(Connection, pk=connection_id)
    answer = HttpResponse(settings_file.export_yaml(connection), content_type="application/yaml; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="abmatic-settings-{connection.pk}.yaml"'
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
@administrator_required
def settings_page(request: PageRequest, connection_id: int) -> HttpResponse:
    """Takes a file, shows what it would change, and applies it when that is wanted."""
    connection = get_object_or_404(Connection, pk=connection_id)
    context: dict[str, object] = {"connection": connection}
    if request.method == "POST":
        try:
            text = _text(request)
            context["text"] = text
            context["plan"] = plan = _plan(connection, text)
            if "apply" in request.POST:
                plan.apply(Author(request.user))
                messages.success(request, f"Applied: {plan.summary}.")
                for hint in plan.hints():
                    messages.info(request, hint)
                return HttpResponseRedirect(reverse("connection", args=[connection.pk]))
        except FileRefused as refused:
            context["problems"] = refused.problems
        except PlanOutdated as outdated:
            context["problems"] = [str(outdated)]
    return render(request, "salesforce/file.html", context, status=400 if "problems" in context else 200)


def _text(request: PageRequest) -> str:
    """What was uploaded, or what was shown before and is to be applied."""
    file = request.FILES.get("file")
    if file is None:
        text = request.POST.get("text", "")
        if not text.strip():
            raise FileRefused(["Choose a file, or paste its text."])
        return text
    if file.size is None or file.size > _LARGEST:
        raise FileRefused([f"{file.name} is larger than {_LARGEST:,} bytes, which no settings file is."])
    try:
        return str(file.read(), "utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileRefused([f"{file.name} is no UTF-8 text (byte {error.start})."]) from error


def _plan(connection: Connection, text: str) -> Plan:
    plan = settings_file.plan_import(text)
    others = [entry.name for entry in plan.entries if settings_file.connection_of(entry) != connection]
    if others:
        problem = (
            f"{', '.join(others)}: this page changes the settings of {connection} only. Import other connections "
            "on their own pages, or all at once with: abmatic settings import"
        )
        raise FileRefused([problem])
    return plan
