"""Finding records for the pages: lists with their views, search by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from salesforce_emulator.pages import layout
from salesforce_emulator.pages.acting import readable
from salesforce_emulator.pages.shown import Cell, cells, visible
from salesforce_emulator.schema import Field, SObject
from salesforce_emulator.soql.conditions import stamp
from salesforce_emulator.store import OrgStore

PAGE = 50
_FOUND = 6
_RECENT_DAYS = 7


@dataclass(frozen=True)
class Asked:
    """Which records of an object: a view, part of a name, the parent they belong to, an order, a page."""

    view: str = "all"
    search: str = ""
    parent: tuple[Field, str] | None = None
    sort: Field | None = None
    descending: bool = False
    page: int = 0


@dataclass(frozen=True)
class Row:
    """A record in a list."""

    id: str
    cells: list[Cell]
    deleted: bool = False


@dataclass(frozen=True)
class Listing:
    """One page of a list."""

    columns: list[Field]
    rows: list[Row]
    total: int

    @property
    def last(self) -> int:
        return max(0, (self.total - 1) // PAGE)


@dataclass
class _Where:
    """Conditions, and what their question marks stand for."""

    conditions: list[str] = field(default_factory=list)
    parameters: list[object] = field(default_factory=list)

    def add(self, condition: str, *parameters: object) -> None:
        self.conditions.append(condition)
        self.parameters.extend(parameters)

    @property
    def sql(self) -> str:
        return f" WHERE {' AND '.join(self.conditions)}" if self.conditions else ""


def views(sobject: SObject) -> dict[str, str]:
    """The views of an object's list, by the name that addresses use."""
    found = {"all": "All", "recent": "Recently changed"}
    if "OwnerId" in sobject.columns:
        found["mine"] = "Mine"
    if sobject.deletes:
        found["bin"] = "Recycle bin"
    return found


def listing(store: OrgStore, sobject: SObject, asked: Asked, user_id: str) -> Listing:
    """A page of an object's records: the newest first, unless an order is asked for."""
    columns = layout.columns(sobject)
    where = _where(store, sobject, asked, user_id)
    deleted = 't."IsDeleted"' if sobject.deletes else "0"
    selected = ", ".join(['t."Id"', deleted, *(c.sql("t") for c in columns)])
    with store.reading() as conn:
        total = conn.execute(f'SELECT count(*) FROM "{sobject.name}" AS t{where.sql}', where.parameters).fetchone()[0]
        rows = conn.execute(
            f'SELECT {selected} FROM "{sobject.name}" AS t{where.sql} ORDER BY {_order(sobject, asked)}'
            f" LIMIT {PAGE} OFFSET ?",
            [*where.parameters, PAGE * asked.page],
        ).fetchall()
    return Listing(columns, [Row(str(r[0]), cells(store, columns, r[2:]), bool(r[1])) for r in rows], total)


def _where(store: OrgStore, sobject: SObject, asked: Asked, user_id: str) -> _Where:
    where = _Where()
    where.add("1" + readable(sobject))
    if sobject.deletes:
        where.add(f't."IsDeleted" = {int(asked.view == "bin")}')
    if asked.view == "recent" and "SystemModstamp" in sobject.columns:
        where.add('t."SystemModstamp" >= ?', stamp(store.now() - timedelta(days=_RECENT_DAYS)))
    if asked.view == "mine" and "OwnerId" in sobject.columns:
        where.add('t."OwnerId" = ?', user_id)
    if asked.parent is not None:
        by, parent_id = asked.parent
        where.add(f"{by.sql('t')} = ?", parent_id)
    name = layout.name_field(sobject)
    if asked.search and name is not None:
        where.add(f"({name.sql('t')}) LIKE ? ESCAPE '\\'", _pattern(asked.search))
    return where


def _order(sobject: SObject, asked: Asked) -> str:
    if asked.sort is not None:
        way = "DESC" if asked.descending else "ASC"
        return f'{asked.sort.sql("t")} {way} NULLS LAST, t."Id"'
    if asked.view in ("recent", "bin") and "SystemModstamp" in sobject.columns:
        return 't."SystemModstamp" DESC, t."Id"'
    return 't."Id" DESC'  # ids rise with time, and have an index in every object


def _pattern(search: str) -> str:
    escaped = search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


@dataclass(frozen=True)
class Match:
    """A record whose name was searched for. ``hint`` tells it from others of that name."""

    id: str
    name: str
    hint: str


def named(store: OrgStore, sobject: SObject, search: str, *, exactly: bool = False, limit: int = _FOUND) -> list[Match]:
    """Records that are there and whose name contains a text, those that begin with it first; or is it, exactly."""
    name = layout.name_field(sobject)
    if name is None or not search or not sobject.kept:
        return []
    hint = next((c for c in layout.columns(sobject)[1:] if c.type not in ("reference", "boolean")), None)
    alive = (' AND t."IsDeleted" = 0' if sobject.deletes else "") + readable(sobject)
    sql, text = name.sql("t"), search.strip()
    # COLLATE, as a name that is put together has lost the column's own.
    condition = f"({sql}) = ? COLLATE NOCASE" if exactly else f"({sql}) LIKE ? ESCAPE '\\'"
    first = _pattern(text)[1:]
    with store.reading() as conn:
        rows = conn.execute(
            f'SELECT t."Id", {sql}, {hint.sql("t") if hint else "NULL"} FROM "{sobject.name}" AS t'
            f" WHERE {condition}{alive} ORDER BY ({sql}) LIKE ? ESCAPE '\\' DESC, 2, 1 LIMIT ?",
            (text if exactly else _pattern(text), first, limit),
        ).fetchall()
    return [Match(str(r[0]), visible(str(r[1])), visible(str(r[2] or ""))[:80]) for r in rows]


def counts(store: OrgStore, objects: list[SObject]) -> list[tuple[SObject, int]]:
    """Objects with the number of their records that are there."""
    found = []
    with store.reading() as conn:
        for sobject in objects:
            alive = 't."IsDeleted" = 0' if sobject.deletes else "1"
            sql = f'SELECT count(*) FROM "{sobject.name}" AS t WHERE {alive}{readable(sobject)}'
            found.append((sobject, conn.execute(sql).fetchone()[0]))
    return found
