"""How long attribution takes over a long history: `make bench ARGS="--only attribution"`.

100,000 deals over three years, and the touches that a history of ten million web events comes to where one in ten is of
somebody known: a million. Everything is generated in the database by the server itself, from a seed.

make     paths and credits of all deals, every model, from nothing
again    the same with nothing changed, and with one touch more
report   each kind of report of a year, beside its floor: one plain statement that adds up the same credits by channel
journey  the first and a later page of the accounts with the most touches
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

from abmatic.cli import bootstrap

DEALS = 100_000
TOUCHES = 1_000_000
ACCOUNTS = 50_000
CONTACTS = 200_000
TIMES = 5
# Of a minute: visits that are new, as many that went on; people who changed employers.
VISITS = 500
MOVED = 100


def _fill(part: int) -> str:
    """What there is before, or one of so many parts of it."""
    accounts, contacts, deals, touches = ACCOUNTS // part, CONTACTS // part, DEALS // part, TOUCHES // part
    return f"""
SELECT setseed(0.42);
INSERT INTO account (name, industry, country, custom, created_at, updated_at)
SELECT 'Account ' || n, 'Industry ' || n % 20, 'Country ' || n % 40, '{{}}', now(), now()
  FROM generate_series(1, {accounts}) AS n;
INSERT INTO contact (last_name, kind, account_id, custom, created_at, updated_at)
SELECT 'Person ' || n, '', 1 + n % {accounts}, '{{}}', timestamptz '2023-01-01' + n % 1000 * interval '1 day', now()
  FROM generate_series(1, {contacts}) AS n;
INSERT INTO campaign (name, type, is_active, custom, created_at, updated_at)
SELECT 'Campaign ' || n, 'Webinar', true, '{{}}', now(), now() FROM generate_series(1, 500) AS n;
INSERT INTO opportunity (name, account_id, amount, stage, is_closed, is_won, close_date, custom, created_at, updated_at)
SELECT 'Deal ' || n, 1 + n % {accounts}, round((1000 + random() * 90000)::numeric, 2), 'Closed',
       n % 5 <> 0, n % 5 IN (1, 2), date '2023-04-01' + n % 1000 + 60, '{{}}',
       timestamptz '2023-04-01' + n % 1000 * interval '1 day', now()
  FROM generate_series(1, {deals}) AS n;
INSERT INTO opportunity_contact (opportunity_id, contact_id, is_primary)
SELECT o.id, 1 + (o.account_id - 1 + k * {accounts}) % {contacts}, k = 1
  FROM opportunity AS o, generate_series(1, 2) AS k
    ON CONFLICT DO NOTHING;
INSERT INTO visitor (key, first_seen_at, last_seen_at, contact_id, account_id, confidence, known_by)
SELECT 'visitor-' || id, now(), now(), id, account_id, 100, 'identify' FROM contact;
INSERT INTO web_session (visitor_id, site_id, began_at, ended_at, stay_began_at, stay_ended_at, first_event, events,
                         pages, seconds, forms, clicks, channel, channel_version, campaign, landing_path, contact_id,
                         account_id)
SELECT v.id, 1, w.at, w.at + interval '5 minutes', w.at, w.at + interval '5 minutes', gen_random_uuid(), 5, 2, 60, 0, 0,
       'channel_' || (random() * 9)::int, 1, 'campaign ' || 1 + (random() * 499)::int,
       '/page/' || (random() * 400)::int, v.contact_id, v.account_id
  FROM generate_series(1, {touches}) AS n
  JOIN visitor AS v ON v.id = 1 + n * 7919::bigint % {contacts}
 CROSS JOIN LATERAL (SELECT timestamptz '2023-01-01' + random() * interval '1200 days' + n * interval '0' AS at) AS w;
"""


_MINUTE = """
INSERT INTO web_session (visitor_id, site_id, began_at, ended_at, stay_began_at, stay_ended_at, first_event, events,
                         pages, seconds, forms, clicks, channel, channel_version, landing_path, contact_id, account_id)
SELECT v.id, 1, w.at, w.at, w.at, w.at, gen_random_uuid(), 1, 1, 0, 0, 0, 'direct', 1, '/', v.contact_id, v.account_id
  FROM (SELECT * FROM visitor ORDER BY id DESC LIMIT %(visits)s) AS v, (SELECT timestamptz '2026-05-01' AS at) AS w;
UPDATE web_session SET ended_at = ended_at + interval '1 minute', stay_ended_at = stay_ended_at + interval '1 minute'
 WHERE id IN (SELECT id FROM web_session ORDER BY id LIMIT %(visits)s);
