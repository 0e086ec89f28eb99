"""Every address of the pages."""

from __future__ import annotations

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from allauth.socialaccount import views as socialaccount
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from abmatic.web import (
    api_keys,
    audit,
    door,
    home,
    notices,
    profile,
    running,
    search,
    tour,
    tracking,
    users,
    visitors,
    webhooks,
)
from abmatic.web.attribution import journey as account_journeys
from abmatic.web.attribution import settings as attribution_settings
from abmatic.web.attribution import views as attribution_views
from abmatic.web.campaigns import adding, experiences
from abmatic.web.campaigns import linking as campaign_linking
from abmatic.web.campaigns import rules as campaign_rules
from abmatic.web.csv_import import files as csv_files
from abmatic.web.csv_import import page as csv_page
from abmatic.web.grids import collections as grid_collections
from abmatic.web.grids import field_edits, saved, selected, set_field
from abmatic.web.grids import views as grids
from abmatic.web.importing import views as importing
from abmatic.web.integrations import authorize, replacing, visits
from abmatic.web.integrations import views as integrations
from abmatic.web.pushing import views as pushing
from abmatic.web.records import closing, creating, editor, linking
from abmatic.web.records import views as records
from abmatic.web.runs import activity, files, findings, open_issues, page, undoing
from abmatic.web.salesforce import files as settings_files
from abmatic.web.salesforce import page as object_settings
from abmatic.web.salesforce import picking, syncing

PROVIDER = {"provider_id": door.PROVIDER}

