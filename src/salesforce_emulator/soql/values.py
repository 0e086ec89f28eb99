"""Between the tables' values and JSON's."""

from __future__ import annotations

from salesforce_emulator.schema import Field, SObject
from salesforce_emulator.soql.plan import Convert

# Address parts by the ending of the field that holds them, in the order of the answer.
_ADDRESS_PARTS = {
    "city": "City",
    "country": "Country",
    "countryCode": "CountryCode",
    "geocodeAccuracy": "GeocodeAccuracy",
    "latitude": "Latitude",
    "longitude": "Longitude",
    "postalCode": "PostalCode",
    "state": "State",
    "stateCode": "StateCode",
    "street": "Street",
}


def address_parts(sobject: SObject, compound: Field) -> dict[str, Field]:
    """The fields an address is made of, by their key in JSON. State and country codes only where they exist."""
    prefix = compound.name.removesuffix("Address")
    found = {key: sobject.get(prefix + part) for key, part in _ADDRESS_PARTS.items()}
    return {key: part for key, part in found.items() if part is not None}


def sql_columns(sobject: SObject, wanted: Field, alias: str) -> list[str]:
    """The SQL columns that one field of the answer needs."""
    if not wanted.compound:
        return [wanted.sql(alias)]
    return [part.sql(alias) for part in address_parts(sobject, wanted).values()]


def json_datetime(stored: str | None) -> str | None:
    """``2020-10-22T21:03:23.000Z`` as REST prints it: ``2020-10-22T21:03:23.000+0000``."""
    return f"{stored[:-1]}+0000" if stored is not None and stored.endswith("Z") else stored


def json_boolean(stored: object) -> object:
    return bool(stored) if isinstance(stored, int) else stored


def json_double(stored: object) -> object:
    return float(stored) if isinstance(stored, int | float) else stored


_CONVERTERS: dict[str, Convert] = {
    "boolean": json_boolean,
    "datetime": json_datetime,
    "double": json_double,
    "currency": json_double,
    "percent": json_double,
}


def converter_of(kind: str) -> Convert | None:
    """How a stored value of this type becomes JSON. One that isn't of the type (a hostile org's) goes out as it is."""
    return _CONVERTERS.get(kind)


def converter(sobject: SObject, wanted: Field) -> Convert | None:
    """How the SQL columns of a field become its JSON value; None where the value stays as it is."""
    if not wanted.compound:
        return converter_of(wanted.type)
    keys = tuple(address_parts(sobject, wanted))

    def address(*parts: object) -> dict[str, object] | None:
        return dict(zip(keys, parts, strict=True)) if any(p is not None for p in parts) else None

    return address
