"""All changes, in an order in which none is missed."""

# No deferred annotations: ninja reads them from the function, not from the module that wraps it.
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Router, Schema
from ninja.params.functions import Query

from abmatic.api.access import VIEWER
from abmatic.api.paging import Cursor, Limit, packed, unpacked
from abmatic.api.problems import PROBLEMS
from abmatic.api.shapes import ChangeShown
from abmatic.changes.following import following

router = Router(tags=["Changes"])


class ChangesShown(Schema):
    """The changes after a cursor. ``next`` is always there: ask again with it, now or later. ``is_last``: there was
    nothing more at this moment."""

    items: list[ChangeShown]
    next: str
    is_last: bool


@router.get("/changes", auth=VIEWER, response={200: ChangesShown, **PROBLEMS}, operation_id="follow_changes")
def follow_changes(
    request: HttpRequest,
    record: Annotated[Literal["account", "contact", "opportunity"] | None, Query(description="Only of these.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Any:
    """Every change once, as they were committed. Records that a sync makes are no changes: list them instead."""
    position = unpacked(cursor, int, int) or (0, 0)
    found, end = following((position[0], position[1]), limit, record)
    return ChangesShown(items=[ChangeShown.of(each) for each in found], next=packed(*end), is_last=len(found) < limit)
