"""Killed at any statement, commit or call while writing to Salesforce: nothing written twice, nothing forgotten."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.sync.live import Live, Orgs
from tests.sync.test_crash import environment, small_pages
from tests.sync.test_push import allow, edit, mode

from abmatic.audiences.models import Account
from abmatic.sync.models import Batch, Due, MirrorAccount, Run, Write

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.server]

NEW, CHANGED = 12, 30


def prepared(orgs: Orgs) -> tuple[Live, list[Account]]:
    """An org with companies to be made and companies to be changed, some without a website to be known by."""
    live = small_pages(orgs)
    live.sync_well("Account")
    allow("Account")
    mode("Account", "Industry", to_salesforce="overwrite")
    live.sync_well("Account")
    for record in changed():
        edit(record, industry="Banking")
    made = [
        Account.objects.create(name=f"New {n}", website=site, domain=site)
        for n in range(NEW)
        for site in [f"new{n}.example" if n % 3 else None]
    ]
    for record in made:
        edit(record, city="Graz")
    return live, made


def changed() -> list[Account]:
    linked = MirrorAccount.objects.filter(role=1, is_deleted=False).order_by("sf_id").values("local_id")
    return list(Account.objects.filter(pk__in=linked).order_by("pk")[:CHANGED])


def written(live: Live, made: list[Account]) -> dict[str, Any]:
    """What Salesforce has, and what is known here of it."""
    ids = {record.pk: MirrorAccount.objects.get(local_id=record.pk).sf_id for record in made}
    names = dict(live.rows('SELECT "Id", "Name" FROM "Account" WHERE "Name" LIKE ?', "New %"))
    linked = MirrorAccount.objects.filter(local_id__in=[r.pk for r in changed()], role=1, is_deleted=False)
    industries = [live.rows('SELECT "Industry" FROM "Account" WHERE "Id" = ?', m.sf_id)[0][0] for m in linked]
    return {
        "made": sorted(names.values()),
        "linked rightly": all(names[ids[record.pk]] == record.name for record in made),
        "industries": set(industries),
        "companies here": Account.objects.filter(name__startswith="New ").count(),
    }


@pytest.mark.parametrize("rest_limit", [20, 5], ids=["collections", "bulk"])
def test_killed_everywhere_while_writing(orgs: Orgs, tmp_path: Path, rest_limit: int) -> None:
    live, made = prepared(orgs)
    (run,) = [run for run in live.start("Account") if run.sobject == "Account"]
    Run.objects.filter(state="queued").exclude(pk=run.pk).update(state="cancelled")
    done = subprocess.run(
        [sys.executable, "-m", "tests.sync.crashing", "7", str(run.pk)],
        env=environment(live, tmp_path / "told") | {"ABMATIC_REST_LIMIT": str(rest_limit)},
        cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    kills = json.loads(done.stdout)[str(run.pk)]
    assert len(kills) >= 15
    run.refresh_from_db()
    assert run.state == Run.State.SUCCEEDED, (run.outcome, run.error_message)
    # What the last kill left is due, and the next run's.
    again = live.sync_well("Account")["Account"]
    assert again.state == Run.State.SUCCEEDED
    assert written(live, made) == {
        "made": sorted(record.name or "" for record in made),
        "linked rightly": True,
        "industries": {"Banking"},
        "companies here": NEW,
    }
    assert not Due.objects.exists()
    assert not Batch.objects.exclude(state="done").exists()
    assert not Write.objects.filter(state__in=["planned", "sent"]).exists()
    creations = Write.objects.filter(operation="create", state="written").values_list("local_id", flat=True)
    assert sorted(creations) == sorted(record.pk for record in made)
    before = Write.objects.count()
    live.sync_well("Account")
    assert Write.objects.count() == before
