"""Pages of lists: each begins after the last item of the one before, so nothing is skipped or told twice.

A cursor is what the last item is sorted by, packed: no secret, but nobody's business either.
"""

import base64
from typing import Annotated, Any

import orjson
from ninja.params.functions import Query

from abmatic.api.problems import ApiProblem, Fault

MOST = 500
_LARGEST = 2**63 - 1

Limit = Annotated[int, Query(ge=1, le=MOST, description="How many at most.")]
Cursor = Annotated[
    str | None, Query(max_length=500, description="Where to go on: `next` of the page before. Without it, the first.")
]


def packed(*position: int | str) -> str:
    """A cursor."""
    return base64.urlsafe_b64encode(orjson.dumps(position)).decode().rstrip("=")


def unpacked(cursor: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """What `packed` packed, of these types; None without a cursor. Raises `ApiProblem`."""
    if cursor is None:
        return None
    try:
        position = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        position = None
    fits = isinstance(position, list) and len(position) == len(kinds)
    if not fits or not all(_fits(each, kind) for each, kind in zip(position, kinds, strict=True)):
        raise ApiProblem(
            422,
            "invalid",
            "The request can't be read",
            "The cursor is none that this list gave.",
            "Send `next` of the page before as it is, or leave the cursor out to begin anew.",
            errors=[Fault(where="query.cursor", reason="is none that this list gave")],
        )
    return tuple(position)


def _fits(value: object, kind: type) -> bool:
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST
    return isinstance(value, kind) and "\x00" not in str(value)
