"""What goes where: the columns of a file and the options that a person chose, checked once."""

from __future__ import annotations

from collections.abc import Mapping as Pairs
from collections.abc import Sequence
from dataclasses import dataclass

from abmatic.audiences.csv_import.models import FileImport
from abmatic.audiences.csv_import.references import OWN_ID, AccountColumn, By, OwnId, importable
from abmatic.audiences.csv_import.refusals import MappingRefused
from abmatic.audiences.editing import KEYS, PrimaryKey, editable
from abmatic.audiences.fields import LocalField

# Without these Salesforce takes no opportunity, and no list here makes sense of one.
REQUIRED = ("name", "stage", "close_date")


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
    account: AccountColumn | None = None
    own_id: OwnId | None = None
    missing: FileImport.MissingAccount = FileImport.MissingAccount.LEAVE

    @property
    def key(self) -> PrimaryKey | None:
        """What records of this kind are told apart by; None of those that have no key of their own."""
        return KEYS.get(self.record)

    @property
    def key_column(self) -> int | None:
        """Which of the mapped columns the key is made of."""
        return self.column(self.key.field) if self.key is not None else None

    @property
    def key_label(self) -> str:
        """What a record is found by, in words."""
        return self.key.label if self.key is not None else "account and name"

    def column(self, name: str) -> int | None:
        """Which of the mapped columns goes to a field."""
        return next((at for at, each in enumerate(self.mapped) if each.field.name == name), None)

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
    mapped, account, own_id = mapped_columns(file.record, file.header, file.columns)
    made = Mapping(
        file.record, mapped, FileImport.Duplicates(file.duplicates), file.takes_keyless, file.decimal_comma,
        file.day_first, account, own_id, FileImport.MissingAccount(file.missing_account),
    )  # fmt: skip
    if not mapped:
        raise MappingRefused("No column goes to a field. Choose a field for at least one.")
    if account is not None and account.by is By.CRM_ID and made.missing is FileImport.MissingAccount.CREATE:
        raise MappingRefused("An account can't be created from its Id. Choose what else happens where none is found.")
    if made.key is None:
        _require_identity(made)
    elif made.key_column is None and not file.takes_keyless:
        label = next(each.label for each in editable(file.record) if each.name == made.key.field)
        raise MappingRefused(
            f"No column goes to {label}, which tells whether a row is a record that is here already. Choose the column "
            f"that holds it, or say that rows without a {made.key.label} are imported as well."
        )
    return made


def _require_identity(mapping: Mapping) -> None:
    """What an opportunity is found by, and what a new one needs."""
    if mapping.own_id is not None:
        return
    labels = {each.name: each.label for each in editable(mapping.record)}
    if missing := [labels[name] for name in REQUIRED if mapping.column(name) is None]:
        raise MappingRefused(
            f"No column goes to {' and '.join(missing)}, which every new opportunity needs. Choose the column that "
            "holds it; to change only opportunities that are here, choose the column with their Id in the CRM."
        )
    if mapping.account is None and not mapping.takes_keyless:
        raise MappingRefused(
            "No column goes to the account, which together with the name tells whether a row is an opportunity that is "
            "here already. Choose the column that names it, or say that rows without an account are imported as well."
        )


Columns = tuple[tuple[Mapped, ...], AccountColumn | None, OwnId | None]


def mapped_columns(record: str, header: Sequence[str], columns: Sequence[str | None]) -> Columns:
    """The columns that go somewhere: to fields, to the account, to the record's own Id. Raises `MappingRefused`."""
    known = {each.name: each for each in importable(record)}
    taken: dict[str, str] = {}
    mapped = []
    account = own_id = None
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
        if name in set(By):
            if account is not None:
                raise MappingRefused(
                    f"“{account.heading}” and “{heading}” both name the account. Choose one, and ignore the other."
                )
            account = AccountColumn(place, heading, By(name))
        elif name == OWN_ID:
            own_id = OwnId(place, heading)
        else:
            mapped.append(Mapped(place, heading, known[name]))
    return tuple(mapped), account, own_id


def field_named(record: str, text: str) -> LocalField:
    """The field that a person named, by its label or its name. Raises `MappingRefused`."""
    wanted = " ".join(text.split()).casefold()
    found = [each for each in importable(record) if wanted in {each.label.casefold(), each.name}]
    if not found:
        raise MappingRefused(
            f"“{text[:80]}” is no field. Choose one of the list, or leave it empty to ignore the column."
        )
    return found[0]


def columns_said(file: FileImport, said: Pairs[str, str | None]) -> list[str | None]:
    """The columns of a file, some of them said by their headings; None ignores one. Raises `MappingRefused`."""
    places: dict[int, str | None] = {}
    for heading, name in said.items():
        found = [at for at, each in enumerate(file.header) if each.casefold() == heading.strip().casefold()]
        if len(found) != 1:
            known = ", ".join(f"“{each}”" for each in file.header)
            what = "stands above several columns" if len(found) > 1 else "is no column"
            raise MappingRefused(f"“{heading[:80]}” {what}. Columns are {known}")
        places[found[0]] = field_named(file.record, name).name if name and name.strip() else None
    # What is said counts more than what was guessed, and one column names the account.
    taken = set(places.values()) | (set(By) if any(name in set(By) for name in places.values()) else set())
    columns = [None if name in taken else name for name in file.columns]
    for place, name in places.items():
        columns[place] = name
    return columns
