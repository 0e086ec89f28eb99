"""Every address of the pages, by name, with an example of each."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, reverse
from django.utils import timezone
from tests.web import org

from abmatic.audiences.csv_import import verbs
from abmatic.audiences.many.models import FieldEdit
from abmatic.audiences.selection import Selection
from abmatic.campaigns.models import Campaign, CampaignJoining, CampaignRule
from abmatic.changes.models import Cause
from abmatic.identity import api_keys, webhooks
from abmatic.identity.audit import COMMAND_LINE
from abmatic.identity.models import User
from abmatic.personalisation import managing
from abmatic.personalisation.wanted import ExperienceWanted
from abmatic.sync import connect, org_fields, undo, undo_created
from abmatic.sync.importing import sources
from abmatic.sync.models import Connection, CrmImport, PreviewJob, SelectedPush
from abmatic.tracking.models import TrackingSite
from abmatic.web.urls import urlpatterns


@dataclass(frozen=True, slots=True)
class World:
    """One of everything, so that every page has something to show."""

    connection: Connection
    run: int
    account: int
    contact: int
    account_collection: int
    contact_collection: int
    opportunity_collection: int
    campaign: int
    opportunity: int
    field_edit: int
    somebody: int
    api_key: int
    webhook: int
    preview: int
    site: int
    visitor: int

    views: dict[str, int]
    push: int
    files: dict[str, int]
    crm_import: int
    joining: int
    rule: int
    experience: int

    def address(self, name: str) -> str:
        """The example address of a page."""
        if name == "one-time-link":
            return reverse(name, args=["unknown"])
        if name.startswith("run-undo"):
            return reverse(name, args=[self.run])
        if name in {"run", "run-live", "run-cancel", "findings", "findings-csv", "records-csv"}:
            return reverse(name, args=[self.run])
        if name in {"change-user", "user-link", "reset-second-factor", "end-session"}:
            return reverse(name, args=[self.somebody])
        if name.startswith("field-edit"):
            return reverse(name, args=[self.field_edit])
        if name == "revoke-api-key":
            return reverse(name, args=[self.api_key])
        if name in {"tracking-site", "tracking-site-live", "tracking-site-edit"}:
            return reverse(name, args=[self.site])
        if name == "visitor":
            return reverse(name, args=[self.visitor])
        if name.startswith("webhook-"):
            return reverse(name, args=[self.webhook])
        if name == "object-preview-job":
            return reverse(name, args=[self.connection.pk, "accounts", self.preview])
        if name.startswith("crm-import"):
            return reverse(name, args=[self.crm_import])
        if name == "push" or name.startswith("push-"):
            return reverse(name, args=[self.push])
        if name.startswith("object-"):
            return reverse(name, args=[self.connection.pk, "accounts"])
        if name == "campaign-joining-stop":
            return reverse(name, args=[self.campaign, self.joining])
        if name == "campaign-rule-remove":
            return reverse(name, args=[self.campaign, self.rule])
        if name.startswith("campaign-experience") and name != "campaign-experience-new":
            return reverse(name, args=[self.campaign, self.experience])
        if name == "contact-campaign":
            return reverse(name)
        record, _, page = name.partition("-")
        if page in {"field", "field-history", "gap"}:
            return reverse(name, args=[getattr(self, record), "name" if record != "contact" else "last_name"])
        if page == "view-delete":
            return reverse(name, args=[self.views[record]])
        if page in {
            "new", "pick", "set", "view-save", "collection-new", "selected", "push", "from-crm", "crm-choices",
        }:  # fmt: skip
            return reverse(name)
        if page in {"collection-edit", "collection-delete"}:
            return reverse(name, args=[getattr(self, f"{record}_collection")])
        if page.startswith("import-") or page == "import":
            return reverse(name, args=[self.files[record]])
        if page == "imports":
            return reverse(name)
        if name in CONNECTION_PAGES:
            return reverse(name, args=[self.connection.pk])
        if name in {"account-collection", "contact-collection", "opportunity-collection"}:
            return reverse(name, args=[getattr(self, name.replace("-", "_"))])
        if name.startswith("account-") and name != "account-collections":
            return reverse(name, args=[self.account])
        if name.startswith("campaign-"):
            return reverse(name, args=[self.campaign])
        if name.startswith("opportunity-") and name != "opportunity-collections":
            return reverse(name, args=[self.opportunity])
        if name.startswith("contact-") and name != "contact-collections":
            return reverse(name, args=[self.contact])
        return reverse(name)


RECORDS = ("account", "contact", "opportunity")
# Imported from files.
IMPORTED = RECORDS
IMPORTS = [
    f"{record}-{page}"
    for record in IMPORTED
    for page in (
        "imports", "import", "import-notes", "import-live", "import-start", "import-cancel", "import-rejected",
    )
]  # fmt: skip
CONNECTION_PAGES = {
    "connection",
    "connection-visits",
    "connection-visits-switch",
    "connected",
    "reconnect",
    "check",
    "disable",
    "replace",
    "sync-now",
    "activity",
    "runs-csv",
    "issues",
    "issues-csv",
    "issues-live",
    "issues-retry",
    "settings-file",
    "settings-yaml",
}

# Pages made to be looked at: what a browser shows whole. The others are actions, parts of pages or downloads.
PAGES = [
    "home", "accounts", "account-collections", "account-collection", "account-overview", "account-contacts",
    "account-opportunities", "account-engagement", "account-journey", "account-timeline", "account-sync", "contacts",
    "contact-collections", "contact-collection", "contact-overview", "contact-opportunities", "contact-campaigns",
    "contact-engagement", "contact-timeline",
    "contact-sync",
    "opportunities", "opportunity-collections", "opportunity-collection", "opportunity-overview",
    "opportunity-contacts", "opportunity-timeline", "opportunity-sync", "campaigns", "campaign-overview",
    "campaign-members", "campaign-add", "campaign-new", "campaign-rules", "campaign-link", "campaign-web",
    "campaign-experience", "campaign-experience-new", "campaign-experience-edit",
    "campaign-opportunities", "campaign-timeline", "campaign-sync", "search",
    "run", "findings", "integrations", "authorize", "connection", "connected", "reconnect", "disable", "replace",
    "connection-visits", "activity",
    *(f"{record}-field-history" for record in (*RECORDS, "campaign")),
    *(f"{record}-{page}" for record in IMPORTED for page in ("imports", "import")),
    *(f"{record}-collection-{act}" for record in RECORDS for act in ("new", "edit", "delete")),
    *(f"{record}-new" for record in RECORDS),
    "field-edit",
    "object-settings", "settings-file", "issues", "account_change_password", "users", "api-keys", "webhooks", "audit",
    "profile", "visitors", "visitor", "attribution", "attribution-credits", "attribution-settings",
    "tracking-sites", "tracking-site", "tracking-site-new", "tracking-site-edit",
    "notifications", "push", "crm-import", *(f"{record}-from-crm" for record in RECORDS),
]  # fmt: skip


def names() -> list[str]:
    """The name of every address, found by walking the program's own list."""
    return sorted(_names(urlpatterns))


