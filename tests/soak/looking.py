"""What is looked at after each sync: what there is on either side, what was written to Salesforce, what the runs said.

Two lives of one script are compared by this, so what differs from life to life is left out or named alike: moments,
numbers of ours, and the Ids of records that were made since the start.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from tests.sync.invariants import assert_adds_up
from tests.sync.live import Live, state

from abmatic.audiences.models import Account, Contact
from abmatic.changes.models import Change
from abmatic.sync.models import Batch, Due, Finding, Issue, Run, Write
from abmatic.sync.pull.chunk import Counts
from salesforce_emulator.changes.log import ChangeEvent

NAMED = {"Account": "Name", "Contact": "LastName", "Lead": "LastName", "Opportunity": "Name"}
TABLES = [*NAMED, "OpportunityContactRole"]
_MOMENTS = {
    "CreatedDate", "LastModifiedDate", "SystemModstamp", "LastViewedDate", "LastReferencedDate", "LastActivityDate",
    "LastModifiedById",
}  # fmt: skip
_BY_API = "com/salesforce/api"


@dataclass(frozen=True)
class Seen:
    """What a life looks like after a sync. Every field is comparable between lives."""

    here: dict[str, Counter[tuple[Any, ...]]]
    there: dict[str, Counter[tuple[Any, ...]]]
    written: Counter[tuple[Any, ...]]
    writes: Counter[tuple[Any, ...]]
    issues: Counter[tuple[Any, ...]]
    runs: dict[str, dict[str, int]]
    findings: dict[str, Counter[tuple[Any, ...]]]
    changes: dict[str, Counter[tuple[Any, ...]]]


class Names:
    """The Ids of the start as they are, and those made since by what the records are called."""

    def __init__(self, live: Live, original: frozenset[str]) -> None:
        self._names: dict[str, str] = {}
        for table, column in NAMED.items():
            called: dict[str, int] = defaultdict(int)
            for sf_id, name in live.rows(f'SELECT "Id", "{column}" FROM "{table}" ORDER BY "Id"'):
                if sf_id not in original:
                    called[name] += 1
                    self._names[sf_id] = f"{table} {name} {called[name]}"
        for (sf_id,) in live.rows('SELECT "Id" FROM "OpportunityContactRole"'):
            if sf_id not in original:
                self._names[sf_id] = "a new role"

    def __call__(self, value: Any) -> Any:
        return self._names.get(value, value) if isinstance(value, str) else value

    def row(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(map(self, values))


def ids(live: Live) -> frozenset[str]:
    return frozenset(row[0] for table in TABLES for row in live.rows(f'SELECT "Id" FROM "{table}"'))


def look(live: Live, original: frozenset[str], position: int, runs: list[Run]) -> Seen:
    """``position``: of the org's change log, before the runs."""
    names = Names(live, original)
    return Seen(
        here=_here(names),
        there={table: _there(live, names, table) for table in TABLES},
        written=written(live, names, position),
        writes=_writes(names),
        issues=Counter(
            (issue.sobject, names(issue.sf_id), issue.field, issue.code, str(issue.sent), issue.is_open)
            for issue in Issue.objects.all()
        ),
        runs={run.sobject: _said(run) for run in runs},
        findings={run.sobject: _findings(names, run) for run in runs},
        changes={run.sobject: _changes(run) for run in runs},
    )


# What joins two records has no values of its own in the mirror.
_JOINING = {"mirror_contact_role", "mirror_campaign_member"}


def _here(names: Names) -> dict[str, Counter[tuple[Any, ...]]]:
    found = {}
    for table, rows in state().items():
        is_mirror = table.startswith("mirror_") and table not in _JOINING
        found[table] = Counter(names.row(_mirrored(row) if is_mirror else row) for row in rows)
    return found


