"""The supervisor with workers that are a few lines of Python and serve nothing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import fasterapi.supervisor
from fasterapi.addresses import reserve_port
from fasterapi.log import StartupError

ROOT = str(Path(fasterapi.supervisor.__file__).parents[1])

# Each worker says "<what> <slot> <pid>" on the pipe `LOG`, then obeys signals.
WORKER = """
import json, os, signal, sys
slot, control, log = map(int, sys.argv[1:4])
def say(what):
    os.write(log, f"{what} {slot} {os.getpid()}\\n".encode())
def leave(*_):
    say("stopping")
    os._exit(0)
signal.signal(signal.SIGTERM, leave)
"""
READY = """
say("ready")
os.write(control, json.dumps({"pid": os.getpid()}).encode() + b"\\n")
"""
WAIT = """
while True:
    signal.pause()
"""
SERVES = WORKER + READY + WAIT
PARENT = """
import os, subprocess, sys
from fasterapi import supervisor
count, log, worker = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
stop_timeout, sockets = float(sys.argv[4]), int(sys.argv[5])
def spawn(slot, control):
    return subprocess.Popen(
        [sys.executable, "-c", worker, str(slot), str(control), str(log)],
        pass_fds=(control, log), process_group=0)
def on_ready(facts):
    os.write(log, f"announced {len(facts)} 0\\n".encode())
sys.exit(supervisor.Supervisor(
    count, spawn, sockets=sockets, on_ready=on_ready, stop_timeout=stop_timeout).run())
"""


class Run:
    """One supervisor in a process of its own, and the lines its workers write."""

    def __init__(self, count: int, worker: str, stop_timeout: float = 30.0, sockets: int = 1):
        ours, theirs = os.pipe()
        numbers = [str(stop_timeout), str(sockets)]
        self.process = subprocess.Popen(
            [sys.executable, "-c", PARENT, str(count), str(theirs), worker, *numbers],
            pass_fds=(theirs,),
            env={**os.environ, "PYTHONPATH": ROOT},
            stderr=subprocess.PIPE,
        )
        os.close(theirs)
        self.log = os.fdopen(ours)
        self.lines: list[tuple[str, int, int]] = []

    def until(self, done: Callable[[], bool]) -> None:
        """Read lines until `done()`; the end of the pipe is a failure."""
        while not done():
            line = self.log.readline()
            assert line, f"ended after {self.lines}"
            what, slot, pid = line.split()
            self.lines.append((what, int(slot), int(pid)))

    def of(self, what: str) -> list[tuple[int, int]]:
        return [(slot, pid) for name, slot, pid in self.lines if name == what]

    def wait(self, what: str, count: int) -> list[tuple[int, int]]:
        self.until(lambda: len(self.of(what)) >= count)
        return self.of(what)

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)

    def rest(self) -> None:
        for line in self.log:
            what, slot, pid = line.split()
            self.lines.append((what, int(slot), int(pid)))


@pytest.fixture
def start() -> Iterator[Any]:
    runs: list[Run] = []

    def make(*args: Any, **options: Any) -> Run:
        runs.append(Run(*args, **options))
        return runs[-1]

    yield make
    for run in runs:
        if run.process.poll() is None:
            run.process.terminate()
            run.process.wait(30)
        assert run.process.stderr is not None
        run.process.stderr.close()
        run.log.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_start_announce_once_and_stop(start, number):
    run = start(3, SERVES)
    run.wait("announced", 1)
    assert sorted(slot for slot, _ in run.wait("ready", 3)) == [0, 1, 2]
    assert run.end(number) == 0
    run.rest()
    assert sorted(run.of("stopping")) == sorted(run.of("ready"))
    assert run.of("announced") == [(3, 0)]


def test_a_dead_worker_is_replaced(start):
    run = start(2, SERVES)
    ready = run.wait("ready", 2)
    run.wait("announced", 1)
    slot, pid = ready[0]
    os.kill(pid, signal.SIGKILL)
    again = run.wait("ready", 3)[2]
    assert again[0] == slot
    assert again[1] != pid
    os.kill(again[1], signal.SIGKILL)
    assert run.wait("ready", 4)[3][0] == slot
    assert run.end() == 0
    assert len(run.of("announced")) == 1
    assert b"killed by SIGKILL" in run.process.stderr.read()


def test_a_first_start_that_fails_ends_everything_with_3(start):
    run = start(2, WORKER + "if slot == 1: sys.exit(3)\n" + READY + WAIT)
    assert run.process.wait(30) == 3
    run.rest()
    assert run.of("announced") == []
    assert b"could not start" in run.process.stderr.read()


def test_starts_that_fail_later_end_everything_after_five_in_a_row(start, tmp_path):
    broken = tmp_path / "broken"
    fails = f"import os\nif os.path.exists({str(broken)!r}): say('fails'); sys.exit(1)\n"
    run = start(2, WORKER + fails + READY + WAIT)
    ready = run.wait("ready", 2)
    run.wait("announced", 1)
    broken.touch()
    os.kill(ready[0][1], signal.SIGKILL)
    assert run.process.wait(30) == 3
    run.rest()
    assert len(run.of("fails")) == 5
    assert [slot for slot, _ in run.of("stopping")] == [ready[1][0]]
    assert b"could not start (exit code 1)" in run.process.stderr.read()


# Hears all that it is told, also what came just before the signal.
HEARS = f"""
signal.signal(signal.SIGTERM, lambda *_: None)
{READY}
told = ""
while told != '"last"':
    for told in os.read(control, 1000).decode().split() or sys.exit(1):
        say("hears-" + told)
