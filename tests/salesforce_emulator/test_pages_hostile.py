"""The pages of an org whose records are meant to hurt."""

from __future__ import annotations

import re

from tests.salesforce_emulator.client import Api, OpenApi
from tests.salesforce_emulator.rep import Rep

from salesforce_emulator import OrgStore
from salesforce_emulator.data import hostile

MARKUP = '"><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}'


def test_values_are_escaped_wherever_they_stand(api: Api) -> None:
    rep = Rep(api)
    account = api.create("Account", Name=MARKUP, Description=MARKUP, Industry=MARKUP)
    contact = api.create("Contact", LastName=MARKUP, AccountId=account)
    lead = api.create("Lead", LastName=MARKUP, Company=MARKUP)
    campaign = api.create("Campaign", Name=MARKUP)
    member = api.create("CampaignMember", CampaignId=campaign, LeadId=lead)
    for path in (
        "/o/Account", f"/{account}", f"/o/Account/{account}/edit", f"/{contact}", f"/o/Contact/{contact}/edit",
        f"/o/Lead/{lead}/convert", f"/o/Lead/{lead}/join", f"/o/Campaign/{campaign}/members", f"/{member}",
        f"/o/Account/merge?id={account}&id={api.create('Account', Name='B')}", f"/search?q={'%22%3E%3Cscript%3E'}",
        "/watch/changes", "/o/Contact?q=%3Cscript%3E",
    ):  # fmt: skip
        page = rep.open(path)
        assert "<script>alert" not in page, path
        assert "<img" not in page, path
        assert "49" not in re.findall(r"\{\{[^<]*", page), path
    typed = rep.send("/o/Lead/new", status=422, LastName="", Company=MARKUP, Email=MARKUP)
    assert "<script>alert" not in typed


def test_control_characters_are_shown_as_pictures(api: Api) -> None:
    record = api.create("Account", Name="A")
    with api.org.store.writing() as conn:
        conn.execute('UPDATE "Account" SET "Name" = ?', ("nul\x00 esc\x1b bell\x07",))
    page = Rep(api).open(f"/{record}")
    assert "nul␀ esc␛ bell␇" in page
    assert "\x00" not in page


def test_every_record_of_a_hostile_org_has_its_pages(open_api: OpenApi) -> None:
    """Shown, and saved untouched or refused: never an error of ours."""
    api = open_api(store=OrgStore(loader=hostile.load))
    rep = Rep(api)
    seen = 0
    for name in ("Account", "Contact", "Lead", "Opportunity"):
        with api.org.store.reading() as conn:
            ids = [str(r[0]) for r in conn.execute(f'SELECT "Id" FROM "{name}" ORDER BY "Id"')]
        for record_id in ids[:: max(1, len(ids) // 25)]:
            rep.open(f"/o/{name}/{record_id}")
            rep.open(f"/o/{name}/{record_id}/edit")
            seen += 1
        for page in range(len(ids) // 50 + 1):
            rep.open(f"/o/{name}?page={page}")
    assert seen > 60


def test_a_text_of_the_greatest_length_is_shown_and_saved(api: Api) -> None:
    rep = Rep(api)
    record = api.create("Account", Name="A")
    long = "ä" * 32_000
    rep.send(f"/o/Account/{record}/edit", Description=long)
    assert api.rows("SELECT Description FROM Account") == [{"Description": long}]
    with api.org.store.writing() as conn:
        conn.execute('UPDATE "Account" SET "Description" = ?', ("€" * 131_072,))
    assert "Account Description, 131072 characters" in rep.open(f"/{record}")
    rep.send(f"/o/Account/{record}/edit", Phone="1")
    assert api.rows("SELECT Phone FROM Account") == [{"Phone": "1"}]
