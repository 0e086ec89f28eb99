"""The part of a worker that hears of changes and has them pushed; the rules are in `abmatic.sync.auto_push`.

The database tells of a change the moment it is committed. A moment later, so that what comes together goes together, it
is looked what is due. A look every few seconds finds the rest: what was changed during a run, or while no worker was
there, or came due with time.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
from django.db import close_old_connections, connections

from abmatic.sync.auto_push import CHANNEL, AutoPush

logger = logging.getLogger(__name__)

# Seconds.
DEBOUNCE = 0.5
POLL = 3.0


async def push_changes(parameters: dict[str, Any]) -> None:
    """Listens, looks and starts runs until it is cancelled. ``parameters`` are those of a psycopg connection."""
    with ThreadPoolExecutor(1, "auto-push") as thread:
        automatic = AutoPush()
        while True:
            try:
                await _listen(parameters, thread, automatic)
            except psycopg.OperationalError as error:
                # A database that stays away stops the worker; that is not decided here.
                logger.debug("not listening for changes: %s", error)
                await asyncio.sleep(POLL)


async def _listen(parameters: dict[str, Any], thread: ThreadPoolExecutor, automatic: AutoPush) -> None:
    loop = asyncio.get_running_loop()
    async with await psycopg.AsyncConnection.connect(**parameters, autocommit=True) as connection:
        await connection.execute(f"LISTEN {CHANNEL}".encode())
        while True:
            await loop.run_in_executor(thread, _look, automatic)
            is_told = False
            async for _ in connection.notifies(timeout=POLL, stop_after=1):
                is_told = True
            if is_told:
                await asyncio.sleep(DEBOUNCE)
                async for _ in connection.notifies(timeout=0):
                    pass  # of the same moment: one look is enough


def _look(automatic: AutoPush) -> None:
    close_old_connections()
    try:
        automatic.start_due()
    except Exception:  # the next look is a few seconds off
        logger.exception("could not look for what is to be pushed")
        connections.close_all()
