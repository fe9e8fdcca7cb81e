"""A server that is told to stop: who hears of it, who is waited for, and how the process ends."""

from __future__ import annotations

import os
import pathlib
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from asking import get, reading, upgrade
from field import Served
from wire import Connection

Serve = Callable[..., Served]

#: No test waits for so long: who is not told of a stop would make it fail.
LONG = ("--graceful-timeout", "50")


@contextmanager
def asking(server: Served, path: str) -> Iterator[Connection]:
    """A client whose handler runs."""
    with Connection(server.address) as client:
        client.send(get(path))
        server.wait_for_line("^begun")
        yield client


def ends_in_order(server: Served, *lines: str, code: int = -signal.SIGTERM) -> None:
    """It ends, and says these lines in this order."""
    assert server.wait() == code, server.output
    found = [server.lines.index(line) for line in lines]
    assert found == sorted(found), server.output


def middleware(on: bool) -> dict[str, str]:
    return {"MIDDLEWARE": "1"} if on else {}


# -- who hears of it -------------------------------------------------------------------------------


def hears_at_once(serve: Serve, path: str, said: str, on: bool = False) -> None:
    """Who gives this answer hears of a stop long before the graceful timeout."""
    server = serve("stop_app.py", "--graceful-timeout", "5", **middleware(on))
    with reading(server, path):
        server.signal(signal.SIGTERM)
        ends_in_order(server, said, "lifespan ends")
    assert "timeout" not in server.output.lower()


@pytest.mark.kind("a stop ends event streams at once")
@pytest.mark.parametrize("on", [False, True], ids=["bare", "middleware"])
def test_event_streams_hear_at_once(serve: Serve, on: bool):
    hears_at_once(serve, "/events/", "heard", on)


@pytest.mark.kind("a stop ends a response that streams events at once")
@pytest.mark.parametrize("on", [False, True], ids=["bare", "middleware"])
def test_a_streaming_response_of_events_ends(serve: Serve, on: bool):
    hears_at_once(serve, "/yields", "finally of /yields", on)


@pytest.mark.kind("a stop ends answers that send nothing")
def test_silent_answers_hear(serve: Serve):
    hears_at_once(serve, "/silent/", "heard")


@pytest.mark.kind("a stop lets answers that move come to their end")
def test_moving_answers_are_finished(serve: Serve, tmp_path: pathlib.Path):
    finish = tmp_path / "finish"
    server = serve("stop_app.py", *LONG, FINISH=str(finish))
    with reading(server, "/moving/") as client:
        server.signal(signal.SIGTERM)
        server.wait_for_line("Waiting for .*connection")
        finish.touch()
        assert client.read_to_end().endswith(b"5\r\nwhole\r\n0\r\n\r\n")
        ends_in_order(server, "finally of /moving/", "lifespan ends")
    assert "heard" not in server.lines


@pytest.mark.kind("answers that move hear of the stop at the graceful timeout")
def test_moving_answers_hear_at_the_graceful_timeout(serve: Serve):
    server = serve("stop_app.py", "--graceful-timeout", "0.3")
    with reading(server, "/moving/"):
        server.signal(signal.SIGTERM)
        ends_in_order(server, "heard", "lifespan ends")


@pytest.mark.kind("a stop lets handlers come to their answer")
@pytest.mark.parametrize("path", ["/async", "/def"])
def test_handlers_answer(serve: Serve, path: str, tmp_path: pathlib.Path):
    finish = tmp_path / "finish"
    server = serve("stop_app.py", *LONG, FINISH=str(finish))
    with asking(server, path) as client:
        server.signal(signal.SIGTERM)
        server.wait_for_line("Waiting for .*connection")
        finish.touch()
        answer = client.read_response()
        assert (answer.status, answer.body) == (200, b'"answered"')
        assert server.wait() == -signal.SIGTERM
    assert "lifespan ends" in server.lines


@pytest.mark.kind("a stop lets background tasks come to their end, and says so")
@pytest.mark.parametrize("path", ["/task", "/task-def"])
def test_background_tasks_end(serve: Serve, path: str, tmp_path: pathlib.Path):
    finish = tmp_path / "finish"
    server = serve("stop_app.py", *LONG, FINISH=str(finish))
    with Connection(server.address) as client:
        client.send(get(path))
        assert client.read_response().status == 200
        server.signal(signal.SIGTERM)
    server.wait_for_line("Waiting for .*background task")
    finish.touch()
    assert server.wait() == -signal.SIGTERM
    assert "lifespan ends" in server.lines


@pytest.mark.kind("a stop closes WebSockets with 1012")
def test_websockets_get_1012(serve: Serve):
    server = serve("stop_app.py", *LONG)
    with Connection(server.address) as client:
        client.send(upgrade("/ws"))
        assert client.read_head().status == 101
        server.signal(signal.SIGTERM)
        assert client.read_exactly(4) == b"\x88\x02\x03\xf4"
    assert server.wait() == -signal.SIGTERM
    assert "WebSocket: 1012" in server.lines


