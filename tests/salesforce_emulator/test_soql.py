"""SOQL: what it finds, and how it refuses."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from salesforce_emulator import OrgStore
from salesforce_emulator.schema import BASE
from salesforce_emulator.schema.entries import custom_field
from salesforce_emulator.soql import QueryContext, SoqlError, compile_soql
from salesforce_emulator.soql.dates import literal_days
from salesforce_emulator.soql.errors import at
from salesforce_emulator.soql.parse import parse
from salesforce_emulator.soql.render import Renderer

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)  # a Tuesday


TOPICS = custom_field("Topics__c", "multipicklist", values=("A", "B", "C"), length=400)
for _value in TOPICS["picklistValues"]:
    _value["label"] = f"Letter {_value['value']}"


@pytest.fixture(scope="module")
def store() -> Iterator[OrgStore]:
    custom = {"Account": [TOPICS]}
    with OrgStore(custom_fields=custom) as made:
        with made.session() as session:
            acme = session.insert(
                "Account",
                {"Name": "Acme", "Industry": "Banking", "NumberOfEmployees": 10, "AnnualRevenue": 5.5,
                 "Topics__c": "A;B", "SLAExpirationDate__c": "2026-11-24", "Website": "https://acme.example/50%_off"},
            )  # fmt: skip
            session.insert("Account", {"Name": "acme", "Industry": "Energy", "ParentId": acme, "Topics__c": "C"})
            session.insert("Account", {"Name": "Ökö", "NumberOfEmployees": 0, "SLAExpirationDate__c": "2026-11-23"})
            session.insert("Account", {"Name": 'O\'Neil "&" Sons\\', "SLAExpirationDate__c": "2026-10-31"})
            session.insert("Contact", {"LastName": "Doe", "FirstName": "Jane", "AccountId": acme, "Email": "j@d.io"})
            session.insert("Contact", {"LastName": "Poe"})
        yield made


class Asker:
    def __init__(self, store: OrgStore, conn: sqlite3.Connection) -> None:
        self.store, self.conn = store, conn

    def __call__(self, soql: str, **context: Any) -> list[Any]:
        plan = compile_soql(soql, self.store.schema, QueryContext(NOW, BASE.administrator, **context))
        rows = self.conn.execute(plan.sql(), plan.params).fetchall()
        return [r[1] if plan.kind == "rows" and len(r) == 2 else (r[1:] if plan.kind == "rows" else r) for r in rows]

    def where(self, condition: str) -> list[Any]:
        return self(f"SELECT Name FROM Account WHERE {condition} ORDER BY Id")

    def refused(self, soql: str) -> tuple[str, str]:
        with pytest.raises(SoqlError) as caught:
            self(soql)
        return caught.value.code, caught.value.message


@pytest.fixture
def ask(store: OrgStore) -> Iterator[Asker]:
    with store.reading() as conn:
        yield Asker(store, conn)


ACME, LOWER, OKO, NEIL = "Acme", "acme", "Ökö", 'O\'Neil "&" Sons\\'


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("Name = 'ACME'", [ACME, LOWER]),
        ("name = 'öKÖ'", [OKO]),
        ("Name != 'acme'", [OKO, NEIL]),
        ("Name <> 'acme'", [OKO, NEIL]),
        ("Industry != 'Banking'", [LOWER, OKO, NEIL]),
        ("NOT Industry = 'Banking'", [LOWER, OKO, NEIL]),
        ("Industry = null", [OKO, NEIL]),
        ("Industry != NULL", [ACME, LOWER]),
        ("Industry = ''", [OKO, NEIL]),
        ("NumberOfEmployees = 0", [OKO]),
        ("NumberOfEmployees < 10", [OKO]),
        ("NumberOfEmployees >= 10", [ACME]),
        ("NumberOfEmployees != 10", [LOWER, OKO, NEIL]),
        ("AnnualRevenue > 5", [ACME]),
        ("AnnualRevenue = 5.5", [ACME]),
        ("IsDeleted = FALSE AND NumberOfEmployees = 0", [OKO]),
        ("Name LIKE 'ac%'", [ACME, LOWER]),
        ("Name LIKE '_k_'", [OKO]),
        ("Name LIKE 'ÖK%'", [OKO]),
        (r"Website LIKE '%50\%\_off'", [ACME]),
        (r"Website LIKE '%5\%\_off'", []),
        ("(NOT Name LIKE 'ac%')", [OKO, NEIL]),
        (r"Name = 'O\'Neil \"&\" Sons\\'", [NEIL]),
        (r"Name = '\u00d6k\u00f6'", [OKO]),
        ("Industry IN ('banking', 'Energy')", [ACME, LOWER]),
        ("Industry IN ('Banking', null)", [ACME, OKO, NEIL]),
        ("Industry NOT IN ('Banking')", [LOWER, OKO, NEIL]),
        ("Name IN ('ökö')", [OKO]),
        ("Topics__c INCLUDES ('a;b', 'C')", [ACME, LOWER]),
        ("Topics__c INCLUDES ('B;C')", []),
        ("Topics__c EXCLUDES ('A')", [LOWER, OKO, NEIL]),
        ("Parent.Name = 'Acme'", [LOWER]),
        ("Parent.Name != 'Acme'", [ACME, OKO, NEIL]),
        ("Parent.Industry LIKE 'bank%' OR NumberOfEmployees = 0", [LOWER, OKO]),
        ("Account.Parent.Parent.Parent.Parent.Parent.Name = null", [ACME, LOWER, OKO, NEIL]),
        ("Owner.Profile.Name = 'System Administrator' AND Name = 'ökö'", [OKO]),
        ("SLAExpirationDate__c = TODAY", [ACME]),
        ("SLAExpirationDate__c = yesterday", [OKO]),
        ("SLAExpirationDate__c < TODAY", [OKO, NEIL]),
        ("SLAExpirationDate__c >= THIS_MONTH", [ACME, OKO]),
        ("SLAExpirationDate__c = LAST_N_DAYS:1", [ACME, OKO]),
        ("SLAExpirationDate__c != TODAY", [LOWER, OKO, NEIL]),
        ("SLAExpirationDate__c = 2026-10-31", [NEIL]),
        ("SLAExpirationDate__c IN (TODAY, 2026-10-31)", [ACME, NEIL]),
        ("CreatedDate > 2020-01-01T00:00:00Z AND Name = 'ökö'", [OKO]),
        ("CreatedDate < 2020-01-01T00:00:00+02:00", []),
        ("Id IN (SELECT AccountId FROM Contact WHERE Email != null)", [ACME]),
        ("Id NOT IN (SELECT AccountId FROM Contact WHERE AccountId != null)", [LOWER, OKO, NEIL]),
        ("CALENDAR_YEAR(SLAExpirationDate__c) = 2026 AND CALENDAR_MONTH(SLAExpirationDate__c) = 10", [NEIL]),
        ("(Name = 'ökö' OR Name = 'acme') AND NumberOfEmployees != null", [ACME, OKO]),
    ],
)  # fmt: skip
def test_conditions(ask: Asker, condition: str, found: list[str]) -> None:
    assert ask.where(condition) == found


def test_ids_are_compared_with_case_in_either_length(ask: Asker) -> None:
    (record_id,) = ask("SELECT Id FROM Account WHERE Name = 'ökö'")
    assert ask.where(f"Id = '{record_id}'") == ask.where(f"Id = '{record_id[:15]}'") == [OKO]


def test_ids_have_an_order(ask: Asker) -> None:
    """How people page without an offset: WHERE Id > the last one, ORDER BY Id."""
    ids = ask("SELECT Id FROM Account ORDER BY Id")
    assert ask(f"SELECT Id FROM Account WHERE Id > '{ids[1]}' ORDER BY Id LIMIT 1") == [ids[2]]
    assert ask(f"SELECT Id FROM Account WHERE Id >= '{ids[1][:15]}' AND Id < '{ids[3]}' ORDER BY Id") == ids[1:3]


def shown(asker: Asker, soql: str) -> list[dict[str, Any]]:
    """The records as the API sends them, for a user in New York."""
    now = NOW.astimezone(ZoneInfo("America/New_York"))
    plan = compile_soql(soql, asker.store.schema, QueryContext(now, BASE.administrator))
    made = Renderer(asker.conn, "60.0").records(plan, asker.conn.execute(plan.sql(), plan.params).fetchall())
    return [{k: v for k, v in r.items() if k != "attributes"} for r in made]


def test_format_shows_values_as_a_person_sees_them(ask: Asker) -> None:
    """Documented: `FORMAT(Amount)` is "$44,000.00", `FORMAT(LastModifiedDate)` "4/10/2025, 3:31 PM", by an alias."""
    fields = "AnnualRevenue, FORMAT(AnnualRevenue) money, FORMAT(NumberOfEmployees), FORMAT(SLAExpirationDate__c) due"
    (record,) = shown(ask, f"SELECT {fields}, FORMAT(CreatedDate) FROM Account WHERE AnnualRevenue != null")
    assert (record["AnnualRevenue"], record["money"], record["NumberOfEmployees"]) == (5.5, "$5.50", "10")
    assert record["due"] == "11/24/2026"
    assert re.fullmatch(r"\d+/\d+/\d{4}, \d+:\d\d [AP]M", record["CreatedDate"])
    (total,) = shown(ask, "SELECT FORMAT(SUM(AnnualRevenue)) t, FORMAT(MIN(SLAExpirationDate__c)) d FROM Account")
    assert total == {"t": "$5.50", "d": "10/31/2026"}
    assert "duplicate field" in ask.refused("SELECT AnnualRevenue, FORMAT(AnnualRevenue) FROM Account")[1]


def test_to_label(ask: Asker) -> None:
    found = shown(
        ask, "SELECT toLabel(Topics__c), toLabel(Industry) i FROM Account WHERE toLabel(Industry) = 'Banking'"
    )
    assert found == [{"Topics__c": "Letter A;Letter B", "i": "Banking"}]


def test_date_functions_count_in_utc_unless_told_otherwise(ask: Asker) -> None:
    """Documented: "SOQL queries … return dateTime field values as UTC"; convertTimezone() goes into a date function."""
    ask.conn.execute(
        'UPDATE "Contact" SET "EmailBouncedDate" = \'2026-01-01T03:30:00.000Z\' WHERE "LastName" = \'Doe\''
    )
    plain = "HOUR_IN_DAY(EmailBouncedDate)"
    there = "HOUR_IN_DAY(convertTimezone(EmailBouncedDate))"
    assert shown(ask, f"SELECT {plain} h, COUNT(Id) n FROM Contact WHERE {plain} > 0 GROUP BY {plain}") == [
        {"h": 3, "n": 1}
    ]
    assert shown(ask, f"SELECT {there} h, COUNT(Id) n FROM Contact WHERE {there} > 0 GROUP BY {there}") == [
        {"h": 22, "n": 1}
    ]
    year = "CALENDAR_YEAR(convertTimezone(EmailBouncedDate)) = 2025"
    assert shown(ask, f"SELECT LastName FROM Contact WHERE {year}") == [{"LastName": "Doe"}]
    assert shown(ask, "SELECT LastName FROM Contact WHERE DAY_ONLY(EmailBouncedDate) = 2026-01-01") == [
        {"LastName": "Doe"}
    ]


@pytest.mark.parametrize(
    ("function", "value"),
    [
        ("CALENDAR_MONTH", 8), ("CALENDAR_QUARTER", 3), ("CALENDAR_YEAR", 2026), ("DAY_IN_MONTH", 29),
        ("DAY_IN_WEEK", 7), ("DAY_IN_YEAR", 241), ("FISCAL_MONTH", 8), ("FISCAL_QUARTER", 3), ("FISCAL_YEAR", 2026),
        ("WEEK_IN_MONTH", 5), ("WEEK_IN_YEAR", 35),
    ],
)  # fmt: skip
def test_date_functions(ask: Asker, function: str, value: int) -> None:
    """The 29th of August 2026 was a Saturday."""
    ask.conn.execute('UPDATE "Contact" SET "Birthdate" = \'2026-08-29\' WHERE "LastName" = \'Poe\'')
    assert ask(f"SELECT LastName FROM Contact WHERE {function}(Birthdate) = {value}") == ["Poe"]


def test_order_and_nulls(ask: Asker) -> None:
    assert ask("SELECT Industry FROM Account ORDER BY Industry") == [None, None, "Banking", "Energy"]
    assert ask("SELECT Industry FROM Account ORDER BY Industry DESC NULLS LAST") == ["Energy", "Banking", None, None]
    assert ask("SELECT Industry FROM Account ORDER BY Industry DESC NULLS FIRST, Name")[:2] == [None, None]
    assert ask("SELECT Name FROM Account ORDER BY Parent.Name NULLS LAST, Name LIMIT 1 OFFSET 0") == [LOWER]


def test_limit_and_offset(ask: Asker) -> None:
    assert ask("SELECT Name FROM Account ORDER BY Id LIMIT 2 OFFSET 1") == [LOWER, OKO]
    assert ask.refused("SELECT Name FROM Account LIMIT 1 OFFSET 2001")[0] == "NUMBER_OUTSIDE_VALID_RANGE"


def test_aggregates(ask: Asker) -> None:
    soql = "SELECT Industry, COUNT(Id) total, SUM(NumberOfEmployees), MAX(Name) FROM Account GROUP BY Industry"
    assert ask(f"{soql} ORDER BY COUNT(Id) DESC, Industry LIMIT 2") == [
        (None, 2, 0, OKO),
        ("Banking", 1, 10, ACME),
    ]
    assert ask("SELECT Industry FROM Account GROUP BY Industry HAVING COUNT(Id) > 1") == [(None,)]
    assert ask("SELECT COUNT_DISTINCT(Industry), AVG(NumberOfEmployees) FROM Account") == [(2, 5.0)]
    assert ask("SELECT Account.Name n, COUNT(Id) FROM Contact GROUP BY Account.Name ORDER BY Account.Name") == [
        (None, 1), ("Acme", 1),
    ]  # fmt: skip
    year = "CALENDAR_YEAR(SLAExpirationDate__c)"
    assert ask(f"SELECT {year}, COUNT(Id) FROM Account GROUP BY {year}") == [(None, 1), (2026, 3)]
    assert ask("SELECT COUNT() FROM Account WHERE Industry = null") == [(2,)]


def test_names_of_persons_are_computed(ask: Asker) -> None:
    assert ask("SELECT Name FROM Contact WHERE Name LIKE '%doe' ORDER BY Name") == ["Jane Doe"]
    assert ask("SELECT Name FROM Contact WHERE name = 'JANE DOE'") == ["Jane Doe"]


def test_fields(ask: Asker) -> None:
    """ "FIELDS(ALL) wants LIMIT ≤ 200"."""
    columns = len(ask("SELECT FIELDS(STANDARD) FROM Account LIMIT 1")[0])
    assert len(ask("SELECT FIELDS(ALL) FROM Account LIMIT 200")[0]) > columns > 40
    for limit in ("", " LIMIT 201"):
        code, message = ask.refused(f"SELECT FIELDS(ALL) FROM Account{limit}")
        assert (code, message) == ("MALFORMED_QUERY", "The SOQL FIELDS function must have a LIMIT of at most 200")


def test_scope_alias_and_typeof(ask: Asker) -> None:
    assert len(ask("SELECT Id FROM Account USING SCOPE mine")) == 4
    assert ask("SELECT a.Name FROM Account a WHERE a.Name = 'ökö'") == [OKO]
    assert ask("SELECT TYPEOF Owner WHEN User THEN Username ELSE Name END FROM Lead") == []
    assert ask("SELECT Name FROM Account WHERE Name = 'ökö' FOR VIEW") == [OKO]


def test_a_missing_column_is_pointed_at(ask: Asker) -> None:
    """ "a snippet, a caret and `ERROR at Row:1:Column:N`: INVALID_FIELD "No such column 'X' on entity 'Account'. …"."""
    code, message = ask.refused("SELECT Id, Foo FROM Account")
    assert code == "INVALID_FIELD"
    assert message == (
        "\nSELECT Id, Foo FROM Account\n           ^\nERROR at Row:1:Column:12\n"
        "No such column 'Foo' on entity 'Account'. If you are attempting to use a custom field, be sure to append the "
        "'__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate names."
    )


