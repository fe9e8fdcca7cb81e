"""Each switch selects other code: shown by what ran, not by what was asked for.

The same requests go to a server with default options and to one with a single switch off. What
differs must be the thing the switch is about, as the parts in use report it, and the answers must
not differ at all.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from live_server import LiveServer, start_fasterapi, wait_until

PATHS = ["/async", "/def", "/large", "/missing", "/docs"] * 20


class Run:
    """A server after PATHS: its answers and its figures."""

    def __init__(self, *options: str) -> None:
        self.server = start_fasterapi("stats_app.py", *options)
        self.connection = http.client.HTTPConnection(*self.server.address, timeout=60)
        self.answers = [self.get(path) for path in PATHS]
        self.stats = self._stats()

    def get(self, path: str) -> tuple[int, str | None, bytes]:
        self.connection.request("GET", path)
        response = self.connection.getresponse()
        return response.status, response.headers["content-type"], response.read()

    def _stats(self) -> dict[str, Any]:
        """Its statistics, once those of the batches have come in."""
        found: dict[str, Any] = {}

        def complete() -> bool:
            found.update(json.loads(self.get("/stats")[2]))
            return bool(found["executor"]["workers"]["tasks"] == 40)

        wait_until(complete, "the workers' figures")
        return found

    def close(self) -> int:
        self.connection.close()
        return self.server.stop()


@pytest.fixture(scope="module")
def on() -> Iterator[Run]:
    """Default options."""
    run = Run()
    yield run
    assert run.close() == 0


@pytest.fixture
def off(on: Run) -> Iterator[Callable[[str], dict[str, Any]]]:
    """Runs a server with one switch off; returns its figures. The answers are the same."""
    runs: list[Run] = []

    def one_off(switch: str) -> dict[str, Any]:
        run = Run(f"--no-{switch.replace('_', '-')}")
        runs.append(run)
        assert run.answers == on.answers
        return run.stats

    yield one_off
    for run in runs:
        assert run.close() == 0


def servers_own(stats: dict[str, Any]) -> dict[str, dict[str, int]]:
    return {name: stats["pools"][name] for name in ("buffers", "tasks", "connections")}


def test_lock_free_queue(on: Run, off: Callable[[str], dict[str, Any]]):
    used, other = on.stats["implementation"], off("lock_free_queue")["implementation"]
    assert (used["loop_queue"], used["worker_queue"]) == ("spsc", "mpmc")
    assert (other["loop_queue"], other["worker_queue"]) == ("locked", "locked")
    assert used["scanner"] == other["scanner"]


def test_lock_free_queue_off_still_counts(off: Callable[[str], dict[str, Any]]):
    queues = off("lock_free_queue")["queues"]
    assert queues["worker"]["pushed"] == 40
    assert queues["loop"]["pushed"] >= 60
    assert queues["loop"]["high_water"] >= 1


def test_object_pools(on: Run, off: Callable[[str], dict[str, Any]]):
    for pool in servers_own(on.stats).values():
        assert pool["limit"] > 0
    assert on.stats["pools"]["tasks"]["hits"] > on.stats["pools"]["tasks"]["misses"]
    assert on.stats["pools"]["buffers"]["hits"] > on.stats["pools"]["buffers"]["misses"]
    stats = off("object_pools")
    for pool in servers_own(stats).values():
        assert (pool["limit"], pool["hits"], pool["size"], pool["high_water"]) == (0, 0, 0, 0)
    assert stats["pools"]["tasks"]["misses"] >= len(PATHS)


def test_zero_copy(on: Run, off: Callable[[str], dict[str, Any]]):
    assert on.stats["bytes_copied"] == 0
    assert on.stats["bodies_in_place"] == PATHS.count("/large")
    stats = off("zero_copy")
    assert stats["bodies_in_place"] == 0
    assert stats["bytes_copied"] >= 20_000 * PATHS.count("/large")
    assert stats["bytes_copied"] == stats["bytes_out"]


def test_adaptive_pools(on: Run, off: Callable[[str], dict[str, Any]]):
    assert on.stats["tuner"]["on"] is True
    stats = off("adaptive_pools")
    tuner = stats["tuner"]
    assert (tuner["on"], tuner["changes"]) == (False, 0)
    assert (tuner["batch_size"], tuner["spin_us"]) == (128, 0)
    limits = [pool["limit"] for pool in servers_own(stats).values()]
    assert limits == [1024, 1024, 256]


def test_simd(on: Run, off: Callable[[str], dict[str, Any]]):
    assert off("simd")["implementation"]["scanner"] == "plain"
    with open("/proc/cpuinfo") as cpu:
        has_it = "sse4_2" in cpu.read()
    assert on.stats["implementation"]["scanner"] == ("sse4.2" if has_it else "plain")


def burst(server: LiveServer, connections: int) -> None:
    """So many connections with one request each at a time, then all closed."""
    clients = [http.client.HTTPConnection(*server.address, timeout=60) for _ in range(connections)]
    for client in clients:
        client.request("GET", "/def")
    for client in clients:
        assert client.getresponse().read() == b'{"lane":"worker"}'
        client.close()


def test_adaptive_pools_follow_the_load():
    """Small pools grow under bursts, and give all of it back afterwards."""
    options = ("--buffer-pool-size", "16", "--pool-min", "8", "--pool-max", "500")
    server = start_fasterapi("stats_app.py", *options)

    def stats() -> dict[str, Any]:
        client = http.client.HTTPConnection(*server.address, timeout=60)
        client.request("GET", "/stats")
        found: dict[str, Any] = json.loads(client.getresponse().read())
        client.close()
        return found

    def has_grown() -> bool:
        burst(server, 200)
        return bool(stats()["pools"]["connections"]["limit"] >= 100)

    wait_until(has_grown, "larger pools")
    assert stats()["tuner"]["changes"] > 0

    def is_small_again() -> bool:
        pools = stats()["pools"]
        return bool(pools["connections"]["size"] <= 8 and pools["connections"]["limit"] <= 8)

    wait_until(is_small_again, "pools that have shrunk")
    assert server.stop() == 0
