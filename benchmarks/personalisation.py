"""How soon a page knows what it shows: `abmatic up` as it is, and browsers that ask for decisions.

100,000 visitors, half of whom are known people, with a visit each; ten experiences of the page that is asked for, of
which five are for collections of 100,000 accounts or contacts, all decided before: what a visitor costs who was here.

known    visitors who were given a variant of each before, at a fixed rate; latency counted from when a request was due
new      visitors who are nobody yet: as above, with what was decided written down
fastest  known visitors, each browser asking again as soon as it is answered
floor    the bare statement that tells what is known of a visitor, prepared, on a session of its own, one after another
"""

from __future__ import annotations

import random
import socket
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from abmatic.postgres.sql import block
from benchmarks.collector import AGENT, MAKE_SITE, ORIGIN, SITE, Told, installation, status
from benchmarks.org import Unmeasured

PEOPLE = 100_000
EXPERIENCES = 10
RATE = 100  # requests a second
SECONDS = 15
BROWSERS = 8

_MAKE = f"""
INSERT INTO account (name, created_at, updated_at)
SELECT 'Account ' || n, now(), now() FROM generate_series(1, {PEOPLE}) AS n;
INSERT INTO contact (last_name, kind, account_id, created_at, updated_at)
SELECT 'Contact ' || a.id, 'contact', a.id, now(), now() FROM account AS a;
INSERT INTO visitor (key, first_seen_at, last_seen_at, contact_id, confidence, known_by, is_due)
SELECT 'visitor-' || lpad(n::text, 20, '0'), now(), now(), CASE WHEN n % 2 = 0 THEN c.id END, 0, '', false
  FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM contact) AS c;
INSERT INTO web_session (visitor_id, site_id, began_at, ended_at, stay_began_at, stay_ended_at, first_event, events,
                         pages, seconds, forms, clicks, channel, channel_version)
SELECT v.id, s.id, t, t, t, t, gen_random_uuid(), 1, 1, 1, 0, 0, 'direct', 1
  FROM visitor AS v CROSS JOIN tracking_site AS s
 CROSS JOIN LATERAL (SELECT now() - v.id % 300 * interval '1 hour') AS d (t);
INSERT INTO campaign (name, is_active, created_at, updated_at) VALUES ('Benchmark', true, now(), now());
INSERT INTO collection (name, record, kind, size, problem, created_at, updated_at)
SELECT 'Collection ' || n, CASE WHEN n % 2 = 0 THEN 'account' ELSE 'contact' END, 'static', {PEOPLE}, '', now(), now()
  FROM generate_series(1, 5) AS n;
INSERT INTO collection_member (collection_id, record_id)
SELECT k.id, r.id FROM collection AS k CROSS JOIN LATERAL (
    SELECT id FROM account WHERE k.record = 'account'
    UNION ALL SELECT id FROM contact WHERE k.record = 'contact') AS r;
INSERT INTO experience (campaign_id, site_id, name, pages, collection_id, known, visit, utm_source, utm_medium,
                        utm_campaign, countries, control_percent, is_on, created_at, updated_at)
SELECT c.id, s.id, 'Experience ' || n, ARRAY['/*'],
       (SELECT k.id FROM collection AS k ORDER BY k.id OFFSET n - 1 LIMIT 1),
       'anybody', 'any', '', '', '', '{{}}', 10, true, now(), now()
  FROM generate_series(1, {EXPERIENCES}) AS n CROSS JOIN campaign AS c CROSS JOIN tracking_site AS s;
INSERT INTO experience_variant (experience_id, name, weight, position, changes)
SELECT id, 'A', 1, 1, '[{{"kind": "text", "selector": "#hero h1", "value": "Hello, manufacturer"}}]' FROM experience;
INSERT INTO experience_assignment (visitor, experience_id, variant_id, assigned_at)
SELECT v.key, x.experience_id, x.id, now() FROM visitor AS v CROSS JOIN experience_variant AS x;
"""