def _mirrored(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A mirror's row without its moment, and with its base spelled out: what both sides last agreed on.

    That both were empty is agreed on when a record is read for the second time, which comes sooner where somebody died.
    """
    sf_id, _, is_deleted, role, values, base, *rest = row
    agreed = json.loads(values if base is None else base)
    spelled = tuple(sorted((name, str(value)) for name, value in agreed.items() if value is not None))
    return sf_id, is_deleted, role, values, spelled, *rest


def _there(live: Live, names: Names, table: str) -> Counter[tuple[Any, ...]]:
    with closing(sqlite3.connect(live.org.store.path)) as database:
        cursor = database.execute(f'SELECT * FROM "{table}"')
        places = [(n, column[0]) for n, column in enumerate(cursor.description) if column[0] not in _MOMENTS]
        return Counter(tuple((name, names(row[n])) for n, name in places if row[n] is not None) for row in cursor)


def by_api(live: Live, position: int) -> list[ChangeEvent]:
    """What came into the org by an API since then, as its change log tells it."""
    return [event for event in live.org.store.changes.after(position, 1_000_000) if event.origin.startswith(_BY_API)]


def written(live: Live, names: Names, position: int) -> Counter[tuple[Any, ...]]:
    """Every record that was written by an API, once for each time."""
    return Counter(
        (
            event.kind, event.sobject, names(sf_id),
            tuple(sorted((name, names(value)) for name, value in event.values.items() if name not in _MOMENTS)),
        )
        for event in by_api(live, position)
        for sf_id in event.record_ids
    )  # fmt: skip


def _writes(names: Names) -> Counter[tuple[Any, ...]]:
    """What Abmatic believes to have written, and to have been refused."""
    assert not Batch.objects.exclude(state=Batch.State.DONE).exists(), "a batch is left open"
    assert not Write.objects.filter(state__in=[Write.State.PLANNED, Write.State.SENT]).exists(), "a write is left open"
    assert not Due.objects.exists(), f"still due: {list(Due.objects.values_list('sobject', 'local_id'))}"
    return Counter(
        (
            write.sobject,
            write.operation,
            names(write.sf_id),
            str(write.before),
            str(write.sent),
            write.state,
            write.code,
        )
        for write in Write.objects.exclude(state=Write.State.RETURNED)
    )


def _said(run: Run) -> dict[str, int]:
    run.refresh_from_db()
    assert run.state == Run.State.SUCCEEDED, f"{run.sobject}: {run.outcome} {run.error_message}"
    counts = Counts.from_json(run.counts)
    assert_adds_up(counts, run)
    said = {name: run.counts[name] for name in ("created", "linked", "duplicate", "updated", "deleted", "skipped")}
    if run.trigger == Run.Trigger.FIRST_IMPORT:
        # Later runs read once more what changed in the minutes before them: how much depends on how long a life takes.
        said |= {
            "read": counts.read,
            "unchanged": counts.unchanged,
            "expected": run.expected,
            "processed": run.processed,
        }
    pushed = {f"pushed {name}": run.pushed.get(name, 0) for name in ("created", "updated", "refused", "held")}
    codes = {f"pushed {code}": n for code, n in run.pushed.get("codes", {}).items()}
    return {**said, **pushed, **codes}


def _findings(names: Names, run: Run) -> Counter[tuple[Any, ...]]:
    entries = Finding.objects.filter(run=run).values_list("reason", "sf_id", "field", "value")
    return Counter(names.row(entry) for entry in entries)


def _changes(run: Run) -> Counter[tuple[Any, ...]]:
    """What the run changed here. What is a reference has another number in another life."""
    called = dict(Account.objects.values_list("pk", "name")) if run.sobject == "Account" else {}
    if run.sobject in ("Contact", "Lead"):
        called = dict(Contact.objects.values_list("pk", "last_name"))
    changes = Change.objects.filter(cause=run.cause_id).values_list("record_id", "field", "before", "after")
    return Counter(
        (called.get(pk), field, *(("–", "–") if field.endswith("_id") else (str(before), str(after))))
        for pk, field, before, after in changes
    )


def differences(undisturbed: list[Seen], other: list[Seen]) -> list[str]:
    """Where two lives of one script came to something else, in words.

    After each sync Salesforce must be the same, and what was written to it. What a run reads of that in turn (the owner
    of a record that was made) comes with the next run, or with the same where that reads twice because somebody died:
    what is here, and what the runs have counted and said, is compared for lives as a whole.
    """
    lines = []
    for place, (one, two) in enumerate(zip(undisturbed, other, strict=True)):
        for name in ("there", "written", "writes", "issues"):
            lines += _differences(getattr(one, name), getattr(two, name), f"sync {place}: {name}")
    lines += _differences(undisturbed[-1].here, other[-1].here, "in the end: here")
    if counted := _differences(_together(undisturbed), _together(other), "all runs:"):
        names = {line.split()[2] for line in counted}
        for place, (one, two) in enumerate(zip(undisturbed, other, strict=True)):
            counted += [f"  sync {place}: {name}: {one.runs.get(name)} and {two.runs.get(name)}" for name in names]
    return lines + counted


def _together(life: list[Seen]) -> dict[str, Counter[Any]]:
    """Counts and findings of all runs of each object."""
    found: dict[str, Counter[Any]] = defaultdict(Counter)
    for seen in life:
        for sobject, said in seen.runs.items():
            found[f"{sobject} counts"].update(said)
        for sobject, entries in seen.findings.items():
            found[f"{sobject} findings"].update(entries)
        for sobject, changes in seen.changes.items():
            found[f"{sobject} changes"].update(changes)
    return found


def _differences(one: Any, other: Any, path: str) -> list[str]:
    if isinstance(one, Counter):
        return [f"{path}: missing {row} ({n}x)" for row, n in (one - other).items()] + [
            f"{path}: too much {row} ({n}x)" for row, n in (other - one).items()
        ]
    return [line for key in {**one, **other} for line in _differences(one[key], other[key], f"{path} {key}")]
