"""The formula language: what formulas compute, what is refused when one is saved, any formula against plain Python."""

from __future__ import annotations

import operator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesforce_emulator.formula import FieldPath, FormulaError, Value, compile_formula
from salesforce_emulator.schema import default_schema

SCHEMA = default_schema()
NOW = datetime(2026, 11, 25, 15, 30, tzinfo=UTC)


@dataclass
class Known:
    """A record of which some fields are known; the others are blank."""

    values: dict[str, Value]
    before: dict[str, Value] = field(default_factory=dict)
    is_new: bool = False
    now: datetime = NOW

    def value(self, path: FieldPath) -> Value:
        return self.values.get(str(path))

    def prior(self, path: FieldPath) -> Value:
        return self.before.get(str(path), self.values.get(str(path)))


ACME = Known(
    {
        "Name": "Acme Ltd",
        "Industry": "Banking",
        "AnnualRevenue": Decimal(1000),
        "Phone": "+1 555 0100",
        "Owner.Name": "Rita Reyes",
        "Owner.IsActive": True,
        "$user.Title": "Account Executive",
        "$profile.Name": "Standard User",
        "CreatedDate": datetime(2026, 11, 24, 3, 30, tzinfo=UTC),
    },
    {"Industry": "Retail", "AnnualRevenue": None},
)


