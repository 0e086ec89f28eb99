"""What can be wrong with a query, said the way Salesforce says it.

SoqlError          the query is refused; ``code`` is the API's errorCode, ``message`` its message

Most messages begin with a snippet of the query, a caret under the place, and its row and column.
"""

from __future__ import annotations

_AROUND = 30
"""Characters that a snippet shows on either side, and then on to the end of the word, within the line."""
_BETWEEN_WORDS = " \t,"

_HINT = " Please reference your WSDL or the describe call for the appropriate names."


class SoqlError(Exception):
    """A query that is refused with HTTP 400.

    :param reason: the message without the place in the query, for a client that sent none.
    """

    def __init__(self, code: str, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason or message


def at(query: str, position: int, code: str, message: str) -> SoqlError:
    """An error that points at a character of the query (from 0)."""
    row = query.count("\n", 0, position) + 1
    column = position - (query.rfind("\n", 0, position) + 1) + 1
    before, after = _snippet(query, position)
    caret = " " * len(before) + "^"
    return SoqlError(code, f"\n{before}{after}\n{caret}\nERROR at Row:{row}:Column:{column}\n{message}", message)


def at_in_search(query: str, position: int, message: str) -> SoqlError:
    """The same for SOSL: as quoted, columns are counted from 0 there, and the caret stands one character early."""
    row = query.count("\n", 0, position) + 1
    column = position - (query.rfind("\n", 0, position) + 1)
    before, after = _snippet(query, position)
    caret = " " * (len(before) - 1) + "^"
    return SoqlError("MALFORMED_SEARCH", f"\n{before}{after}\n{caret}\nERROR at Row:{row}:Column:{column}\n{message}")


def _snippet(query: str, position: int) -> tuple[str, str]:
    first = query.rfind("\n", 0, position) + 1
    last = query.find("\n", position)
    last = len(query) if last < 0 else last
    start, end = max(first, position - _AROUND), min(last, position + _AROUND)
    while start > first and query[start - 1] not in _BETWEEN_WORDS:
        start -= 1
    while end < last and query[end] not in _BETWEEN_WORDS:
        end += 1
    return query[start:position], query[position:end].rstrip()


def too_complicated() -> SoqlError:
    message = "Query is either selecting too many fields or the filter conditions are too complicated."
    return SoqlError("QUERY_TOO_COMPLICATED", message)


def unexpected_token(query: str, position: int, token: str) -> SoqlError:
    return at(query, position, "MALFORMED_QUERY", f"unexpected token: '{token}'")


def no_such_column(query: str, position: int, column: str, entity: str) -> SoqlError:
    return at(query, position, "INVALID_FIELD", no_such_column_message(column, entity))


def no_such_column_message(column: str, entity: str) -> str:
    return (
        f"No such column '{column}' on entity '{entity}'. If you are attempting to use a custom field, be sure "
        f"to append the '__c' after the custom field name.{_HINT}"
    )


def unsupported_type(query: str, position: int, name: str) -> SoqlError:
    return at(
        query,
        position,
        "INVALID_TYPE",
        f"sObject type '{name}' is not supported. If you are attempting to use a custom object, be sure to "
        f"append the '__c' after the entity name.{_HINT}",
    )


def no_such_parent(query: str, position: int, relationship: str) -> SoqlError:
    return at(
        query,
        position,
        "INVALID_FIELD",
        f"Didn't understand relationship '{relationship}' in field path. If you are attempting to use a custom "
        f"relationship, be sure to append the '__r' after the custom relationship name.{_HINT}",
    )


def no_such_children(query: str, position: int, relationship: str) -> SoqlError:
    return at(
        query,
        position,
        "INVALID_TYPE",
        f"Didn't understand relationship '{relationship}' in FROM part of query call. If you are attempting to "
        f"use a custom relationship, be sure to append the '__r' after the custom relationship name.{_HINT}",
    )


def wrong_literal(query: str, position: int, field: str, kind: str, quoted: bool) -> SoqlError:
    rest = "should be enclosed in quotes" if quoted else "should not be enclosed in quotes"
    return at(
        query,
        position,
        "INVALID_FIELD",
        f"value of filter criterion for field '{field}' must be of type {kind} and {rest}",
    )