ways_in = [
    path("setup/", door.first_administrator, name="setup"),
    path("in/<str:token>/", door.one_time_link, name="one-time-link"),
    path("health/", door.health, name="health"),
    # Of allauth only what people use here: sign-up is closed, and links replace password mails.
    path("user/sign-in/", account.login, name="account_login"),
    path("user/sign-out/", account.logout, name="account_logout"),
    path("user/inactive/", account.account_inactive, name="account_inactive"),
    path("user/password/", account.password_change, name="account_change_password"),
    path("user/password/first/", account.password_set, name="account_set_password"),
    path("user/confirm/", account.reauthenticate, name="account_reauthenticate"),
    path("user/second-factor/", mfa.authenticate, name="mfa_authenticate"),
    path("user/second-factor/confirm/", mfa.reauthenticate, name="mfa_reauthenticate"),
    path("user/second-factor/add/", totp.activate_totp, name="mfa_activate_totp"),
    path("user/second-factor/remove/", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("user/recovery-codes/", recovery_codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("user/recovery-codes/new/", recovery_codes.generate_recovery_codes, name="mfa_generate_recovery_codes"),
    path("user/recovery-codes.txt", recovery_codes.download_recovery_codes, name="mfa_download_recovery_codes"),
    path("user/single-sign-on/", door.single_sign_on, name="single-sign-on"),
    path("user/single-sign-on/cancelled/", socialaccount.login_cancelled, name="socialaccount_login_cancelled"),
    # Registered at identity providers exactly like this.
    path("user/single-sign-on/callback/", door.single_sign_on_callback, PROVIDER, name="openid_connect_callback"),
]

me = [
    path("", profile.profile, name="profile"),
    path("", profile.profile, name="mfa_index"),
    path("sessions/end/", profile.end_other_sessions, name="end-other-sessions"),
    path("sessions/<int:session_id>/end/", profile.end_session, name="end-session"),
]

object_tab: list[URLPattern] = [
    path("", object_settings.object_page, name="object-settings"),
    path("panel/", syncing.sync_panel, name="object-panel"),
    path("sync/", syncing.sync_object, name="object-sync"),
    path("preview/", syncing.start_preview, name="object-preview"),
    path("preview/<int:job_id>/", syncing.preview, name="object-preview-job"),
    path("salesforce-fields/", picking.salesforce_fields, name="object-salesforce-fields"),
    path("abmatic-fields/", picking.abmatic_fields, name="object-abmatic-fields"),
    path("mapping/", picking.add_mapping, name="object-mapping"),
    path("notes/", picking.mapping_notes, name="object-notes"),
    path("filter-count/", picking.filter_count, name="object-filter-count"),
]

salesforce: list[URLPattern | URLResolver] = [
    path("authorize/", authorize.authorize, name="authorize"),
    # Registered in people's External Client Apps exactly like this; see sync.connect.callback_url.
    path("callback/", authorize.callback, name="callback"),
    path("<int:connection_id>/", integrations.connection_page, name="connection"),
    path("<int:connection_id>/connected/", authorize.connected, name="connected"),
    path("<int:connection_id>/reconnect/", authorize.authorize, name="reconnect"),
    path("<int:connection_id>/check/", integrations.check_again, name="check"),
    path("<int:connection_id>/disable/", integrations.disable, name="disable"),
    path("<int:connection_id>/replace/", replacing.replace, name="replace"),
    path("<int:connection_id>/sync/", integrations.sync_now, name="sync-now"),
    path("<int:connection_id>/visits/", visits.visits, name="connection-visits"),
    path("<int:connection_id>/visits/switch/", visits.switch, name="connection-visits-switch"),
    path("<int:connection_id>/activity/", activity.activity, name="activity"),
    path("<int:connection_id>/runs.csv", files.runs_csv, name="runs-csv"),
    path("<int:connection_id>/issues/", open_issues.open_issues, name="issues"),
    path("<int:connection_id>/issues.csv", open_issues.issues_csv, name="issues-csv"),
    path("<int:connection_id>/issues/live/", open_issues.issues_live, name="issues-live"),
    path("<int:connection_id>/issues/retry/", open_issues.retry, name="issues-retry"),
    path("<int:connection_id>/settings/", settings_files.settings_page, name="settings-file"),
    path("<int:connection_id>/settings.yaml", settings_files.settings_yaml, name="settings-yaml"),
    # Last: any other word is the tab of an object.
    path("<int:connection_id>/<slug:tab>/", include(object_tab)),
]

run = [
    path("", page.run_page, name="run"),
    path("live/", page.run_live, name="run-live"),
    path("cancel/", page.cancel, name="run-cancel"),
    path("undo/", undoing.undo_run, name="run-undo"),
    path("undo/removal/", undoing.removal, name="run-undo-removal"),
    path("findings/", findings.findings, name="findings"),
    path("findings.csv", findings.findings_csv, name="findings-csv"),
    path("records.csv", files.records_csv, name="records-csv"),
]


push = [
    path("", pushing.push_page, name="push"),
    path("choose/", pushing.choose_how, name="push-choose"),
    path("start/", pushing.start, name="push-start"),
    path("stop/", pushing.stop, name="push-stop"),
]


crm_import = [
    path("", importing.import_page, name="crm-import"),
    path("start/", importing.start, name="crm-import-start"),
    path("stop/", importing.stop, name="crm-import-stop"),
]


def lists(record: str) -> list[URLPattern]:
    """What the lists of accounts, contacts and opportunities have alike."""
    kind = {"record": record}
    return [
        path("collections/new/", grid_collections.new, kind, name=f"{record}-collection-new"),
        path("collections/<int:collection_id>/edit/", grid_collections.edit, kind, name=f"{record}-collection-edit"),
        path(
            "collections/<int:collection_id>/delete/",
            grid_collections.delete,
            kind,
            name=f"{record}-collection-delete",
        ),
        path("new/", creating.create, kind, name=f"{record}-new"),
        path("set/", set_field.set_field, kind, name=f"{record}-set"),
        path("selected/", selected.selected, kind, name=f"{record}-selected"),
        path("push/", pushing.ask_for, kind, name=f"{record}-push"),
        path("from-crm/", importing.new, kind, name=f"{record}-from-crm"),
        path("from-crm/choices/", importing.choices, kind, name=f"{record}-crm-choices"),
        path("views/", saved.save, kind, name=f"{record}-view-save"),
        path("views/<int:view_id>/delete/", saved.delete, kind, name=f"{record}-view-delete"),
    ]


def fields_of(record: str) -> list[URLPattern]:
    """Editing the fields of one record."""
    kind = {"record": record}
    return [
        path("<int:record_id>/fields/<slug:name>/", editor.edit_field, kind, name=f"{record}-field"),
        path("<int:record_id>/fields/<slug:name>/gap/", closing.close_gap, kind, name=f"{record}-gap"),
        path("<int:record_id>/fields/<slug:name>/history/", editor.field_history, kind, name=f"{record}-field-history"),
    ]


def imports(record: str) -> list[URLPattern]:
    """The import of CSV files."""
    kind = {"record": record}
    return [
        path("csv/", csv_files.files, kind, name=f"{record}-imports"),
        path("csv/<int:file_id>/", csv_page.page, kind, name=f"{record}-import"),
        path("csv/<int:file_id>/notes/", csv_page.notes, kind, name=f"{record}-import-notes"),
        path("csv/<int:file_id>/live/", csv_page.live, kind, name=f"{record}-import-live"),
        path("csv/<int:file_id>/start/", csv_page.start, kind, name=f"{record}-import-start"),
        path("csv/<int:file_id>/cancel/", csv_page.cancel, kind, name=f"{record}-import-cancel"),
        path("csv/<int:file_id>/rejected.csv", csv_page.rejected_csv, kind, name=f"{record}-import-rejected"),
    ]


accounts = [
    *lists("account"),
    *fields_of("account"),
    path("pick/", creating.pick_account, name="account-pick"),
    *imports("account"),
    path("", grids.everything, {"record": "account"}, name="accounts"),
    path("collections/", grids.collections, {"record": "account"}, name="account-collections"),
    path("collections/<int:collection_id>/", grids.collection, {"record": "account"}, name="account-collection"),
    path("<int:record_id>/", records.overview, {"record": "account"}, name="account-overview"),
    path("<int:record_id>/contacts/", records.contacts, {"record": "account"}, name="account-contacts"),
    path("<int:record_id>/opportunities/", records.opportunities, {"record": "account"}, name="account-opportunities"),
    path("<int:record_id>/engagement/", visitors.record_engagement, {"record": "account"}, name="account-engagement"),
    path("<int:record_id>/journey/", account_journeys.account_journey, name="account-journey"),
    path("<int:record_id>/timeline/", records.record_timeline, {"record": "account"}, name="account-timeline"),
    path("<int:record_id>/sync/", records.sync, {"record": "account"}, name="account-sync"),
]

contacts = [
    *lists("contact"),
    path("pick/", adding.pick_contacts, name="contact-pick"),
    path("campaign/", adding.chosen_contacts, name="contact-campaign"),
    *fields_of("contact"),
    *imports("contact"),
    path("", grids.everything, {"record": "contact"}, name="contacts"),
    path("collections/", grids.collections, {"record": "contact"}, name="contact-collections"),
    path("collections/<int:collection_id>/", grids.collection, {"record": "contact"}, name="contact-collection"),
    path("<int:record_id>/", records.overview, {"record": "contact"}, name="contact-overview"),
    path("<int:record_id>/opportunities/", records.opportunities, {"record": "contact"}, name="contact-opportunities"),
    path("<int:record_id>/campaigns/", records.campaigns, name="contact-campaigns"),
    path("<int:record_id>/engagement/", visitors.record_engagement, {"record": "contact"}, name="contact-engagement"),
    path("<int:record_id>/timeline/", records.record_timeline, {"record": "contact"}, name="contact-timeline"),
    path("<int:record_id>/sync/", records.sync, {"record": "contact"}, name="contact-sync"),
]

opportunities = [
    *lists("opportunity"),
    *fields_of("opportunity"),
    *imports("opportunity"),
    path("", grids.everything, {"record": "opportunity"}, name="opportunities"),
    path("collections/", grids.collections, {"record": "opportunity"}, name="opportunity-collections"),
    path(
        "collections/<int:collection_id>/", grids.collection, {"record": "opportunity"}, name="opportunity-collection"
    ),
    path("<int:record_id>/", records.overview, {"record": "opportunity"}, name="opportunity-overview"),
    path("<int:record_id>/contacts/", records.contacts, {"record": "opportunity"}, name="opportunity-contacts"),
    path("<int:record_id>/link/", linking.link_opportunity, name="opportunity-link"),
    path("<int:record_id>/timeline/", records.record_timeline, {"record": "opportunity"}, name="opportunity-timeline"),
    path("<int:record_id>/sync/", records.sync, {"record": "opportunity"}, name="opportunity-sync"),
]

campaigns = [
    *fields_of("campaign"),
    path("new/", creating.create, {"record": "campaign"}, name="campaign-new"),
    path("<int:record_id>/add/", adding.add, name="campaign-add"),
    path("<int:record_id>/joinings/<int:joining_id>/stop/", adding.stop, name="campaign-joining-stop"),
    path("<int:record_id>/link/", campaign_linking.link_page, name="campaign-link"),
    path("<int:record_id>/unlink/", campaign_linking.unlink, name="campaign-unlink"),
    path("<int:record_id>/create-there/", campaign_linking.create_there, name="campaign-create-there"),
    path("<int:record_id>/rules/", campaign_rules.rules_page, name="campaign-rules"),
    path("<int:record_id>/rules/<int:rule_id>/remove/", campaign_rules.remove, name="campaign-rule-remove"),
    path("", grids.everything, {"record": "campaign"}, name="campaigns"),
    path("<int:record_id>/", records.overview, {"record": "campaign"}, name="campaign-overview"),
    path("<int:record_id>/members/", records.members, name="campaign-members"),
    path("<int:record_id>/web/", experiences.experiences, name="campaign-web"),
    path("<int:record_id>/web/new/", experiences.new, name="campaign-experience-new"),
    path("<int:record_id>/web/<int:experience_id>/", experiences.experience, name="campaign-experience"),
    path("<int:record_id>/web/<int:experience_id>/edit/", experiences.edit, name="campaign-experience-edit"),
    path("<int:record_id>/web/<int:experience_id>/switch/", experiences.switch, name="campaign-experience-switch"),
    path("<int:record_id>/web/<int:experience_id>/remove/", experiences.remove, name="campaign-experience-remove"),
    path(
        "<int:record_id>/opportunities/", records.opportunities, {"record": "campaign"}, name="campaign-opportunities"
    ),
    path("<int:record_id>/timeline/", records.record_timeline, {"record": "campaign"}, name="campaign-timeline"),
    path("<int:record_id>/sync/", records.sync, {"record": "campaign"}, name="campaign-sync"),
]

attribution = [
    path("", attribution_views.report_page, name="attribution"),
    path("report.csv", attribution_views.report_csv, name="attribution-csv"),
    path("credits/", attribution_views.credited_page, name="attribution-credits"),
    path("credits.csv", attribution_views.credited_csv, name="attribution-credits-csv"),
    path("settings/", attribution_settings.settings_page, name="attribution-settings"),
]

urlpatterns = [
    *ways_in,
    path("", home.home, name="home"),
    path("user/profile/", include(me)),
    path("notifications/", notices.notifications, name="notifications"),
    path("notifications/bell/", notices.bell, name="bell"),
    path("notifications/test/", notices.test_mail, name="test-mail"),
    path("search/", search.search, name="search"),
    path("syncs/", running.syncs, name="syncs"),
    path("tour/", tour.tour, name="tour"),
    path("accounts/", include(accounts)),
    path("contacts/", include(contacts)),
    path("opportunities/", include(opportunities)),
    path("campaigns/", include(campaigns)),
    path("visitors/", visitors.visitor_list, name="visitors"),
    path("visitors/<int:visitor_id>/", visitors.visitor_page, name="visitor"),
    path("attribution/", include(attribution)),
    path("runs/<int:run_id>/", include(run)),
    path("edits/<int:edit_id>/", field_edits.edit_page, name="field-edit"),
    path("edits/<int:edit_id>/live/", field_edits.edit_live, name="field-edit-live"),
    path("edits/<int:edit_id>/cancel/", field_edits.cancel, name="field-edit-cancel"),
    path("edits/<int:edit_id>/put-back/", field_edits.put_back, name="field-edit-put-back"),
    path("pushes/<int:push_id>/", include(push)),
    path("imports/<int:import_id>/", include(crm_import)),
    path("settings/", RedirectView.as_view(pattern_name="integrations"), name="settings"),
    path("settings/users/", users.users, name="users"),
    path("settings/users/<int:user_id>/", users.change_user, name="change-user"),
    path("settings/users/<int:user_id>/link/", users.new_link, name="user-link"),
    path("settings/users/<int:user_id>/second-factor/", users.reset_second_factor, name="reset-second-factor"),
    path("settings/users/policy/", users.change_policy, name="sign-in-policy"),
    path("settings/api-keys/", api_keys.keys, name="api-keys"),
    path("settings/api-keys/<int:key_id>/revoke/", api_keys.revoke, name="revoke-api-key"),
    path("settings/webhooks/", webhooks.hooks, name="webhooks"),
    path("settings/webhooks/<int:hook_id>/test/", webhooks.test, name="webhook-test"),
    path("settings/webhooks/<int:hook_id>/switch/", webhooks.switch, name="webhook-switch"),
    path("settings/webhooks/<int:hook_id>/remove/", webhooks.remove, name="webhook-remove"),
    path("settings/tracking/", tracking.site_list, name="tracking-sites"),
    path("settings/tracking/new/", tracking.new_site, name="tracking-site-new"),
    path("settings/tracking/<int:site_id>/", tracking.installation, name="tracking-site"),
    path("settings/tracking/<int:site_id>/live/", tracking.live, name="tracking-site-live"),
    path("settings/tracking/<int:site_id>/edit/", tracking.edit_site, name="tracking-site-edit"),
    path("settings/audit/", audit.audit, name="audit"),
    path("settings/audit.csv", audit.audit_csv, name="audit-csv"),
    path("settings/integrations/", integrations.integrations, name="integrations"),
    path("settings/integrations/salesforce/", include(salesforce)),
]
