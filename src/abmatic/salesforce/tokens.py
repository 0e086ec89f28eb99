"""The access token while working, and who fetches the next one.

A token expires while twenty threads use it. Each then asks its TokenSource to renew *the token
it was refused with*: the first one in fetches a new one, the others find that it is already
there. With refresh-token rotation a second refresh with the old token would end the
authorisation for everybody, which is why there is one refresher at a time, and why a refusal
is remembered: nobody knocks again with a grant that Salesforce has already declined.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from .errors import InvalidGrant, SignInAgain


@dataclass(frozen=True)
class AccessToken:
    """What a request needs: the secret and the origin of the org it is good for."""

    value: str = field(repr=False)
    instance_url: str


@dataclass(frozen=True)
class Tokens:
    """A token answer. ``refresh_token`` is "" where the flow grants none; ``issued_at`` is UTC."""

    access_token: str = field(repr=False)
    instance_url: str
    identity_url: str
    refresh_token: str = field(repr=False, default="")
    scope: str = ""
    issued_at: datetime | None = None

    @property
    def access(self) -> AccessToken:
        return AccessToken(self.access_token, self.instance_url)

    @property
    def org_id(self) -> str:
        """The 18-character Organization Id out of the identity URL, "" where it has none."""
        parts = self.identity_url.rstrip("/").split("/")
        return parts[-2] if len(parts) > 2 and parts[-2].startswith("00D") else ""

    @property
    def user_id(self) -> str:
        """The 18-character User Id out of the identity URL, "" where it has none."""
        last = self.identity_url.rstrip("/").rsplit("/", 1)[-1]
        return last if last.startswith("005") else ""


class TokenSource(Protocol):
    """Where a client gets its token. Both methods are called from many threads."""

    def current(self) -> AccessToken: ...

    def renew(self, stale: AccessToken) -> AccessToken:
        """A token other than ``stale``, which Salesforce has just refused.

        Whoever comes second gets the first one's token without another request. Raises
        InvalidGrant (or another SignInAgain, AskPerson or Transient error).
        """
        ...


class StaticTokens:
    """One token, no way to a new one."""

    def __init__(self, tokens: Tokens | AccessToken) -> None:
        self._access = tokens if isinstance(tokens, AccessToken) else tokens.access

    def current(self) -> AccessToken:
        return self._access

    def renew(self, stale: AccessToken) -> AccessToken:
        raise InvalidGrant("the access token was refused and there is no refresh token")


class RefreshingTokens:
    """Tokens kept in memory, renewed by ``fetch`` with one refresher at a time.

    ``fetch`` gets the tokens so far and returns new ones, for instance
    ``lambda old: oauth.refresh(host, app, old.refresh_token)``; ``on_renewed`` stores them.
    """

    def __init__(
        self,
        tokens: Tokens,
        fetch: Callable[[Tokens], Tokens],
        on_renewed: Callable[[Tokens], None] | None = None,
    ) -> None:
        self._tokens = tokens
        self._fetch = fetch
        self._on_renewed = on_renewed
        self._lock = threading.Lock()
        self._refused: SignInAgain | None = None

    def current(self) -> AccessToken:
        return self._tokens.access

    def renew(self, stale: AccessToken) -> AccessToken:
        with self._lock:
            if self._tokens.access_token != stale.value:
                return self._tokens.access
            if self._refused:
                raise InvalidGrant(self._refused.message, code=self._refused.code) from self._refused
            try:
                renewed = self._fetch(self._tokens)
            except SignInAgain as refusal:
                self._refused = refusal
                raise
            # First here, then stored: if storing fails, this is the only copy of a rotated token.
            self._tokens = renewed
            if self._on_renewed:
                self._on_renewed(renewed)
            return renewed.access
