"""What an import writes, what it rejects, and what its preview says before."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from tests.audiences.csv_import.files import changes, checked, imported, members, reasons, written

from abmatic.audiences import custom_fields
from abmatic.audiences.csv_import import applying, executing, verbs
from abmatic.audiences.models import Account, Collection, Contact
from abmatic.changes.models import Cause

# An import works in a session of its own, which sees only what is committed.
pytestmark = pytest.mark.django_db(transaction=True)

ACCOUNT = "so we can't check whether this account already exists"
PEOPLE = [
    ["First Name", "Surname", "E-mail", "Title", "Shoe size"],
    ["Ada", "Lovelace", "Ada@Engine.example", "Countess", "38"],
    ["Grace", "Hopper", "grace@navy.example", "Admiral", "39"],
]


def test_people_are_made_with_their_keys_and_one_cause() -> None:
    file = imported("contact", written(PEOPLE))
    assert file.columns == ["first_name", "last_name", "work_email", "job_title", None], "guessed"
    assert (file.state, file.rows, file.counts["created"], file.counts["rejected"]) == ("done", 2, 2, 0)
    ada, grace = Contact.objects.order_by("id")
    assert (ada.first_name, ada.work_email, ada.email_key) == ("Ada", "ada@engine.example", "ada@engine.example")
    assert ada.created_by == grace.created_by == file.cause
    assert file.cause is not None
    assert (file.cause.kind, file.cause.note) == (Cause.Kind.IMPORT, "people.csv")
    assert changes() == [(ada.pk, "", None, None), (grace.pk, "", None, None)]


def test_accounts_are_found_by_their_domain() -> None:
    there = Account.objects.create(name="Acme", website="acme.com", domain="acme.com")
    content = written([["Company", "URL", "Employees"], ["ACME Inc", "https://www.acme.com/about", "1,200"]])
    file = imported("account", content, duplicates="overwrite")
    there.refresh_from_db()
    assert (there.name, there.website, there.employee_count) == ("ACME Inc", "https://www.acme.com/about", 1200)
    assert there.domain == "acme.com"
    assert Account.objects.count() == 1
    assert file.counts["updated"] == 1
    assert file.counts["values"] == 3


@pytest.mark.parametrize(
    ("duplicates", "name", "city", "updated", "unchanged", "skipped"),
    [("skip", "Acme", None, 0, 0, 1), ("overwrite", "Other", "Rome", 1, 0, 0), ("fill", "Acme", "Rome", 1, 0, 0)],
)
def test_what_is_here_already(
    duplicates: str, name: str, city: str | None, updated: int, unchanged: int, skipped: int
) -> None:
    there = Account.objects.create(name="Acme", website="acme.com", domain="acme.com", country="Italy")
    content = written([["Name", "Website", "City", "Country"], ["Other", "acme.com", "Rome", ""]])
    file = checked("account", content, duplicates=duplicates)
    assert file.found is not None
    said = {key: file.found[key] for key in ("created", "updated", "unchanged", "skipped")}
    assert said == {"created": 0, "updated": updated, "unchanged": unchanged, "skipped": skipped}
    assert Account.objects.get().name == "Acme", "a preview writes nothing"
    done = imported("account", content, duplicates=duplicates)
    assert {key: done.counts[key] for key in said} == said
    there.refresh_from_db()
    assert (there.name, there.city, there.country) == (name, city, "Italy"), "an empty cell changes nothing"


def test_an_import_made_twice_changes_nothing_more() -> None:
    content = written([["Name", "Website", "Annual revenue"], ["Acme", "acme.com", "1,000.50"]])
    imported("account", content, duplicates="overwrite")
    before = changes()
    again = imported("account", content, duplicates="overwrite")
    assert (again.counts["updated"], again.counts["unchanged"]) == (0, 1)
    assert changes() == before
    assert Account.objects.get().revenue == Decimal("1000.5")


def test_zero_and_false_are_values() -> None:
    vip = custom_fields.create("account", "Vip", "boolean").name
    Account.objects.create(website="a.com", domain="a.com", employee_count=0)
    content = written([["Website", "Employees", "Vip"], ["a.com", "5", "yes"], ["b.com", "", ""]])
    imported("account", content, duplicates="fill")
    a, b = Account.objects.order_by("id")
    assert a.employee_count == 0
    values = custom_fields.values_of_all("account", [a.pk, b.pk])
    assert [values[pk][0][1] for pk in (a.pk, b.pk)] == [False, False], f"{vip} of a new record is false, not empty"


def test_rows_are_rejected_with_every_reason_and_their_line() -> None:
    content = written([
        ["Name", "Website", "Employees", "Annual revenue"],
        ["Good", "good.com", "1", "2"],
        ["Many", "many.com", "lots", "1.2.3"],
        ["Lines\nand lines", "lines.com", "2", "3"],
        ["None", "", "1", ""],
        ["Placeholder", "n/a", "", ""],
        ["Good again", "www.good.com", "", ""],
    ])  # fmt: skip
    file = imported("account", content)
    assert reasons(file) == {
        3: "Employees: “lots” is no whole number of 0 or more; Annual revenue: “1.2.3” is no number of 0 or more",
        6: f"Website is empty, {ACCOUNT}. Fill it in, or tick “Import them too”.",
        7: "Website: “n/a” is no web address, such as acme.com",
        8: "Line 2 has the same domain, and came first",
    }
    assert (file.counts["created"], file.counts["rejected"], file.counts["repeated"]) == (2, 3, 1)
    assert file.found is not None
    assert (file.found["rejected"], file.found["repeated"], file.found["unfit"]) == (3, 1, {"1": 1, "2": 1, "3": 1})
    assert list(Account.objects.order_by("id").values_list("name", flat=True)) == ["Good", "Lines\nand lines"]


def test_a_contact_without_a_real_address_is_rejected_even_where_keyless_ones_are_taken() -> None:
    content = written([["Last name", "E-mail"], ["A", "not an address"], ["B", ""], ["", ""]])
    assert reasons(imported("contact", content)) == {
        2: "Work e-mail: “not an address” is no e-mail address",
        3: "Work e-mail is empty, so we can't check whether this contact already exists. Fill it in, or tick “Import "
        "them too”.",
    }
    file = imported("contact", content, takes_keyless=True)
    assert reasons(file) == {2: "Work e-mail: “not an address” is no e-mail address"}
    assert list(Contact.objects.values_list("last_name", "email_key")) == [("B", None)]


def test_what_nobody_may_give_a_field_is_rejected_and_said() -> None:
    content = written([
        ["Name", "Website", "Employees", "City"],
        ["Good", "good.com", "0", ""],
        ["Under", "under.com", "-5", ""],
        ["Wrong", "not a url at all", "1", ""],
        ["", "", "1", "Rome"],
        ["Known by name", "", "1", ""],
    ])  # fmt: skip
    file = imported("account", content, takes_keyless=True)
    assert reasons(file) == {
        3: "Employees: “-5” is no whole number of 0 or more",
        4: "Website: “not a url at all” is no web address, such as acme.com",
        5: "It has no Name and no Website, so nobody could tell which it is",
    }
    assert list(Account.objects.order_by("id").values_list("name", flat=True)) == ["Good", "Known by name"]


def test_what_the_record_has_already_is_not_judged() -> None:
    page = custom_fields.create("account", "Page", "url").name
    crm = Account.objects.create(name="Acme", domain="acme.com", website="acme.com", revenue=-5, employee_count=-1)
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE account SET {page} = 'ask Bob' WHERE id = %s", [crm.pk])
    other = Account.objects.create(name="Other", domain="other.com", website="other.com", revenue=-7)
    head = ["Website", "Annual revenue", "Employees", "Page", "City"]
    content = written([
        head,
        ["https://acme.com", "$ -5.00", "-1", "ask Bob ", "Rome"],
        ["other.com", "-8", "", "", "Rome"],
        ["new.com", "-5", "", "", "Rome"],
    ])  # fmt: skip
    columns = ["website", "revenue", "employee_count", page, "city"]
    file = imported("account", content, columns, duplicates="overwrite")
    assert reasons(file) == {
        3: "Annual revenue: “-8” is no number of 0 or more",
        4: "Annual revenue: “-5” is no number of 0 or more",
    }
    assert file.found is not None
    assert (file.found["updated"], file.found["unfit"]) == (1, {"1": 2})
    crm.refresh_from_db()
    other.refresh_from_db()
    assert (crm.revenue, crm.employee_count, crm.city, crm.website) == (-5, -1, "Rome", "https://acme.com")
    assert custom_fields.values_of_all("account", [crm.pk])[crm.pk][0][1] == "ask Bob"
    assert [field for _, field, *_ in changes()] == ["website", "city"]
    assert (other.revenue, other.city) == (-7, None)


def test_nor_does_it_become_a_new_one_when_that_record_is_another_by_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sync gave the record another domain while an import that was killed waited to go on."""
    monkeypatch.setattr(applying, "CHUNK", 1)
    crm = Account.objects.create(name="Acme", domain="acme.com", website="acme.com", revenue=-5)
    content = written([["Website", "Annual revenue"], ["new.com", "5"], ["acme.com", "-5"]])
    file = checked("account", content, ["website", "revenue"], duplicates="overwrite")
    verbs.start_import(file, None)
    write = applying.Applying._write

    class Killed(BaseException):
        """As a process ends."""

    def dies(self: applying.Applying, upto: int) -> None:
        if upto == 2:
            raise Killed
        write(self, upto)

    with monkeypatch.context() as patch:
        patch.setattr(applying.Applying, "_write", dies)
        with pytest.raises(Killed):
            executing.execute(file.pk)
    Account.objects.filter(pk=crm.pk).update(domain="acme.org", website="acme.org")
    executing.execute(file.pk)
    file.refresh_from_db()
    assert (file.state, file.counts["created"], file.counts["rejected"]) == ("done", 1, 1)
    assert reasons(file) == {3: "Annual revenue: “-5” is no number of 0 or more"}
    assert set(Account.objects.values_list("domain", flat=True)) == {"acme.org", "new.com"}


