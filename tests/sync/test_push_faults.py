"""Everything that can go wrong on the wire while a run writes, looks up what became of a batch, or is undone.

Whatever struck, Salesforce is written to exactly as without it: each record made once, each value written once. A run
that couldn't says so, and the next one mends it. Cases of one kind share an org, because importing one takes longer
than they do; each has records of its own, and a failure names the case.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from tests.soak.looking import by_api
from tests.sync.live import Live, Orgs
from tests.sync.test_push import allow, edit, mode

from abmatic.audiences.models import Account
from abmatic.changes.models import Cause, Change
from abmatic.sync import runs
from abmatic.sync.execute import execute
from abmatic.sync.models import Batch, Connection, Due, Issue, MirrorAccount, Run, Write

pytestmark = pytest.mark.django_db(transaction=True)

TRIES = 6
CHANGED, MADE = 3, 2

# What strikes an answer, wherever it is asked for. After the first ones a run goes on with its next batch.
LOSING: list[tuple[str, dict[str, Any]]] = [
    ("status", {"status": 500}), ("status", {"status": 503, "retry_after": 1}), ("html", {}), ("cut", {}),
    ("cut", {"bytes": 0}), ("reset", {"when": "before"}), ("reset", {"when": "after"}), ("wrong_length", {"by": 1}),
    ("slow", {"seconds": 0.05}), ("stalled", {"seconds": 0.1}),
]  # fmt: skip
REFUSING: list[tuple[str, dict[str, Any]]] = [
    ("status", {"status": 429}), ("unauthorized", {}), ("session_expired", {}), ("limit", {}),
    ("limit", {"which": "ConcurrentRequests"}),
]  # fmt: skip
ANSWERS = [*LOSING, *REFUSING]
SURROUNDINGS: list[tuple[str, dict[str, Any]]] = [
    ("row_locks", {"share": 0.5, "attempts": 1}), ("lag", {"seconds": 20.0}), ("clock_skew", {"seconds": 5.0}),
]  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A fault at one place. ``unknown``: the batch loses its answer first, so that it is looked up under the fault."""

    action: str
    match: dict[str, Any]
    options: dict[str, Any] = field(default_factory=dict)
    times: int = 1
    unknown: str = ""

    def __str__(self) -> str:
        return f"{self.action} {self.options} at {self.match}, {self.times} times {self.unknown}"


COLLECTIONS = {
    "updates": {"method": "PATCH", "path": "/composite/sobjects"},
    "creations": {"method": "POST", "path": "/composite/sobjects"},
}
BULK = {
    "make a job": {"method": "POST", "path": "/jobs/ingest/?$"},
    "upload": {"method": "PUT", "path": "/batches"},
    "close": {"method": "PATCH", "path": "/jobs/ingest/"},
    "poll": {"method": "GET", "path": "/jobs/ingest/[^/]+/?$"},
    "written": {"method": "GET", "path": "/successfulResults"},
    "refused": {"method": "GET", "path": "/failedResults"},
    "never tried": {"method": "GET", "path": "/unprocessedrecords"},
    "remove": {"method": "DELETE", "path": "/jobs/ingest/"},
}
READING = {
    "read": {"path": "/queryAll"},
    "describe": {"path": "/describe"},
    "token": {"path": "/services/oauth2/token"},
}
LOOKING_UP = {"who we are": {"path": "/userinfo"}, "what is there": {"path": "/query/?[?]"}}


def _drawn(seed: str, phases: dict[str, dict[str, Any]], each: int) -> Iterator[Case]:
    """For each phase some of the faults, drawn by the seed."""
    chance = random.Random(seed)
    for match in phases.values():
        for action, options in chance.sample(ANSWERS, each):
            yield Case(action, match, options, chance.choice([1, 0]))


