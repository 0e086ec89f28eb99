"""Pages made to hurt: whatever a cell holds, nothing crashes, no neighbour is lost, all that is left out counts.

Each page is given as CSV bytes, as the Bulk API writes it, and as JSON, as a query by REST answers it, where both can
hold it. Two honest neighbours stand around the hostile record and must arrive as if it were not there.
"""

from __future__ import annotations

import csv
import io
import json
import random
from collections import Counter
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.sync.org import START, Org, account, contact, new_connection, opportunity, role, sf_id

from abmatic.audiences.models import Account, Contact, Opportunity, OpportunityContact
from abmatic.changes.models import Cause
from abmatic.postgres import sessions
from abmatic.sync.models import Finding, MirrorAccount, Run
from abmatic.sync.objects import OBJECTS
from abmatic.sync.pull import plan as planning
from abmatic.sync.pull.careful import careful_rows
from abmatic.sync.pull.chunk import ChunkWriter, Counts, Target
from abmatic.sync.pull.plan import PullPlan
from abmatic.sync.reasons import REASONS

pytestmark = pytest.mark.django_db(transaction=True)

NOW = "2026-01-01T00:00:00.000Z"
COLUMNS = ["Id", "SystemModstamp", "CreatedDate", "IsDeleted", "Name", "Website", "Industry", "NumberOfEmployees",
           "AnnualRevenue", "BillingCountry", "BillingCity", "OwnerId", "MasterRecordId", "ParentId"]  # fmt: skip


class Reader:
    """Applies pages to one connection, and holds what it counted against what it noted."""

    def __init__(self) -> None:
        self.connection = new_connection()
        self.org = Org(self.connection)

    def plan(self, sobject: str) -> PullPlan:
        spec = OBJECTS[sobject]
        setting = None if spec.rides_with else self.org.setting(sobject)
        offered = [*planning.BASE_FIELDS, *(c.sf_field for c in spec.system)]
        offered += [d.sf_field for d in (*spec.defaults, *spec.fixed)]
        return planning.make(spec, setting, offered)[0]

    def csv(self, page: bytes, columns: list[str] = COLUMNS, sobject: str = "Account", careful: bool = False) -> Counts:
        def stage(writer: ChunkWriter) -> int:
            if not careful:
                writer.stage_csv(columns, [page])
                return 0
            rows = careful_rows([page], len(columns))
            writer.stage_csv(columns, rows.encoded())
            writer.mark_replaced()
            return rows.damaged

        return self._apply(sobject, stage)

    def json(self, *pages: bytes, sobject: str = "Account") -> Counts:
        def stage(writer: ChunkWriter) -> int:
            for page in pages:
                writer.stage_records(page)
            return 0

        return self._apply(sobject, stage)

    def both(self, record: dict[str, Any], sobject: str = "Account") -> list[Counts]:
        """The record between its neighbours, by CSV and by JSON, each on records of their own."""
        neighbours = [
            {"Name": "Before", "Website": "before{n}.com"},
            record,
            {"Name": "After", "Website": "after{n}.com"},
        ]
        counts = []
        for n in (1, 2):
            rows = [
                {"Id": account(10 * n + i), "SystemModstamp": NOW, "CreatedDate": NOW, "IsDeleted": "false",
                 **{k: v.replace("{n}", str(n)) if isinstance(v, str) else v for k, v in row.items()}}
                for i, row in enumerate(neighbours)
            ]  # fmt: skip
            counts.append(self.csv(as_csv(rows)) if n == 1 else self.json(json.dumps(rows).encode()))
            for i, name in ((0, "Before"), (2, "After")):
                local = Account.objects.get(pk=MirrorAccount.objects.get(sf_id=account(10 * n + i)).local_id)
                assert (local.name, local.domain) == (name, f"{name.lower()}{n}.com")
        return counts

    def hostile(self, n: int) -> Account:
        """The hostile record of `both`: 1 by CSV, 2 by JSON."""
        return Account.objects.get(pk=MirrorAccount.objects.get(sf_id=account(10 * n + 1)).local_id)

    def _apply(self, sobject: str, stage: Any) -> Counts:
        run = Run.objects.create(connection=self.connection, sobject=sobject, trigger="manual", state="succeeded",
                                 batch="00000000-0000-0000-0000-000000000000")  # fmt: skip
        cause = Cause.objects.create(kind=Cause.Kind.RUN, run_id=run.pk)
        self.run = run
        with sessions.session("test", sessions.IMPORT_SETTINGS) as session:
            target = Target(self.connection.pk, run.pk, cause.pk, START, None)
            writer = ChunkWriter(self.plan(sobject), session, target)
            writer.prepare()
            damaged = stage(writer)
            writer.type_rows()
            counts = writer.apply()
            session.commit()
        noted = Counter(Finding.objects.filter(run=run).values_list("reason", flat=True))
        assert counts.reasons == {reason: n for reason, n in noted.items() if reason != "no_website"} | {
            reason: n for reason, n in counts.reasons.items() if reason == "no_website"
        }
        assert set(counts.reasons) <= set(REASONS)
        outcomes = (
            counts.created + counts.linked + counts.duplicate + counts.deleted + counts.skipped + counts.unchanged
        )
        assert counts.read == outcomes + (counts.updated if not counts.linked else 0)
        counts.read += damaged
        return counts

    def findings(self, reason: str) -> list[tuple[str, str | None, str | None]]:
        found = Finding.objects.filter(run=self.run, reason=reason).order_by("id")
        return list(found.values_list("sf_id", "field", "value"))