def result(text: str, record: Known = ACME) -> Value:
    return compile_formula(text, SCHEMA, SCHEMA["Account"]).evaluate(record)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3 ^ 2 - 4 / 2", Decimal(17)),
        ("0.1 + 0.2 = 0.3", True),
        ("-(2 - 5)", Decimal(3)),
        ("'a' & \"b\" + 'c'", "abc"),
        (r'"a\"b\\c\nd"', 'a"b\\c\nd'),
        ("/* why */ TRUE && !FALSE || NULL = 1", True),
        ("2 > 1 && 1 <= 1 && 1 <> 2 && 1 != 2 && 1 == 1", True),
        # text
        ("LEN(Name)", Decimal(8)),
        ("LEN(Website)", Decimal(0)),
        ("Website = ''", True),
        ('BEGINS(Name, "Ac") && CONTAINS(Name, "e L") && NOT(CONTAINS(Name, "acme"))', True),
        ("LEFT(Name, 4) & '|' & RIGHT(Name, 3) & '|' & MID(Name, 2, 3)", "Acme|Ltd|cme"),
        ("RIGHT(Name, 0)", None),
        ("UPPER(name) & LOWER(NAME) & TRIM('  x ')", "ACME LTDacme ltdx"),
        ("FIND('m', Name) + FIND('zz', Name)", Decimal(3)),
        ("SUBSTITUTE(Name, 'Ltd', 'Inc')", "Acme Inc"),
        ("LPAD('7', 3, '0') & RPAD('x', 3)", "007x  "),
        (r'REGEX(Phone, "\\+\\d [\\d ]+") && NOT(REGEX(Phone, "\\d"))', True),
        ("TEXT(AnnualRevenue / 8) & TEXT(DATE(2026, 2, 3)) & TEXT(Industry)", "1252026-02-03Banking"),
        ("VALUE('12.50') * 2", Decimal(25)),
        ("VALUE('twelve')", None),
        # numbers
        ("ROUND(2.345, 2)", Decimal("2.35")),
        ("ROUND(-2.5, 0)", Decimal(-3)),
        ("ROUND(1234, -2)", Decimal(1200)),
        ("MAX(1, 3, 2) - MIN(4, 2) + ABS(-5) + MAX(7)", Decimal(13)),
        ("CEILING(-2.5) + FLOOR(-2.5) + MCEILING(-2.5) + MFLOOR(-2.5)", Decimal(-10)),
        ("MOD(-7, 3)", Decimal(2)),
        ("SQRT(16)", Decimal(4)),
        ("1 / 0", None),
        ("NumberOfEmployees + 1", None),
        # dates
        ("TODAY()", date(2026, 11, 25)),
        ("NOW() - CreatedDate", Decimal("1.5")),
        ("TODAY() - DATE(2026, 11, 1)", Decimal(24)),
        ("DATE(2026, 2, 29)", None),
        ("DATE(2026, 12, 31) + 1", date(2027, 1, 1)),
        ("ADDMONTHS(DATE(2026, 1, 31), 1)", date(2026, 2, 28)),
        ("YEAR(TODAY()) * 10000 + MONTH(TODAY()) * 100 + DAY(TODAY())", Decimal(20261125)),
        ("WEEKDAY(TODAY())", Decimal(4)),
        ("DATEVALUE(CreatedDate)", date(2026, 11, 24)),
        # what is blank
        ("ISBLANK(Website) && ISBLANK(Rating) && NOT(ISBLANK(Name))", True),
        ("ISNULL(Website)", False),
        ("ISNULL(NumberOfEmployees)", True),
        ("BLANKVALUE(Website, 'none')", "none"),
        ("NULLVALUE(Website, 'none')", None),
        ("NULLVALUE(NumberOfEmployees, 3)", Decimal(3)),
        ("NumberOfEmployees < 5 || NumberOfEmployees >= 5", False),
        ("NumberOfEmployees = NULL", True),
        # choices and fields
        ("IF(AnnualRevenue > 10, 'big', 'small')", "big"),
        ("CASE(Industry, 'Retail', 1, 'Banking', 2, 3)", Decimal(2)),
        ("CASE(Rating, 'Hot', 1, 3)", Decimal(3)),
        ("ISPICKVAL(Industry, 'Banking') && ISPICKVAL(Rating, '')", True),
        ("ISCHANGED(Industry) && NOT(ISCHANGED(Name))", True),
        ("ISPICKVAL(PRIORVALUE(Industry), 'Retail')", True),
        ("ISNEW()", False),
        ("Owner.Name & Owner:User.Name", "Rita ReyesRita Reyes"),
        ("Owner.IsActive", True),
        ("$User.Title & $Profile.Name", "Account ExecutiveStandard User"),
    ],
)
def test_a_formula_computes(text: str, expected: Value) -> None:
    assert result(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("FOO(1)", "Unknown function FOO. Check spelling."),
        ("VLOOKUP(Name, Name, Name)", "Unknown function VLOOKUP. Check spelling."),
        ("Bogus__c = 1", "Field Bogus__c does not exist. Check spelling."),
        ("Owner.Bogus = 1", "Field Owner.Bogus does not exist. Check spelling."),
        ("Owner:Account.Name = 'x'", "Field Owner:Account does not exist. Check spelling."),
        ("BillingAddress = 'x'", "Field BillingAddress does not exist. Check spelling."),
        ("Industry = 'Banking'", "Field Industry is a picklist field. Picklist fields are only supported"),
        ("LEN(Industry) > 1", "Field Industry is a picklist field."),
        ("LEFT(Name)", "Incorrect number of parameters for function 'LEFT()'. Expected 2, received 1"),
        ("LEFT(1, 2)", "Incorrect parameter type for function 'LEFT()'. Expected Text, received Number"),
        ("Name + 1", "Incorrect parameter type for operator '+'. Expected Number, Date, DateTime, received Text"),
        ("Name > 'A'", "Incorrect parameter type for operator '>'. Expected Number, Date, DateTime, received Text"),
        ("IF(TRUE, 1, 'a') = 1", "Incorrect parameter type for function 'IF()'. Expected Number, received Text"),
        (
            "AnnualRevenue",
            "Formula result is data type (Number), incompatible with expected data type (true or false).",
        ),
        ("ISCHANGED(Owner.Name)", "Function ISCHANGED() takes a field of the record itself, not Owner.Name."),
        ('REGEX(Phone, "(")', "REGEX: '(' is no regular expression"),
        ("(1 = 1", "Syntax error. Missing ')'"),
        ("1 = ", "Syntax error. Found the end of the formula"),
        ("1 = 1 )", "Syntax error. Found ')' at character 7"),
        ("Name ~ 1", "Syntax error. Found '~' at character 6"),
        ("", "Formula is empty"),
        ("!" * 200 + "TRUE", "nested more than"),
        ("TRUE || " * 500 + "TRUE", "Formula is too long (4,004 characters). Maximum length is 3,900 characters."),
    ],
)
def test_what_is_wrong_with_a_formula_is_said_when_it_is_saved(text: str, message: str) -> None:
    with pytest.raises(FormulaError) as refused:
        compile_formula(text, SCHEMA, SCHEMA["Account"], expected="Boolean")
    assert message in str(refused.value)


def test_blanks_count_as_zero_where_a_formula_asks_for_it() -> None:
    formula = compile_formula("NumberOfEmployees + 1", SCHEMA, SCHEMA["Account"], blanks_as_zero=True)
    assert formula.evaluate(ACME) == 1


def test_a_new_record_has_changed_nothing() -> None:
    assert result("ISNEW() && NOT(ISCHANGED(Industry))", Known({"Industry": "Retail"}, {"Industry": None}, is_new=True))


# -- any formula against plain Python: each strategy makes a formula's text and what it must come to

