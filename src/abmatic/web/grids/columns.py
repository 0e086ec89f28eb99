"""The columns of each grid: what they show, how they sort, what they can be filtered by."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Expression, F, Model, Q, TextField, Value
from django.db.models.expressions import Combinable

from abmatic.audiences.models import Account, Contact, Opportunity, sort_key
from abmatic.web.grids.ilike import IlikeContains


@dataclass(frozen=True, slots=True)
class Column:
    """One column. ``type`` decides operators, alignment and cursors: "text", "number", "date", "time" or "arrival".

    "arrival" is a time by which rows have their ids: sorted by these, it needs no index of its own.
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

    @property
    def sort_key(self) -> Combinable:
        """The expression the grid is ordered by; NULL sorts last."""
        if self.type != "text" or self.is_key:
            return F(self.field)
        return sort_key(self.field)

    @property
    def then_key(self) -> Expression:
        """What decides among equals, before the id does."""
        return sort_key(self.then) if self.then else Value(None, output_field=TextField())


@dataclass(frozen=True, slots=True)
class Spec:
    """A grid of one kind of record."""

    record: str
    # The name of the page that shows all of them.
    page: str
    label: str
    model: type[Model]
    columns: tuple[Column, ...]
    # Fields that the search box looks into.
    searched: tuple[str, ...]
    # Further fields that only the filter offers.
    filtered: tuple[Column, ...] = ()
    related: tuple[str, ...] = ()
    # The order of an address without one, as in an address; one that an index serves. "": by the first column.
    sort: str = ""

    def column(self, name: str) -> Column | None:
        """The column of that name."""
        return next((column for column in self.columns if column.name == name), None)

    @property
    def filters(self) -> tuple[Column, ...]:
        """Everything that can be filtered by."""
        return tuple(column for column in self.columns if column.type not in {"time", "arrival"}) + self.filtered


def contains(field: str, text: str) -> Q:
    """Case-insensitive containment."""
    return Q(**{f"{field}__{IlikeContains.lookup_name}": text})


ACCOUNTS = Spec(
    record="account",
    page="accounts",
    label="Accounts",
    model=Account,
    columns=(
        Column("name", "Name", "name"),
        Column("domain", "Domain", "domain", drop=1, is_key=True),
        Column("industry", "Industry", "industry", drop=2),
        Column("employees", "Employees", "employee_count", type="number", drop=2),
        Column("revenue", "Revenue", "revenue", type="number", drop=3),
        Column("country", "Country", "country", drop=2),
        Column("city", "City", "city", drop=4),
        Column("updated", "Updated", "updated_at", type="time", drop=3),
    ),
    searched=("name", "domain"),
    filtered=(Column("website", "Website", "website"),),
)

CONTACTS = Spec(
    record="contact",
    page="contacts",
    label="Contacts",
    model=Contact,
    columns=(
        Column("name", "Name", "last_name", then="first_name"),
        Column("email", "Work e-mail", "work_email", drop=1),
        Column("title", "Job title", "job_title", drop=2),
        Column("company", "Company", "company", drop=2),
        Column("phone", "Phone", "phone", drop=4),
        Column("kind", "Kind", "kind", drop=1),
        Column("updated", "Updated", "updated_at", type="time", drop=3),
    ),
    searched=("first_name", "last_name", "work_email", "company"),
    related=("account",),
)

OPPORTUNITIES = Spec(
    record="opportunity",
    page="opportunities",
    label="Opportunities",
    model=Opportunity,
    columns=(
        Column("name", "Name", "name"),
        Column("stage", "Stage", "stage", drop=1),
        Column("amount", "Amount", "amount", type="number"),
        Column("closes", "Close date", "close_date", type="date", drop=1),
        Column("updated", "Updated", "updated_at", type="time", drop=4),
        Column("added", "Added", "id", type="arrival", drop=3),
    ),
    searched=("name",),
    related=("account",),
    sort="-added",
)
