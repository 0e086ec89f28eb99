"""Reading records for the pages: lists, single records, labels of what they refer to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from salesforce_emulator.schema import Field, SObject
from salesforce_emulator.store import OrgStore

PAGE = 50
RELATED = 10
# The columns of a list, by object; others show their name and when they were changed.
_COLUMNS = {
    "Account": ("Name", "Website", "Industry", "BillingCountry", "OwnerId", "LastModifiedDate"),
    "Contact": ("Name", "AccountId", "Title", "Email", "Phone", "LastModifiedDate"),
    "Lead": ("Name", "Company", "Email", "Status", "IsConverted", "LastModifiedDate"),
    "Opportunity": ("Name", "AccountId", "StageName", "Amount", "CloseDate", "LastModifiedDate"),
    "Campaign": ("Name", "Type", "Status", "StartDate", "NumberOfLeads", "NumberOfContacts"),
    "CampaignMember": ("Name", "CampaignId", "Type", "Status", "HasResponded", "LastModifiedDate"),
    "CampaignMemberStatus": ("Label", "CampaignId", "SortOrder", "IsDefault", "HasResponded"),
    "OpportunityContactRole": ("OpportunityId", "ContactId", "Role", "IsPrimary", "LastModifiedDate"),
    "User": ("Name", "Username", "Title", "ProfileId", "IsActive"),
}
SHOWN = tuple(_COLUMNS)
"""The objects that have a place in the bar."""


@dataclass(frozen=True)
class Cell:
    """A field of a record on a page. ``link`` leads to the record it refers to."""

    field: Field
    value: object
    text: str
    link: str | None = None


@dataclass(frozen=True)
class RecordPage:
    """One page of a list."""

    columns: list[Field]
    rows: list[tuple[str, bool, list[Cell]]]
    total: int


def list_fields(sobject: SObject) -> list[Field]:
    name = sobject.name_field
    wanted = _COLUMNS.get(sobject.name, ((name.name if name else "Id"), "SystemModstamp"))
    return [sobject[n] for n in wanted]


def listing(store: OrgStore, sobject: SObject, search: str, page: int, *, bin_only: bool) -> RecordPage:
    """A page of an object's records, what was changed last first."""
    columns = list_fields(sobject)
    conditions = [f't."IsDeleted" = {int(bin_only)}'] if sobject.get("IsDeleted") else []
    params: list[object] = []
    name = sobject.name_field
    if search and name:
        conditions.append(f"({name.sql('t')}) LIKE ? ESCAPE '\\'")
        params.append(_pattern(search))
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    deleted = 't."IsDeleted"' if sobject.get("IsDeleted") else "0"
    selected = ", ".join(['t."Id"', deleted, *(c.sql("t") for c in columns)])
    with store.reading() as conn:
        total = conn.execute(f'SELECT count(*) FROM "{sobject.name}" AS t{where}', params).fetchone()[0]
        rows = conn.execute(
            f'SELECT {selected} FROM "{sobject.name}" AS t{where} ORDER BY t."SystemModstamp" DESC, t."Id"'
            f" LIMIT {PAGE} OFFSET {PAGE * page}",
            params,
        ).fetchall()
    found = [(str(r[0]), bool(r[1]), cells(store, columns, r[2:])) for r in rows]
    return RecordPage(columns, found, total)


def _pattern(search: str) -> str:
    escaped = search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


@dataclass(frozen=True)
class Related:
    """The first records that refer to a record, and how many there are."""

    sobject: SObject
    columns: list[Field]
    rows: list[tuple[str, list[Cell]]]
    total: int


def related(store: OrgStore, sobject: SObject, record_id: str) -> list[Related]:
    """The child records of a record that are there, by relationship; empty ones are left out."""
    found = []
    for relation in sobject.children.values():
        child = store.schema.get(relation.child)
        by = child.get(relation.field) if child else None
        if child is None or by is None or not by.stored or child.get("IsDeleted") is None:
            continue
        columns = [f for f in list_fields(child) if f.name != relation.field]
        where = f'"{child.name}" AS t WHERE t."{relation.field}" = ? AND t."IsDeleted" = 0'
        with store.reading() as conn:
            total = conn.execute(f"SELECT count(*) FROM {where}", (record_id,)).fetchone()[0]
            selected = ", ".join(['t."Id"', *(c.sql("t") for c in columns)])
            rows = conn.execute(
                f'SELECT {selected} FROM {where} ORDER BY t."Id" LIMIT {RELATED}', (record_id,)
            ).fetchall()
        if total:
            found.append(Related(child, columns, [(str(r[0]), cells(store, columns, r[1:])) for r in rows], total))
    return found


def one(store: OrgStore, sobject: SObject, record_id: str) -> list[Cell] | None:
    """Every field of a record, deleted or not."""
    shown = [f for f in sobject.fields if not f.compound]
    selected = ", ".join(f.sql("t") for f in shown)
    with store.reading() as conn:
        row = conn.execute(f'SELECT {selected} FROM "{sobject.name}" AS t WHERE t."Id" = ?', (record_id,)).fetchone()
    return cells(store, shown, row) if row else None


def cells(store: OrgStore, fields: list[Field], values: tuple[object, ...] | list[object]) -> list[Cell]:
    return [_cell(store, f, v) for f, v in zip(fields, values, strict=True)]


def _cell(store: OrgStore, field: Field, value: object) -> Cell:
    if value is None:
        return Cell(field, None, "")
    if field.type == "boolean" and isinstance(value, int):
        return Cell(field, value, "yes" if value else "no")
    if field.type == "reference":
        name = name_of(store, str(value))
        return Cell(field, value, name or str(value), f"/{value}" if name else None)
    if field.type == "datetime":
        return Cell(field, value, str(value).replace("T", " ").removesuffix(".000Z") + " UTC")
    if field.type == "currency" and isinstance(value, int | float):
        return Cell(field, value, f"{value:,.2f}")
    return Cell(field, value, str(value))


def name_of(store: OrgStore, record_id: str) -> str | None:
    """What a record is called."""
    sobject = store.schema.by_id(record_id)
    name = sobject.name_field if sobject else None
    if sobject is None or name is None:
        return None
    with store.reading() as conn:
        row = conn.execute(
            f'SELECT {name.sql("t")} FROM "{sobject.name}" AS t WHERE t."Id" = ?', (record_id,)
        ).fetchone()
    return str(row[0]) if row else None


def counts(store: OrgStore) -> list[tuple[SObject, int]]:
    """The objects in the bar with their records that are there."""
    found = []
    with store.reading() as conn:
        for name in (*SHOWN, *(s.name for s in store.schema if s.custom)):
            sobject = store.schema.get(name)
            if sobject is None:
                continue
            alive = ' WHERE "IsDeleted" = 0' if sobject.get("IsDeleted") else ""
            found.append((sobject, conn.execute(f'SELECT count(*) FROM "{sobject.name}"{alive}').fetchone()[0]))
    return found


def form_values(sobject: SObject, form: Mapping[str, str], *, creating: bool) -> dict[str, object]:
    """What a form says about the fields it showed. An unticked box is false, an empty input is null."""
    values: dict[str, object] = {}
    for field in editable(sobject, creating=creating):
        if field.type == "boolean":
            values[field.name] = field.name in form
        elif field.name in form:
            values[field.name] = form[field.name].replace("\r\n", "\n") or None
    return values


def editable(sobject: SObject, *, creating: bool) -> list[Field]:
    """The fields a form shows."""
    return [
        f
        for f in sobject.fields
        if not f.compound and f.stored and (f.createable if creating else f.updateable) and f.type != "id"
    ]
