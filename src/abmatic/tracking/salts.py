"""Visitors without a cookie: a hash of site, network and browser, with a salt that lives for one day.

Within a day (UTC) the same browser in the same network is the same visitor; from one day to the next nothing connects
them, not even for us: the day's salt is deleted, and its table is never written to the write-ahead log.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import date
from functools import lru_cache

from django.db import connection

from abmatic.tracking.events import Network

_SALT_BYTES = 32


def visitor_of(day: date, site_id: int, network: Network | None, user_agent: str) -> str:
    """The day's name of a visitor without a cookie: 32 hexadecimal digits after ``d-``."""
    told = f"{site_id}\n{network or ''}\n{user_agent}".encode()
    return "d-" + hashlib.blake2b(told, key=_salt(day), digest_size=16).hexdigest()


@lru_cache(maxsize=1)
def _salt(day: date) -> bytes:
    """The day's salt, the same in every process. The first to ask makes it, and destroys those before."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tracking_salt (day, salt) VALUES (%s, %s) ON CONFLICT (day) DO NOTHING",
            [day, secrets.token_bytes(_SALT_BYTES)],
        )
        cursor.execute("SELECT salt FROM tracking_salt WHERE day = %s", [day])
        (salt,) = cursor.fetchone()
    destroy_old(day)
    return bytes(salt)


def destroy_old(today: date) -> int:
    """Deletes the salts of days before. Answers how many."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM tracking_salt WHERE day < %s", [today])
        return int(cursor.rowcount)


def forget_cached() -> None:
    """Makes the next visitor ask the database: for tests, whose databases come and go."""
    _salt.cache_clear()
