"""What one running org holds besides its records: sessions, cursors, jobs, counters, faults.

One :class:`Emulator` belongs to one Flask application; :func:`emulator` finds it during a request.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from flask import current_app, request

from salesforce_emulator.store import OrgStore

if TYPE_CHECKING:
    from salesforce_emulator.api.cursors import Cursors
    from salesforce_emulator.bulk.ingest import IngestJobs
    from salesforce_emulator.bulk.query import QueryJobs
    from salesforce_emulator.calls import CallLog
    from salesforce_emulator.faults import Fault, FaultPlan
    from salesforce_emulator.oauth.apps import Apps
    from salesforce_emulator.oauth.codes import Codes
    from salesforce_emulator.oauth.tokens import ApiSession, Tokens
    from salesforce_emulator.oauth.users import OrgUser

NEWEST_VERSION = 67
OLDEST_VERSION = 31
_ALLOWANCES = {"Developer Edition": 15_000}
_DEFAULT_ALLOWANCE = 100_000
_EDITIONS_WITHOUT_API = frozenset({"Personal Edition", "Contact Manager Edition", "Base Edition"})


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
    control                   whether /__emulator/… answers (faults, calls)
    job_seconds               how long a Bulk job at least stays InProgress
    ========================  =======================================================================
    """

    allowance: int | None = None
    api_access: bool | None = None
    session_seconds: int = 7200
    code_seconds: int = 900
    rotate_refresh_tokens: bool = False
    password_flow: bool = False
    control: bool = True
    job_seconds: float = 0.0


class Usage:
    """API calls of the last day against the allowance. Thread-safe."""

    def __init__(self, allowance: int) -> None:
        self._lock = threading.Lock()
        self.allowance = allowance
        self.used = 0

    def take(self) -> bool:
        """Count one call; False where the allowance is used up."""
        with self._lock:
            if self.used >= self.allowance:
                return False
            self.used += 1
            return True

    def set(self, *, allowance: int | None = None, used: int | None = None) -> None:
        with self._lock:
            self.allowance = self.allowance if allowance is None else allowance
            self.used = self.used if used is None else used


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
    faults: FaultPlan
    calls: CallLog
    usage: Usage = field(init=False)

    def __post_init__(self) -> None:
        default = _ALLOWANCES.get(self.store.edition, _DEFAULT_ALLOWANCE)
        self.usage = Usage(default if self.settings.allowance is None else self.settings.allowance)

    @property
    def has_api(self) -> bool:
        if self.settings.api_access is not None:
            return self.settings.api_access
        return self.store.edition not in (_EDITIONS_WITHOUT_API | {"Professional Edition"})

    def close(self) -> None:
        """Stop background work and close the store."""
        self.query_jobs.close()
        self.ingest_jobs.close()
        self.store.close()


def emulator() -> Emulator:
    """The org that the current request is for."""
    return cast("Emulator", current_app.extensions["salesforce_emulator"])


@dataclass
class CallState:
    """What the gate knows of one call. Kept in the WSGI environment: a composite's parts share Flask's g."""

    started: float
    counted: bool = False
    fault: Fault | None = None
    version: str = ""
    session: ApiSession | None = None
    user: OrgUser | None = None


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


def api_version() -> str:
    """The API version of the current call, such as "60.0"."""
    return call_state().version


def job_fault() -> str | None:
    """The state that a fault makes the Bulk job of this call end in."""
    fault = call_state().fault
    return fault.job_state if fault is not None else None
