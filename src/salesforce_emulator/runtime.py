"""What one running org holds besides its records: sessions, cursors, jobs, counters, faults.

One :class:`Emulator` belongs to one Flask application; :func:`emulator` finds it during a request.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from flask import current_app, request

from salesforce_emulator.bulk.breaking import BreakOff
from salesforce_emulator.store import OrgStore
from salesforce_emulator.store.org import Clock

if TYPE_CHECKING:
    from salesforce_emulator.api.cursors import Cursors
    from salesforce_emulator.bulk.classic import ClassicJobs
    from salesforce_emulator.bulk.ingest import IngestJobs
    from salesforce_emulator.bulk.query import QueryJobs
    from salesforce_emulator.calls import CallLog
    from salesforce_emulator.faults import FaultPlan, Struck
    from salesforce_emulator.oauth.apps import Apps
    from salesforce_emulator.oauth.codes import Codes
    from salesforce_emulator.oauth.tokens import ApiSession, Tokens
    from salesforce_emulator.oauth.users import OrgUser
    from salesforce_emulator.schema import Schema

NEWEST_VERSION = 67
OLDEST_VERSION = 31
_ALLOWANCES = {"Developer Edition": 15_000}
_DEFAULT_ALLOWANCE = 100_000
_BULK_QUERIES = 10_000
_BULK_BATCHES = 15_000
_DAY = 24 * 60
"""Minutes."""
_EDITIONS_WITHOUT_API = frozenset({"Personal Edition", "Contact Manager Edition", "Base Edition"})


Fitting = tuple[str, Callable[[object], bool]]
_LONGEST = 10**10
"""Seconds, some centuries: a time so far ahead can be told."""
_FLAG: Fitting = ("true or false", lambda value: isinstance(value, bool))
_SECONDS: Fitting = (
    f"a whole number of seconds, at most {_LONGEST}",
    lambda value: type(value) is int and abs(value) <= _LONGEST,
)
_FITTING: dict[str, Fitting] = {
    "allowance": (
        "a whole number of at least 0 (or null)",
        lambda value: value is None or (type(value) is int and value >= 0),
    ),
    "api_access": ("true or false (or null)", lambda value: value is None or isinstance(value, bool)),
    "session_seconds": _SECONDS,
    "code_seconds": _SECONDS,
    "rotate_refresh_tokens": _FLAG,
    "password_flow": _FLAG,
    "soap_login": _FLAG,
    "security_token": ("a text", lambda value: isinstance(value, str)),
    "control": _FLAG,
    "job_seconds": (
        "a number of seconds from 0 to 604800",
        lambda value: type(value) in (int, float) and 0 <= cast(float, value) <= 604_800,
    ),
    "allowed_hosts": (
        "a list of names (or null)",
        lambda value: value is None or (isinstance(value, tuple) and all(isinstance(name, str) for name in value)),
    ),
}
"""What each setting has to be, in words and as a check."""


@dataclass(frozen=True)
class Settings:
    """How an org is set up, beyond its records.

    ========================  =======================================================================
    allowance                 API calls a day; None: what the edition has
    api_access                whether the org has the API; None: what the edition has
    session_seconds           how long an access token lives
    code_seconds              how long an authorization code lives
    rotate_refresh_tokens     whether a refresh answers with a new refresh token, ending the old one
    password_flow             whether username and password are accepted at the token endpoint
    soap_login                whether SOAP's login() is turned on, for the versions that have it
    security_token            what these two want behind the password; empty: the client's network is trusted
    control                   whether /__emulator/… answers (faults, calls)
    job_seconds               how long a Bulk job at least stays InProgress
    allowed_hosts             names it may be called by besides the loopback interface's; None: any
    ========================  =======================================================================
    """

    allowance: int | None = None
    api_access: bool | None = None
    session_seconds: int = 7200
    code_seconds: int = 900
    rotate_refresh_tokens: bool = False
    password_flow: bool = False
    soap_login: bool = False
    security_token: str = ""
    control: bool = True
    job_seconds: float = 0.0
    allowed_hosts: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """
        :raises ValueError: a setting is nothing that an org can go by.
        """
        given = vars(self)  # JSON may have it: of any type, a list for a tuple
        if isinstance(given["allowed_hosts"], list):
            object.__setattr__(self, "allowed_hosts", tuple(given["allowed_hosts"]))
        for name, (wanted, fits) in _FITTING.items():
            if not fits(given[name]):
                raise ValueError(f"settings: {name} is {given[name]!r}; {wanted} is wanted")


class Usage:
    """What was used of an allowance in the last 24 hours, to the minute. Thread-safe.

    :param clock: tells the time.
    """

    def __init__(self, allowance: int, clock: Clock) -> None:
        self._lock = threading.Lock()
        self._clock = clock
        self._minutes: deque[tuple[int, int]] = deque()
        """Minutes in which something was used, and how much; the oldest first."""
        self._used = 0
        self.allowance = allowance

    @property
    def used(self) -> int:
        with self._lock:
            self._expire()
            return self._used

    @property
    def left(self) -> int:
        return max(0, self.allowance - self.used)

    def take(self) -> bool:
        """Count one more; False where the allowance is used up."""
        with self._lock:
            now = self._expire()
            if self._used >= self.allowance:
                return False
            self._add(now, 1)
            return True

    def set(self, *, allowance: int | None = None, used: int | None = None) -> None:
        """Change the allowance, or say what was used of it just now."""
        with self._lock:
            self.allowance = self.allowance if allowance is None else allowance
            if used is not None:
                self._minutes.clear()
                self._used = 0
                self._add(self._expire(), used)

    def _add(self, minute: int, count: int) -> None:
        self._used += count
        if self._minutes and self._minutes[-1][0] == minute:
            count += self._minutes.pop()[1]
        self._minutes.append((minute, count))

    def _expire(self) -> int:
        """Forget what is a day old; the current minute."""
        now = int(self._clock().timestamp()) // 60
        while self._minutes and self._minutes[0][0] <= now - _DAY:
            self._used -= self._minutes.popleft()[1]
        return now


class UnderWay:
    """How many calls are being answered. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.count = 0

    def begin(self) -> int:
        """One more; how many others there are."""
        with self._lock:
            self.count += 1
            return self.count - 1

    def end(self) -> None:
        with self._lock:
            self.count -= 1


