"""Connections, and what is set for their objects."""

# No deferred annotations: ninja reads them from the function, not from the module that wraps it.
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema
from ninja.params.functions import Body, Header, Path

from abmatic.api.access import ADMINISTRATOR, VIEWER, author_of
from abmatic.api.paging import Cursor, Limit, packed, unpacked
from abmatic.api.problems import PROBLEMS, not_found
from abmatic.api.shapes import Page
from abmatic.api.writing import Answer, IdempotencyKey, writing
from abmatic.sync import automatic, budget, settings_edit
from abmatic.sync.models import Connection, ObjectSetting
from abmatic.sync.objects import SObject, configurable
from abmatic.sync.runs import UnknownObject

router = Router(tags=["Connections"])

ConnectionId = Annotated[int, Path(ge=1, le=2**63 - 1, description="The connection's number.")]
ObjectName = Annotated[
    str, Path(max_length=80, pattern=r"^[A-Za-z]+$", description="As in Salesforce: Account, Contact, Lead, …")
]


class Usage(Schema):
    """API calls of the org within a day: used by all integrations, allowed, and the share that syncs which start by
    themselves keep to. Null where nothing is known yet."""

    used: int | None
    allowed: int | None
    ceiling_percent: int
    is_waiting: bool
    seen_at: datetime | None


class ObjectState(Schema):
    """How an object stands. ``is_imported``: its first import has ended."""

    object: str
    label: str
    is_imported: bool
    frequency_hours: int
    auto_push: bool
    last_started_at: datetime | None
    last_pull_at: datetime | None
    last_push_at: datetime | None
    next_sync_at: datetime | None


class ConnectionRow(Schema):
    """A connected Salesforce org. ``problem`` says in a word why it needs attention; empty while all is well."""

    id: int
    name: str
    org_id: str
    org_name: str
    instance_url: str
    is_sandbox: bool
    status: str
    problem: str
    problem_detail: str
    problem_since: datetime | None
    api: Usage


class ConnectionShown(ConnectionRow):
    """A connection with the state of its objects."""

    objects: list[ObjectState]


class Mapping(Schema):
    """A field mapping."""

    salesforce: str
    abmatic: str
    to_abmatic: Literal["none", "fill", "overwrite"]
    to_salesforce: Literal["none", "fill", "overwrite"]
    clear_with_empty: bool


class SettingsShown(Schema):
    """What is set for an object, as in a settings file. Frequency: "manual", or every how many hours."""

    create_in_abmatic: bool
    update_in_abmatic: bool
    create_in_salesforce: bool
    update_in_salesforce: bool
    auto_push: bool
    frequency: int | str
    conflict_policy: str
    push_filter: dict[str, Any]
    new_people: str | None = None
    mappings: list[Mapping]


class DifferenceShown(Schema):
    """One thing that was changed."""

    kind: str
    where: str
    before: Any = None
    after: Any = None


class SettingsChanged(Schema):
    """What is set now, and what that changed."""

    settings: SettingsShown
    changes: list[DifferenceShown]


def find(connection_id: int) -> Connection:
    """The connection of that number. Raises `ApiProblem`."""
    found = Connection.objects.filter(pk=connection_id).first()
    if found is None:
        raise not_found("connection", connection_id)
    return found


def object_named(name: str) -> SObject:
    """The object of that name, whose settings people change. Raises `UnknownObject`."""
    for spec in configurable():
        if spec.name == name:
            return spec
    known = ", ".join(spec.name for spec in configurable())
    raise UnknownObject(f"{name} is not an object that is synchronised; these are: {known}.")


@router.get(
    "/connections", auth=VIEWER, response={200: Page[ConnectionRow], **PROBLEMS}, operation_id="list_connections"
)
def list_connections(request: HttpRequest, limit: Limit = 100, cursor: Cursor = None) -> Any:
    """The connected orgs, with their state and budget."""
    found = Connection.objects.order_by("pk")
    position = unpacked(cursor, int)
    if position is not None:
        found = found.filter(pk__gt=position[0])
    rows = list(found[: limit + 1])
    return Page(
        items=[ConnectionRow(**_row(each)) for each in rows[:limit]],
        next=packed(rows[limit - 1].pk) if len(rows) > limit else None,
    )


