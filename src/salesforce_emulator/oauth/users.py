"""The org's users as people who sign in."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, fields
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from salesforce_emulator.store import DEFAULT_PASSWORD, OrgStore

_COLUMNS = """
SELECT u."Id", u."Username", coalesce(u."FirstName", ''), u."LastName", u."Email", u."IsActive",
       coalesce(u."TimeZoneSidKey", 'GMT'), coalesce(u."LanguageLocaleKey", 'en_US'),
       coalesce(u."LocaleSidKey", 'en_US'), u."SystemModstamp", coalesce(p."Name", ''),
       coalesce(p."PermissionsApiEnabled", 1), coalesce(u."CommunityNickname", u."Username")
FROM "User" AS u LEFT JOIN "Profile" AS p ON p."Id" = u."ProfileId"
"""


@dataclass(frozen=True)
class OrgUser:
    """A user of the org. ``api_enabled`` is the permission of the profile."""

    id: str
    username: str
    first_name: str
    last_name: str
    email: str
    active: bool
    time_zone: str
    language: str
    locale: str
    modified: str
    profile: str
    api_enabled: bool
    nickname: str

    @property
    def utc_offset(self) -> int:
        """Milliseconds that the user's time zone is ahead of UTC, without summer time."""
        try:
            offset = datetime(2026, 1, 1, tzinfo=ZoneInfo(self.time_zone)).utcoffset()
        except (ZoneInfoNotFoundError, ValueError):
            offset = None
        return int(offset.total_seconds() * 1000) if offset is not None else 0

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


class Users:
    """Looks users up and checks their passwords."""

    def __init__(self, store: OrgStore) -> None:
        self._store = store

    def by_id(self, user_id: str) -> OrgUser | None:
        return self._one('u."Id" = ?', user_id)

    def by_name(self, username: str) -> OrgUser | None:
        return self._one('u."Username" = ?', username.strip())

    def everybody(self) -> list[OrgUser]:
        with self._store.reading() as conn:
            rows = conn.execute(f'{_COLUMNS} WHERE u."IsActive" = 1 ORDER BY u."Id" LIMIT 50').fetchall()
        return [_user(r) for r in rows]

    def _one(self, condition: str, value: str) -> OrgUser | None:
        with self._store.reading() as conn:
            row = conn.execute(f"{_COLUMNS} WHERE {condition}", (value,)).fetchone()
        return _user(row) if row else None

    def password_fits(self, user: OrgUser, password: str) -> bool:
        with self._store.reading() as conn:
            row = conn.execute("SELECT password FROM emulator_password WHERE user_id = ?", (user.id,)).fetchone()
        expected = str(row[0]) if row else DEFAULT_PASSWORD
        return hmac.compare_digest(expected.encode(), password.encode())

    def signs_in(self, user: OrgUser, given: str, security_token: str) -> bool:
        """Whether a password is right for a client that is no browser: the security token, if any, is behind it."""
        fits = given.endswith(security_token)
        return fits and self.password_fits(user, given.removesuffix(security_token))


def _user(row: tuple[str, ...]) -> OrgUser:
    named = dict(zip((f.name for f in fields(OrgUser)), row, strict=True))
    return OrgUser(**{**named, "active": bool(named["active"]), "api_enabled": bool(named["api_enabled"])})  # type: ignore[arg-type]  # the columns are in the fields' order