@dataclass
class Emulator:
    """One running org."""

    store: OrgStore
    settings: Settings
    apps: Apps
    codes: Codes
    tokens: Tokens
    cursors: Cursors
    query_jobs: QueryJobs
    ingest_jobs: IngestJobs
    classic_jobs: ClassicJobs
    faults: FaultPlan
    calls: CallLog
    usage: Usage = field(init=False)
    """Calls of the API."""
    bulk_queries: Usage = field(init=False)
    bulk_batches: Usage = field(init=False)
    under_way: UnderWay = field(init=False, default_factory=UnderWay)

    def __post_init__(self) -> None:
        default = _ALLOWANCES.get(self.store.edition, _DEFAULT_ALLOWANCE)
        clock = self.store.clock
        self.store.lag.wanted = lambda: self.faults.lag
        self.store.after_write = self.cursors.complete
        self.usage = Usage(default if self.settings.allowance is None else self.settings.allowance, clock)
        self.bulk_queries = Usage(_BULK_QUERIES, clock)
        self.bulk_batches = Usage(_BULK_BATCHES, clock)

    @property
    def has_api(self) -> bool:
        if self.settings.api_access is not None:
            return self.settings.api_access
        return self.store.edition not in (_EDITIONS_WITHOUT_API | {"Professional Edition"})

    def close(self) -> None:
        """Stop background work and close the store."""
        self.faults.release()
        self.cursors.close()
        self.query_jobs.close()
        self.ingest_jobs.close()
        self.classic_jobs.close()
        self.store.close()


def emulator() -> Emulator:
    """The org that the current request is for."""
    return cast("Emulator", current_app.extensions["salesforce_emulator"])


@dataclass
class CallState:
    """What the gate knows of one call. Kept in the WSGI environment: a composite's parts share Flask's g."""

    started: float
    counted: bool = False
    struck: Struck | None = None
    version: str = ""
    session: ApiSession | None = None
    user: OrgUser | None = None
    client: str = ""
    """What the client calls itself where no HTTP header says it."""


_STATE = "salesforce_emulator.call"


def begin_call(started: float) -> CallState:
    state = CallState(started)
    request.environ[_STATE] = state
    return state


def call_state() -> CallState:
    """The state of the current call."""
    return cast(CallState, request.environ[_STATE])


def api_session() -> ApiSession:
    """The session of the current API call."""
    return cast("ApiSession", call_state().session)


def api_user() -> OrgUser:
    """The user of the current API call."""
    return cast("OrgUser", call_state().user)


def visible_schema() -> Schema:
    """The objects and fields that the user of the current API call may see."""
    return emulator().store.visible(api_session().user_id)


def api_version() -> str:
    """The API version of the current call, such as "60.0"."""
    return call_state().version


def job_fault() -> BreakOff | None:
    """Where a fault makes the Bulk job of this call end."""
    struck = call_state().struck
    return struck.break_off if struck is not None else None
