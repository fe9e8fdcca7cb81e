"""Tools that look in: coverage, nest_asyncio, and Python's own development mode."""

from __future__ import annotations

import contextlib
import json
import pathlib
import signal
from collections.abc import Callable

import pytest
from asking import get, value
from field import Served
from wire import Connection

Serve = Callable[..., Served]


def use(server: Served) -> None:
    for path, answer in (("/def", 3), ("/async", 3), ("/stream", 111)):
        assert value(server, path) == answer


def assert_no_noise(server: Served) -> None:
    server.signal(signal.SIGTERM)
    server.wait()
    noise = ("Traceback", "Warning", "Error", "Exception", "never awaited", "destroyed")
    lines = [line for line in server.output.splitlines() if any(word in line for word in noise)]
    assert lines == []


@pytest.mark.kind("coverage counts the lines of def functions")
@pytest.mark.parametrize("core", ["ctrace", "sysmon"])
def test_coverage(serve: Serve, core: str):
    server = serve("threads_tools_app.py", TOOL="coverage", COVERAGE_CORE=core)
    use(server)
    assert value(server, "/missed") == []


@pytest.mark.kind("nest_asyncio, applied at import, makes no noise")
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_nest_asyncio(serve: Serve, loop: str):
    server = serve("threads_tools_app.py", "--loop", loop, TOOL="nest_asyncio")
    use(server)
    assert_no_noise(server)


@pytest.mark.kind("a handler that runs the loop again keeps nobody waiting")
@pytest.mark.parametrize("path", ["/nested", "/nested/deep", "/nested/late"])
def test_a_handler_runs_the_loop_again(serve: Serve, path: str):
    tool = "none" if path == "/nested/late" else "nest_asyncio"
    server = serve("threads_tools_app.py", "--loop", "asyncio", TOOL=tool)
    value(server, "/number")
    with Connection(server.address) as nested:
        nested.send(get(path))
        assert value(server, "/entered")
        assert value(server, "/number") == 2
        use(server)
        assert value(server, "/release")
        assert json.loads(nested.read_response().body) in (7, 8)
    assert value(server, "/number") == 3
    assert_no_noise(server)


@pytest.mark.kind("a handler that runs the loop again loses no request of those behind it")
def test_requests_behind_one_that_runs_the_loop_again(serve: Serve, tmp_path: pathlib.Path):
    until = tmp_path / "until"
    server = serve(
        "threads_tools_app.py",
        "--loop",
        "asyncio",
        TOOL="nest_asyncio",
        HELD_UNTIL=str(until),
    )
    paths = ["/hold", "/nested", *["/number"] * 6, "/nested", *["/number"] * 6]
    with contextlib.ExitStack() as stack:
        peers = [stack.enter_context(Connection(server.address)) for _ in paths]
        for peer, path in zip(peers, paths, strict=True):
            peer.send(get(path))
        until.touch()
        numbers = {
            json.loads(peer.read_response().body)
            for peer, path in zip(peers, paths, strict=True)
            if path == "/number"
        }
        assert numbers == set(range(1, 13))
        assert value(server, "/release")
        for peer, path in zip(peers, paths, strict=True):
            if path == "/nested":
                assert json.loads(peer.read_response().body) == 8
    assert_no_noise(server)


@pytest.mark.kind("Python's development mode makes no noise")
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_development_mode(serve: Serve, loop: str):
    server = serve(
        "threads_tools_app.py",
        "--loop",
        loop,
        TOOL="none",
        PYTHONDEVMODE="1",
        PYTHONASYNCIODEBUG="1",
        PYTHONFAULTHANDLER="1",
    )
    use(server)
    assert_no_noise(server)