def test_an_unknown_object_is_pointed_at(ask: Asker) -> None:
    """ "INVALID_TYPE "sObject type 'X' is not supported. …"."""
    code, message = ask.refused("SELECT Id FROM X")
    assert code == "INVALID_TYPE"
    assert message == (
        "\nSELECT Id FROM X\n               ^\nERROR at Row:1:Column:16\nsObject type 'X' is not supported. If you are "
        "attempting to use a custom object, be sure to append the '__c' after the entity name. Please reference your "
        "WSDL or the describe call for the appropriate names."
    )


def test_rows_and_columns_count_lines(ask: Asker) -> None:
    assert "ERROR at Row:2:Column:3\n" in ask.refused("SELECT Id,\n  Foo\nFROM Account")[1]


@pytest.mark.parametrize(
    ("query", "token", "snippet", "caret"),
    [
        # Snippets of real orgs, the queries as far as they are known.
        ("select Id, ProductCode from Product2 where ProductCode = 3999", "ProductCode =",
         "ProductCode from Product2 where ProductCode = 3999", 32),
        ("SELECT Id, Name FROM Account WHERE Id IN (SELECT Account__c FROM Scheduling__c WHERE CreatedDate = TODAY)",
         "Account__c", "FROM Account WHERE Id IN (SELECT Account__c FROM Scheduling__c WHERE", 33),
        ("SELECT Id,CreatedById,OCE__ActualCap__c,TPI_Product__c,Name,OCE__JobId__c,OCE__Channel__c FROM X",
         "TPI_Product__c", "CreatedById,OCE__ActualCap__c,TPI_Product__c,Name,OCE__JobId__c", 30),
        ("SELECT Id FROM X WHERE A=1 AND LastModifiedDate=TODAY AND LastModifiedBy='0050h00000IW2Jf'",
         "LastModifiedBy", "AND LastModifiedDate=TODAY AND LastModifiedBy='0050h00000IW2Jf'", 31),
        ("SELECT COUNT(Id) FROM X WHERE LastModifiedDate>TODAY GROUP BY LastModifiedDate", "LastModifiedDate",
         "LastModifiedDate>TODAY GROUP BY LastModifiedDate", 32),
        ("SELECT Account.ParentId, Account.Phone, Account.Rating, Account.RecordTypeId, Account.ShippingCity, B FROM X",
         "Account.RecordTypeId",
         "Account.Phone, Account.Rating, Account.RecordTypeId, Account.ShippingCity", 31),
        ("SELECT Id FROM X WHERE A = 'KaptioTravel__Itinerary__c' AND EntityDefinition.NamespacePrefix = 'Kaptio'",
         "EntityDefinition", "'KaptioTravel__Itinerary__c' AND EntityDefinition.NamespacePrefix", 33),
        ("SELECT Id\nFROM SBQQ__QuoteLine__c\nWHERE SBQQ__Product__r.Disable_Proration__c = 'true'", "SBQQ__Product__r",
         "WHERE SBQQ__Product__r.Disable_Proration__c", 6),
    ],
)  # fmt: skip
def test_a_snippet_shows_the_place(query: str, token: str, snippet: str, caret: int) -> None:
    message = at(query, query.rindex(token), "INVALID_FIELD", "No such column").message
    assert message.split("\n")[1:3] == [snippet, " " * caret + "^"]


