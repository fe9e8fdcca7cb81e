"""Statistics of real servers: `app.stats()`, and `fasterapi stats` looking in from outside."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from live_server import LiveServer, run_to_exit, start_fasterapi, wait_until

from fasterapi.stats_view import find_group


@pytest.fixture
def place(tmp_path: Path) -> dict[str, str]:
    """A runtime folder of the test's own, as environment for servers and commands."""
    return {"XDG_RUNTIME_DIR": str(tmp_path)}


@pytest.fixture
def start(place: dict[str, str]) -> Iterator[Callable[..., LiveServer]]:
    started: list[LiveServer] = []

    def start_one(*options: str, **environment: str) -> LiveServer:
        started.append(start_fasterapi("stats_app.py", *options, **place, **environment))
        return started[-1]

    yield start_one
    for server in started:
        server.stop()


def files(place: dict[str, str]) -> list[Path]:
    return sorted(Path(place["XDG_RUNTIME_DIR"], "fasterapi").glob("*"))


def get(server: LiveServer, *paths: str) -> list[tuple[int, Any]]:
    """Ask one after another on one connection; returns status and answer of each."""
    connection = http.client.HTTPConnection(*server.address, timeout=60)
    answers = []
    for path in paths:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
        is_json = response.headers["content-type"] == "application/json"
        answers.append((response.status, json.loads(body) if is_json else body))
    connection.close()
    return answers


def stats_of(server: LiveServer) -> dict[str, Any]:
    return get(server, "/stats")[0][1]


def told(name: str | int, place: dict[str, str]) -> dict[str, Any]:
    """What `fasterapi stats NAME --json` prints, without the cost of a new process."""
    return find_group(str(name), place).as_dict()


