"""Addresses in an org with state and country picklists: text and code say the same, or the record is refused.

Whichever of the two is written brings the other with it.  The code counts where both are given and disagree.
"""

from __future__ import annotations

import sqlite3

from salesforce_emulator.schema import Field, Schema, SObject
from salesforce_emulator.schema.places import Address, addresses
from salesforce_emulator.store.errors import RecordError

Values = dict[str, object]
_COUNTRY = (
    "There's a problem with this country, even though it may appear correct. Please select a country/territory from "
    "the list of valid countries."
)
_STATE = (
    "There's a problem with this state, even though it may appear correct. Please select a state from the list of "
    "valid states."
)
_NO_COUNTRY = "A country/territory must be specified before specifying a state value for field"
_OTHER_COUNTRY = "The existing country/territory doesn't recognize the state value for field"


def complete(sobject: SObject, row: Values, current: Values) -> None:
    """Complete what a row says of places.

    :param current: the record so far, as far as :func:`looked_at` names it; of a new one nothing.
    :raises RecordError: FIELD_INTEGRITY_EXCEPTION.
    """
    for address in addresses(sobject):
        if not row.keys().isdisjoint(address.names):
            _country(address, row)
            _state(address, row, current)


def looked_at(sobject: SObject) -> tuple[str, ...]:
    """The columns that :func:`complete` wants to know of a record."""
    return tuple(name for address in addresses(sobject) for name in address.names)


def _country(address: Address, row: Values) -> None:
    _, text, _, code = address.names
    if row.get(code) is not None:
        row[text] = address.country_labels[str(row[code])]
    elif row.get(text) is not None:
        row[code] = address.countries.get(str(row[text]).lower())
        if row[code] is None:
            raise _refused(_COUNTRY, address.country)
        row[text] = address.country_labels[str(row[code])]
    elif text in row or code in row:
        row[text] = row[code] = None


def _state(address: Address, row: Values, current: Values) -> None:
    text, _, code, country_code = address.names
    country = row.get(country_code, current.get(country_code))
    given = next((f for f in (address.state_code, address.state) if row.get(f.name) is not None), None)
    if given is None and (text in row or code in row):
        row[text] = row[code] = None
        return
    if given is None and current.get(code) is not None:
        if f"{country}-{current[code]}" not in address.state_labels:
            raise _refused(_OTHER_COUNTRY if country else _NO_COUNTRY, address.state_code)
        return
    if given is None:
        return
    if country is None:
        raise _refused(_NO_COUNTRY, given)
    found = row[code] if given is address.state_code else address.states.get(f"{country}-{str(row[text]).lower()}")
    if f"{country}-{found}" not in address.state_labels:
        raise _refused(_OTHER_COUNTRY if given is address.state_code else _STATE, given)
    row[code], row[text] = found, address.state_labels[f"{country}-{found}"]


def _refused(problem: str, field: Field) -> RecordError:
    return RecordError("FIELD_INTEGRITY_EXCEPTION", f"{problem}: {field.label}", [field.name])


def fill_codes(conn: sqlite3.Connection, schema: Schema) -> None:
    """Give loaded records the codes of the texts that are known; others stay, as those of a real org do."""
    for sobject in schema:
        for address in addresses(sobject):
            text, country, code, country_code = address.names
            conn.create_function("country_code", 1, lambda t, a=address: a.countries.get((t or "").lower()))
            conn.create_function("state_code", 2, lambda c, t, a=address: a.states.get(f"{c}-{(t or '').lower()}"))
            known = f'WHERE "{country}" IS NOT NULL'
            conn.execute(f'UPDATE "{sobject.name}" SET "{country_code}" = country_code("{country}") {known}')
            conn.execute(
                f'UPDATE "{sobject.name}" SET "{code}" = state_code("{country_code}", "{text}")'
                f' WHERE "{country_code}" IS NOT NULL AND "{text}" IS NOT NULL'
            )
