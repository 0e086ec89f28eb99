"""What reports say: credits of a range of dates added up by channel, campaign, page, industry or country.

Won measures go by the day a deal was closed, the others by the day it was opened. The period before is the one of as
many days that ends where this one begins. Deals without a touch have no credits; they are told beside the rows, so that
rows and they make the whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from psycopg import sql

from abmatic.attribution.costs import Cost, Costs, costs_of
from abmatic.attribution.crediting import MODELS
from abmatic.attribution.currencies import Converted, Currency, Dated, Rates, converted, rates_of
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

KEYS = {
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
    def has_costs(self) -> bool:
        """Whether rows have costs beside them: campaigns, beside money that came in."""
        return self.by == "campaign" and self.measure == "won_amount"

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
    cost: Cost | None = None
    interval: tuple[Decimal, Decimal] | None = None

    @property
    def roi(self) -> Decimal | None:
        """What came back in the range for each unit of the whole cost, beyond it."""
        return (self.value - self.cost.amount) / self.cost.amount if self.cost else None

    @property
    def why_nothing(self) -> str:
        """Why a campaign that cost something is credited nothing in the range; empty where it is."""
        if self.cost is None or self.value:
            return ""
        return "no credit in these days" if self.cost.is_touched else "no touches"


@dataclass(frozen=True, slots=True)
class Report:
    """The rows, the largest first; the whole of the range's deals, and what of it had no touches."""

    asked: Asked
    rows: list[Row]
    currency: str
    total: Decimal
    total_before: Decimal
    untouched: Decimal
    untouched_before: Decimal
    left_out: tuple[str, ...]
    # How many deals the range has, whatever is measured; and how many of these had touches.
    deals: int = 0
    touched_deals: int = 0
    # How often deals were drawn for the intervals of a model that learns.
    resamples: int | None = None
    # Currencies in which campaigns cost something that no rate is known for.
    costs_left_out: tuple[str, ...] = ()

    @property
    def cost(self) -> Decimal:
        """What the campaigns of the rows cost."""
        return sum((row.cost.amount for row in self.rows if row.cost), Decimal(0))

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
    costs_left_out: tuple[str, ...] = ()
    if asked.model in LEARNING:
        found = learn(asked, settings)
        rows, resamples = _learned(asked, found.shares, whole), found.resamples
    else:
        rows, costs_left_out = _added_up(asked, rates)
    touched, untouched = (
        [whole.sums.get((period, is_touched), Decimal(0)) for period in (0, 1)] for is_touched in (True, False)
    )
    return Report(
        asked, rows, whole.currency if asked.is_amount else "", touched[0] + untouched[0], touched[1] + untouched[1],
        untouched[0], untouched[1], whole.left_out, deals[False] + deals[True], deals[True], resamples, costs_left_out,
    )  # fmt: skip


def deals_of(asked: Asked, rates: Rates) -> sql.Composed:
    """The deals that count, of this period (0) and the one before (1). ``rated`` is the rate of the day, if any."""
    day = _WON if asked.is_won else _OPENED
    where: sql.Composable = sql.SQL("AND o.is_won ") if asked.is_won else sql.SQL("")
    if asked.collection is not None:
        where += sql.SQL(
            "AND EXISTS (SELECT FROM collection_member AS m WHERE m.collection_id = {} AND m.record_id = o.account_id) "
        ).format(sql.Literal(asked.collection))
    segment = sql.SQL("LEFT JOIN account AS a ON a.id = o.account_id ") if asked.by in {"industry", "country"} else None
    return sql.SQL(
        "SELECT o.id, o.name, o.currency, {rated} AS rated, o.amount, o.account_id, "
        " p.touches > 0 AS is_touched, {day} AS day, {segment} "
        "CASE WHEN {day} >= {since} THEN 0 ELSE 1 END AS period FROM opportunity AS o "
        "JOIN opportunity_path AS p ON p.opportunity_id = o.id {join}"
        "WHERE {day} BETWEEN {before} AND {until} {where}"
    ).format(
        day=day,
        rated=_rated(rates),
        segment=sql.SQL("a.industry, a.country,") if segment else sql.SQL(""),
        join=segment or sql.SQL(""),
        since=sql.Literal(asked.since),
        before=sql.Literal(asked.before_since),
        until=sql.Literal(asked.until),
        where=where,
    )


