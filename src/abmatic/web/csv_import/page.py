"""One import: its columns are chosen, what it would do is shown, it goes on, it is over. One address for all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from abmatic.audiences.csv_import import jobs, rejected, verbs
from abmatic.audiences.csv_import.dialect import DELIMITERS, ENCODINGS
from abmatic.audiences.csv_import.mapping import field_named
from abmatic.audiences.csv_import.models import FileImport, RejectedRow
from abmatic.audiences.csv_import.references import importable, references
from abmatic.audiences.csv_import.refusals import ImportRefused
from abmatic.audiences.csv_import.verbs import Choices
from abmatic.audiences.custom_fields import TYPES
from abmatic.audiences.formulas import harmless
from abmatic.audiences.models import Collection
from abmatic.web.csv_files import csv_file
from abmatic.web.grids.columns import SPECS
from abmatic.web.grids.filters import MOST_COLLECTIONS, written
from abmatic.web.http import PageRequest
from abmatic.web.roles import operator_required

# Rejected rows that the page shows; the file has all.
REJECTED_SHOWN = 10
# Of the time an import takes, reading is about this share.
_READING = 0.4
_CHOOSING = (FileImport.State.MAPPING, FileImport.State.CHECKED)


@dataclass(frozen=True, slots=True)
class ColumnShown:
    """A column of the file: where it goes, some of what it holds, what doesn't fit."""

    place: int
    heading: str
    samples: Sequence[str]
    chosen: str
    unfit: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Count:
    """A number of rows and what it counts."""

    label: str
    number: int
    url: str = ""


@dataclass(frozen=True, slots=True)
class NamedShown:
    """What became of the accounts that rows name: how many rows, what that means, and a few of them."""

    label: str
    number: int
    hint: str
    samples: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class SampleShown:
    """A row of the preview: its line, its record, and each field before and after."""

    line: int
    name: str
    url: str
    fields: Sequence[tuple[str, object, object]] = field(default_factory=list)


@require_http_methods(["GET", "HEAD", "POST"])
@operator_required
def page(request: PageRequest, record: str, file_id: int) -> HttpResponse:
    """The import as it is. POST keeps what was chosen and has it checked, or reads the file otherwise."""
    file = _file(record, file_id)
    if request.method == "POST":
        return _choose(request, file)
    if file.state == FileImport.State.MAPPING or (file.state == FileImport.State.CHECKED and "edit" in request.GET):
        return _columns(request, file, _kept(file))
    return render(request, "csv_import/page.html", {**_context(file), **_state(file)})


@require_POST
@operator_required
def notes(request: PageRequest, record: str, file_id: int) -> HttpResponse:
    """What doesn't fit, while columns are being chosen."""
    file = _file(record, file_id)
    if file.state not in _CHOOSING:
        return HttpResponseClientRefresh()
    return render(request, "csv_import/notes.html", {"columns": _shown(file, _given(request, file), request.POST)})


@require_safe
@operator_required
def live(request: PageRequest, record: str, file_id: int) -> HttpResponse:
    """How far it is; when that is over, the browser is told to open the page again."""
    file = _file(record, file_id)
    if not file.is_at_work:
        return HttpResponseClientRefresh()
    return render(request, "csv_import/live.html", {**_context(file), **_state(file)})


@require_POST
@operator_required
def start(request: PageRequest, record: str, file_id: int) -> HttpResponse:
    """Imports what was checked, as the person saw it; one that failed goes on."""
    file = _file(record, file_id)
    try:
        if file.can_go_on:
            jobs.resume(file)
        else:
            jobs.start(file, request.user, _revision(request.POST.get("revision", "")))
    except ImportRefused as refused:
        messages.error(request, str(refused))
    return HttpResponseRedirect(reverse(f"{record}-import", args=[file.pk]))


@require_POST
@operator_required
def cancel(request: PageRequest, record: str, file_id: int) -> HttpResponse:
    """Stops a check or an import, or gives the file up."""
    file = _file(record, file_id)
    if not verbs.cancel(file):
        messages.info(request, "It was over already.")
    return HttpResponseRedirect(reverse(f"{record}-import", args=[file.pk]))


@require_safe
@operator_required
def rejected_csv(request: PageRequest, record: str, file_id: int) -> HttpResponseBase:
    """The rows that were not taken, with their lines and the reasons."""
    file = _file(record, file_id)
    if file.removed_at is not None:
        raise Http404("The file and its rejected rows were removed, as old.")
    head = [harmless(each) for each in rejected.head(file)]
    if "imported" in request.GET:
        return csv_file(f"without-account-{file.pk}.csv", head, rejected.rows(file, imported=True))
    return csv_file(f"rejected-{file.pk}.csv", head, rejected.rows(file))


