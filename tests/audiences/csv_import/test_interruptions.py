"""What ends an import from outside: a lost database, a full disk, time. It is said, and it goes on where it was."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import django.db
import procrastinate
import psycopg
import pytest
from django.utils import timezone
from psycopg import errors
from tests.audiences.csv_import.files import changes, checked, given, imported, members, written
from tests.audiences.csv_import.test_crash import people

from abmatic.audiences import collections
from abmatic.audiences.csv_import import applying, executing, jobs, keeping, verbs
from abmatic.audiences.csv_import.models import FileImport, FilePart
from abmatic.audiences.csv_import.refusals import ImportRefused
from abmatic.audiences.models import Collection, CollectionMember, Contact
from abmatic.postgres import sessions

pytestmark = pytest.mark.django_db(transaction=True)


def disk_full(session: psycopg.Connection[Any]) -> None:
    raise errors.DiskFull("could not write to file: No space left on device")


def terminated(session: psycopg.Connection[Any]) -> None:
    session.execute("SELECT pg_terminate_backend(pg_backend_pid())")


def too_late(session: psycopg.Connection[Any]) -> None:
    session.execute("SET LOCAL statement_timeout = 1")
    session.execute("SELECT pg_sleep(5)")


@pytest.mark.parametrize("happens", [disk_full, terminated, too_late])
def test_what_the_database_refuses_is_tried_again_said_at_last_and_gone_on_with(
    happens: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "CHUNK", 10)
    file = checked("contact", people(30), collection_name="Fair")
    verbs.start_import(file, None)
    write = applying.Applying._write

    def write_and_lose(self: applying.Applying, upto: int) -> None:
        write(self, upto)
        if upto == 20:
            happens(self._session)

    monkeypatch.setattr(applying.Applying, "_write", write_and_lose)
    with pytest.raises(django.db.OperationalError):
        jobs.work(file.pk)
    file.refresh_from_db()
    assert (file.state, file.done) == ("importing", 10), "it is tried again"
    with pytest.raises(django.db.OperationalError):
        jobs.work(file.pk, is_last=True)
    file.refresh_from_db()
    assert (file.state, file.done, file.can_go_on) == ("failed", 10, True)
    assert file.problem.startswith("The database couldn't do it, 5 times: ")
    assert "fault of Abmatic" not in file.problem
    monkeypatch.setattr(applying.Applying, "_write", write)
    jobs.resume(file)
    jobs.work(file.pk)
    file.refresh_from_db()
    assert (file.state, file.problem, file.done, file.counts["created"]) == ("done", "", 32, 30)
    assert Contact.objects.count() == len(changes()) == len(members(file.collection_id)) == 30


def test_a_job_waits_for_a_database_a_while_and_for_another_worker_as_long_as_that_has_it() -> None:
    def decides(error: BaseException, attempts: int) -> bool:
        job = procrastinate.jobs.Job(
            id=1, queue="sync", lock=None, queueing_lock=None, task_name="x", attempts=attempts
        )  # fmt: skip
        return jobs._Again().get_retry_decision(exception=error, job=job) is not None

    lost = django.db.OperationalError("gone")
    assert [decides(lost, attempts) for attempts in (0, 3, 4)] == [True, True, False]
    assert decides(executing.ImportHeld("held"), 500)
    assert decides(jobs.ImportLeft("left"), 500)
    assert not decides(ValueError("a fault"), 0)


def test_a_database_that_stays_away_leaves_the_job_to_be_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise django.db.OperationalError("gone")

    monkeypatch.setattr(executing, "execute", gone)
    monkeypatch.setattr(verbs, "fail", gone)
    with pytest.raises(jobs.ImportLeft):
        jobs.work(1, is_last=True)


def test_the_lock_of_a_dead_machine_becomes_free(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, str] = {}
    session = sessions.session

    def noted(name: str, settings: dict[str, str] | None = None) -> Any:
        seen.update(settings or {})
        return session(name, settings)

    file = checked("contact", people(3))
    verbs.start_import(file, None)
    monkeypatch.setattr(sessions, "session", noted)
    executing.execute(file.pk)
    assert (seen["tcp_keepalives_idle"], seen["tcp_keepalives_count"]) == ("30", "3")


def test_what_hangs_is_ended_when_it_is_old() -> None:
    checking, importing = given("contact", people(3)), checked("contact", people(3))
    verbs.start_check(checking)
    verbs.start_import(importing, None)
    now = timezone.now()
    assert keeping.remove_old(now + timedelta(days=6)) == 0
    assert keeping.remove_old(now + timedelta(days=8)) == 1
    checking.refresh_from_db()
    importing.refresh_from_db()
    assert (checking.state, importing.state, importing.can_go_on) == ("cancelled", "failed", True)
    assert checking.problem == "It wasn't imported within 7 days, so the file was deleted."
    assert importing.problem == "It didn't come to its end within 7 days. What was written stays."
    jobs.resume(importing)
    executing.execute(importing.pk)
    importing.refresh_from_db()
    assert importing.state == "done"


def test_what_is_removed_is_not_gone_on_with() -> None:
    file = checked("contact", people(3))
    verbs.start_import(file, None)
    verbs.fail(file.pk, "Broken.")
    late = FileImport.objects.get(pk=file.pk)
    keeping.remove_old(timezone.now() + timedelta(days=8))
    for known in (late, FileImport.objects.get(pk=file.pk)):
        with pytest.raises(ImportRefused):
            verbs.resume(known)
    assert FileImport.objects.get().state == "failed"
    assert not FilePart.objects.exists()


def test_values_of_people_go_with_their_file_and_with_a_preview_that_is_given_up() -> None:
    done, given_up = imported("contact", people(3)), checked("contact", people(3))
    assert verbs.cancel(given_up)
    given_up.refresh_from_db()
    assert given_up.found is None
    keeping.remove_old(timezone.now() + timedelta(days=8))
    done.refresh_from_db()
    assert (done.found, done.sample, done.counts["created"]) == (None, [], 3)


def test_a_collection_that_is_deleted_meanwhile_gets_no_members(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applying, "CHUNK", 10)
    file = checked("contact", people(30), collection_name="Fair")
    verbs.start_import(file, None)
    write = applying.Applying._write

    def write_and_delete(self: applying.Applying, upto: int) -> None:
        if upto == 20:
            collections.delete(Collection.objects.get())
        write(self, upto)

    monkeypatch.setattr(applying.Applying, "_write", write_and_delete)
    executing.execute(file.pk)
    file.refresh_from_db()
    assert (file.state, file.counts["created"], file.collection) == ("done", 30, None)
    assert (file.is_collection_gone, file.collection_name) == (True, "Fair")
    assert not CollectionMember.objects.exists()


def test_a_collection_that_an_import_filled_can_be_deleted() -> None:
    file = imported("contact", written([["Last name", "E-mail"], ["A", "a@x.com"]]), collection_name="Fair")
    collections.delete(Collection.objects.get())
    assert not CollectionMember.objects.exists()
    file.refresh_from_db()
    assert file.is_collection_gone