def _rated(rates: Rates) -> sql.Composable:
    """What a unit of the reports' currency was in the deal's on the day of its close; NULL: what holds on no day."""
    if rates.dated is None:
        return sql.SQL("NULL::numeric")
    corporate, into = sql.Literal(rates.corporate), sql.Literal(rates.currency)
    code = sql.SQL("coalesce(o.currency, {})").format(corporate)
    on_the_day = sql.SQL(
        "CASE WHEN {code} = {corporate} THEN 1 ELSE (SELECT r.rate FROM currency_rate AS r WHERE r.source = {source} "
        "AND r.code = {code} AND r.starts <= o.close_date AND (r.ends IS NULL OR o.close_date < r.ends) "
        "ORDER BY r.starts DESC LIMIT 1) END"
    )

    def rate(of: sql.Composable) -> sql.Composed:
        return on_the_day.format(code=of, corporate=corporate, source=sql.Literal(rates.dated))

    return sql.SQL("CASE WHEN {} <> ALL ({}::text[]) THEN round({} / {}, 12) END").format(
        code, sql.Literal(sorted(rates.typed)), rate(code), rate(into)
    )


def money(rates: Rates, currency: str | None, rated: Decimal | None) -> Currency:
    """A deal's currency, as `converted` takes it."""
    return currency if rated is None else Dated(currency or rates.corporate, rated)


def ask(statement: sql.Composed | sql.SQL, parameters: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def _totals(asked: Asked, rates: Rates) -> tuple[Converted[tuple[int, bool]], Counter[bool]]:
    """By period, and whether there were touches; and how many deals the range has, by the latter."""
    measured = sql.SQL("coalesce(sum(d.amount), 0)") if asked.is_amount else sql.SQL("count(*)::numeric")
    rows = ask(
        sql.SQL(
            "WITH deal AS ({}) SELECT d.period, d.is_touched, d.currency, d.rated, {}, count(*) "
            "FROM deal AS d GROUP BY 1, 2, 3, 4"
        ).format(deals_of(asked, rates), measured)
    )  # fmt: skip
    deals: Counter[bool] = Counter()
    for period, touched, *_, number in rows:
        deals[touched] += number if period == 0 else 0
    sums = [((period, touched), money(rates, *of), value) for period, touched, *of, value, _ in rows]
    return _in_one(asked, sums, rates), deals


def _in_one(
    asked: Asked,
    sums: list[tuple[Any, Currency, Decimal]],
    rates: Rates,
    together: Callable[[Any], Hashable] = lambda key: key,
) -> Converted[Any]:
    """Money in the currency of reports, rounded `together`; deals are deals in any."""
    return converted(sums if asked.is_amount else [(key, None, value) for key, _, value in sums], rates, together)


def _added_up(asked: Asked, rates: Rates) -> tuple[list[Row], tuple[str, ...]]:
    """The rows, and the currencies of costs that are left out."""
    measured = sql.SQL("coalesce(sum(c.amount), 0)") if asked.is_amount else sql.SQL("sum(c.share)")
    rows = ask(
        sql.SQL(
            "WITH deal AS ({deals}) SELECT {key}, d.period, d.currency, d.rated, {measured} FROM deal AS d "
            "JOIN credit AS c ON c.opportunity_id = d.id AND c.model = {model} JOIN touch AS t ON t.id = c.touch_id "
            "GROUP BY 1, 2, 3, 4"
        ).format(deals=deals_of(asked, rates), key=KEYS[asked.by], measured=measured, model=sql.Literal(asked.model))
    )
    found = [((key, period), money(rates, *of), value) for key, period, *of, value in rows]
    # A period's rows come to what its deals with touches do (`_totals`).
    sums = _in_one(asked, found, rates, lambda of: of[1])
    keys = {key for key, _ in sums.sums}
    costs = costs_of(asked.since, asked.until, keys, rates) if asked.has_costs else Costs({})
    # What was spent and brought nothing is a row too.
    keys |= costs.by_key.keys()
    values = {key: (sums.sums.get((key, 0), Decimal(0)), sums.sums.get((key, 1), Decimal(0))) for key in keys}
    named = _campaigns(asked, keys)
    made = sorted(
        (Row(key, _label(asked, key, named), *values[key], cost=costs.by_key.get(key)) for key in keys),
        key=lambda row: (-row.value, -row.before, row.label),
    )
    return made, costs.left_out


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
    rows = ask(sql.SQL(block("abmatic.attribution", "sql/reports.sql", "walks")), parameters)
    walks = [Walk(tuple(walk), won, lost) for walk, won, lost in rows]
    return learned(asked.model, walks, settings.least_won)
