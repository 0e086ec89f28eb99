"""What a day costs after the first import: idle runs, few changes, a preview, a push, an undo, each beside its floor.

Everything runs by the product's own code in one process, against an emulated org in another one. A floor is what the
same calls cost with nothing done about their answers; of an undo, the plain UPDATE of as many values. Seconds hold the
emulator's own time: its share is the floor's.
"""

from __future__ import annotations

import csv
import io
import json
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

from abmatic.cli import bootstrap
from benchmarks import plans

FEW, PUSHED, UNDONE = 1_000, 20_000, 100_000
_IDLE_RUNS = 3

Figures = dict[str, Any]


def main(login_url: str) -> None:
    """Prints one JSON object: figures by scenario, in seconds, records, and API calls."""
    bootstrap.set_up()
    with bootstrap.database() as server:
        assert server is not None
        from abmatic.cli.migrate import apply_migrations
        from abmatic.sync import clients
        from benchmarks.floor import connect

        apply_migrations()
        connection = connect(login_url)
        with clients.open_client(connection) as other:
            day = _Day(connection, other)
            figures = {name: scenario() for name, scenario in day.scenarios().items()}
        figures["plans"] = plans.collected()
    print(json.dumps(figures))


class _Day:
    """One connection, and what happens to it."""

    def __init__(self, connection: Any, other: Any) -> None:
        from abmatic.sync.models import ObjectSetting

        self._connection = connection
        # Somebody else's access to the org.
        self._other = other
        self._settings = ObjectSetting.objects.filter(connection=connection)

    def scenarios(self) -> dict[str, Callable[[], Figures]]:
        """In this order: each finds what the ones before it left."""
        return {
            "first_import": self.first_import,
            "idle": self.idle,
            "incremental": self.incremental,
            "push": self.push,
            "undo": self.undo,
        }

    def first_import(self) -> Figures:
        return self._sync()

    def idle(self) -> Figures:
        """Runs of everything with nothing to do: the best of a few, for each object."""
        plans.collect("idle")
        tries = [self._by_object() for _ in range(_IDLE_RUNS)]
        plans.stop()
        return {
            name: {
                "seconds": min(each[name]["seconds"] for each in tries),
                "calls": max(each[name]["calls"] for each in tries),
                "written": sum(each[name]["written"] for each in tries),
            }
            for name in tries[0]
        }

    def incremental(self) -> Figures:
        """1,000 accounts that somebody changed in Salesforce: previewed, then read."""
        from abmatic.sync.preview import preview

        ids = self._account_ids(FEW)
        self._change_there(ids, lambda place: {"NumberOfEmployees": 1_000_000 + place})
        began = time.monotonic()
        looked = preview(self._connection, "Account")
        previewed = time.monotonic() - began
        plans.collect("incremental")
        done = self._sync("Account")
        plans.stop()
        floor = self._read_again()
        return {
            **done,
            "preview_seconds": round(previewed, 3),
            "preview_ratio": round(previewed / done["seconds"], 2),
            "preview_said": looked.to_abmatic.get("updated"),
            **_beside(done, floor),
        }

    def push(self) -> Figures:
        """20,000 accounts that were changed here, as an import of a file changes them: written to Salesforce."""
        self._settings.filter(sobject="Account").update(update_in_salesforce=True)
        self._lead_from_here("Industry")
        # The first run after the settings changed compares everything once.
        compared = self._sync("Account")
        self._change_here(PUSHED, "industry", "Banking")
        plans.collect("push")
        done = self._sync("Account")
        plans.stop()
        floor = self._send_again(PUSHED)
        return {**done, "first_compare_seconds": compared["seconds"], **_beside(done, floor)}

    def undo(self) -> Figures:
        """100,000 values that a run wrote here are put back."""
        from abmatic.sync import runs
        from abmatic.sync.execute import execute
        from abmatic.sync.models import Run

        ids = self._account_ids(UNDONE)
        self._change_there(ids, lambda place: {"BillingCity": f"Newtown {place}"})
        self._sync("Account")
        written = Run.objects.filter(sobject="Account").latest("pk")
        plans.collect("undo")
        began = time.monotonic()
        made = runs.undo(written)
        execute(made.pk)
        seconds = time.monotonic() - began
        plans.stop()
        made.refresh_from_db()
        _require(made)
        floor = self._update_plainly()
        return {
            "seconds": round(seconds, 3),
            "records": made.counts["updated"],
            "calls": made.api_calls,
            "floor_seconds": round(floor, 3),
            "ratio": round(floor / seconds, 2),
        }

    # -- what happens

    def _sync(self, *sobjects: str) -> Figures:
        return _sum(self._by_object(*sobjects).values())

    def _by_object(self, *sobjects: str) -> dict[str, Figures]:
        from abmatic.sync import runs
        from abmatic.sync.execute import execute

        done = {}
        for run in runs.start(self._connection, sobjects or None, trigger="manual"):
            began = time.monotonic()
            execute(run.pk)
            seconds = time.monotonic() - began
            run.refresh_from_db()
            _require(run)
            done[run.sobject] = {
                "seconds": round(seconds, 3),
                "records": run.counts["read"],
                "written": run.counts["created"] + run.counts["updated"] + _pushed(run),
                "pushed": _pushed(run),
                "calls": run.api_calls,
            }
        return done

    def _account_ids(self, number: int) -> list[str]:
        return [
            row[0]
            for row in _rows(
                "SELECT sf_id FROM mirror_account WHERE role = 1 AND NOT is_deleted ORDER BY sf_id LIMIT %s", number
            )
        ]

    def _change_there(self, ids: list[str], values: Callable[[int], dict[str, Any]]) -> None:
        """As somebody else's bulk job does it. Waits until Salesforce's second is over, which a run doesn't read."""
        rows = [{"Id": sf_id, **values(place)} for place, sf_id in enumerate(ids)]
        self._ingest(rows)
        time.sleep(1.1)

    def _ingest(self, rows: list[dict[str, Any]]) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        job = self._other.bulk_ingest("Account", "update", text.getvalue().encode())
        job.close()
        job.wait()
        for which in ("successfulResults", "failedResults"):
            with job.open_results(which) as stream:
                for _ in stream.chunks:
                    pass
        job.discard()

    def _lead_from_here(self, field: str) -> None:
        from abmatic.sync.models import FieldMapping

        FieldMapping.objects.filter(setting__in=self._settings, setting__sobject="Account", sf_field=field).update(
            to_salesforce="overwrite", to_abmatic="fill"
        )

    def _change_here(self, number: int, field: str, value: str) -> None:
        from django.db import connection, transaction

        from abmatic.changes.models import Cause

        with transaction.atomic(), connection.cursor() as cursor:
            cause = Cause.objects.create(kind=Cause.Kind.IMPORT)
            cursor.execute(
                f"""
                WITH taken AS (
                    SELECT a.id, a.{field} AS before FROM account AS a
                      JOIN mirror_account AS m ON m.local_id = a.id AND m.role = 1 AND NOT m.is_deleted
                     WHERE a.{field} IS DISTINCT FROM %(value)s ORDER BY a.id LIMIT %(number)s
                ), changed AS (
                    UPDATE account AS a SET {field} = %(value)s FROM taken AS t WHERE a.id = t.id
                )
                INSERT INTO change (record, record_id, field, before, after, cause_id, at)
                SELECT 'account', id, %(field)s, to_jsonb(before), to_jsonb(%(value)s::text), %(cause)s, now()
                  FROM taken
                """,
                {"value": value, "number": number, "field": field, "cause": cause.pk},
            )

    # -- floors

    def _read_again(self) -> Figures:
        """The query of the last run, its answers thrown away."""
        from abmatic.sync.models import Run

        query = Run.objects.filter(sobject="Account").latest("pk").checkpoint["query"]
        before, began = self._other.calls, time.monotonic()
        for _ in self._other.query_pages(query, include_deleted=True):
            pass
        return {"seconds": time.monotonic() - began, "calls": self._other.calls - before}

    def _send_again(self, number: int) -> Figures:
        """As many values by one job, its results read and thrown away."""
        rows = [{"Id": sf_id, "Industry": "Banking"} for sf_id in self._account_ids(number)]
        before, began = self._other.calls, time.monotonic()
        self._ingest(rows)
        return {"seconds": time.monotonic() - began, "calls": self._other.calls - before}

    def _update_plainly(self) -> float:
        from django.db import connection, transaction

        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("CREATE TEMP TABLE wanted AS SELECT id, city FROM account ORDER BY id LIMIT %s", [UNDONE])
            cursor.execute("ANALYZE wanted")
            began = time.monotonic()
            cursor.execute("UPDATE account AS a SET city = w.city || '.' FROM wanted AS w WHERE w.id = a.id")
            return time.monotonic() - began


def _beside(done: Figures, floor: Figures) -> Figures:
    return {
        "records_per_second": round(max(done["records"], done["pushed"]) / done["seconds"]),
        "floor_seconds": round(floor["seconds"], 3),
        "floor_calls": floor["calls"],
        "ratio": round(floor["seconds"] / done["seconds"], 2),
    }


def _sum(parts: Iterable[Figures]) -> Figures:
    together: Figures = {}
    for part in parts:
        for name, figure in part.items():
            together[name] = round(together.get(name, 0) + figure, 3)
    return together


def _pushed(run: Any) -> int:
    return sum(run.pushed.get(name, 0) for name in ("created", "updated"))


def _rows(statement: str, *parameters: int) -> list[tuple[Any, ...]]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def _require(run: Any) -> None:
    if run.state != "succeeded":
        raise SystemExit(f"{run.sobject}: {run.outcome} {run.error_code} {run.error_message}")


if __name__ == "__main__":
    main(sys.argv[1])
