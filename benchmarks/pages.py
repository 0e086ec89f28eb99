"""How long the server needs for each page, over an imported org: `make bench ARGS="--only pages"`.

Every page is asked for as an administrator's browser asks, through all of the product's own middleware and in this
process, some twenty times for different records, sorts and filters; the worst one in twenty counts. Beside it how many
statements the slowest request sent.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlencode

from abmatic.cli import bootstrap

TIMES = 20
MOST_MS = 100

Figures = dict[str, Any]

_COLUMNS = {
    "accounts": ["name", "website", "industry", "employees", "revenue", "country", "city"],
    "contacts": ["name", "email", "title", "phone", "account"],
    "opportunities": ["name", "amount", "stage", "closes", "account"],
}
_WORDS = ["a", "acme", "north", "systems", "gmail", "zz", "data", "smith", "group", "xqxq"]


def main(login_url: str) -> None:
    """Prints one JSON object: milliseconds (p95, worst) and statements, by page."""
    bootstrap.set_up()
    with bootstrap.database() as server:
        assert server is not None
        from abmatic.audiences import list_indexes
        from abmatic.cli.migrate import apply_migrations
        from abmatic.sync import runs
        from abmatic.sync.execute import execute
        from benchmarks.floor import connect

        apply_migrations()
        connection = connect(login_url)
        for run in runs.start(connection, None, trigger="manual"):
            execute(run.pk)
        list_indexes.build()
        _analyze()
        pages = _Pages(connection, random.Random(1))
        print(json.dumps({name: pages.measure(asked) for name, asked in pages.addresses()}))


def _analyze() -> None:
    """As autovacuum has done it minutes after an import, and a worker has built the indexes of lists."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


