"""Record locks: rows that somebody else holds for some calls or until released, and records under approval."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from tests.salesforce_emulator.client import Api, Json

from salesforce_emulator.schema import BASE

IN_THE_WAY = "unable to obtain exclusive access to this record or 1 records: {}"


def hold(api: Api, *records: str, **more: Any) -> int:
    answer = api.post("/__emulator/locks", json={"records": list(records), **more})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["id"])


def locked(answer: Any, record_id: str) -> bool:
    """Whether a write was refused for a row lock on this record."""
    if not answer.is_error:
        return False
    expected = {"message": IN_THE_WAY.format(record_id), "errorCode": "UNABLE_TO_LOCK_ROW", "fields": []}
    assert (answer.status_code, answer.json()) == (500, [expected])
    return True


@pytest.fixture
def family(api: Api) -> tuple[Api, str, str]:
    """An account with a contact."""
    account = api.create("Account", Name="Acme")
    return api, account, api.create("Contact", LastName="Doe", AccountId=account)


def test_a_row_is_locked_for_some_calls(family: tuple[Api, str, str]) -> None:
    api, account, _ = family
    hold(api, account[:15], calls=2)
    answers = [api.patch(f"sobjects/Account/{account}", json={"Phone": "1"}) for _ in range(3)]
    assert [locked(answer, account) for answer in answers] == [True, True, False]
    assert api.get("/__emulator/locks").json() == []


def test_a_locked_account_locks_its_contacts(family: tuple[Api, str, str]) -> None:
    api, account, contact = family
    number = hold(api, account)
    assert locked(api.patch(f"sobjects/Contact/{contact}", json={"Phone": "1"}), account)
    assert locked(api.delete(f"sobjects/Contact/{contact}"), account)
    assert locked(api.post("sobjects/Contact", json={"LastName": "New", "AccountId": account}), account)
    other = api.create("Contact", LastName="Other")
    assert locked(api.patch(f"sobjects/Contact/{other}", json={"AccountId": account}), account)
    assert api.get(f"sobjects/Account/{account}").status_code == 200
    assert api.get("/__emulator/locks").json()[0]["refused"] == 4
    assert api.delete(f"/__emulator/locks/{number}").json() == []
    assert api.patch(f"sobjects/Contact/{contact}", json={"Phone": "1"}).status_code == 204
    assert api.delete(f"/__emulator/locks/{number}").status_code == 404


def test_a_call_finds_a_lock_throughout(family: tuple[Api, str, str]) -> None:
    api, account, contact = family
    other = api.create("Contact", LastName="Other")
    hold(api, account, calls=1)
    rows = [{"attributes": {"type": "Contact"}, "id": i, "Phone": "1"} for i in (contact, other, contact)]
    results = api.patch("composite/sobjects", json={"records": rows}).json()
    assert [r["success"] for r in results] == [False, True, False]
    assert results[0]["errors"] == [
        {"statusCode": "UNABLE_TO_LOCK_ROW", "message": IN_THE_WAY.format(account), "fields": []}
    ]
    again = api.patch("composite/sobjects", json={"records": rows}).json()
    assert [r["success"] for r in again] == [True, True, True]


def test_rows_of_a_bulk_job_fail_alone(family: tuple[Api, str, str]) -> None:
    api, account, contact = family
    other = api.create("Contact", LastName="Other")
    hold(api, account)
    info = api.ingest("Contact", "update", f"Id,Phone\n{contact},1\n{other},1\n")
    assert (info["numberRecordsProcessed"], info["numberRecordsFailed"]) == (2, 1)
    failed = list(csv.DictReader(io.StringIO(api.get(f"jobs/ingest/{info['id']}/failedResults").text)))
    assert failed[0]["sf__Error"] == f"UNABLE_TO_LOCK_ROW:{IN_THE_WAY.format(account)}:--"


def test_a_record_under_approval_is_left_to_administrators(family: tuple[Api, str, str]) -> None:
    api, account, contact = family
    rita = {"Authorization": f"Bearer {api.org.access_token(BASE.reps[0])}"}
    hold(api, account, kind="approval")
    refused: list[Json] = [
        api.patch(f"sobjects/Account/{account}", json={"Phone": "1"}, headers=rita),
        api.delete(f"sobjects/Account/{account}", headers=rita),
    ]
    for answer in refused:
        expected = {"message": "the entity is locked for editing", "errorCode": "ENTITY_IS_LOCKED", "fields": []}
        assert (answer.status_code, answer.json()) == (400, [expected])
    assert api.patch(f"sobjects/Contact/{contact}", json={"Phone": "1"}, headers=rita).status_code == 204
    assert api.patch(f"sobjects/Account/{account}", json={"Phone": "1"}).status_code == 204
    assert api.delete("/__emulator/locks").status_code == 200
    hold(api, account, kind="approval", administrators=True)
    assert api.patch(f"sobjects/Account/{account}", json={"Phone": "2"}).json()[0]["errorCode"] == "ENTITY_IS_LOCKED"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"records": []}, "records is a list of record ids"),
        ({"records": ["Acme"]}, "records is a list of record ids"),
        ({"calls": 0}, "calls is a number of at least 1"),
        ({"kind": "gentle"}, "kind is row or approval, not 'gentle'"),
        ({"seconds": 3}, "unknown seconds"),
    ],
)
def test_a_lock_that_cant_be_held_is_refused(api: Api, given: dict[str, Any], message: str) -> None:
    answer = api.post("/__emulator/locks", json={"records": [BASE.administrator], **given})
    assert (answer.status_code, message in answer.json()[0]["message"]) == (400, True)