@pytest.fixture
def reader() -> Reader:
    return Reader()


def as_csv(rows: list[dict[str, Any]], columns: list[str] = COLUMNS) -> bytes:
    """As the Bulk API writes it: every cell quoted, null an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([["" if row.get(c) is None else row[c] for c in columns] for row in rows])
    return text.getvalue().encode("utf-8", "surrogatepass")


TEXTS = {
    "quotes": 'He said "no", twice: ""',
    "commas": "a,b,,c,",
    "newlines": "one\ntwo\r\nthree\rfour\n",
    "a lone carriage return": "\r",
    "NA": "NA", "null": "null", "NULL": "NULL", "none": "None", "backslash N": "\\N",
    "the end of copied data": "\\.", "the same on a line of its own": "one\n\\.\ntwo",
    "backslashes": "C:\\temp\\new \\u0041 \\u0000 \\x00",
    "a formula": "=cmd|' /C calc'!A0",
    "JSON": '{"a": [1, null, "\\u0000"]}',
    "SQL": "'; DROP TABLE account; --", "percent signs": "100% %s %(run)s %%",
    "a byte order mark": "\ufeffAcme", "noncharacters": "\ufdd0 \ufdd1 \uffff \U0010ffff",
    "the replacement character": "\ufffd", "right to left": "\u202eemcA \u05d0\u05d1",
    "combining": "Z\u0351\u036a\u0343" * 30,
    "emoji": "👩‍👩‍👧‍👦 Ltd", "control characters": "\x01\x02\x07\x1b[31m\x7f\x85",
    "tabs": "\ta\tb\t", "a zero-width space": "\u200b", "zero": "0", "false": "false", "a dash": "-",
}  # fmt: skip


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_text_arrives_as_it_was_written(reader: Reader, text: str) -> None:
    reader_counts = reader.both({"Name": text, "Website": "hostile{n}.com", "Industry": text})
    for n, counts in zip((1, 2), reader_counts, strict=True):
        expected = None if not text.strip() else text
        assert (reader.hostile(n).name, reader.hostile(n).industry) == (expected, expected)
        assert (counts.read, counts.created, counts.skipped, counts.reasons) == (3, 3, 0, {})


def test_a_text_as_long_as_salesforce_allows_is_kept_whole(reader: Reader) -> None:
    """Of letters that can't be compressed: nothing of it may end up whole in an index."""
    chance = random.Random(7)
    text = "".join(chance.choice("abcdefghijklmnopqrstuvwxyz0123456789äöü漢字") for _ in range(131_072))
    for counts in reader.both({"Name": text, "Industry": text, "BillingCity": text, "Website": "x{n}.com"}):
        assert (counts.created, counts.reasons) == (3, {})
    assert reader.hostile(1).name == reader.hostile(2).name == text


def test_a_website_or_an_address_as_long_is_no_key_and_says_so(reader: Reader) -> None:
    chance = random.Random(7)
    text = "".join(chance.choice("abcdefghijklmnopqrstuvwxyz0123456789.") for _ in range(131_072)) + ".com"
    for n, counts in zip((1, 2), reader.both({"Name": "x", "Website": text}), strict=True):
        assert (counts.created, counts.reasons) == (3, {"website_invalid": 1})
        assert (reader.hostile(n).website, reader.hostile(n).domain) == (text, None)
        assert [len(value or "") for _, _, value in reader.findings("website_invalid")] == [200]
    email = f"a@{text}"
    record = reader.org.record(Id=contact(1), LastName="x", Email=email)
    assert reader.json(json.dumps([record]).encode(), sobject="Contact").reasons == {"email_invalid": 1}
    assert Contact.objects.get().work_email == email