def _revision(text: str) -> int:
    """No revision that there is, where the form names none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


def _file(record: str, file_id: int) -> FileImport:
    known = FileImport.objects.select_related("collection", "asked_by", "api_key").exclude(
        state=FileImport.State.UPLOADING
    )
    return get_object_or_404(known, pk=file_id, record=record)


# -- choosing


def _choose(request: PageRequest, file: FileImport) -> HttpResponse:
    given = _given(request, file)
    here = HttpResponseRedirect(reverse(f"{file.record}-import", args=[file.pk]))
    try:
        if request.POST.get("do") == "read":
            verbs.read_as(file, request.POST.get("encoding", ""), request.POST.get("delimiter", ""))
            return HttpResponseRedirect(f"{here.url}?edit")
        for text in _texts(file, request.POST):
            if text:
                field_named(file.record, text)
        verbs.choose(file, given)
        jobs.check(file)
    except ImportRefused as refused:
        file.refresh_from_db()
        if file.state not in _CHOOSING:
            messages.error(request, str(refused))
            return here
        return _columns(request, file, given, str(refused), request.POST)
    return here


def _given(request: PageRequest, file: FileImport) -> Choices:
    """What the form holds. A text that names no field is as good as none here."""
    sent = request.POST
    collection = sent.get("collection", "")
    return Choices(
        [_named(file.record, text) for text in _texts(file, sent)],
        duplicates=sent.get("duplicates", ""),
        takes_keyless="takes_keyless" in sent,
        decimal_comma=sent.get("decimal") == ",",
        day_first=sent.get("days") == "first",
        collection=int(collection) if collection.isascii() and collection.isdigit() and len(collection) < 19 else None,
        collection_name=sent.get("collection_name", ""),
        missing_account=sent.get("missing_account", FileImport.MissingAccount.LEAVE),
    )


def _kept(file: FileImport) -> Choices:
    return Choices(
        file.columns, file.duplicates, file.takes_keyless, file.decimal_comma, file.day_first, file.collection_id,
        file.collection_name, file.missing_account,
    )  # fmt: skip


def _texts(file: FileImport, sent: Any) -> list[str]:
    return [sent.get(f"field-{place}", "").strip() for place in range(len(file.header))]


def _named(record: str, text: str) -> str | None:
    try:
        return field_named(record, text).name if text else None
    except ImportRefused:
        return None


def _columns(
    request: PageRequest, file: FileImport, given: Choices, problem: str = "", sent: Any = None
) -> HttpResponse:
    taking = Collection.objects.filter(record=file.record).exclude(kind=Collection.Kind.DYNAMIC)
    context = {
        **_context(file),
        "columns": _shown(file, given, sent),
        "fields": [(each, TYPES.get(each.type, each.type.value.capitalize())) for each in importable(file.record)],
        "given": given,
        "duplicates": _DUPLICATES,
        "missing": _MISSING if references(file.record) else (),
        "collections": taking.order_by("name", "id")[:MOST_COLLECTIONS],
        "problem": problem or file.problem,
        "looked_at": verbs.LOOKED_AT,
        "encodings": ENCODINGS,
        "delimiters": DELIMITERS,
    }
    return render(request, "csv_import/columns.html", context, status=400 if problem else 200)


_DUPLICATES = (
    ("fill", "Fill empty only", "values go where the record has none"),
    ("overwrite", "Overwrite", "values of the file take the place of others; empty cells change nothing"),
    ("skip", "Skip", "records that are here already stay as they are"),
)


_MISSING = (
    ("leave", "Leave it empty", "the row is imported, and listed in a report"),
    ("create", "Create the account", "by its name or domain; not possible by Id"),
    ("reject", "Reject the row", "it is listed with the reason"),
)


def _shown(file: FileImport, given: Choices, sent: Any = None) -> list[ColumnShown]:
    """The columns of the file. Of a form, ``sent`` has what was typed, right or not."""
    labels = {each.name: each.label for each in importable(file.record)}
    texts = _texts(file, sent) if sent is not None else [labels.get(name or "", "") for name in given.columns]
    problems = [
        "There is no such field." if text and name is None else ""
        for text, name in zip(texts, given.columns, strict=True)
    ]
    taken: dict[str, str] = {}
    for place, name in enumerate(given.columns):
        if name is not None and taken.setdefault(name, file.header[place]) != file.header[place]:
            problems[place] = f"“{taken[name]}” goes there already."
    try:
        unfit = verbs.unfit_at_first(file, given)
    except ImportRefused:
        unfit = {}
    return [
        ColumnShown(
            place, heading, [cells[place] for cells in file.sample if place < len(cells) and cells[place]][:3],
            texts[place], unfit.get(place, 0), problems[place],
        )
        for place, heading in enumerate(file.header)
    ]  # fmt: skip


# -- showing


def _context(file: FileImport) -> dict[str, Any]:
    return {
        "file": file,
        "spec": SPECS[file.record],
        "encoding": ENCODINGS.get(file.encoding, file.encoding),
        "delimiter": DELIMITERS.get(file.delimiter, file.delimiter),
    }


def _state(file: FileImport) -> dict[str, Any]:
    """What the page says of an import that is under way, was checked, or is over."""
    numbers = file.found if file.state in {FileImport.State.CHECKING, FileImport.State.CHECKED} else file.counts
    listed = RejectedRow.objects.filter(file=file).order_by("number")
    is_known = file.state != FileImport.State.CHECKING
    return {
        "progress": _progress(file),
        "counts": _counts(file, numbers or {}),
        "many_rejected": (numbers or {}).get("rejected", 0) + (numbers or {}).get("repeated", 0),
        "rejected": list(listed.filter(is_imported=False)[:REJECTED_SHOWN]) if is_known else [],
        "many_unlinked": _many_unlinked(file, numbers or {}),
        "unlinked": list(listed.filter(is_imported=True)[:REJECTED_SHOWN]) if is_known else [],
        "named": _named_accounts(file),
        "created": _samples(file, "created"),
        "updated": _samples(file, "updated"),
        "per_field": _per_field(file),
        "action": {name: label for name, label, _ in _DUPLICATES}[file.duplicates],
    }


def _progress(file: FileImport) -> float | None:
    """A share of the whole; None while nothing is known."""
    read = file.bytes_read / file.size if file.size else 0.0
    if file.state == FileImport.State.CHECKING:
        return read
    return _READING * read + (1 - _READING) * (file.done / file.rows if file.rows else 0.0)


def _counts(file: FileImport, numbers: dict[str, Any]) -> list[Count]:
    label = SPECS[file.record].label.lower()
    is_over = file.state not in {FileImport.State.CHECKED, FileImport.State.CHECKING}
    is_done = file.state in file.OVER
    listed = [
        Count(f"New {label}", numbers.get("created", 0), _records(file, "made_by") if is_done else ""),
        Count(
            "Changed" if is_over else "Will change",
            numbers.get("updated", 0),
            _records(file, "changed_by") if is_done else "",
        ),
        Count("Unchanged", numbers.get("unchanged", 0)),
        Count("Skipped", numbers.get("skipped", 0)),
        Count("Repeats", numbers.get("repeated", 0)),
        Count("Rejected", numbers.get("rejected", 0)),
    ]
    # The preview says more of accounts, in a card of its own.
    if is_over and (numbers.get("linked") or numbers.get("unlinked") or numbers.get("accounts_made")):
        listed += [
            Count("With their account", numbers.get("linked", 0)),
            Count("Without it", numbers.get("unlinked", 0)),
            Count("New accounts", numbers.get("accounts_made", 0)),
        ]
    is_skipping = file.duplicates == FileImport.Duplicates.SKIP
    return [each for each in listed if each.label not in ({"Unchanged"} if is_skipping else {"Skipped"})]


def _records(file: FileImport, word: str) -> str:
    """The list of the records that it made, or changed."""
    return f"{reverse(SPECS[file.record].page)}?{urlencode({'filter': written({word: file.pk})})}"


def _many_unlinked(file: FileImport, numbers: dict[str, Any]) -> int:
    """Rows that are imported without the account they name. A preview has written down each of them."""
    if file.state == FileImport.State.CHECKED:
        return RejectedRow.objects.filter(file=file, is_imported=True).count()
    number: int = numbers.get("unlinked", 0)
    return number


_ABSENT = {
    "leave": "Not found here. They are imported without an account, and listed below.",
    "create": "Nothing usable is named, so no account can be made of it. These rows are rejected.",
    "reject": "Not found here. These rows are rejected.",
}


def _named_accounts(file: FileImport) -> list[NamedShown]:
    """What the preview found for the accounts that rows name."""
    if file.state != FileImport.State.CHECKED or not file.found or not (found := file.found.get("accounts")):
        return []
    made = found["accounts_made"]
    hints = {
        "linked": ("Found", "Rows whose account is here."),
        "created": ("To be created", f"{made:,} new account{'' if made == 1 else 's'}, each once, whoever names it."),
        "missing": ("Not found", _ABSENT[file.missing_account]),
        "ambiguous": ("Ambiguous", "Several accounts are called so. These rows are rejected: nobody guesses which."),
        "kept": ("Stay with another", "They have another account here, which this import doesn’t change."),
    }
    return [
        NamedShown(label, found[kind], hint, found["samples"][kind])
        for kind, (label, hint) in hints.items()
        if found[kind] or kind == "linked"
    ]


def _labels(file: FileImport) -> dict[str, str]:
    return {**{each.name: each.label for each in importable(file.record)}, "account_id": "Account"}


def _samples(file: FileImport, which: str) -> list[SampleShown]:
    if file.state != FileImport.State.CHECKED or not file.found:
        return []
    labels = _labels(file)
    return [
        SampleShown(
            one["line"],
            one["key"] or "",
            reverse(f"{file.record}-overview", args=[one["id"]]) if one["id"] else "",
            [(labels.get(each["field"], each["field"]), each["before"], each["after"]) for each in one["fields"]],
        )
        for one in file.found["samples"].get(which, [])
    ]


def _per_field(file: FileImport) -> list[Count]:
    if file.state != FileImport.State.CHECKED or not file.found:
        return []
    labels = _labels(file)
    return [Count(labels.get(name, name), many) for name, many in file.found["fields"].items()]
