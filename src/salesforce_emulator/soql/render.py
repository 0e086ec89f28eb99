"""Running a plan and shaping its rows into the records of the answer."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence

from salesforce_emulator.soql.plan import ChildShape, Leaf, ParentShape, Plan, Shape

Record = dict[str, object]
Row = Sequence[object]


class Renderer:
    """Makes records of rows.

    :param version: the API version in record URLs, such as "60.0".
    """

    def __init__(self, conn: sqlite3.Connection, version: str) -> None:
        self._conn = conn
        self._base = f"/services/data/v{version}/sobjects"

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

    def _record(self, shape: Shape, row: Row, children: dict[int, dict[str, list[Record]]]) -> Record:
        record_id = row[shape.id_column]
        record: Record = {"attributes": {"type": shape.type, "url": f"{self._base}/{shape.type}/{record_id}"}}
        for entry in shape.entries:
            if isinstance(entry, Leaf):
                record[entry.key] = row[entry.start] if entry.convert is None else _value(entry, row)
            elif isinstance(entry, ParentShape):
                present = row[entry.shape.id_column] is not None
                record[entry.key] = self._record(entry.shape, row, children) if present else None
            else:
                found = children[id(entry)].get(str(record_id))
                record[entry.key] = _sub_result(found) if found else None
        return record

    def _children(self, entry: ChildShape, parent_ids: list[str]) -> dict[str, list[Record]]:
        """The child records of a page of parents, by parent. LIMIT and OFFSET hold for each parent."""
        if not parent_ids:
            return {}
        plan = entry.plan
        marks = ", ".join("?" for _ in parent_ids)
        inner = plan.sql([*plan.columns, entry.foreign_key], where=f"{entry.foreign_key} IN ({marks})", window=False)
        if plan.limit is None and plan.offset is None:
            sql = f"{inner} {plan.order_sql}"
        else:
            sql = self._windowed(entry, f"{entry.foreign_key} IN ({marks})")
        found: dict[str, list[Row]] = defaultdict(list)
        for row in self._conn.execute(sql, [*plan.params, *parent_ids]):
            found[row[len(plan.columns)]].append(row)
        return {parent: self.records(plan, rows) for parent, rows in found.items()}

    def _windowed(self, entry: ChildShape, where: str) -> str:
        plan = entry.plan
        place = f"row_number() OVER (PARTITION BY {entry.foreign_key} {plan.order_sql})"
        numbered = plan.sql([*plan.columns, entry.foreign_key, place], where=where, window=False)
        names = ", ".join(f"c{i}" for i in range(len(plan.columns) + 1))
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


def _sub_result(records: list[Record]) -> Record:
    return {"totalSize": len(records), "done": True, "records": records}
