"""Work stays proportional to what is read, also where the planner has never heard of a connection's records."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from django.db import connection as database
from tests.sync.org import Org, account, new_connection

from abmatic.sync.models import Finding

pytestmark = pytest.mark.django_db(transaction=True)

HERE = 2_000


def test_naming_primaries_reads_each_record_a_few_times_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a second connection every record is linked and none created, so nobody has it analyzed."""
    first = Org(new_connection())
    first.pull("Account", [first.record(Id=account(n), Name=f"N{n}", Website=f"n{n}.com") for n in range(HERE)])
    with database.cursor() as cursor:
        cursor.execute("ALTER TABLE mirror_account SET (autovacuum_enabled = off)")
        cursor.execute("ANALYZE mirror_account, account")
    other = Org(new_connection("00D000000000002AAA", "Other"))
    rows = rows_read_by(monkeypatch, "UPDATE finding AS f SET value")
    counts = other.pull(
        "Account", [other.record(Id=account(n), Name=f"O{n}", Website=f"n{n // 2}.com") for n in range(HERE)]
    )
    assert (counts.linked, counts.duplicate) == (HERE // 2, HERE // 2)
    named = dict(Finding.objects.filter(reason="duplicate").values_list("sf_id", "value"))
    assert named == {account(n): account(n - 1) for n in range(1, HERE, 2)}
    assert len(rows) == 1
    assert rows[0] < 10 * HERE


def rows_read_by(monkeypatch: pytest.MonkeyPatch, statement: str) -> list[float]:
    """How many rows each execution of the statement touches, whether it keeps them or not."""
    found: list[float] = []
    execute = psycopg.Connection.execute

    def explained(self: Any, query: Any, *args: Any, **more: Any) -> Any:
        text = query.as_string(self) if isinstance(query, psycopg.sql.Composable) else query
        if isinstance(text, str) and statement in text:
            answer = execute(self, f"EXPLAIN (ANALYZE, FORMAT JSON) {text}", *args, **more).fetchone()
            assert answer is not None
            found.append(touched(answer[0][0]["Plan"]))
        return execute(self, query, *args, **more)

    monkeypatch.setattr(psycopg.Connection, "execute", explained)
    return found


def touched(node: dict[str, Any]) -> float:
    """Rows that the plan's nodes answered or filtered out, every time they ran."""
    dropped = sum(rows for name, rows in node.items() if name.startswith("Rows Removed by"))
    own = (node["Actual Rows"] + dropped) * node["Actual Loops"]
    return float(own + sum(touched(child) for child in node.get("Plans", ())))
