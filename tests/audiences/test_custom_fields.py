"""Custom fields: made while the program runs, and from then on fields like any other."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from django.db import connection

from abmatic.audiences import custom_fields, editing, matching
from abmatic.audiences.conditions import check
from abmatic.audiences.custom_fields import FieldRefused, create
from abmatic.audiences.fields import FieldType, field, fields
from abmatic.audiences.models import Account, CustomField
from abmatic.changes.models import Cause, Change

pytestmark = pytest.mark.django_db


def cause() -> Cause:
    return Cause.objects.create(kind=Cause.Kind.USER)


def save(**values: object) -> editing.Saved:
    [saved] = editing.save("account", [editing.Edit(values)], cause)
    return saved


@pytest.mark.parametrize(
    ("kind", "given", "kept"),
    [
        ("text", "Gold", "Gold"), ("number", 12.5, 12.5), ("date", "2026-01-31", "2026-01-31"),
        ("boolean", True, True), ("picklist", "A", "A"), ("url", "https://acme.com", "https://acme.com"),
    ],
)  # fmt: skip
def test_a_field_of_each_type_is_edited_filtered_and_followed(kind: str, given: object, kept: object) -> None:
    made = create("account", "Partner tier", kind)
    assert (made.name, made.label, made.type, made.is_custom) == ("custom_partner_tier", "Partner tier", kind, True)
    assert field("account", made.name) == made
    assert fields("account")[-1] == made
    saved = save(name="Acme")
    before = Change.objects.count()
    [changed] = editing.save("account", [editing.Edit({made.name: given}, id=saved.id)], cause)
    assert (changed.status, changed.fields) == ("updated", (made.name,))
    change = Change.objects.order_by("id").last()
    assert Change.objects.count() == before + 1
    assert change is not None
    assert (change.field, change.after) == (made.name, kept)
    assert saved.id is not None
    [(shown, value)] = custom_fields.values_of("account", saved.id)
    assert shown == made
    assert str(value).removesuffix("00000") == str(kept)
    condition = {"field": made.name, "is": "equals", "value": given}
    assert check("account", condition) == ""
    assert matching.count("account", condition) == matching.Matching(1, "exact")


def test_what_was_there_before_is_empty_and_a_checkbox_says_no() -> None:
    account = Account.objects.create(name="Acme")
    create("account", "Tier", "text")
    create("account", "Partner", "boolean")
    assert [value for _, value in custom_fields.values_of("account", account.pk)] == [None, False]
    account.name = "Other"
    account.save()
    Account.objects.create(name="Newer")


def test_other_records_do_not_have_it() -> None:
    create("account", "Tier", "text")
    with pytest.raises(KeyError, match="contact has no field custom_tier"):
        field("contact", "custom_tier")
    assert create("contact", "Tier", "number").type is FieldType.NUMBER


@pytest.mark.parametrize("label", ["Tier", "tier", " TIER ", "Industry"])
def test_a_name_that_is_taken_is_refused(label: str) -> None:
    create("account", "Tier", "text")
    with pytest.raises(FieldRefused, match="already: map that one"):
        create("account", label, "text")


def test_names_of_columns_are_plain_and_told_apart() -> None:
    made = [
        create("account", label, "text").name for label in ("Größe (m²)", "Gro\u0308ße m2", "客户", "顧客", "x" * 80)
    ]
    assert made == ["custom_groe_m2", "custom_groe_m2_2", "custom_field", "custom_field_2", "custom_" + "x" * 40]


@pytest.mark.parametrize(
    ("record", "label", "kind", "said"),
    [
        ("account", "", "text", "name of 1 to 80"), ("account", "x" * 81, "text", "name of 1 to 80"),
        ("account", "a\x00b", "text", "name of 1 to 80"), ("account", "Tier", "email", "no type of a field"),
        ("owner", "Tier", "text", "no custom fields"), ("nonsense", "Tier", "text", "no custom fields"),
    ],
)  # fmt: skip
def test_what_can_not_be_made_is_refused(record: str, label: str, kind: str, said: str) -> None:
    with pytest.raises(FieldRefused, match=said):
        create(record, label, kind)
    assert not CustomField.objects.exists()


@pytest.fixture
def busy(transactional_db: None) -> Iterator[None]:
    """Somebody writes to accounts in a transaction of their own."""
    parameters = connection.get_connection_params()
    names = ("host", "port", "user", "password", "dbname")
    with psycopg.connect(**{n: parameters[n] for n in names if n in parameters}) as other:
        other.execute("INSERT INTO account (name, created_at, updated_at) VALUES ('Acme', now(), now())")
        yield
        other.rollback()


def test_while_a_sync_writes_nobody_waits_for_long(busy: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(custom_fields, "_PATIENCE", "20ms")
    with pytest.raises(FieldRefused, match="A sync is writing"):
        create("account", "Tier", "text")
    assert not CustomField.objects.exists()


def test_a_count_that_takes_too_long_is_the_planners(transactional_db: None) -> None:
    Account.objects.bulk_create(Account(name=f"Firm {n}", employee_count=n) for n in range(500))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE account")
    condition = {"field": "employee_count", "is": "at_least", "value": 100}
    assert matching.count("account", condition) == matching.Matching(400, "exact")
    slow = {"any": [{"field": "name", "is": "contains", "value": f"firm {n} "} for n in range(900)] + [condition]}
    assert matching.count("account", slow, milliseconds=1).kind == "about"
