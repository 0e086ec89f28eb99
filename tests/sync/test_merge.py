"""The product's merge against the plain statement of it (plain_merge.py), on real Postgres, for any values.

An example is one set of settings and many records: each field of each record has a value in Salesforce, a value here,
perhaps a base, perhaps a change that somebody made. All of them are pulled in one chunk.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.sync.org import new_connection, sf_id
from tests.sync.plain_merge import (
    NOTHING,
    UNREADABLE,
    Nothing,
    Outcome,
    Settings,
    Unreadable,
    Value,
    base_after,
    merge,
    same,
    value_of,
)

from abmatic.audiences.fields import FieldType
from abmatic.audiences.fields import field as local_field
from abmatic.changes.models import Cause
from abmatic.postgres import sessions
from abmatic.sync.models import Mode, Run
from abmatic.sync.objects import OBJECTS
from abmatic.sync.pull import plan as planning
from abmatic.sync.pull.chunk import ChunkWriter, Counts, Target
from abmatic.sync.pull.plan import PulledField, PullPlan

pytestmark = pytest.mark.django_db(transaction=True)

SEEN = datetime(2026, 3, 1, tzinfo=UTC)
MODES = ("none", "fill", "overwrite")
IDS = itertools.count(1)

FIELDS = {
    "Account": ("Name", "Industry", "BillingCountry", "BillingCity", "NumberOfEmployees", "AnnualRevenue"),
    "Contact": ("Email", "FirstName", "LastName", "Title", "Phone"),
    "Opportunity": ("Name", "StageName", "Amount", "CloseDate", "IsClosed", "IsWon"),
}
KINDS = {
    FieldType.INTEGER: "integer", FieldType.NUMBER: "number", FieldType.DATE: "date", FieldType.BOOLEAN: "boolean",
    FieldType.EMAIL: "email",
}  # fmt: skip

# What Salesforce may write for a value of each kind; {n} is the record's number, which keeps e-mail addresses apart.
THEIRS: dict[str, list[Any]] = {
    "text": [None, "", "  ", "x", "y", "z", "x ", "X", "0", "false", "NA", "null"],
    "email": [None, "", " ", "a{n}@x.com", "A{n}@X.com", " b{n}@x.com ", "c{n}@x.com", "none"],
    "number": [
        None,
        "",
        0,
        "0",
        "-0",
        "0.00",
        10,
        "10.0",
        "1.0E1",
        "10.5",
        "10.5000001",
        "99999999999999999999",
        "ten",
    ],
    "integer": [None, "", 0, "0", "-0", 10, "10", "10.0", 11, "1e1", "10.5", "many", "9" * 40],
    "date": [None, "", "2026-02-28", "2026-03-01", "2024-02-29", "2026-02-30", "28.02.2026"],
    "boolean": [None, "", True, False, "true", "false", "TRUE", "0", "maybe"],
}
# What may be stored here, and what both sides may have agreed on.
OURS: dict[str, list[Any]] = {
    "text": [None, "", " \t", "x", "y", "z", "x ", "0", "false"],
    "email": [None, "", "a{n}@x.com", "A{n}@x.com ", "b{n}@x.com", "c{n}@x.com"],
    "number": [None, Decimal(0), Decimal(10), Decimal("10.50"), Decimal("10.500000"), Decimal("99999999999999999999")],
    "integer": [None, 0, 10, 11],
    "date": [None, date(2026, 2, 28), date(2026, 3, 1), date(2024, 2, 29)],
    "boolean": [True, False],
}


@dataclass(frozen=True)
class Cell:
    """One field of one record before the pull."""

    theirs: Any
    ours: Any
    base: Value | Nothing
    # Days by which the last change made here is later than Salesforce's; None: nobody changed anything.
    changed: int | None


@dataclass(frozen=True)
class Row:
    """One record before the pull."""

    cells: tuple[Cell, ...]
    is_newer: bool


@dataclass(frozen=True)
class Case:
    """Settings, and the records that they are tried on."""

    sobject: str
    how: tuple[Settings, ...]
    update: bool
    rows: tuple[Row, ...]


def kind_of(sobject: str, sf_field: str) -> str:
    spec = OBJECTS[sobject]
    name = next(d.local_field for d in (*spec.defaults, *spec.fixed) if d.sf_field == sf_field)
    return KINDS.get(local_field(spec.local, name).type, "text")


@st.composite
def cells(draw: st.DrawFn, kind: str, base_is_whole: bool) -> Cell:
    base = value_of(kind, draw(st.sampled_from(OURS[kind])))
    assert base is not UNREADABLE
    has_base = base_is_whole or draw(st.booleans())
    return Cell(
        draw(st.sampled_from(THEIRS[kind])),
        draw(st.sampled_from(OURS[kind])),
        base if has_base and not isinstance(base, Unreadable) else NOTHING,
        draw(st.sampled_from([None, None, -1, 0, 1])),
    )


@st.composite
def rows(draw: st.DrawFn, sobject: str) -> Row:
    base_is_whole = draw(st.booleans())
    kinds = [kind_of(sobject, name) for name in FIELDS[sobject]]
    return Row(tuple(draw(cells(kind, base_is_whole)) for kind in kinds), draw(st.booleans()))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    sobject = draw(st.sampled_from(sorted(FIELDS)))
    policy = draw(st.sampled_from(["recent", "salesforce", "abmatic"]))
    modes = st.sampled_from(MODES) | st.just("overwrite")
    how = tuple(Settings(draw(modes), draw(modes), draw(st.booleans()), policy) for _ in FIELDS[sobject])
    update = draw(st.sampled_from([True, True, True, False]))
    return Case(sobject, how, update, tuple(draw(st.lists(rows(sobject), min_size=1, max_size=10))))


class Pull:
    """The records of a case in the database, and what pulling them does."""

    def __init__(self, session: psycopg.Connection[Any], connection: int, case: Case) -> None:
        self.session = session
        self.connection = connection
        self.case = case
        self.spec = OBJECTS[case.sobject]
        self.plan = self._plan()
        self.ids = [next(IDS) for _ in case.rows]
        self.sf_ids = [sf_id("9xx", number) for number in self.ids]

    def _plan(self) -> PullPlan:
        offered = [*planning.BASE_FIELDS, *(c.sf_field for c in self.spec.system)]
        offered += [d.sf_field for d in (*self.spec.defaults, *self.spec.fixed)]
        plan, _ = planning.make(self.spec, None, offered)
        local = {d.sf_field: d.local_field for d in (*self.spec.defaults, *self.spec.fixed)}
        fields = tuple(
            PulledField(
                name, local_field(self.spec.local, local[name]), Mode(how.to_abmatic), Mode(how.to_salesforce),
                how.clear_with_empty,
            )
            for name, how in zip(FIELDS[self.case.sobject], self.case.how, strict=True)
        )  # fmt: skip
        return replace(plan, fields=fields, update=self.case.update, policy=self.case.how[0].policy)

    @property
    def columns(self) -> list[str]:
        return [f.column for f in self.plan.fields]

    def filled(self, value: Any, number: int) -> Any:
        return value.replace("{n}", str(number)) if isinstance(value, str) else value

    def store(self) -> None:
        """The local records, the mirrors and the changes as they were before."""
        kind = (", kind", ", 'contact'") if self.spec.local == "contact" else ("", "")
        for number, sf, row in zip(self.ids, self.sf_ids, self.case.rows, strict=True):
            ours = [self.filled(cell.ours, number) for cell in row.cells]
            (local_id,) = self.session.execute(
                f"INSERT INTO {self.spec.local} ({', '.join(self.columns)}, created_at, updated_at{kind[0]}) "
                f"VALUES ({', '.join(['%s'] * len(ours))}, now(), now(){kind[1]}) RETURNING id",
                ours,
            ).fetchone() or (None,)
            base = {
                f.sf_field: self.filled(cell.base, number)
                for f, cell in zip(self.plan.fields, row.cells, strict=True)
                if cell.base is not NOTHING
            }
            is_whole = len(base) == len(row.cells)
            values = {name: value for name, value in base.items() if value is not None} if is_whole else {}
            self.session.execute(
                f'INSERT INTO {self.spec.mirror} (connection_id, sf_id, modstamp, "values", base, local_id, role) '
                "VALUES (%s, %s, %s, %s, %s, %s, 1)",
                [self.connection, sf, SEEN, as_json(values), None if is_whole else as_json(base), local_id],
            )
            for f, cell in zip(self.plan.fields, row.cells, strict=True):
                if cell.changed is not None:
                    self.session.execute(
                        "INSERT INTO change (record, record_id, field, before, after, cause_id, at) "
                        "VALUES (%s, %s, %s, 'null', 'null', 0, %s)",
                        [self.spec.local, local_id, f.column, self.moment(row) + timedelta(days=cell.changed)],
                    )
        self.session.commit()

    def moment(self, row: Row) -> datetime:
        """Salesforce's time of the record as it is pulled."""
        return SEEN + timedelta(days=10) if row.is_newer else SEEN

    def records(self) -> bytes:
        found = []
        for number, sf, row in zip(self.ids, self.sf_ids, self.case.rows, strict=True):
            now = planning.literal(self.moment(row))
            record = {"Id": sf, "SystemModstamp": now, "CreatedDate": now, "IsDeleted": False}
            for f, cell in zip(self.plan.fields, row.cells, strict=True):
                record[f.sf_field] = self.filled(cell.theirs, number)
            found.append(record)
        return json.dumps(found).encode()

    def run(self) -> tuple[Counts, int, int]:
        """One pull. Its counts, its run, its cause."""
        run = Run.objects.create(
            connection_id=self.connection, sobject=self.case.sobject, trigger="manual", state="succeeded",
            batch="00000000-0000-0000-0000-000000000000",
        )  # fmt: skip
        cause = Cause.objects.create(kind=Cause.Kind.RUN, run_id=run.pk)
        with sessions.session("test", sessions.IMPORT_SETTINGS) as session:
            writer = ChunkWriter(self.plan, session, Target(self.connection, run.pk, cause.pk, SEEN, None))
            writer.prepare()
            writer.stage_records(self.records())
            writer.type_rows()
            counts = writer.apply()
            session.commit()
        return counts, run.pk, cause.pk

    def rows_after(self) -> list[dict[str, Any]]:
        """Local record and mirror of each record, as stored."""
        found = []
        for sf in self.sf_ids:
            row = self.session.execute(
                f"SELECT to_jsonb(m) AS mirror, m.base IS NULL AS agreed, to_jsonb(a) AS local, "
                f"{', '.join(f'a.{column}' for column in self.columns)} "
                f"FROM {self.spec.mirror} AS m JOIN {self.spec.local} AS a ON a.id = m.local_id WHERE m.sf_id = %s",
                [sf],
            ).fetchone()
            assert row is not None
            found.append({"mirror": row[0], "agreed": row[1], "local": row[2], "values": row[3:]})
        self.session.commit()
        return found

    def changes(self, cause: int) -> set[tuple[int, str, str, str]]:
        rows = self.session.execute(
            "SELECT record_id, field, before::text, after::text FROM change WHERE cause_id = %s AND record = %s",
            [cause, self.spec.local],
        ).fetchall()
        assert len(rows) == len(set(rows))
        return set(rows)

    def findings(self, run: int, reason: str) -> set[tuple[str, str]]:
        rows = self.session.execute(
            "SELECT sf_id, field FROM finding WHERE run_id = %s AND reason = %s", [run, reason]
        ).fetchall()
        assert len(rows) == len(set(rows))
        return set(rows)


