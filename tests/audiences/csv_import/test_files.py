"""Files as people give them: how they are written is found, what is wrong costs its row, what can't be read is said."""

from __future__ import annotations

import codecs
import tracemalloc
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from tests.audiences.csv_import.files import checked, given, imported, reasons, rows_of, written

from abmatic.audiences import custom_fields
from abmatic.audiences.csv_import import dialect, keeping, rejected, staging, storage, verbs
from abmatic.audiences.csv_import.mapping import Mapping, mapped_columns
from abmatic.audiences.csv_import.models import FileImport, FilePart, RejectedRow
from abmatic.audiences.csv_import.reading import Rows
from abmatic.audiences.csv_import.refusals import FileRefused, ImportRefused, MappingRefused
from abmatic.audiences.csv_import.verbs import Choices
from abmatic.audiences.export import export
from abmatic.audiences.formulas import harmless
from abmatic.audiences.models import Account, Collection, Contact
from abmatic.audiences.selection import Selection
from abmatic.postgres import sessions

pytestmark = pytest.mark.django_db(transaction=True)

MUNICH = [["Name", "Website"], ["Müller & Söhne – €", "müller.de"], ["Straße", "strasse.de"]]


@pytest.mark.parametrize(
    ("mark", "encoding", "found"),
    [
        (b"", "utf-8", "utf-8-sig"),
        (codecs.BOM_UTF8, "utf-8", "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16-le", "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be", "utf-16-be"),
        (b"", "utf-16-le", "utf-16-le"),
        (b"", "cp1252", "cp1252"),
    ],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encoding_and_separator_are_found(mark: bytes, encoding: str, found: str, delimiter: str) -> None:
    file = given("account", mark + written(MUNICH, encoding, delimiter=delimiter))
    assert (file.encoding, file.delimiter, file.header) == (found, delimiter, ["Name", "Website"])
    assert file.sample[0] == ["Müller & Söhne – €", "müller.de"]


def test_what_excel_writes() -> None:
    text = 'sep=;\r\nName;Website;Annual revenue\r\n"Line 1\nLine 2";acme.com;1.234,50\r\nShort;short.com\r\n;;\r\n'
    file = imported("account", text.encode("cp1252"))
    assert (file.delimiter, file.decimal_comma, file.rows) == (";", True, 2)
    acme, short = Account.objects.order_by("id")
    assert (acme.name, acme.revenue, short.revenue) == ("Line 1\nLine 2", 1234.5, None)


def test_a_few_broken_bytes_cost_their_rows_and_the_encoding_stays() -> None:
    good = "\n".join(f"Zoë {number},zoe{number}.com" for number in range(20)).encode()
    file = imported("account", b"Name,Website\n" + good + b"\nBroken \xff,broken.com\nNul\x00,nul.com\n")
    assert file.encoding == "utf-8-sig"
    assert reasons(file) == {
        22: "The row holds bytes that are no characters in the file's encoding",
        23: "The row holds a NUL character, which can't be stored",
    }
    assert file.counts["created"] == 20


@pytest.mark.parametrize(
    ("content", "encoding", "parts"),
    [
        (b"Name,Website\n" + b"x,y\n" * 1_500_000, "utf-8-sig", 3),
        (b"Name,Website\n" + "Zoë,y\n".encode() * 500_000, "utf-8-sig", 2),
        (b"Name,Website\n" + "Zoë,y\n".encode("cp1252") * 500_000, "cp1252", 2),
    ],
)
def test_the_encoding_is_looked_for_in_the_beginning_of_a_large_file(
    content: bytes, encoding: str, parts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialect, "_MOST_LOOKED_AT", 2 << 20)
    file = storage.keep("account", "large.csv", [content], None)
    with CaptureQueriesContext(connection) as asked:
        assert dialect.found(file).encoding == encoding
    assert len(asked) == parts, "one for the heading, the others for the encoding"


def test_batches_end_by_rows_and_by_text(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [[f"N{number}" + "x" * 500, "ignored" * 200, f"f{number}.com"] for number in range(40)]
    file = given("account", written([["Name", "Note", "Website"], *rows]))
    mapping, _, _ = mapped_columns("account", file.header, file.columns)

    def batches() -> list[int]:
        told: list[int] = []
        how = Mapping("account", mapping, FileImport.Duplicates.FILL, False, False, False)
        with sessions.session("test") as session:
            staged = staging.stage(session, Rows(file, dialect.of(file)), how, lambda staged: told.append(staged.rows))
            assert session.execute("SELECT count(*), max(n), sum(length(v0)) FROM typed").fetchone() == (
                40, 40, sum(len(name) for name, *_ in rows),
            )  # fmt: skip
        assert staged.rows == 40
        return told

    assert batches() == [40]
    monkeypatch.setattr(staging, "BATCH", 15)
    assert batches() == [15, 30, 40]
    monkeypatch.setattr(staging, "_PIECE", 1_000)
    monkeypatch.setattr(staging, "BATCH_TEXT", 5_000)
    # A row has about 520 characters that are imported, whatever its other columns hold.
    assert batches() == [10, 20, 30, 40]


def test_memory_does_not_grow_with_the_length_of_rows() -> None:
    long = "x" * 100_000
    content = b"Name,Note,Website\n" + b"".join(f"N,{long},f{number}.com\n".encode() for number in range(400))
    file = given("account", content)
    mapping, _, _ = mapped_columns("account", file.header, ["name", None, "website"])
    how = Mapping("account", mapping, FileImport.Duplicates.FILL, False, False, False)
    with sessions.session("test") as session:
        tracemalloc.start()
        try:
            staging.stage(session, Rows(file, dialect.of(file)), how, lambda _: None)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 16 << 20, "40 MB of rows"


def test_rows_of_endless_lines_and_of_endless_cells_are_refused() -> None:
    cell = '"' + "x\n" * 400_000 + '",'
    with pytest.raises(FileRefused, match=r"The row that begins in line 2 is longer than 8,000,000 characters"):
        given("account", b"Name,Website\n" + (cell * 11).encode() + b"\n")
    file = imported("account", b"Name,Website\nA,a.com" + b"," * 1_000 + b"\nB,b.com\n")
    assert reasons(file) == {2: "The row has 1,002 cells; 1,000 are the most"}
    with pytest.raises(FileRefused, match=r"In line 2 a cell is longer than 1,000,000 characters"):
        given("account", b"Name,Website\n" + b"x" * 1_000_001 + b",a.com\n")


def test_an_encoding_that_was_found_wrongly_is_corrected() -> None:
    file = given("account", written(MUNICH, "cp1252"))
    verbs.read_as(file, "utf-8-sig", ",")
    assert "�" in file.sample[0][0] or "?" in file.sample[0][0]
    verbs.read_as(file, "cp1252", ",")
    assert file.sample[0][0] == "Müller & Söhne – €"
    with pytest.raises(ImportRefused, match="of the list"):
        verbs.read_as(file, "latin-9", ",")


def test_rows_with_more_cells_than_the_heading_are_rejected() -> None:
    file = imported("account", b"Name,Website\nA,a.com,\nB,b.com,more\n")
    assert reasons(file) == {3: "The row has 3 cells, and the heading has 2"}
    assert list(Account.objects.values_list("name", flat=True)) == ["A"]


def test_long_cells_formulas_and_markup_are_kept_as_they_are() -> None:
    names = [
        "W" * 4000,
        "=cmd|' /C calc'!A0",
        "<script>alert(1)</script>",
        "شركة 🚀",
        "'; DROP TABLE account; --",
        "\\.",
    ]
    rows = [[name, f"{number}.example.com"] for number, name in enumerate(names)]
    content = written([["Name", "Website"], *([name, f"firm{number}.com"] for number, (name, _) in enumerate(rows))])
    imported("account", content)
    assert list(Account.objects.order_by("id").values_list("name", flat=True)) == names


def test_what_was_exported_is_imported_as_it_was() -> None:
    phone = custom_fields.create("account", "Phone", "text").name
    values = ["+49 30 123", "=1+1", "@home", "-5", "-5.25", "-5-5", "'=1", "''+1", "'quoted", "＝1", "plain", "it's"]
    rows = [[f"f{number}.com", text] for number, text in enumerate(values)]
    imported("account", written([["Website", "Phone"], *rows]))
    first = rows_of("account", f"domain, {phone}")
    assert len(first) == len(values)
    exported = export(Selection("account"))
    file = [list(map(harmless, row)) for row in (exported.head, *exported.rows())]
    told = {row[file[0].index("Phone")] for row in file[1:]}
    assert {"'+49 30 123", "'=1+1", "'@home", "-5", "-5.25", "'-5-5"} <= told
    Account.objects.all().delete()
    imported("account", written(file))
    assert rows_of("account", f"domain, {phone}") == first


def test_rejected_rows_that_are_corrected_are_imported_as_they_were() -> None:
    file = imported(
        "contact",
        written([["+Name", "E-mail", "Phone"], ["A", "none", "+49 30"]]),
        ["last_name", "work_email", "phone"],
    )
    report = [list(map(harmless, row)) for row in (rejected.head(file), *rejected.rows(file))]
    assert report[0][2] == "'+Name"
    report[1][3] = "a@x.com"
    again = imported("contact", written(report), [None, None, "last_name", "work_email", "phone"])
    assert again.header[2] == "+Name"
    assert Contact.objects.get().phone == "+49 30"


def test_a_cell_that_is_longer_than_any_field_costs_its_row() -> None:
    file = imported("account", written([["Name", "Website"], ["W" * 131_073, "a.com"], ["W" * 131_072, "b.com"]]))
    assert [reason.endswith("is longer than 131,072 characters") for reason in reasons(file).values()] == [True]
    assert Account.objects.count() == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"Name,Website\n", "no row below"),
        (b"PK\x03\x04rest", "Excel workbook"),
        (b"Na\x00me,Website\nx,y\n", "heading holds a NUL"),
        (",".join(["c"] * 1001).encode() + b"\nx\n", "1,001 columns"),
        (
            b'Name,Website\n"never closed,a.com\n' + b"x,y\n" * 400_000,
            'In line 2 a quotation mark .".* is opened and never closed. Add the closing one',
        ),
    ],
)
def test_what_cannot_be_read_is_refused_and_forgotten(content: bytes, said: str) -> None:
    with pytest.raises(FileRefused, match=said):
        given("account", content)
    assert not FileImport.objects.exists()
    assert not FilePart.objects.exists()


