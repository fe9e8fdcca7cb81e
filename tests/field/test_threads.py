"""Threads of `def` handlers, as tools, signals and child processes see them."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
from collections.abc import Callable

import pytest
from asking import get, value
from field import Served
from live_server import wait_until
from wire import Connection

Serve = Callable[..., Served]


@pytest.mark.kind("threads of def handlers have names and are listed")
def test_threads_have_names(serve: Serve):
    server = serve("threads_app.py")
    me = value(server, "/me")
    assert "worker" in me["name"]
    assert me["daemon"]
    assert me["alive"]
    assert me["listed"]
    assert me["dummies"] == 0
    assert server.wait_for_line(r"worker.*: said by a handler")


@pytest.mark.kind("a profiler that begins while the server runs sees def functions")
def test_a_profiler_that_comes_later(serve: Serve):
    server = serve("threads_app.py", "--worker-threads", "1")
    _see_later(server, "profile")


@pytest.mark.kind("a tracer that begins while the server runs sees def functions")
def test_a_tracer_that_comes_later(serve: Serve):
    server = serve("threads_app.py", "--worker-threads", "1")
    _see_later(server, "trace")


def _see_later(server: Served, kind: str) -> None:
    value(server, "/work")
    value(server, f"/hook/{kind}")
    value(server, "/work")
    assert value(server, "/seen") == ["given", "opened", "work"]
    value(server, "/hook/none")
    value(server, "/work")
    assert value(server, "/seen") == []


@pytest.mark.kind("children of def handlers get their signals")
def test_children_get_their_signals(serve: Serve):
    server = serve("threads_app.py")
    assert value(server, "/me")["blocked"] == 0
    assert value(server, "/child") == -signal.SIGTERM


@pytest.mark.kind("multiprocessing works from def handlers")
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(serve: Serve, method: str):
    server = serve("threads_app.py")
    assert value(server, f"/process/{method}") == [45, 0, True, -signal.SIGTERM]
    assert "Traceback" not in server.output
    assert "ignored" not in server.output


@pytest.mark.kind("a child that a handler forked runs nothing that was queued")
@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_forked_child_runs_nothing_queued(serve: Serve, tmp_path: pathlib.Path, threads: str):
    paid = tmp_path / "paid"
    server = serve("threads_app.py", "--worker-threads", threads, PAID=str(paid))
    with Queued(server, paid) as queued:
        queued.fork("/fork")
        wait_until(lambda: value(server, "/begun") is True, "the handler to begin")
        queued.pay("/pay/%d", 20)
        value(server, "/leave")
        queued.check()


@pytest.mark.kind("a child that the event loop forked runs nothing that was queued")
def test_a_child_of_the_loop_runs_nothing_queued(serve: Serve, tmp_path: pathlib.Path):
    paid, go = tmp_path / "paid", tmp_path / "go"
    server = serve("threads_app.py", PAID=str(paid), GO=str(go))
    with Queued(server, paid) as queued:
        queued.fork("/async-fork")
        queued.pay("/async-pay/%d", 5)
        go.touch()
        child = queued.check()
        status = pathlib.Path(f"/proc/{child}/stat")
        wait_until(lambda: status.read_text().rpartition(")")[2].split()[0] == "Z", "its end")


class Queued(contextlib.ExitStack):
    """A request that forks, and some behind it that note which process has run them."""

    def __init__(self, server: Served, paid: pathlib.Path) -> None:
        super().__init__()
        self.server = server
        self.paid = paid
        self.payers: list[Connection] = []

    def _ask(self, path: str) -> Connection:
        connection = self.enter_context(Connection(self.server.address))
        connection.send(get(path))
        return connection

    def fork(self, path: str) -> None:
        self.forker = self._ask(path)

    def pay(self, path: str, count: int) -> None:
        self.payers = [self._ask(path % number) for number in range(count)]

    def check(self) -> int:
        """Read the answers; the child's process id."""
        child = int(json.loads(self.forker.read_response().body))
        self.callback(_kill, child)
        for number, payer in enumerate(self.payers):
            assert json.loads(payer.read_response().body) == number
        assert value(self.server, "/me")["alive"]
        lines = [line.split() for line in self.paid.read_text().splitlines()]
        assert sorted(int(number) for number, _ in lines) == list(range(len(self.payers)))
        assert {int(process) for _, process in lines} == {self.server.pid}
        return child


def _kill(process: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
