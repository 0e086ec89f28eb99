"""Which fields records have, those that were made in this installation included."""

# No deferred annotations: ninja reads them from the function, not from the module that wraps it.
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Router, Schema
from ninja.params.functions import Query

from abmatic.api.access import VIEWER
from abmatic.api.problems import PROBLEMS
from abmatic.audiences.fields import fields

router = Router(tags=["Fields"])


class FieldShown(Schema):
    """A field of a record. Custom ones are read and written under ``custom``; what is read only follows the CRM."""

    name: str
    label: str
    type: str
    is_custom: bool
    is_read_only: bool


class FieldsShown(Schema):
    """The fields of records of one kind."""

    fields: list[FieldShown]


@router.get("/fields", auth=VIEWER, response={200: FieldsShown, **PROBLEMS}, operation_id="list_fields")
def list_fields(
    request: HttpRequest,
    record: Annotated[Literal["account", "contact", "opportunity"], Query(description="Of which.")],
) -> Any:
    """The fields of accounts, contacts or opportunities, with their types."""
    found = [
        FieldShown(
            name=each.name,
            label=each.label,
            type=each.type.value,
            is_custom=each.is_custom,
            is_read_only=each.is_derived,
        )
        for each in fields(record)
    ]
    return FieldsShown(fields=found)
