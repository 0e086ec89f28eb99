"""What one pull reads and where each value goes: the mappings held against what the org's describe offers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

from abmatic.audiences.fields import FieldType, LocalField, field
from abmatic.sync.models import FieldMapping, Mode, ObjectSetting
from abmatic.sync.objects import SObject, SystemColumn

# Read of every object, before its own system columns and its mapped fields.
BASE_FIELDS = ("Id", "SystemModstamp", "CreatedDate", "IsDeleted")
# Objects without a recycle bin have no IsDeleted; a User is deactivated instead.
OPTIONAL_BASE_FIELDS = frozenset({"IsDeleted"})
# Read besides of objects that are written to: whether what comes back is our own write (see readback).
CHANGED_BY = "LastModifiedById"


@dataclass(frozen=True, slots=True)
class PulledField:
    """One mapped field: where it comes from, where it goes, and how (SYNC.md section 4)."""

    sf_field: str
    local: LocalField
    to_abmatic: Mode
    to_salesforce: Mode
    clear_with_empty: bool = False

    @property
    def column(self) -> str:
        """The column of the local table."""
        return self.local.name

    @property
    def value(self) -> str:
        """The column of the work table that holds the canonical value."""
        return f"v_{self.local.name}"

    @property
    def can_be_bad(self) -> bool:
        """Whether a text from Salesforce may be no value of this type."""
        return self.local.type in {
            FieldType.INTEGER,
            FieldType.NUMBER,
            FieldType.DATE,
            FieldType.DATETIME,
            FieldType.BOOLEAN,
        }


@dataclass(frozen=True, slots=True)
class PullPlan:
    """Everything the statements of a pull are generated from."""

    spec: SObject
    fields: tuple[PulledField, ...]
    system: tuple[SystemColumn, ...]
    base: tuple[str, ...]
    key_field: str | None
    create: bool
    update: bool
    policy: str

    @property
    def selected(self) -> tuple[str, ...]:
        """The Salesforce fields to ask for, each once, in the order of the staged columns."""
        asked = [*self.base, *(column.sf_field for column in self.system), *(f.sf_field for f in self.fields)]
        if self.key_field:
            asked.append(self.key_field)
        return tuple(dict.fromkeys(asked))

    def soql(self, lower: datetime | None, upper: datetime) -> str:
        """The query for records changed in [lower, upper)."""
        window = f"SystemModstamp < {literal(upper)}"
        if lower is not None:
            window = f"SystemModstamp >= {literal(lower)} AND {window}"
        return f"SELECT {', '.join(self.selected)} FROM {self.spec.name} WHERE {window}"

    def soql_of(self, sf_ids: Sequence[str]) -> str:
        """The query for records by their Ids, which are letters and digits."""
        named = ", ".join(f"'{sf_id}'" for sf_id in sf_ids)
        return f"SELECT {', '.join(self.selected)} FROM {self.spec.name} WHERE Id IN ({named})"


@dataclass(frozen=True, slots=True)
class Broken:
    """A mapping that this org does not offer: kept, skipped, shown."""

    mapping: FieldMapping
    reason: str


class ObjectUnreadable(Exception):
    """The connected user may not read what every record needs."""

    def __init__(self, sobject: str, missing: Sequence[str]) -> None:
        super().__init__(
            f"Salesforce does not show {', '.join(missing)} of {sobject} to the connected user. Give its permission "
            f"set read access to {sobject} and these fields, then sync again."
        )


def literal(moment: datetime) -> str:
    """A SOQL dateTime literal in UTC, to the millisecond."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def make(
    spec: SObject,
    setting: ObjectSetting | None,
    offered: Iterable[str],
    kinds: Mapping[str, str] = MappingProxyType({}),
) -> tuple[PullPlan, list[Broken]]:
    """The plan for an object, and the mappings that are broken.

    ``offered`` are the fields that describe shows and that may be queried, ``kinds`` what they hold.
    A missing key field is a broken mapping too: then nothing can be matched by key, and records are known by their Id
    alone. Raises `ObjectUnreadable`.
    """
    available = set(offered)
    missing = [name for name in BASE_FIELDS if name not in available and name not in OPTIONAL_BASE_FIELDS]
    missing += [column.sf_field for column in spec.system if column.sf_field not in available and not column.optional]
    if missing:
        raise ObjectUnreadable(spec.name, missing)
    fixed = [
        PulledField(
            default.sf_field,
            field(spec.local, default.local_field),
            Mode.OVERWRITE,
            Mode.OVERWRITE if default.sf_field in spec.written else Mode.NONE,
        )
        for default in spec.fixed
        if default.sf_field in available
    ]
    mapped: list[PulledField] = []
    broken: list[Broken] = []
    for mapping in setting.mappings.all() if setting and spec.rides_with is None else ():
        if mapping.sf_field in available and not (reason := _retyped(mapping, kinds)):
            mapped.append(_pulled(spec, mapping))
        elif mapping.sf_field in available:
            broken.append(Broken(mapping, reason))
        else:
            broken.append(
                Broken(mapping, f"{spec.name} has no field {mapping.sf_field} that the connected user may read")
            )
    plan = PullPlan(
        spec=spec,
        fields=(*mapped, *fixed),
        system=tuple(column for column in spec.system if column.sf_field in available),
        base=tuple(name for name in (*BASE_FIELDS, *_of_pushed(spec, setting)) if name in available),
        key_field=spec.key.sf_field if spec.key and spec.key.sf_field in available else None,
        create=setting.create_in_abmatic if setting and spec.obeys_settings else True,
        update=setting.update_in_abmatic if setting and spec.obeys_settings else True,
        policy=setting.policy if setting else ObjectSetting.Policy.SALESFORCE,
    )
    return plan, broken


def _retyped(mapping: FieldMapping, kinds: Mapping[str, str]) -> str:
    """Why the mapping is broken, where its field holds something else than it did.

    Salesforce converts what it can and empties what it can't: read as an edit, that would empty the values here.
    """
    before, now = mapping.sf_kind, kinds.get(mapping.sf_field, "")
    if not before or not now or before == now:
        return ""
    return (
        f"{mapping.sf_field} was a field of kind {before} and is of kind {now} now. Salesforce may have emptied values "
        "by that, so none is taken. Map it anew (remove the mapping, then add it) to take them as they are"
    )


def _of_pushed(spec: SObject, setting: ObjectSetting | None) -> tuple[str, ...]:
    return (CHANGED_BY,) if setting and setting.is_pushed and spec.rides_with is None else ()


def _pulled(spec: SObject, mapping: FieldMapping) -> PulledField:
    return PulledField(
        mapping.sf_field,
        field(spec.local, mapping.local_field),
        Mode(mapping.to_abmatic),
        Mode(mapping.to_salesforce),
        mapping.clear_with_empty,
    )
