"""Change data capture: what was written becomes change events, kept for 72 hours.

A transaction notes what it changes in a :class:`~salesforce_emulator.changes.journal.Journal`; just before it commits,
the journal becomes rows of the change log, in the same transaction.  Who reads the log (Pub/Sub API, pages, tests) asks
:class:`~salesforce_emulator.changes.log.ChangeLog`.
"""

from __future__ import annotations

from salesforce_emulator.changes.journal import Journal
from salesforce_emulator.changes.log import ChangeEvent, ChangeLog, ReplayIdTooOld, ReplayIdUnknown
from salesforce_emulator.changes.origin import api_origin, change_origin

__all__ = ["ChangeEvent", "ChangeLog", "Journal", "ReplayIdTooOld", "ReplayIdUnknown", "api_origin", "change_origin"]
