"""The embedded server respects the folder it is given: its version, its owner, its users, and the disk it is on."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from tests.postgres.servers import IS_ROOT, NOBODY, server_of, wait_until

from abmatic.postgres import embedded, embedded_place
from abmatic.postgres.embedded import EmbeddedServer
from abmatic.postgres.errors import FolderRefused, InUse, NoSpace, NotAllowed, StartFailed, WrongVersion

pytestmark = pytest.mark.server
needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root has another account run the server")

AsUser = Callable[[Callable[[], object]], object]


def test_folder_of_another_version_is_left_alone(data_dir: Path, binaries_16: Path) -> None:
    cluster = data_dir / "postgres" / "cluster"
    _initdb(binaries_16, cluster)
    before = _everything_in(cluster)
    with pytest.raises(WrongVersion, match=r"PostgreSQL 16.*PostgreSQL 18.*pg_dump.*DATABASE_URL"):
        _use(data_dir)
    assert _everything_in(cluster) == before


def test_folder_that_another_server_uses_is_left_alone(data_dir: Path) -> None:
    _use(data_dir)
    place = embedded_place.prepare(data_dir)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [place.binaries / "postgres", "-D", place.cluster, "-c", "unix_socket_directories=", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        user=place.uid,
        group=place.gid,
        extra_groups=place.extra_groups,
    )
    try:
        wait_until(lambda: _listens(port))
        with pytest.raises(InUse, match=rf"in use by a server.*process {process.pid}"):
            _use(data_dir)
        assert process.poll() is None
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def test_number_of_a_dead_server_that_another_program_has_now(data_dir: Path, as_ordinary_user: AsUser) -> None:
    """After a restart of a container, the number in postmaster.pid is often somebody else's."""
    data_dir.chmod(0o777)

    def restart() -> list[str]:
        _use(data_dir)
        other = subprocess.Popen(["sleep", "60"])
        note = data_dir / "postgres" / "cluster" / "postmaster.pid"
        note.write_text(f"{other.pid}\n{note.parent}\n{int(time.time())}\n5432\n/tmp\n\n  1234  1234\nready\n")
        with server_of(data_dir).acquire():
            told = [] if other.poll() is None else ["the other program was ended"]
        other.kill()
        return told

    assert as_ordinary_user(restart) == []


def test_ordinary_user(data_dir: Path, as_ordinary_user: AsUser) -> None:
    data_dir.chmod(0o777)

    def use() -> tuple[object, ...] | None:
        for _ in range(2):
            with server_of(data_dir).acquire() as server, psycopg.connect(server.dsn) as connection:
                row = connection.execute("SELECT current_user::text").fetchone()
        return row

    assert as_ordinary_user(use) == ("abmatic",)
    if IS_ROOT:
        # What root does in that folder later runs as its owner, on the same socket.
        with server_of(data_dir).acquire() as server:
            assert f"/tmp/abmatic-{NOBODY}-" in server.dsn
        as_ordinary_user(use)
    else:
        assert (data_dir / "postgres").stat().st_mode & 0o077 == 0


@needs_root
def test_root_has_an_account_of_its_own_run_it(data_dir: Path) -> None:
    with server_of(data_dir).acquire() as server:
        status = server.status()
        assert status.store == data_dir / "postgres"
        assert status.pid is not None
        assert Path(f"/proc/{status.pid}").stat().st_uid != 0
        sockets = embedded_place.socket_dir(data_dir)
        assert sockets.stat().st_mode & 0o077 == 0


@pytest.fixture
def closed_dir(open_dir: Path) -> Iterator[Path]:
    """A data folder below a folder that only root may enter, as /root is."""
    closed = open_dir / "closed"
    closed.mkdir(mode=0o700)
    data_dir = closed / "data"
    data_dir.mkdir()
    yield data_dir
    EmbeddedServer(data_dir).remove()


@needs_root
def test_closed_folder_of_roots_keeps_its_permissions(closed_dir: Path) -> None:
    with server_of(closed_dir).acquire() as server, psycopg.connect(server.dsn) as connection:
        connection.execute("CREATE TABLE kept (id int)")
        store = server.status().store
    assert store.is_relative_to("/var/lib/abmatic")
    assert closed_dir.parent.stat().st_mode & 0o777 == 0o700
    with server_of(closed_dir).acquire() as server, psycopg.connect(server.dsn) as connection:
        connection.execute("SELECT id FROM kept")
    EmbeddedServer(closed_dir).remove()
    assert not store.exists()


