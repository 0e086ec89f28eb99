"""The pages of an import: a file is given, mapped, looked at, imported; who may is in test_roles."""

from __future__ import annotations

import io
import re
from html import unescape
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from abmatic.audiences.csv_import import jobs, verbs
from abmatic.audiences.csv_import.models import FileImport, FilePart
from abmatic.audiences.models import Account, Collection
from abmatic.identity.models import User

pytestmark = pytest.mark.django_db(transaction=True)

FILE = b"Company,URL,Employees,Notes\nAcme,acme.com,12,=1+1\nMany,many.com,lots,=2+2\nAgain,www.acme.com,,\n"


def give(browser: Client, content: bytes = FILE, name: str = "fair.csv", record: str = "accounts") -> Any:
    return browser.post(f"/{record}/csv/", {"file": SimpleUploadedFile(name, content)})


def form(**changed: str) -> dict[str, str]:
    usual = {"field-0": "Name", "field-1": "Website", "field-2": "Employees", "field-3": "", "duplicates": "fill"}
    return {**usual, "decimal": ".", "days": "", "do": "check", **changed}


def worked(address: str) -> FileImport:
    """What a worker does."""
    file = FileImport.objects.get(pk=int(address.rstrip("/").rpartition("/")[2]))
    jobs.work(file.pk)
    file.refresh_from_db()
    return file


def test_a_file_from_giving_it_to_its_rejected_rows(admin: Client, alice: User) -> None:
    address = give(admin).headers["Location"]
    page = admin.get(address).text
    for text in ("UTF-8, comma", "acme.com", 'value="Website"', "1 value doesn’t fit"):
        assert text in page, text
    assert admin.post(address, form(collection_name="Fair")).headers["Location"] == address
    assert "Waiting for a worker" in admin.get(address).text
    worked(address)
    page = admin.get(address).text
    for text in ("3 rows read; nothing is written yet", "New accounts", "acme.com", "“lots” is no whole number"):
        assert text in page, text
    assert not Account.objects.exists()
    admin.post(f"{address}start/", {"revision": FileImport.objects.get().revision})
    assert "Waiting for a worker" in admin.get(f"{address}live/").text
    file = worked(address)
    assert admin.get(f"{address}live/").headers["HX-Refresh"] == "true"
    page = admin.get(address).text
    for text in ("Done", "Line 2 has the same domain", "All 2 as CSV", "Fair"):
        assert text in page, text
    assert file.asked_by == alice
    report = admin.get(f"{address}rejected.csv").getvalue()
    assert report.decode("utf-8-sig").splitlines() == [
        "Line,Reason,Company,URL,Employees,Notes",
        "3,Employees: “lots” is no whole number of 0 or more,Many,many.com,lots,'=2+2",
        '4,"Line 2 has the same domain, and came first",Again,www.acme.com,,',
    ]
    (new,) = set(re.findall(r'href="(/accounts/\?filter=[^"]+made_by[^"]+)"', page))
    found = admin.get(unescape(new)).text
    assert "acme.com" in found
    assert "new from the import of “fair.csv”" in found
    listed = admin.get("/accounts/csv/").text
    assert "fair.csv" in listed
    assert "Alice Adler" in listed
    collection = Collection.objects.get()
    assert f'href="{address}"' in admin.get(f"/accounts/collections/{collection.pk}/").text


def test_what_was_changed_is_led_to_as_well(admin: Client) -> None:
    Account.objects.create(name="Old", website="acme.com", domain="acme.com")
    Account.objects.create(name="Other", website="other.com", domain="other.com")
    address = give(admin, b"Company,URL,Employees,Notes\nAcme,acme.com,12,\nNew,new.com,3,\n").headers["Location"]
    admin.post(address, form(duplicates="overwrite"))
    worked(address)
    admin.post(f"{address}start/", {"revision": FileImport.objects.get().revision})
    worked(address)
    page = admin.get(address).text
    names = {}
    for word in ("made_by", "changed_by"):
        (link,) = set(re.findall(rf'href="(/accounts/\?filter=[^"]+{word}[^"]+)"', page))
        shown = admin.get(unescape(link)).text
        names[word] = [name for name in ("Acme", "New", "Other") if f">{name}<" in shown]
    assert names == {"made_by": ["New"], "changed_by": ["Acme"]}


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"PK\x03\x04xl", "it is an Excel workbook"), (b"", "fair.csv is empty"), (b"Name\n", "no row below it")],
)
def test_what_cannot_be_read_is_said(admin: Client, content: bytes, said: str) -> None:
    answer = give(admin, content)
    assert answer.status_code == 400
    assert said in answer.text
    assert not FileImport.objects.exists()


