"""Building describe results: fields, objects, child relationships, in the shape of the recorded ones."""

from __future__ import annotations

from typing import Any

JsonObject = dict[str, Any]

_SOAP = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "address": "urn:address",
}
_LENGTHS = {"id": 18, "reference": 18, "picklist": 255, "url": 255, "email": 80, "phone": 40}
_UNGROUPABLE = {"currency", "double", "percent", "datetime", "address"}
_UNLENGTHED = {"boolean", "int", "double", "currency", "percent", "date", "datetime", "address"}

# What a field may do, in letters: c createable, u updateable, n nillable, d defaulted on create.
_LETTERS = {"c": "createable", "u": "updateable", "n": "nillable", "d": "defaultedOnCreate"}


def field(
    name: str,
    kind: str,
    flags: str = "cun",
    *,
    label: str = "",
    length: int | None = None,
    to: tuple[str, ...] = (),
    relationship: str | None = None,
    values: tuple[str, ...] = (),
    default: str | bool | None = None,
    **more: Any,  # any further key of a describe entry, as is
) -> JsonObject:
    """One describe entry. ``flags``: c createable, u updateable, n nillable, d defaulted on create."""
    size = 0 if kind in _UNLENGTHED else (length if length is not None else _LENGTHS.get(kind, 255))
    long_text = kind == "textarea" and size > 255
    number = kind in ("double", "currency", "percent")
    entry: JsonObject = {
        "aggregatable": kind not in ("boolean", "address") and not long_text,
        "aiPredictionField": False,
        "autoNumber": False,
        "byteLength": size if kind in ("id", "reference") else size * 3,
        "calculated": False,
        "calculatedFormula": None,
        "cascadeDelete": False,
        "caseSensitive": False,
        "compoundFieldName": None,
        "controllerName": None,
        "createable": False,
        "custom": False,
        "defaultValue": False if kind == "boolean" and default is None else default,
        "defaultValueFormula": None,
        "defaultedOnCreate": False,
        "dependentPicklist": False,
        "deprecatedAndHidden": False,
        "digits": 8 if kind == "int" else 0,
        "displayLocationInDecimal": False,
        "encrypted": False,
        "externalId": False,
        "extraTypeInfo": "plaintextarea" if kind == "textarea" else None,
        "filterable": not long_text,
        "filteredLookupInfo": None,
        "formulaTreatNullNumberAsZero": False,
        "groupable": kind not in _UNGROUPABLE and not long_text,
        "highScaleNumber": False,
        "htmlFormatted": False,
        "idLookup": kind == "id",
        "inlineHelpText": None,
        "label": label or name,
        "length": size,
        "mask": None,
        "maskType": None,
        "name": name,
        "nameField": False,
        "namePointing": len(to) > 1,
        "nillable": False,
        "permissionable": "n" in flags and kind != "id",
        "picklistValues": [_picklist_value(v, v == default) for v in values],
        "polymorphicForeignKey": len(to) > 1,
        "precision": 18 if number else 0,
        "queryByDistance": kind == "address",
        "referenceTargetField": None,
        "referenceTo": list(to),
        "relationshipName": relationship,
        "relationshipOrder": None,
        "restrictedDelete": False,
        "restrictedPicklist": False,
        "scale": 2 if number and more.get("custom") else 0,
        "searchPrefilterable": kind == "reference",
        "soapType": _SOAP.get(kind, "xsd:string"),
        "sortable": kind != "address" and not long_text,
        "type": kind,
        "unique": False,
        "updateable": False,
        "writeRequiresMasterRead": False,
    }
    entry.update({_LETTERS[letter]: True for letter in flags})
    if kind == "boolean":
        entry["defaultedOnCreate"] = True
    entry.update(more)
    return entry


def custom_field(name: str, kind: str, *, label: str = "", **more: Any) -> JsonObject:
    """A describe entry of a custom field, as an administrator would add it: writable and empty by default.

    :param name: the API name, ending in ``__c``.
    :param more: as for :func:`field`, and any key of a describe entry (``externalId``, ``unique``, …).
    """
    flags = more.pop("flags", "cu" if kind == "boolean" else "cun")
    made = field(name, kind, flags, label=label or name.removesuffix("__c").replace("_", " "), custom=True, **more)
    made["idLookup"] = made["idLookup"] or made["externalId"]
    return made


