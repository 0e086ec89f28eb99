"""Reading one record for its page, and what belongs to it."""

from __future__ import annotations

from dataclasses import dataclass

from salesforce_emulator.pages import layout, shown
from salesforce_emulator.pages.acting import readable, schema
from salesforce_emulator.pages.lists import Row
from salesforce_emulator.pages.shown import Cell
from salesforce_emulator.schema import Field, SObject
from salesforce_emulator.store import OrgStore

RELATED = 5
# Listed even where there are none, since that is where a rep adds the first one.
_ALWAYS = {
    ("Account", "Contact"),
    ("Account", "Opportunity"),
    ("Campaign", "CampaignMember"),
    ("Contact", "CampaignMember"),
    ("Lead", "CampaignMember"),
    ("Opportunity", "OpportunityContactRole"),
}


@dataclass(frozen=True)
class Record:
    """A record with every field of it that holds something of its own, by name."""

    sobject: SObject
    id: str
    cells: dict[str, Cell]

    @property
    def title(self) -> str:
        name = layout.name_field(self.sobject)
        return (self.cells[name.name].text if name else "") or self.id

    @property
    def deleted(self) -> bool:
        return self._says("IsDeleted")

    @property
    def converted(self) -> bool:
        return self._says("IsConverted")

    def _says(self, name: str) -> bool:
        return name in self.cells and bool(self.cells[name].value)

    def value(self, name: str) -> object:
        return self.cells[name].value if name in self.cells else None

    def shown(self, field: Field) -> Cell:
        """A field as the page shows it: of a compound one, its parts together."""
        return shown.address(self.sobject, field, self.cells) if field.compound else self.cells[field.name]


def one(store: OrgStore, sobject: SObject, record_id: str) -> Record | None:
    """A record, deleted or not."""
    fields = [f for f in sobject.fields if not f.compound]
    selected = ", ".join(f.sql("t") for f in fields)
    with store.reading() as conn:
        where = f't."Id" = ?{readable(sobject)}'
        row = conn.execute(f'SELECT {selected} FROM "{sobject.name}" AS t WHERE {where}', (record_id,)).fetchone()
    if row is None:
        return None
    return Record(sobject, record_id, {c.field.name: c for c in shown.cells(store, fields, row)})


@dataclass(frozen=True)
class Related:
    """The first records that refer to a record, and how many there are."""

    sobject: SObject
    by: Field
    rows: list[Row]
    total: int


def related(store: OrgStore, record: Record) -> list[Related]:
    """The child records of a record that are there, by relationship."""
    if record.sobject.name == "User":  # who owns thousands, which no index finds
        return []
    found = []
    for relation in record.sobject.children.values():
        child = schema().get(relation.child)
        by = child.get(relation.field) if child else None
        if child is None or by is None or not by.stored or not child.deletes:
            continue
        one_list = _children(store, child, by, record.id)
        if one_list.total or (record.sobject.name, child.name) in _ALWAYS:
            found.append(one_list)
    wanted = [pair[1] for pair in sorted(_ALWAYS) if pair[0] == record.sobject.name]
    return sorted(found, key=lambda r: r.sobject.name not in wanted)


def _children(store: OrgStore, child: SObject, by: Field, record_id: str) -> Related:
    columns = [f for f in layout.columns(child) if f.name != by.name][:4]
    where = f'"{child.name}" AS t WHERE t."{by.name}" = ? AND t."IsDeleted" = 0{readable(child)}'
    selected = ", ".join(['t."Id"', *(c.sql("t") for c in columns)])
    with store.reading() as conn:
        total = conn.execute(f"SELECT count(*) FROM {where}", (record_id,)).fetchone()[0]
        rows = conn.execute(
            f'SELECT {selected} FROM {where} ORDER BY t."Id" DESC LIMIT {RELATED}', (record_id,)
        ).fetchall()
    return Related(child, by, [Row(str(r[0]), shown.cells(store, columns, r[1:])) for r in rows], total)