class _Pages:
    """The pages, asked for by one signed-in administrator."""

    def __init__(self, connection: Any, chance: random.Random) -> None:
        from django.test import Client

        from abmatic.identity.models import Role, User

        self._connection, self._chance = connection, chance
        self._client = Client(headers={"host": "localhost"})
        self._client.force_login(User.objects.create_user("bench@example.com", role=Role.ADMINISTRATOR))

    def addresses(self) -> Iterator[tuple[str, list[str]]]:
        """Each page's name, and what is asked for."""
        from django.urls import reverse

        yield "home", [reverse("home")]
        yield "search", [f"{reverse('search')}?{urlencode({'q': word})}" for word in _WORDS]
        for name, columns in _COLUMNS.items():
            path, record = reverse(name), {"opportunities": "opportunity"}.get(name, name[:-1])
            yield name, [path]
            yield f"{name}, sorted", [f"{path}?sort={sign}{column}" for column in columns for sign in ("", "-")]
            yield f"{name}, searched", [f"{path}?{urlencode({'q': word})}" for word in _WORDS]
            yield f"{name}, filtered", [f"{path}?{urlencode({'filter': json.dumps(each)})}" for each in _filters(name)]
            yield (
                f"{name}, count",
                [
                    f"{path}?{urlencode({'filter': json.dumps(each), 'count': 1, 'seen': 50})}"
                    for each in _filters(name)
                ],
            )
            yield f"{name}, collections", [reverse(f"{record}-collections")]
            ids = self._ids(record)
            for page in ("overview", "contacts", "opportunities", "timeline", "sync"):
                if (record, page) not in {("contact", "contacts"), ("opportunity", "opportunities")}:
                    yield f"{record} {page}", [reverse(f"{record}-{page}", args=[pk]) for pk in ids]
        yield "campaigns", [reverse("campaigns")]
        ids = self._ids("campaign")
        for page in ("overview", "members", "opportunities"):
            yield f"campaign {page}", [reverse(f"campaign-{page}", args=[pk]) for pk in ids]
        for page in ("connection", "activity", "issues"):
            yield page, [reverse(page, args=[self._connection.pk])]
        for tab in ("accounts", "contacts", "leads", "opportunities", "campaigns"):
            yield f"settings of {tab}", [reverse("object-settings", args=[self._connection.pk, tab])]
        from abmatic.sync.models import Run

        newest = list(Run.objects.order_by("-pk").values_list("pk", flat=True)[:9])
        yield "run", [reverse("run", args=[pk]) for pk in newest]
        yield "findings", [reverse("findings", args=[pk]) for pk in newest]
        for page in ("integrations", "users", "audit", "notifications"):
            yield page, [reverse(page)]

    def _ids(self, record: str) -> list[int]:
        """Some of the table's records, from everywhere in it."""
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute(f'SELECT min(id), max(id) FROM "{record}"')
            least, most = cursor.fetchone()
            wanted = [self._chance.randint(least, most) for _ in range(TIMES)]
            cursor.execute(f'SELECT id FROM "{record}" WHERE id = ANY (%s)', [wanted])
            return [row[0] for row in cursor.fetchall()]

    def measure(self, addresses: Sequence[str]) -> Figures:
        """Each address in its turn, and from the first again, until there are enough; the first of all warms up."""
        self._ask(addresses[0])
        asked = [(self._ask(addresses[n % len(addresses)]), n) for n in range(max(TIMES, len(addresses)))]
        times = sorted((ms, n) for (ms, _), n in asked)
        worst, place = times[-1]
        return {
            "p95_ms": round(times[int(len(times) * 0.95) - 1][0], 1),
            "median_ms": round(times[len(times) // 2][0], 1),
            "worst_ms": round(worst, 1),
            "worst": addresses[place % len(addresses)],
            "statements": max(statements for (_, statements), _ in asked),
        }

    def _ask(self, address: str) -> tuple[float, int]:
        from django.db import connection

        sent = 0

        def counting(execute: Any, *arguments: Any) -> Any:
            nonlocal sent
            sent += 1
            return execute(*arguments)

        with connection.execute_wrapper(counting):
            began = time.perf_counter()
            answer = self._client.get(address)
            body = answer.getvalue() if answer.streaming else answer.content
            taken = time.perf_counter() - began
        if answer.status_code != 200 or not body:
            raise SystemExit(f"{address} answered {answer.status_code} {answer.headers.get('Location', '')}")
        return taken * 1000, sent


def _filters(name: str) -> list[dict[str, Any]]:
    """Conditions that let much through, little, and nothing."""
    several: dict[str, list[list[dict[str, Any]]]] = {
        "accounts": [
            [{"field": "country", "is": "equals", "value": "Germany"}],
            [{"field": "employee_count", "is": "greater", "value": "500"}],
            [{"field": "city", "is": "empty"}, {"field": "industry", "is": "equals", "value": "Banking"}],
            [{"field": "name", "is": "contains", "value": "xqxq"}],
        ],
        "contacts": [
            [{"field": "job_title", "is": "contains", "value": "Director"}],
            [{"field": "work_email", "is": "empty"}],
            [{"field": "last_name", "is": "contains", "value": "xqxq"}],
        ],
        "opportunities": [
            [{"field": "stage", "is": "equals", "value": "Closed Won"}],
            [{"field": "amount", "is": "greater", "value": "100000"}],
            [{"field": "name", "is": "contains", "value": "xqxq"}],
        ],
    }
    return [{"all": each} for each in several[name]]


def lines(figures: Figures) -> list[str]:
    """As a table, the slowest first; what is over the limit is marked."""
    told = ["", "pages, milliseconds of the server (p95 of some twenty requests, median, worst), statements"]
    for name, part in sorted(figures.items(), key=lambda each: -each[1]["p95_ms"]):
        mark = f"  over {MOST_MS}: {part['worst']}" if part["p95_ms"] > MOST_MS else ""
        told.append(
            f"  {name:28}{part['p95_ms']:8.1f}{part['median_ms']:8.1f}{part['worst_ms']:8.1f}"
            f"{part['statements']:5}{mark}"
        )
    return told


if __name__ == "__main__":
    main(sys.argv[1])
