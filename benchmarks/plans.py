"""The plans of the statements that took longest in a scenario, kept beside its figures.

While a scenario is collected, the sessions of the sync explain each statement before they execute it, in the same
transaction, with the same parameters and temporary tables. That costs planning time, a millisecond or so a statement.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from abmatic.postgres import sessions

_plain = sessions.session
_MOST = 3
_LEAST_SECONDS = 0.005
_EXPLAINED = re.compile(r"^\s*(?:--[^\n]*\n\s*)*(SELECT|WITH|INSERT|UPDATE|DELETE|MERGE)\b", re.IGNORECASE)

_found: dict[str, list[dict[str, Any]]] = {}
_now: list[str] = []


class _Explaining(psycopg.Cursor[Any]):
    """Explains, then executes."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        if not _now:
            return super().execute(query, params, **options)
        text = _text(query, self.connection)
        plan = self._plan(query, text, params) if _EXPLAINED.match(text) else None
        began = time.monotonic()
        result = super().execute(query, params, **options)
        _keep(text, plan, time.monotonic() - began, self.rowcount)
        return result

    def _plan(self, query: Any, text: str, params: Any) -> list[str]:
        explained = sql.SQL("EXPLAIN {}").format(sql.SQL(text)) if params is None else "EXPLAIN " + text
        with psycopg.Cursor(self.connection) as other:
            return [row[0] for row in other.execute(explained, params).fetchall()]


def _text(query: Any, connection: Any) -> str:
    if isinstance(query, bytes):
        return query.decode()
    return query if isinstance(query, str) else str(query.as_string(connection))


def collect(scenario: str) -> None:
    """Plans are kept from here, under this name. Sessions opened before don't count."""
    _now[:] = [scenario]
    sessions.session = _explaining


def stop() -> None:
    _now.clear()
    sessions.session = _plain


@contextmanager
def _explaining(name: str, settings: dict[str, str] | None = None) -> Iterator[psycopg.Connection[Any]]:
    with _plain(name, settings) as session:
        session.cursor_factory = _Explaining
        yield session


def collected() -> dict[str, list[dict[str, Any]]]:
    """By scenario the slowest statements: seconds, rows, statement, plan."""
    return _found


def _keep(text: str, plan: list[str] | None, seconds: float, rows: int) -> None:
    if plan is None or seconds < _LEAST_SECONDS:
        return
    kept = _found.setdefault(_now[0], [])
    kept.append({"seconds": round(seconds, 3), "rows": rows, "statement": " ".join(text.split())[:2000], "plan": plan})
    kept.sort(key=lambda each: -each["seconds"])
    del kept[_MOST:]