# -- what libraries look for -----------------------------------------------------------------------


@pytest.mark.kind("a library finds the server by its signal handler, and says goodbye")
def test_a_library_finds_the_server(serve: Serve):
    server = serve("stop_app.py", *LONG)
    with reading(server, "/watching") as client:
        server.signal(signal.SIGTERM)
        assert client.read_to_end().endswith(b"b\r\n: goodbye\n\n\r\n0\r\n\r\n")
    assert server.wait() == -signal.SIGTERM


@pytest.mark.kind("a library's function in the place of Uvicorn's handle_exit is called")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 0)]
)
def test_a_patched_handler_is_called(serve: Serve, number: int, code: int):
    server = serve("stop_app.py", *LONG, PATCH="1")
    server.signal(number)
    assert server.wait() == code
    assert f"patched {signal.Signals(number).name}" in server.lines
    assert "lifespan ends" in server.lines


# -- how the process ends --------------------------------------------------------------------------


@pytest.mark.kind("SIGTERM ends a process in order, and is what ends it")
def test_sigterm(serve: Serve):
    server = serve("stop_app.py", "--graceful-timeout", "0.3")
    with asking(server, "/cleans-up"):
        server.signal(signal.SIGTERM)
        ends_in_order(server, "finally of /cleans-up", "lifespan ends", "atexit")


@pytest.mark.kind("Ctrl-C ends a process in order, with 0")
def test_ctrl_c(serve: Serve):
    server = serve("stop_app.py", "--graceful-timeout", "0.3")
    with asking(server, "/cleans-up"):
        server.signal(signal.SIGINT)
        ends_in_order(server, "finally of /cleans-up", "lifespan ends", "atexit", code=0)


@pytest.mark.kind("a second Ctrl-C cancels what still runs")
def test_a_second_ctrl_c(serve: Serve):
    server = serve("stop_app.py", *LONG)
    with asking(server, "/cleans-up"):
        server.signal(signal.SIGINT)
        server.wait_for_line("Waiting for .*connection")
        server.signal(signal.SIGINT)
        ends_in_order(server, "finally of /cleans-up", "lifespan ends", "atexit", code=0)


@pytest.mark.kind("a thread that is stuck is named and left")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 0)]
)
@pytest.mark.parametrize("on", [False, True], ids=["bare", "middleware"])
def test_a_stuck_thread_is_left(who: str, serve: Serve, number: int, code: int, on: bool):
    if who == "uvicorn":
        pytest.fail("it waits for such a thread for ever, after Ctrl-C")
    server = serve("stop_app.py", "--graceful-timeout", "0.2", **middleware(on))
    with asking(server, "/stuck"):
        server.signal(number)
        ends_in_order(server, "begun", "lifespan ends", "atexit", code=code)
    assert re.search(r"Left behind: .* in stuck \(.*stop_app.py:\d+\)", server.output)


@pytest.mark.kind("workers end in order, and the parent with 0")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_workers(serve: Serve, number: int):
    server = serve("stop_app.py", "--workers", "2", "--graceful-timeout", "5")
    server.wait_for_line("Application startup complete", 2)
    with reading(server, "/events/"):
        server.signal(number)
        assert server.wait() == 0
    for line in ("lifespan ends", "atexit"):
        assert server.lines.count(line) >= 2, server.output
    assert "heard" in server.lines
    assert "timeout" not in server.output.lower()


# -- what it says ----------------------------------------------------------------------------------


@pytest.mark.kind("the log tells the life of a server")
def test_the_log(serve: Serve, tmp_path: pathlib.Path):
    finish = tmp_path / "finish"
    server = serve("stop_app.py", *LONG, FINISH=str(finish))
    with asking(server, "/async") as client:
        server.signal(signal.SIGTERM)
        server.wait_for_line(r"Waiting for .*connections? to close\. \(CTRL\+C to force quit\)")
        finish.touch()
        assert client.read_response().status == 200
    server.wait()
    told = iter(server.lines)
    for line in (
        rf"Started server process \[{server.pid}\]",
        r"Waiting for application startup\.",
        r"Application startup complete\.",
        r"http://",
        r"Shutting down",
        r"Waiting for .*connection",
        r"Waiting for application shutdown\.",
        r"lifespan ends",
        r"Application shutdown complete\.",
        rf"Finished server process \[{server.pid}\]",
    ):
        assert any(re.search(line, one) for one in told), (line, server.output)


@pytest.mark.kind("the log tells the life of a parent")
def test_the_log_of_a_parent(serve: Serve):
    server = serve("stop_app.py", "--workers", "2")
    server.wait_for_line("Application startup complete", 2)
    workers = server.children()
    server.signal(signal.SIGTERM)
    server.wait()
    for line in (
        f"Started parent process [{server.pid}]",
        "Received SIGTERM, exiting.",
        f"Stopping parent process [{server.pid}]",
    ):
        assert line in server.output
    assert any(f"Finished server process [{pid}]" in server.output for pid in workers)
    assert not any(os.path.exists(f"/proc/{pid}") for pid in workers)
