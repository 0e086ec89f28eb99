"""Values as a page shows them: text that is safe to read, and links to what is referred to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from salesforce_emulator.pages import layout
from salesforce_emulator.pages.acting import schema
from salesforce_emulator.schema import Field, SObject
from salesforce_emulator.store import OrgStore

# A hostile org's control characters are shown, as Unicode's pictures of them.
_PICTURES = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n\r"} | {0x7F: 0x2421}


@dataclass(frozen=True)
class Cell:
    """A field of a record on a page. ``link`` leads to the record it refers to."""

    field: Field
    value: object
    text: str
    link: str | None = None

    @property
    def label(self) -> str:
        return layout.label(self.field)


def visible(text: str) -> str:
    return text.translate(_PICTURES)


def cells(store: OrgStore, fields: Sequence[Field], values: Iterable[object]) -> list[Cell]:
    return [_cell(store, f, v) for f, v in zip(fields, values, strict=True)]


def _cell(store: OrgStore, field: Field, value: object) -> Cell:
    if value is None:
        return Cell(field, None, "")
    if field.type == "boolean" and isinstance(value, int):
        return Cell(field, value, "Yes" if value else "No")
    if field.type == "reference":
        name = name_of(store, str(value))
        return Cell(field, value, visible(name or str(value)), f"/{value}" if name else None)
    if field.type == "datetime":
        return Cell(field, value, visible(moment(str(value))))
    if field.type == "currency" and isinstance(value, int | float):
        return Cell(field, value, f"{value:,.2f}")
    if field.type == "percent" and isinstance(value, int | float):
        return Cell(field, value, f"{value:g}%")
    if field.type == "int" and isinstance(value, int):
        return Cell(field, value, f"{value:,}")
    return Cell(field, value, visible(str(value)))


def moment(stamp: str) -> str:
    """A point in time, from the form in which the tables hold it."""
    return stamp.replace("T", " ").removesuffix(".000Z") + " UTC" if stamp.endswith(".000Z") else stamp


def address(sobject: SObject, compound: Field, found: Mapping[str, Cell]) -> Cell:
    """An address in lines, as on an envelope."""
    by_end = {p.name: found[p.name].text for p in layout.parts(sobject, compound) if p.name in found}

    def part(end: str) -> str:
        return next((text for name, text in by_end.items() if name.endswith(end)), "")

    city = " ".join(filter(None, (part("PostalCode"), part("City"))))
    lines = [part("Street"), ", ".join(filter(None, (city, part("State")))), part("Country")]
    position = ", ".join(filter(None, (part("Latitude"), part("Longitude"))))
    text = "\n".join(filter(None, [*lines, position]))
    return Cell(compound, text or None, text)


def name_of(store: OrgStore, record_id: str) -> str | None:
    """What a record is called: its id where its object has no names; None where it isn't there.

    Nor has an object's record a name for who may not see the object.
    """
    sobject = schema().by_id(record_id)
    if sobject is None:
        return None
    name = layout.name_field(sobject)
    shown = name.sql("t") if name else "NULL"
    with store.reading() as conn:
        row = conn.execute(f'SELECT {shown} FROM "{sobject.name}" AS t WHERE t."Id" = ?', (record_id,)).fetchone()
    if row is None:
        return None
    return str(row[0]) if row[0] else record_id
