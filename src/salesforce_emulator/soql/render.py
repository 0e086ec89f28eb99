"""Running a plan and shaping its rows into the records of the answer."""

from __future__ import annotations

import sqlite3
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import cast

from salesforce_emulator.soql.plan import ChildShape, Leaf, ParentShape, Plan, Shape, TypeOfShape

Record = dict[str, object]
Row = Sequence[object]
OpenChildren = Callable[[Plan, "array[int]", int], str]
"""Keeps the row numbers of a parent's child records for further pages of so many; the locator of the next one."""
CHILD_BATCH = 499
LONG_TEXT_CHILD_BATCH = 199
"""Child records of one parent in a page, as recorded: with their parent 500, or 200 where long text is asked for."""


class Renderer:
    """Makes records of rows.

    :param version: the API version in record URLs, such as "60.0".
    :param open_children: called for a parent that has more child records than a page holds; without it they all come
        in one.
    """

    def __init__(self, conn: sqlite3.Connection, version: str, open_children: OpenChildren | None = None) -> None:
        self._conn = conn
        self._base = f"/services/data/v{version}/sobjects"
        self._queries = f"/services/data/v{version}/query"
        self._open_children = open_children

    def records(self, plan: Plan, rows: Iterable[Row]) -> list[Record]:
        """The records of a page of rows, child records included (one more SQL query a child relationship)."""
        if plan.kind == "aggregate":
            return [self._aggregate(plan.shape, row) for row in rows]
        page = list(rows)
        children = {
            id(entry): self._children(entry, [str(row[plan.shape.id_column]) for row in page])
            for entry in plan.shape.entries
            if isinstance(entry, ChildShape)
        }
        return [self._record(plan.shape, row, children) for row in page]

    def _aggregate(self, shape: Shape, row: Row) -> Record:
        record: Record = {"attributes": {"type": "AggregateResult"}}
        for entry in shape.entries:
            assert isinstance(entry, Leaf)
            record[entry.key] = _value(entry, row)
        return record

    def _record(self, shape: Shape, row: Row, children: dict[int, dict[str, Record]]) -> Record:
        record_id = row[shape.id_column]
        kind = shape.kinds.get(str(record_id)[:3], shape.type) if shape.kinds else shape.type
        record: Record = {"attributes": {"type": shape.type or kind, "url": f"{self._base}/{kind}/{record_id}"}}
        for entry in shape.entries:
            if isinstance(entry, Leaf):
                record[entry.key] = row[entry.start] if entry.convert is None else _value(entry, row)
            elif isinstance(entry, ParentShape):
                present = row[entry.shape.id_column] is not None
                record[entry.key] = self._record(entry.shape, row, children) if present else None
            elif isinstance(entry, TypeOfShape):
                kind = entry.kinds.get(str(row[entry.column])[:3], "")
                chosen = entry.branches.get(kind, entry.otherwise)
                present = chosen is not None and row[chosen.id_column] is not None
                record[entry.key] = self._record(chosen, row, children) if chosen and present else None
            else:
                record[entry.key] = children[id(entry)].get(str(record_id))
        return record

    def _children(self, entry: ChildShape, parent_ids: list[str]) -> dict[str, Record]:
        """The child records of a page of parents, by parent. LIMIT and OFFSET hold for each parent."""
        if not parent_ids:
            return {}
        plan = entry.plan
        where = f"{entry.foreign_key} IN ({', '.join('?' for _ in parent_ids)})"
        if plan.limit is None and plan.offset is None:
            sql = f"{plan.sql(self._child_columns(entry), where=where, window=False)} {plan.order_sql}"
        else:
            sql = self._windowed(entry, where)
        found: dict[str, list[Row]] = defaultdict(list)
        for row in self._conn.execute(sql, [*plan.params, *parent_ids]):
            found[row[len(plan.columns)]].append(row)
        return {parent: self._sub_result(plan, rows) for parent, rows in found.items()}

    def _child_columns(self, entry: ChildShape) -> list[str]:
        """What is selected of a child record: its fields, its parent, its row number."""
        return [*entry.plan.columns, entry.foreign_key, f"{entry.plan.alias}.rowid"]

    def _sub_result(self, plan: Plan, rows: list[Row]) -> Record:
        """The child records of one parent, or the first page of them."""
        batch = LONG_TEXT_CHILD_BATCH if plan.long_text else CHILD_BATCH
        if self._open_children is None or len(rows) <= batch:
            return {"totalSize": len(rows), "done": True, "records": self.records(plan, rows)}
        numbers = array("q", (cast(int, row[len(plan.columns) + 1]) for row in rows))
        locator = self._open_children(plan, numbers, batch)
        return {
            "totalSize": len(rows),
            "done": False,
            "nextRecordsUrl": f"{self._queries}/{locator}",
            "records": self.records(plan, rows[:batch]),
        }

    def _windowed(self, entry: ChildShape, where: str) -> str:
        plan = entry.plan
        place = f"row_number() OVER (PARTITION BY {entry.foreign_key} {plan.order_sql})"
        columns = self._child_columns(entry)
        numbered = plan.sql([*columns, place], where=where, window=False)
        names = ", ".join(f"c{i}" for i in range(len(columns)))
        first = plan.offset or 0
        last = f" AND place <= {first + plan.limit}" if plan.limit is not None else ""
        return (
            f"WITH numbered ({names}, place) AS ({numbered})"
            f" SELECT {names} FROM numbered WHERE place > {first}{last} ORDER BY c{len(plan.columns)}, place"
        )


def _value(leaf: Leaf, row: Row) -> object:
    if leaf.convert is None:
        return row[leaf.start]
    return leaf.convert(*row[leaf.start : leaf.start + leaf.count])
