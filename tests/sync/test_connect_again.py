"""Connecting again: the same org, another one, after a disconnect."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest
from cryptography.fernet import Fernet
from tests.sync.live import Live, Orgs, made_once
from tests.sync.test_push import account, edit
from tests.web import org
from tests.web.emulated import EmulatedOrg

from abmatic.audiences.models import Account
from abmatic.identity import sealing
from abmatic.salesforce import OAuthApp, errors, oauth
from abmatic.sync import clients, connect, replacing, runs, settings_file
from abmatic.sync.connect import ConnectError
from abmatic.sync.execute import execute
from abmatic.sync.models import Connection, ConnectionProblem, FieldMapping, MirrorAccount, ObjectSetting, Run
from salesforce_emulator.data import generate, sample

pytestmark = pytest.mark.django_db(transaction=True)


def secret_of(connection: Connection) -> dict[str, str]:
    connection.refresh_from_db()
    return sealing.unseal(connection.secret.sealed)


def test_another_org_is_refused_and_nothing_is_changed(orgs: Orgs) -> None:
    live = orgs.sample(by_hand=True)
    live.sync_well("Account")
    other = orgs.serve(_another(orgs))
    before = (Connection.objects.values().get(), secret_of(live.connection), MirrorAccount.objects.count())
    begun = connect.begin(other.url, other.client_id, other.client_secret, connection=live.connection)
    with pytest.raises(ConnectError) as caught:
        connect.finish(begun.pending, EmulatedOrg(other.url).answer(begun.url))
    assert caught.value.code == "wrong_org"
    assert "nothing was changed" in caught.value.detail
    assert (Connection.objects.values().get(), secret_of(live.connection), MirrorAccount.objects.count()) == before


def test_disabling_what_may_not_be_called_any_more_forgets_the_token_all_the_same(orgs: Orgs) -> None:
    live = orgs.sample(by_hand=True)
    orgs.forbid(live.org.url)
    connect.disable(live.connection)
    assert Connection.objects.get().status == Connection.Status.INACTIVE
    assert not {"access_token", "refresh_token"} & set(secret_of(live.connection))


def test_another_org_beside_it_is_a_connection_of_its_own(orgs: Orgs) -> None:
    live = orgs.sample()
    other = orgs.live(_another(orgs))
    assert Connection.objects.count() == 2
    live.sync_well("Account")
    other.sync_well("Account")
    assert MirrorAccount.objects.filter(connection=other.connection).count() == other.number(
        'SELECT count(*) FROM "Account"'
    )


def test_a_refreshed_sandbox_takes_the_place_of_its_former_self(orgs: Orgs) -> None:
    live = orgs.sample()
    ObjectSetting.objects.filter(sobject="Account").update(
        frequency=6, policy="abmatic", create_in_salesforce=True, update_in_salesforce=True, auto_push=True
    )
    FieldMapping.objects.filter(sf_field="Industry", setting__sobject="Account").update(to_abmatic="fill")
    live.sync_well()
    name, accounts = live.connection.name, Account.objects.count()
    old_links = dict(MirrorAccount.objects.values_list("sf_id", "local_id"))

    def refreshed(conn: sqlite3.Connection) -> None:
        sample.load(conn)
        conn.execute('UPDATE "Organization" SET "Id" = ?', ("00DgK0000000077EAA",))
        # Another org's Ids: what is GenePoint's here was somebody else's there.
        conn.execute('UPDATE "Account" SET "Website" = NULL WHERE "Name" = ?', ("GenePoint",))

    fresh = orgs.live(made_once(orgs.templates, "refreshed", refreshed))
    with pytest.raises(replacing.NotReplaced, match="same org"):
        replacing.replace(live.connection, live.connection)
    replacing.replace(live.connection, fresh.connection)
    live.connection.refresh_from_db()
    fresh.connection.refresh_from_db()
    assert (fresh.connection.name, fresh.connection.status) == (name, Connection.Status.ACTIVE)
    assert live.connection.status == Connection.Status.INACTIVE
    assert live.connection.name.startswith(f"{name} (until ")
    setting = ObjectSetting.objects.get(connection=fresh.connection, sobject="Account")
    assert (setting.frequency, setting.policy) == (6, "abmatic")
    assert (setting.create_in_salesforce, setting.update_in_salesforce, setting.auto_push) == (False, False, False)
    assert setting.mappings.get(sf_field="Industry").to_abmatic == "fill"
    assert not MirrorAccount.objects.filter(connection=live.connection, is_deleted=False).exists()

    run = fresh.sync_well()["Account"]
    # By their keys, and by nothing else: the same Id without a key is a stranger.
    strangers = MirrorAccount.objects.filter(connection=fresh.connection, key=None).count()
    assert strangers > 1
    assert (run.counts["created"], Account.objects.count()) == (strangers, accounts + strangers)
    linked = MirrorAccount.objects.filter(connection=fresh.connection, local_id__isnull=False)
    for sf_id, key, local_id in linked.values_list("sf_id", "key", "local_id"):
        assert (local_id == old_links[sf_id]) == (key is not None), (sf_id, key)


def _beside(name: str, org_id: str) -> Connection:
    return org.connect(name=name, org_id=org_id)


def test_a_connection_takes_anothers_place_once() -> None:
    old, new = _beside("Sandbox", "00D580000000001EAA"), _beside("Fresh", "00D580000000077EAA")
    seen_old, seen_new = Connection.objects.get(pk=old.pk), Connection.objects.get(pk=new.pk)
    replacing.replace(old, new)
    assert (new.name, old.status) == ("Sandbox", "inactive"), "the caller's are as they are now"
    kept = list(Connection.objects.order_by("pk").values())
    with pytest.raises(replacing.NotReplaced, match=r"“Sandbox” is called “Sandbox \(until .*” by now"):
        replacing.replace(seen_old, seen_new)
    assert list(Connection.objects.order_by("pk").values()) == kept


def test_what_was_set_meanwhile_is_taken_over_and_what_was_disabled_meanwhile_is_not() -> None:
    old, new = _beside("Sandbox", "00D580000000001EAA"), _beside("Fresh", "00D580000000077EAA")
    Connection.objects.filter(pk=old.pk).update(status="inactive", api_ceiling=40)
    with pytest.raises(replacing.NotReplaced, match="“Sandbox” was disabled meanwhile"):
        replacing.replace(old, new)
    Connection.objects.filter(pk=old.pk).update(status="active")
    Connection.objects.filter(pk=new.pk).update(status="needs_attention")
    with pytest.raises(replacing.NotReplaced, match="“Fresh” is needs attention"):
        replacing.replace(old, new)
    Connection.objects.filter(pk=new.pk).update(status="active")
    replacing.replace(old, new)
    assert new.api_ceiling == 40


def test_a_name_that_is_taken_at_the_same_moment_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = _beside("Sandbox", "00D580000000001EAA"), _beside("Fresh", "00D580000000077EAA")
    other = _beside("Other", "00D580000000088EAA")
    monkeypatch.setattr(replacing, "_free", lambda wanted: other.name)
    with pytest.raises(replacing.NotReplaced, match="took the name “Other” meanwhile"):
        replacing.replace(old, new)
    assert set(Connection.objects.values_list("name", "status")) == {
        ("Sandbox", "active"), ("Fresh", "active"), ("Other", "active"),
    }  # fmt: skip


@pytest.mark.parametrize("hours", [24, -24])
def test_with_a_clock_that_is_a_day_off_nothing_is_missed(orgs: Orgs, hours: int) -> None:
    """Salesforce's clock is a day ahead of ours, or behind: it is the only one that cuts windows."""
    live = orgs.sample()
    live.org.store.clock.change(by=hours * 3600, forced=True)
    live.sync_well("Account")
    ObjectSetting.objects.filter(sobject="Account").update(update_in_salesforce=True)
    FieldMapping.objects.filter(sf_field="Industry", setting__sobject="Account").update(to_salesforce="overwrite")
    live.sync_well("Account")
    for city in ("Graz", "Linz", "Wien"):
        with live.editing() as session:
            made = session.insert("Account", {"Name": f"New in {city}", "BillingCity": city})
            session.update("Account", account(live, "GenePoint")["Id"], {"BillingCity": city})
        record = Account.objects.get(name="GenePoint")
        edit(record, industry=f"Trade in {city}")
        run = live.sync_well("Account")["Account"]
        record.refresh_from_db()
        assert (record.city, run.counts["created"]) == (city, 1)
        assert account(live, "GenePoint")["Industry"] == f"Trade in {city}"
        assert MirrorAccount.objects.filter(sf_id=made).exists()
        with live.editing() as session:
            session.delete("Account", made)
        live.sync_well("Account")
        assert MirrorAccount.objects.get(sf_id=made).is_deleted