@pytest.mark.parametrize(
    "website", [".", "..", "." * 300, "http://" + "." * 300, "a" * 300 + ".com", "a." * 200 + "com"]
)
def test_a_website_that_is_none(reader: Reader, website: str) -> None:
    for n, counts in zip((1, 2), reader.both({"Name": "x", "Website": website}), strict=True):
        assert counts.created == 3
        assert sum(counts.reasons.values()) == 1
        assert reader.hostile(n).domain is None


@pytest.mark.parametrize(
    ("employees", "revenue"),
    [("many", "1,000"), ("1e308", "1e308"), ("9" * 40, "9" * 40), ("NaN", "NaN"), ("Infinity", "-Infinity"),
     ("10.5", "12.3.4"), ("0x10", "$5"), ("9223372036854775808", "100000000000000000000"), ("１", "½"),
     ("--1", "99999999999999999999.9999999"), ("1 0", "1\n0")],
)  # fmt: skip
def test_numbers_that_are_none_cost_only_themselves(reader: Reader, employees: str, revenue: str) -> None:
    record = {"Name": "x", "Website": "x{n}.com", "NumberOfEmployees": employees, "AnnualRevenue": revenue}
    for n, counts in zip((1, 2), reader.both(record), strict=True):
        local = reader.hostile(n)
        assert (local.name, local.employee_count, local.revenue) == ("x", None, None)
        assert (counts.created, counts.reasons) == (3, {"value_unreadable": 2})
    # The entries of the last one, by JSON, name field and text.
    assert reader.findings("value_unreadable") == [
        (account(21), "NumberOfEmployees", employees),
        (account(21), "AnnualRevenue", revenue),
    ]