def test_a_file_above_the_limit_is_refused_in_words(admin: Client, settings: Any) -> None:
    object.__setattr__(settings.ENVIRONMENT, "import_file_megabytes", 1)
    try:
        answer = give(admin, b"Name,Website\n" + b"x" * (3 << 20))
    finally:
        object.__setattr__(settings.ENVIRONMENT, "import_file_megabytes", 500)
    assert answer.status_code == 400
    assert "larger than 1 MB" in answer.text
    assert not FilePart.objects.exists()


def test_a_form_without_its_token_keeps_nothing(alice: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    assert give(browser).status_code == 403
    assert not FileImport.objects.exists()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"field-3": "Website"}, "both go to Website"),
        ({"field-3": "Shoe size"}, "“Shoe size” is no field"),
        ({"field-1": ""}, "No column goes to Website"),
        ({"duplicates": "burn"}, "Choose what happens"),
        ({"collection": "999"}, "not there any more"),
    ],
)
def test_choices_that_do_not_fit_are_said_and_kept_in_the_form(
    admin: Client, changed: dict[str, str], said: str
) -> None:
    address = give(admin).headers["Location"]
    answer = admin.post(address, form(**changed))
    assert answer.status_code == 400
    assert said in answer.text
    assert 'value="Employees"' in answer.text
    for text in changed.values():
        assert text in answer.text or text in {"burn", "999", ""}


def test_notes_follow_what_is_chosen(admin: Client) -> None:
    address = give(admin).headers["Location"]
    said = admin.post(f"{address}notes/", form(**{"field-0": "Employees", "field-2": ""})).text
    assert "3 values don’t fit" in said
    said = admin.post(f"{address}notes/", form(**{"field-3": "Website", "field-0": "Nonsense"})).text
    assert "“URL” goes there already." in said
    assert "There is no such field." in said


def test_an_encoding_is_chosen(admin: Client) -> None:
    address = give(admin, "Name,Website\nMüller,müller.de\n".encode("cp1252")).headers["Location"]
    assert "Windows-1252" in admin.get(address).text
    assert "Müller" in admin.get(address).text
    admin.post(address, {"do": "read", "encoding": "utf-8-sig", "delimiter": ","})
    assert FileImport.objects.get().encoding == "utf-8-sig"


def test_giving_up_and_going_back_to_the_columns(admin: Client) -> None:
    address = give(admin).headers["Location"]
    admin.post(address, form())
    worked(address)
    assert "What each column is" in admin.get(f"{address}?edit").text
    admin.post(f"{address}cancel/")
    assert "Cancelled" in admin.get(address).text
    said = admin.post(f"{address}start/", follow=True).text
    assert "is cancelled already" in said


def test_a_preview_that_is_not_the_last_one_is_not_imported(admin: Client) -> None:
    address = give(admin).headers["Location"]
    admin.post(address, form())
    seen = worked(address).revision
    assert f'name="revision" value="{seen}"' in admin.get(address).text
    admin.post(address, form(**{"field-0": ""}))
    worked(address)
    for revision in (str(seen), "", "x"):
        said = admin.post(f"{address}start/", {"revision": revision}, follow=True).text
        assert "changed since you saw it" in said
        assert "nothing is written yet" in said
    assert FileImport.objects.get().state == "checked"


def test_an_import_that_failed_goes_on(admin: Client) -> None:
    address = give(admin).headers["Location"]
    admin.post(address, form(collection_name="Fair"))
    admin.post(f"{address}start/", {"revision": worked(address).revision})
    verbs.fail(FileImport.objects.get().pk, "The disk is full.")
    page = admin.get(address).text
    assert "The disk is full." in page
    assert "Go on" in page
    Collection.objects.all().delete()
    assert 'The collection “<span dir="auto">Fair</span>” was deleted' in admin.get(address).text
    admin.post(f"{address}start/")
    assert worked(address).state == "done"
    page = admin.get(address).text
    assert "Go on" not in page
    assert "the records are in no collection" in page


def test_one_kind_of_record_does_not_open_the_files_of_another(admin: Client) -> None:
    address = give(admin).headers["Location"].replace("accounts", "contacts")
    for part in ("", "live/", "rejected.csv"):
        assert admin.get(f"{address}{part}").status_code == 404
    for part in ("notes/", "start/", "cancel/"):
        assert admin.post(f"{address}{part}").status_code == 404


def test_pages_ask_little_of_the_database_however_much_there_is(admin: Client) -> None:
    for number in range(60):
        verbs.take_in("account", f"{number}.csv", io.BytesIO(FILE))
    with CaptureQueriesContext(
        connection,
    ) as listed:
        page = admin.get("/accounts/csv/").text
    assert page.count("chip-running") == 50
    assert "Older imports" in page
    assert len(listed) < 14
    file = FileImport.objects.first()
    assert file is not None
    with CaptureQueriesContext(connection) as shown:
        assert admin.get(f"/accounts/csv/{file.pk}/").status_code == 200
    assert len(shown) < 22