def told_when(
    name: str | int, place: dict[str, str], condition: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """The same once its total is as it should be: a report may be a quarter of a second old."""
    found: list[dict[str, Any]] = []

    def look() -> bool:
        found.append(told(name, place))
        return condition(found[-1]["total"])

    wait_until(look, "a report of what was asked for")
    return found[-1]


def told_at_rest(server: LiveServer, place: dict[str, str], requests: int) -> dict[str, Any]:
    """The last report after that many requests: nothing more comes."""

    def rests(total: dict[str, Any]) -> bool:
        resting = told(server.pid, place)["per_worker"][0]["resting"]
        return bool(total["requests"] == requests and resting)

    told_when(server.pid, place, rests)
    return told(server.pid, place)


# -- app.stats() ---------------------------------------------------------------------------------


def test_requests_are_counted_where_they_ran(start):
    server = start()
    paths = ["/async"] * 5 + ["/def"] * 4 + ["/no/such/route"] * 2
    assert [status for status, _ in get(server, *paths)] == [200] * 9 + [404] * 2
    # Figures of a batch are added when it is over: look until this one's are there.
    wait_until(lambda: stats_of(server)["executor"]["workers"]["tasks"] == 4, "the workers' tasks")
    stats = stats_of(server)
    assert stats["running"] is True
    executor, queues = stats["executor"], stats["queues"]
    assert executor["workers"]["tasks"] == queues["worker"]["pushed"] == 4
    assert executor["loop"]["tasks"] >= 7
    assert executor["failed"] == 0
    assert executor["completed"] >= 11
    assert executor["total_task_time"] > 0
    assert executor["workers"]["queue_waits"] >= 1
    assert executor["workers"]["queue_wait_max"] <= executor["workers"]["queue_wait"]
    assert executor["workers"]["gil_waits"] >= 1
    for lane in ("loop", "workers"):
        sizes = sum(count for _, count in executor[lane]["batch_sizes"])
        assert sizes == executor[lane]["batches"] >= 1
    assert queues["loop"]["full"] == queues["worker"]["full"] == 0
    assert queues["worker"]["high_water"] <= 4
    assert stats["latency"]["count"] >= 11
    assert stats["latency"]["p50_us"] <= stats["latency"]["p99_us"]
    for name in ("buffers", "tasks", "connections"):
        assert stats["pools"][name]["misses"] >= 1
    assert stats["pools"]["buffers"]["hits"] > stats["pools"]["buffers"]["misses"]


def test_failures_are_what_nothing_answered(start):
    server = start()
    paths = ["/raise/async", "/raise/def", "/missing", "/raise/def"]
    assert [status for status, _ in get(server, *paths)] == [500, 500, 404, 500]
    wait_until(lambda: stats_of(server)["executor"]["failed"] == 3, "three failures")
    completed = stats_of(server)["executor"]["completed"]
    assert completed >= 4


def test_the_switch_of_the_file(start, place):
    server = start("--no-live-stats")
    get(server, "/async")
    assert files(place) == []
    assert run_to_exit("stats", str(server.pid), **place).returncode == 1
    assert stats_of(server)["running"] is True


# -- fasterapi stats -----------------------------------------------------------------------------


def test_by_pid_port_and_address(start, place):
    server = start()
    get(server, *["/async"] * 20)
    host, port = server.address
    by_pid = told_at_rest(server, place, 20)
    assert by_pid["pid"] == server.pid
    assert by_pid["address"] == f"http://{host}:{port}"
    assert by_pid["workers"] == 1
    assert by_pid["total"]["executor"]["completed"] == 20
    for name in (port, f"{host}:{port}", f"http://{host}:{port}"):
        assert told(name, place)["pid"] == server.pid
    printed = run_to_exit("stats", str(port), "--json", **place)
    assert (printed.returncode, printed.stderr) == (0, "")
    printed_object = json.loads(printed.stdout)
    assert printed_object["total"] == by_pid["total"]
    assert list(printed_object) == list(by_pid)


def test_plain_text_for_people(start, place):
    server = start()
    get(server, "/async")
    result = run_to_exit("stats", str(server.pid), **place)
    assert (result.returncode, result.stderr) == (0, "")
    assert f"http://{server.address[0]}:{server.address[1]}  pid {server.pid}" in result.stdout
    for word in ("req/s", "loop", "workers", "buffers", "connections", "tuner on"):
        assert word in result.stdout


def test_a_unix_socket(start, place, tmp_path):
    path = tmp_path / "app.sock"
    server = start("--uds", str(path))
    assert told(str(path), place)["pid"] == server.pid
    assert told(str(path), place)["address"] == f"unix:{path}"


def is_running(queue: dict[str, Any]) -> bool:
    """One item went in, and an executor has it."""
    return queue["pushed"] == 1 and queue["depth"] == 0


def test_it_works_while_python_hangs(start, place):
    """No thread of Python's is needed: the event loop is blocked, the file is still written."""
    server = start()
    with socket.create_connection(server.address) as blocked:
        blocked.sendall(b"GET /block/loop HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        with socket.create_connection(server.address) as waiting:
            told_when(server.pid, place, lambda total: is_running(total["queues"]["loop"]))
            waiting.sendall(b"GET /async HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            found = told_when(server.pid, place, lambda total: total["tasks_live"] == 2)
            assert found["total"]["queues"]["loop"]["depth"] == 1
            assert found["total"]["executor"]["queued_tasks"] == 1
            assert not found["per_worker"][0]["resting"]
            get(server, "/release")
            assert waiting.recv(12) == b"HTTP/1.1 200"
        assert blocked.recv(12) == b"HTTP/1.1 200"


def test_workers_are_added_up(start, place):
    server = start("--workers", "2")

    def both_have_answered() -> bool:
        get(server, "/async")
        one, other = told(server.pid, place)["per_worker"]
        return one["stats"]["requests"] > 0 and other["stats"]["requests"] > 0

    wait_until(both_have_answered, "answers of both workers")
    wait_until(
        lambda: all(one["resting"] for one in told(server.pid, place)["per_worker"]), "a rest"
    )
    found = told(server.pid, place)
    assert (found["pid"], found["workers"]) == (server.pid, 2)
    assert [one["slot"] for one in found["per_worker"]] == [0, 1]
    assert {one["pid"] for one in found["per_worker"]} == set(server.children())
    parts = [one["stats"]["requests"] for one in found["per_worker"]]
    assert found["total"]["requests"] == sum(parts)
    one_of_them = found["per_worker"][1]["pid"]
    assert told(one_of_them, place)["total"]["requests"] == parts[1]
    assert server.stop() == 0
    assert files(place) == []


def test_files_go_with_their_server(start, place):
    server = start()
    assert len(files(place)) == 1
    assert server.stop() == 0
    assert files(place) == []
    result = run_to_exit("stats", str(server.pid), **place)
    assert result.returncode == 1
    assert result.stderr.startswith("error: no running server")
    assert result.stderr.count("\n") == 1


def test_what_a_killed_server_leaves_is_removed(start, place):
    killed, lives = start(), start()
    killed.signal(signal.SIGKILL)
    killed.wait()
    [left] = [path for path in files(place) if path.name.startswith(f"{killed.pid}-")]
    assert told(lives.pid, place)["pid"] == lives.pid
    assert not left.exists()


def test_a_server_starts_without_its_file(place, start, tmp_path):
    """A folder that cannot be used is no reason not to serve."""
    trap = tmp_path / "fasterapi"
    trap.mkdir(mode=0o755)
    os.chmod(trap, 0o755)
    server = start()
    assert get(server, "/async")[0][0] == 200
    assert list(trap.iterdir()) == []
    assert told(server.pid, place)["pid"] == server.pid  # it took the next folder


def test_an_idle_server_writes_nothing(start, place):
    server = start()
    get(server, "/async")
    ticks = told_at_rest(server, place, 1)["total"]["tuner"]["ticks"]
    [path] = files(place)
    before = path.stat().st_mtime_ns
    # Something else takes its time meanwhile: the start of another server.
    start()
    assert path.stat().st_mtime_ns == before
    assert told(server.pid, place)["total"]["tuner"]["ticks"] == ticks