def test_a_file_that_breaks_off_further_below_imports_nothing() -> None:
    content = (
        b"Name,Website\n"
        + b"".join(b"F%d,f%d.com\n" % (n, n) for n in range(20))
        + b'"open,z.com\n'
        + b"x,y\n" * 400_000
    )
    file = checked("account", content)
    assert file.state == "mapping"
    assert file.problem.startswith("In line 22 a quotation mark")
    assert not Account.objects.exists()


def test_a_file_above_the_limit_is_refused(settings: Any) -> None:
    object.__setattr__(settings.ENVIRONMENT, "import_file_megabytes", 1)
    try:
        with pytest.raises(FileRefused, match=r"larger than 1 MB.*whoever runs Abmatic.*ABMATIC_IMPORT_FILE_MEGABYTES"):
            given("account", b"Name,Website\n" + b"x" * (1 << 20))
    finally:
        object.__setattr__(settings.ENVIRONMENT, "import_file_megabytes", 500)
    assert not FilePart.objects.exists()


def test_two_columns_on_one_field_and_fields_that_are_none_are_refused() -> None:
    file = given("contact", written([["E-mail", "Mail"], ["a@b.com", "c@d.com"]]))
    assert file.columns == ["work_email", None], "each field once"
    for columns, said in (
        (["work_email", "work_email"], "“E-mail” and “Mail” both go to Work e-mail"),
        (["work_email", "kind"], "'kind' is no field"),
        ([None, None], "No column goes to a field"),
        ([None, "last_name"], "No column goes to Work e-mail"),
        (["work_email"], "other columns"),
    ):
        with pytest.raises(MappingRefused, match=said):
            verbs.choose(file, Choices(columns))