def _another(orgs: Orgs) -> Path:
    """An org with another Id."""

    def load(conn: sqlite3.Connection) -> None:
        generate.load(conn, 30, 99)
        conn.execute('UPDATE "Organization" SET "Id" = ?', ("00DgK0000000099EAA",))

    return made_once(orgs.templates, "another", load)


def test_disabled_then_reconnected_keeps_settings_links_and_data(orgs: Orgs) -> None:
    live = orgs.sample(by_hand=True)
    live.sync_well()
    FieldMapping.objects.filter(sf_field="Industry").update(to_abmatic="fill")
    accounts = list(Account.objects.order_by("pk").values())
    secret = secret_of(live.connection)
    connect.disable(live.connection)
    live.connection.refresh_from_db()
    assert live.connection.status == Connection.Status.INACTIVE
    # Revoked over there, forgotten over here; the app's secret stays.
    app = OAuthApp(live.org.client_id, live.org.client_secret)
    with pytest.raises(errors.InvalidGrant):
        oauth.refresh(clients.login_hosts().login(live.org.url), app, secret["refresh_token"])
    assert set(secret_of(live.connection)) >= {"client_secret"}
    assert not {"access_token", "refresh_token"} & {name for name, value in secret_of(live.connection).items() if value}
    with pytest.raises(runs.ConnectionNotReady):
        live.start("Account")
    with pytest.raises(errors.InvalidGrant):
        clients.ConnectionTokens(live.connection).current()

    was = live.connection.pk
    begun = connect.begin(live.org.url, live.org.client_id, "", connection=live.connection)
    live.connection = connect.finish(begun.pending, EmulatedOrg(live.org.url).answer(begun.url))
    assert (live.connection.pk, live.connection.status) == (was, Connection.Status.ACTIVE)
    assert FieldMapping.objects.get(sf_field="Industry").to_abmatic == "fill"
    for run in live.sync_well().values():
        assert run.counts["created"] == 0
    assert list(Account.objects.order_by("pk").values()) == accounts


