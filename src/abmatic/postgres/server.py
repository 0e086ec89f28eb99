"""What any Postgres server must bring, whoever runs it: PostgreSQL 15 or newer, UTF-8, and the right to make tables."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from abmatic.postgres.errors import ServerRefused

# MERGE, UNIQUE NULLS NOT DISTINCT and security_invoker views came with 15.
OLDEST_MAJOR = 15

_QUESTION = """
SELECT current_setting('server_version_num')::int, current_setting('server_version'),
       pg_encoding_to_char(encoding), current_database(), current_user::text,
       has_schema_privilege(current_user, 'public', 'CREATE')
FROM pg_database WHERE datname = current_database()
"""


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What a server says about itself and the database in it."""

    version_number: int  # 180004 is 18.4
    version: str
    encoding: str
    database: str
    user: str
    may_create_tables: bool

    @property
    def major(self) -> int:
        return self.version_number // 10000


def probe(conninfo: str, seconds: int = 10) -> ServerFacts:
    """Asks the server. Raises `ServerRefused` when it can't be reached; the message never holds the password."""
    try:
        with psycopg.connect(make_conninfo(conninfo, connect_timeout=seconds)) as connection:
            row = connection.execute(_QUESTION).fetchone()
    except psycopg.Error as error:
        said = " ".join(str(error).split()).rstrip(".?")
        raise ServerRefused(
            f"The database at {_address(conninfo)} can't be used: {said}",
            "Check DATABASE_URL (host, port, name, user, password) and that the server runs and lets this machine in",
        ) from error
    assert row is not None  # the database we're connected to exists
    return ServerFacts(*row)


def require_supported(facts: ServerFacts) -> None:
    """Raises `ServerRefused` when the server or the database in it won't do."""
    if facts.major < OLDEST_MAJOR:
        raise ServerRefused(
            f"The server of DATABASE_URL runs PostgreSQL {facts.version}, and Abmatic needs {OLDEST_MAJOR} or newer",
            "Upgrade that server, or unset DATABASE_URL to use the embedded one",
        )
    if facts.encoding != "UTF8":
        raise ServerRefused(
            f"The database {facts.database} has the encoding {facts.encoding}, and Abmatic needs UTF8",
            f"Make another: CREATE DATABASE {facts.database} ENCODING 'UTF8' TEMPLATE template0",
        )
    if not facts.may_create_tables:
        raise ServerRefused(
            f"The user {facts.user} may not create tables in the database {facts.database}",
            f"Make it the owner: ALTER DATABASE {facts.database} OWNER TO {facts.user}",
        )


def _address(conninfo: str) -> str:
    parts = conninfo_to_dict(conninfo)
    host, port = parts.get("host", "localhost"), parts.get("port", "5432")
    return f"{host}:{port}/{parts.get('dbname', '')}"