"""


def test_the_socket_of_a_dead_worker_is_served_by_the_others_until_it_is_back(start):
    run = start(2, WORKER + HEARS, sockets=2)
    ready = dict(run.wait("ready", 2))
    run.wait("announced", 1)
    os.kill(ready[0], signal.SIGKILL)
    assert run.wait("hears-3", 1) == [(1, ready[1])]
    run.wait("ready", 3)
    assert run.wait("hears-2", 1) == [(1, ready[1])]
    assert run.end() == 0
    run.rest()
    assert len(run.of('hears-"last"')) == 2


def test_hangup_restarts_one_by_one(start):
    run = start(2, SERVES)
    run.wait("announced", 1)
    first = dict(run.wait("ready", 2))
    run.process.send_signal(signal.SIGHUP)
    run.wait("stopping", 2)
    run.wait("ready", 4)
    order = [(what, slot) for what, slot, _ in run.lines if what in ("ready", "stopping")][2:]
    # A new worker is ready before its old one is asked to stop.
    assert order == [("ready", 0), ("stopping", 0), ("ready", 1), ("stopping", 1)]
    assert dict(run.of("stopping")) == first
    assert run.end() == 0


def test_a_restart_that_cannot_start_keeps_the_old_workers(start, tmp_path):
    flag = tmp_path / "broken"
    check = f"if os.path.exists({str(flag)!r}):\n    say('failed')\n    sys.exit(3)\n"
    run = start(2, WORKER + check + READY + WAIT)
    run.wait("announced", 1)
    flag.touch()
    run.process.send_signal(signal.SIGHUP)
    for line in run.process.stderr:
        if b"the old workers stay" in line:
            break
    assert run.process.poll() is None
    assert run.end() == 0
    run.rest()
    assert sorted(run.of("stopping")) == sorted(run.of("ready"))


WORN = """
if not os.path.exists(MARK):
    open(MARK, "w").close()
    os.write(control, json.dumps({"worn": "is tired"}).encode() + b"\\n")
"""


def test_a_worn_worker_goes_on_until_another_one_is_ready(start, tmp_path):
    worn = WORN.replace("MARK", repr(str(tmp_path / "mark")))
    run = start(1, WORKER + READY + worn + WAIT)
    run.wait("stopping", 1)
    assert [what for what, *_ in run.lines if what != "announced"] == ["ready", "ready", "stopping"]
    assert run.of("stopping") == run.of("ready")[:1]
    assert run.end() == 0
    run.rest()
    assert set(run.of("stopping")) == set(run.of("ready"))  # the old one may hear it twice


ANSWERS = """
if os.path.exists(MARK):
    while True:
        told = os.read(control, 1000)
        if b"ping" in told:
            os.write(control, b'"pong"\\n')
            say("pong")
open(MARK, "w").close()
"""


def test_a_worker_that_does_not_answer_is_killed_and_replaced(start, tmp_path):
    facts = READY.replace('{"pid": os.getpid()}', '{"timeout_worker_healthcheck": 1.0}')
    answers = ANSWERS.replace("MARK", repr(str(tmp_path / "mark")))
    run = start(1, WORKER + facts + answers + WAIT)
    hung, healthy = run.wait("ready", 2)
    run.wait("pong", 4)
    assert set(run.of("pong")) == {healthy}
    assert run.end() == 0
    run.rest()
    assert run.of("ready") == [hung, healthy]
    assert run.of("stopping") == [healthy]
    said = run.process.stderr.read()
    assert b"[%d] has not answered for 1 s, killed" % hung[1] in said
    assert b"killed by SIGKILL" in said


def test_a_worker_that_died_while_its_successor_started_has_but_one():
    watch = fasterapi.supervisor.Supervisor(1, lambda *_: None)  # type: ignore[arg-type, return-value]
    successor: Any = SimpleNamespace(slot=0)
    watch._replacement = successor
    watch._respawn_at[0] = 0.0
    watch._replacement_ready(successor)
    assert watch.workers == {0: successor}
    assert watch._respawn_at == {}
    watch._selector.close()


DEAF = WORKER + "signal.signal(signal.SIGTERM, lambda *_: say('deaf'))\n" + READY + WAIT


def test_a_worker_that_does_not_stop_is_killed_in_the_end(start):
    run = start(1, DEAF, stop_timeout=0.2)
    run.wait("announced", 1)
    assert run.end() == 0
    assert b"did not stop in time" in run.process.stderr.read()


def test_a_second_signal_kills_at_once(start):
    run = start(2, DEAF)
    run.wait("announced", 1)
    run.process.send_signal(signal.SIGTERM)
    run.wait("deaf", 2)
    assert run.end(signal.SIGINT) == 0


def test_workers_see_the_end_of_a_killed_supervisor(start):
    watch = "import socket\nsocket.socket(fileno=control).recv(1)\nsay('orphan')\n"
    run = start(2, WORKER + READY + watch)
    run.wait("announced", 1)
    run.process.kill()
    run.wait("orphan", 2)
    run.process.wait(30)


# -- the port ----------------------------------------------------------------------------------


def test_reserved_port_lets_workers_listen_and_others_not():
    [held], port = reserve_port("127.0.0.1", 0)
    with held, socket.socket() as worker, socket.socket() as other:
        worker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        worker.bind(("127.0.0.1", port))
        worker.listen()
        with socket.create_connection(("127.0.0.1", port)) as client:
            peer, _ = worker.accept()
            assert peer.getpeername() == client.getsockname()
            peer.close()
        with pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))
        with pytest.raises(StartupError, match=f"port {port} .* already in use"):
            reserve_port("127.0.0.1", port)
