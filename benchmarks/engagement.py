"""How long engagement takes over ten million web events: `make bench ARGS="--only engagement"`.

The events of thirteen months: a million and a half visits by 400,000 visitors, of whom one in ten says once who they
are (they are contacts here, of 5,000 accounts). Everything is generated in the database by the server itself.

sessions  all events made sessions of, from nothing
identify  the signs judged, and sessions given to people
scores    all scores made anew, beside their floor: plain statements that add up the same points by contact and account
fade      all scores a day later
minute    what a minute costs then: 1,000 events more, made sessions of and scored
timeline  touches made of all sessions, and a page of the journey of each of the accounts with the most
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from abmatic.cli import bootstrap

VISITS = 1_500_000
VISITORS = 400_000
ACCOUNTS = 5_000
MONTHS = 13
DAYS = 390
LARGEST = 50
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)

_PEOPLE = f"""
INSERT INTO account (name, website, domain, custom, created_at, updated_at)
SELECT 'Account ' || n, 'company' || n || '.com', 'company' || n || '.com', '{{}}', now(), now()
  FROM generate_series(0, {ACCOUNTS - 1}) AS n;
INSERT INTO contact (last_name, kind, work_email, email_key, account_id, custom, created_at, updated_at)
SELECT 'Person ' || n, '', 'p' || n || '@' || a.domain, 'p' || n || '@' || a.domain, a.id, '{{}}', now(), now()
  FROM generate_series(0, {VISITORS - 1}, 10) AS n
  JOIN account AS a ON a.domain = 'company' || n / 10 % {ACCOUNTS} || '.com';
"""
# Six events a visit, most of them; a seventh of two visits in three; of those who say who they are one more.
_EVENTS = f"""
INSERT INTO web_event (occurred_at, id, received_at, site_id, visitor, kind, url, path, referrer, utm, properties, ip)
SELECT m.moment,
       (lpad(to_hex((extract(epoch FROM m.moment) * 1000)::bigint), 12, '0') || '7' || substr(md5(random()::text), 1, 3)
        || '8' || substr(md5(random()::text), 1, 15))::uuid,
       m.moment, 1, 'v' || v.visitor, k.kind, 'https://www.acme.com/p' || v.visit %% 50, '/p' || v.visit %% 50,
       CASE WHEN k.n = 0 AND v.visit %% 3 = 0 THEN 'https://www.google.com/' END,
       CASE WHEN k.n = 0 AND v.visit %% 5 = 0
            THEN jsonb_build_object('source', 'june', 'medium', 'email', 'campaign', 'c' || v.visit %% 40) END,
       CASE k.kind WHEN 'leave' THEN '{{"seconds": 20, "depth": 50}}'::jsonb
            WHEN 'identify' THEN jsonb_build_object('email',
                 'p' || v.visitor || '@company' || v.visitor / 10 %% {ACCOUNTS} || '.com') ELSE '{{}}' END,
       '192.0.2.0/24'
  FROM (
    SELECT n AS visit, (n * 7919::bigint) %% {VISITORS} AS visitor,
           date_trunc('milliseconds', %(begin)s + random() * interval '{DAYS} days') AS began_at
      FROM generate_series(1, {VISITS}) AS n
  ) AS v
 CROSS JOIN LATERAL (
    SELECT n, CASE WHEN n = 7 THEN 'identify' WHEN n %% 2 = 0 THEN 'page' ELSE 'leave' END AS kind
      FROM generate_series(0, 7) AS n
     WHERE n < 6 OR (n = 6 AND v.visit %% 3 <> 0) OR (n = 7 AND v.visit <= {VISITORS} AND v.visitor %% 10 = 0)
  ) AS k
 CROSS JOIN LATERAL (SELECT v.began_at + k.n * interval '25 seconds' AS moment) AS m
"""
_FLOOR = """
SELECT {column}, sum((1 + least(pages, 10) + least(seconds / 60.0, 10) + 3 * least(clicks, 5) + 25 * least(forms, 2))
                     ::float8 * power(0.5, extract(epoch FROM %(now)s::timestamptz - ended_at)::float8 / 1209600))
  FROM web_session
 WHERE {column} IS NOT NULL AND ended_at BETWEEN %(now)s::timestamptz - interval '140 days' AND %(now)s GROUP BY 1
