"""Writing a few records: up to 200 a call, each with an outcome of its own (sObject Collections).

The outcomes come in the order of the records, one each; whatever else comes back is a BadAnswer, never guessed at. A
call is sent once: where no answer tells what became of it, the error says ``outcome_unknown``, and whoever asked looks
before anything is sent again.
Source: "REST API Developer Guide", sObject Collections; "Headers".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from . import errors
from .answers import Answer, Json
from .wire import Wire

MOST_RECORDS = 200
_RECORD_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class RowError:
    """Why one record was refused: Salesforce's code and message, and the fields it names."""

    code: str
    message: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What became of one record: its Id where it was written, else at least one error."""

    id: str | None
    errors: tuple[RowError, ...] = ()

    @property
    def is_written(self) -> bool:
        return not self.errors


def write(
    wire: Wire,
    version: str,
    method: Literal["POST", "PATCH"],
    sobject: str,
    records: Sequence[Mapping[str, Json]],
    *,
    save_duplicates: bool,
) -> list[RowOutcome]:
    """Creates (POST) or updates (PATCH; each record has its ``Id``) at most 200 records of one object. One call.

    ``save_duplicates`` saves what a duplicate rule only warns of.
    """
    if not 0 < len(records) <= MOST_RECORDS:
        raise ValueError(f"{len(records)} records in one call; 1 to {MOST_RECORDS} fit")
    body: dict[str, Json] = {
        "allOrNone": False,
        "records": [{"attributes": {"type": sobject}, **record} for record in records],
    }
    return wire.call(
        method,
        f"/services/data/v{version}/composite/sobjects",
        lambda answer: read_outcomes(answer, len(records)),
        body=body,
        headers=duplicate_rules(save_duplicates),
        repeat=False,
    )


def delete(wire: Wire, version: str, ids: Sequence[str]) -> list[RowOutcome]:
    """Deletes at most 200 records. One call; one that is deleted already is refused, and costs the others nothing."""
    if not 0 < len(ids) <= MOST_RECORDS:
        raise ValueError(f"{len(ids)} records in one call; 1 to {MOST_RECORDS} fit")
    return wire.call(
        "DELETE",
        f"/services/data/v{version}/composite/sobjects",
        lambda answer: read_outcomes(answer, len(ids)),
        params={"ids": ",".join(ids), "allOrNone": "false"},
        repeat=False,
    )


def duplicate_rules(save_duplicates: bool) -> dict[str, str]:
    """The header that says whether records that a duplicate rule only warns of are saved all the same."""
    return {"Sforce-Duplicate-Rule-Header": f"allowSave={str(save_duplicates).lower()}"}


def read_outcomes(answer: Answer, expected: int) -> list[RowOutcome]:
    """Raises BadAnswer where there isn't exactly one outcome a record."""
    value = answer.json()
    if not isinstance(value, list) or len(value) != expected:
        raise errors.BadAnswer(f"{expected} records were sent, and the answer isn't a list of as many outcomes")
    return [_outcome(entry) for entry in value]


def _outcome(entry: Json) -> RowOutcome:
    if not isinstance(entry, dict):
        raise errors.BadAnswer("an outcome that is no object")
    if entry.get("success") is True:
        record_id = entry.get("id")
        if not isinstance(record_id, str) or not _RECORD_ID.fullmatch(record_id):
            raise errors.BadAnswer("a record was written, and its Id isn't told")
        return RowOutcome(record_id)
    said = entry.get("errors")
    if entry.get("success") is not False or not isinstance(said, list) or not said:
        raise errors.BadAnswer("an outcome that says neither that its record was written nor why not")
    return RowOutcome(None, tuple(_row_error(error) for error in said))


def _row_error(error: Json) -> RowError:
    if not isinstance(error, dict):
        raise errors.BadAnswer("the reason of a refusal is no object")
    code = error.get("statusCode") or error.get("errorCode") or ""
    fields = error.get("fields")
    named = tuple(str(name) for name in fields) if isinstance(fields, list) else ()
    return RowError(str(code), errors.without_secrets(str(error.get("message") or "")), named)