def measure(folder: Path) -> dict[str, Any]:
    """The figures, on a fresh installation in a folder. Raises `Unmeasured` where an answer is not as it should be."""
    with installation(folder) as (url, dsn, _), psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(MAKE_SITE.encode())
        for statement in _MAKE.split(";\n"):
            if statement.strip():
                connection.execute(statement.encode())
        connection.execute("VACUUM (ANALYZE)")
        ids = [number for (number,) in connection.execute("SELECT id FROM experience ORDER BY id").fetchall()]
        _phase(url, ids, RATE, 3, is_new=False)  # threads, sessions, plans and caches are made
        known = _phase(url, ids, RATE, SECONDS, is_new=False)
        new = _phase(url, ids, RATE, SECONDS, is_new=True)
        fastest = _phase(url, ids, None, SECONDS, is_new=False)
        floor = _floor(connection, ids)
    told: dict[str, Any] = {
        name: {
            "requests_per_second": round(len(phase.latencies) / phase.seconds),
            "p50_ms": round(phase.percentile(0.5), 1),
            "p95_ms": round(phase.percentile(0.95), 1),
            "p99_ms": round(phase.percentile(0.99), 1),
        }
        for name, phase in (("known", known), ("new", new), ("fastest", fastest), ("floor", floor))
    }
    return {
        **told,
        "ratio_p50": round(known.percentile(0.5) / floor.percentile(0.5), 1),
        "ratio_p95": round(known.percentile(0.95) / floor.percentile(0.95), 1),
    }


def _floor(connection: psycopg.Connection[Any], ids: list[int]) -> Told:
    statement = block("abmatic.personalisation", "sql/deciding.sql", "facts")
    (site,) = connection.execute("SELECT id FROM tracking_site").fetchone() or (0,)
    collections = [number for (number,) in connection.execute("SELECT id FROM collection").fetchall()]
    latencies = []
    began = time.perf_counter()
    for _ in range(2_000):
        asked = {"visitor": _visitor(False), "site": site, "experiences": ids, "collections": collections}
        at = time.perf_counter()
        row = connection.execute(statement, asked, prepare=True).fetchone()
        latencies.append(time.perf_counter() - at)
        if row is None:
            raise Unmeasured("the statement answers no row")
    return Told(time.perf_counter() - began, latencies, [], 0)


def _phase(url: str, ids: list[int], rate: int | None, seconds: float, *, is_new: bool) -> Told:
    parts = urlsplit(url)
    address = (parts.hostname or "", parts.port or 80)
    latencies: list[float] = []
    wrong: list[int] = []
    began = time.perf_counter()

    def browse(number: int) -> None:
        pause = BROWSERS / rate if rate else None
        with socket.create_connection(address, timeout=30) as line:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            due = began + (pause or 0) * number / BROWSERS
            turn = 0
            while due - began < seconds:
                time.sleep(max(0, due - time.perf_counter()))
                line.sendall(_request(_visitor(is_new), ids, f"10.{number}.{turn % 250}.9"))
                if (told := status(line)) != 200:
                    wrong.append(told)
                now = time.perf_counter()
                latencies.append(now - due)
                due, turn = (due + pause if pause else now), turn + 1

    threads = [threading.Thread(target=browse, args=(number,)) for number in range(BROWSERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        raise Unmeasured(f"{len(wrong)} of {len(latencies)} requests were answered {wrong[0]}")
    return Told(time.perf_counter() - began, latencies, [], 0)


def _visitor(is_new: bool) -> str:
    number = random.randrange(10**15, 10**16) if is_new else random.randrange(1, PEOPLE + 1)
    return f"visitor-{number:020}"


def _request(visitor: str, ids: list[int], network: str) -> bytes:
    body = f'{{"visitor":"{visitor}","url":"{ORIGIN}/prices","referrer":"","experiences":{ids}}}'
    return (
        f"POST /collect/{SITE}/decide HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: {ORIGIN}\r\nUser-Agent: {AGENT}\r\n"
        f"X-Forwarded-For: {network}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def lines(figures: dict[str, Any]) -> list[str]:
    """The figures as people read them."""
    told = ["", f"personalisation: {EXPERIENCES} experiences on the page, {PEOPLE:,} visitors"]
    for name in ("known", "new", "fastest", "floor"):
        each = figures[name]
        told.append(
            f"  {name}: {each['requests_per_second']:,} a second, p50 {each['p50_ms']} ms, p95 {each['p95_ms']} ms, "
            f"p99 {each['p99_ms']} ms"
        )
    told.append(f"  ratio of known to floor: {figures['ratio_p50']} at p50, {figures['ratio_p95']} at p95")
    return told
