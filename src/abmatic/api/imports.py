"""Imports of CSV files: the file is sent, mapped and previewed, then imported; a worker does what can be large."""

# No deferred annotations: ninja reads them from the function, not from the module that wraps it.
import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema
from ninja.params.functions import Path, Query
from pydantic import Field

from abmatic.api.access import OPERATOR, key_of
from abmatic.api.paging import Cursor, Limit, packed, unpacked
from abmatic.api.problems import PROBLEMS, ApiProblem, not_found
from abmatic.api.shapes import Page
from abmatic.api.writing import Answer, IdempotencyKey, once, writing
from abmatic.audiences.csv_import import jobs, storage, verbs
from abmatic.audiences.csv_import.mapping import columns_said
from abmatic.audiences.csv_import.models import FileImport, RejectedRow

router = Router(tags=["Imports"])

ImportId = Annotated[int, Path(ge=1, le=2**63 - 1, description="The import's number.")]
_Kind = Literal["account", "contact", "opportunity"]
_PIECE = 1 << 20
_BODY = {
    "requestBody": {
        "required": True,
        "content": {"text/csv": {"schema": {"type": "string", "format": "binary"}}},
        "description": "The file itself, as it is.",
    }
}


class ImportColumn(Schema):
    """A column of the file, where it goes (as guessed until it is said), and what its first rows hold."""

    heading: str
    field: str | None
    first: list[str]


class ImportShown(Schema):
    """An import: mapping, checking, checked, importing, done, failed or cancelled. ``found``: what its preview says;
    ``counts``: what it did. ``done`` of ``rows`` are written. ``revision`` grows with each choice and each preview."""

    id: int
    record: str
    file_name: str
    size: int
    state: str
    problem: str
    revision: int
    encoding: str
    delimiter: str
    columns: list[ImportColumn]
    duplicates: str
    missing_account: str
    takes_keyless: bool
    decimal_comma: bool
    day_first: bool
    collection: int | None
    collection_name: str
    rows: int | None
    done: int
    found: dict[str, Any] | None
    counts: dict[str, int]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, file: FileImport) -> "ImportShown":
        plain = (name for name in cls.model_fields if name not in {"id", "columns", "collection"})
        return cls(
            id=file.pk,
            collection=file.collection_id,
            columns=[
                ImportColumn(
                    heading=heading, field=file.columns[place],
                    first=[cells[place] for cells in file.sample if place < len(cells)],
                )
                for place, heading in enumerate(file.header)
            ],
            **{name: getattr(file, name) for name in plain},
        )  # fmt: skip


class ImportWanted(Schema):
    """What the columns are and what happens; what isn't named stays as it is. ``columns``: by heading the name of a
    field, or null to ignore it; ``account_by_name``, ``account_by_domain`` and ``account_by_crm_id`` name the account,
    ``crm_id`` is an opportunity's own Salesforce Id. ``collection`` is an existing one, ``collection_name`` a new."""

    columns: dict[Annotated[str, Field(max_length=200)], str | None] | None = Field(
        default=None, examples=[{"E-mail": "work_email", "Company": "account_by_name", "Notes": None}]
    )
    duplicates: Literal["skip", "overwrite", "fill"] | None = None
    missing_account: Literal["leave", "create", "reject"] | None = None
    takes_keyless: bool | None = None
    decimal_comma: bool | None = None
    day_first: bool | None = None
    collection: Annotated[int, Field(ge=1, le=2**63 - 1)] | None = None
    collection_name: str | None = Field(default=None, max_length=200)


class RejectedShown(Schema):
    """A row that isn't imported, or is without its account: which one below the heading, where it begins, and why."""

    number: int
    line: int
    is_repeat: bool
    reason: str


@router.get("/imports", auth=OPERATOR, response={200: Page[ImportShown], **PROBLEMS}, operation_id="list_imports")
def list_imports(request: HttpRequest, record: _Kind | None = None, limit: Limit = 50, cursor: Cursor = None) -> Any:
    """Imports of files, newest first."""
    found = FileImport.objects.exclude(state=FileImport.State.UPLOADING).order_by("-pk")
    if record is not None:
        found = found.filter(record=record)
    if (after := unpacked(cursor, int)) is not None:
        found = found.filter(pk__lt=after[0])
    listed = list(found[: limit + 1])
    more = packed(listed[limit - 1].pk) if len(listed) > limit else None
    return Page(items=[ImportShown.of(file) for file in listed[:limit]], next=more)


@router.post(
    "/imports", auth=OPERATOR, response={201: ImportShown, **PROBLEMS}, operation_id="upload_import",
    openapi_extra=_BODY,
)  # fmt: skip
def upload_import(
    request: HttpRequest,
    record: _Kind,
    name: Annotated[str, Query(min_length=1, max_length=200, description="What the file is called.")] = "import.csv",
    idempotency_key: IdempotencyKey = None,
) -> HttpResponse:
    """Takes a file in: the body is the file, of a size that the installation allows. Its columns are guessed."""
    digest = hashlib.sha256(request.get_full_path().encode() + b"\n\n")
    # Outside of any transaction: a slow upload would hold back whoever follows the change log.
    kept = storage.keep(record, name, _pieces(request, digest), None)
    number = kept.pk
    try:
        return once(request, idempotency_key, digest.digest(), lambda: _taken_in(request, kept))
    finally:
        # What was refused, and what had been sent before.
        FileImport.objects.filter(pk=number, state=FileImport.State.UPLOADING).delete()


