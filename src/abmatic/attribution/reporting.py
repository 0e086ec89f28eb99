"""What reports say: credits of a range of dates added up by channel, campaign, page, industry or country.

Won measures go by the day a deal was closed, the others by the day it was opened. The period before is the one of as
many days that ends where this one begins. Deals without a touch have no credits; they are told beside the rows, so that
rows and they make the whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from psycopg import sql

from abmatic.attribution.crediting import MODELS
from abmatic.attribution.currencies import Converted, Rates, converted, rates_of
from abmatic.attribution.data_driven import Estimate, Walk
from abmatic.attribution.dividing import divide
from abmatic.attribution.learning import Learned, learned
from abmatic.attribution.models import AttributionSetting, in_force
from abmatic.campaigns.models import Campaign
from abmatic.postgres.sql import block

LEARNING = {"markov": "Data-driven: Markov", "shapley": "Data-driven: Shapley"}
MODEL_LABELS = {**{name: model.label for name, model in MODELS.items()}, **LEARNING}
BY = {"channel": "Channel", "campaign": "Campaign", "page": "Page", "industry": "Industry", "country": "Country"}
MEASURES = {"won_amount": "Won amount", "won_deals": "Won deals", "amount": "Pipeline amount", "deals": "Deals opened"}

_KEYS = {
    "channel": sql.SQL("t.channel"),
    "campaign": sql.SQL("t.campaign_id::text"),
    "page": sql.SQL("t.page"),
    "industry": sql.SQL("d.industry"),
    "country": sql.SQL("d.country"),
}
_WON = sql.SQL("o.close_date")
_OPENED = sql.SQL("(p.opened_at AT TIME ZONE 'UTC')::date")
Key = str | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a report is asked for. ``since`` and ``until`` are both of the range; ``collection`` is one of accounts."""

    since: date
    until: date
    model: str = "u_shaped"
    by: str = "channel"
    measure: str = "won_amount"
    collection: int | None = None

    @property
    def before_since(self) -> date:
        """The first day of the period before."""
        return self.since - (self.until - self.since) - timedelta(days=1)

    @property
    def is_won(self) -> bool:
        """Whether only won deals count, by the day of their close."""
        return self.measure.startswith("won")

    @property
    def is_amount(self) -> bool:
        """Whether money is measured, not deals."""
        return self.measure.endswith("amount")


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its key, its name, what it is credited in the range and in the period before, and what it cost."""

    key: Key
    label: str
    value: Decimal
    before: Decimal
    cost: Decimal | None = None
    interval: tuple[Decimal, Decimal] | None = None

    @property
    def roi(self) -> Decimal | None:
        """What came back for each unit of cost, beyond the cost."""
        return (self.value - self.cost) / self.cost if self.cost else None


@dataclass(frozen=True, slots=True)
class Report:
    """The rows, the largest first; the whole of the range's deals, and what of it had no touches."""

    asked: Asked
    rows: list[Row]
    currency: str
    total: Decimal
    total_before: Decimal
    untouched: Decimal
    left_out: tuple[str, ...]
    # How many deals the range has, whatever is measured; and how many of these had touches.
    deals: int = 0
    touched_deals: int = 0
    # How often deals were drawn for the intervals of a model that learns.
    resamples: int | None = None

    @property
    def credited(self) -> Decimal:
        """What the rows come to."""
        return sum((row.value for row in self.rows), Decimal(0))


def report(asked: Asked) -> Report:
    """The report. Raises `data_driven.TooFewWon` where a model that learns has too little to learn from."""
    settings = in_force()
    rates = rates_of(settings)
    whole, deals = _totals(asked, rates)
    resamples = None
    if asked.model in LEARNING:
        found = learn(asked, settings)
        rows, resamples = _learned(asked, found.shares, whole), found.resamples
    else:
        rows = _added_up(asked, rates)
    return Report(
        asked, rows, whole.currency if asked.is_amount else "",
        whole.sums.get((0, True), Decimal(0)) + whole.sums.get((0, False), Decimal(0)),
        whole.sums.get((1, True), Decimal(0)) + whole.sums.get((1, False), Decimal(0)),
        whole.sums.get((0, False), Decimal(0)), whole.left_out, deals[False] + deals[True], deals[True],
        resamples,
    )  # fmt: skip


