"""A preview says what the run then does, and writes nothing on either side."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection as database
from tests.sync.live import Live, Orgs
from tests.sync.test_push import allow, edit, mode

from abmatic.audiences.models import Account
from abmatic.postgres import sessions
from abmatic.postgres.locks import held
from abmatic.sync.models import ObjectSetting
from abmatic.sync.preview import SAMPLES, NotPreviewed, jobs, preview

pytestmark = pytest.mark.django_db(transaction=True)

# Facts about the org's API, learned by whoever calls it.
LEARNED = ("api_used", "api_allowed", "api_seen_at")


def tables() -> dict[str, list[Any]]:
    """Every row of every table, as text."""
    found = {}
    with database.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        for (name,) in cursor.fetchall():
            cursor.execute(f'SELECT (to_jsonb(t) - %s::text[])::text FROM "{name}" AS t ORDER BY 1', [list(LEARNED)])
            found[name] = cursor.fetchall()
    return found


@pytest.fixture
def live(orgs: Orgs) -> Live:
    live = orgs.sample()
    live.sync_well()
    return live


def write_there(live: Live, name: str, **values: Any) -> str:
    ((sf_id,),) = live.rows('SELECT "Id" FROM "Account" WHERE "Name" = ?', name)
    with live.editing() as session:
        session.update("Account", str(sf_id), values)
    # A run reads up to the second that has begun.
    live.org.store.set_clock(by=1)
    return str(sf_id)


def test_it_says_what_the_run_then_does_and_writes_nothing(live: Live) -> None:
    allow("Account")
    mode("Account", "Industry", to_salesforce="overwrite")
    live.sync_well("Account")
    write_there(live, "Edge Communications", BillingCity="Graz")
    edit(Account.objects.get(name="GenePoint"), industry="Banking")
    Account.objects.create(name="Acme", website="https://acme.example", domain="acme.example", city="Wien")
    edit(Account.objects.get(name="Acme"), country="Austria")
    before, there = tables(), live.rows('SELECT * FROM "Account" ORDER BY "Id"')
    live.org.emulator.calls.clear()

    found = preview(live.connection, "Account")

    assert tables() == before
    assert live.rows('SELECT * FROM "Account" ORDER BY "Id"') == there
    assert found.calls_made == len([c for c in live.org.calls() if c["path"] != "/services/data"])
    assert found.is_complete
    (updated,) = found.samples["to_abmatic"]["updated"]
    assert (updated.name, updated.fields["city"]["after"]) == ("Edge Communications", "Graz")
    assert found.to_salesforce == {"created": 1, "updated": 1, "held": 0}
    (changed,) = found.samples["to_salesforce"]["updated"]
    assert changed.fields == {"Industry": {"before": "Biotechnology", "after": "Banking"}}
    (created,) = found.samples["to_salesforce"]["created"]
    assert created.fields["BillingCity"] == {"before": None, "after": "Wien"}

    run = live.sync_well("Account")["Account"]
    assert run.counts == found.to_abmatic
    assert {name: run.pushed[name] for name in found.to_salesforce} == found.to_salesforce
    assert run.api_calls == found.calls_of_run


def test_of_a_first_import_too(orgs: Orgs) -> None:
    live = orgs.sample()
    before = tables()
    found = preview(live.connection, "Account")
    assert tables() == before
    assert found.to_abmatic["created"] == 10
    assert len(found.samples["to_abmatic"]["created"]) == 10
    assert found.samples["to_abmatic"]["created"][0].fields["name"]["after"]
    assert live.sync_well("Account")["Account"].counts == found.to_abmatic


def test_a_new_mapping_is_previewed_as_the_run_will_meet_it(live: Live) -> None:
    setting = ObjectSetting.objects.get(sobject="Account")
    setting.mappings.filter(sf_field="Industry").delete()
    live.sync_well("Account")
    Account.objects.update(industry=None)
    setting.mappings.create(sf_field="Industry", local_field="industry", position=9)
    before = tables()
    found = preview(live.connection, "Account")
    assert tables() == before
    assert found.is_full
    assert live.sync_well("Account")["Account"].counts == found.to_abmatic
    assert found.to_abmatic["updated"] > 0


def test_of_a_large_window_it_says_what_it_did_not_look_at(
    orgs: Orgs, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow("Account")
    orgs.allow(rest_limit=5)
    monkeypatch.setattr("salesforce_emulator.api.query._batch_size", lambda plan, asked: 5)
    found = preview(live.connection, "Account", full=True)
    assert not found.is_complete
    assert (found.records, found.looked_at) == (12, 5)
    assert found.to_salesforce is None
    assert any("Too many to preview at once" in note for note in found.notes)


def test_all_of_a_large_window_is_looked_at_chunk_by_chunk(orgs: Orgs) -> None:
    live = orgs.generated(150)
    orgs.allow(rest_limit=20)
    orgs.page_records(40)
    live.sync_well("Account")
    allow("Account")
    live.sync_well("Account")
    for account in Account.objects.exclude(industry=None).order_by("pk")[:30]:
        edit(account, industry=None)
    Account.objects.filter(domain=None).delete()
    edit(Account.objects.create(name="Acme", website="https://acme.example", domain="acme.example"), city="Wien")
    before = tables()
    seen: list[int] = []
    found = preview(live.connection, "Account", full=True, whole=True, progress=lambda f: seen.append(f.looked_at))
    assert tables() == before
    assert found.is_complete
    assert found.records > 100
    assert len({n for n in seen if n}) > 3
    assert len(found.samples["to_abmatic"]["updated"]) == SAMPLES
    run = live.sync_well("Account", full=True)["Account"]
    assert run.counts == found.to_abmatic
    assert {name: run.pushed[name] for name in found.to_salesforce or {}} == found.to_salesforce
    assert found.to_salesforce
    assert found.to_salesforce["created"] == 1


def test_duplicates_of_different_chunks_are_told_as_the_run_tells_them(orgs: Orgs) -> None:
    live = orgs.generated(150)
    orgs.allow(rest_limit=20)
    orgs.page_records(40)
    ids = [sf_id for (sf_id,) in live.rows('SELECT "Id" FROM "Account" WHERE "IsDeleted" = 0 ORDER BY "Id"')]
    with live.editing() as session:
        for first, last in zip(ids[:5], ids[-5:], strict=True):
            for sf_id in (first, last):
                session.update("Account", sf_id, {"Website": f"https://{first.lower()}.com"})
    before = tables()
    found = preview(live.connection, "Account", whole=True)
    assert tables() == before
    assert found.to_abmatic["duplicate"] >= 5
    assert live.sync_well("Account")["Account"].counts == found.to_abmatic


def test_a_worker_makes_the_large_ones(orgs: Orgs) -> None:
    live = orgs.generated(150)
    orgs.allow(rest_limit=20)
    job = jobs.start(live.connection, "Account")
    assert jobs.start(live.connection, "Account").pk == job.pk
    jobs.execute(job.pk)
    job.refresh_from_db()
    assert (job.state, job.problem) == ("done", "")
    assert job.looked_at == job.records
    assert job.found["to_abmatic"]["created"] > 100
    assert live.sync_well("Account")["Account"].counts == job.found["to_abmatic"]


def test_a_cancelled_one_stops_and_leaves_nothing(orgs: Orgs, monkeypatch: pytest.MonkeyPatch) -> None:
    live = orgs.generated(150)
    orgs.allow(rest_limit=20)
    job = jobs.start(live.connection, "Account")
    live.at_call("/jobs/query/", lambda: jobs.cancel(job))
    jobs.execute(job.pk)
    job.refresh_from_db()
    assert (job.state, job.found) == ("cancelled", None)
    assert not Account.objects.exists()
    assert [c["method"] for c in live.org.calls() if "/jobs/query/" in c["path"]][-1] == "DELETE"


def test_why_there_is_none_is_kept(live: Live, orgs: Orgs) -> None:
    job = jobs.start(live.connection, "Account")
    with sessions.session("run") as session, held(session, "pull", live.connection.pk, "Account"):
        jobs.execute(job.pk)
    job.refresh_from_db()
    assert job.state == "failed"
    assert "preview again when it is over" in job.problem
    live.connection.status = live.connection.Status.INACTIVE
    with pytest.raises(NotPreviewed, match="inactive"):
        jobs.start(live.connection, "Account")
    with pytest.raises(NotPreviewed, match="not an object"):
        jobs.start(live.connection, "Task")


def test_what_lacks_a_required_field_would_be_held(live: Live) -> None:
    allow("Account")
    Account.objects.create(website="https://acme.example", domain="acme.example")
    found = preview(live.connection, "Account")
    assert found.to_salesforce == {"created": 0, "updated": 0, "held": 1}
    (held,) = found.samples["to_salesforce"]["held"]
    assert (held.code, held.fields) == ("REQUIRED_FIELD_MISSING", {"Name": {}})


def test_while_the_object_is_synced_there_is_none(live: Live) -> None:
    with (
        sessions.session("run") as session,
        held(session, "pull", live.connection.pk, "Account"),
        pytest.raises(NotPreviewed, match="preview again when it is over"),
    ):
        preview(live.connection, "Account")