def _names(patterns: list[URLPattern | URLResolver]) -> list[str]:
    found = []
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            found += _names(pattern.url_patterns)
        else:
            assert pattern.name, f"{pattern} has no name"
            found.append(pattern.name)
    return found


def documents(world: World, browser: Client) -> dict[str, str]:
    """The addresses that answer whole pages, found by asking each: a page that is new is among them by itself."""
    found = {}
    for name in names():
        address = world.address(name)
        answer = browser.get(address)
        is_html = answer.headers.get("Content-Type", "").startswith("text/html")
        if is_html and not answer.streaming and answer.content.startswith(b"<!doctype html>"):
            found[name] = address
    return found


def without_an_org(patch: pytest.MonkeyPatch) -> None:
    """What asks Salesforce has tests of its own; here it answers nothing."""
    patch.setattr(connect, "check", lambda connection: [])
    patch.setattr(connect, "disable", lambda connection, by: None)
    patch.setattr(sources, "listed", lambda connection, sobject, kind: [])
    patch.setattr(undo, "preview", lambda run: undo.Undone())
    patch.setattr(undo, "preview_removal", lambda run: undo_created.Removed())
    patch.setattr(org_fields, "offered", lambda *args, **options: org_fields.Offer({}, timezone.now()))


def _experience(campaign: Campaign) -> int:
    """One that is on, with two variants."""
    site = TrackingSite.objects.create(name="Shop", origins=["https://shop.acme.com"])
    changes = [
        {"kind": "text", "selector": "h1", "value": "Hello"},
        {"kind": "banner", "value": "New", "position": "top"},
    ]
    variants = [{"name": "A", "changes": changes}, {"name": "B", "changes": changes[:1]}]
    wanted = {"name": "Headline", "site": site.pk, "pages": ["/prices"], "is_on": True, "variants": variants}
    return managing.add(campaign, ExperienceWanted.model_validate(wanted), by=COMMAND_LINE).pk