def test_a_run_under_way_does_not_bring_a_disabled_connection_back(orgs: Orgs) -> None:
    """Client credentials could fetch a token at any time; nobody asked for that any more."""
    live = orgs.sample()
    user, account, *_ = live.start("Account")
    live.at_call("/queryAll", lambda: connect.disable(Connection.objects.get()), after=1)
    execute(user.pk)
    execute(account.pk)
    account.refresh_from_db()
    assert (account.state, account.error_code) == (Run.State.FAILED, "invalid_grant")
    assert not secret_of(live.connection).get("access_token")
    assert live.connection.status == Connection.Status.INACTIVE


def test_disabling_an_org_that_is_away_still_forgets_the_token(orgs: Orgs) -> None:
    live = orgs.sample(by_hand=True)
    live.org.fault("reset", {"path": "/oauth2/revoke"}, times=0)
    connect.disable(live.connection)
    assert not secret_of(live.connection).get("refresh_token")


def test_denied_consent_leaves_nothing_behind(orgs: Orgs) -> None:
    org = orgs.serve(_another(orgs))
    begun = connect.begin(org.url, org.client_id, org.client_secret)
    with pytest.raises(ConnectError) as caught:
        connect.finish(begun.pending, EmulatedOrg(org.url).answer(begun.url, "deny"))
    assert caught.value.title == "Access was denied"
    assert not Connection.objects.exists()


def test_a_login_that_took_too_long_starts_again(orgs: Orgs, monkeypatch: pytest.MonkeyPatch) -> None:
    org = orgs.serve(_another(orgs))
    begun = connect.begin(org.url, org.client_id, org.client_secret)
    back = EmulatedOrg(org.url).answer(begun.url)
    monkeypatch.setattr(connect, "LOGIN_PATIENCE", timedelta(seconds=-1))
    with pytest.raises(ConnectError) as caught:
        connect.finish(begun.pending, back)
    assert caught.value.code == "state_mismatch"


def test_a_wrong_secret_is_said_in_salesforces_words(orgs: Orgs) -> None:
    org = orgs.serve(_another(orgs))
    with pytest.raises(ConnectError) as caught:
        connect.connect_headless(org.url, "client-credentials", org.client_id, client_secret="wrong")
    assert "Salesforce said: “invalid" in caught.value.detail
    assert "wrong" not in caught.value.detail.split("Salesforce said")[0]


