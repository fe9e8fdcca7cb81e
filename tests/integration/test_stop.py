"""Stops that only programs of one's own meet, and the last means. The others: tests/field."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from live_server import APPS, LiveServer, start_fasterapi
from wire import Connection

APP = str(APPS / "embedded_app.py")
END = "atexit"


@contextmanager
def program(how: str) -> Iterator[LiveServer]:
    server = LiveServer([sys.executable, APP], {"EMBEDDED": how})
    try:
        server.learn_address()
        yield server
    finally:
        server.stop()


@contextmanager
def asking(server: LiveServer, path: str) -> Iterator[None]:
    with Connection(server.address) as client:
        client.send(f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        server.wait_for_line("^begun")
        yield


@pytest.mark.parametrize("how", ["serve", "own", "thread"])
def test_a_stop_by_the_program_leaves_what_is_stuck_behind(how: str):
    with program(how) as server, asking(server, "/stuck"):
        with Connection(server.address) as client:
            client.send(b"GET /stop HTTP/1.1\r\nHost: h\r\n\r\n")
            client.read_response()
        assert server.wait() == 0, server.output
        assert server.lines[-2:] == ["after it", END]
        assert "in stuck (" in server.output


@pytest.mark.parametrize("how", ["serve", "own", "run"])
@pytest.mark.parametrize("path", [None, "/stuck"])
def test_sigterm_ends_a_program_by_the_signal(how: str, path: str | None):
    with program(how) as server:
        if path is None:
            server.signal(signal.SIGTERM)
        else:
            with asking(server, path):
                server.signal(signal.SIGTERM)
                server.wait_for_line("Left behind")
        assert server.wait() == -signal.SIGTERM, server.output
        assert server.lines[-1] == END
        assert "after it" not in server.lines
        assert ("finally of the program" in server.lines) == (how == "serve")


@pytest.mark.parametrize("how", ["serve", "own", "run"])
def test_ctrl_c_is_a_keyboard_interrupt_or_the_end_of_run(how: str):
    with program(how) as server:
        server.signal(signal.SIGINT)
        assert server.wait() == (0 if how == "run" else -signal.SIGINT), server.output
        assert server.lines[-1] == END
        assert ("KeyboardInterrupt" in server.output) == (how != "run")
        assert ("after it" in server.lines) == (how == "run")


@contextmanager
def resisting(number: int, *options: str) -> Iterator[LiveServer]:
    """A server with a handler that does not end when it is cancelled, told twice to stop."""
    server = start_fasterapi("embedded_app.py", *options)
    try:
        with asking(server, "/resists"):
            server.signal(number)
            server.wait_for_line("Waiting for 1 connection to close")
            server.signal(number)
            yield server
    finally:
        server.stop()


def test_a_third_ctrl_c_ends_the_process_at_once():
    with resisting(signal.SIGINT) as server:
        server.wait_for_line("^resists")
        server.signal(signal.SIGINT)
        assert server.wait() == -signal.SIGINT
        assert END not in server.lines


def test_sigterm_again_is_no_reason_to_hurry():
    with resisting(signal.SIGTERM, "--graceful-timeout", "0.5") as server:
        server.wait_for_line("Graceful timeout exceeded")
        assert server.lines.count("resists") == 1
        server.signal(signal.SIGKILL)