def as_json(values: dict[str, Any]) -> str:
    return json.dumps(values, default=lambda v: float(v) if isinstance(v, Decimal) and v < 10**9 else plain(v))


def plain(value: Any) -> Any:
    return int(value) if isinstance(value, Decimal) else value.isoformat()


def expect(pull: Pull, row: Row, number: int, index: int) -> tuple[Outcome, Value | Nothing, Value, Value | Unreadable]:
    """By the plain statement: outcome, base after the pull, A as it was, S."""
    f, cell = pull.plan.fields[index], row.cells[index]
    kind = KINDS.get(f.local.type, "text")
    s = value_of(kind, pull.filled(cell.theirs, number))
    a = value_of(kind, pull.filled(cell.ours, number))
    base = pull.filled(cell.base, number)
    assert not isinstance(a, Unreadable)
    if isinstance(s, Unreadable):
        return Outcome(a, None), base, a, s
    how = replace(pull.case.how[index], update_in_abmatic=pull.case.update)
    outcome = merge(s, a, base, how, abmatic_is_later=cell.changed == 1)
    if not pull.case.update:
        # Nothing is judged, so nothing is found to agree either.
        return Outcome(a, s), base, a, s
    # Only the pull has run: Salesforce still has S.
    return outcome, base_after(Outcome(outcome.abmatic, s), base), a, s


