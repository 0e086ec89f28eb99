"""Amounts of several currencies: whatever they are parted into comes to the same, to the cent."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from abmatic.attribution.currencies import Rates, converted

RATES = Rates("USD", {"EUR": Decimal("0.92"), "GBP": Decimal("0.787"), "JPY": Decimal("151.3")})
# A row's credits of one period: (row, period), currency, amount.
credits = st.tuples(
    st.tuples(st.sampled_from("abc"), st.sampled_from([0, 1])),
    st.sampled_from(["USD", "EUR", "GBP", "JPY", "CHF", None]),
    st.decimals(-(10**6), 10**6, places=2, allow_nan=False),
)


@given(st.lists(credits, max_size=24))
def test_rows_of_each_period_come_to_its_total(
    given_credits: list[tuple[tuple[str, int], str | None, Decimal]],
) -> None:
    by_period: dict[tuple[int, str | None], Decimal] = defaultdict(Decimal)
    for (_, period), currency, amount in given_credits:
        by_period[period, currency] += amount
    totals = converted([(period, currency, amount) for (period, currency), amount in by_period.items()], RATES)
    rows = converted(given_credits, RATES, lambda key: key[1])
    assert rows.left_out == totals.left_out
    for period in (0, 1):
        added = sum((amount for (_, of), amount in rows.sums.items() if of == period), Decimal(0))
        assert added == totals.sums.get(period, Decimal(0))
