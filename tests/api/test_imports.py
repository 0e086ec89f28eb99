"""A file that a program sends: mapped, previewed, imported and reported, once however often it is sent."""

from __future__ import annotations

from typing import Any

import pytest
from tests.api.conftest import Program, fault

from abmatic.audiences.csv_import import jobs
from abmatic.audiences.csv_import.models import FileImport, FilePart
from abmatic.audiences.models import Account, Contact
from abmatic.identity.models import ApiKey

pytestmark = pytest.mark.django_db(transaction=True)

FILE = b"Name,E-mail,Firm,Notes\nAda,ada@x.com,Acme,1\nBob,bob@x.com,Unknown,2\nCy,none,Acme,3\n"


def send(operator: Program, content: bytes = FILE, record: str = "contact", **headers: str) -> Any:
    return operator.post(f"/imports?record={record}&name=fair.csv", content, **headers)


def work(number: int) -> None:
    """What a worker does."""
    jobs.work(number)


def test_from_the_file_to_its_rejected_rows(operator: Program) -> None:
    Account.objects.create(name="Acme")
    made = send(operator)
    assert (made.status_code, made.json()["state"]) == (201, "mapping")
    assert [(each["heading"], each["field"]) for each in made.json()["columns"]] == [
        ("Name", None), ("E-mail", "work_email"), ("Firm", None), ("Notes", None),
    ]  # fmt: skip
    number = made.json()["id"]
    wanted = {"columns": {"Name": "last_name", "firm": "account_by_name"}, "missing_account": "leave"}
    asked = operator.post(f"/imports/{number}/preview", wanted)
    assert (asked.status_code, asked.json()["state"]) == (202, "checking")
    assert "already being made" in fault(operator.post(f"/imports/{number}/preview", {}), 409)["detail"]
    work(number)
    told = operator.get(f"/imports/{number}").json()
    assert (told["state"], told["found"]["created"], told["found"]["rejected"]) == ("checked", 2, 1)
    assert (told["found"]["accounts"]["linked"], told["found"]["accounts"]["missing"]) == (1, 1)
    assert not Contact.objects.exists()
    old = told["revision"] - 1
    assert "changed since you saw it" in fault(operator.post(f"/imports/{number}/start?revision={old}"), 409)["detail"]
    begun = operator.post(f"/imports/{number}/start?revision={told['revision']}")
    assert (begun.status_code, begun.json()["state"]) == (202, "importing")
    work(number)
    told = operator.get(f"/imports/{number}").json()
    assert (told["state"], told["done"], told["rows"]) == ("done", 3, 3)
    assert (told["counts"]["created"], told["counts"]["linked"], told["counts"]["unlinked"]) == (2, 1, 1)
    rejected = operator.get(f"/imports/{number}/rejected").json()
    assert [(each["line"], each["reason"]) for each in rejected["items"]] == [
        (4, "Work e-mail: “none” is no e-mail address")
    ]
    left = operator.get(f"/imports/{number}/rejected", without_account=True).json()
    assert [each["reason"] for each in left["items"]] == ["Account: no account has the name “Unknown”"]
    assert [each["id"] for each in operator.get("/imports", record="contact").json()["items"]] == [number]
    assert operator.get("/imports", record="account").json() == {"items": [], "next": None}
    cause = FileImport.objects.get().cause
    assert cause is not None
    assert cause.api_key == ApiKey.objects.get()
    assert "is done already" in fault(operator.post(f"/imports/{number}/cancel"), 409)["detail"]


def test_sent_twice_is_kept_once(operator: Program) -> None:
    first = send(operator, Idempotency_Key="fair-1")
    again = send(operator, Idempotency_Key="fair-1")
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (FileImport.objects.count(), FilePart.objects.count()) == (1, 1)
    assert fault(send(operator, b"E-mail\na@x.com\n", Idempotency_Key="fair-1"), 422)["code"] == "key_used"
    assert FileImport.objects.count() == 1
    number = first.json()["id"]
    asked = [operator.post(f"/imports/{number}/preview", {}, Idempotency_Key="p") for _ in range(2)]
    assert asked[0].json() == asked[1].json()


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "fair.csv is empty"), (b"PK\x03\x04", "Excel workbook"), (b"Name\n", "no row below it")]
)
def test_what_is_no_file_is_not_kept(operator: Program, content: bytes, said: str) -> None:
    assert said in fault(send(operator, content), 422)["detail"]
    assert not FileImport.objects.exists()


def test_a_file_above_the_limit(operator: Program, settings: Any) -> None:
    object.__setattr__(settings.ENVIRONMENT, "import_file_megabytes", 1)
    try:
        told = fault(send(operator, b"E-mail\n" + b"x" * (3 << 20)), 422)
    finally:
        object.__setattr__(settings.ENVIRONMENT, "import_file_megabytes", 500)
    assert "larger than 1 MB" in told["detail"]
    assert not FilePart.objects.exists()


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"columns": {"Shoe": "last_name"}}, "“Shoe” is no column"),
        ({"columns": {"Name": "shoe"}}, "“shoe” is no field"),
        ({"columns": {"E-mail": None}}, "No column goes to"),
        ({"columns": {"Firm": "account_by_crm_id"}, "missing_account": "create"}, "can't be created from its Id"),
        ({"collection": 999}, "not there any more"),
    ],
)
def test_choices_that_make_no_sense(operator: Program, wanted: dict[str, Any], said: str) -> None:
    number = send(operator).json()["id"]
    told = fault(operator.post(f"/imports/{number}/preview", wanted), 422)
    assert (told["code"], said in told["detail"]) == ("invalid_mapping", True), told
    assert operator.get(f"/imports/{number}").json()["state"] == "mapping"


def test_rejected_rows_come_in_pages(operator: Program) -> None:
    number = send(operator, b"E-mail\n" + b"none\n" * 5).json()["id"]
    operator.post(f"/imports/{number}/preview", {})
    work(number)
    first = operator.get(f"/imports/{number}/rejected", limit=3).json()
    rest = operator.get(f"/imports/{number}/rejected", limit=3, cursor=first["next"]).json()
    assert [each["line"] for each in [*first["items"], *rest["items"]]] == [2, 3, 4, 5, 6]
    assert rest["next"] is None
    assert operator.post(f"/imports/{number}/cancel").json()["state"] == "cancelled"