@router.get(
    "/connections/{connection_id}", auth=VIEWER, response={200: ConnectionShown, **PROBLEMS},
    operation_id="show_connection",
)  # fmt: skip
def show_connection(request: HttpRequest, connection_id: ConnectionId) -> Any:
    """One connection, with the last and next sync of each object."""
    connection = find(connection_id)
    settings = {each.sobject: each for each in ObjectSetting.objects.filter(connection=connection)}
    states = [_state(settings[spec.name], spec) for spec in configurable() if spec.name in settings]
    return ConnectionShown(**_row(connection), objects=states)


def _row(connection: Connection) -> dict[str, Any]:
    usage = Usage(
        used=connection.api_used,
        allowed=connection.api_allowed,
        ceiling_percent=connection.api_ceiling,
        is_waiting=budget.holds_back(connection),
        seen_at=connection.api_seen_at,
    )
    names = ("name", "org_id", "org_name", "instance_url", "is_sandbox", "status", "problem", "problem_detail")
    since = connection.problem_since if connection.problem else None
    told = {name: getattr(connection, name) for name in names}
    return {"id": connection.pk, "api": usage, "problem_since": since, **told}


def _state(setting: ObjectSetting, spec: SObject) -> ObjectState:
    return ObjectState(
        object=spec.name,
        label=spec.label_plural,
        is_imported=setting.cursor is not None,
        frequency_hours=setting.frequency,
        auto_push=setting.auto_push,
        last_started_at=setting.last_started_at,
        last_pull_at=setting.last_pull_at,
        last_push_at=setting.last_push_at,
        next_sync_at=automatic.next_run_at(setting, timezone.now()),
    )


# -- settings

Version = Annotated[
    str | None,
    Header(alias="If-Match", max_length=100, description="The `ETag` that you read: changed only if it is still so."),
]
_BOOLEAN = {"type": "boolean"}
_MODE = {"enum": ["none", "fill", "overwrite"]}
_WRITABLE = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        **dict.fromkeys(
            ("create_in_abmatic", "update_in_abmatic", "create_in_salesforce", "update_in_salesforce", "auto_push"),
            _BOOLEAN,
        ),
        "frequency": {"enum": ["manual", 1, 6, 12, 24]},
        "conflict_policy": {"enum": ["recent", "salesforce", "abmatic"]},
        "push_filter": {"type": "object"},
        "new_people": {"type": "string", "description": "Only of Lead: what people who are made here become."},
        "mappings": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["salesforce", "abmatic"],
                "properties": {
                    "salesforce": {"type": "string"},
                    "abmatic": {"type": "string"},
                    "to_abmatic": _MODE,
                    "to_salesforce": _MODE,
                    "clear_with_empty": _BOOLEAN,
                },
            },
        },
    },
}


@router.get(
    "/connections/{connection_id}/objects/{name}/settings", auth=VIEWER, response={200: SettingsShown, **PROBLEMS},
    operation_id="show_settings",
)  # fmt: skip
def show_settings(request: HttpRequest, connection_id: ConnectionId, name: ObjectName) -> Any:
    """What is set for an object, its field mappings included."""
    return _settings(settings_edit.look(find(connection_id), object_named(name))).as_response()


@router.patch(
    "/connections/{connection_id}/objects/{name}/settings", auth=ADMINISTRATOR,
    response={200: SettingsChanged, **PROBLEMS}, operation_id="change_settings",
    openapi_extra={"requestBody": {"content": {"application/json": {"schema": _WRITABLE}}, "required": True}},
)  # fmt: skip
@writing
def change_settings(
    request: HttpRequest,
    connection_id: ConnectionId,
    name: ObjectName,
    document: Annotated[dict[str, Any], Body()],
    if_match: Version = None,
    idempotency_key: IdempotencyKey = None,
) -> Answer:
    """What is not named stays as it is. Where mappings are named, they are all of them."""
    connection, spec = find(connection_id), object_named(name)
    seen = None if if_match is None or if_match.strip() == "*" else if_match.strip().strip('"')
    with transaction.atomic():
        mark = settings_edit.look(connection, spec).mark if seen is None else seen
        differences = settings_edit.save(connection, spec, document, mark=mark, by=author_of(request))
    answer = _settings(settings_edit.look(connection, spec))
    assert isinstance(answer.body, SettingsShown)
    changes = [DifferenceShown(**asdict(each)) for each in differences]
    return Answer(SettingsChanged(settings=answer.body, changes=changes), headers=answer.headers)


def _settings(seen: settings_edit.Seen) -> Answer:
    shown = SettingsShown(**seen.state.values, mappings=[Mapping(**asdict(each)) for each in seen.state.mappings])
    return Answer(shown, headers={"ETag": f'"{seen.mark}"'})
