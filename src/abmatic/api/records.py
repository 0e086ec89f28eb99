"""Accounts, contacts and opportunities: lists, one of them, making, changing, many at once."""

# No deferred annotations: ninja reads them where the operations are made, in a function.
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, cast

from django.db.models import Func, QuerySet, Value
from django.http import HttpRequest
from ninja import Router, Schema
from ninja.params.functions import Body, Header, Path, Query
from pydantic import AwareDatetime, Field, create_model

from abmatic.api.access import OPERATOR, VIEWER, act_of
from abmatic.api.paging import Cursor, Limit, packed, unpacked
from abmatic.api.problems import PROBLEMS, ApiProblem, Fault, not_found
from abmatic.api.shapes import CauseShown, ChangeShown, Page, number
from abmatic.api.writing import Answer, IdempotencyKey, writing
from abmatic.audiences import editing
from abmatic.audiences.custom_fields import values_of_all
from abmatic.audiences.editing import Edit, Saved
from abmatic.audiences.fields import FIELDS, FieldType, LocalField
from abmatic.audiences.models import Account, Contact, CustomField, Opportunity
from abmatic.changes.latest import last_changes
from abmatic.changes.models import Change
from abmatic.sync.links import links_of
from abmatic.sync.models import Role

MOST_AT_ONCE = 1_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST = 2**63 - 1

Local = Account | Contact | Opportunity
RecordId = Annotated[int, Path(ge=1, le=_LARGEST, description="The record's number here.")]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=60,
        description="The `ETag` (or `version`) that you read: the record is changed only if it is still so.",
    ),
]
_Text = r"^[^\x00]*$"

_PLURALS = {"account": "accounts", "contact": "contacts", "opportunity": "opportunities"}
_READ: dict[FieldType, Any] = {
    FieldType.INTEGER: int,
    FieldType.NUMBER: int | float | str,
    FieldType.DATE: date,
    FieldType.DATETIME: datetime,
    FieldType.BOOLEAN: bool,
}
_WRITTEN: dict[FieldType, dict[str, Any]] = {
    FieldType.INTEGER: {"type": ["integer", "string", "null"]},
    FieldType.NUMBER: {"type": ["number", "string", "null"]},
    FieldType.DATE: {"type": ["string", "null"], "examples": ["2026-01-31"]},
    FieldType.BOOLEAN: {"type": "boolean"},
}


class OwnerShown(Schema):
    """Who owns a record in the CRM."""

    id: int
    name: str
    email: str | None


class LinkShown(Schema):
    """A Salesforce record that a record is linked to. Of duplicates one is the primary; the others write nothing."""

    connection: int
    object: str
    id: str
    url: str
    is_primary: bool
    is_deleted: bool
    modified_at: datetime


class RecordShown(Schema):
    """What every record has. ``version`` is what `If-Match` takes; ``custom``: the fields made in this installation."""

    id: int
    version: str
    owner_id: int | None
    custom: dict[str, int | float | str | bool | None]
    created_at: datetime
    updated_at: datetime


class Whole(Schema):
    """What a single record tells besides. ``sources``: what last changed each field since the record was made."""

    owner: OwnerShown | None
    created_by: CauseShown | None
    salesforce: list[LinkShown]
    sources: dict[str, CauseShown]


class BatchResult(Schema):
    """What became of one record of a call: created, updated, unchanged or refused."""

    index: int
    status: str
    id: int | None = None
    errors: list[Fault] = Field(default_factory=list)


class BatchShown(Schema):
    """What became of each record of a call, in its order."""

    results: list[BatchResult]
    created: int
    updated: int
    unchanged: int
    refused: int


class Many(Schema):
    """Up to 1,000 records. Each names its ``id``, or is found by its key (website, work_email), or is made."""

    records: Annotated[list[dict[str, Any]], Body(min_length=1, max_length=MOST_AT_ONCE)]


def _shape(record: str, name: str, *bases: type[Schema]) -> type[Schema]:
    more: dict[str, Any] = {each.name: (_READ.get(each.type, str) | None, None) for each in FIELDS[record]}
    if record in editing.KEYS:
        more[editing.KEYS[record].column] = (str | None, None)
    if record == "contact":
        more["kind"] = (str, "")
    more |= dict.fromkeys(editing.REFERENCES.get(record, {}), (int | None, None))
    return cast("type[Schema]", create_model(name, __base__=bases, **more))


