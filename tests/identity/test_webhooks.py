"""Webhooks: told in the notice's transaction, signed, tried again, and never into one's own network."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.db import connection, transaction

from abmatic.identity import notices, outgoing, webhooks
from abmatic.identity.audit import COMMAND_LINE
from abmatic.identity.models import AuditEntry, Notice, SealedSecret, Webhook

pytestmark = pytest.mark.django_db


class Listener:
    """A server of the company's own that hears webhooks."""

    def __init__(self) -> None:
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.status, self.text = 200, "ok"
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                listener.heard.append((dict(self.headers), body))
                self.send_response(listener.status)
                self.send_header("Location", "https://elsewhere.example.com/")
                self.end_headers()
                self.wfile.write(listener.text.encode())

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def listener(settings: Any) -> Iterator[Listener]:
    found = Listener()
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, webhook_hosts=frozenset({found.host}))
    yield found
    found.close()


def add(listener: Listener, format_: str = "json", kinds: tuple[str, ...] = ("sync",)) -> tuple[Webhook, str]:
    return webhooks.add("Team", format_, f"http://{listener.host}/in?x=1", kinds, by=COMMAND_LINE)


def tell(kind: Notice.Kind = Notice.Kind.SYNC) -> Notice:
    notice = notices.tell(kind, "connection 1", "Accounts <fail> & more", "Twice in a row.", "/runs/7/")
    assert notice
    return notice


def queued() -> list[tuple[int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (args->>'webhook_id')::bigint, (args->>'notice_id')::bigint FROM procrastinate_jobs"
            " WHERE task_name = 'identity.call_webhook' ORDER BY id"
        )
        return [tuple(row) for row in cursor.fetchall()]


class TestTelling:
    def test_a_signed_call_says_what_the_notice_says(self, listener: Listener) -> None:
        hook, secret = add(listener)
        notice = tell()
        assert queued() == [(hook.pk, notice.pk)]
        assert webhooks.call(hook.pk, notice.pk)
        ((headers, body),) = listener.heard
        said = json.loads(body)
        assert (said["title"], said["kind"], said["is_test"]) == ("Accounts <fail> & more", "sync", False)
        assert said["url"].endswith("/runs/7/")
        at, proof = (part.partition("=")[2] for part in headers["Abmatic-Signature"].split(","))
        assert proof == hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
        hook.refresh_from_db()
        assert hook.last_at
        assert not hook.last_error

    def test_slack_gets_text_in_which_nobody_is_called(self, listener: Listener) -> None:
        hook, secret = add(listener, "slack")
        assert secret == ""
        assert webhooks.call(hook.pk, tell().pk)
        ((headers, body),) = listener.heard
        assert json.loads(body)["text"].startswith("*Accounts &lt;fail&gt; &amp; more*\n")
        assert "Abmatic-Signature" not in headers

    def test_only_what_it_is_told_of_and_only_while_it_is_on(self, listener: Listener) -> None:
        hook, _ = add(listener)
        tell(Notice.Kind.BUDGET)
        assert queued() == []
        webhooks.switch(hook, is_on=False, by=COMMAND_LINE)
        notice = tell()
        assert queued() == []
        assert not webhooks.call(hook.pk, notice.pk)
        assert not listener.heard

    def test_nothing_is_told_of_what_is_rolled_back(self, listener: Listener) -> None:
        add(listener)
        with transaction.atomic():
            tell()
            transaction.set_rollback(True)
        assert queued() == []

    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_what_passes_is_tried_again(self, listener: Listener, status: int) -> None:
        hook, _ = add(listener)
        listener.status = status
        with pytest.raises(webhooks.WebhookFailed, match=str(status)):
            webhooks.call(hook.pk, tell().pk)
        hook.refresh_from_db()
        assert str(status) in hook.last_error

    @pytest.mark.parametrize(
        ("status", "words"), [(400, "answered 400"), (302, "not followed"), (404, "removed in Slack")]
    )
    def test_what_is_refused_for_good_is_said_and_not_tried_again(
        self, listener: Listener, status: int, words: str
    ) -> None:
        hook, _ = add(listener, "slack")
        listener.status, listener.text = status, "no_service"
        assert not webhooks.call(hook.pk, tell().pk)
        hook.refresh_from_db()
        assert words in hook.last_error
        assert "no_service" in hook.last_error
        assert len(listener.heard) == 1

    def test_nobody_there(self, listener: Listener) -> None:
        hook, _ = add(listener)
        listener.close()
        with pytest.raises(webhooks.WebhookFailed, match="can't be reached"):
            webhooks.call(hook.pk, tell().pk)

    def test_trying_out_says_what_went_wrong(self, listener: Listener) -> None:
        hook, _ = add(listener)
        assert webhooks.try_out(hook) == ""
        assert json.loads(listener.heard[0][1])["is_test"]
        listener.status = 500
        assert "answered 500" in webhooks.try_out(hook)

    def test_the_address_is_sealed_and_goes_with_it(self, listener: Listener) -> None:
        hook, secret = add(listener)
        stored = bytes(SealedSecret.objects.get(pk=hook.secret_id).sealed)
        assert b"/in?x=1" not in stored
        assert secret.encode() not in stored
        webhooks.remove(hook, by=COMMAND_LINE)
        assert not Webhook.objects.exists()
        assert not SealedSecret.objects.exists()
        acts = list(AuditEntry.objects.filter(about="notification").order_by("pk").values_list("act", flat=True))
        assert acts == ["webhook added", "webhook removed"]
        assert not AuditEntry.objects.filter(differences__icontains="/in?x=1").exists()


class TestWhereTo:
    @pytest.mark.parametrize(
        "address",
        ["127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.9.9", "169.254.169.254", "0.0.0.0", "100.64.0.1",
         "224.0.0.1", "::1", "fe80::1", "fc00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "::10.0.0.1"],
    )  # fmt: skip
    def test_one_s_own_network_is_not_the_internet(self, address: str) -> None:
        assert not outgoing.is_public(address)

    @pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
    def test_the_internet_is(self, address: str) -> None:
        assert outgoing.is_public(address)

    @pytest.mark.parametrize(
        "url",
        ["", "hooks.example.com", "ftp://example.com/", "http://example.com/", "https://", "https://u:p@example.com/",
         "https://example.com:5432/", "https://example.com/a b", "https://example.com:x/", "https://ex\tample.com/"],
    )  # fmt: skip
    def test_what_is_no_address_to_call(self, url: str) -> None:
        with pytest.raises(outgoing.NotAllowed):
            outgoing.require_allowed(url)

    def test_a_name_that_leads_inside_is_not_called(self, listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
        hook, _ = webhooks.add("Team", "json", "https://inside.example.com/", ["sync"], by=COMMAND_LINE)
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 443)) for ip in ("1.1.1.1", "127.0.0.1")]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("it was called"))
        assert not webhooks.call(hook.pk, tell().pk)
        hook.refresh_from_db()
        assert "ABMATIC_WEBHOOK_HOSTS" in hook.last_error

    def test_the_address_that_was_checked_is_the_one_that_is_called(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("1.1.1.1", 443))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        called: list[tuple[str, int]] = []

        def connect(address: tuple[str, int], timeout: float) -> socket.socket:
            called.append(address)
            raise ConnectionRefusedError("nobody")

        monkeypatch.setattr(socket, "create_connection", connect)
        with pytest.raises(outgoing.NotAnswered):
            outgoing.post("https://hooks.example.com/x", b"{}", {})
        assert called == [("1.1.1.1", 443)]