@pytest.mark.parametrize(
    ("number", "stored"),
    [("1e308", None), ("-1E+400000", None), ("NaN", None), ("Infinity", None), ("-Infinity", None), ("1" * 5000, None),
     ("0.1", Decimal("0.1")), ("1.0E10", Decimal(10**10)), ("-0", Decimal(0)),
     ("12345678901234567890.123456789", Decimal("12345678901234567890.123457"))],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_numbers_of_json(reader: Reader, number: str, stored: Decimal | None) -> None:
    page = (
        f'[{{"Id": "{account(1)}", "Name": "Before", "AnnualRevenue": 5}}, '
        f'{{"Id": "{account(2)}", "Name": "x", "AnnualRevenue": {number}}}]'
    )
    counts = reader.json(page.encode())
    assert (counts.created, counts.reasons["value_unreadable"]) == (2, int(stored is None))
    assert dict(Account.objects.values_list("name", "revenue")) == {"Before": 5, "x": stored}


def test_dates_that_are_none_cost_only_themselves(reader: Reader) -> None:
    days = ["2026-02-30", "31.12.2026", "2026-13-01", "0000-00-00", "tomorrow", "2026-02-28T00:00:00Z", "99999-01-01"]
    page = [
        reader.org.record(Id=opportunity(i), Name=day, CloseDate=day, StageName="Won", IsWon="true", IsClosed="maybe")
        for i, day in enumerate([*days, "2028-02-29"])
    ]
    counts = reader.json(json.dumps(page).encode(), sobject="Opportunity")
    assert counts.created == len(page)
    assert counts.reasons == {"value_unreadable": len(days) + len(page)}
    assert Opportunity.objects.filter(close_date=None, is_won=True, is_closed=False).count() == len(days)
    assert str(Opportunity.objects.get(name="2028-02-29").close_date) == "2028-02-29"


def test_moments_that_are_none_are_the_end_of_the_window(reader: Reader) -> None:
    """A record must be stored even if Salesforce's clock can't be read."""
    record = {"Name": "x", "Website": "x{n}.com", "SystemModstamp": "yesterday", "CreatedDate": "9999-99-99T99:99:99Z"}
    for counts in reader.both(record):
        assert (counts.created, counts.reasons) == (3, {})
    assert MirrorAccount.objects.get(sf_id=account(11)).modstamp == START


IDS = {
    "none": None, "empty": "", "blank": " " * 18, "too short": "001", "15 characters": "001000000000001",
    "too long": "001" + "0" * 16, "not letters and digits": "001'; DROP TABLE x", "beyond ASCII": "001" + "é" * 15,
    "a line break": "00100000000000001\n",
}  # fmt: skip


@pytest.mark.parametrize("identifier", IDS.values(), ids=IDS.keys())
def test_a_record_without_a_valid_id_is_left_out_and_counted(reader: Reader, identifier: str | None) -> None:
    for counts in reader.both({"Id": identifier, "Name": "x", "Website": "x{n}.com"}):
        assert (counts.read, counts.created, counts.skipped, counts.reasons) == (3, 2, 1, {"row_unusable": 1})
        (entry,) = reader.findings("row_unusable")
        assert (entry[0], entry[1], entry[2] or None) == ((identifier or "")[:18], "Id", identifier or None)


def test_a_record_that_comes_twice_counts_once_and_its_newest_version_is_used(reader: Reader) -> None:
    def version(name: str, second: int, website: str) -> dict[str, Any]:
        moment = f"2026-01-01T00:00:0{second}.000Z"
        return {"Id": account(1), "SystemModstamp": moment, "CreatedDate": NOW, "Name": name, "Website": website,
                "NumberOfEmployees": "many"}  # fmt: skip

    page = [version("old", 1, "n/a"), version("newest", 3, "-"), version("middle", 2, "none")]
    counts = reader.csv(as_csv([*page, {"Id": account(2), "Name": "y", "Website": "y.com", "SystemModstamp": NOW}]))
    assert (counts.read, counts.created, counts.skipped) == (4, 2, 2)
    assert counts.reasons == {"row_repeated": 2, "website_placeholder": 1, "value_unreadable": 1}
    assert set(Account.objects.values_list("name", flat=True)) == {"newest", "y"}
    assert reader.findings("website_placeholder") == [(account(1), "Website", "-")]
    again = reader.json(json.dumps([page[0]]).encode(), json.dumps([page[1]]).encode())
    assert (again.read, again.created, again.unchanged, again.reasons) == (2, 0, 1, {"row_repeated": 1})


def test_ids_that_differ_only_in_case_are_two_records(reader: Reader) -> None:
    rows = [{"Id": f"001{letter * 15}", "Name": letter, "SystemModstamp": NOW} for letter in "aA"]
    assert reader.csv(as_csv(rows)).created == 2


# --- NUL, surrogates, bytes


def test_a_nul_is_taken_out_and_said_by_csv(reader: Reader) -> None:
    rows = [{"Id": account(n), "Name": f"A{n}", "Website": f"a{n}.com", "SystemModstamp": NOW} for n in (1, 2, 3)]
    page = as_csv(rows).replace(b"A2", b"A\0002\0").replace(b"a3.com", b"\0")
    counts = reader.csv(page)
    assert (counts.created, counts.reasons) == (3, {"nul_removed": 2, "no_website": 1})
    assert reader.findings("nul_removed") == [(account(2), "Name", "A2"), (account(3), "Website", "")]
    assert list(Account.objects.order_by("name").values_list("name", "website")) == [
        ("A1", "a1.com"), ("A2", "a2.com"), ("A3", None),
    ]  # fmt: skip


def test_a_nul_is_taken_out_and_said_by_json(reader: Reader) -> None:
    rows = [
        {"Id": account(1), "Name": "Before", "Website": "a.com", "Industry": "the text \\u0000 and \\\\u0000"},
        {"Id": account(2), "Name": "N\0UL\0", "Website": "b.com", "Industry": "\\\0\\", "attributes": {"a\0": ["\0"]}},
        {"Id": account(3), "Name": "After", "Website": "c.com", "AnnualRevenue": 5, "Industry": None},
    ]
    counts = reader.json(json.dumps(rows).encode())
    assert (counts.created, counts.reasons) == (3, {"nul_removed": 2})
    assert reader.findings("nul_removed") == [(account(2), "Name", "NUL"), (account(2), "Industry", "\\\\")]
    assert list(Account.objects.order_by("name").values_list("name", "industry", "revenue")) == [
        ("After", None, 5), ("Before", "the text \\u0000 and \\\\u0000", None), ("NUL", "\\\\", None),
    ]  # fmt: skip


def test_a_nul_in_an_id_leaves_the_id(reader: Reader) -> None:
    counts = reader.csv(as_csv([{"Id": account(1), "Name": "x", "Website": "xco.com"}]).replace(b"001", b"0\00001", 1))
    assert (counts.created, counts.reasons) == (1, {"nul_removed": 1})
    assert reader.findings("nul_removed") == [(account(1), "Id", account(1))]


def test_the_mark_of_a_nul_is_kept_where_there_was_none(reader: Reader) -> None:
    """An honest U+FDD0 is text like any other; only beside a NUL it can't be told from the mark."""
    for n, counts in zip((1, 2), reader.both({"Name": "a\ufdd0b", "Website": "x{n}.com"}), strict=True):
        assert (reader.hostile(n).name, counts.reasons) == ("a\ufdd0b", {})


def test_half_a_surrogate_pair_becomes_the_replacement_character(reader: Reader) -> None:
    page = (
        f'[{{"Id": "{account(1)}", "Name": "a\\ud800b", "Website": "a.com"}},'
        f'{{"Id": "{account(2)}", "Name": "\\ud83d\\ude00", "Website": "b.com"}},'
        f'{{"Id": "{account(3)}", "Name": "\\udc00\\ud800", "Website": "c.com"}}]'
    )
    counts = reader.json(page.encode())
    assert (counts.created, counts.reasons) == (3, {"text_replaced": 2})
    assert set(Account.objects.values_list("name", flat=True)) == {"a\ufffdb", "😀", "\ufffd\ufffd"}


def test_bytes_that_are_no_characters_by_json(reader: Reader) -> None:
    page = f'[{{"Id": "{account(1)}", "Name": "Caf\xe9", "Website": "a.com"}}]'.encode("latin-1")
    counts = reader.json(page)
    assert (counts.created, counts.reasons) == (1, {"text_replaced": 1})
    assert reader.findings("text_replaced") == [(account(1), "Name", "Caf\ufffd")]


def test_bytes_that_are_no_characters_by_csv_are_refused_first_and_then_read_with_care(reader: Reader) -> None:
    rows = [{"Id": account(n), "Name": f"A{n}", "Website": f"a{n}.com", "SystemModstamp": NOW} for n in (1, 2, 3)]
    page = as_csv(rows).replace(b"A2", b"Caf\xe9")
    with pytest.raises(psycopg.DataError):
        reader.csv(page)
    assert not Account.objects.exists()
    counts = reader.csv(page, careful=True)
    assert (counts.created, counts.reasons) == (3, {"text_replaced": 1})
    assert set(Account.objects.values_list("name", flat=True)) == {"A1", "Caf\ufffd", "A3"}


@pytest.mark.parametrize(
    "damage",
    [b'"001000000000000009","too few"\n', b'"x",' * 20 + b'"too many"\n', b'"001000000000000009","no end', b'"a"b"\n'],
)
def test_damaged_rows_are_refused_first_and_then_left_out_and_counted(reader: Reader, damage: bytes) -> None:
    rows = [{"Id": account(n), "Name": f"A{n}", "Website": f"a{n}.com", "SystemModstamp": NOW} for n in (1, 2)]
    at_the_end = b"no end" in damage
    page = as_csv(rows) + damage if at_the_end else as_csv(rows[:1]) + damage + as_csv(rows[1:])
    with pytest.raises(psycopg.DataError):
        reader.csv(page)
    counts = reader.csv(page, careful=True)
    assert (counts.read, counts.created) == (3, 2)
    assert set(Account.objects.values_list("name", flat=True)) == {"A1", "A2"}


# --- shapes


def test_columns_may_come_in_any_order_and_case_and_one_that_is_missing_is_empty(reader: Reader) -> None:
    columns = ["website", "NAME", "id"]
    counts = reader.csv(as_csv([{"website": "a.com", "NAME": "A", "id": account(1)}], columns), columns)
    assert counts.created == 1
    assert Account.objects.values_list("name", "domain", "industry").get() == ("A", "a.com", None)


def test_a_column_that_nobody_asked_for_is_an_error_that_names_it(reader: Reader) -> None:
    with pytest.raises(KeyError, match="surprise"):
        reader.csv(b'"x"\n', ["Surprise"])


def test_records_of_json_that_are_none(reader: Reader) -> None:
    good = f'{{"Id": "{account(1)}", "Name": "x", "Website": "xco.com"}}'
    page = f'[null, 1, "text", [], {{}}, {{"Id": {{"a": 1}}}}, {good}]'
    counts = reader.json(page.encode())
    assert (counts.read, counts.created, counts.skipped, counts.reasons) == (7, 1, 6, {"row_unusable": 6})


@pytest.mark.parametrize(
    "page", [b"<html>Sorry</html>", b"", b"[", b'{"records": []}', b'[{"Id": "x"', b"null", b"[" * 5000]
)
def test_what_is_no_json_is_refused_and_earlier_pages_stay_staged(reader: Reader, page: bytes) -> None:
    good = json.dumps([{"Id": account(1), "Name": "x", "Website": "xco.com"}]).encode()
    with pytest.raises(psycopg.DataError, match="the records are no JSON"):
        reader.json(good, page)
    assert not Account.objects.exists()
    assert reader.json(good).created == 1


def test_a_page_that_needs_writing_anew_does_not_cost_the_page_before(reader: Reader) -> None:
    first = json.dumps([{"Id": account(1), "Name": "x", "Website": "xco.com"}]).encode()
    second = json.dumps([{"Id": account(2), "Name": "N\0", "Website": "y.com"}]).encode()
    counts = reader.json(
        first, second, first.replace(account(1).encode(), account(3).encode()).replace(b"xco.com", b"z.com")
    )
    assert (counts.read, counts.created, counts.reasons) == (3, 3, {"nul_removed": 1})


def test_the_entries_of_one_chunk_are_not_counted_again_with_the_next(reader: Reader) -> None:
    page = json.dumps([{"Id": account(1), "Name": "N\0", "Website": "xco.com"}, {"Id": "x"}]).encode()
    assert reader.json(page).reasons == {"nul_removed": 1, "row_unusable": 1}
    plain = json.dumps([{"Id": account(2), "Name": "y", "Website": "y.com"}]).encode()
    run, cause = reader.run, Cause.objects.latest("id")
    with sessions.session("test", sessions.IMPORT_SETTINGS) as session:
        target = Target(reader.connection.pk, run.pk, cause.pk, START, None)
        writer = ChunkWriter(reader.plan("Account"), session, target)
        writer.prepare()
        found = []
        for staged in (page.replace(b"001", b"00a"), plain):
            writer.stage_records(staged)
            writer.type_rows()
            found.append(writer.apply().reasons)
            session.commit()
    assert found == [{"nul_removed": 1, "row_unusable": 1, "duplicate": 1}, {}]


def test_a_role_as_long_as_a_text_may_be(reader: Reader) -> None:
    """The role is part of a unique index, which holds no text of that length."""
    chance = random.Random(7)
    text = "".join(chance.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(131_072))
    reader.json(json.dumps([reader.org.record(Id=contact(1), LastName="C")]).encode(), sobject="Contact")
    deal = reader.org.record(Id=opportunity(1), Name="Deal", StageName="Won", CloseDate="2026-02-28")
    reader.json(json.dumps([deal]).encode(), sobject="Opportunity")
    rows = [
        reader.org.record(Id=role(n), OpportunityId=opportunity(1), ContactId=contact(1), Role=named)
        for n, named in enumerate([text, "Buyer"])
    ]
    counts = reader.json(json.dumps(rows).encode(), sobject="OpportunityContactRole")
    assert counts.read == 2
    assert set(OpportunityContact.objects.values_list("role", flat=True)) == {text[:255], "Buyer"}


# --- any text at all

CELL = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [*TEXTS.values(), "\0", "a\0b", "1e308", "NaN", "2026-02-30", "xco.com", "true", "-0", " ", "\ud800"]
    ),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(CELL, min_size=10, max_size=10), min_size=1, max_size=6))