ROWS = {record: _shape(record, f"{record.capitalize()}Row", RecordShown) for record in _PLURALS}
SHOWN = {record: _shape(record, f"{record.capitalize()}Shown", Whole, RecordShown) for record in _PLURALS}


def version_of(moment: datetime) -> str:
    """The ETag of a record that was last changed then: the microsecond."""
    return f'"{(moment - _EPOCH) // timedelta(microseconds=1)}"'


def row(record: str, local: Local, custom: Mapping[str, Any]) -> dict[str, Any]:
    """A record as a list tells it."""
    told: dict[str, Any] = {
        "id": local.pk,
        "version": version_of(local.updated_at),
        **{each.name: _told(each, getattr(local, each.name)) for each in FIELDS[record]},
        "owner_id": local.owner_id,
        "custom": custom,
        "created_at": local.created_at,
        "updated_at": local.updated_at,
    }
    if record in editing.KEYS:
        told[editing.KEYS[record].column] = getattr(local, editing.KEYS[record].column)
    if isinstance(local, Contact):
        told["kind"] = local.kind
    return told | {reference: getattr(local, reference) for reference in editing.REFERENCES.get(record, {})}


def whole(record: str, record_id: int) -> Schema:
    """A record with its links and the sources of its values. Raises `ApiProblem`."""
    found = editing.MODELS[record].objects.select_related("owner", "created_by__user").filter(pk=record_id).first()
    if found is None:
        raise not_found(record, record_id)
    local: Local = found
    owner, made_by = local.owner, local.created_by
    told = Whole(
        owner=OwnerShown(id=owner.pk, name=owner.name, email=owner.email) if owner else None,
        created_by=CauseShown.of(made_by) if made_by else None,
        salesforce=[
            LinkShown(
                connection=link.connection.pk,
                object=link.sobject,
                id=link.sf_id,
                url=link.url,
                is_primary=link.role == Role.PRIMARY,
                is_deleted=link.is_deleted,
                modified_at=link.modstamp,
            )
            for link in links_of(record, record_id)
        ],
        sources={name: CauseShown.of(change.cause) for name, change in last_changes(record, record_id).items() if name},
    )
    return SHOWN[record](**row(record, local, _custom(record, [record_id])[record_id]), **dict(told))


def _told(field: LocalField, value: Any) -> Any:
    if field.type is FieldType.NUMBER:
        return number(value)
    return value.isoformat() if field.is_custom and isinstance(value, date) else value