CASES: dict[str, list[Case]] = {
    "collections": [
        *(Case(action, {"path": "/composite/sobjects"}, options, 0) for action, options in LOSING),
        *(Case(action, match, options, 0) for action, options in REFUSING for match in COLLECTIONS.values()),
        *(Case(action, {"path": "/composite/sobjects"}, options) for action, options in SURROUNDINGS),
        *_drawn("reading", READING, 2),
    ],
    "bulk": [
        *(Case(action, BULK["close"], options, 0) for action, options in [*LOSING[::2], REFUSING[0]]),
        *_drawn("bulk", BULK, 2),
        Case("job_failed", BULK["make a job"]),
        Case("job_aborted", BULK["make a job"], {"share": 0.0}),
        Case("row_locks", {"path": "/jobs/ingest"}, {"share": 0.5, "attempts": 1}),
    ],
    "looking up": [
        Case(case.action, case.match, case.options, case.times, unknown)
        for unknown in COLLECTIONS
        for case in _drawn(unknown, LOOKING_UP, 2)
    ],
}


class Pushing:
    """One org after another case: each changes some records here, makes some, and sees them arrive."""

    def __init__(self, live: Live) -> None:
        self.live = live
        linked = (
            MirrorAccount.objects.filter(role=1, is_deleted=False).order_by("sf_id").values_list("local_id", "sf_id")
        )
        self.linked = dict(list(linked)[:CHANGED])

    def work(self, number: int) -> None:
        for local_id in self.linked:
            edit(Account.objects.get(pk=local_id), industry=f"Industry {number}")
        cause = Cause.objects.create(kind=Cause.Kind.USER)
        for place in range(MADE):
            site = f"case{number}.com" if place else None
            made = Account.objects.create(name=f"Case {number} {place}", website=site, domain=site, created_by=cause)
            Change.objects.create(record="account", record_id=made.pk, field="", cause=cause)

    def wanted(self, number: int) -> Counter[tuple[str, str, str]]:
        """What the org's change log must say that was written: each once."""
        updates = [("UPDATE", sf_id, f"Industry {number}") for sf_id in self.linked.values()]
        return Counter([*updates, *(("CREATE", f"Case {number} {place}", "") for place in range(MADE))])

    def written(self, position: int) -> Counter[tuple[str, str, str]]:
        return Counter(
            ("CREATE", str(event.values.get("Name")), "")
            if event.kind == "CREATE"
            else (event.kind, sf_id, str(event.values.get("Industry")))
            for event in by_api(self.live, position)
            for sf_id in event.record_ids
        )

    def run(self, *, full: bool = False) -> Run:
        """A run of the accounts alone, without the users that ride with them."""
        (run,) = runs.start(self.live.connection, ["Account"], trigger="manual", full=full, alone=True)
        execute(run.pk)
        run.refresh_from_db()
        assert run.is_over
        return run

    def run_well(self, *, full: bool = False) -> Run:
        run = self.run(full=full)
        assert run.state == Run.State.SUCCEEDED, (run.outcome, run.error_message)
        return run

    def until_mended(self, case: Case) -> None:
        """Runs until nothing is left to do. A run that failed, or left something, has said so."""
        for _ in range(TRIES):
            run = self.run()
            _assert_told(run, case)
            self.live.org.emulator.faults.set([])
            # What a person does who reads it.
            Connection.objects.update(status="active", problem="", problem_detail="", api_waiting_since=None)
            self.live.connection.refresh_from_db()
            if run.state == Run.State.SUCCEEDED and not _is_anything_left():
                return
        raise AssertionError(f"{case}: it doesn't mend: {run.outcome} {run.error_message}")


def _assert_told(run: Run, case: Case) -> None:
    if run.state == Run.State.FAILED:
        assert run.error_code, case
        assert run.error_message, case
        assert "kept" in run.outcome or "Nothing was changed" in run.outcome, (case, run.outcome)
        return
    assert run.state == Run.State.SUCCEEDED, case
    lost = run.pushed["unknown"] + run.pushed["returned"]
    assert bool(lost) == _is_anything_left(), (case, run.pushed, run.outcome)
    assert not lost or str(lost) in run.outcome, (case, run.outcome)