def test_columns_are_guessed_by_what_programs_call_them() -> None:
    headings = ["Mail", "E-Mail Address", "Vorname", "Last Name", "Société", "Mobile Phone", "Phone", "Shoe size", ""]
    file = given("contact", written([headings, ["x"] * len(headings)]))
    assert file.columns == [
        None, "work_email", "first_name", "last_name", "company", None, "phone", None, None,
    ]  # fmt: skip
    assert file.header[-1] == "Column 9"


def test_collections_that_cannot_be_filled_are_refused() -> None:
    file = given("account", written(MUNICH))
    rule = Collection.objects.create(name="Rule", record="account", kind="dynamic", rule={})
    people = Collection.objects.create(name="People", record="contact")
    for choices, said in (
        (Choices(file.columns, collection=rule.pk), "follow its rule"),
        (Choices(file.columns, collection=people.pk), "not there any more"),
        (Choices(file.columns, collection_name="rule"), "already"),
        (Choices(file.columns, collection_name="x" * 121), "1 to 120"),
    ):
        with pytest.raises(MappingRefused, match=said):
            verbs.choose(file, choices)


def test_first_rows_say_what_does_not_fit_while_columns_are_chosen() -> None:
    file = given("account", written([["A", "B"], ["acme.com", "many"], ["b.com", "3"]]))
    assert file.columns == [None, None]
    assert verbs.unfit_at_first(file, Choices(["website", "employee_count"])) == {1: 1}
    assert verbs.unfit_at_first(file, Choices([None, None])) == {}


