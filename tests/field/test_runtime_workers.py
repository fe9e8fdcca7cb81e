"""Processes that are replaced while clients ask: too old, too large, too many requests, or hung."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from field import Served
from live_server import wait_until
from wire import Connection, WireError, exchange

Serve = Callable[..., Served]
STARTED = r"Started server process \[(\d+)\]"


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode()


def needs_ours(server: Served) -> None:
    """Lost without waiting: Uvicorn has no such option, or asks a thread that the loop does not
    keep."""
    if server.who == "uvicorn":
        pytest.fail("never replaced")


def started(server: Served) -> list[int]:
    """All that have begun to serve, dead ones included."""
    return [int(pid) for pid in re.findall(STARTED, server.output)]


@contextmanager
def asking(server: Served) -> Iterator[list[bytes]]:
    """Two clients that ask on new connections meanwhile: who has answered. None may fail."""
    pids: list[bytes] = []
    failed: list[Exception] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            try:
                response = exchange(server.address, get("/pid"))
                assert response.status == 200, response
                pids.append(response.body)
            except (OSError, WireError, AssertionError) as exc:
                failed.append(exc)
                return

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield pids
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert failed == []


@pytest.mark.kind("a worker that has answered enough is replaced, and nobody is refused")
def test_a_limit_of_requests_of_workers(serve: Serve):
    server = serve("runtime_app.py", "--workers", "2", "--limit-max-requests", "20")
    server.wait_for_line("Application startup complete", 2)
    with asking(server) as pids:
        wait_until(lambda: len(set(pids)) >= 4, "answers of four workers")
        server.wait_for_line("Finished server process", 2)


@pytest.mark.kind("a worker that has become old is replaced, and nobody is refused")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_lifetime(serve: Serve, workers: str):
    server = serve("runtime_app.py", "--workers", workers, "--workers-lifetime", "0.5")
    needs_ours(server)
    with asking(server) as pids:
        wait_until(lambda: len(set(pids)) >= int(workers) + 1, "answers of a new worker")
        server.wait_for_line(r"has served for [\d.]+ s, replacing it")
        server.wait_for_line("Finished server process")


@pytest.mark.kind("a worker that has become large is replaced, and nobody is refused")
def test_memory(serve: Serve):
    server = serve("runtime_app.py", "--workers-max-rss", "300")
    needs_ours(server)
    before = exchange(server.address, get("/pid")).body
    with asking(server) as pids:
        assert exchange(server.address, get("/grow/300")).body == before
        wait_until(lambda: set(pids) > {before}, "answers of a new worker")
        server.wait_for_line(r"uses \d+ MiB of memory, replacing it")
        server.wait_for_line("Finished server process")
        assert len(started(server)) == 2


def healthy(serve: Serve, seconds: str = "1") -> tuple[Served, list[int]]:
    """Two workers that are asked for a sign of life, and their numbers."""
    server = serve("runtime_app.py", "--workers", "2", "--timeout-worker-healthcheck", seconds)
    server.wait_for_line("Application startup complete", 2)
    return server, started(server)


@pytest.mark.kind("a worker that is alive and does nothing any more is replaced")
def test_a_stopped_worker(serve: Serve):
    server, workers = healthy(serve)
    os.kill(workers[0], signal.SIGSTOP)
    server.wait_for_line("Application startup complete", 3)
    with asking(server) as pids:
        new = str(started(server)[2]).encode()
        wait_until(lambda: new in pids, "an answer of the new worker")


@pytest.mark.kind("a worker whose event loop hangs is replaced")
def test_a_blocked_loop(serve: Serve):
    server, workers = healthy(serve)
    needs_ours(server)
    with Connection(server.address) as connection:
        connection.send(get("/block"))
        server.wait_for_line("Application startup complete", 3)
        assert connection.read_to_end() == b""
    with asking(server) as pids:
        new = str(started(server)[2]).encode()
        wait_until(lambda: new in pids, "an answer of the new worker")
        assert len(set(pids) & {str(pid).encode() for pid in workers}) <= 1


@pytest.mark.kind("a worker that is busy for a moment is left alone")
def test_a_busy_loop(serve: Serve):
    server, workers = healthy(serve, "5")
    assert exchange(server.address, get("/busy/1.5")).status == 200
    assert started(server) == workers