def test_any_cells_in_any_column_cost_nobody_else(reader: Reader, rows: list[list[str]]) -> None:
    """By CSV and by JSON the same is stored and counted, and a run over the same again changes nothing."""
    start = random.Random(repr(rows)).randrange(10**12)
    records = [
        {"Id": sf_id("001", start + i), "SystemModstamp": NOW, "IsDeleted": "false", "Website": f"w{start}{i}.com"}
        | dict(
            zip([c for c in COLUMNS if c not in ("Id", "SystemModstamp", "IsDeleted", "Website")], cells, strict=False)
        )
        for i, cells in enumerate(rows)
    ]
    has_lone_half = any("\ud800" in cell for cells in rows for cell in cells)
    counts = reader.json(json.dumps(records).encode())
    assert counts.created == counts.read == len(rows)
    by_json = {m.sf_id: (m.values, m.base) for m in MirrorAccount.objects.filter(sf_id__in=[r["Id"] for r in records])}
    again = reader.csv(as_csv(records), careful=has_lone_half)
    assert (again.created, again.duplicate, again.skipped) == (0, 0, 0)
    if not has_lone_half:
        assert again.updated == 0
        by_csv = {m.sf_id: (m.values, m.base) for m in MirrorAccount.objects.filter(sf_id__in=list(by_json))}
        assert by_csv == by_json
