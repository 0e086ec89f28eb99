"""What is held of the values that come back against the plain statement of it (plain_merge.py), for any values."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.sync.org import new_connection, sf_id
from tests.sync.plain_merge import Settings, Value, is_tug_of_war, merge, same

from abmatic.audiences.fields import field as local_field
from abmatic.changes.models import Cause
from abmatic.postgres import sessions
from abmatic.sync.models import Mode, Run
from abmatic.sync.objects import OBJECTS
from abmatic.sync.pull import plan as planning
from abmatic.sync.pull.chunk import ChunkWriter, Target
from abmatic.sync.pull.plan import CHANGED_BY, PulledField, PullPlan

pytestmark = pytest.mark.django_db(transaction=True)

SEEN = datetime(2026, 3, 1, tzinfo=UTC)
ANSWERED = SEEN + timedelta(hours=1)
US, REP = sf_id("005", 1), sf_id("005", 2)
IDS = itertools.count(1)
VALUES: dict[str, list[Any]] = {"BillingCity": [None, "x", "X", "y"], "NumberOfEmployees": [None, 0, 5, 10]}
LOCAL = {"BillingCity": "city", "NumberOfEmployees": "employee_count"}
MODES = ("none", "fill", "overwrite")


@dataclass(frozen=True)
class Cell:
    """One field: what was sent, and of which value here; what came back, and what is here now; the times before."""

    sent: Any
    ours: Any
    theirs: Any
    now: Any
    before: tuple[Any, Any, int] | None


@dataclass(frozen=True)
class Row:
    cells: tuple[Cell, ...]
    who: str
    is_late: bool
    is_stale: bool

    @property
    def by_itself(self) -> bool:
        return self.who == US and not self.is_late


@st.composite
def cells(draw: st.DrawFn, name: str) -> Cell:
    value = st.sampled_from(VALUES[name])
    sent, theirs = draw(value), draw(value)
    ours = draw(st.sampled_from([sent, "  x  "] if name == "BillingCity" else [sent]))
    before = draw(
        st.sampled_from([None, (theirs, sent, 1), (theirs, sent, 2), ("z" if name == "BillingCity" else 99, sent, 2)])
    )
    return Cell(sent, ours, theirs, draw(st.sampled_from([ours, ours, *VALUES[name]])), before)


@st.composite
def rows(draw: st.DrawFn) -> Row:
    made = tuple(draw(cells(name)) for name in VALUES)
    return Row(made, draw(st.sampled_from([US, REP])), draw(st.booleans()), draw(st.sampled_from([False, False, True])))


class Back:
    """Records that were written and are read again."""

    def __init__(self, session: psycopg.Connection[Any], connection: int, how: list[Settings], made: list[Row]) -> None:
        self.session, self.connection, self.rows = session, connection, made
        self.sf_ids = [sf_id("9bk", next(IDS)) for _ in made]
        spec = OBJECTS["Account"]
        plan, _ = planning.make(spec, None, [*planning.BASE_FIELDS, "OwnerId", "MasterRecordId", "ParentId"])
        fields = tuple(
            PulledField(name, local_field("account", LOCAL[name]), Mode(each.to_abmatic), Mode(each.to_salesforce))
            for name, each in zip(VALUES, how, strict=True)
        )
        self.plan: PullPlan = replace(plan, fields=fields, base=(*plan.base, CHANGED_BY))

    def store(self) -> list[int]:
        return [self._store(sf, row) for sf, row in zip(self.sf_ids, self.rows, strict=True)]

    def _store(self, sf: str, row: Row) -> int:
        found = self.session.execute(
            "INSERT INTO account (city, employee_count, created_at, updated_at) VALUES (%s, %s, now(), now()) "
            "RETURNING id",
            [cell.now for cell in row.cells],
        ).fetchone()
        assert found is not None
        named = dict(zip(VALUES, row.cells, strict=True))
        sent = {
            "values": {name: cell.sent for name, cell in named.items()},
            "ours": {name: cell.ours for name, cell in named.items() if cell.ours != cell.sent},
            "since": SEEN.isoformat(), "until": ANSWERED.isoformat(),
            "back": {
                name: dict(zip("san", cell.before, strict=True)) for name, cell in named.items() if cell.before
            },
        }  # fmt: skip
        agreed = {name: cell.sent for name, cell in named.items()}
        self.session.execute(
            'INSERT INTO mirror_account (connection_id, sf_id, modstamp, "values", base, sent, local_id, role) '
            "VALUES (%s, %s, %s, %s, %s, %s, %s, 1)",
            [self.connection, sf, SEEN, json.dumps({n: v for n, v in agreed.items() if v is not None}),
             json.dumps(agreed), json.dumps(sent), found[0]],
        )  # fmt: skip
        return int(found[0])

    def records(self) -> bytes:
        found = []
        for sf, row in zip(self.sf_ids, self.rows, strict=True):
            moment = SEEN if row.is_stale else ANSWERED + timedelta(minutes=1 if row.is_late else -1)
            record = {
                "Id": sf, "SystemModstamp": planning.literal(moment), "CreatedDate": planning.literal(SEEN),
                "IsDeleted": False, CHANGED_BY: row.who, **dict.fromkeys(("OwnerId", "MasterRecordId", "ParentId")),
            }  # fmt: skip
            found.append(record | dict(zip(VALUES, (cell.theirs for cell in row.cells), strict=True)))
        return json.dumps(found).encode()

    def pull(self) -> Run:
        run = Run.objects.create(
            connection_id=self.connection, sobject="Account", trigger="manual", state="succeeded",
            batch="00000000-0000-0000-0000-000000000000",
        )  # fmt: skip
        cause = Cause.objects.create(kind=Cause.Kind.RUN, run_id=run.pk)
        with sessions.session("test", sessions.IMPORT_SETTINGS) as session:
            target = Target(self.connection, run.pk, cause.pk, SEEN, None, user=US)
            writer = ChunkWriter(self.plan, session, target)
            writer.prepare()
            writer.stage_records(self.records())
            writer.type_rows()
            writer.apply()
            session.commit()
        return run


def pair(held: dict[str, dict[str, Value]] | None, name: str) -> tuple[Value, Value] | None:
    return (held["s"][name], held["a"][name]) if held and name in held["s"] else None


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    how=st.lists(st.builds(Settings, st.sampled_from(MODES), st.sampled_from(MODES)), min_size=2, max_size=2),
    made=st.lists(rows(), min_size=1, max_size=12),
)
def test_what_came_back_is_held_as_the_table_says(how: list[Settings], made: list[Row]) -> None:
    connection = new_connection(org_id=sf_id("00D", next(IDS)), name=f"Org {next(IDS)}").pk
    with sessions.session("test", {"timezone": "UTC"}) as session:
        back = Back(session, connection, how, made)
        local_ids = back.store()
        session.commit()
        run = back.pull()
        entries = set(
            session.execute(
                "SELECT sf_id, field FROM finding WHERE run_id = %s AND reason = 'changed_after_save'", [run.pk]
            ).fetchall()
        )
        found = {
            row[0]: row[1:]
            for row in session.execute(
                "SELECT m.local_id, m.held, m.sent, a.city, a.employee_count FROM mirror_account AS m "
                "JOIN account AS a ON a.id = m.local_id WHERE m.local_id = ANY (%s)", [local_ids]
            )
        }  # fmt: skip
        session.rollback()
    wanted = set()
    for sf, local_id, row in zip(back.sf_ids, local_ids, made, strict=True):
        held, sent, *now = found[local_id]
        for index, (name, cell, mode) in enumerate(zip(VALUES, row.cells, how, strict=True)):
            times = cell.before[2] + 1 if cell.before and cell.before[0] == cell.theirs else 1
            is_held = not row.is_stale and is_tug_of_war(
                cell.theirs, cell.sent, mode, by_itself=row.by_itself, times=times
            )
            said = (name, cell, mode, row.who, row.is_late, row.is_stale)
            assert pair(held, name) == ((cell.theirs, cell.ours) if is_held else None), said
            if is_held:
                wanted.add((sf, name))
            outcome = merge(cell.theirs, cell.now, cell.sent, mode, is_held=is_held and same(cell.now, cell.ours))
            assert same(now[index], outcome.abmatic), said
        assert (sent is not None and "values" in sent) == row.is_stale
    assert entries == wanted
