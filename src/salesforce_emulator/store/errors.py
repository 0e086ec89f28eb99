"""Why a record was not written.

RecordError        one row is refused: code, message and fields as the API prints them
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_STATUS = {
    "NOT_FOUND": 404,
    "ENTITY_IS_DELETED": 404,
    "UNABLE_TO_LOCK_ROW": 500,
    "INSUFFICIENT_ACCESS_OR_READONLY": 403,
}


class RecordError(Exception):
    """One record that Salesforce would refuse.

    ``code`` is the errorCode (REST) or statusCode (collections), ``fields`` the API names concerned.

    :param further: what else is wrong with the record, where everything is said at once.
    :param details: what REST tells beside code and message, by its key.
    """

    def __init__(
        self,
        code: str,
        message: str,
        fields: Sequence[str] = (),
        *,
        further: Sequence[RecordError] = (),
        details: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.fields = list(fields)
        self.further = tuple(further)
        self.details = dict(details or {})

    @property
    def status(self) -> int:
        return _STATUS.get(self.code, 400)


def deleted() -> RecordError:
    return RecordError("ENTITY_IS_DELETED", "entity is deleted")


def not_found() -> RecordError:
    return RecordError("NOT_FOUND", "The requested resource does not exist")


def row_locked(record_id: str) -> RecordError:
    message = f"unable to obtain exclusive access to this record or 1 records: {record_id}"
    return RecordError("UNABLE_TO_LOCK_ROW", message)


def entity_locked() -> RecordError:
    return RecordError("ENTITY_IS_LOCKED", "the entity is locked for editing")
