"""One request to Salesforce, seen through: signed, counted, renewed, retried, understood.

Everything the client asks goes through here. A 401 renews the token once for all threads; what
Transient errors may be repeated is repeated with backoff; every answer's usage is noted. A
request that may have been carried out without saying so is repeated only where repeating is
harmless (``repeat``): the others surface as an error with ``outcome_unknown``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import httpx2

from . import errors
from .answers import Answer, Json, http_date, rest_error
from .retry import RetryPolicy
from .tokens import AccessToken, TokenSource
from .transport import CALL_TIMEOUT, network_errors, open_client
from .usage import Usage, read_usage

T = TypeVar("T")

# An error body is a few hundred bytes; an HTML page in front of one may be any size.
_ERROR_BODY = 64 * 1024


@dataclass(frozen=True)
class Call:
    """One request as it went, for logs and counts. ``path`` is without its query string.

    ``status`` is None where no answer came; ``seconds`` run to the answer's headers; ``counted``
    is whether Salesforce counts it against the API allowance.
    """

    method: str
    path: str
    status: int | None
    seconds: float
    counted: bool
    usage: Usage | None


class Wire:
    """Signed requests to one org. Thread-safe."""

    def __init__(
        self,
        tokens: TokenSource,
        *,
        client_name: str,
        transport: httpx2.BaseTransport | None,
        on_call: Callable[[Call], None] | None,
        retry: RetryPolicy,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        random: Callable[[], float],
        connections: int,
    ) -> None:
        self._tokens = tokens
        self._options = {"Sforce-Call-Options": f"client={client_name}"}
        self._on_call = on_call
        self._retry = retry
        self.clock = clock
        self.sleep = sleep
        self._random = random
        self._lock = threading.Lock()
        self._calls = 0
        self._usage: Usage | None = None
        self._heard_at: datetime | None = None
        self._owns_transport = transport is None
        self._http = open_client(
            tokens.current().instance_url,
            transport,
            user_agent=client_name,
            timeout=CALL_TIMEOUT,
            connections=connections,
        )

    @property
    def calls(self) -> int:
        return self._calls

    @property
    def usage(self) -> Usage | None:
        return self._usage

    @property
    def heard_at(self) -> datetime | None:
        return self._heard_at

    def close(self) -> None:
        if self._owns_transport:
            self._http.close()

    def call(
        self,
        method: str,
        path: str,
        read: Callable[[Answer], T],
        *,
        params: Mapping[str, str] | None = None,
        body: dict[str, Json] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        repeat: bool = True,
        signed: bool = True,
    ) -> T:
        """Sends a request and hands its whole answer (status below 300, or 304) to ``read``.

        ``body`` is sent as JSON, ``content`` as CSV. A BadAnswer that ``read`` raises is retried like any Transient.
        """

        def once(token: AccessToken) -> T:
            response = self._open(method, path, token, params, body, content, headers, signed)
            try:
                with network_errors():
                    received = response.read()
            finally:
                response.close()
            try:
                return read(Answer(response.status_code, response.headers, received))
            except errors.Transient as fault:
                fault.outcome_unknown = True
                raise

        return self._persist(once, repeat=repeat, signed=signed)

    @contextmanager
    def stream(self, path: str, *, params: Mapping[str, str], accept: str) -> Iterator[httpx2.Response]:
        """A GET whose body is still to be read. Nothing is retried once the headers are here."""

        def once(token: AccessToken) -> httpx2.Response:
            return self._open("GET", path, token, params, None, None, {"Accept": accept}, True)

        response = self._persist(once, repeat=True, signed=True)
        try:
            yield response
        finally:
            response.close()

    def _persist(self, once: Callable[[AccessToken], T], *, repeat: bool, signed: bool) -> T:
        token = self._tokens.current()
        try:
            return self._retrying(lambda: once(token), repeat)
        except errors.SessionExpired:
            if not signed:
                raise
        fresh = self._retrying(lambda: self._tokens.renew(token), True)
        return self._retrying(lambda: once(fresh), repeat)

    def _retrying(self, step: Callable[[], T], repeat: bool) -> T:
        attempt = 1
        while True:
            try:
                return step()
            except errors.Transient as trouble:
                if trouble.outcome_unknown and not repeat:
                    raise
                self.pause_or_raise(attempt, trouble)
            attempt += 1

    def pause_or_raise(self, attempt: int, trouble: errors.Transient) -> None:
        """Waits before what failed for the ``attempt``-th time (1, 2, …) is tried again; raises when that is enough."""
        pause = self._retry.pause(attempt, trouble.retry_after, self._random())
        if pause is None:
            raise trouble
        self.sleep(pause)

    def _open(
        self,
        method: str,
        path: str,
        token: AccessToken,
        params: Mapping[str, str] | None,
        body: dict[str, Json] | None,
        content: bytes | None,
        headers: Mapping[str, str] | None,
        signed: bool,
    ) -> httpx2.Response:
        """An open response of status below 300 or 304; anything else raises."""
        # httpx2.Headers keeps the token out of its repr, and so out of reports that show variables.
        sent = httpx2.Headers({"Accept": "application/json", **(headers or {})})
        if content is not None:
            sent["Content-Type"] = "text/csv; charset=UTF-8"
        if signed:
            sent.update(self._options)
            sent["Authorization"] = f"Bearer {token.value}"
        request = self._http.build_request(
            method, f"{token.instance_url}{path}", params=params, json=body, content=content, headers=sent
        )
        started = self.clock()
        try:
            with network_errors():
                response = self._http.send(request, stream=True)
        except errors.Transient:
            self._note(Call(method, path, None, self.clock() - started, False, None))
            raise
        self._heard_at = http_date(response.headers.get("date", "")) or self._heard_at
        usage = read_usage(response.headers.get("sforce-limit-info", ""))
        counted = path.startswith("/services/data/v") and response.status_code != 401
        self._note(Call(method, path, response.status_code, self.clock() - started, counted, usage))
        if response.status_code < 300 or response.status_code == 304:
            return response
        try:
            with network_errors():
                seen = _beginning(response, _ERROR_BODY)
        finally:
            response.close()
        error = rest_error(response.status_code, response.headers, seen)
        if isinstance(error, errors.ServerTrouble | errors.BadAnswer | errors.TimedOut):
            error.outcome_unknown = True
        raise error

    def _note(self, call: Call) -> None:
        with self._lock:
            self._calls += call.counted
            self._usage = call.usage or self._usage
        if self._on_call:
            self._on_call(call)


def _beginning(response: httpx2.Response, limit: int) -> bytes:
    """At most ``limit`` bytes of the body."""
    seen = bytearray()
    for chunk in response.iter_bytes():
        seen += chunk
        if len(seen) >= limit:
            break
    return bytes(seen[:limit])