@pytest.mark.parametrize(
    ("soql", "code", "text"),
    [
        ("", "MALFORMED_QUERY", "cannot be empty"),
        ("SELECT Id FROM Account WHERE", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
        ("SELECT Id FORM Account", "MALFORMED_QUERY", "unexpected token: 'Account'"),
        ("SELECT * FROM Account", "MALFORMED_QUERY", "unexpected token: '*'"),
        ("SELECT Id FROM Account LIMIT x", "MALFORMED_QUERY", "unexpected token: 'x'"),
        ("SELECT Id FROM Account WHERE Name = 'a' AND Name = 'b' OR Name = 'c'", "MALFORMED_QUERY", "token: 'OR'"),
        ("SELECT Id FROM Account WHERE Name = \"a\"", "MALFORMED_QUERY", "unexpected token: '\"'"),
        ("SELECT Id, Id FROM Account", "MALFORMED_QUERY", "duplicate field selected: Id"),
        ("SELECT Name n FROM Account", "MALFORMED_QUERY", "alias"),
        ("SELECT Name, COUNT(Id) FROM Account", "MALFORMED_QUERY", "Field must be grouped or aggregated: Name"),
        ("SELECT SUM(Name) FROM Account", "MALFORMED_QUERY", "does not support aggregate operator SUM"),
        ("SELECT Foo.Name FROM Account", "INVALID_FIELD", "Didn't understand relationship 'Foo' in field path"),
        ("SELECT Id, (SELECT Id FROM Foos) FROM Account", "INVALID_TYPE", "Didn't understand relationship 'Foos'"),
        ("SELECT Id FROM Account WHERE Name = 5", "INVALID_FIELD", "must be of type string and should be enclosed"),
        ("SELECT Id FROM Account WHERE NumberOfEmployees = '5'", "INVALID_FIELD", "of type int and should not be"),
        ("SELECT Id FROM Account WHERE NumberOfEmployees = 5.5", "INVALID_FIELD", "must be of type int"),
        ("SELECT Id FROM Account WHERE CreatedDate = 2026-01-01", "INVALID_FIELD", "must be of type dateTime"),
        ("SELECT Id FROM Account WHERE IsDeleted = 'true'", "INVALID_FIELD", "must be of type boolean"),
        ("SELECT Id FROM Account WHERE Description = 'x'", "INVALID_FIELD", "'Description' can not be filtered"),
        ("SELECT Id FROM Account ORDER BY Description", "MALFORMED_QUERY", "'Description' can not be sorted"),
        ("SELECT COUNT(Id) FROM Account GROUP BY AnnualRevenue", "MALFORMED_QUERY", "can not be grouped"),
        ("SELECT Id FROM Account WHERE Id = 'abc'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: abc"),
        ("SELECT Id FROM Account WHERE Id LIKE '001%'", "INVALID_QUERY_FILTER_OPERATOR", "operator on id field"),
        ("SELECT Id FROM Account WHERE IsDeleted > true", "INVALID_QUERY_FILTER_OPERATOR", "boolean field"),
        ("SELECT Id FROM Account WHERE Name INCLUDES ('a')", "INVALID_QUERY_FILTER_OPERATOR", "string field"),
        ("SELECT Id FROM Account WHERE Id IN (SELECT Name FROM Contact)", "MALFORMED_QUERY", "id or reference"),
        ("SELECT convertCurrency(AnnualRevenue) FROM Account", "INVALID_FIELD", "multiple currencies"),
        ("SELECT Parent.Parent.Parent.Parent.Parent.Parent.Name FROM Account", "MALFORMED_QUERY", "depth"),
        ("SELECT Id FROM Account WHERE Name = '" + "x" * 4001 + "'", "QUERY_TOO_COMPLICATED", "4000"),
        ("SELECT Id FROM Account WHERE Name != '" + "x" * 100_000 + "'", "QUERY_TOO_COMPLICATED", "too long"),
        # quoted
        ("SELECT Id FROM Account WHERE Name = 'x' OR Id IN (SELECT AccountId FROM Contact)", "MALFORMED_QUERY",
         "Semi join sub-selects are not allowed with the 'OR' operator"),
        ("SELECT Id FROM Account WHERE Name = 'x' AND (Name = 'y' OR Id IN (SELECT AccountId FROM Contact))",
         "MALFORMED_QUERY", "Semi join sub-selects are only allowed at the top level WHERE expressions"),
        ("SELECT Id FROM Account WHERE Id IN (SELECT Id FROM Account WHERE Name = 'x')", "MALFORMED_QUERY",
         "The inner and outer selects should not be on the same object type"),
        # documented limits, their wording believed
        ("SELECT Id FROM Account WHERE " + " AND ".join(["Id IN (SELECT AccountId FROM Contact)"] * 3),
         "MALFORMED_QUERY", "Maximum 2 semi join"),
        ("SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact WHERE Id IN (SELECT Id FROM Lead))",
         "MALFORMED_QUERY", "Nesting of semi join"),
        ("SELECT Id" + ", (SELECT Id FROM Contacts)" * 21 + " FROM Account", "MALFORMED_QUERY", "only 20"),
        ("SELECT Id, (SELECT Id FROM Contacts LIMIT 1 OFFSET 1) FROM Account", "MALFORMED_QUERY", "OFFSET"),
        ("SELECT Id FROM Account HAVING COUNT(Id) > 1", "MALFORMED_QUERY", "HAVING"),
        ("SELECT TYPEOF Owner WHEN Nobody THEN Name END FROM Lead", "INVALID_TYPE", "sObject type 'Nobody'"),
        ("SELECT TYPEOF Owner WHEN User THEN Foo END FROM Lead", "INVALID_FIELD", "No such column 'Foo' on entity"),
        ("SELECT HOUR_IN_DAY(SLAExpirationDate__c) FROM Account", "INVALID_FIELD", "HOUR_IN_DAY"),
        ("SELECT Id FROM Account WHERE FORMAT(Name) = 'x'", "MALFORMED_QUERY", "unexpected token: 'FORMAT'"),
        ("SELECT Id FROM Account WHERE CreatedDate = LAST_N_YEARS:99999", "MALFORMED_QUERY", "Invalid date literal"),
        ("SELECT Id FROM Account WHERE SLAExpirationDate__c = 2026-02-30", "MALFORMED_QUERY", "Invalid date"),
    ],
)  # fmt: skip
def test_refusals(ask: Asker, soql: str, code: str, text: str) -> None:
    found, message = ask.refused(soql)
    assert found == code
    assert text in message


@pytest.mark.parametrize(
    ("literal", "start", "end"),
    [
        ("TODAY", "2026-11-24", "2026-11-25"),
        ("YESTERDAY", "2026-11-23", "2026-11-24"),
        ("TOMORROW", "2026-11-25", "2026-11-26"),
        ("THIS_WEEK", "2026-11-22", "2026-11-29"),
        ("LAST_WEEK", "2026-11-15", "2026-11-22"),
        ("NEXT_MONTH", "2026-12-01", "2027-01-01"),
        ("LAST_MONTH", "2026-10-01", "2026-11-01"),
        ("THIS_QUARTER", "2026-10-01", "2027-01-01"),
        ("LAST_QUARTER", "2026-07-01", "2026-10-01"),
        ("NEXT_QUARTER", "2027-01-01", "2027-04-01"),
        ("LAST_YEAR", "2025-01-01", "2026-01-01"),
        ("THIS_FISCAL_YEAR", "2026-01-01", "2027-01-01"),
        ("LAST_90_DAYS", "2026-08-26", "2026-11-25"),
        ("NEXT_90_DAYS", "2026-11-25", "2027-02-23"),
        ("LAST_N_DAYS:2", "2026-11-22", "2026-11-25"),
        ("NEXT_N_DAYS:2", "2026-11-25", "2026-11-27"),
        ("N_DAYS_AGO:1", "2026-11-23", "2026-11-24"),
        ("LAST_N_WEEKS:2", "2026-11-08", "2026-11-22"),
        ("LAST_N_MONTHS:11", "2025-12-01", "2026-11-01"),
        ("N_MONTHS_AGO:12", "2025-11-01", "2025-12-01"),
        ("NEXT_N_QUARTERS:2", "2027-01-01", "2027-07-01"),
        ("N_FISCAL_QUARTERS_AGO:1", "2026-07-01", "2026-10-01"),
        ("NEXT_N_YEARS:1", "2027-01-01", "2028-01-01"),
        ("N_YEARS_AGO:6", "2020-01-01", "2021-01-01"),
    ],
)
def test_date_literals(literal: str, start: str, end: str) -> None:
    assert literal_days(literal, NOW) == (date.fromisoformat(start), date.fromisoformat(end))
    assert parse(f"SELECT Id FROM Account WHERE CreatedDate = {literal.lower()}")
