"""`abmatic up` runs everything, keeps it running, and stops cleanly."""

from __future__ import annotations

import json
import os
import signal
import socket

import pytest
from tests.cli.processes import Installation, answers, children_of, is_running, wait_until

from abmatic.postgres.embedded import EmbeddedServer

pytestmark = pytest.mark.server


def test_first_start_without_any_setting(embedded_installation: Installation) -> None:
    process, ready = embedded_installation.up()
    assert ready["pid"] == process.pid
    assert answers(ready["url"])
    status = json.loads(embedded_installation.run("database", "status", "--json").stdout)
    assert status["running"]
    pids = [child.pid for child in children_of(process.pid)]
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0, embedded_installation.said()
    assert not any(map(is_running, pids))
    assert not EmbeddedServer(embedded_installation.data_dir).status().running
    # The second start keeps the data.
    _, again = embedded_installation.up()
    assert answers(again["url"])


def test_says_where_to_make_the_first_administrator(installation: Installation) -> None:
    process = installation.start("up", "--port", "0")
    assert process.stdout is not None
    said = []
    wait_until(lambda: said.append(process.stdout.readline()) or "Ctrl-C" in said[-1])  # type: ignore[union-attr, func-returns-value]
    assert "Abmatic is running at http://127.0.0.1:" in "".join(said)
    assert "/setup/?code=" in "".join(said)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0


def test_child_that_dies_is_started_again(installation: Installation) -> None:
    process, ready = installation.up()
    for part in ("web", "worker"):
        old = _child(process.pid, part)
        os.kill(old, signal.SIGKILL)
        wait_until(lambda part=part, old=old: _child(process.pid, part) not in {0, old})  # type: ignore[misc]
    wait_until(lambda: answers(ready["url"]))
    assert "killed by SIGKILL" in installation.said()


def test_database_that_dies_comes_back(embedded_installation: Installation) -> None:
    process, ready = embedded_installation.up()
    pid = EmbeddedServer(embedded_installation.data_dir).status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    server = EmbeddedServer(embedded_installation.data_dir)
    wait_until(lambda: server.status().pid not in {None, pid})
    wait_until(lambda: answers(ready["url"]))
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0


def test_killed_supervisor_takes_its_children_along(embedded_installation: Installation) -> None:
    process, ready = embedded_installation.up()
    pids = [child.pid for child in children_of(process.pid) if child.name() != "postgres"]
    process.kill()
    process.wait()
    wait_until(lambda: not any(map(is_running, pids)))
    assert not answers(ready["url"])
    # The next start finds whatever was left and goes on.
    _, again = embedded_installation.up()
    assert answers(again["url"])


def test_taken_port_is_told(installation: Installation) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        for command in ("up", "web"):
            done = installation.run(command, "--port", port)
            assert done.returncode == 3
            assert f"Port {port} on 127.0.0.1 is taken" in done.stderr
            assert "--port" in done.stderr


def test_second_up_on_the_same_data_is_refused_and_stop_ends_the_first(installation: Installation) -> None:
    process, ready = installation.up()
    second = installation.run("up", "--port", "0")
    assert second.returncode == 3
    assert f"runs already at {ready['url']} (process {process.pid})" in second.stderr
    assert "abmatic stop" in second.stderr
    # On the port of the first, too: it is no other program that has it.
    on_its_port = installation.run("up", "--port", ready["url"].rpartition(":")[2])
    assert on_its_port.returncode == 3
    assert f"runs already at {ready['url']}" in on_its_port.stderr
    stopped = installation.run("stop")
    assert stopped.stdout == f"Stopped process {process.pid} ({ready['url']}).\n"
    assert process.wait(10) == 0
    assert installation.run("stop").stdout == "Nothing was running.\n"


def test_web_that_can_not_start_ends_the_whole_with_a_reason(installation: Installation) -> None:
    # Migrated, but the address belongs to no interface of this machine once the check of the port is past.
    done = installation.run("up", "--port", "0", "--host", "192.0.2.1")
    assert done.returncode == 3
    assert "192.0.2.1" in done.stderr


def _child(pid: int, part: str) -> int:
    """The process number of a part, 0 while there is none."""
    return next((child.pid for child in children_of(pid) if f"abmatic.cli {part}" in " ".join(child.cmdline())), 0)
