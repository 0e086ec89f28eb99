"""An import that is killed (SIGKILL) again and again makes every record once; others don't disturb it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import Counter
from typing import Any

import pytest
from django.db import connection
from tests.audiences.csv_import.files import changes, checked, given, members, reasons, written

from abmatic.audiences.csv_import import applying, executing, jobs, staging, verbs
from abmatic.audiences.csv_import.refusals import ImportRefused
from abmatic.audiences.models import Account, Collection, Contact
from abmatic.changes.models import Change
from abmatic.identity.models import User

pytestmark = pytest.mark.django_db(transaction=True)

ROWS = 100


def people(many: int = ROWS) -> bytes:
    rows = [[f"P{number}", f"p{number}@x.com"] for number in range(many)]
    return written([["Last name", "E-mail"], *rows, ["Again", "P1@X.com"], ["Broken", "none"]])


def executed_under_fire(file_id: int) -> int:
    """In a process of its own, against this test's database. Answers how often it was killed."""
    params = connection.get_connection_params()
    url = f"postgresql://{params['user']}@/{params['dbname']}?host={params['host']}&port={params.get('port') or 5432}"
    done = subprocess.run(
        [sys.executable, "-m", "tests.audiences.csv_import.crashing", str(file_id)],
        env={**os.environ, "DATABASE_URL": url},
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_killed_anywhere_nothing_is_made_twice_and_nothing_is_left_out() -> None:
    there = Contact.objects.create(last_name="Kept", work_email="p7@x.com", email_key="p7@x.com")
    file = checked("contact", people(), collection_name="Killed", duplicates="overwrite")
    verbs.start_import(file, None)
    assert executed_under_fire(file.pk) > 15
    file.refresh_from_db()
    assert (file.state, file.done, file.rows) == ("done", ROWS + 2, ROWS + 2)
    assert file.counts == {
        "created": ROWS - 1, "updated": 1, "unchanged": 0, "skipped": 0, "values": 1, "rejected": 1, "repeated": 1,
        "linked": 0, "unlinked": 0, "accounts_made": 0,
    }  # fmt: skip
    assert Counter(Contact.objects.values_list("last_name", flat=True)) == Counter(f"P{n}" for n in range(ROWS))
    assert Counter(field for _, field, _, _ in changes()) == Counter({"": ROWS - 1, "last_name": 1})
    assert set(Change.objects.values_list("cause_id", flat=True)) == {file.cause_id}
    collection = Collection.objects.get()
    assert collection.size == len(members(collection.pk)) == ROWS
    assert there.pk in members(collection.pk)
    assert sorted(reasons(file)) == [ROWS + 2, ROWS + 3]


def test_killed_anywhere_accounts_are_made_once_and_rows_without_one_are_told_once() -> None:
    Account.objects.create(name="Here")
    Account.objects.create(name="Twice")
    Account.objects.create(name="Twice")
    firms = ["Here", "Twice", "New", "new", "Other", ""]
    rows = [[f"P{n}", f"p{n}@x.com", firms[n % 6]] for n in range(60)]
    columns = ["last_name", "work_email", "account_by_name"]
    content = written([["Last name", "E-mail", "Firm"], *rows])
    file = checked("contact", content, columns, missing_account="create")
    verbs.start_import(file, None)
    assert executed_under_fire(file.pk) > 15
    file.refresh_from_db()
    counts = {name: file.counts[name] for name in ("created", "rejected", "accounts_made", "linked", "unlinked")}
    assert counts == {"created": 50, "rejected": 10, "accounts_made": 2, "linked": 40, "unlinked": 0}
    assert Counter(Account.objects.values_list("name", flat=True)) == {"Here": 1, "Twice": 2, "New": 1, "Other": 1}
    named = Counter(Contact.objects.values_list("account__name", flat=True))
    assert named == {"Here": 10, "New": 20, "Other": 10, None: 10}
    assert len(reasons(file)) == 10
    assert Counter(record for record in Change.objects.values_list("record", flat=True)) == {
        "contact": 50,
        "account": 2,
    }


def test_somebody_who_makes_the_same_record_at_the_same_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applying, "CHUNK", 10)
    file = checked("contact", people(30), duplicates="fill")
    verbs.start_import(file, None)
    compare, met = applying.Applying._compare, []

    def compare_late(self: applying.Applying) -> None:
        # After the chunk has looked who has its keys, and before it writes.
        if not met:
            met.append(True)
            other = threading.Thread(target=_make, args=("p3@x.com",))
            other.start()
            other.join()
        compare(self)

    monkeypatch.setattr(applying.Applying, "_compare", compare_late)
    executing.execute(file.pk)
    file.refresh_from_db()
    assert (file.state, file.counts["created"], file.counts["updated"]) == ("done", 29, 1)
    assert Contact.objects.get(email_key="p3@x.com").last_name == "P3", "filled"
    assert Contact.objects.count() == 30


def _make(address: str) -> None:
    Contact.objects.create(work_email=address, email_key=address)
    connection.close()


def test_cancelling_keeps_what_is_written_and_writes_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applying, "CHUNK", 10)
    file = checked("contact", people(30))
    verbs.start_import(file, None)
    write = applying.Applying._write

    def write_and_cancel(self: applying.Applying, upto: int) -> None:
        if upto == 20:
            assert verbs.cancel(file)
        write(self, upto)

    monkeypatch.setattr(applying.Applying, "_write", write_and_cancel)
    executing.execute(file.pk)
    file.refresh_from_db()
    assert (file.state, file.done, file.counts["created"]) == ("cancelled", 10, 10)
    assert Contact.objects.count() == 10
    assert not verbs.cancel(file)
    executing.execute(file.pk)
    assert Contact.objects.count() == 10


def test_a_check_that_is_cancelled_goes_back_to_its_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "BATCH", 10)
    file = given("contact", people(30))
    verbs.start_check(file)
    stage = staging.stage

    def stage_and_cancel(*args: Any, **how: Any) -> Any:
        verbs.cancel(file)
        return stage(*args, **how)

    monkeypatch.setattr(staging, "stage", stage_and_cancel)
    executing.execute(file.pk)
    file.refresh_from_db()
    assert (file.state, file.found) == ("mapping", None)


def test_a_job_does_what_was_asked_for_once() -> None:
    user = User.objects.create_user("op@example.com")
    file = given("contact", people(3))
    jobs.check(file)
    with pytest.raises(ImportRefused, match=r"preview of people\.csv is already being made"):
        jobs.check(file)
    jobs.work(file.pk)
    file.refresh_from_db()
    jobs.start(file, user)
    with pytest.raises(ImportRefused, match="importing already"):
        jobs.start(file, user)
    jobs.work(file.pk)
    jobs.work(file.pk)
    file.refresh_from_db()
    assert (file.state, Contact.objects.count()) == ("done", 3)
    assert file.cause is not None
    assert file.cause.user == user
    with connection.cursor() as cursor:
        cursor.execute("SELECT task_name, lock FROM procrastinate_jobs ORDER BY id")
        assert cursor.fetchall() == [("audiences.file_import", "file-import-contact")] * 2


def test_a_fault_ends_the_import_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    file = checked("contact", people(3))
    verbs.start_import(file, None)
    monkeypatch.setattr(applying.Applying, "_compare", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        jobs.work(file.pk)
    file.refresh_from_db()
    assert (file.state, Contact.objects.count()) == ("failed", 0)
    assert "fault of Abmatic: ZeroDivisionError" in file.problem