def test_check_mends_what_a_reconnect_is_not_needed_for(orgs: Orgs) -> None:
    live = orgs.sample()
    clients.mark_problem(live.connection.pk, clients.ConnectionProblem.LIMIT_REACHED, "used up")
    lines = connect.check(live.connection)
    assert {line["state"] for line in lines} <= {"ok", "warning"}
    assert live.connection.status == Connection.Status.ACTIVE


def test_check_of_an_org_that_is_down_says_so(orgs: Orgs) -> None:
    live = Live(orgs.serve(_another(orgs)), orgs.sample().connection)
    orgs.close()
    lines = connect.check(live.connection)
    assert [line["state"] for line in lines] == ["failed"]
    assert live.connection.problem == clients.ConnectionProblem.UNREACHABLE


def test_an_org_that_was_down_during_a_check_is_synced_again_without_a_person(
    orgs: Orgs, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = orgs.sample()

    def maintenance(client: object) -> NoReturn:
        raise errors.Transient("Server Too Busy", status=503)

    with monkeypatch.context() as down:
        down.setattr(connect, "check_org", maintenance)
        connect.check(live.connection)
    assert live.connection.problem == ConnectionProblem.UNREACHABLE
    live.sync_well("Account")
    live.connection.refresh_from_db()
    assert (live.connection.status, live.connection.problem) == (Connection.Status.ACTIVE, ConnectionProblem.NONE)


def test_a_problem_lasts_since_it_was_found_first() -> None:
    connection = org.connect()

    def found(problem: ConnectionProblem) -> datetime:
        clients.mark_problem(connection.pk, problem, "It said so.")
        connection.refresh_from_db()
        assert connection.problem_since is not None
        return connection.problem_since

    first = found(ConnectionProblem.UNREACHABLE)
    assert found(ConnectionProblem.UNREACHABLE) == first
    assert found(ConnectionProblem.LIMIT_REACHED) > first
    again = connection.problem_since
    Connection.objects.update(problem=ConnectionProblem.NONE)
    assert again is not None
    assert found(ConnectionProblem.LIMIT_REACHED) > again


def lose_the_key(settings: Any) -> None:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, encryption_keys=(Fernet.generate_key().decode(),))


def test_with_the_key_lost_a_check_says_what_helps(orgs: Orgs, settings: Any) -> None:
    live = orgs.sample()
    lose_the_key(settings)
    [line] = connect.check(live.connection)
    assert line["state"] == "failed"
    assert "ABMATIC_ENCRYPTION_KEYS" in line["detail"]
    assert live.connection.problem == ConnectionProblem.SEAL_BROKEN


def test_with_the_key_lost_a_connection_can_be_disabled(orgs: Orgs, settings: Any) -> None:
    live = orgs.sample()
    lose_the_key(settings)
    connect.disable(live.connection)
    assert live.connection.status == Connection.Status.INACTIVE
    assert secret_of(live.connection) == {}


def test_with_the_key_lost_on_the_way_the_login_is_to_be_begun_again(orgs: Orgs, settings: Any) -> None:
    live = orgs.sample(by_hand=True)
    begun = connect.begin(live.org.url, live.org.client_id, live.org.client_secret, connection=live.connection)
    answer = EmulatedOrg(live.org.url).answer(begun.url)
    lose_the_key(settings)
    with pytest.raises(ConnectError) as caught:
        connect.finish(begun.pending, answer)
    assert caught.value.code == "state_mismatch"
    assert "keys were changed" in caught.value.detail


def test_a_check_keeps_what_the_client_stored_meanwhile(orgs: Orgs) -> None:
    live = orgs.sample()
    connect.check(live.connection)
    assert live.connection.api_used == live.org.emulator.usage.used
    stale = Connection.objects.get()
    live.at_call("/sobjects$", lambda: Connection.objects.update(status="inactive"))
    connect.check(stale)
    assert stale.status == Connection.Status.INACTIVE


@pytest.mark.parametrize("by_hand", [False, True])
def test_an_org_that_a_settings_file_names_by_15_characters_is_that_org(orgs: Orgs, by_hand: bool) -> None:
    live = orgs.sample()
    org_id = live.connection.org_id
    text = settings_file.export_yaml().replace(org_id, org_id[:15])
    live.connection.delete()
    settings_file.plan_import(text).apply()
    if by_hand:
        live.reconnect(Connection.objects.get())
    else:
        connect.connect_headless(
            live.org.url, "client-credentials", live.org.client_id, client_secret=live.org.client_secret
        )
    assert Connection.objects.get().org_id == org_id
