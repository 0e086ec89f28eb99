"""Access and refresh tokens. They live in the org's file, so that a restarted emulator knows them still.

Only hashes are stored.  A refresh token and the access tokens made from it are one family: revoking the
refresh token ends them all.  A session that is used in the second half of its time gets its whole time anew.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from dataclasses import dataclass, replace

from salesforce_emulator.store import OrgStore

_TABLE = """
CREATE TABLE IF NOT EXISTS emulator_token (
    hash TEXT PRIMARY KEY, kind TEXT NOT NULL, client_id TEXT NOT NULL, user_id TEXT NOT NULL,
    scope TEXT NOT NULL, family TEXT NOT NULL, expires REAL, issued REAL
)
"""


@dataclass(frozen=True)
class ApiSession:
    """Who a token speaks for, in seconds since 1970 from when and until when.

    ``key`` identifies the session: query locators belong to it.
    """

    key: str
    client_id: str
    user_id: str
    scope: str
    family: str
    expires: float | None
    issued: float | None


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


class Tokens:
    """Issues, checks, rotates and revokes tokens. Thread-safe."""

    def __init__(self, store: OrgStore, session_seconds: float) -> None:
        self._store = store
        self.session_seconds = session_seconds
        self._known: dict[str, ApiSession] = {}
        self._lock = threading.Lock()
        with store.writing() as conn:
            conn.execute(_TABLE)
            if "issued" not in [row[1] for row in conn.execute("PRAGMA table_info(emulator_token)")]:
                conn.execute("ALTER TABLE emulator_token ADD COLUMN issued REAL")  # a file kept from before

    def issue_access(self, client_id: str, user_id: str, scope: str, family: str) -> str:
        token = f"{self._store.organization_id[:15]}!AQ{secrets.token_urlsafe(70)}"
        expires = self._store.clock().timestamp() + self.session_seconds
        self._put(token, "access", client_id, user_id, scope, family, expires)
        return token

    def issue_refresh(self, client_id: str, user_id: str, scope: str, family: str) -> str:
        token = f"5Aep{secrets.token_urlsafe(62)}"
        self._put(token, "refresh", client_id, user_id, scope, family, None)
        return token

    def new_family(self) -> str:
        return secrets.token_hex(8)

    def _put(
        self, token: str, kind: str, client_id: str, user_id: str, scope: str, family: str, expires: float | None
    ) -> None:
        row = (_hash(token), kind, client_id, user_id, scope, family, expires, self._store.clock().timestamp())
        with self._store.writing() as conn:
            conn.execute(
                "INSERT INTO emulator_token (hash, kind, client_id, user_id, scope, family, expires, issued)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            )

    def access(self, token: str) -> ApiSession | None:
        """The session of an access token, which uses it; None where it isn't valid any more."""
        session = self.session(token)
        if session is None or session.expires is None:
            return session
        now = self._store.clock().timestamp()
        if session.expires - now > self.session_seconds / 2:
            return session
        return self._extend(session, now + self.session_seconds)

    def session(self, token: str) -> ApiSession | None:
        """The same, without using it."""
        key = _hash(token)
        with self._lock:
            session = self._known.get(key)
        if session is None:
            session = self._find(key, "access")
            if session is None:
                return None
            with self._lock:
                self._known[key] = session
        alive = session.expires is None or session.expires > self._store.clock().timestamp()
        return session if alive else None

    def _extend(self, session: ApiSession, expires: float) -> ApiSession:
        extended = replace(session, expires=expires)
        with self._store.writing() as conn:
            conn.execute("UPDATE emulator_token SET expires = ? WHERE hash = ?", (expires, session.key))
        with self._lock:
            if session.key in self._known:  # else it has just been ended
                self._known[session.key] = extended
        return extended

    def refresh(self, token: str) -> ApiSession | None:
        """What a refresh token stands for, or None where it isn't valid any more."""
        return self._find(_hash(token), "refresh")

    def _find(self, key: str, kind: str) -> ApiSession | None:
        with self._store.reading() as conn:
            row = conn.execute(
                "SELECT hash, client_id, user_id, scope, family, expires, issued FROM emulator_token"
                " WHERE hash = ? AND kind = ?",
                (key, kind),
            ).fetchone()
        return ApiSession(*row) if row else None

    def revoke(self, token: str) -> bool:
        """End a token, and with a refresh token all of its family. False where nobody knows it."""
        key = _hash(token)
        session = self._find(key, "refresh")
        if session is not None:
            self.end_family(session.family)
            return True
        known = self._find(key, "access") is not None
        self.end_session(key)
        return known

    def end_refresh(self, token: str) -> None:
        """End a refresh token alone: another takes its place."""
        self._delete("hash = ?", _hash(token))

    def end_session(self, key: str) -> None:
        """End an access token by its session's key."""
        self._delete("hash = ?", key)

    def end_family(self, family: str) -> None:
        self._delete("family = ?", family)

    def end_all(self, *, kind: str = "access") -> None:
        """End every session, or every refresh token."""
        self._delete("kind = ?", kind)

    def _delete(self, condition: str, value: str) -> None:
        with self._store.writing() as conn:
            conn.execute(f"DELETE FROM emulator_token WHERE {condition}", (value,))
        with self._lock:
            self._known.clear()