def _is_anything_left() -> bool:
    return Due.objects.exists() or Batch.objects.exclude(state=Batch.State.DONE).exists()


@pytest.fixture
def pushing(orgs: Orgs, monkeypatch: pytest.MonkeyPatch) -> Pushing:
    monkeypatch.setattr("abmatic.sync.push.unknown.SETTLED", timedelta(0))
    live = orgs.sample()
    live.sync_well("Account")
    allow("Account")
    mode("Account", "Industry", to_salesforce="overwrite")
    pushing = Pushing(live)
    for _ in range(2):
        pushing.run_well()
    return pushing


def _halves(name: str) -> Sequence[Any]:
    """The cases of a kind in two parts, for two processes to share."""
    cases = list(enumerate(CASES[name]))
    return [pytest.param(name, cases[part::2], id=f"{name} {part + 1}") for part in range(2)]


@pytest.mark.parametrize(("name", "cases"), [*_halves("collections"), *_halves("bulk"), *_halves("looking up")])
def test_a_fault_costs_a_run_at_most(pushing: Pushing, orgs: Orgs, name: str, cases: list[tuple[int, Case]]) -> None:
    live = pushing.live
    orgs.allow(rest_limit=1 if name == "bulk" else 2000)
    for number, case in cases:
        position = live.org.store.changes.newest()
        pushing.work(number)
        if case.unknown:
            live.org.fault("reset", COLLECTIONS[case.unknown], when="after", times=0)
            assert pushing.run_well().pushed["unknown"], case
        live.org.fault(case.action, case.match, times=case.times, **case.options)
        pushing.until_mended(case)
        assert pushing.written(position) == pushing.wanted(number), case
        assert not Issue.objects.exists(), case
        made = Write.objects.filter(operation="create", state="written", sent__Name__startswith=f"Case {number} ")
        assert made.count() == MADE, case
    # All of it is known here, so that a run with nothing to do does nothing.
    writes, position = Write.objects.count(), live.org.store.changes.newest()
    pushing.run_well(full=True)
    assert Write.objects.count() == writes
    assert by_api(live, position) == []
    assert Account.objects.filter(name__startswith="Case").count() == MADE * len(cases)


UNDONE = [
    *(Case(action, COLLECTIONS["updates"], options, 0) for action, options in [*LOSING[::3], ("limit", {})]),
    *(Case(action, LOOKING_UP["what is there"], options, 0) for action, options in [("html", {}), ("limit", {})]),
    Case("status", READING["describe"], {"status": 500}, 0),
]


def test_an_undo_under_faults_comes_to_the_same(pushing: Pushing) -> None:
    live = pushing.live
    for number, case in enumerate(UNDONE):
        before = live.rows('SELECT "Id", "Industry" FROM "Account" ORDER BY "Id"')
        for local_id in pushing.linked:
            edit(Account.objects.get(pk=local_id), industry=f"Undone {number}")
        pushed = pushing.run_well()
        assert pushed.pushed["updated"] == CHANGED, case
        position = live.org.store.changes.newest()
        live.org.fault(case.action, case.match, times=0, **case.options)
        _undo(pushed)
        live.org.emulator.faults.set([])
        Connection.objects.update(status="active", problem="", problem_detail="", api_waiting_since=None)
        # What the first couldn't is undone once more, and nothing of the rest; a sync leaves it so.
        assert _undo(pushed).state == Run.State.SUCCEEDED, case
        pushing.run_well()
        assert live.rows('SELECT "Id", "Industry" FROM "Account" ORDER BY "Id"') == before, case
        assert sum(len(event.record_ids) for event in by_api(live, position)) == CHANGED, case


def _undo(run: Run) -> Run:
    made = runs.undo(run)
    execute(made.pk)
    made.refresh_from_db()
    assert made.is_over
    return made
