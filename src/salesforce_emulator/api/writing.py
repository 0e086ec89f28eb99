"""Writing as the user of the current call, as its headers want it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask import request

from salesforce_emulator.runtime import api_session, api_version, emulator
from salesforce_emulator.store import Session
from salesforce_emulator.store.duplicates import DuplicateOptions

_HEADER = "Sforce-Duplicate-Rule-Header"


@contextmanager
def writing() -> Iterator[Session]:
    """One transaction of the call's user."""
    with emulator().store.session(api_session().user_id) as session:
        session.duplicates = _duplicate_options(request.headers.get(_HEADER, ""))
        yield session


def _duplicate_options(header: str) -> DuplicateOptions:
    """``allowSave=true; includeRecordDetails=true``: what isn't named is false."""
    given = dict(part.strip().split("=", 1) for part in header.replace(",", ";").split(";") if "=" in part)
    wanted = {name.strip().lower() for name, value in given.items() if value.strip().lower() == "true"}
    return DuplicateOptions(
        allow_save="allowsave" in wanted,
        include_details="includerecorddetails" in wanted,
        as_current_user="runascurrentuser" in wanted,
        version=api_version(),
    )