def _deals(asked: Asked) -> sql.Composed:
    """The deals that count, of this period (0) and the one before (1)."""
    day = _WON if asked.is_won else _OPENED
    where: sql.Composable = sql.SQL("AND o.is_won ") if asked.is_won else sql.SQL("")
    if asked.collection is not None:
        where += sql.SQL(
            "AND EXISTS (SELECT FROM collection_member AS m WHERE m.collection_id = {} AND m.record_id = o.account_id) "
        ).format(sql.Literal(asked.collection))
    segment = sql.SQL("LEFT JOIN account AS a ON a.id = o.account_id ") if asked.by in {"industry", "country"} else None
    return sql.SQL(
        "SELECT o.id, o.name, o.currency, o.amount, o.account_id, p.touches > 0 AS is_touched, {day} AS day, {segment} "
        "CASE WHEN {day} >= {since} THEN 0 ELSE 1 END AS period FROM opportunity AS o "
        "JOIN opportunity_path AS p ON p.opportunity_id = o.id {join}"
        "WHERE {day} BETWEEN {before} AND {until} {where}"
    ).format(
        day=day,
        segment=sql.SQL("a.industry, a.country,") if segment else sql.SQL(""),
        join=segment or sql.SQL(""),
        since=sql.Literal(asked.since),
        before=sql.Literal(asked.before_since),
        until=sql.Literal(asked.until),
        where=where,
    )


