"""What can go wrong between Abmatic and its Postgres server, grouped by what the caller does next.

PostgresError
├── FolderRefused      a person must look at the folder; trying again changes nothing
│   ├── WrongVersion   it was made by another major version of PostgreSQL
│   ├── InUse          another server works in it
│   ├── NotAllowed     it can't be read, written or entered
│   └── NoSpace        its disk is full
├── StartFailed        the server's own log says why; trying again may help
├── Unsupported        this machine can't run the embedded server: use DATABASE_URL
└── ServerRefused      the server that DATABASE_URL names can't be used
"""

from __future__ import annotations


class PostgresError(Exception):
    """Says what failed and why (``reason``), and what to do (``remedy``)."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason}. {remedy}")
        self.reason = reason
        self.remedy = remedy


class FolderRefused(PostgresError):
    """A person must look at the folder."""


class WrongVersion(FolderRefused):
    """The folder was made by another major version of PostgreSQL."""


class InUse(FolderRefused):
    """Another server works in the folder, and it doesn't answer us."""


class NotAllowed(FolderRefused):
    """The folder can't be read, written or entered."""


class NoSpace(FolderRefused):
    """The folder's disk is full."""


class StartFailed(PostgresError):
    """The server didn't come up."""


class Unsupported(PostgresError):
    """This machine can't run the embedded server."""


class ServerRefused(PostgresError):
    """The server that DATABASE_URL names can't be used."""
