"""Texts of a file to typed values, as SQL: what people and spreadsheets write, and NULL for what can't be told.

Values end in the same canonical form as edits do (see `canonical`); what is wider here is how they may be written,
because a file has nothing but text: 1,234.50 and 1.234,50, 31.01.2026 and 1/31/2026, yes and no.
"""

from __future__ import annotations

from typing import LiteralString

from psycopg import sql

from abmatic.audiences import canonical
from abmatic.audiences.fields import FieldType, LocalField
from abmatic.audiences.inputs import LONGEST_TEXT, WEB_ADDRESS

YES = ("true", "t", "yes", "y", "1", "x", "on", "wahr", "ja", "vrai", "oui", "verdadero", "sí", "si")
NO = ("false", "f", "no", "n", "0", "off", "falsch", "nein", "faux", "non", "falso")
# What may stand around an amount.
_CURRENCIES = "$€£¥ \u00a0\u202f"
_GROUPED_POINT: LiteralString = "^[+-]?[0-9]{1,3}([,'’ \u00a0\u202f][0-9]{3})+([.][0-9]*)?$"
_GROUPED_COMMA: LiteralString = "^[+-]?[0-9]{1,3}([.'’ \u00a0\u202f][0-9]{3})+(,[0-9]*)?$"
_TEXT: LiteralString = "CASE WHEN length({0}) <= {1} THEN {2} END"
_NUMBER: LiteralString = """
CASE WHEN {t} ~ {grouped} THEN {with_point_grouped} ELSE {with_point} END"""
_DATE: LiteralString = r"""
CASE
  WHEN {t} ~ '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}([ T][0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}}([.][0-9]+)?)?)?Z?$'
    THEN as_date(left({t}, 10))
  WHEN {t} ~ '^[0-9]{{1,2}}[.][0-9]{{1,2}}[.][0-9]{{4}}$' THEN as_date(concat(
    split_part({t}, '.', 3), '-', lpad(split_part({t}, '.', 2), 2, '0'), '-', lpad(split_part({t}, '.', 1), 2, '0')))
  WHEN {t} ~ '^[0-9]{{1,2}}/[0-9]{{1,2}}/[0-9]{{4}}$' THEN as_date(concat(
    split_part({t}, '/', 3), '-', lpad(split_part({t}, '/', {month}), 2, '0'), '-',
    lpad(split_part({t}, '/', {day}), 2, '0')))
END"""

_WRONG: dict[FieldType, str] = {
    FieldType.INTEGER: "is no whole number",
    FieldType.NUMBER: "is no number",
    FieldType.DATE: "is no date",
    FieldType.BOOLEAN: "is neither yes nor no",
    FieldType.EMAIL: "is no e-mail address",
    FieldType.URL: "is no web address, such as acme.com",
}


def wrong(field: LocalField) -> str:
    """What is wrong with a text that has no value of a field."""
    said = _WRONG.get(field.type, f"is longer than {LONGEST_TEXT:,} characters")
    return said if field.least is None else f"{said} of {field.least} or more"


def typed(field: LocalField, text: sql.Composable, *, decimal_comma: bool, day_first: bool) -> sql.Composed:
    """The value of a text that is not blank; NULL where it has none, or one that nobody may give the field."""
    value = storable(field, text, decimal_comma=decimal_comma, day_first=day_first)
    if field.type is FieldType.URL:
        return sql.SQL("CASE WHEN {} ~* {} THEN {} END").format(text, sql.Literal(WEB_ADDRESS), value)
    if field.least is not None:
        return sql.SQL("(SELECT v FROM (SELECT {} AS v) AS given WHERE v >= {})").format(
            value, sql.Literal(field.least)
        )
    return value


def is_objectionable(field: LocalField) -> bool:
    """Whether there are values that can be stored in the field, and that nobody may give it."""
    return field.type is FieldType.URL or field.least is not None


def storable(field: LocalField, text: sql.Composable, *, decimal_comma: bool, day_first: bool) -> sql.Composed:
    """The value of a text that is not blank, as it could be stored; NULL where it has none."""
    return _typed(field.type, text, decimal_comma=decimal_comma, day_first=day_first)


def _typed(kind: FieldType, text: sql.Composable, *, decimal_comma: bool, day_first: bool) -> sql.Composed:
    match kind:
        case FieldType.INTEGER:
            return sql.SQL("as_bigint({})").format(_number(text, decimal_comma))
        case FieldType.NUMBER:
            return sql.SQL("trim_scale(round(as_numeric({}), 6))").format(_number(text, decimal_comma))
        case FieldType.DATE:
            month, day = (2, 1) if day_first else (1, 2)
            return sql.SQL(_DATE).format(t=text, month=sql.Literal(month), day=sql.Literal(day))
        case FieldType.BOOLEAN:
            return sql.SQL(
                "CASE WHEN lower({0}) = ANY ({1}) THEN true WHEN lower({0}) = ANY ({2}) THEN false END"
            ).format(text, sql.Literal(list(YES)), sql.Literal(list(NO)))
        case _:
            return sql.SQL(_TEXT).format(text, sql.Literal(LONGEST_TEXT), canonical.local(kind, text))


def _number(text: sql.Composable, decimal_comma: bool) -> sql.Composed:
    """An amount as Postgres writes numbers. A comma where a point is meant is never guessed at."""
    bare = sql.SQL("btrim({}, {})").format(text, sql.Literal(_CURRENCIES))
    separators = sql.Literal("[.'’ \u00a0\u202f]" if decimal_comma else "[,'’ \u00a0\u202f]")
    grouped = sql.SQL("regexp_replace({}, {}, '', 'g')").format(bare, separators)
    if decimal_comma:
        grouped = sql.SQL("replace({}, ',', '.')").format(grouped)
        # 1234.5 would be a thousandth of what it says, or a thousand times that.
        plain = sql.SQL("CASE WHEN strpos({0}, '.') = 0 THEN replace({0}, ',', '.') END").format(bare)
    else:
        plain = sql.SQL("{}").format(bare)
    return sql.SQL(_NUMBER).format(
        t=bare, grouped=sql.Literal(_GROUPED_COMMA if decimal_comma else _GROUPED_POINT), with_point_grouped=grouped,
        with_point=plain,
    )  # fmt: skip