def _ask(statement: sql.Composed | sql.SQL, parameters: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def _totals(asked: Asked, rates: Rates) -> tuple[Converted[tuple[int, bool]], Counter[bool]]:
    """By period, and whether there were touches; and how many deals the range has, by the latter."""
    measured = sql.SQL("coalesce(sum(d.amount), 0)") if asked.is_amount else sql.SQL("count(*)::numeric")
    rows = _ask(
        sql.SQL(
            "WITH deal AS ({}) SELECT d.period, d.is_touched, d.currency, {}, count(*) FROM deal AS d GROUP BY 1, 2, 3"
        ).format(_deals(asked), measured)
    )  # fmt: skip
    deals: Counter[bool] = Counter()
    for period, touched, _, _, number in rows:
        deals[touched] += number if period == 0 else 0
    sums = [((period, touched), currency, value) for period, touched, currency, value, _ in rows]
    return _in_one(asked, sums, rates), deals


def _in_one(
    asked: Asked,
    sums: list[tuple[Any, str | None, Decimal]],
    rates: Rates,
    together: Callable[[Any], Hashable] = lambda key: key,
) -> Converted[Any]:
    """Money in the currency of reports, rounded `together`; deals are deals in any."""
    return converted(sums if asked.is_amount else [(key, None, value) for key, _, value in sums], rates, together)


def _added_up(asked: Asked, rates: Rates) -> list[Row]:
    measured = sql.SQL("coalesce(sum(c.amount), 0)") if asked.is_amount else sql.SQL("sum(c.share)")
    rows = _ask(
        sql.SQL(
            "WITH deal AS ({deals}) SELECT {key}, d.period, d.currency, {measured} FROM deal AS d "
            "JOIN credit AS c ON c.opportunity_id = d.id AND c.model = {model} JOIN touch AS t ON t.id = c.touch_id "
            "GROUP BY 1, 2, 3"
        ).format(deals=_deals(asked), key=_KEYS[asked.by], measured=measured, model=sql.Literal(asked.model))
    )
    found = [((key, period), currency, value) for key, period, currency, value in rows]
    # A period's rows come to what its deals with touches do (`_totals`).
    sums = _in_one(asked, found, rates, lambda of: of[1])
    keys = {key for key, _ in sums.sums}
    values = {key: (sums.sums.get((key, 0), Decimal(0)), sums.sums.get((key, 1), Decimal(0))) for key in keys}
    named = _campaigns(asked, keys)
    costs = _costs(asked, named, rates)
    return sorted(
        (Row(key, _label(asked, key, named), *values[key], cost=costs.get(key)) for key in keys),
        key=lambda row: (-row.value, -row.before, row.label),
    )


def _campaigns(asked: Asked, keys: set[Key]) -> dict[str, Campaign]:
    if asked.by != "campaign":
        return {}
    return {
        str(pk): found
        for pk, found in Campaign.objects.in_bulk([int(key) for key in keys if key and key.isdigit()]).items()
    }


def label_of(asked: Asked, key: Key) -> str:
    """What a row of a report is called."""
    return _label(asked, key, _campaigns(asked, {key}))


def _label(asked: Asked, key: Key, named: dict[str, Campaign]) -> str:
    if key is None or key == "":
        return f"No {BY[asked.by].lower()}"
    if asked.by == "campaign":
        return str(named.get(key) or f"Campaign {key}, which is gone")
    return key


def _costs(asked: Asked, named: dict[str, Campaign], rates: Rates) -> dict[Key, Decimal]:
    """What campaigns cost, in the currency of the report; only beside money that came in."""
    if asked.measure != "won_amount":
        return {}
    costs: dict[Key, Decimal] = {}
    for key, campaign in named.items():
        if campaign.actual_cost:
            costs.update(converted([(key, campaign.currency, campaign.actual_cost)], rates).sums)
    return costs


def _learned(asked: Asked, found: dict[str, Estimate], whole: Converted[tuple[int, bool]]) -> list[Row]:
    """What touched deals brought, divided by the channels' shares, to the cent (deals to the thousandth)."""
    unit = 100 if asked.is_amount else 1000
    total = whole.sums.get((0, True), Decimal(0))
    parts = divide(int(total * unit), [round(each.share * 10**12) for each in found.values()])
    rows = [
        Row(channel, channel, Decimal(part) / unit, Decimal(0), None, (_of(total, each.low), _of(total, each.high)))
        for (channel, each), part in zip(found.items(), parts, strict=True)
    ]
    return sorted(rows, key=lambda row: (-row.value, row.label))


def _of(total: Decimal, share: float) -> Decimal:
    return (total * Decimal(str(share))).quantize(Decimal("0.01"))


def learn(asked: Asked, settings: AttributionSetting) -> Learned:
    """The shares of channels by a model that learns, of the deals that were closed in the range."""
    parameters = {"since": asked.since, "until": asked.until, "collection": asked.collection}
    rows = _ask(sql.SQL(block("abmatic.attribution", "sql/reports.sql", "walks")), parameters)
    walks = [Walk(tuple(walk), won, lost) for walk, won, lost in rows]
    return learned(asked.model, walks, settings.least_won)


@dataclass(frozen=True, slots=True)
class Credited:
    """One touch with its credit for one deal."""

    opportunity_id: int
    opportunity: str | None
    account_id: int | None
    touch_kind: str
    channel: str
    page: str | None
    at: Any
    share: Decimal
    amount: Decimal | None
    currency: str | None


def credited(asked: Asked, key: Key, most: int | None = None) -> Iterator[Credited]:
    """The touches behind a row, with the deals that they are credited for: the largest first."""
    limit = sql.SQL("") if most is None else sql.SQL("LIMIT {}").format(sql.Literal(most))
    rows = _ask(
        sql.SQL(
            "WITH deal AS ({deals}) SELECT d.id, d.name, d.account_id, t.kind, t.channel, t.page, t.occurred_at, "
            "c.share, c.amount, d.currency FROM deal AS d "
            "JOIN credit AS c ON c.opportunity_id = d.id AND c.model = {model} JOIN touch AS t ON t.id = c.touch_id "
            "WHERE d.period = 0 AND {by} IS NOT DISTINCT FROM {key} "
            "ORDER BY coalesce(c.amount, 0) DESC, c.share DESC, d.id, t.occurred_at, t.id {limit}"
        ).format(
            deals=_deals(asked), model=sql.Literal(asked.model), by=_KEYS[asked.by], key=sql.Literal(key), limit=limit
        )
    )
    return (Credited(*row) for row in rows)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How closed deals came out: with touches, or without."""

    deals: int = 0
    won: int = 0
    median_days: float | None = None

    @property
    def win_rate(self) -> float | None:
        """Of those closed, the part that was won."""
        return self.won / self.deals if self.deals else None


@dataclass(frozen=True, slots=True)
class Stage:
    """Days that deals were in a stage on average: those with touches, those without; None where no move is known."""

    name: str
    touched: float | None
    untouched: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Deals with touches beside those without."""

    touched: Outcome
    untouched: Outcome
    stages: list[Stage]


def compare(since: date, until: date) -> Comparison:
    """Win rate and velocity of the deals that were closed in a range."""
    parameters = {"since": since, "until": until}
    rows = _ask(sql.SQL(block("abmatic.attribution", "sql/reports.sql", "velocity")), parameters)
    outcomes = {touched: Outcome(deals, won, median) for touched, deals, won, median in rows}
    days: dict[str, dict[bool, float]] = {}
    for stage, touched, _, mean in _ask(sql.SQL(block("abmatic.attribution", "sql/reports.sql", "stages")), parameters):
        days.setdefault(stage, {})[touched] = mean
    stages = [Stage(name, each.get(True), each.get(False)) for name, each in days.items()]
    return Comparison(outcomes.get(True, Outcome()), outcomes.get(False, Outcome()), stages)
