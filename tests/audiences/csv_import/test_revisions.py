"""An import is of the preview that somebody saw: whoever comes late, with another mapping in hand, changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.audiences.csv_import.files import checked, chosen, given, reasons, written

from abmatic.audiences.csv_import import executing, verbs
from abmatic.audiences.csv_import.models import FileImport
from abmatic.audiences.csv_import.refusals import ImportRefused
from abmatic.audiences.csv_import.verbs import Choices

pytestmark = pytest.mark.django_db(transaction=True)

FILE = written([["Name", "City", "Website"], ["Acme", "Rome", "acme.com"], ["Bad", "Oslo", "none"]])


def test_a_check_of_other_choices_that_ends_late_is_no_preview(monkeypatch: pytest.MonkeyPatch) -> None:
    file = chosen(given("account", FILE))
    verbs.start_check(file)
    check = executing.checking.check

    def check_late(*arguments: Any) -> Any:
        again = FileImport.objects.get(pk=file.pk)
        assert verbs.cancel(again)
        again.refresh_from_db()
        verbs.choose(again, Choices([None, "name", "website"]))
        verbs.start_check(again)
        return check(*arguments)

    monkeypatch.setattr(executing.checking, "check", check_late)
    executing.execute(file.pk)
    file.refresh_from_db()
    assert (file.state, file.found, reasons(file)) == ("checking", None, {})
    monkeypatch.setattr(executing.checking, "check", check)
    executing.execute(file.pk)
    file.refresh_from_db()
    assert file.state == "checked"
    assert file.found is not None
    assert file.found["samples"]["created"][0]["fields"][0] == {"field": "name", "before": None, "after": "Rome"}


def test_only_the_preview_that_was_seen_is_imported() -> None:
    file = checked("account", FILE)
    seen = file.revision
    verbs.choose(file, Choices([None, "name", "website"]))
    verbs.start_check(file)
    executing.execute(file.pk)
    file.refresh_from_db()
    with pytest.raises(ImportRefused, match="changed since you saw it"):
        verbs.start_import(file, None, seen)
    assert FileImport.objects.get().state == "checked"
    verbs.start_import(file, None, file.revision)
    assert FileImport.objects.get().state == "importing"


@pytest.mark.parametrize(
    "come",
    [
        lambda late: verbs.choose(late, Choices([None, "name", "website"])),
        lambda late: verbs.read_as(late, "cp1252", ","),
    ],
)
def test_a_choice_that_comes_late_does_not_put_a_started_import_back(come: Callable[[FileImport], None]) -> None:
    file = checked("account", FILE)
    late = FileImport.objects.get(pk=file.pk)
    verbs.start_import(file, None)
    with pytest.raises(ImportRefused, match="importing already"):
        come(late)
    file.refresh_from_db()
    assert (file.state, file.columns, file.encoding) == ("importing", ["name", "city", "website"], "utf-8-sig")


def test_two_people_who_choose_at_once_do_not_write_over_each_other() -> None:
    file = given("account", FILE)
    other = FileImport.objects.get(pk=file.pk)
    verbs.choose(other, Choices([None, "name", "website"]))
    with pytest.raises(ImportRefused, match="changed since you saw it"):
        verbs.choose(file, Choices(["name", None, "website"]))
    assert FileImport.objects.get().columns == [None, "name", "website"]
