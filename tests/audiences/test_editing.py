"""Edits of local records: what is written, what is refused and why, and that neighbours don't suffer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from abmatic.audiences import editing
from abmatic.audiences.editing import Edit, Saved, save
from abmatic.audiences.models import Account, Contact, Opportunity
from abmatic.audiences.seen import marks
from abmatic.campaigns.models import Campaign
from abmatic.changes.models import Cause, Change

pytestmark = pytest.mark.django_db


def act() -> Cause:
    return Cause.objects.create(kind=Cause.Kind.USER)


def one(record: str, values: dict[str, Any], **how: Any) -> Saved:
    (saved,) = save(record, [Edit(values, **how)], act)
    return saved


def reasons(saved: Saved) -> list[tuple[str, str]]:
    assert saved.status == "refused"
    return [(problem.code, problem.field) for problem in saved.problems]


def changes() -> list[tuple[str, int, str, Any, Any]]:
    return list(Change.objects.order_by("id").values_list("record", "record_id", "field", "before", "after"))


# -- one record


def test_a_record_is_made_with_its_key_and_says_so() -> None:
    saved = one("account", {"name": " Acme ", "website": "https://www.Acme.com/x", "revenue": "1000.50"})
    account = Account.objects.get()
    assert (saved.status, saved.id) == ("created", account.pk)
    assert (account.name, account.domain, account.revenue) == ("Acme", "acme.com", Decimal("1000.5"))
    assert account.created_by is not None
    assert changes() == [("account", account.pk, "", None, None)]


def test_several_fields_are_changed_each_with_a_change() -> None:
    account = Account.objects.create(name="Acme", city="Rome", country="Italy", employee_count=5, revenue=10)
    saved = one("account", {"city": "Berlin", "employee_count": 0, "revenue": "10.0", "country": None}, id=account.pk)
    assert (saved.status, sorted(saved.fields)) == ("updated", ["city", "country", "employee_count"])
    account.refresh_from_db()
    assert (account.city, account.employee_count, account.country, account.revenue) == ("Berlin", 0, None, 10)
    found = {field: (before, after) for _, _, field, before, after in changes()}
    assert found == {"city": ("Rome", "Berlin"), "employee_count": (5, 0), "country": ("Italy", None)}


def test_what_is_so_already_writes_nothing() -> None:
    account = Account.objects.create(name="Acme", website="acme.com", domain="acme.com", revenue=10)
    was = account.updated_at
    assert one("account", {"name": "Acme", "website": "acme.com", "revenue": 10.0}, id=account.pk).status == "unchanged"
    account.refresh_from_db()
    assert account.updated_at == was
    assert not Cause.objects.exists()


def test_the_key_follows_its_field() -> None:
    contact = Contact.objects.create(last_name="Smith", work_email="sam@acme.com", email_key="sam@acme.com")
    one("contact", {"work_email": " SAM@New-Firm.com "}, id=contact.pk)
    contact.refresh_from_db()
    assert (contact.work_email, contact.email_key) == ("sam@new-firm.com", "sam@new-firm.com")
    one("contact", {"work_email": ""}, id=contact.pk)
    contact.refresh_from_db()
    assert (contact.work_email, contact.email_key) == (None, None)


def test_a_website_that_is_no_key_is_kept_without_one() -> None:
    saved = one("account", {"name": "Acme", "website": "https://gmail.com"})
    account = Account.objects.get(pk=saved.id)
    assert (account.website, account.domain) == ("https://gmail.com", None)


def test_a_contact_is_made_under_its_account() -> None:
    account = Account.objects.create(name="Acme")
    saved = one("contact", {"last_name": "Smith", "account_id": account.pk})
    assert Contact.objects.get(pk=saved.id).account == account
    assert reasons(one("contact", {"last_name": "Smith", "account_id": 10**9})) == [("invalid", "account_id")]
    again = one("contact", {"account_id": None}, id=saved.id)
    assert reasons(again) == [("fixed", "account_id")], "from then on it follows the CRM"
    assert one("contact", {"account_id": account.pk}, id=saved.id).status == "unchanged"


# -- what is refused


@pytest.mark.parametrize(
    ("record", "values", "why"),
    [
        ("account", {"name": 5}, ("invalid", "name")),
        ("account", {"employee_count": "many"}, ("invalid", "employee_count")),
        ("account", {"colour": "red"}, ("unknown", "colour")),
        ("account", {"id": 7}, ("unknown", "id")),
        ("account", {}, ("empty", "")),
        ("account", {"name": " "}, ("empty", "")),
        ("contact", {"work_email": "nobody"}, ("invalid", "work_email")),
        ("contact", {"last_name": "x", "account_id": True}, ("invalid", "account_id")),
        ("opportunity", {"name": "Deal", "is_won": True}, ("fixed", "is_won")),
        ("opportunity", {"close_date": "tomorrow"}, ("invalid", "close_date")),
        ("account", {"name": "Acme", "website": "not a url at all"}, ("invalid", "website")),
        ("account", {"name": "Acme", "employee_count": -5}, ("invalid", "employee_count")),
        ("account", {"name": "Acme", "revenue": "-0.01"}, ("invalid", "revenue")),
        ("account", {"city": "Rome"}, ("invalid", "name")),
        ("contact", {"first_name": "Sam"}, ("invalid", "last_name")),
        ("opportunity", {"amount": 5}, ("invalid", "name")),
    ],
)
def test_what_is_refused(record: str, values: dict[str, Any], why: tuple[str, str]) -> None:
    assert reasons(one(record, values)) == [why]
    assert not Cause.objects.exists()
    assert not Change.objects.exists()


@pytest.mark.parametrize(
    ("record", "name", "value"),
    [("account", "name", None), ("account", "name", "  "), ("contact", "last_name", ""), ("opportunity", "name", None),
     ("opportunity", "stage", None), ("opportunity", "close_date", ""), ("campaign", "name", None)],
)  # fmt: skip
def test_what_a_record_cant_be_without_cant_be_emptied(record: str, name: str, value: str | None) -> None:
    models: dict[str, Any] = {**editing.MODELS, "campaign": Campaign}
    had = {"name": "Deal", "last_name": "Smith", "stage": "Won", "close_date": "2026-01-31"}[name]
    made = models[record].objects.create(**{name: had})
    saved = one(record, {name: value}, id=made.pk)
    assert reasons(saved) == [("invalid", name)]
    assert "can't be empty" in saved.problems[0].reason
    assert saved.problems[0].remedy == "Give a value, or leave it as it is."
    assert not Change.objects.exists()


def test_what_a_crm_gave_is_no_matter_of_an_edit_that_leaves_it_as_it_is() -> None:
    given = {"name": None, "website": "not a url at all", "employee_count": -5}
    account = Account.objects.create(**given)
    assert one("account", {**given, "city": "Rome"}, id=account.pk).fields == ("city",)
    contact = Contact.objects.create(last_name=None, work_email="nobody")
    sent = {"last_name": "", "work_email": "nobody", "phone": "ask at the desk"}
    assert one("contact", sent, id=contact.pk).fields == ("phone",)
    assert reasons(one("contact", {"work_email": "somebody"}, id=contact.pk)) == [("invalid", "work_email")]
    # Away from it anybody may go.
    assert one("account", {"website": None, "employee_count": 0, "name": "Acme"}, id=account.pk).status == "updated"


def test_every_problem_is_told_at_once() -> None:
    assert len(reasons(one("account", {"name": 5, "employee_count": "many", "colour": 1}))) == 3


def test_a_key_that_another_record_has_is_refused_by_its_name() -> None:
    other = Account.objects.create(name="Acme", website="acme.com", domain="acme.com")
    mine = Account.objects.create(name="Mine")
    for saved in (one("account", {"website": "www.acme.com"}), one("account", {"website": "acme.com"}, id=mine.pk)):
        (problem,) = saved.problems
        assert (problem.code, problem.other) == ("duplicate", other.pk)
        assert f"account {other.pk} (Acme) has the domain acme.com already" in problem.reason
    mine.refresh_from_db()
    assert mine.website is None


def test_the_same_text_again_is_no_claim_to_its_key() -> None:
    Account.objects.create(name="Acme", website="acme.com", domain="acme.com")
    second = Account.objects.create(name="Second", website="acme.com")
    assert one("account", {"website": "acme.com", "city": "Rome"}, id=second.pk).fields == ("city",)


def test_what_somebody_has_changed_meanwhile_is_refused() -> None:
    account = Account.objects.create(name="Acme")
    assert one("account", {"name": "New"}, id=account.pk, seen=account.updated_at).status == "updated"
    old = account.updated_at - timedelta(microseconds=1)
    assert reasons(one("account", {"name": "Newer"}, id=account.pk, seen=old)) == [("changed", "")]


def test_what_is_not_there_is_refused() -> None:
    assert reasons(one("opportunity", {"name": "Deal"}, id=10**9)) == [("missing", "")]
    assert reasons(one("account", {"name": "Acme"}, id=10**9)) == [("missing", "")]


# -- many at once


def test_one_that_is_refused_costs_its_neighbours_nothing() -> None:
    there = Account.objects.create(name="There", website="there.com", domain="there.com")
    edits = [
        Edit({"name": "One", "website": "one.com"}, by_key=True),
        Edit({"name": 2}, by_key=True),
        Edit({"name": "Still there", "website": "https://there.com"}, by_key=True),
        Edit({"name": "Keyless"}, by_key=True),
        Edit({"name": "One again", "website": "www.one.com"}, by_key=True),
        Edit({"city": "Rome"}, id=there.pk),
    ]
    saved = save("account", edits, act)
    assert [each.status for each in saved] == ["created", "refused", "updated", "refused", "refused", "refused"]
    assert [reasons(saved[n])[0][0] for n in (1, 3, 4, 5)] == ["invalid", "keyless", "twice", "twice"]
    assert set(Account.objects.values_list("name", "domain")) == {("One", "one.com"), ("Still there", "there.com")}
    assert Cause.objects.count() == 1


def test_two_records_swap_their_keys() -> None:
    a = Account.objects.create(name="A", website="a.com", domain="a.com")
    b = Account.objects.create(name="B", website="b.com", domain="b.com")
    saved = save("account", [Edit({"website": "b.com"}, id=a.pk), Edit({"website": "a.com"}, id=b.pk)], act)
    assert [each.status for each in saved] == ["updated", "updated"]
    assert dict(Account.objects.values_list("name", "domain")) == {"A": "b.com", "B": "a.com"}


def test_a_key_stays_taken_where_its_owner_may_not_leave_it() -> None:
    a = Account.objects.create(name="A", website="a.com", domain="a.com")
    b = Account.objects.create(name="B", website="b.com", domain="b.com")
    Account.objects.create(name="C", website="c.com", domain="c.com")
    saved = save("account", [Edit({"website": "b.com"}, id=a.pk), Edit({"website": "c.com"}, id=b.pk)], act)
    assert [reasons(each) for each in saved] == [[("duplicate", "website")]] * 2


def test_a_thousand_records_take_a_few_statements() -> None:
    first = [Edit({"name": f"Firm {n}", "website": f"firm{n}.com"}, by_key=True) for n in range(1000)]
    with CaptureQueriesContext(connection) as queries:
        assert {each.status for each in save("account", first, act)} == {"created"}
    assert len(queries) < 12
    again = [Edit({"city": "Rome", "website": f"firm{n}.com"}, by_key=True) for n in range(1000)]
    with CaptureQueriesContext(connection) as queries:
        assert {each.status for each in save("account", again, act)} == {"updated"}
    assert len(queries) < 12
    assert Change.objects.filter(field="city").count() == 1000
    clashing = [Edit({"website": f"firm{n}.com"}) for n in range(1000)]
    with CaptureQueriesContext(connection) as queries:
        assert {each.status for each in save("account", clashing, act)} == {"refused"}
    assert len(queries) < 12


def test_opportunities_have_no_key() -> None:
    saved = save("opportunity", [Edit({"name": "Deal"}, by_key=True), Edit({"name": "Deal"}, by_key=True)], act)
    assert [each.status for each in saved] == ["created", "created"]
    assert Opportunity.objects.count() == 2
    assert one("opportunity", {"amount": 5, "close_date": "2026-01-31"}, id=saved[0].id).status == "updated"


# -- several at a time


def in_threads(*acts: Callable[[], Any]) -> list[Any]:
    """What each act answers, all begun together."""
    start, answers = threading.Barrier(len(acts)), [None] * len(acts)

    def perform(number: int) -> None:
        try:
            start.wait()
            answers[number] = acts[number]()
        finally:
            connection.close()

    threads = [threading.Thread(target=perform, args=[number]) for number in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.mark.django_db(transaction=True)
def test_two_who_make_the_same_record_end_with_one() -> None:
    edit = Edit({"name": "Acme", "website": "acme.com"})
    answers = in_threads(*[lambda: save("account", [edit], act)[0].status] * 4)
    assert sorted(answers) == ["created", "refused", "refused", "refused"]
    by_key = Edit({"name": "New", "website": "new.com"}, by_key=True)
    answers = in_threads(*[lambda: save("account", [by_key], act)[0].status] * 4)
    assert sorted(answers) == ["created", "unchanged", "unchanged", "unchanged"]


@pytest.mark.django_db(transaction=True)
def test_many_that_cross_each_other_all_end() -> None:
    names = [f"firm{n}.com" for n in range(30)]
    forth = [Edit({"website": name, "city": "Rome"}, by_key=True) for name in names]
    back = [Edit({"website": name, "country": "Italy"}, by_key=True) for name in reversed(names)]
    for answer in in_threads(lambda: save("account", forth, act), lambda: save("account", back, act)):
        assert {each.status for each in answer} <= {"created", "updated"}
    assert set(Account.objects.values_list("city", "country")) == {("Rome", "Italy")}


@pytest.mark.django_db(transaction=True)
def test_a_key_given_up_while_it_is_looked_for_is_looked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    there = Account.objects.create(name="There", website="there.com", domain="there.com")
    lock = editing._Saving._lock
    waiting = [True]

    def give_up_first(saving: Any) -> None:
        if waiting:
            waiting.clear()
            in_threads(lambda: save("account", [Edit({"website": None}, id=there.pk)], act))
        lock(saving)

    monkeypatch.setattr(editing._Saving, "_lock", give_up_first)
    with transaction.atomic():
        saved = save("account", [Edit({"name": "New", "website": "there.com"}, by_key=True)], act)
    assert [each.status for each in saved] == ["created"]
    assert set(Account.objects.values_list("name", "domain")) == {("There", None), ("New", "there.com")}


# -- what the editor saw


def test_a_value_that_the_editor_never_saw_is_not_written_over() -> None:
    account = Account.objects.create(name="Acme", city="Rome", revenue=Decimal("10.50"))
    saw = marks("account", account.pk)
    assert one("account", {"city": "Berlin"}, id=account.pk, saw={"city": saw["city"]}).status == "updated"
    refused = one("account", {"city": "Bonn", "revenue": 1}, id=account.pk, saw=saw)
    assert reasons(refused) == [("changed", "city")]
    account.refresh_from_db()
    assert (account.city, account.revenue) == ("Berlin", Decimal("10.5")), "nothing of a refused edit is written"
    assert one("account", {"city": "Berlin"}, id=account.pk, saw=saw).status == "unchanged", "both mean the same"
    assert one("account", {"revenue": "10.500000"}, id=account.pk, saw=saw).status == "unchanged"
    assert one("account", {"city": "Bonn"}, id=account.pk, saw=marks("account", account.pk)).status == "updated"


def test_campaigns_are_edited_but_for_what_follows_from_the_crm() -> None:
    campaign = Campaign.objects.create(name="Fair", is_active=False)
    edit = {"is_active": True, "start_date": "2026-03-01", "actual_cost": "12.5"}
    assert one("campaign", edit, id=campaign.pk).status == "updated"
    campaign.refresh_from_db()
    assert (campaign.is_active, str(campaign.start_date), campaign.actual_cost) == (True, "2026-03-01", Decimal("12.5"))
    assert {record for record, *_ in changes()} == {"campaign"}
    assert reasons(one("campaign", {"currency": "EUR"}, id=campaign.pk)) == [("fixed", "currency")]
