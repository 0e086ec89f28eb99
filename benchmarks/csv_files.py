"""An import of a CSV file of contacts that name their accounts: `make bench ARGS="--only csv"`.

The file is previewed, imported, and imported again with every row changed (*Overwrite*), each in a process of its own,
as a worker is one. Meanwhile lists and the import's page are asked for, and contacts of the same file are edited: how
long these wait says whether the import holds anybody up, and so does its longest transaction.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from abmatic.cli import bootstrap
from benchmarks.org import Unmeasured
from benchmarks.surroundings import environment

# A tenth as many accounts as contacts; one row in a hundred names one that isn't here.
CONTACTS_EACH = 10
EVERY = 100
_PAUSE = 0.2
_PIECE_ROWS = 20_000

Figures = dict[str, Any]


def measure(rows: int) -> Figures:
    """The figures for a file of so many rows, over an empty database. Raises `Unmeasured`."""
    with tempfile.TemporaryDirectory(prefix="abmatic-bench-") as name:
        Path(name).chmod(0o755)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.csv_files", "all", str(rows)],
            env=environment(ABMATIC_DATA_DIR=str(Path(name) / "data")), stdout=subprocess.PIPE, check=False,
        )  # fmt: skip
    if done.returncode:
        raise Unmeasured("the import of a CSV file could not be measured")
    return dict(json.loads(done.stdout))


def lines(figures: Figures) -> list[str]:
    """As a table."""
    told = ["", f"a CSV file of {figures['rows']:,} contacts; it arrived in {figures['arrived_seconds']:.1f} s"]
    told += [
        f"  {phase}: {part['seconds']:.1f} s ({figures['rows'] / part['seconds']:,.0f} rows/s), peak "
        f"{part['peak_memory'] / 2**20:.0f} MiB, longest transaction {part['longest_transaction_s']:.1f} s; meanwhile "
        f"pages p95 {part['pages_p95_ms']:.0f} ms, edits worst {part['edits_worst_ms']:.0f} ms"
        for phase, part in figures["phases"].items()
    ]
    return told


def main() -> None:
    """Prints one JSON object."""
    what, number = sys.argv[1], int(sys.argv[2])
    bootstrap.set_up()
    with bootstrap.database():
        print(json.dumps(_work(number) if what == "work" else _all(number)))


def _work(file_id: int) -> Figures:
    """What a worker does."""
    from abmatic.audiences.csv_import import executing

    began = time.monotonic()
    executing.execute(file_id)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": round(time.monotonic() - began, 2), "peak_memory": peak}


def _all(rows: int) -> Figures:
    from abmatic.cli.migrate import apply_migrations

    apply_migrations()
    _make_accounts(rows // CONTACTS_EACH)
    began = time.monotonic()
    file = _given(rows, "Engineer", "fill")
    figures: Figures = {"rows": rows, "arrived_seconds": round(time.monotonic() - began, 2), "phases": {}}
    watching = _Watching()
    figures["phases"]["preview"] = watching.during(file)
    figures["phases"]["import"] = _imported(watching, file)
    expected = {"created": rows, "unlinked": -(-rows // EVERY), "rejected": 0}
    if {name: file.counts[name] for name in expected} != expected:
        raise SystemExit(f"expected {expected}, got {file.counts}")
    changed = _given(rows, "Director", "overwrite")
    watching.during(changed)
    figures["phases"]["overwrite"] = _imported(watching, changed)
    if changed.counts["updated"] != rows:
        raise SystemExit(f"expected {rows:,} changed, got {changed.counts}")
    return figures


def _imported(watching: _Watching, file: Any) -> Figures:
    from abmatic.audiences.csv_import import verbs

    verbs.start_import(file, None)
    return watching.during(file)


def _make_accounts(number: int) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO account (name, website, domain, created_at, updated_at) SELECT 'Company ' || n, "
            "'company-' || n || '.com', 'company-' || n || '.com', now(), now() FROM generate_series(0, %s) AS n",
            [number],
        )
        cursor.execute("VACUUM ANALYZE account")


def _given(rows: int, title: str, duplicates: str) -> Any:
    from abmatic.audiences.csv_import import verbs

    file = verbs.take_in("contact", "people.csv", _pieces(rows, title))
    columns = ["first_name", "last_name", "work_email", "job_title", "account_by_name"]
    verbs.choose(file, verbs.Choices(columns, duplicates=duplicates))
    verbs.start_check(file)
    return file


def _pieces(rows: int, title: str) -> Iterator[bytes]:
    yield b"First,Last,E-mail,Title,Firm\n"
    firms = max(rows // CONTACTS_EACH, 1)
    for begin in range(0, rows, _PIECE_ROWS):
        yield "".join(
            f"Ada{n},Person{n},p{n}@company-{n % firms}.com,{title} {n % 50},"
            f"{'Nowhere' if n % EVERY == 0 else 'COMPANY'} {n % firms}\n"
            for n in range(begin, min(begin + _PIECE_ROWS, rows))
        ).encode()


class _Watching:
    """A person who looks and edits while an import is at work."""

    def __init__(self) -> None:
        from django.test import Client

        from abmatic.identity.models import Role, User

        self._client = Client(headers={"host": "localhost"})
        self._client.force_login(User.objects.create_user("bench@example.com", role=Role.ADMINISTRATOR))
        for page in ("/contacts/", "/accounts/"):
            self._ask(page)

    def during(self, file: Any) -> Figures:
        """Has a worker's process do it, and measures how long everything else takes meanwhile."""
        worker = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.csv_files", "work", str(file.pk)], stdout=subprocess.PIPE
        )
        pages, edits, longest = [0.0], [0.0], 0.0
        turns = ["/contacts/", "/accounts/", f"/contacts/csv/{file.pk}/live/"]
        while worker.poll() is None:
            pages.append(self._ask(turns[len(pages) % len(turns)]))
            edits.append(self._edit(len(edits)))
            longest = max(longest, self._transaction())
            time.sleep(_PAUSE)
        told, _ = worker.communicate()
        if worker.returncode:
            raise SystemExit("the worker's process failed")
        file.refresh_from_db()
        figures = {
            **json.loads(told), "longest_transaction_s": round(longest, 2), "edits_worst_ms": round(max(edits), 1),
            "pages_p95_ms": round(sorted(pages)[int(len(pages) * 0.95) - 1], 1), "pages_worst_ms": round(max(pages), 1),
            "pages_median_ms": round(sorted(pages)[len(pages) // 2], 1),
        }  # fmt: skip
        # A million rows take minutes: whoever waits sees how far it is.
        print(f"{file}: {figures}", file=sys.stderr, flush=True)
        return figures

    def _ask(self, address: str) -> float:
        began = time.perf_counter()
        answer = self._client.get(address)
        if answer.status_code != 200:
            raise SystemExit(f"{address} answered {answer.status_code}")
        return (time.perf_counter() - began) * 1000

    def _edit(self, number: int) -> float:
        """Somebody edits a contact that the file may be writing just then; 0 where there is none yet."""
        from abmatic.audiences.editing import Edit, save
        from abmatic.audiences.models import Contact
        from abmatic.changes.models import Cause

        newest = Contact.objects.order_by("-pk").values_list("pk", flat=True).first()
        if newest is None:
            return 0.0
        wanted = Contact.objects.filter(pk__gte=newest * (number % 97) // 97).order_by("pk").first()
        began = time.perf_counter()
        if wanted is not None:
            edit = Edit({"phone": f"+49 30 {number:07}"}, id=wanted.pk)
            save("contact", [edit], lambda: Cause.objects.create(kind=Cause.Kind.API))
        return (time.perf_counter() - began) * 1000

    def _transaction(self) -> float:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0) FROM pg_stat_activity "
                "WHERE application_name = 'abmatic: import of a file'"
            )
            return float(cursor.fetchone()[0])


if __name__ == "__main__":
    main()
