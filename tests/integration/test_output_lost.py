"""Where the server's output goes nowhere: a full disk, closed descriptors. Requests are answered."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from live_server import APPS, wait_until
from wire import exchange

#: How a shell starts it.
WAYS = {
    "full disk": 'exec "$@" >/dev/full 2>/dev/full',
    "closed output": 'exec "$@" >&-',
    "all closed": 'exec "$@" <&- >&- 2>&-',
}


def listens(path: pathlib.Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


@contextlib.contextmanager
def started(way: str, path: pathlib.Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "fasterapi", "run", "attack_app:app", "--uds", str(path)]
    process = subprocess.Popen(
        ["sh", "-c", WAYS[way], "sh", *command, *options],
        env=os.environ | {"PYTHONPATH": str(APPS), "PYTHONSAFEPATH": "1"},
    )
    try:
        wait_until(lambda: listens(path) or process.poll() is not None, "the server")
        assert process.poll() is None
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("workers", ["1", "2"])
def test_requests_are_answered(way: str, workers: str, tmp_path: pathlib.Path):
    path = tmp_path / "socket"
    with started(way, path, "--workers", workers) as process:
        for _ in range(50):
            answer = exchange(str(path), b"GET /async/1 HTTP/1.1\r\nHost: h\r\n\r\n")
            assert answer.body == b"1"
        process.send_signal(signal.SIGTERM)
        assert process.wait() in (0, -signal.SIGTERM)  # of several workers, and of one
