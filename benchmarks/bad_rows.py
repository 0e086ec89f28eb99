"""The import of an org in which one record in a hundred is broken: what arrives, what is listed, in how much memory.

Beside it the same for what is written to Salesforce: companies made here, one in a hundred of which it refuses.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from abmatic.cli import bootstrap
from benchmarks import bad_org

PUSHED = 100_000

Figures = dict[str, Any]


def main(login_url: str) -> None:
    """Prints one JSON object. Ends with an error where a record is missing or not listed."""
    bootstrap.set_up()
    with bootstrap.database() as server:
        assert server is not None
        from abmatic.cli.migrate import apply_migrations
        from benchmarks.floor import connect

        apply_migrations()
        connection = connect(login_url)
        figures = {"pull": _pull(connection), "push": _push(connection, PUSHED)}
    print(json.dumps(figures))


def _pull(connection: Any) -> Figures:
    from django.db.models import Count

    from abmatic.audiences.models import Account
    from abmatic.sync.models import Finding

    run, seconds = _run(connection)
    entries, arrived = bad_org.expected(run.counts["read"])
    listed = dict(Finding.objects.filter(run=run).values_list("reason").annotate(Count("id")))
    if listed != entries or Account.objects.count() != arrived:
        raise SystemExit(f"{Account.objects.count():,} of {arrived:,} accounts arrived; listed {listed} of {entries}")
    return {
        "records": run.counts["read"], "arrived": arrived, "listed": sum(entries.values()),
        "seconds": round(seconds, 2), "peak_memory": run.peak_memory,
    }  # fmt: skip


def _push(connection: Any, number: int) -> Figures:
    """Companies made here, as an import of a file makes them. One in a hundred lacks the name that Salesforce wants."""
    from abmatic.sync.models import Issue, ObjectSetting

    ObjectSetting.objects.filter(sobject="Account").update(create_in_salesforce=True)
    # What the settings make due is looked at once.
    _run(connection)
    make_companies(number)
    run, seconds = _run(connection)
    refused = number // bad_org.EVERY
    issues = Issue.objects.filter(is_open=True, code="REQUIRED_FIELD_MISSING").count()
    if (run.pushed["created"], issues) != (number - refused, refused):
        raise SystemExit(f"{run.pushed['created']:,} of {number - refused:,} were made, {issues:,} have an issue")
    return {
        "made": run.pushed["created"], "listed": issues, "seconds": round(seconds, 2), "peak_memory": run.peak_memory,
    }  # fmt: skip


def make_companies(number: int) -> None:
    """So many new companies, of which one in a hundred has no name."""
    from django.db import connection, transaction

    from abmatic.changes.models import Cause

    with transaction.atomic(), connection.cursor() as cursor:
        cause = Cause.objects.create(kind=Cause.Kind.IMPORT)
        cursor.execute(
            """
            WITH made AS (
                INSERT INTO account (name, website, domain, created_by_id, created_at, updated_at)
                SELECT CASE WHEN n %% %(every)s <> 0 THEN 'Made here ' || n END, site, site, %(cause)s, now(), now()
                  FROM generate_series(1, %(number)s) AS n, LATERAL (SELECT 'made-here-' || n || '.com') AS s (site)
                RETURNING id
            )
            INSERT INTO change (record, record_id, field, before, after, cause_id, at)
            SELECT 'account', id, '', NULL, NULL, %(cause)s, now() FROM made
            """,
            {"every": bad_org.EVERY, "cause": cause.pk, "number": number},
        )


def _run(connection: Any) -> tuple[Any, float]:
    from abmatic.sync import runs
    from abmatic.sync.execute import execute

    (run,) = (run for run in runs.start(connection, ["Account"], trigger="manual", alone=True))
    began = time.monotonic()
    execute(run.pk)
    seconds = time.monotonic() - began
    run.refresh_from_db()
    if run.state != "succeeded":
        raise SystemExit(f"{run.sobject}: {run.outcome} {run.error_code} {run.error_message}")
    return run, seconds


if __name__ == "__main__":
    main(sys.argv[1])
