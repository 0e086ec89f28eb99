"""What the push would write against the plain statement of SYNC.md section 4 (plain_merge.py), for any values.

Every record of a case is linked: the mirror holds what Salesforce has, the local record what is here, the base what
both agreed on. All of them are compared by one statement.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from tests.sync.org import new_connection, sf_id
from tests.sync.plain_merge import EMPTY, NOTHING, Unreadable, Value, merge, same, value_of
from tests.sync.test_merge import FIELDS, IDS, KINDS, SEEN, Case, Row, as_json, cases

from abmatic.audiences.fields import FieldType
from abmatic.audiences.fields import field as local_field
from abmatic.postgres import sessions
from abmatic.sync.models import Mode
from abmatic.sync.objects import OBJECTS
from abmatic.sync.push import compare
from abmatic.sync.push.plan import PushedField, PushPlan

pytestmark = pytest.mark.django_db(transaction=True)

TYPES = {
    FieldType.INTEGER: "int", FieldType.NUMBER: "double", FieldType.DATE: "date", FieldType.BOOLEAN: "boolean",
}  # fmt: skip


def plan_of(case: Case) -> PushPlan:
    spec = OBJECTS[case.sobject]
    local = {d.sf_field: d.local_field for d in (*spec.defaults, *spec.fixed)}
    fields = []
    for name, how in zip(FIELDS[case.sobject], case.how, strict=True):
        target = local_field(spec.local, local[name])
        if how.to_salesforce != "none":
            fields.append(
                PushedField(
                    name, target, Mode(how.to_abmatic), Mode(how.to_salesforce), how.clear_with_empty,
                    type=TYPES.get(target.type, "string"), length=0, scale=6, createable=True, updateable=True,
                    can_be_cleared=True, allowed=None,
                )
            )  # fmt: skip
    return PushPlan(
        spec, tuple(fields), create=True, update=True, policy=case.how[0].policy, condition={}, required=(),
        references=(), parent=None, yields_to_contact=False, unwritable=(), settings="",
    )  # fmt: skip


def filled(value: Any, number: int) -> Any:
    return value.replace("{n}", str(number)) if isinstance(value, str) else value


def theirs(kind: str, raw: Any) -> Value:
    """What the mirror holds. A text that is no value can't stand in a field of the types that are pushed to."""
    value = value_of(kind, raw)
    if isinstance(value, Unreadable):
        # A checkbox that isn't spelled out is false.
        return False if kind == "boolean" else EMPTY
    return value


def as_saved(kind: str, raw: Any, there: Any) -> Value:
    """What Salesforce would make of a local value: it takes the blanks around a text away.

    One that it has just so (``there``) stays so, whatever it would make of it today.
    """
    value = value_of(kind, raw)
    assert not isinstance(value, Unreadable)
    return value.strip() if isinstance(value, str) and value != there else value


class Compared:
    """The records of a case in the database, and what comparing them plans."""

    def __init__(self, session: psycopg.Connection[Any], connection: int, case: Case) -> None:
        self.session = session
        self.connection = connection
        self.case = case
        self.spec = OBJECTS[case.sobject]
        local = {d.sf_field: d.local_field for d in (*self.spec.defaults, *self.spec.fixed)}
        self.fields = [(name, local_field(self.spec.local, local[name])) for name in FIELDS[case.sobject]]
        self.numbers = [next(IDS) for _ in case.rows]

    def store(self) -> list[int]:
        return [self._store(number, row) for number, row in zip(self.numbers, self.case.rows, strict=True)]

    def _store(self, number: int, row: Row) -> int:
        columns = ", ".join(f.name for _, f in self.fields)
        places = ", ".join(["%s"] * len(self.fields))
        found = self.session.execute(
            f"INSERT INTO {self.spec.local} ({columns}, created_at, updated_at) "
            f"VALUES ({places}, now(), now()) RETURNING id",
            [filled(cell.ours, number) for cell in row.cells],
        ).fetchone()
        assert found is not None
        values, base = {}, {}
        for (name, f), cell in zip(self.fields, row.cells, strict=True):
            value = theirs(KINDS.get(f.type, "text"), filled(cell.theirs, number))
            if value is not EMPTY:
                values[name] = value
            if cell.base is not NOTHING:
                base[name] = filled(cell.base, number)
        is_agreed = base == {name: values.get(name) for name, _ in self.fields}
        self.session.execute(
            f'INSERT INTO {self.spec.mirror} (connection_id, sf_id, modstamp, "values", base, local_id, role) '
            "VALUES (%s, %s, %s, %s, %s, %s, 1)",
            [
                self.connection,
                sf_id("9yy", number),
                SEEN,
                as_json(values),
                None if is_agreed else as_json(base),
                found[0],
            ],
        )
        for (_, f), cell in zip(self.fields, row.cells, strict=True):
            if cell.changed is not None:
                self.session.execute(
                    "INSERT INTO change (record, record_id, field, before, after, cause_id, at) "
                    "VALUES (%s, %s, %s, 'null', 'null', 0, %s)",
                    [self.spec.local, found[0], f.name, SEEN + timedelta(days=cell.changed)],
                )
        return int(found[0])

    def planned(self, ids: list[int]) -> dict[int, dict[str, Any]]:
        plan = plan_of(self.case)
        for statement in compare.TABLES:
            self.session.execute(statement)
        self.session.execute("INSERT INTO candidate SELECT unnest(%s::bigint[])", [ids])
        if plan.fields:
            self.session.execute(compare.plan_updates(plan, self.connection))
        rows = self.session.execute("SELECT local_id, sent, before, problems FROM planned").fetchall()
        assert all(problems == {} and sent.keys() == before.keys() for _, sent, before, problems in rows)
        return {local_id: sent for local_id, sent, _, _ in rows}


