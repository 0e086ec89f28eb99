"""Whole runs: whatever is edited on either side, in whatever order with runs in between, both sides settle.

After two further runs what is authoritative is the same on both sides, and a third writes nothing anywhere. That holds
as well of an org whose own automation changes what is saved: there, "the same" is what it makes of the value.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.sync.live import Live, Orgs
from tests.sync.test_push import allow, edit, mode
from tests.sync.test_read_back import rep

from abmatic.audiences.models import Account
from abmatic.changes.models import Change
from abmatic.sync.models import Finding, MirrorAccount, ObjectSetting, Write

pytestmark = pytest.mark.django_db(transaction=True)

# Salesforce field, local field, the values that are put there.
FIELDS: dict[str, tuple[str, list[Any]]] = {
    "Industry": ("industry", [None, "Banking", "Energy"]),
    "BillingCity": ("city", [None, "Graz", "Wien", " Linz "]),
    "NumberOfEmployees": ("employee_count", [None, 0, 5]),
}
MODES = ["none", "fill", "overwrite"]
NAMES = itertools.count(1)


@dataclass(frozen=True)
class Rewriting:
    """What the org's automation does to a field on each save, as its formula and in Python."""

    formula: str
    plain: Callable[[Any], Any]


REWRITINGS: dict[str, list[Rewriting | None]] = {
    "Industry": [None, Rewriting("'Energy'", lambda value: "Energy"), Rewriting("''", lambda value: None)],
    "BillingCity": [
        None,
        Rewriting("UPPER(BillingCity)", lambda value: value and value.upper()),
        Rewriting("LEFT(BillingCity, 2)", lambda value: value and value[:2]),
        Rewriting("''", lambda value: None),
    ],
    "NumberOfEmployees": [None, Rewriting("ROUND(NumberOfEmployees, -1)", lambda value: {5: 10}.get(value, value))],
}
AS_IT_IS = Rewriting("", lambda value: value)


@dataclass(frozen=True)
class Step:
    """An edit of one field on one side, or a run."""

    side: str
    record: int = 0
    field: str = ""
    value: Any = None


@st.composite
def steps(draw: st.DrawFn) -> Step:
    side = draw(st.sampled_from(["salesforce", "abmatic", "run"]))
    if side == "run":
        return Step(side)
    field = draw(st.sampled_from(sorted(FIELDS)))
    return Step(side, draw(st.integers(0, 1)), field, draw(st.sampled_from(FIELDS[field][1])))


class Sides:
    """Two accounts, as each side has them."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self.rep = rep(live)
        # How often a rep entered a value: by the third time running it counts as an automation's.
        self.insisted: Counter[tuple[int, str, Any]] = Counter()
        numbers = [next(NAMES), next(NAMES)]
        with live.editing() as session:
            self.sf_ids = [
                session.insert("Account", {"Name": f"Firm {n}", "Website": f"firm{n}.example"}) for n in numbers
            ]
        live.sync_well("Account")
        links = dict(MirrorAccount.objects.filter(sf_id__in=self.sf_ids).values_list("sf_id", "local_id"))
        self.local_ids = [links[sf_id] for sf_id in self.sf_ids]

    def take(self, step: Step) -> None:
        # Stamps are whole seconds: what happens in one of them can't be told apart, and is settled a run later.
        self.live.org.store.set_clock(by=1)
        if step.side == "run":
            self.live.sync_well("Account")
        elif step.side == "salesforce":
            self.insisted[step.record, step.field, step.value] += 1
            with self.live.org.store.session(self.rep) as session:
                session.update("Account", self.sf_ids[step.record], {step.field: step.value})
        else:
            record = Account.objects.get(pk=self.local_ids[step.record])
            local = FIELDS[step.field][0]
            if getattr(record, local) != step.value:
                edit(record, **{local: step.value})

    def values(self, record: int, field: str) -> tuple[Any, Any]:
        """In Salesforce and here."""
        ((theirs,),) = self.live.rows(f'SELECT "{field}" FROM "Account" WHERE "Id" = ?', self.sf_ids[record])
        ours = getattr(Account.objects.get(pk=self.local_ids[record]), FIELDS[field][0])
        return theirs, ours.strip() if isinstance(ours, str) else ours


def written() -> tuple[int, int, int]:
    return Change.objects.count(), Write.objects.count(), Finding.objects.count()


def rewrite(live: Live, rewritings: dict[str, Rewriting | None]) -> None:
    live.org.store.remove_rules()
    flows = [
        {"object": "Account", "fullName": field, "assignments": [{"field": field, "formula": rewriting.formula}]}
        for field, rewriting in rewritings.items()
        if rewriting is not None
    ]
    live.org.store.put_rules({"before_save_flows": flows})


def assert_settled(sides: Sides, modes: dict[str, tuple[str, str]], rewritings: dict[str, Rewriting | None]) -> None:
    for record in range(2):
        for field, (to_abmatic, to_salesforce) in modes.items():
            if any(n > 2 for (of, name, _), n in sides.insisted.items() if (of, name) == (record, field)):
                continue
            saved = (rewritings[field] or AS_IT_IS).plain
            theirs, ours = sides.values(record, field)
            said = (field, to_abmatic, to_salesforce, theirs, ours, rewritings[field])
            is_emptied = saved(ours) is None
            match to_abmatic, to_salesforce:
                case "overwrite", "overwrite":
                    assert theirs == ours or (is_emptied and theirs is None), said
                case "overwrite", _:
                    # An empty Salesforce field never emptied is no authority over what is here.
                    assert theirs == ours or theirs is None, said
                case _, "overwrite":
                    assert theirs == ours or theirs == saved(ours) or ours is None, said
                case "fill", _:
                    assert ours is not None or theirs is None, said
            if to_salesforce == "fill" and to_abmatic != "overwrite" and not is_emptied:
                assert theirs is not None or ours is None, said


@pytest.fixture
def live(orgs: Orgs) -> Live:
    live = orgs.sample()
    live.sync_well("Account")
    return live


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    taken=st.lists(steps(), min_size=3, max_size=9),
    modes=st.fixed_dictionaries({name: st.tuples(st.sampled_from(MODES), st.sampled_from(MODES)) for name in FIELDS}),
    policy=st.sampled_from(["recent", "salesforce", "abmatic"]),
    rewritings=st.fixed_dictionaries({name: st.sampled_from(found) for name, found in REWRITINGS.items()}),
)
def test_both_sides_settle(
    live: Live, taken: list[Step], modes: dict[str, tuple[str, str]], policy: str,
    rewritings: dict[str, Rewriting | None],
) -> None:  # fmt: skip
    allow("Account", policy=policy)
    for field, (to_abmatic, to_salesforce) in modes.items():
        mode("Account", field, to_abmatic=to_abmatic, to_salesforce=to_salesforce)
    assert ObjectSetting.objects.get(sobject="Account").policy == policy
    live.org.store.remove_rules()
    sides = Sides(live)
    rewrite(live, rewritings)
    for step in taken:
        sides.take(step)
    for _ in range(2):
        live.org.store.set_clock(by=1)
        live.sync_well("Account")
    assert_settled(sides, modes, rewritings)
    before = written()
    run = live.sync_well("Account")["Account"]
    assert written() == before
    assert run.pushed["created"] == run.pushed["updated"] == 0
