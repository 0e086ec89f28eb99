"""One value for a field of many records: the same as an edit of each, in parts, and put back where it still stands."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abmatic.audiences import custom_fields, editing
from abmatic.audiences.editing import Edit
from abmatic.audiences.many import jobs, verbs, working
from abmatic.audiences.many.models import FieldEdit
from abmatic.audiences.many.verbs import EditRefused
from abmatic.audiences.models import Account, Opportunity
from abmatic.audiences.selection import Selection
from abmatic.changes.models import Cause, Change
from abmatic.identity.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def oscar() -> User:
    return User.objects.create_user("oscar@example.com", role="operator", name="Oscar Ortiz")


def everybody(record: str = "account", **how: Any) -> Selection:
    return Selection(record, **how)


def changes(edit: FieldEdit) -> set[tuple[int, str, Any, Any]]:
    return set(Change.objects.filter(cause=edit.cause_id).values_list("record_id", "field", "before", "after"))


def values(name: str = "industry") -> list[Any]:
    return list(Account.objects.order_by("id").values_list(name, flat=True))


class TestSetting:
    def test_what_differs_is_changed_and_noted_with_one_cause(self, oscar: User) -> None:
        first, second, third = (Account.objects.create(name=n, industry=i) for n, i in
                                (("A", "Energy"), ("B", None), ("C", "Banking")))  # fmt: skip
        before = {each.pk: each.updated_at for each in Account.objects.all()}
        found = verbs.preview(everybody(), "industry", " Banking ")
        assert (found.records, found.changes, found.samples) == (3, 2, {first.pk: "Energy", second.pk: None})
        assert not Change.objects.exists(), "a preview writes nothing"
        edit = verbs.start(everybody(), "industry", " Banking ", oscar)
        assert (edit.state, edit.total, edit.looked_at, edit.changed) == ("done", 3, 3, 2)
        assert values() == ["Banking"] * 3
        assert changes(edit) == {
            (first.pk, "industry", "Energy", "Banking"), (second.pk, "industry", None, "Banking"),
        }  # fmt: skip
        cause = Cause.objects.get(pk=edit.cause_id)
        assert (cause.kind, cause.user) == (Cause.Kind.USER, oscar)
        third.refresh_from_db()
        assert third.updated_at == before[third.pk]

    def test_a_selection_with_a_condition_and_exclusions(self, oscar: User) -> None:
        made = [Account.objects.create(name=f"{n}", city="Rome" if n % 2 else None) for n in range(6)]
        chosen = everybody(condition={"field": "city", "is": "not_empty"}, excluded=(made[1].pk,))
        verbs.start(chosen, "city", None, oscar)
        assert values("city") == [None, "Rome", None, None, None, None]
        verbs.start(everybody(ids=(made[0].pk, made[1].pk)), "city", "Bonn", oscar)
        assert values("city") == ["Bonn", "Bonn", None, None, None, None]

    def test_what_the_edit_does_to_the_condition_costs_no_record(
        self, oscar: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(working, "PART", 2)
        Account.objects.bulk_create(Account(name=f"{n}", city="Rome") for n in range(7))
        edit = verbs.start(everybody(condition={"field": "city", "is": "equals", "value": "Rome"}), "city", None, oscar)
        assert (edit.changed, set(values("city"))) == (7, {None})

    @pytest.mark.parametrize(
        ("record", "name", "value", "why"),
        [
            ("account", "website", "acme.com", "Choose a field"),
            ("opportunity", "is_won", True, "Choose a field"),
            ("account", "nothing", "x", "Choose a field"),
            ("account", "revenue", "much", "must be a number"),
            ("account", "name", " ", "Name can't be empty. Give a value."),
            ("account", "employee_count", "-5", "Employees must be 0 or more. Correct it."),
        ],
    )
    def test_what_is_refused(self, oscar: User, record: str, name: str, value: object, why: str) -> None:
        Account.objects.create(name="A")
        Opportunity.objects.create(name="A")
        with pytest.raises(EditRefused, match=why):
            verbs.start(everybody(record), name, value, oscar)
        assert not FieldEdit.objects.exists()

    def test_nothing_selected_is_said(self, oscar: User) -> None:
        with pytest.raises(EditRefused, match="No record is selected"):
            verbs.start(everybody(), "city", "Bonn", oscar)


_VALUES = {
    "city": st.one_of(
        st.none(), st.sampled_from(["", " ", "Rome", " Rome", "rome", "100%", "a'b", "{x}", "\\", "null"])
    ),
    "revenue": st.one_of(st.none(), st.decimals(0, 100, places=3).map(str), st.sampled_from(["1", "1.0", "0"])),
    "employee_count": st.one_of(st.none(), st.integers(0, 3)),
    "custom_partner": st.booleans(),
    "custom_since": st.one_of(st.none(), st.dates().map(str)),
}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_it_is_the_same_as_an_edit_of_each(oscar: User, data: st.DataObject) -> None:
    """The statements over sets write and note exactly what the door for single records would."""
    name = data.draw(st.sampled_from(sorted(_VALUES)))
    starts = data.draw(st.lists(_VALUES[name], min_size=1, max_size=5))
    value = data.draw(_VALUES[name])
    with transaction.atomic():
        custom_fields.create("account", "Partner", "boolean")
        custom_fields.create("account", "Since", "date")
        made = editing.save("account", [Edit({"name": "x", name: each}) for each in starts], _cause)
        ids = tuple(each.id for each in made if each.id is not None)
        with transaction.atomic():
            each_alone = editing.save("account", [Edit({name: value}, id=pk) for pk in ids], _cause)
            wanted = _state(name, ids), _noted(ids)
            transaction.set_rollback(True)
        edit = verbs.start(everybody(ids=ids), name, value, oscar)
        assert (_state(name, ids), _noted(ids)) == wanted
        assert edit.changed == sum(saved.status == "updated" for saved in each_alone)
        if edit.changed:
            verbs.put_back(edit, oscar)
            assert _state(name, ids) == [_canonical(name, each) for each in starts]
        transaction.set_rollback(True)


def _cause() -> Cause:
    return Cause.objects.create(kind=Cause.Kind.USER)


def _state(name: str, ids: tuple[int, ...]) -> list[str | None]:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT to_jsonb("{name}")::text FROM account WHERE id = ANY (%s) ORDER BY id', [list(ids)])
        return [row[0] for row in cursor.fetchall()]


def _canonical(name: str, value: Any) -> str | None:
    """What a fresh record has of a value."""
    (made,) = editing.save("account", [Edit({"name": "y", name: value})], _cause)
    assert made.id is not None
    return _state(name, (made.id,))[0]


def _noted(ids: tuple[int, ...]) -> list[tuple[int, str, Any, Any]]:
    found = Change.objects.filter(record_id__in=ids).exclude(field="")
    return sorted(found.values_list("record_id", "field", "before", "after"), key=lambda row: row[0])


class TestWork:
    def test_a_few_that_are_interrupted_are_done_by_a_worker(
        self, oscar: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Account.objects.create(name="A")

        def killed(edit_id: int) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(verbs, "execute", killed)
        with pytest.raises(KeyboardInterrupt):
            verbs.start(everybody(), "city", "Bonn", oscar)
        edit = FieldEdit.objects.get()
        assert (edit.state, values("city")) == ("queued", [None])
        with connection.cursor() as cursor:
            cursor.execute("SELECT args->>'edit_id' FROM procrastinate_jobs WHERE task_name = 'audiences.field_edit'")
            assert cursor.fetchall() == [(str(edit.pk),)]
        monkeypatch.setattr(jobs, "close_old_connections", lambda: None)  # it would close the test's transaction
        jobs.work(edit.pk)
        edit.refresh_from_db()
        assert (edit.state, values("city")) == ("done", ["Bonn"])

    def test_many_are_a_workers_and_go_on_where_they_stopped(
        self, oscar: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(verbs, "AT_ONCE", 3)
        monkeypatch.setattr(working, "PART", 4)
        Account.objects.bulk_create(Account(name=f"{n}") for n in range(10))
        edit = verbs.start(everybody(), "city", "Bonn", oscar)
        assert (edit.state, values("city")) == ("queued", [None] * 10)
        with connection.cursor() as cursor:
            cursor.execute("SELECT args FROM procrastinate_jobs WHERE task_name = 'audiences.field_edit'")
            assert len(cursor.fetchall()) == 1
        assert working._next_part(edit.pk)
        edit.refresh_from_db()
        assert (edit.state, edit.looked_at, edit.changed) == ("running", 4, 4)
        working.execute(edit.pk)  # by another worker
        edit.refresh_from_db()
        assert (edit.state, edit.looked_at, edit.changed, values("city")) == ("done", 10, 10, ["Bonn"] * 10)
        assert len(changes(edit)) == 10
        working.execute(edit.pk)
        assert Change.objects.count() == 10, "a job that comes twice does nothing"

    def test_cancelled_it_keeps_what_is_done_and_that_can_be_put_back(
        self, oscar: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(verbs, "AT_ONCE", 3)
        monkeypatch.setattr(working, "PART", 4)
        Account.objects.bulk_create(Account(name=f"{n}", city="Rome") for n in range(10))
        edit = verbs.start(everybody(), "city", "Bonn", oscar)
        working._next_part(edit.pk)
        assert verbs.cancel(edit)
        working.execute(edit.pk)
        edit.refresh_from_db()
        assert (edit.state, edit.changed) == ("cancelled", 4)
        back = verbs.put_back(edit, oscar)
        working.execute(back.pk)
        assert set(values("city")) == {"Rome"}
        assert not verbs.cancel(edit)

    def test_a_field_that_is_gone_fails_with_the_reason(self, oscar: User, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(verbs, "AT_ONCE", 0)
        Account.objects.create(name="A")
        condition = {"field": "city", "is": "empty"}
        edit = verbs.start(everybody(condition=condition), "city", "Bonn", oscar)
        FieldEdit.objects.filter(pk=edit.pk).update(field="custom_gone")
        working.execute(edit.pk)
        edit.refresh_from_db()
        assert (edit.state, edit.problem) == ("failed", "account has no field custom_gone")

    def test_a_fault_is_said_and_not_tried_for_ever(self, oscar: User, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(verbs, "AT_ONCE", 0)
        Account.objects.create(name="A")
        edit = verbs.start(everybody(), "city", "Bonn", oscar)

        def broken(edit_id: int) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(working, "execute", broken)
        monkeypatch.setattr(jobs, "close_old_connections", lambda: None)  # it would close the test's transaction
        with pytest.raises(ZeroDivisionError):
            jobs.work(edit.pk)
        edit.refresh_from_db()
        assert edit.state == "failed"
        assert "fault of Abmatic: ZeroDivisionError" in edit.problem


class TestPuttingBack:
    def test_only_what_is_still_so(self, oscar: User) -> None:
        first, second = Account.objects.create(name="A", revenue=1), Account.objects.create(name="B", revenue=None)
        edit = verbs.start(everybody(), "revenue", "7.50", oscar)
        editing.save("account", [Edit({"revenue": 9}, id=second.pk)], _cause)
        back = verbs.put_back(edit, oscar)
        assert (back.state, back.looked_at, back.changed) == ("done", 2, 1)
        assert values("revenue") == [Decimal(1), Decimal(9)]
        assert changes(back) == {(first.pk, "revenue", 7.5, 1)}
        with pytest.raises(EditRefused, match="put back already"):
            verbs.put_back(edit, oscar)
        again = verbs.put_back(back, oscar)
        assert (again.changed, values("revenue")) == (1, [Decimal("7.5"), Decimal(9)])

    def test_nothing_changed_is_nothing_to_put_back(self, oscar: User) -> None:
        Account.objects.create(name="A", city="Bonn")
        edit = verbs.start(everybody(), "city", "Bonn", oscar)
        with pytest.raises(EditRefused, match="changed nothing"):
            verbs.put_back(edit, oscar)
