"""What the types of fields are called: Salesforce's as in its Setup, Abmatic's as where a field is made."""

from __future__ import annotations

from abmatic.audiences.fields import FieldType

_SALESFORCE = {
    "string": "Text",
    "textarea": "Text Area",
    "encryptedstring": "Text (Encrypted)",
    "id": "ID",
    "reference": "Lookup",
    "int": "Number",
    "long": "Number",
    "double": "Number",
    "currency": "Currency",
    "percent": "Percent",
    "boolean": "Checkbox",
    "date": "Date",
    "datetime": "Date/Time",
    "time": "Time",
    "picklist": "Picklist",
    "multipicklist": "Picklist (Multi-Select)",
    "combobox": "Picklist",
    "email": "Email",
    "phone": "Phone",
    "url": "URL",
    "address": "Address",
    "location": "Geolocation",
}
_OURS = {
    FieldType.URL: "URL",
    FieldType.EMAIL: "E-mail",
    FieldType.INTEGER: "Whole number",
    FieldType.DATETIME: "Date and time",
    FieldType.BOOLEAN: "Yes or no",
}


def of_salesforce(name: str) -> str:
    """A type of describe, such as ``string``; one that is not known is called as it is."""
    return _SALESFORCE.get(name, name)


def of_ours(name: str) -> str:
    """A type of a local field."""
    return _OURS.get(FieldType(name), name.capitalize())
