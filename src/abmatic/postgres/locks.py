"""Advisory locks: one holder at a time, released by Postgres itself when the holder dies.

A lock can be shared as well: by any number of sessions together, but not beside one that has it alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
from django.db import connection as database


class LockBusy(Exception):
    """Somebody else holds the lock."""


@contextmanager
def held(connection: psycopg.Connection[tuple[Any, ...]], *name: str | int) -> Iterator[None]:
    """Holds the named lock for the block, on this session. Raises `LockBusy` at once when it is taken."""
    with _held(connection, name, "SELECT pg_try_advisory_lock(%s)", "SELECT pg_advisory_unlock(%s)"):
        yield


@contextmanager
def shared(connection: psycopg.Connection[tuple[Any, ...]], *name: str | int) -> Iterator[None]:
    """As `held`, together with whoever else shares it."""
    with _held(connection, name, "SELECT pg_try_advisory_lock_shared(%s)", "SELECT pg_advisory_unlock_shared(%s)"):
        yield


@contextmanager
def _held(
    connection: psycopg.Connection[tuple[Any, ...]], name: tuple[str | int, ...], take: LiteralString,
    give_back: LiteralString,
) -> Iterator[None]:  # fmt: skip
    key = _key(name)
    row = connection.execute(take, (key,)).fetchone()
    connection.commit()
    if row is None or not row[0]:
        raise LockBusy(f"The lock {':'.join(map(str, name))} is held by another process.")
    try:
        yield
    finally:
        if not connection.closed:
            connection.rollback()
            connection.execute(give_back, (key,))
            connection.commit()


def taken_until_the_end(*name: str | int) -> bool:
    """Takes the named lock for the rest of Django's transaction. False, at once, when somebody else has it."""
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", (_key(name),))
        return bool(cursor.fetchone()[0])


def waited_for_until_the_end(*name: str | int) -> None:
    """Takes the named lock for the rest of Django's transaction, once whoever has it is done."""
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_key(name),))


def shared_until_the_end(*name: str | int, session: psycopg.Connection[tuple[Any, ...]] | None = None) -> None:
    """Shares the named lock for the rest of the session's transaction (Django's), once nobody has it alone."""
    with database.cursor() if session is None else session.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", (_key(name),))


def _key(name: tuple[str | int, ...]) -> int:
    return int.from_bytes(hashlib.sha256(":".join(map(str, name)).encode()).digest()[:8], "big", signed=True)
