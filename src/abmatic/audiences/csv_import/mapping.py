"""What goes where: the columns of a file and the options that a person chose, checked once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from abmatic.audiences.csv_import.models import FileImport
from abmatic.audiences.csv_import.refusals import MappingRefused
from abmatic.audiences.editing import KEYS, PrimaryKey, editable
from abmatic.audiences.fields import LocalField


@dataclass(frozen=True, slots=True)
class Mapped:
    """A column that goes to a field. ``place`` counts from 0."""

    place: int
    heading: str
    field: LocalField


@dataclass(frozen=True, slots=True)
class Mapping:
    """Everything that says what a row becomes."""

    record: str
    mapped: tuple[Mapped, ...]
    duplicates: FileImport.Duplicates
    takes_keyless: bool
    decimal_comma: bool
    day_first: bool

    @property
    def key(self) -> PrimaryKey:
        """What records of this kind are told apart by."""
        return KEYS[self.record]

    @property
    def key_column(self) -> int | None:
        """Which of the mapped columns the key is made of."""
        return next((at for at, each in enumerate(self.mapped) if each.field.name == self.key.field), None)

    @property
    def overwrites(self) -> bool:
        """Whether a value takes the place of another."""
        return self.duplicates == FileImport.Duplicates.OVERWRITE

    @property
    def changes_records(self) -> bool:
        """Whether records that are here already change at all."""
        return self.duplicates != FileImport.Duplicates.SKIP


def mapping_of(file: FileImport) -> Mapping:
    """The mapping of an import, held against the fields that there are now. Raises `MappingRefused`."""
    mapped = mapped_columns(file.record, file.header, file.columns)
    made = Mapping(
        file.record, mapped, FileImport.Duplicates(file.duplicates), file.takes_keyless, file.decimal_comma,
        file.day_first,
    )  # fmt: skip
    if not mapped:
        raise MappingRefused("No column goes to a field. Choose a field for at least one.")
    if made.key_column is None and not file.takes_keyless:
        label = next(each.label for each in editable(file.record) if each.name == made.key.field)
        raise MappingRefused(
            f"No column goes to {label}, which tells whether a row is a record that is here already. Choose the column "
            f"that holds it, or say that rows without a {made.key.label} are imported as well."
        )
    return made


def mapped_columns(record: str, header: Sequence[str], columns: Sequence[str | None]) -> tuple[Mapped, ...]:
    """The columns that go somewhere. Raises `MappingRefused`."""
    known = {each.name: each for each in editable(record)}
    taken: dict[str, str] = {}
    mapped = []
    for place, (heading, name) in enumerate(zip(header, columns, strict=True)):
        if name is None:
            continue
        if name not in known:
            raise MappingRefused(f"{name[:80]!r} is no field that can be imported; fields are {', '.join(known)}.")
        if name in taken:
            raise MappingRefused(
                f"“{taken[name]}” and “{heading}” both go to {known[name].label}. Choose one, and ignore the other."
            )
        taken[name] = heading
        mapped.append(Mapped(place, heading, known[name]))
    return tuple(mapped)


def field_named(record: str, text: str) -> LocalField:
    """The field that a person named, by its label or its name. Raises `MappingRefused`."""
    wanted = " ".join(text.split()).casefold()
    found = [each for each in editable(record) if wanted in {each.label.casefold(), each.name}]
    if not found:
        raise MappingRefused(
            f"“{text[:80]}” is no field. Choose one of the list, or leave it empty to ignore the column."
        )
    return found[0]