Case = tuple[str, Value]
NUMBERS: dict[str, Value] = {"AnnualRevenue": Decimal(-250), "NumberOfEmployees": Decimal(7), "BillingLatitude": None}
TEXTS: dict[str, Value] = {"Name": "Acme Ltd", "Phone": "123 45", "Website": None}
DATES = {f"DATE({d.year}, {d.month}, {d.day})": d for d in (date(2024, 2, 29), date(2026, 12, 31), date(2000, 1, 1))}
RECORD = Known({**NUMBERS, **TEXTS})


def _arithmetic(case: tuple[Case, str, Case]) -> Case:
    (a, x), sign, (b, y) = case
    text = f"({a} {sign} {b})"
    if not isinstance(x, Decimal) or not isinstance(y, Decimal) or (sign == "/" and not y):
        return text, None
    with localcontext() as exact:
        exact.prec = 38
        compute = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}[sign]
        return text, compute(x, y)


def _compared(case: tuple[Case, str, Case]) -> Case:
    (a, x), sign, (b, y) = case
    text = f"({a} {sign} {b})"
    if sign in ("=", "<>"):
        return text, (x == y) == (sign == "=")
    if x is None or y is None:
        return text, False
    holds = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}[sign]
    return text, holds(x, y)


def _shifted(case: tuple[tuple[str, date], int]) -> Case:
    (text, day), days = case
    return f"({text} + {days})", day + timedelta(days=days)


def _cut(case: tuple[str, Case, int]) -> Case:
    name, (text, value), count = case
    whole = str(value or "")
    part = whole[:count] if name == "LEFT" else whole[len(whole) - min(count, len(whole)) :]
    return f"{name}({text}, {count})", part or None


def _rounded(case: tuple[Case, int]) -> Case:
    (text, value), places = case
    if not isinstance(value, Decimal):
        return f"ROUND({text}, {places})", None
    with localcontext() as exact:
        exact.prec = 38
        return f"ROUND({text}, {places})", value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


fields_of_numbers = st.sampled_from(sorted(NUMBERS.items()))
some_numbers = st.decimals(0, 1000, places=2).map(lambda n: (str(n), n))
numbers: st.SearchStrategy[Case] = st.recursive(
    fields_of_numbers | some_numbers,
    lambda inner: (
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(_arithmetic)
        | st.tuples(inner, st.integers(0, 4)).map(_rounded)
        | inner.map(lambda c: (f"BLANKVALUE({c[0]}, 3)", Decimal(3) if c[1] is None else c[1]))
    ),
    max_leaves=5,
)
texts: st.SearchStrategy[Case] = st.recursive(
    st.sampled_from(sorted(TEXTS.items())) | st.text("ab c", max_size=4).map(lambda t: (f"'{t}'", t or None)),
    lambda inner: (
        st.tuples(inner, inner).map(lambda c: (f"({c[0][0]} & {c[1][0]})", (c[0][1] or "") + (c[1][1] or "") or None))
        | st.tuples(st.sampled_from(("LEFT", "RIGHT")), inner, st.integers(0, 6)).map(_cut)
        | inner.map(lambda c: (f"UPPER({c[0]})", str(c[1] or "").upper() or None))
    ),
    max_leaves=4,
)
dates: st.SearchStrategy[Case] = st.sampled_from(sorted(DATES.items())) | st.tuples(
    st.sampled_from(sorted(DATES.items())), st.integers(0, 400)
).map(_shifted)
signs = st.sampled_from(("=", "<>", "<", "<=", ">", ">="))
conditions: st.SearchStrategy[Case] = st.recursive(
    st.tuples(numbers, signs, numbers).map(_compared)
    | st.tuples(dates, signs, dates).map(_compared)
    | st.tuples(texts, st.sampled_from(("=", "<>")), texts).map(_compared)
    | texts.map(lambda c: (f"ISBLANK({c[0]})", c[1] is None)),
    lambda inner: (
        st.tuples(inner, inner).map(lambda c: (f"({c[0][0]} && {c[1][0]})", c[0][1] and c[1][1]))
        | st.lists(inner, min_size=1, max_size=3).map(
            lambda c: (f"OR({', '.join(t for t, _ in c)})", any(v for _, v in c))
        )
        | inner.map(lambda c: (f"NOT {c[0]}" if c[0].startswith("(") else f"NOT({c[0]})", not c[1]))
        | st.tuples(inner, inner, inner).map(
            lambda c: (f"IF({c[0][0]}, {c[1][0]}, {c[2][0]})", c[1][1] if c[0][1] else c[2][1])
        )
    ),
    max_leaves=6,
)


@given(numbers | texts | conditions)
def test_any_formula_comes_to_what_python_says(case: Case) -> None:
    text, expected = case
    assert compile_formula(text, SCHEMA, SCHEMA["Account"]).evaluate(RECORD) == expected
