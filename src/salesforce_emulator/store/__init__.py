"""The org's records: reading connections, and writing with Salesforce's rules."""

from salesforce_emulator.store.batch import Batch
from salesforce_emulator.store.convert import Converted, ConvertOptions
from salesforce_emulator.store.errors import RecordError
from salesforce_emulator.store.org import DEFAULT_PASSWORD, OrgStore
from salesforce_emulator.store.session import Session, SeveralMatch

__all__ = [
    "DEFAULT_PASSWORD",
    "Batch",
    "ConvertOptions",
    "Converted",
    "OrgStore",
    "RecordError",
    "Session",
    "SeveralMatch",
]
