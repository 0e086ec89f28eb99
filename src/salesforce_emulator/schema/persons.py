"""Person accounts: an account that is a person, of whom a contact holds what contacts hold.

That contact is no other record to a client that writes: its fields are the account's, as PersonEmail or, of custom
ones, ``X__pc``.  They are read from the contact wherever the account is read, so the two can't disagree.
"""

from __future__ import annotations

from collections.abc import Iterable

from salesforce_emulator import ids
from salesforce_emulator.schema.entries import JsonObject, audit, field, id_entry, name, object_entry

FEATURE = "person_accounts"
BUSINESS_TYPE = ids.make("012", 1)
PERSON_TYPE = ids.make("012", 2)
"""The record types of accounts: ids of their own, the same in every org."""
RECORD_TYPES = (
    (BUSINESS_TYPE, "Business Account", "Business_Account", 0),
    (PERSON_TYPE, "Person Account", "PersonAccount", 1),
)
"""Id, name, developer name, whether it is a person's."""

_SAME = ("Salutation", "FirstName", "LastName")
"""Fields that the account calls as the contact does."""
_PERSONS = frozenset(
    {"AssistantName", "AssistantPhone", "Birthdate", "Department", "Email", "HomePhone", "LeadSource", "MobilePhone",
     "OtherPhone", "Title"}
)  # fmt: skip
_ADDRESSES = ("Mailing", "Other")
_STATE_CODES = ("StateCode", "CountryCode")


def of_contact(account_field: str) -> str | None:
    """What the contact calls a field of its account; None where it is the account's own."""
    if account_field in _SAME:
        return account_field
    if account_field.endswith("__pc"):
        return account_field.removesuffix("__pc") + "__c"
    found = account_field.removeprefix("Person")
    return found if found != account_field and found != "ContactId" else None


def account_fields(contact: Iterable[JsonObject]) -> list[JsonObject]:
    """The fields of an account that it has for being a person's.

    :param contact: the entries of the contact's.
    """
    made = [
        field("IsPersonAccount", "boolean", "d", label="Is Person Account"),
        field("PersonContactId", "reference", "n", label="Contact ID", to=("Contact",), relationship="PersonContact"),
        field("RecordTypeId", "reference", label="Record Type ID", to=("RecordType",), relationship="RecordType"),
    ]
    return [*made, *(_account_field(f) for f in contact if _is_persons(f))]


def contact_fields() -> list[JsonObject]:
    return [field("IsPersonAccount", "boolean", "d", label="Is Person Account")]


def record_type() -> JsonObject:
    fields = [
        id_entry("Record Type ID"),
        name("", label="Name", length=80),
        field("DeveloperName", "string", "", label="Record Type Name", length=80),
        field("Description", "string", "n", length=255),
        field("SobjectType", "picklist", "", label="SObject Type Name", length=40, values=("Account",)),
        field("IsActive", "boolean", "d", label="Active", default=True),
        field("IsPersonType", "boolean", "d", label="Is Person Type"),
        *audit(),
    ]
    return object_entry("RecordType", "012", fields, label="Record Type", writable=False)


def record_type_infos(master: Iterable[JsonObject]) -> list[JsonObject]:
    """How an account's describe lists its record types."""
    made = [
        {
            "active": True,
            "available": True,
            "defaultRecordTypeMapping": record_id == BUSINESS_TYPE,
            "developerName": developer_name,
            "master": False,
            "name": shown,
            "recordTypeId": record_id,
        }
        for record_id, shown, developer_name, _ in RECORD_TYPES
    ]
    return [*made, *({**info, "defaultRecordTypeMapping": False} for info in master)]


def _is_persons(entry: JsonObject) -> bool:
    own = entry["name"]
    if entry["custom"]:
        return not entry["calculated"] and not entry["referenceTo"]
    in_address = own.startswith(_ADDRESSES) and own != "OtherPhone" and not own.endswith(_STATE_CODES)
    return own in _SAME or own in _PERSONS or in_address


def _account_field(entry: JsonObject) -> JsonObject:
    own = entry["name"]
    called = own if own in _SAME else f"Person{own}"
    if entry["custom"]:
        called = f"{own.removesuffix('__c')}__pc"
    compound = entry["compoundFieldName"]
    made = {
        **entry,
        "name": called,
        "nillable": True,
        "nameField": False,
        "unique": False,
        "externalId": False,
        "idLookup": False,
        "defaultValue": False if entry["type"] == "boolean" else None,
        "defaultValueFormula": None,
        "defaultedOnCreate": False,
        "compoundFieldName": f"Person{compound}" if compound and compound != "Name" else None,
    }
    if entry["type"] != "address":
        contact = f'SELECT pc."{own}" FROM "Contact" AS pc WHERE pc."Id" = {{t}}."PersonContactId"'
        made["_expression"] = f"coalesce(({contact}), 0)" if entry["type"] == "boolean" else f"({contact})"
    return made
