"""A Salesforce that answers what the test says, in-process or over a real socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from abmatic.salesforce import AccessToken, Call, Client, StaticTokens, TokenSource

INSTANCE = "https://acme.my.salesforce.com"
JOB_ID = "750R0000000zxr8IAA"

Handler = Callable[[httpx2.Request], httpx2.Response]


class Stream(httpx2.SyncByteStream):
    """A body that arrives in pieces."""

    def __init__(self, body: bytes, piece: int = 1000) -> None:
        self._body = body
        self._piece = piece

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self._body), self._piece):
            yield self._body[start : start + self._piece]


def csv_page(
    body: bytes, *, records: int | None = None, locator: str | None = "null", piece: int = 1000, **headers: str
) -> httpx2.Response:
    """A page of a bulk result as Salesforce sends it."""
    sent = {"Content-Type": "text/csv", **{name.replace("_", "-"): value for name, value in headers.items()}}
    if records is not None:
        sent["Sforce-NumberOfRecords"] = str(records)
    if locator is not None:
        sent["Sforce-Locator"] = locator
    return httpx2.Response(200, headers=sent, stream=Stream(body, piece))


def refusal(status: int, code: str, message: str = "", **headers: str) -> httpx2.Response:
    """A REST error as Salesforce words it."""
    return httpx2.Response(
        status,
        json=[{"message": message or code, "errorCode": code}],
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


@dataclass
class Org:
    """What the handler is asked, and the pauses the client makes instead of sleeping."""

    handler: Handler
    requests: list[httpx2.Request] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    now: float = 1000.0

    def transport(self) -> httpx2.MockTransport:
        def handle(request: httpx2.Request) -> httpx2.Response:
            self.requests.append(request)
            return self.handler(request)

        return httpx2.MockTransport(handle)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def client(self, tokens: TokenSource | None = None, **options: Any) -> Client:
        return Client(
            tokens or StaticTokens(AccessToken("00D000000000001!secret", INSTANCE)),
            **{
                "api_version": "67.0",
                "transport": self.transport(),
                "sleep": self.sleep,
                "clock": lambda: self.now,
                "random": lambda: 0.5,
                "on_call": self.calls.append,
                **options,
            },
        )

    def paths(self) -> list[str]:
        return [f"{request.method} {request.url.path}" for request in self.requests]


def in_turn(*answers: httpx2.Response | Exception) -> Handler:
    """Answers one after another; the last one for ever."""
    left = list(answers)

    def handle(request: httpx2.Request) -> httpx2.Response:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return handle


@pytest.fixture
def socket_server() -> Iterator[Callable[[bytes], str]]:
    """A server on a free port of this machine that answers every request with the given bytes and hangs up."""
    listeners: list[socket.socket] = []

    def serve(answer: bytes) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def run() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65_536)
                    connection.sendall(answer)

        threading.Thread(target=run, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield serve
    for listener in listeners:
        listener.close()