def test_the_report_holds_the_rows_as_they_were() -> None:
    content = written([
        ["Name", "Website", "Note"], ["=1+1", "", "kept"], ["Good", "good.com", ""], ["Two\nlines", "none", "x"],
    ])  # fmt: skip
    file = imported("account", content)
    assert rejected.head(file) == ["Line", "Reason", "Name", "Website", "Note"]
    first, second = rejected.rows(file)
    so = "so we can't check whether this account already exists"
    missing = f"Website is empty, {so}. Fill it in, or tick “Import them too”."
    assert first == [
        "2",
        missing,
        "=1+1",
        "",
        "kept",
    ]
    assert second[0] == "4"
    assert second[2:] == ["Two\nlines", "none", "x"]


def test_old_files_go_and_what_an_import_did_stays() -> None:
    file = imported("account", written([["Website"], ["a.com"], ["none"]]))
    left = given("account", written(MUNICH))
    now = timezone.now()
    assert keeping.remove_old(now + timedelta(days=6)) == 0
    assert keeping.remove_old(now + timedelta(days=8)) == 2
    assert not FilePart.objects.exists()
    assert not RejectedRow.objects.exists()
    file.refresh_from_db()
    left.refresh_from_db()
    assert (file.state, file.counts["created"], left.state) == ("done", 1, "cancelled")
    assert file.removed_at is not None
    assert keeping.remove_old(now + timedelta(days=9)) == 0


def test_people_whose_names_are_only_marks_are_told_apart_by_address() -> None:
    imported("contact", written([["Last name", "Email"], ["\u200b", "A@x.com"], ["", "a@X.com "]]))
    assert list(Contact.objects.values_list("email_key", flat=True)) == ["a@x.com"]
