"""Tests of texts, written so that an index finds the rows (see `list_indexes`).

An index knows a text by its sort key, or by its runs of three characters, which narrows it down; whether a row is meant
says the test itself. That stands inside CASE, where the planner takes it for true in half of the rows: as one condition
more it would be taken for as rare as the first, and a test that a tenth of all rows meet for one that hardly any meets.
"""

from __future__ import annotations

from psycopg import sql

from abmatic.audiences.list_indexes import Table, searched_text
from abmatic.audiences.sorting import LAST_CHARACTER, beginning, sort_key_of

_SHORTEST = 3
# Blanks of Unicode that a sort key doesn't pass over, as ranges.
_BLANKS = (
    ("\t", "\x0e"), ("\x1c", "!"), ("\x85", "\x86"), ("\u1680", "\u1681"), ("\u2000", "\u200c"),
    ("\u2028", "\u2030"), ("\u205f", "\u2061"),
)  # fmt: skip
# A sort key is the beginning of a text: far from where it ends, equal texts have equal keys.
_LONGEST = 100


def holding(record: str, text: str, test: sql.Composed, alias: sql.Composable, table: Table) -> sql.Composed:
    """``test``, which only records that hold the text in one of the searched fields can meet."""
    if not table.is_searchable or len(text) < _SHORTEST:
        return test
    # Of a text that goes on beyond what the index has of it, nothing is known.
    return sql.SQL("((grams({text}) @> grams({value}) OR grams({text}) @> '{{\"\"}}') AND {test})").format(
        text=searched_text(record, alias), value=sql.Literal(text), test=_exactly(test)
    )


def sorted_so(
    name: str, operator: str, value: object, column: sql.Composed, test: sql.Composed, table: Table
) -> sql.Composed:  # fmt: skip
    """``test`` of a text column, by its sort key where that has an index and says something."""
    if name not in table.columns:
        return test
    key = sort_key_of(column)
    # A range of texts is one of their characters' codes: other collations pass over some, or compare them together.
    if operator == "empty" and table.is_by_code:
        return sql.SQL("(({key} IS NULL OR {blank}) AND {test})").format(
            key=key, test=_exactly(test), blank=sql.SQL(" OR ").join(
                sql.SQL("{key} >= {first} AND {key} < {end}").format(
                    key=key, first=sql.Literal(first), end=sql.Literal(end)
                ) for first, end in _BLANKS
            ),
        )  # fmt: skip
    is_short = isinstance(value, str) and 0 < len(value) < _LONGEST and beginning(value) != ""
    if operator == "starts_with" and is_short and table.is_by_code:
        start = sort_key_of(sql.SQL("{}::text").format(sql.Literal(value)))
        return sql.SQL("({key} >= {start} AND {key} <= {start} || {last} AND {test})").format(
            key=key, start=start, last=sql.Literal(LAST_CHARACTER), test=_exactly(test)
        )
    values = [value] if operator == "equals" else value if operator == "in" else None
    if not isinstance(values, list) or not all(isinstance(each, str) and 0 < len(each) < _LONGEST for each in values):
        return test
    keys = [sort_key_of(sql.SQL("{}::text").format(sql.Literal(each))) for each in values]
    if any(not beginning(str(each)) for each in values):  # nothing but signs, which have no key
        return test
    return sql.SQL("({} IN ({}) AND {})").format(key, sql.SQL(", ").join(keys), _exactly(test))


def _exactly(test: sql.Composed) -> sql.Composed:
    return sql.SQL("CASE WHEN {} THEN true ELSE false END").format(test)
