"""What is refused of a record before it is written: missing, unknown, taken or unoffered values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from salesforce_emulator.schema import Field, SObject
from salesforce_emulator.schema.dependent import choices
from salesforce_emulator.store.errors import RecordError

if TYPE_CHECKING:
    from salesforce_emulator.store.rows import Values
    from salesforce_emulator.store.session import Session


def choices_offered(session: Session, sobject: SObject, row: Values, record_id: str | None) -> None:
    """Refuse values of dependent picklists that the page wouldn't have offered."""
    for field in sobject.dependent:
        controller = sobject.get(str(field.describe["controllerName"]))
        if controller is None or not {field.name, controller.name} & row.keys():
            continue
        names = (controller.name, field.name)
        current = session.fetch(sobject.name, record_id, names) if record_id else None
        controlling, value = (row.get(name, (current or {}).get(name)) for name in names)
        valid = {v.lower() for v in choices(sobject, field, controlling)}
        wrong = [v for v in str(value or "").split(";") if v and v.lower() not in valid]
        if wrong:
            message = f"{field.label}: bad value for restricted picklist field: {wrong[0]}"
            raise RecordError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, [field.name])


def refuse(refused: list[str], creating: bool) -> None:
    """Refuse fields that nobody, or not this user, may write."""
    if "Id" in refused:
        verb = "an insert" if creating else "an update"
        message = f"cannot specify Id in {verb} call"
        raise RecordError("INVALID_FIELD_FOR_INSERT_UPDATE", message, ["Id"])
    message = (
        f"Unable to create/update fields: {', '.join(refused)}. Please check the security settings of this "
        "field and verify that it is read/write for your profile or permission set."
    )
    raise RecordError("INVALID_FIELD_FOR_INSERT_UPDATE", message, refused)


def reference_is_there(session: Session, reference: Field, record_id: str) -> None:
    """Refuse a reference to what isn't there, or is of another object."""
    target = session.schema.by_id(record_id)
    missing = RecordError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [reference.name])
    if reference.custom:
        message = f"insufficient access rights on cross-reference id: {record_id[:15]}"
        missing = RecordError("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", message)
    if target is None or target.name not in reference.reference_to:
        raise missing
    gone = session.is_deleted(target, record_id)
    if gone is None:
        raise missing
    if gone:
        raise RecordError("ENTITY_IS_DELETED", "entity is deleted", [reference.name])


def required(row: Values, fields: Sequence[Field]) -> None:
    missing = [f.name for f in fields if f.type != "boolean" and row.get(f.name) is None]
    if missing:
        message = f"Required fields are missing: [{', '.join(missing)}]"
        raise RecordError("REQUIRED_FIELD_MISSING", message, missing)


def unique(session: Session, sobject: SObject, row: Values, own_id: str | None) -> None:
    for field in sobject.unique:
        value = row.get(field.name)
        if value is None:
            continue
        other = next((i for i in session.holders(sobject, field, value) if i != own_id), None)
        if other:
            message = f"duplicate value found: {field.name} duplicates value on record with id: {other[:15]}"
            raise RecordError("DUPLICATE_VALUE", message)


def same_type(sobject: SObject, attributes: object) -> None:
    """A record that says of what type it is must be of the type that it is written as."""
    said = attributes.get("type") if isinstance(attributes, dict) else None
    if said is not None and str(said).lower() != sobject.name.lower():
        message = f"The record's type '{said}' in its attributes is not '{sobject.name}', the type it was sent as."
        raise RecordError("INVALID_TYPE", message)