def check(pull: Pull, run: int, cause: int, counts: Counts) -> None:
    conflicts, unreadable, changes, updated = set(), set(), set(), 0
    after = pull.rows_after()
    for number, sf, row, stored in zip(pull.ids, pull.sf_ids, pull.case.rows, after, strict=True):
        differs = False
        for index, f in enumerate(pull.plan.fields):
            kind = KINDS.get(f.local.type, "text")
            outcome, base, a, s = expect(pull, row, number, index)
            said = (f.sf_field, row.cells[index], pull.case.how[index])
            now = value_of(kind, stored["values"][index])
            assert not isinstance(now, Unreadable)
            assert same(now, outcome.abmatic), said
            assert base_of(stored, f, kind) == base, said
            if isinstance(s, Unreadable):
                assert f.sf_field not in stored["mirror"]["values"], said
                if row.is_newer:
                    unreadable.add((sf, f.sf_field))
            else:
                held = value_of(kind, stored["mirror"]["values"].get(f.sf_field)) if s is not None else None
                assert same(held if not isinstance(held, Unreadable) else None, s), said
            changed = not same(a, outcome.abmatic)
            differs = differs or changed
            if changed:
                changes.add((stored["local"]["id"], f.column, in_json(a), in_json(outcome.abmatic)))
            if outcome.conflict and not isinstance(s, Unreadable) and (row.is_newer or changed):
                conflicts.add((sf, f.sf_field))
        updated += differs
    assert {(i, f, normal(b), normal(a)) for i, f, b, a in pull.changes(cause)} == changes
    assert pull.findings(run, "conflict") == conflicts
    assert pull.findings(run, "value_unreadable") == unreadable
    assert (counts.read, counts.updated, counts.unchanged) == (len(after), updated, len(after) - updated)
    assert counts.reasons.get("conflict", 0) == len(conflicts)
    assert counts.reasons.get("value_unreadable", 0) == len(unreadable)