def of_json(kind: str, value: Any) -> Value:
    read = value_of(kind, value if not isinstance(value, float) else str(value))
    assert not isinstance(read, Unreadable)
    return read


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(case=cases())
def test_the_push_writes_what_the_table_says(case: Case) -> None:
    with sessions.session("test", {"timezone": "UTC"}) as session:
        compared = Compared(session, next(IDS), case)
        ids = compared.store()
        planned = compared.planned(ids)
        session.rollback()
    for number, local_id, row in zip(compared.numbers, ids, case.rows, strict=True):
        for (name, f), cell, how in zip(compared.fields, row.cells, case.how, strict=True):
            kind = KINDS.get(f.type, "text")
            s, base = theirs(kind, filled(cell.theirs, number)), filled(cell.base, number)
            a = as_saved(kind, filled(cell.ours, number), s)
            if base is not NOTHING and same(value_of(kind, filled(cell.ours, number)), base):
                base = a  # nobody changed it here, to the letter
            wanted = merge(s, a, base, replace(how), abmatic_is_later=cell.changed == 1).salesforce
            said = (case.sobject, name, how, s, a, base, cell.changed)
            sent = planned.get(local_id, {})
            assert (name in sent) == (how.to_salesforce != "none" and not same(wanted, s)), said
            if name in sent:
                assert same(of_json(kind, sent[name]), wanted), said


def test_a_number_is_compared_with_the_decimals_that_salesforce_keeps() -> None:
    connection = new_connection()
    spec = OBJECTS["Opportunity"]
    target = PushedField(
        "Amount", local_field("opportunity", "amount"), Mode.OVERWRITE, Mode.OVERWRITE, clear_with_empty=False,
        type="currency", length=0, scale=2, createable=True, updateable=True, can_be_cleared=True, allowed=None,
    )  # fmt: skip
    plan = PushPlan(spec, (target,), True, True, "abmatic", {}, (), (), None, False, (), "")
    with sessions.session("test", {"timezone": "UTC"}) as session:
        ids = []
        for number, amount in enumerate((Decimal("10.004"), Decimal("10.006"))):
            row = session.execute(
                "INSERT INTO opportunity (amount, created_at, updated_at) VALUES (%s, now(), now()) RETURNING id",
                [amount],
            ).fetchone()
            assert row is not None
            ids.append(row[0])
            session.execute(
                'INSERT INTO mirror_opportunity (connection_id, sf_id, modstamp, "values", base, local_id, role) '
                "VALUES (%s, %s, now(), '{\"Amount\": 10}', NULL, %s, 1)",
                [connection.pk, sf_id("006", number), row[0]],
            )
        for statement in compare.TABLES:
            session.execute(statement)
        session.execute("INSERT INTO candidate SELECT unnest(%s::bigint[])", [ids])
        session.execute(compare.plan_updates(plan, connection.pk))
        found = dict(session.execute("SELECT local_id, sent FROM planned").fetchall())
        session.rollback()
    assert found == {ids[0]: {}, ids[1]: {"Amount": 10.01}}
