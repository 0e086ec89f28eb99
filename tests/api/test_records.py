"""Accounts, contacts and opportunities through the API: read, made, changed, many at once, and sent twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection as database
from django.db import transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from tests.api.conftest import Program, fault
from tests.web import org

from abmatic.api import writing
from abmatic.api.models import KeptAnswer
from abmatic.audiences.models import Account, Contact, Opportunity
from abmatic.changes.models import Cause, Change
from abmatic.identity import api_keys
from abmatic.identity.models import ApiKey
from abmatic.sync.models import Connection

pytestmark = pytest.mark.django_db


# -- reading


def test_an_account_tells_its_values_links_and_sources(viewer: Program, connection: Connection) -> None:
    run = org.run(connection)
    assert run.cause is not None
    account = org.account("Acme", cause=run.cause, domain="acme.com", website="acme.com", revenue=Decimal("10.50"))
    org.change(account, "city", None, "Berlin", cause=run.cause)
    org.link(connection, account, "0015800000000001AAA")
    org.link(connection, account, "0015800000000002AAA", role=org.Role.DUPLICATE)
    answer = viewer.get(f"/accounts/{account.pk}")
    told = answer.json()
    assert (told["name"], told["domain"], told["revenue"]) == ("Acme", "acme.com", 10.5)
    assert answer.headers["ETag"] == told["version"]
    assert [(link["id"], link["is_primary"]) for link in told["salesforce"]] == [
        ("0015800000000001AAA", True),
        ("0015800000000002AAA", False),
    ]
    assert told["salesforce"][0]["url"] == f"{connection.instance_url}/0015800000000001AAA"
    assert told["sources"]["city"]["run"] == run.pk
    assert told["created_by"]["kind"] == "run"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("0", 0),
        ("10.500000", 10.5),
        ("9007199254740993", "9007199254740993"),
        ("12345678901234567890.123456", "12345678901234567890.123456"),
        ("0.100000", 0.1),
    ],
)
def test_a_number_loses_no_digit(operator: Program, value: str, told: Any) -> None:
    account = Account.objects.create(name="Acme", revenue=Decimal(value))
    shown = operator.get(f"/accounts/{account.pk}").json()["revenue"]
    assert shown == told
    operator.patch(f"/accounts/{account.pk}", {"revenue": shown})
    account.refresh_from_db()
    assert account.revenue == Decimal(value)


def test_accounts_by_domain_and_contacts_by_address(viewer: Program) -> None:
    acme = Account.objects.create(name="Acme", domain="acme.com")
    Account.objects.create(name="Other", domain="other.com")
    sam = Contact.objects.create(last_name="Smith", email_key="sam@acme.com", account=acme)
    Contact.objects.create(last_name="Jones", email_key="jo@other.com")
    deal = Opportunity.objects.create(name="Deal", account=acme)
    Opportunity.objects.create(name="Other deal")

    def ids(path: str, **filters: Any) -> list[int]:
        return [item["id"] for item in viewer.get(path, **filters).json()["items"]]

    assert ids("/accounts", domain="https://www.ACME.com/x") == [acme.pk]
    assert ids("/accounts", domain="gmail.com") == []
    assert ids("/contacts", email=" SAM@acme.com ") == [sam.pk]
    assert ids("/contacts", account_id=acme.pk) == [sam.pk]
    assert ids("/opportunities", account_id=acme.pk) == [deal.pk]


def test_only_what_was_updated_since(viewer: Program) -> None:
    old, new = (Account.objects.create(name=name) for name in ("Old", "New"))
    Account.objects.filter(pk=old.pk).update(updated_at=datetime(2020, 1, 1, tzinfo=UTC))
    for since in ("2021-01-01T00:00:00Z", "2021-01-01T00:00:00+02:00"):
        items = viewer.get("/accounts", updated_since=since).json()["items"]
        assert [item["id"] for item in items] == [new.pk]
    fault(viewer.get("/accounts", updated_since="2021-01-01T00:00:00"), 422)


@pytest.mark.parametrize("number", [1, 50])
def test_lists_take_few_statements(viewer: Program, number: int) -> None:
    cause = Cause.objects.create(kind=Cause.Kind.USER)
    for each in range(number):
        account = Account.objects.create(name=f"Firm {each}", created_by=cause)
        contact = Contact.objects.create(last_name=f"Person {each}", account=account)
        Change.objects.create(record="contact", record_id=contact.pk, field="city", after=each, cause=cause)
    viewer.get("/accounts")  # notes the key's use
    for path in ("/accounts", "/contacts", f"/accounts/{account.pk}", f"/contacts/{contact.pk}", "/changes"):
        with CaptureQueriesContext(database) as queries:
            assert viewer.get(path).status_code == 200
        assert len(queries) <= 9, [query["sql"] for query in queries]


# -- writing


def test_what_a_key_makes_says_so(operator: Program) -> None:
    answer = operator.post("/accounts", {"name": "Acme", "website": "acme.com", "employee_count": 5})
    assert answer.status_code == 201
    told = answer.json()
    assert answer.headers["Location"] == f"/api/v1/accounts/{told['id']}"
    assert (told["domain"], told["employee_count"]) == ("acme.com", 5)
    key = ApiKey.objects.get()
    assert told["created_by"]["kind"] == "api"
    assert told["created_by"]["note"] == f"{key.name} ({key.prefix})"
    assert Cause.objects.get().api_key == key


def test_what_a_key_changes_says_so(operator: Program) -> None:
    account = Account.objects.create(name="Acme", city="Rome")
    told = operator.patch(f"/accounts/{account.pk}", {"city": "Berlin"}).json()
    assert (told["city"], told["name"]) == ("Berlin", "Acme")
    assert told["sources"]["city"]["kind"] == "api"
    (change,) = operator.get(f"/accounts/{account.pk}/changes").json()["items"]
    assert (change["field"], change["before"], change["after"]) == ("city", "Rome", "Berlin")
    assert change["cause"]["note"].startswith("a operator's (abm_")


def test_contacts_and_opportunities_are_made_under_an_account(operator: Program) -> None:
    account = Account.objects.create(name="Acme")
    contact = operator.post("/contacts", {"last_name": "Smith", "work_email": "S@acme.com", "account_id": account.pk})
    assert (contact.json()["email_key"], contact.json()["account_id"]) == ("s@acme.com", account.pk)
    deal = operator.post("/opportunities", {"name": "Deal", "close_date": "2026-01-31", "account_id": account.pk})
    assert (deal.json()["close_date"], deal.json()["is_won"]) == ("2026-01-31", False)


def test_what_is_wrong_is_told_field_by_field(operator: Program) -> None:
    told = fault(operator.post("/accounts", {"name": 5, "employee_count": "x", "colour": 1}), 422)
    assert [each["where"] for each in told["errors"]] == ["name", "employee_count", "colour"]
    assert all(each["reason"] and each["remedy"] for each in told["errors"])


@pytest.mark.parametrize(
    ("path", "values", "where"),
    [("accounts", {"name": None}, "name"), ("accounts", {"website": "not a url at all"}, "website"),
     ("accounts", {"employee_count": -5}, "employee_count"), ("contacts", {"last_name": ""}, "last_name"),
     ("opportunities", {"close_date": None}, "close_date")],
)  # fmt: skip
def test_what_nobody_may_give_a_field_is_refused_naming_it(
    operator: Program, path: str, values: dict[str, Any], where: str
) -> None:
    account = org.account("Acme", website="acme.com", domain="acme.com", employee_count=1)
    made = {
        "accounts": account,
        "contacts": org.contact("Smith"),
        "opportunities": org.opportunity(account, close_date="2026-01-31"),
    }
    answer = operator.patch(f"/{path}/{made[path].pk}", values)
    assert answer.status_code == 422
    (told,) = answer.json()["errors"]
    assert (told["where"], told["code"]) == (where, "invalid")
    assert told["remedy"]


def test_a_duplicate_names_the_other_record(operator: Program) -> None:
    other = Account.objects.create(name="Acme", website="acme.com", domain="acme.com")
    told = fault(operator.post("/accounts", {"website": "https://acme.com"}), 409)
    assert told["code"] == "duplicate"
    assert told["errors"][0]["other"] == other.pk
    assert "Acme" in told["detail"]


def test_what_somebody_has_changed_meanwhile_is_not_written_over(operator: Program) -> None:
    account = Account.objects.create(name="Acme")
    path = f"/accounts/{account.pk}"
    version = operator.get(path).headers["ETag"]
    first = operator.patch(path, {"city": "Rome"}, If_Match=version)
    assert first.status_code == 200
    told = fault(operator.patch(path, {"city": "Berlin"}, If_Match=version), 412)
    assert told["code"] == "changed"
    assert operator.patch(path, {"city": "Berlin"}, If_Match=first.headers["ETag"]).status_code == 200
    assert operator.patch(path, {"city": "Bonn"}, If_Match="*").status_code == 200
    fault(operator.patch(path, {"city": "Bonn"}, If_Match="yesterday"), 422)
    fault(operator.patch("/accounts/999999", {"city": "Bonn"}, If_Match="*"), 404)


def test_many_at_once_each_with_its_result(operator: Program) -> None:
    there = Account.objects.create(name="There", website="there.com", domain="there.com")
    records = [
        {"website": "new.com", "name": "New"},
        {"website": "there.com", "city": "Rome"},
        {"name": "Keyless"},
        {"id": "x", "name": "Odd"},
        {"id": there.pk + 1000, "name": "Gone"},
        {"website": "third.com", "employee_count": "many"},
        {"website": "there.com", "name": "Twice"},
    ]
    told = operator.post("/accounts/batch", {"records": records}).json()
    assert [each["status"] for each in told["results"]] == ["created", "updated", *["refused"] * 5]
    assert [each["errors"][0]["code"] for each in told["results"][2:]] == [
        "keyless", "unknown", "missing", "invalid", "twice",
    ]  # fmt: skip
    assert "number 1 of this call" in told["results"][6]["errors"][0]["reason"]
    assert (told["created"], told["updated"], told["unchanged"], told["refused"]) == (1, 1, 0, 5)
    again = operator.post("/accounts/batch", {"records": records[:2]}).json()
    assert again["unchanged"] == 2
    assert Account.objects.count() == 2


def test_a_thousand_at_once_and_no_more(operator: Program) -> None:
    records = [{"website": f"firm{n}.com", "name": f"Firm {n}"} for n in range(1001)]
    fault(operator.post("/accounts/batch", {"records": records}), 422)
    fault(operator.post("/accounts/batch", {"records": []}), 422)
    with CaptureQueriesContext(database) as queries:
        assert operator.post("/accounts/batch", {"records": records[:1000]}).json()["created"] == 1000
    assert len(queries) < 25
    assert Cause.objects.count() == 1


# -- sent twice


def test_sent_again_it_is_answered_as_before_and_not_carried_out(operator: Program) -> None:
    first = operator.post("/accounts", {"name": "Acme"}, Idempotency_Key="one")
    again = operator.post("/accounts", {"name": "Acme"}, Idempotency_Key="one")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert first.headers["Location"] == again.headers["Location"]
    assert (again.headers["Idempotency-Replayed"], first.get("Idempotency-Replayed")) == ("true", None)
    assert operator.post("/accounts", {"name": "Acme"}, Idempotency_Key="two").json()["id"] != first.json()["id"]
    assert Account.objects.count() == 2


def test_the_same_key_for_another_request_is_refused(operator: Program) -> None:
    operator.post("/accounts", {"name": "Acme"}, Idempotency_Key="one")
    for path, body in (("/accounts", {"name": "Other"}), ("/opportunities", {"name": "Acme"})):
        assert fault(operator.post(path, body, Idempotency_Key="one"), 422)["code"] == "key_used"
    assert Account.objects.count() == 1


def test_what_was_refused_may_be_corrected_under_the_same_key(operator: Program) -> None:
    fault(operator.post("/accounts", {"name": 5}, Idempotency_Key="one"), 422)
    assert operator.post("/accounts", {"name": "Acme"}, Idempotency_Key="one").status_code == 201


def test_keys_of_two_programs_are_not_each_others(program: Callable[[str], Program]) -> None:
    answers = [program("operator").post("/accounts", {"name": "Acme"}, Idempotency_Key="one") for _ in range(2)]
    assert answers[0].json()["id"] != answers[1].json()["id"]


def test_answers_are_forgotten_after_a_day(operator: Program) -> None:
    operator.post("/accounts", {"name": "Acme"}, Idempotency_Key="one")
    assert writing.forget_answers() == 0
    KeptAnswer.objects.update(at=timezone.now() - timedelta(hours=25))
    assert operator.post("/accounts", {"name": "Other"}, Idempotency_Key="one").status_code == 201
    KeptAnswer.objects.update(at=timezone.now() - timedelta(hours=25))
    assert writing.forget_answers() == 1


@pytest.mark.parametrize("name", ["", "x" * 256, "a b", "ä"])
def test_a_name_that_is_none(operator: Program, name: str) -> None:
    fault(operator.post("/accounts", {"name": "Acme"}, Idempotency_Key=name), 422)


@pytest.mark.django_db(transaction=True)
def test_sent_twice_at_once_it_is_carried_out_once() -> None:
    _, token = api_keys.create("a program", "operator")
    start, answers = threading.Barrier(6), []

    def send() -> None:
        try:
            start.wait()
            answers.append(Program(token).post("/accounts", {"name": "Acme"}, Idempotency_Key="one"))
        finally:
            database.close()

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Account.objects.count() == 1
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
    for answer in answers:
        if answer.status_code == 409:
            assert fault(answer, 409)["code"] == "in_progress"
    assert Program(token).post("/accounts", {"name": "Acme"}, Idempotency_Key="one").status_code == 201


@pytest.mark.django_db(transaction=True)
def test_while_the_first_is_under_way_the_second_is_told_so() -> None:
    key, token = api_keys.create("a program", "operator")
    asked, released = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                assert writing.taken_until_the_end("api", key.pk, "one")
                asked.set()
                released.wait(30)
        finally:
            database.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert asked.wait(30)
    try:
        answer = Program(token).post("/accounts", {"name": "Acme"}, Idempotency_Key="one")
        assert fault(answer, 409)["code"] == "in_progress"
        assert answer.headers["Retry-After"] == "1"
    finally:
        released.set()
        thread.join()
    assert Program(token).post("/accounts", {"name": "Acme"}, Idempotency_Key="one").status_code == 201


@pytest.mark.django_db(transaction=True)
def test_what_fails_half_way_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    _, token = api_keys.create("a program", "operator")
    program = Program(token)

    def fail(*_: Any) -> None:
        raise RuntimeError("the machine stops here")

    with monkeypatch.context() as broken:
        broken.setattr("abmatic.api.records.whole", fail)
        fault(program.post("/accounts", {"name": "Acme"}, Idempotency_Key="one"), 500)
    assert not Account.objects.exists()
    assert not Change.objects.exists()
    assert not KeptAnswer.objects.exists()
    assert program.post("/accounts", {"name": "Acme"}, Idempotency_Key="one").status_code == 201