"""

Figures = dict[str, Any]


def main() -> None:
    """Prints one JSON object."""
    bootstrap.set_up()
    with bootstrap.database() as server:
        assert server is not None
        from abmatic.cli.migrate import apply_migrations

        apply_migrations()
        print(json.dumps(_measure()))


def _measure() -> Figures:
    from django.db import connection

    from abmatic.engagement import identifying, scoring, sessions
    from abmatic.engagement.models import Engagement, WebSession

    now = BEGIN + timedelta(days=DAYS)
    events = _fill()
    figures: Figures = {"events": events, "sessions": _seconds(sessions.make_sessions)}
    figures["made"] = WebSession.objects.count()
    figures["identify"] = _seconds(identifying.identify)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE web_session")
    figures["scores"] = _seconds(lambda: scoring.refresh_all(now))
    figures["scored"] = Engagement.objects.count()
    figures["again"] = _seconds(lambda: scoring.refresh_all(now))
    figures["floor"] = _seconds(lambda: _floor(now))
    figures["ratio"] = round(figures["again"] / figures["floor"], 1)
    figures["fade"] = _seconds(lambda: scoring.fade(now + timedelta(days=1)))
    _come_again(now)
    figures["minute"] = _seconds(lambda: (sessions.make_sessions(), identifying.identify(), scoring.refresh(now)))
    return {**figures, **_timelines()}


def _timelines() -> Figures:
    from django.db import connection

    from abmatic.attribution.journey import journey
    from abmatic.attribution.refreshing import refresh

    touches = _seconds(refresh)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE touch")
        cursor.execute("SELECT account_id, count(*) FROM touch GROUP BY 1 ORDER BY 2 DESC LIMIT %s", [LARGEST])
        most = [(int(account), int(number)) for account, number in cursor.fetchall() if account is not None]
    pages = sorted(_seconds(partial(journey, account)) for account, _ in most)
    return {
        "touches": touches,
        "most_touches": most[0][1],
        "timeline": {"median": pages[len(pages) // 2], "worst": pages[-1]},
    }


def _fill() -> int:
    """Writes people and events, and answers how many events."""
    from django.db import connection

    from abmatic.postgres import sessions
    from abmatic.tracking import partitions

    with sessions.session("bench") as session:
        partitions.make(session, (partitions.month_after(BEGIN.date(), number) for number in range(MONTHS + 1)))
        session.commit()
    with connection.cursor() as cursor:
        cursor.execute(_PEOPLE)
        cursor.execute("SELECT setseed(0.42)")
        cursor.execute(_EVENTS, {"begin": BEGIN})
        events = int(cursor.rowcount)
        cursor.execute("VACUUM ANALYZE")
    return events


def _floor(now: datetime) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        for column in ("contact_id", "account_id"):
            cursor.execute(_FLOOR.replace("{column}", column), {"now": now})
            cursor.fetchall()


def _come_again(now: datetime) -> None:
    """A thousand page views more, by people who are known."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO web_event (occurred_at, id, received_at, site_id, visitor, kind, url, path, properties)
            SELECT m.moment, (lpad(to_hex((extract(epoch FROM m.moment) * 1000)::bigint), 12, '0') || '7'
                   || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid,
                   m.moment, 1, 'v' || n * 10, 'page', 'https://www.acme.com/', '/', '{}'
              FROM generate_series(1, 1000) AS n,
                   LATERAL (SELECT %(now)s::timestamptz + n * interval '1 millisecond' AS moment) AS m
            """,
            {"now": now},
        )


def _seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return round(time.perf_counter() - began, 3)


def lines(figures: Figures) -> list[str]:
    """For people."""
    a_second = figures["events"] / figures["sessions"]
    made = f"sessions from nothing: {figures['sessions']:.0f} s ({a_second:,.0f} events a second)"
    slow = f"(the {LARGEST} with the most touches, {figures['most_touches']:,} at most)"
    median, worst = (1000 * figures["timeline"][each] for each in ("median", "worst"))
    scored = f"all scores made: {figures['scores']:.1f} s, again: {figures['again']:.1f} s"
    return [
        "",
        f"engagement: {figures['events']:,} events, {figures['made']:,} sessions, {figures['scored']:,} scores",
        f"  {made}; people: {figures['identify']:.1f} s",
        f"  {scored}; floor (plain SQL): {figures['floor']:.2f} s, ratio {figures['ratio']:.1f}",
        f"  all scores a day later: {figures['fade']:.1f} s; a minute of 1,000 events: {figures['minute']:.2f} s",
        f"  touches of all sessions: {figures['touches']:.1f} s",
        f"  a page of an account's journey {slow}: {median:.1f} ms, {worst:.1f} ms at worst",
    ]


if __name__ == "__main__":
    sys.exit(main())