@needs_root
def test_closed_folder_that_was_moved_takes_its_database_along(closed_dir: Path) -> None:
    with server_of(closed_dir).acquire() as server, psycopg.connect(server.dsn) as connection:
        connection.execute("CREATE TABLE kept (id int)")
    moved = closed_dir.rename(closed_dir.with_name("moved"))
    with server_of(moved).acquire() as server, psycopg.connect(server.dsn) as connection:
        connection.execute("SELECT id FROM kept")
    EmbeddedServer(moved).remove()


@needs_root
def test_closed_folder_that_was_copied_does_not_share_the_database(closed_dir: Path) -> None:
    _use(closed_dir)
    copy = closed_dir.with_name("copy")
    shutil.copytree(closed_dir, copy)
    with pytest.raises(InUse, match=re.escape(f"belongs to {closed_dir}")):
        _use(copy)
    _use(closed_dir)


@needs_root
def test_closed_folder_deleted_by_hand_starts_empty_and_deletes_nothing(closed_dir: Path) -> None:
    with server_of(closed_dir).acquire() as server:
        store = server.status().store
    shutil.rmtree(closed_dir)
    with server_of(closed_dir).acquire() as server, psycopg.connect(server.dsn) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)
    left = list(store.parent.glob(f"{store.name}.left-*"))
    assert [path / "cluster" for path in left if (path / "cluster").exists()]
    for path in left:
        shutil.rmtree(path)


def test_folder_that_may_not_be_written(open_dir: Path, as_ordinary_user: AsUser) -> None:
    mine = open_dir / "not yours"
    mine.mkdir(mode=0o555)

    def use() -> str:
        with pytest.raises(NotAllowed) as refused:
            _use(mine / "data")
        return str(refused.value)

    said = as_ordinary_user(use)
    assert str(mine) in str(said)
    assert "ABMATIC_DATA_DIR" in str(said)


def test_full_disk(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_LEAST_SPACE_NEW", shutil.disk_usage(data_dir).free * 2)
    with pytest.raises(NoSpace, match=r"MB left.*Free some space"):
        _use(data_dir)
    assert not (data_dir / "postgres" / "cluster").exists()


def test_socket_folder_of_somebody_else_is_not_trusted(data_dir: Path) -> None:
    sockets = embedded_place.socket_dir(data_dir)
    sockets.mkdir()
    sockets.chmod(0o777)
    try:
        with pytest.raises(NotAllowed, match="private folder of the database's account"):
            _use(data_dir)
    finally:
        sockets.rmdir()


def test_log_and_settings_of_the_environment_change_nothing(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PGPORT": "1", "PGHOST": "nowhere", "PGDATA": "/nowhere", "LC_ALL": "xx_YY"}.items():
        monkeypatch.setenv(name, value)
    _use(data_dir)


def test_settings_that_the_server_refuses_are_told_in_its_words(data_dir: Path) -> None:
    with (
        pytest.raises(StartFailed, match="max_connections"),
        EmbeddedServer(data_dir, options={"max_connections": "none"}).acquire(),
    ):
        pass
    assert not EmbeddedServer(data_dir).status().running


def test_pointer_to_a_lost_database(data_dir: Path) -> None:
    if not IS_ROOT:
        pytest.skip("only root's clusters have pointers")
    home = data_dir / "postgres"
    home.mkdir()
    lost = Path(tempfile.gettempdir()) / "lost cluster"
    (home / "location").write_text(str(lost))
    with pytest.raises(FolderRefused, match="isn't there"):
        _use(data_dir)
    shutil.rmtree(home)


def _use(data_dir: Path) -> None:
    with server_of(data_dir).acquire() as server:
        psycopg.connect(server.dsn).close()


def _initdb(binaries: Path, cluster: Path) -> None:
    cluster.mkdir(parents=True)
    account = embedded_place.account_for(cluster) if IS_ROOT else None
    if account:
        os.chown(cluster, account.uid, account.gid)
    subprocess.run(
        [binaries / "initdb", "-D", cluster, "--no-sync", "-U", "postgres"],
        check=True,
        capture_output=True,
        cwd="/",
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )


def _everything_in(folder: Path) -> dict[Path, tuple[float, int]]:
    return {path: (path.stat().st_mtime, path.stat().st_size) for path in folder.rglob("*")}


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
