"""Writing person accounts: the contact behind one is made, changed and named with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salesforce_emulator.schema import SObject
from salesforce_emulator.schema.persons import BUSINESS_TYPE, PERSON_TYPE, of_contact
from salesforce_emulator.store.errors import RecordError

if TYPE_CHECKING:
    from salesforce_emulator.store.rows import Values
    from salesforce_emulator.store.session import Session

_SHARED = ("Phone", "Fax", "Description", "OwnerId")
"""Fields that account and contact both have, and a person once."""


def looked_at(sobject: SObject) -> tuple[str, ...]:
    """The columns of a record that :func:`prepare` looks at."""
    return tuple(n for n in ("IsPersonAccount", "PersonContactId", "RecordTypeId") if n in sobject.columns)


def prepare(session: Session, sobject: SObject, row: Values, current: Values | None) -> None:
    """Check and complete what a row says of a person.

    :param current: the record so far; None of a new one.
    :raises RecordError: it mixes what companies have and what persons have.
    """
    if "IsPersonAccount" not in sobject.columns:
        return
    if sobject.name == "Contact":
        if current is not None and current["IsPersonAccount"]:
            message = "This contact belongs to a person account: change the account instead"
            raise RecordError("INVALID_FIELD_FOR_INSERT_UPDATE", message, list(row))
        return
    person = _is_person(row, current)
    wrong = [n for n in row if n == "Name"] if person else [n for n in row if of_contact(n) and row[n] is not None]
    if wrong:
        message = f"Account: bad field names on insert/update call: {', '.join(wrong)}"
        raise RecordError("INVALID_FIELD_FOR_INSERT_UPDATE", message, wrong)
    if current is None:
        row["RecordTypeId"] = row.get("RecordTypeId") or (PERSON_TYPE if person else BUSINESS_TYPE)
        row["IsPersonAccount"] = int(person)
    if person and (current is None or not row.keys().isdisjoint(("FirstName", "LastName"))):
        row["Name"] = _name(session, row, current)


def _is_person(row: Values, current: Values | None) -> bool:
    if current is not None:
        person = bool(current["IsPersonAccount"])
        if row.get("RecordTypeId", current["RecordTypeId"]) != current["RecordTypeId"]:
            message = "Record Type ID: this ID value isn't valid for the user: an account stays a person or a company"
            raise RecordError("INVALID_CROSS_REFERENCE_KEY", message, ["RecordTypeId"])
        return person
    if row.get("RecordTypeId") is not None:
        return row["RecordTypeId"] == PERSON_TYPE
    return row.get("LastName") is not None and row.get("Name") is None


def _name(session: Session, row: Values, current: Values | None) -> str:
    names = {n: row[n] for n in ("FirstName", "LastName") if n in row}
    if len(names) < 2 and current is not None:
        known = session.fetch("Contact", str(current["PersonContactId"]), ("FirstName", "LastName")) or {}
        names = {n: names.get(n, known.get(n)) for n in ("FirstName", "LastName")}
    if names.get("LastName") is None:
        raise RecordError("REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", ["LastName"])
    return " ".join(str(n) for n in (names.get("FirstName"), names["LastName"]) if n is not None)


def write_contact(session: Session, sobject: SObject, record_id: str, row: Values, current: Values | None) -> None:
    """Make or change the contact behind a person's account, before the account itself is written."""
    if sobject.name != "Account" or "IsPersonAccount" not in sobject.columns:
        return
    contact = {name: value for n, value in row.items() if (name := of_contact(n)) is not None}
    contact.update((n, row[n]) for n in _SHARED if n in row)
    if current is None and row["IsPersonAccount"]:
        row["PersonContactId"] = session.add("Contact", {**contact, "AccountId": record_id, "IsPersonAccount": 1})
    elif current is not None and current["IsPersonAccount"] and contact:
        session.touch("Contact", str(current["PersonContactId"]), contact)


def check_deletion(sobject: SObject, current: Values) -> None:
    """Refuse that a person's contact be deleted by itself.

    :raises RecordError: it can't.
    """
    if sobject.name == "Contact" and current.get("IsPersonAccount"):
        message = "This contact belongs to a person account: delete the account instead"
        raise RecordError("DELETE_FAILED", message)