def _custom(record: str, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The custom fields of some records, by name."""
    return {
        record_id: {field.name: _told(field, value) for field, value in values}
        for record_id, values in values_of_all(record, ids).items()
    }


def _page(record: str, found: QuerySet[Any], cursor: str | None, limit: int) -> Page[Any]:
    """A page of records in the order of their numbers."""
    position = unpacked(cursor, int)
    if position is not None:
        found = found.filter(pk__gt=position[0])
    locals_ = list(found.order_by("pk")[: limit + 1])
    customs = _custom(record, [local.pk for local in locals_])
    items = [ROWS[record](**row(record, local, customs[local.pk])) for local in locals_[:limit]]
    return Page(items=items, next=packed(locals_[limit - 1].pk) if len(locals_) > limit else None)


def _document(record: str, *, with_id: bool = False) -> dict[str, Any]:
    """The JSON schema of what may be written."""
    properties = {
        each.name: {**_WRITTEN.get(each.type, {"type": ["string", "null"]}), "title": each.label}
        for each in FIELDS[record]
        if not each.is_derived
    }
    identity = {"type": "integer", "minimum": 1, "maximum": _LARGEST}
    properties |= {name: {**identity, "type": ["integer", "null"]} for name in editing.REFERENCES.get(record, {})}
    properties["custom"] = {
        "type": "object",
        "description": "Fields that were made in this installation, by name: GET /api/v1/fields tells them.",
        "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
    }
    if with_id:
        properties["id"] = identity
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _body(schema: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"content": {"application/json": {"schema": schema}}, "required": True}}


# -- writing


def _values(given: Mapping[str, Any]) -> dict[str, Any]:
    """What is given, field by field: custom fields are fields like any other."""
    values = dict(given)
    custom = values.get("custom")
    if isinstance(custom, dict):
        del values["custom"]
        # What is no custom field's name stays told as it was given, and is refused.
        values |= {name if name.startswith(CustomField.PREFIX) else f"custom.{name}": v for name, v in custom.items()}
    return values


_STATUS = {"duplicate": 409, "missing": 404, "changed": 412}
_TITLES = {409: "has a key that another one has", 404: "can't be found", 412: "was changed meanwhile"}


def _faults(saved: Saved) -> list[Fault]:
    return [
        Fault(where=each.field, code=each.code, reason=each.reason, remedy=each.remedy, other=each.other)
        for each in saved.problems
    ]


def _require_saved(record: str, saved: Saved) -> int:
    """The number of what was saved. Raises `ApiProblem`."""
    if saved.status != "refused":
        assert saved.id is not None
        return saved.id
    first = saved.problems[0]
    status = _STATUS.get(first.code, 422)
    title = f"The {record} {_TITLES.get(status, 'can not be saved')}"
    reason = "; ".join(each.reason for each in saved.problems)[:1000]
    raise ApiProblem(status, first.code, title, reason, first.remedy, errors=_faults(saved))


def _seen(if_match: str | None) -> datetime | None:
    """The moment that a version stands for. Raises `ApiProblem`."""
    if if_match is None or if_match.strip() == "*":
        return None
    digits = if_match.strip().removeprefix('"').removesuffix('"')
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 17):
        raise ApiProblem(
            422, "invalid", "The request can't be read", "If-Match holds no version of a record.",
            "Send the ETag of the record as it is, or *.",
            errors=[Fault(where="header.If-Match", reason="is no version of a record")],
        )  # fmt: skip
    return _EPOCH + timedelta(microseconds=int(digits))


def _saved(record: str, request: HttpRequest, edit: Edit) -> Answer:
    (done,) = editing.save(record, [edit], act_of(request))
    shown = whole(record, _require_saved(record, done))
    headers = {"ETag": cast("RecordShown", shown).version}
    if edit.id is None:
        headers["Location"] = f"/api/v1/{_PLURALS[record]}/{done.id}"
    return Answer(shown, 201 if edit.id is None else 200, headers)


def _saved_all(record: str, request: HttpRequest, given: Sequence[Mapping[str, Any]]) -> Answer:
    edits = [_edit_of_many(record, values) for values in given]
    results = [
        BatchResult(index=place, status=saved.status, id=saved.id, errors=_faults(saved))
        for place, saved in enumerate(editing.save(record, edits, act_of(request)))
    ]
    numbers = {
        status: sum(result.status == status for result in results)
        for status in ("created", "updated", "unchanged", "refused")
    }
    return Answer(BatchShown(results=results, **numbers))


def _edit_of_many(record: str, values: Mapping[str, Any]) -> Edit:
    """What is no number of a record stays among the values, where it is refused like any other field."""
    fields = _values(values)
    identity = fields.get("id")
    is_number = isinstance(identity, int) and not isinstance(identity, bool) and 0 < identity <= _LARGEST
    if is_number or identity is None:
        fields.pop("id", None)
    return Edit(fields, id=identity if is_number else None, by_key=record in editing.KEYS)


# -- operations


def router_of(record: str) -> Router:
    """The operations on records of one kind."""
    router = Router(tags=[_PLURALS[record].capitalize()])
    plural = _PLURALS[record]
    of_one = f"/{plural}/{{record_id}}"
    written = _document(record)

    _add_list(router, record)

    # Before what takes any word for a number.
    @router.post(
        f"/{plural}/batch", auth=OPERATOR, response={200: BatchShown, **PROBLEMS}, operation_id=f"save_{plural}",
        summary=f"Make or change up to {MOST_AT_ONCE:,} {plural}",
        openapi_extra=_body({"properties": {"records": {"items": _document(record, with_id=True)}}}),
    )  # fmt: skip
    @writing
    def save_many(request: HttpRequest, body: Many, idempotency_key: IdempotencyKey = None) -> Answer:
        """Each record is found by `id` or by its key, and made where there is none. One that is refused costs its
        neighbours nothing: look at the results."""
        return _saved_all(record, request, body.records)

    @router.get(
        of_one, auth=VIEWER, response={200: SHOWN[record], **PROBLEMS}, operation_id=f"show_{record}",
        summary=f"Show one {record}",
    )  # fmt: skip
    def show(request: HttpRequest, record_id: RecordId) -> Any:
        """With its links to Salesforce, and what each value came from. The `ETag` is what `If-Match` takes."""
        shown = whole(record, record_id)
        return Answer(shown, headers={"ETag": cast("RecordShown", shown).version}).as_response()

    @router.post(
        f"/{plural}", auth=OPERATOR, response={201: SHOWN[record], **PROBLEMS}, operation_id=f"create_{record}",
        summary=f"Make one {record}", openapi_extra=_body(written),
    )  # fmt: skip
    @writing
    def create(
        request: HttpRequest, values: Annotated[dict[str, Any], Body()], idempotency_key: IdempotencyKey = None
    ) -> Answer:
        """Refused (409) where another record has its key."""
        return _saved(record, request, Edit(_values(values)))

    @router.patch(
        of_one, auth=OPERATOR, response={200: SHOWN[record], **PROBLEMS}, operation_id=f"change_{record}",
        summary=f"Change fields of one {record}", openapi_extra=_body(written),
    )  # fmt: skip
    @writing
    def change(
        request: HttpRequest,
        record_id: RecordId,
        values: Annotated[dict[str, Any], Body()],
        if_match: IfMatch = None,
        idempotency_key: IdempotencyKey = None,
    ) -> Answer:
        """What is not named stays as it is; null empties a field."""
        return _saved(record, request, Edit(_values(values), id=record_id, seen=_seen(if_match)))

    @router.get(
        f"{of_one}/changes", auth=VIEWER, response={200: Page[ChangeShown], **PROBLEMS},
        operation_id=f"list_{record}_changes", summary=f"Changes of one {record}, newest first",
    )  # fmt: skip
    def changes(request: HttpRequest, record_id: RecordId, limit: Limit = 100, cursor: Cursor = None) -> Any:
        if not editing.MODELS[record].objects.filter(pk=record_id).exists():
            raise not_found(record, record_id)
        found = Change.objects.filter(record=record, record_id=record_id).select_related("cause__user")
        position = unpacked(cursor, int)
        if position is not None:
            found = found.filter(pk__lt=position[0])
        told = list(found.order_by("-pk")[: limit + 1])
        return Page(
            items=[ChangeShown.of(each) for each in told[:limit]],
            next=packed(told[limit - 1].pk) if len(told) > limit else None,
        )

    return router


UpdatedSince = Annotated[AwareDatetime | None, Query(description="Only what was changed at that moment or later.")]
AccountId = Annotated[int | None, Query(ge=1, le=_LARGEST, description="Only those of this account.")]
Domain = Annotated[
    str | None, Query(max_length=2000, pattern=_Text, description="Only the one with this domain, or website.")
]
Email = Annotated[str | None, Query(max_length=2000, pattern=_Text, description="Only the one with this address.")]


def _add_list(router: Router, record: str) -> None:
    how: dict[str, Any] = {
        "auth": VIEWER,
        "response": {200: Page[ROWS[record]], **PROBLEMS},  # type: ignore[valid-type]  # made above
        "operation_id": f"list_{_PLURALS[record]}",
        "summary": f"List {_PLURALS[record]}, in the order of their numbers",
    }
    if record == "account":

        @router.get("/accounts", **how)
        def accounts(
            request: HttpRequest,
            domain: Domain = None,
            updated_since: UpdatedSince = None,
            limit: Limit = 100,
            cursor: Cursor = None,
        ) -> Any:
            found = Account.objects.all()
            if domain is not None:
                found = found.filter(domain=Func(Value(domain), function="domain_key"))
            return _page(record, _since(found, updated_since), cursor, limit)

    elif record == "contact":

        @router.get("/contacts", **how)
        def contacts(
            request: HttpRequest,
            email: Email = None,
            account_id: AccountId = None,
            updated_since: UpdatedSince = None,
            limit: Limit = 100,
            cursor: Cursor = None,
        ) -> Any:
            found = Contact.objects.all()
            if email is not None:
                found = found.filter(email_key=Func(Value(email), function="email_key"))
            if account_id is not None:
                found = found.filter(account=account_id)
            return _page(record, _since(found, updated_since), cursor, limit)

    else:

        @router.get("/opportunities", **how)
        def opportunities(
            request: HttpRequest,
            account_id: AccountId = None,
            updated_since: UpdatedSince = None,
            limit: Limit = 100,
            cursor: Cursor = None,
        ) -> Any:
            found = Opportunity.objects.all()
            if account_id is not None:
                found = found.filter(account=account_id)
            return _page(record, _since(found, updated_since), cursor, limit)


def _since(found: QuerySet[Any], updated_since: datetime | None) -> QuerySet[Any]:
    return found if updated_since is None else found.filter(updated_at__gte=updated_since)