def _picklist_value(value: str, default: bool) -> JsonObject:
    return {"active": True, "defaultValue": default, "label": value, "validFor": None, "value": value}


def id_entry(label: str) -> JsonObject:
    return field("Id", "id", "d", label=label)


def deleted() -> JsonObject:
    return field("IsDeleted", "boolean", "d", label="Deleted")


def name(flags: str = "cu", *, label: str = "Name", length: int = 255, **more: Any) -> JsonObject:
    return field("Name", "string", flags, label=label, length=length, nameField=True, idLookup=True, **more)


def user(name: str, label: str, relationship: str, flags: str = "d") -> JsonObject:
    return field(name, "reference", flags, label=label, to=("User",), relationship=relationship)


def audit() -> list[JsonObject]:
    return [
        field("CreatedDate", "datetime", "d", label="Created Date"),
        user("CreatedById", "Created By ID", "CreatedBy"),
        field("LastModifiedDate", "datetime", "d", label="Last Modified Date"),
        user("LastModifiedById", "Last Modified By ID", "LastModifiedBy"),
        field("SystemModstamp", "datetime", "d", label="System Modstamp"),
    ]


def viewed() -> list[JsonObject]:
    return [
        field("LastViewedDate", "datetime", "n", label="Last Viewed Date"),
        field("LastReferencedDate", "datetime", "n", label="Last Referenced Date"),
    ]


def child(child: str, by: str, relationship: str | None, cascade: bool = False) -> JsonObject:
    return {
        "cascadeDelete": cascade,
        "childSObject": child,
        "deprecatedAndHidden": False,
        "field": by,
        "junctionIdListNames": [],
        "junctionReferenceTo": [],
        "relationshipName": relationship,
        "restrictedDelete": False,
    }


def _scopes(plural: str, fields: list[JsonObject]) -> list[JsonObject]:
    """What USING SCOPE takes: what somebody owns can be his."""
    found = [{"label": f"All {plural}", "name": "everything"}]
    if any(entry["name"] == "OwnerId" for entry in fields):
        found.append({"label": f"My {plural}", "name": "mine"})
    return found


def object_entry(
    name: str,
    prefix: str,
    fields: list[JsonObject],
    *,
    label: str = "",
    plural: str = "",
    children: tuple[JsonObject, ...] = (),
    writable: bool = True,
    deletable: bool | None = None,
    **more: Any,
) -> JsonObject:
    shown = label or name
    return {
        "actionOverrides": [],
        "activateable": False,
        "associateEntityType": None,
        "associateParentEntity": None,
        "childRelationships": list(children),
        "compactLayoutable": writable,
        "createable": writable,
        "custom": False,
        "customSetting": False,
        "deepCloneable": False,
        "defaultImplementation": None,
        "deletable": writable if deletable is None else deletable,
        "deprecatedAndHidden": False,
        "extendedBy": None,
        "extendsInterfaces": None,
        "feedEnabled": False,
        "fields": fields,
        "hasSubtypes": False,
        "implementedBy": None,
        "implementsInterfaces": None,
        "isInterface": False,
        "isSubtype": False,
        "keyPrefix": prefix,
        "label": shown,
        "labelPlural": plural or shown + "s",
        "layoutable": writable,
        "listviewable": None,
        "lookupLayoutable": None,
        "mergeable": False,
        "mruEnabled": False,
        "name": name,
        "namedLayoutInfos": [],
        "networkScopeFieldName": None,
        "queryable": True,
        "recordTypeInfos": [],
        "replicateable": True,
        "retrieveable": True,
        "searchLayoutable": False,
        "searchable": False,
        "sobjectDescribeOption": "FULL",
        "supportedScopes": _scopes((plural or shown + "s").lower(), fields),
        "triggerable": writable,
        "undeletable": False,
        "updateable": writable,
        **more,
    }


def count(name: str, label: str) -> JsonObject:
    return field(name, "int", "d", label=label)