"""
_MOVED = """
UPDATE contact SET account_id = 1 + id %% %(accounts)s / 2 WHERE id IN (SELECT id FROM contact LIMIT %(moved)s)
"""
_FLOOR = """
SELECT t.channel, sum(c.amount) FROM credit AS c
  JOIN opportunity AS o ON o.id = c.opportunity_id JOIN touch AS t ON t.id = c.touch_id
 WHERE c.model = 'u_shaped' AND o.is_won AND o.close_date BETWEEN '2024-01-01' AND '2024-12-31' GROUP BY 1
"""

Figures = dict[str, Any]


def main() -> None:
    """Prints one JSON object."""
    bootstrap.set_up()
    with bootstrap.database() as server:
        assert server is not None
        from abmatic.cli.migrate import apply_migrations

        apply_migrations()
        print(json.dumps(_measure(int(sys.argv[1]) if len(sys.argv) > 1 else 1)))


def _measure(part: int) -> Figures:
    from django.db import connection

    from abmatic.attribution.comparing import compare
    from abmatic.attribution.journey import journey
    from abmatic.attribution.models import Credit, Touch, in_force
    from abmatic.attribution.refreshing import make_due_credits, refresh, refresh_due
    from abmatic.attribution.reporting import Asked, report

    with connection.cursor() as cursor:
        cursor.execute(_fill(part))
        cursor.execute("VACUUM ANALYZE")
    figures: Figures = {"deals": DEALS // part, "touches": TOUCHES // part, "make": _seconds(refresh)}
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    figures["credits"] = Credit.objects.count()
    figures["anew"], figures["again"] = _seconds(refresh), _seconds(refresh_due)
    _happens(_MINUTE, visits=VISITS)
    figures["minute"] = _seconds(refresh_due)
    _happens(_MOVED, accounts=ACCOUNTS // part, moved=MOVED)
    figures["moved"] = _seconds(refresh_due)
    _touch_more(DEALS // part // 2)
    figures["one more"] = _seconds(lambda: make_due_credits(in_force()))
    year = (date(2024, 1, 1), date(2024, 12, 31))
    asked = {
        "won amount by channel": Asked(*year), "won deals by campaign": Asked(*year, "linear", "campaign", "won_deals"),
        "pipeline by page": Asked(*year, "time_decay", "page", "amount"),
        "won amount by industry": Asked(*year, "w_shaped", "industry"), "Markov": Asked(*year, "markov"),
        "Shapley": Asked(*year, "shapley"),
    }  # fmt: skip
    figures["reports"] = {name: _median(partial(report, each)) for name, each in asked.items()}
    figures["reports"]["with and without touches"] = _median(lambda: compare(*year))
    figures["floor"] = _median(_floor)
    figures["ratio"] = round(figures["reports"]["won amount by channel"] / figures["floor"], 2)
    accounts = [each or 0 for each in Touch.objects.values_list("account_id", flat=True)[:20]]
    pages = [_seconds(partial(journey, each)) for each in accounts]
    later = [_seconds(partial(_two_pages, each)) for each in accounts]
    figures["journey"] = {"worst": max(pages), "two pages, worst": max(later)}
    return figures


def _floor() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(_FLOOR)
        cursor.fetchall()


def _happens(statement: str, **parameters: int) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def _touch_more(number: int) -> None:
    from abmatic.attribution.models import OpportunityPath

    OpportunityPath.objects.filter(opportunity_id=number).update(is_due=True)


def _two_pages(account: int) -> None:
    from abmatic.attribution.journey import journey

    journey(account, journey(account, most=10).after)


def _seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return round(time.perf_counter() - began, 4)


def _median(act: Callable[[], object]) -> float:
    act()
    return round(statistics.median(_seconds(act) for _ in range(TIMES)), 4)


def lines(figures: Figures) -> list[str]:
    """For people."""
    made = f"all made from nothing: {figures['make']:.1f} s, again: {figures['anew']:.1f} s"
    later = f"a minute later ({VISITS} new visits, {VISITS} that went on): {figures['minute']:.2f} s"
    said = [
        "",
        f"attribution: {figures['deals']:,} deals, {figures['touches']:,} touches, {figures['credits']:,} credits",
        f"  {made}; one deal due: {figures['one more']:.3f} s",
        f"  {later}; {MOVED} people moved: {figures['moved']:.2f} s; nothing: {figures['again']:.3f} s",
    ]
    said += [f"  report, {name}: {seconds:.2f} s" for name, seconds in figures["reports"].items()]
    said.append(f"  floor (plain SQL, by channel): {figures['floor']:.2f} s, ratio {figures['ratio']:.2f}")
    first, both = (1000 * figures["journey"][name] for name in ("worst", "two pages, worst"))
    said.append(f"  journey, a page: {first:.0f} ms at worst; two pages: {both:.0f} ms")
    return said


if __name__ == "__main__":
    sys.exit(main())