def test_nor_when_it_changes_after_the_file_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    crm = Account.objects.create(name="Acme", domain="acme.com", website="acme.com", revenue=-5)
    file = checked("account", written([["Website", "Annual revenue"], ["acme.com", "-5"]]), ["website", "revenue"])
    verbs.start_import(file, None)
    write = applying.Applying._write

    def write_late(self: applying.Applying, upto: int) -> None:
        Account.objects.filter(pk=crm.pk).update(domain="acme.org")
        write(self, upto)

    monkeypatch.setattr(applying.Applying, "_write", write_late)
    executing.execute(file.pk)
    file.refresh_from_db()
    assert (file.counts["created"], file.counts["rejected"], list(reasons(file))) == (0, 1, [2])


def test_a_website_that_belongs_to_many_is_said_to_be_nobodys_own() -> None:
    file = imported(
        "account", written([["Website"], ["10.0.0.1"], ["linkedin.com"], ["shop.example.org"], ["www.acme"]])
    )
    assert [reason.partition(",")[0] for reason in reasons(file).values()] == [
        "“10.0.0.1” is not a company's own web address",
        "“linkedin.com” is not a company's own web address",
        "“shop.example.org” is not a company's own web address",
        "“www.acme” is not a web address",
    ]


def test_records_join_a_new_collection_and_one_that_is_there() -> None:
    here = Account.objects.create(name="Here", website="here.com", domain="here.com")
    content = written([["Website"], ["here.com"], ["new.com"]])
    file = imported("account", content, collection_name="Fair 2026", duplicates="skip")
    assert file.collection is not None
    assert (file.collection.kind, file.collection.size) == (Collection.Kind.IMPORT, 2)
    new = Account.objects.get(domain="new.com")
    assert members(file.collection_id) == [here.pk, new.pk]
    more = imported("account", written([["Website"], ["third.com"], ["new.com"]]), collection=file.collection_id)
    assert more.collection_id == file.collection_id
    file.collection.refresh_from_db()
    assert file.collection.size == 3


