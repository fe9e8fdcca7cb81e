"""Workers that die, restart, or cannot start: no client is refused, and whoever waits is served."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import threading
from collections.abc import Callable

import pytest
from asking import get
from field import Served
from live_server import wait_until
from wire import Connection, WireError, exchange

ASK = get("/pid", "Connection: close")


def start(serve: Callable[..., Served], workers: int = 2, **environment: str) -> Served:
    server = serve("exits_pid_app.py", "--workers", str(workers), **environment)
    server.wait_for_line(r"Application startup complete", workers)
    return server


def workers_of(server: Served) -> list[int]:
    """Those that serve; Uvicorn has a helper process beside them."""
    return [
        int(line.split("[")[1].split("]")[0])
        for line in server.output.splitlines()
        if "Started server process" in line
    ]


def pid_of(server: Served) -> int:
    return int(exchange(server.address, ASK).body)


def states_of(pid: int) -> set[str]:
    """The kernel's letters for the states of its threads; none when it has been waited for."""
    try:
        threads = list(pathlib.Path(f"/proc/{pid}/task").iterdir())
    except FileNotFoundError:
        return set()
    states = set()
    for thread in threads:
        with contextlib.suppress(OSError):  # it has ended
            states.add((thread / "stat").read_text().rpartition(")")[2].split()[0])
    return states


def stop(pid: int) -> None:
    """Stop a process. The signal is only sent at first: each thread runs on until it notices."""
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: states_of(pid) == {"T"}, "all of its threads to stop")


def kill(pid: int) -> None:
    """Kill a process, which may take clients until it has noticed."""
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: states_of(pid) <= {"X", "Z"}, "its end")


class Clients:
    """Four clients that connect, ask and connect again; what went wrong is in `errors`."""

    def __init__(self, server: Served) -> None:
        self.server = server
        self.errors: list[Exception] = []
        self.answers: list[int] = []
        self._over = False
        self._threads = [threading.Thread(target=self._ask) for _ in range(4)]
        for thread in self._threads:
            thread.start()

    def _ask(self) -> None:
        while not self._over:
            try:
                self.answers.append(pid_of(self.server))
            except (OSError, WireError) as exc:
                self.errors.append(exc)

    def more(self, count: int = 20) -> None:
        """Wait for so many answers more."""
        wanted = len(self.answers) + count
        wait_until(lambda: len(self.answers) >= wanted, "answers")

    def end(self) -> None:
        self._over = True
        for thread in self._threads:
            thread.join()


def errors_around(server: Served, number: int) -> list[Exception]:
    """What four clients meet while a worker gets this signal, and until its successor answers."""
    clients = Clients(server)
    try:
        clients.more()
        os.kill(workers_of(server)[0], number)
        wait_until(lambda: len(workers_of(server)) == 3, "the next worker")
        replacement = workers_of(server)[2]
        wait_until(lambda: replacement in clients.answers, "its answer")
    finally:
        clients.end()
    return clients.errors


@pytest.mark.kind("no client is refused while a worker is killed and started again")
def test_a_killed_worker(serve: Callable[..., Served]):
    errors = errors_around(start(serve), signal.SIGKILL)
    assert not [exc for exc in errors if isinstance(exc, ConnectionRefusedError)]
    assert len(errors) <= 4  # each client's own, if it was in the worker


@pytest.mark.kind("no client is refused or lost while a worker is told to end")
def test_a_worker_that_is_told_to_end(serve: Callable[..., Served]):
    errors = errors_around(start(serve), signal.SIGTERM)
    assert errors == []


@pytest.mark.kind("who waits for a worker that dies is served by another one")
def test_who_waits_is_served_by_another(serve: Callable[..., Served]):
    server = start(serve)
    victim = workers_of(server)[0]
    stop(victim)
    connections = [Connection(server.address) for _ in range(16)]
    for connection in connections:
        connection.send(ASK)
    kill(victim)
    answers = [int(connection.read_response().body) for connection in connections]
    for connection in connections:
        connection.close()
    assert victim not in answers


@pytest.mark.kind("clients wait while there is no worker at all")
def test_clients_wait_while_there_is_no_worker(serve: Callable[..., Served]):
    server = start(serve)
    old = workers_of(server)
    for pid in old:
        kill(pid)
    assert pid_of(server) not in old


@pytest.mark.kind("workers that cannot start any more end the server with 3")
def test_workers_that_cannot_start_any_more(serve: Callable[..., Served], tmp_path: pathlib.Path):
    fail = tmp_path / "fail"
    server = start(serve, FAIL=str(fail))
    fail.touch()
    for pid in workers_of(server):
        os.kill(pid, signal.SIGKILL)
    assert server.wait() == 3
    assert "could not start" in server.output
