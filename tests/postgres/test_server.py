"""Any PostgreSQL from 15 on serves; anything else is refused with a reason and a remedy."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from tests.postgres.servers import TcpServer

from abmatic.postgres.errors import ServerRefused
from abmatic.postgres.server import ServerFacts, probe, require_supported


@pytest.mark.server
def test_second_server_is_accepted(tcp_server: TcpServer) -> None:
    facts = probe(tcp_server.conninfo())
    require_supported(facts)
    assert facts.major in {15, 16}
    assert (facts.encoding, facts.user, facts.may_create_tables) == ("UTF8", TcpServer.USER, True)


@pytest.mark.server
def test_wrong_password_is_told_without_telling_it(tcp_server: TcpServer) -> None:
    with pytest.raises(ServerRefused, match=r"password authentication failed.*DATABASE_URL") as refused:
        probe(tcp_server.conninfo(password="hunter2"))
    assert "hunter2" not in str(refused.value)


@pytest.mark.server
def test_missing_database_is_named(tcp_server: TcpServer) -> None:
    with pytest.raises(ServerRefused, match='"missing" does not exist'):
        probe(tcp_server.conninfo(dbname="missing"))


@pytest.mark.server
def test_user_who_may_not_create_tables(tcp_server: TcpServer) -> None:
    with psycopg.connect(tcp_server.conninfo(), autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS guest")
        connection.execute("CREATE ROLE guest LOGIN PASSWORD 'secret'")
    facts = probe(tcp_server.conninfo(user="guest", password="secret"))
    with pytest.raises(ServerRefused, match="ALTER DATABASE postgres OWNER TO guest"):
        require_supported(facts)


def test_nobody_answers() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(ServerRefused, match=rf"127.0.0.1:{port}/app can't be used"):
            probe(f"host=127.0.0.1 port={port} dbname=app user=app")


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        (ServerFacts(140012, "14.12", "UTF8", "app", "app", True), "PostgreSQL 14.12, and Abmatic needs 15"),
        (ServerFacts(90624, "9.6.24", "UTF8", "app", "app", True), "PostgreSQL 9.6.24"),
        (ServerFacts(180004, "18.4", "LATIN1", "app", "app", True), "CREATE DATABASE app ENCODING 'UTF8'"),
    ],
)
def test_unfit_server_is_refused(facts: ServerFacts, told: str) -> None:
    with pytest.raises(ServerRefused) as refused:
        require_supported(facts)
    assert told in str(refused.value)


@pytest.mark.server
def test_migrations_run_on_a_second_server(tcp_server: TcpServer, tmp_path: Path) -> None:
    with psycopg.connect(tcp_server.conninfo(), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS abmatic")
        connection.execute("CREATE DATABASE abmatic")
    user, password = quote(TcpServer.USER), quote(TcpServer.PASSWORD, safe="")
    url = f"postgresql://{user}:{password}@127.0.0.1:{tcp_server.port}/abmatic"
    done = subprocess.run(
        [sys.executable, "-m", "abmatic.cli", "migrate"],
        env={**os.environ, "DATABASE_URL": url, "ABMATIC_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with psycopg.connect(tcp_server.conninfo(dbname="abmatic")) as connection:
        assert connection.execute("SELECT to_regclass('connection') IS NOT NULL").fetchone() == (True,)
    assert not (tmp_path / "postgres").exists()