def test_the_preview_shows_rows_field_by_field() -> None:
    there = Account.objects.create(name="Acme", website="acme.com", domain="acme.com")
    content = written([["Name", "Website", "City"], ["Acme", "acme.com", "Rome"], ["New", "new.com", "Oslo"]])
    file = checked("account", content)
    assert file.found is not None
    assert file.found["samples"] == {
        "created": [
            {"line": 3, "id": None, "key": "new.com", "fields": [
                {"field": "name", "before": None, "after": "New"},
                {"field": "website", "before": None, "after": "new.com"},
                {"field": "city", "before": None, "after": "Oslo"},
            ]},
        ],
        "updated": [
            {"line": 2, "id": there.pk, "key": "acme.com",
             "fields": [{"field": "city", "before": None, "after": "Rome"}]},
        ],
    }  # fmt: skip
    assert file.found["fields"] == {"city": 1}


@pytest.mark.parametrize(
    ("how", "text", "field", "value"),
    [
        ({}, "1,234.50", "revenue", Decimal("1234.5")),
        ({}, "$ 1'234", "revenue", Decimal(1234)),
        ({}, "1 234", "employee_count", 1234),
        ({}, "12,34", "revenue", None),
        ({}, "1e3", "revenue", Decimal(1000)),
        ({"decimal_comma": True}, "1.234,50 €", "revenue", Decimal("1234.5")),
        ({"decimal_comma": True}, "1234,5", "revenue", Decimal("1234.5")),
        ({"decimal_comma": True}, "1234.5", "revenue", None),
        ({}, "-0.0000004", "revenue", Decimal(0)),
        ({}, "9" * 30, "revenue", None),
        ({}, "NaN", "revenue", None),
    ],
)
def test_numbers_are_read_as_they_are_written_or_not_at_all(
    how: dict[str, Any], text: str, field: str, value: object
) -> None:
    label = {"revenue": "Annual revenue", "employee_count": "Employees"}[field]
    file = imported("account", written([["Website", label], ["acme.com", text]]), **how)
    if value is None:
        assert file.counts["rejected"] == 1
    else:
        assert getattr(Account.objects.get(), field) == value


@pytest.mark.parametrize(
    ("text", "day_first", "read"),
    [
        ("2026-01-31", False, "2026-01-31"),
        ("2026-01-31 12:30:00", False, "2026-01-31"),
        ("31.1.2026", False, "2026-01-31"),
        ("1/31/2026", False, "2026-01-31"),
        ("31/1/2026", True, "2026-01-31"),
        ("31/1/2026", False, None),
        ("2026-02-30", False, None),
        ("soon", False, None),
    ],
)
def test_dates_are_read_as_they_are_written_or_not_at_all(text: str, day_first: bool, read: str | None) -> None:
    custom_fields.create("account", "Renewal", "date")
    file = imported("account", written([["Website", "Renewal"], ["acme.com", text]]), day_first=day_first)
    if read is None:
        assert reasons(file) == {2: f"Renewal: “{text}” is no date"}
    else:
        (renewal,) = custom_fields.values_of("account", Account.objects.get().pk)
        assert str(renewal[1]) == read
