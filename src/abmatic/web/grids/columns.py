"""The columns of each grid: what they show, how they sort, what they can be filtered by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import BooleanField, DateField, DecimalField, F, Field, Model, TextField, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from abmatic.audiences.fields import FieldType, LocalField
from abmatic.audiences.models import Account, Contact, Opportunity
from abmatic.audiences.sorting import sort_key, unindexed_sort_key
from abmatic.campaigns.models import Campaign, CampaignMember

# Beside one another; with more, none would have room.
MOST = 10


_NO_KEY = Value(None, output_field=TextField())


@dataclass(frozen=True, slots=True)
class Keys:
    """The expression of a column that a grid is ordered by, NULL sorting last, and what decides among equals before the
    id does."""

    own: Combinable
    then: Combinable


@dataclass(frozen=True, slots=True)
class Column:
    """One column. ``type`` decides alignment and cursors: "text", "number", "date", "time", "arrival" or "yesno".

    "arrival" is a time by which rows have their ids: sorted by these, it needs no index of its own. ``cell`` names how
    it is drawn, where its type doesn't say that.
    """

    name: str
    label: str
    field: str
    type: str = "text"
    # Narrower screens drop columns with a higher number first; 0 always stays.
    drop: int = 0
    # Sorts among equal values of the column, where the id alone would look random.
    then: str | None = None
    # Sorted exactly as it is, as its index holds it; else as `sort_key` says.
    is_key: bool = False
    cell: str = ""
    is_sortable: bool = True
    is_custom: bool = False
    # Shown where nobody has chosen columns.
    is_usual: bool = True

    @property
    def drawn(self) -> str:
        """How its cells are drawn."""
        return self.cell or self.type

    @property
    def output(self) -> Field[Any, Any]:
        """As what Django reads the column of a custom field."""
        fields: dict[str, Field[Any, Any]] = {
            "number": DecimalField(), "date": DateField(), "yesno": BooleanField(),
        }  # fmt: skip
        return fields.get(self.type, TextField())

    @property
    def keys(self) -> Keys:
        """What the grid is ordered by, as its indexes have it."""
        return Keys(
            sort_key(self.field) if self._is_text else F(self.field), sort_key(self.then) if self.then else _NO_KEY
        )

    @property
    def unindexed_keys(self) -> Keys:
        """The same, as no index has it."""
        own = unindexed_sort_key(self.field) if self._is_text else Coalesce(F(self.field), F(self.field))
        return Keys(own, unindexed_sort_key(self.then) if self.then else _NO_KEY)

    @property
    def _is_text(self) -> bool:
        return self.type == "text" and not self.is_key


@dataclass(frozen=True, slots=True)
class Spec:
    """A grid of one kind of record."""

    record: str
    # The name of the page that shows all of them.
    page: str
    label: str
    model: type[Model]
    columns: tuple[Column, ...]
    related: tuple[str, ...] = ()
    # The order of an address without one, as in an address; one that an index serves. "": by the first column.
    sort: str = ""
    is_owned: bool = True

    def all_columns(self, fields: Sequence[LocalField]) -> tuple[Column, ...]:
        """Every column that can be chosen: those that are usual, and one for each other of the fields."""
        shown = {column.field for column in self.columns} | self.part_of_name
        others = [_of(field) for field in fields if field.name not in shown]
        created = () if "id" in shown else (Column("created", "Created", "created_at", "time", is_usual=False),)
        owner = (Column("owner", "Owner", "owner", cell="owner", is_sortable=False, is_usual=False),)
        return (*self.columns, *others, *(owner if self.is_owned else ()), *created)

    @property
    def part_of_name(self) -> set[str]:
        """Fields that the first column shows already."""
        return {each for column in self.columns for each in (column.then,) if each}

    def chosen(self, names: str, every: Sequence[Column]) -> tuple[Column, ...]:
        """The columns that an address asks for, by their names with commas between; the usual ones else."""
        wanted = names.split(",")
        found = [column for column in every[1:] if column.name in wanted]
        if not found:
            return self.columns
        # The first says which record it is.
        return (self.columns[0], *(replace(column, drop=min(column.drop, 1) or 1) for column in found[: MOST - 1]))


def _of(field: LocalField) -> Column:
    kind = {
        FieldType.INTEGER: "number", FieldType.NUMBER: "number", FieldType.DATE: "date", FieldType.BOOLEAN: "yesno",
    }.get(field.type, "text")  # fmt: skip
    can_be_sorted = kind != "yesno"
    return Column(
        field.name, field.label, field.name, kind, is_sortable=can_be_sorted, is_custom=field.is_custom, is_usual=False
    )


ACCOUNTS = Spec(
    record="account",
    page="accounts",
    label="Accounts",
    model=Account,
    columns=(
        Column("name", "Name", "name", cell="name"),
        Column("domain", "Domain", "domain", drop=1, is_key=True, cell="domain"),
        Column("industry", "Industry", "industry", drop=2),
        Column("employees", "Employees", "employee_count", type="number", drop=2),
        Column("revenue", "Revenue", "revenue", type="number", drop=3, cell="money"),
        Column("country", "Country", "country", drop=2),
        Column("city", "City", "city", drop=4),
        Column("updated", "Updated", "updated_at", type="time", drop=3),
    ),
)

CONTACTS = Spec(
    record="contact",
    page="contacts",
    label="Contacts",
    model=Contact,
    columns=(
        Column("name", "Name", "last_name", then="first_name", cell="name"),
        Column("email", "Work e-mail", "work_email", drop=1),
        Column("title", "Job title", "job_title", drop=2),
        Column("company", "Company", "company", drop=2, cell="company"),
        Column("phone", "Phone", "phone", drop=4),
        Column("kind", "Kind", "kind", drop=1, cell="kind"),
        Column("updated", "Updated", "updated_at", type="time", drop=3),
    ),
    related=("account",),
)

OPPORTUNITIES = Spec(
    record="opportunity",
    page="opportunities",
    label="Opportunities",
    model=Opportunity,
    columns=(
        Column("name", "Name", "name", cell="name"),
        Column("stage", "Stage", "stage", drop=1, cell="stage"),
        Column("amount", "Amount", "amount", type="number", cell="money"),
        Column("closes", "Close date", "close_date", type="date", drop=1),
        Column("updated", "Updated", "updated_at", type="time", drop=4),
        Column("added", "Added", "id", type="arrival", drop=3),
    ),
    related=("account",),
    sort="-added",
)

CAMPAIGNS = Spec(
    record="campaign",
    page="campaigns",
    label="Campaigns",
    model=Campaign,
    columns=(
        Column("name", "Name", "name", cell="name"),
        Column("type", "Type", "type", drop=1),
        Column("status", "Status", "status", drop=1, cell="campaign_status"),
        Column("starts", "Start date", "start_date", type="date", drop=2),
        Column("ends", "End date", "end_date", type="date", drop=3),
        Column("cost", "Actual cost", "actual_cost", type="number", drop=2, cell="money"),
        Column("updated", "Updated", "updated_at", type="time", drop=4),
    ),
    related=("parent",),
)

MEMBERS = Spec(
    record="campaign_member",
    page="campaigns",
    label="Members",
    model=CampaignMember,
    columns=(
        Column("name", "Name", "contact__last_name", then="contact__first_name", cell="name"),
        Column("status", "Status", "status", cell="member_status"),
        Column("responded", "First responded", "first_responded", type="date", drop=1),
        Column("updated", "Updated", "updated_at", type="time", drop=2),
        Column("added", "Added", "id", type="arrival", drop=3),
    ),
    related=("contact__account", "campaign"),
    sort="-added",
    is_owned=False,
)

SPECS = {spec.record: spec for spec in (ACCOUNTS, CONTACTS, OPPORTUNITIES, CAMPAIGNS)}
# Of these there are collections, saved views, and selections across pages.
COLLECTED = {spec.record for spec in (ACCOUNTS, CONTACTS, OPPORTUNITIES)}
