"""Runs child processes and keeps them running: one that dies is started again, later and later if it goes on dying.

`abmatic up` and `abmatic demo` are a `Supervisor` with different children. It works in a thread of its own, so that
its caller can do something meanwhile (open a browser, wait for an import)::

    with Supervisor([web, worker]) as supervisor:
        supervisor.wait_until(is_ready)
        print(url)
        supervisor.wait()                     # until Ctrl-C or SIGTERM

Children get a session of their own, so that a Ctrl-C reaches only the supervisor and what they leave behind can be
ended with them, and a lifeline (see `lifeline`), so that they end if the supervisor is killed.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType, TracebackType
from typing import Self

from abmatic.cli.failures import INTERRUPTED, Failure

logger = logging.getLogger(__name__)

# Seconds.
_TICK = 0.1
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0
# A child that lived this long was fine: what ends it later is a new trouble.
_PROVEN_AFTER = 60.0
# So many ends in a row before it was ever ready mean that it can't work at all.
_HOPELESS = 3


@dataclass(frozen=True, slots=True)
class Child:
    """A process to keep running."""

    name: str
    command: Sequence[str]
    # Seconds between asking it to stop and ending it.
    grace: float = 20.0
    # Stopped when the others are, because they may need it till their end.
    outlives_others: bool = False


class Stopped(Exception):
    """Somebody asked for a stop (Ctrl-C, SIGTERM) while the caller was waiting."""


@dataclass(slots=True)
class _Running:
    child: Child
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_after: float = 0.0
    wait: float = _FIRST_WAIT
    ends: int = 0
    codes: list[int] = field(default_factory=list)


def command(*arguments: str) -> list[str]:
    """The command line of one of our own commands, run by this Python."""
    return [sys.executable, "-m", "abmatic.cli", *arguments]


class Supervisor:
    """Keeps children running between ``__enter__`` and ``__exit__``; ``tick`` is called every second meanwhile."""

    def __init__(self, children: Sequence[Child], tick: Callable[[], None] | None = None) -> None:
        self._children = [_Running(child) for child in children]
        self._tick = tick
        self._asked = threading.Event()
        self._closing = threading.Event()
        self._is_ready = False
        self._hopeless: str | None = None
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._handlers: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._handlers[number] = signal.signal(number, self._on_signal)
        for running in self._children:
            self._start(running)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._thread.join()
        try:
            self._stop_all()
        finally:
            for number, handler in self._handlers.items():
                signal.signal(number, handler)

    def wait_until(self, is_ready: Callable[[], bool], seconds: float = 120) -> None:
        """Waits for the children to be ready. Raises `Failure` when they can't be, `Stopped` when asked to stop."""
        deadline = time.monotonic() + seconds
        while not is_ready():
            self.sleep(_TICK)
            if self._hopeless is not None:
                raise Failure(self._hopeless)
            if time.monotonic() > deadline:
                raise Failure(f"Nothing answered within {seconds:.0f} s; what the parts said is above")
        self._is_ready = True

    def sleep(self, seconds: float) -> None:
        """Waits so long. Raises `Stopped` as soon as a stop is asked for."""
        if self._asked.wait(seconds):
            raise Stopped

    def wait(self) -> None:
        """Waits until somebody asks for a stop."""
        self._asked.wait()

    def pids(self) -> dict[str, int]:
        """The children's process numbers, by name."""
        return {each.child.name: each.process.pid for each in self._children if each.process is not None}

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._asked.is_set() and number == signal.SIGINT:
            # The second Ctrl-C means now.
            for running in self._children:
                _end_group(running.process)
            os._exit(INTERRUPTED)
        self._asked.set()

    # -- the thread

    def _watch(self) -> None:
        next_tick = time.monotonic() + 1
        while not self._closing.wait(_TICK):
            for running in self._children:
                self._look_after(running)
            if self._tick is not None and time.monotonic() >= next_tick:
                try:
                    self._tick()
                except Exception:
                    logger.exception("The watch over the database failed; it goes on")
                next_tick = time.monotonic() + 1

    def _look_after(self, running: _Running) -> None:
        now = time.monotonic()
        process = running.process
        if process is None:
            if now >= running.start_after and not self._asked.is_set():
                self._start(running)
            return
        code = process.poll()
        if code is None:
            if now - running.started_at > _PROVEN_AFTER:
                running.wait, running.ends = _FIRST_WAIT, 0
            return
        _end_group(process)
        running.process = None
        if self._asked.is_set():
            return
        running.ends += 1
        running.start_after = now + running.wait
        logger.warning("%s ended (%s); it is started again in %.1f s", running.child.name, _told(code), running.wait)
        running.wait = min(running.wait * 2, _LONGEST_WAIT)
        if running.ends >= _HOPELESS and not self._is_ready:
            self._hopeless = f"{running.child.name} ended {running.ends} times in a row ({_told(code)}), see above"

    def _start(self, running: _Running) -> None:
        # What a child says goes to stderr: stdout is the caller's, for --json.
        running.process = subprocess.Popen(
            running.child.command, stdin=subprocess.PIPE, stdout=sys.stderr.fileno(), start_new_session=True
        )
        running.started_at = time.monotonic()

    def _stop_all(self) -> None:
        """Asks all to stop, each within its grace, then ends what is left; those that outlive the others last."""
        for outlives in (False, True):
            self._stop([each for each in self._children if each.child.outlives_others == outlives])

    def _stop(self, children: Sequence[_Running]) -> None:
        for running in children:
            if running.process is not None:
                with suppress(ProcessLookupError):
                    running.process.terminate()
        began = time.monotonic()
        for running in children:
            if running.process is None:
                continue
            left = max(0.0, running.child.grace - (time.monotonic() - began))
            try:
                running.process.wait(left)
            except subprocess.TimeoutExpired:
                logger.warning("%s didn't stop within %.0f s and is ended", running.child.name, running.child.grace)
            _end_group(running.process)
            running.process = None


def _end_group(process: subprocess.Popen[bytes] | None) -> None:
    """Ends a child and everything it started that is still there."""
    if process is None:
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _told(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
