"""One record in a hundred is broken: the others arrive, and each of the broken ones is listed, with what to do.

At a hundredth of the size of `make bench ARGS="--only bad-rows"`, which also looks at memory.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from benchmarks import bad_org
from benchmarks.bad_rows import make_companies
from tests.sync.live import Live, Orgs
from tests.sync.test_push import allow

from abmatic.audiences.models import Account
from abmatic.sync.models import Due, Finding, Issue, Run
from abmatic.sync.reasons import REASONS
from abmatic.sync.refusals import REFUSALS

pytestmark = pytest.mark.django_db(transaction=True)

ACCOUNTS, MADE = 10_000, 10_000
RULE = {
    "object": "Account", "fullName": "No_sevens", "active": True,
    "errorConditionFormula": 'CONTAINS(Name, "Sevens")', "errorMessage": "No sevens.",
}  # fmt: skip


@pytest.fixture
def live(orgs: Orgs, tmp_path: Path) -> Live:
    bad_org.make(tmp_path / "broken.sqlite3", ACCOUNTS)
    orgs.allow(import_page_records=4_000, import_chunk_bytes=200_000)
    return orgs.live(tmp_path / "broken.sqlite3")


def test_broken_records_cost_their_neighbours_nothing(live: Live) -> None:
    run = live.sync_well("Account")["Account"]
    entries, arrived = bad_org.expected(ACCOUNTS)
    assert Counter(Finding.objects.filter(run=run).values_list("reason", flat=True)) == entries
    assert entries.total() == ACCOUNTS // bad_org.EVERY
    assert all(REASONS[reason].meaning and REASONS[reason].remedy for reason in entries)
    assert (run.reader, run.counts["read"]) == ("Bulk API 2.0", ACCOUNTS)
    assert Account.objects.count() == arrived
    found = dict(Account.objects.values_list("domain", "revenue"))
    sound = [number for number in range(ACCOUNTS) if bad_org.wrong(number) is None]
    assert all(found[f"firm-{number}.com"] == 1000 + number for number in sound)


def test_refused_records_cost_their_neighbours_nothing(orgs: Orgs) -> None:
    """Three kinds at once: without a name, too long, and against a rule that only Salesforce knows."""
    live = orgs.sample()
    live.sync_well("Account")
    allow("Account")
    live.sync_well("Account")
    live.org.store.put_rules({"validation_rules": [RULE]})
    make_companies(MADE)
    long = list(Account.objects.filter(name__endswith="50").values_list("pk", flat=True))
    Account.objects.filter(pk__in=long).update(city="x" * 60)
    ruled = list(Account.objects.filter(name__endswith="7777").values_list("pk", flat=True))
    Account.objects.filter(pk__in=ruled).update(name="Sevens")
    run = live.sync_well("Account")["Account"]
    nameless = MADE // bad_org.EVERY
    open_issues = Issue.objects.filter(is_open=True)
    codes = Counter(open_issues.values_list("code", "field"))
    assert codes[("REQUIRED_FIELD_MISSING", "")] == nameless
    assert codes[("FIELD_CUSTOM_VALIDATION_EXCEPTION", "")] == len(ruled) > 0
    assert codes[("STRING_TOO_LONG", "BillingCity")] == len(long) > 0
    assert {code for code, _ in codes} <= REFUSALS.keys()
    assert all(REFUSALS[code].remedy for code, _ in codes)
    made = MADE - nameless - len(ruled)
    assert (run.state, run.pushed["created"], run.pushed["refused"]) == (Run.State.SUCCEEDED, made, len(ruled))
    assert live.number("""SELECT count(*) FROM "Account" WHERE "Name" LIKE 'Made here%'""") == made
    assert not Due.objects.exists()
    # None of them is sent again while nothing about it has changed.
    run = live.sync_well("Account", full=True)["Account"]
    assert (run.pushed["created"], run.pushed["refused"]) == (0, 0)
