"""The embedded server starts with the first process, serves all, stops with the last, and survives being killed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from tests.postgres.servers import App, is_alive, kill_server, server_of, wait_until

from abmatic.postgres import embedded
from abmatic.postgres.embedded import EmbeddedServer

pytestmark = pytest.mark.server

StartApp = Callable[[], App]


def test_first_start_makes_a_database_owned_by_an_ordinary_role(data_dir: Path) -> None:
    with server_of(data_dir).acquire() as server, psycopg.connect(server.dsn) as connection:
        row = connection.execute(
            """
            SELECT current_user::text, pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datlocale, rolsuper,
                   current_setting('timezone'), current_setting('listen_addresses'), lower('ÄÇŽ')
            FROM pg_database JOIN pg_roles ON rolname = current_user WHERE datname = current_database()
            """
        ).fetchone()
    assert row == ("abmatic", "abmatic", "UTF8", "C.UTF-8", False, "UTC", "", "äçž")


def test_data_are_there_after_a_stop(data_dir: Path) -> None:
    with server_of(data_dir).acquire() as server:
        _remember(server.dsn, "kept")
        pid = server.status().pid
    assert pid is not None
    assert not is_alive(pid)
    assert not server.status().running
    with server_of(data_dir).acquire() as server:
        assert _remembered(server.dsn) == ["kept"]


def test_address_is_known_before_anything_exists(data_dir: Path) -> None:
    before = embedded.dsn(data_dir)
    assert list(data_dir.iterdir()) == []
    with server_of(data_dir).acquire() as server:
        assert server.dsn == before == embedded.dsn(data_dir)
    assert embedded.dsn(Path(os.path.relpath(data_dir))) == before


def test_second_process_adopts_the_server_and_the_last_one_out_stops_it(data_dir: Path, app: StartApp) -> None:
    first, second = app(), app()
    pid = first.server_pid()
    assert second.server_pid() == pid
    first.leave()
    assert is_alive(pid)
    _remember(embedded.dsn(data_dir), "still served")
    second.leave()
    assert not is_alive(pid)


def test_processes_that_start_together_share_one_server(app: StartApp) -> None:
    apps = [app() for _ in range(4)]
    assert len({each.server_pid() for each in apps}) == 1
    for each in apps:
        each.leave()


def test_one_process_may_hold_it_twice(data_dir: Path) -> None:
    with server_of(data_dir).acquire() as outer:
        with server_of(data_dir).acquire():
            pass
        _remember(outer.dsn, "up")


def test_killed_server_comes_back_with_all_that_was_committed(data_dir: Path, app: StartApp) -> None:
    user = app()
    pid = user.server_pid()
    _remember(embedded.dsn(data_dir), "committed")
    busy = psycopg.connect(embedded.dsn(data_dir))  # its process outlives the first one for a moment
    kill_server(pid)
    with server_of(data_dir).acquire() as server:
        assert _remembered(server.dsn) == ["committed"]
        assert server.status().pid != pid
    busy.close()
    user.leave()


def test_supervisor_brings_a_killed_server_back(data_dir: Path) -> None:
    with server_of(data_dir).acquire() as server:
        _remember(server.dsn, "committed")
        pid = server.status().pid
        assert pid is not None
        kill_server(pid)
        wait_until(lambda: not server.status().running)
        server.ensure_running()
        assert _remembered(server.dsn) == ["committed"]
        server.ensure_running()  # nothing to do


def test_killed_app_leaves_a_server_that_the_next_start_adopts_and_stops(data_dir: Path, app: StartApp) -> None:
    killed = app()
    pid = killed.server_pid()
    killed.kill()
    assert is_alive(pid)
    successor = app()
    assert successor.server_pid() == pid
    successor.leave()
    assert not is_alive(pid)


def test_app_and_server_killed_together(data_dir: Path, app: StartApp) -> None:
    killed = app()
    pid = killed.server_pid()
    _remember(embedded.dsn(data_dir), "committed")
    kill_server(pid)
    killed.kill()
    with server_of(data_dir).acquire() as server:
        assert _remembered(server.dsn) == ["committed"]


def test_interrupted_creation_is_started_over(data_dir: Path) -> None:
    half = data_dir / "postgres" / "cluster.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with server_of(data_dir).acquire() as server:
        _remember(server.dsn, "fine")


def test_stop_ends_it_for_everybody(data_dir: Path, app: StartApp) -> None:
    user = app()
    pid = user.server_pid()
    server = server_of(data_dir)
    assert server.stop()
    assert not is_alive(pid)
    assert not server.stop()
    user.leave()


def test_folder_deleted_under_a_running_server_starts_empty(data_dir: Path, app: StartApp) -> None:
    orphaned = app()
    pid = orphaned.server_pid()
    _remember(embedded.dsn(data_dir), "gone")
    orphaned.kill()
    shutil.rmtree(data_dir / "postgres")
    with server_of(data_dir).acquire() as server:
        assert not is_alive(pid)
        assert _remembered(server.dsn) == []


def test_remove_leaves_nothing(data_dir: Path, app: StartApp) -> None:
    user = app()
    pid = user.server_pid()
    status = EmbeddedServer(data_dir).status()
    EmbeddedServer(data_dir).remove()
    assert not is_alive(pid)
    assert not status.store.exists()
    assert list(data_dir.iterdir()) == []
    assert EmbeddedServer(data_dir).status().version is None
    user.kill()


def _remember(dsn: str, text: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS memory (text text)")
        connection.execute("INSERT INTO memory VALUES (%s)", [text])


def _remembered(dsn: str) -> list[str]:
    with psycopg.connect(dsn) as connection:
        if connection.execute("SELECT to_regclass('memory')").fetchone() == (None,):
            return []
        return [row[0] for row in connection.execute("SELECT text FROM memory")]