def base_of(stored: dict[str, Any], f: PulledField, kind: str) -> Value | Nothing:
    document = stored["mirror"]["values"] if stored["agreed"] else stored["mirror"]["base"]
    if not stored["agreed"] and f.sf_field not in document:
        return NOTHING
    value = document.get(f.sf_field)
    read = None if value is None else value_of(kind, value)
    assert not isinstance(read, Unreadable)
    return read


def in_json(value: Value) -> str:
    return normal(json.dumps(value, default=lambda v: str(v) if isinstance(v, date) else "number:" + format(v, "f")))


def normal(text: str | None) -> str:
    """A JSON value as text, numbers without the zeros at their end."""
    value = json.loads(text) if text else None
    if isinstance(value, str) and value.startswith("number:"):
        return str(Decimal(value.removeprefix("number:")).normalize())
    if isinstance(value, bool) or not isinstance(value, int | float):
        return json.dumps(value)
    return str(Decimal(str(text)).normalize())


@pytest.fixture
def connection() -> int:
    return new_connection().pk


@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)
@given(case=cases())
def test_the_product_does_what_the_plain_statement_says_and_again_nothing(connection: int, case: Case) -> None:
    with sessions.session("test") as session:
        pull = Pull(session, connection, case)
        pull.store()
        counts, run, cause = pull.run()
        check(pull, run, cause, counts)
        before = pull.rows_after()
        again, run, cause = pull.run()
        assert pull.rows_after() == before
        assert pull.changes(cause) == set()
        assert pull.findings(run, "conflict") == set()
        assert (again.updated, again.unchanged, again.reasons) == (0, len(before), {})


def every(sobject: str, column: int, how: Settings, update: bool = True) -> Case:
    """Every combination of the states of one field, the others left alone."""
    kind = kind_of(sobject, FIELDS[sobject][column])
    quiet = [value_of(kind_of(sobject, name), None) for name in FIELDS[sobject]]
    found: list[Row] = []
    bases: Sequence[Any] = [NOTHING, *dict.fromkeys(value_of(kind, value) for value in OURS[kind])]
    for theirs, ours, base in itertools.product(THEIRS[kind], OURS[kind], bases):
        row = [Cell(None, value, value, None) for value in quiet]
        row[column] = Cell(theirs, ours, base, None)
        found.append(Row(tuple(row), is_newer=True))
    others = Settings("none", "none", policy=how.policy)
    return Case(sobject, tuple(how if i == column else others for i in range(len(quiet))), update, tuple(found))


@pytest.mark.parametrize("clear", [False, True])
@pytest.mark.parametrize("modes", list(itertools.product(MODES, MODES)), ids="-".join)
def test_every_state_of_a_number_under_every_pair_of_modes(
    connection: int, modes: tuple[str, str], clear: bool
) -> None:
    """Nothing sampled: 0 is a value, empty is none, in each cell of the table."""
    with sessions.session("test") as session:
        pull = Pull(session, connection, every("Opportunity", 2, Settings(*modes, clear, "salesforce")))
        pull.store()
        counts, run, cause = pull.run()
        check(pull, run, cause, counts)
