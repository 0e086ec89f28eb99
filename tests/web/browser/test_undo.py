"""What the page of an undo says of removing in Salesforce what the run created there."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from tests.web import org
from tests.web.browser.conftest import Tab
from tests.web.test_open_issues import written

from abmatic.sync import undo, undo_created

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_warning_stands_only_while_the_box_is_ticked(admin_tab: Tab, monkeypatch: pytest.MonkeyPatch) -> None:
    run = org.run(org.connect())
    written(run, 12)
    monkeypatch.setattr(undo, "preview", lambda run: undo.Undone())
    monkeypatch.setattr(undo, "preview_removal", lambda run: undo_created.Removed(number=10, samples=["001"]))
    page = admin_tab.open(f"/runs/{run.pk}/undo/")
    box = page.get_by_label("Also remove from Salesforce what this run created there")
    stays, warning = page.get_by_text("Without this they stay"), page.get_by_text("10 records would be removed")
    expect(stays).to_be_visible()
    for _ in range(2):
        box.check()
        expect(warning).to_be_visible()
        expect(stays).to_be_hidden()
        box.uncheck()
        expect(warning).to_be_hidden()
        expect(stays).to_be_visible()