def make_world() -> World:
    """An org that was imported, with a finding, a change, a duplicate and an opportunity."""
    connection = org.connect()
    run = org.run(connection)
    org.found(run, "no_website", 2)
    cause = run.cause
    assert isinstance(cause, Cause)
    account = org.account("Acme", cause=cause, domain="acme.com", website="https://acme.com", employee_count=12)
    org.change(account, "city", None, "Berlin", cause=cause)
    org.link(connection, account, "0015800000000001AAA")
    org.link(connection, account, "0015800000000002AAA", role=org.Role.DUPLICATE)
    contact = org.contact("Smith", first_name="Sam", account=account, work_email="sam@acme.com")
    campaign = org.campaign(is_active=True, created_by=cause)
    org.member(campaign, contact)
    deal = org.opportunity(account, campaign_id=campaign.pk)
    return World(
        connection,
        run.pk,
        account.pk,
        contact.pk,
        org.collection("account", [account.pk]).pk,
        org.collection("contact", [contact.pk]).pk,
        org.collection("opportunity", [deal.pk]).pk,
        campaign.pk,
        deal.pk,
        FieldEdit.objects.create(record="account", field="city", cause=cause, state="done", changed=1, total=1).pk,
        User.objects.create_user("somebody@example.com").pk,
        api_keys.create("Reports", "viewer")[0].pk,
        # A name that nobody has: nothing is called.
        webhooks.add("Team", "json", "https://hooks.invalid/x", ["sync"], by=COMMAND_LINE)[0].pk,
        PreviewJob.objects.create(connection=connection, sobject="Account").pk,
        TrackingSite.objects.create(name="Acme", origins=["https://www.acme.com"]).pk,
        org.visit(contact).visitor_id,
        {record: org.view(record).pk for record in RECORDS},
        SelectedPush.objects.create(
            connection=connection, record="account", selection=Selection("account", ids=(account.pk,)).as_json(), size=1
        ).pk,
        {
            record: verbs.take_in(record, "file.csv", [b"Website,E-mail\nacme.com,a@acme.com\n"]).pk
            for record in IMPORTED
        },
        CrmImport.objects.create(
            connection=connection, sobject="Account", kind="soql", source="SELECT Id FROM Account", name="Accounts"
        ).pk,
        CampaignJoining.objects.create(
            campaign=campaign, collection=org.collection("contact", [contact.pk], "Guests")
        ).pk,
        CampaignRule.objects.create(
            campaign=campaign, kind="page", pattern="/prices", likeness="/prices", counts_from=timezone.now()
        ).pk,
        _experience(campaign),
    )