def _pieces(request: HttpRequest, digest: Any) -> Iterator[bytes]:
    while piece := request.read(_PIECE):
        digest.update(piece)
        yield piece


def _taken_in(request: HttpRequest, kept: FileImport) -> Answer:
    kept.api_key = key_of(request)
    kept.save(update_fields=["api_key"])
    return Answer(ImportShown.of(verbs.look_at(kept)), 201)


@router.get("/imports/{import_id}", auth=OPERATOR, response={200: ImportShown, **PROBLEMS}, operation_id="show_import")
def show_import(request: HttpRequest, import_id: ImportId) -> Any:
    """How far it is, what its preview says, or what it did."""
    return ImportShown.of(_find(import_id))


@router.post(
    "/imports/{import_id}/preview", auth=OPERATOR, response={202: ImportShown, **PROBLEMS},
    operation_id="preview_import",
)  # fmt: skip
@writing
def preview_import(
    request: HttpRequest, import_id: ImportId, wanted: ImportWanted, idempotency_key: IdempotencyKey = None
) -> Answer:
    """Says what the columns are, and asks what the import would do. A worker finds out; nothing is written."""
    file = _find(import_id)
    verbs.choose(file, _choices(file, wanted))
    jobs.check(file)
    return Answer(ImportShown.of(file), 202)


def _choices(file: FileImport, wanted: ImportWanted) -> verbs.Choices:
    def said(name: str) -> Any:
        value = getattr(wanted, name)
        return getattr(file, name) if value is None else value

    names_one = wanted.collection is not None or wanted.collection_name is not None
    return verbs.Choices(
        columns_said(file, wanted.columns or {}),
        duplicates=said("duplicates"),
        takes_keyless=said("takes_keyless"),
        decimal_comma=said("decimal_comma"),
        day_first=said("day_first"),
        collection=wanted.collection if names_one else file.collection_id,
        collection_name=(wanted.collection_name or "") if names_one else file.collection_name,
        missing_account=said("missing_account"),
    )


@router.post(
    "/imports/{import_id}/start", auth=OPERATOR, response={202: ImportShown, **PROBLEMS}, operation_id="start_import"
)
@writing
def start_import(
    request: HttpRequest,
    import_id: ImportId,
    revision: Annotated[int | None, Query(ge=0, le=2**31 - 1, description="Only if the preview is still this.")] = None,
    idempotency_key: IdempotencyKey = None,
) -> Answer:
    """Imports what was previewed; one that failed goes on after the last row that it wrote. A worker does it."""
    file = _find(import_id)
    if file.can_go_on:
        jobs.resume(file)
    else:
        jobs.start(file, None, revision)
    return Answer(ImportShown.of(file), 202)


@router.post(
    "/imports/{import_id}/cancel", auth=OPERATOR, response={200: ImportShown, **PROBLEMS}, operation_id="cancel_import"
)
@writing
def cancel_import(request: HttpRequest, import_id: ImportId, idempotency_key: IdempotencyKey = None) -> Answer:
    """Stops a preview or an import, or gives the file up. What is written stays."""
    file = _find(import_id)
    if not verbs.cancel(file):
        reason = f"It is {file.get_state_display().lower()} already."
        raise ApiProblem(409, "not_imported", "The import can't be cancelled", reason, "There is nothing to do.")
    file.refresh_from_db()
    return Answer(ImportShown.of(file))


@router.get(
    "/imports/{import_id}/rejected",
    auth=OPERATOR,
    response={200: Page[RejectedShown], **PROBLEMS},
    operation_id="list_rejected",
)
def list_rejected(
    request: HttpRequest, import_id: ImportId, without_account: bool = False, limit: Limit = 50, cursor: Cursor = None
) -> Any:
    """The rows that are not imported, with the reasons; or (``without_account``) those imported without the account
    that they name."""
    file = _find(import_id)
    found = RejectedRow.objects.filter(file=file, is_imported=without_account).order_by("number")
    if (after := unpacked(cursor, int)) is not None:
        found = found.filter(number__gt=after[0])
    listed = list(found[: limit + 1])
    items = [
        RejectedShown(number=row.number, line=row.line, is_repeat=row.is_repeat, reason=row.reason)
        for row in listed[:limit]
    ]
    return Page(items=items, next=packed(listed[limit - 1].number) if len(listed) > limit else None)


def _find(import_id: int) -> FileImport:
    file = FileImport.objects.exclude(state=FileImport.State.UPLOADING).filter(pk=import_id).first()
    if file is None:
        raise not_found("import", import_id)
    return file
