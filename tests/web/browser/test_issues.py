"""Issues that are tried again, on a page that nobody loads anew."""

from __future__ import annotations

import pytest
from django.utils import timezone
from playwright.sync_api import expect
from tests.web import org
from tests.web.browser.conftest import Tab
from tests.web.browser.test_accessibility import faults

from abmatic.sync.models import Issue, ObjectSetting, Run

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

REFUSED = "FIELD_CUSTOM_VALIDATION_EXCEPTION"


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
def test_what_is_tried_again_is_told_in_its_place(admin_tab: Tab, width: int, theme: str) -> None:
    connection = org.connect()
    ObjectSetting.objects.filter(connection=connection, sobject="Account").update(
        update_in_salesforce=True, auto_push=True
    )
    names = ("Acme", "Bolt", "Core")
    issues = [
        Issue.objects.create(connection=connection, sobject="Account", local_id=org.account(name).pk, code=REFUSED)
        for name in names
    ]
    page = admin_tab.page
    page.emulate_media(color_scheme="light" if theme == "light" else "dark")
    page.set_viewport_size({"width": width, "height": 844})
    admin_tab.open(f"/settings/integrations/salesforce/{connection.pk}/issues/?object=Account&code={REFUSED}")
    acme, bolt, core = (page.locator(f"#issue-{issue.pk}") for issue in issues)
    acme.get_by_role("button", name="Try again").focus()
    page.keyboard.press("Enter")
    expect(acme).to_contain_text("Will be tried again within seconds")
    expect(page.get_by_role("heading", name="Record by record")).to_be_focused()
    assert page.url.endswith(f"?object=Account&code={REFUSED}")
    expect(page.locator("#causes")).to_contain_text("1 to be tried again")
    page.get_by_role("button", name="Try all again").click()
    for row in (acme, bolt, core, page.locator("#causes")):
        expect(row).to_contain_text("Will be tried again within seconds")
    assert Issue.objects.filter(retry_at__lte=timezone.now()).count() == 3
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    run = org.running(connection, direction=Run.Direction.BOTH)
    expect(bolt).to_contain_text("Is being tried again now", timeout=15_000)
    Issue.objects.filter(pk=issues[0].pk).update(is_open=False, retry_at=None)
    Issue.objects.filter(pk__in=[issues[1].pk, issues[2].pk]).update(retry_at=None)
    Run.objects.filter(pk=run.pk).update(state="succeeded")
    expect(acme).to_contain_text("Settled", timeout=15_000)
    expect(bolt).to_contain_text("Tried again, and refused again")
    expect(bolt.get_by_role("button", name="Try again: Bolt")).to_be_visible()
    expect(page.locator("#issues-watch")).not_to_have_attribute("hx-trigger", "every 3s")
    assert faults(page) == []
