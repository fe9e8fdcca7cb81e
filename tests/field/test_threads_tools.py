"""Tools that look in: coverage, nest_asyncio, and Python's own development mode."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from typing import Any

import pytest
from field import Served
from wire import exchange

Serve = Callable[..., Served]


def get(server: Served, path: str) -> Any:
    answer = exchange(server.address, b"GET %s HTTP/1.1\r\nHost: h\r\n\r\n" % path.encode())
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


def use(server: Served) -> None:
    for path, value in (("/def", 3), ("/async", 3), ("/stream", 111)):
        assert get(server, path) == value


def assert_no_noise(server: Served) -> None:
    server.signal(signal.SIGTERM)
    server.wait()
    noise = ("Traceback", "Warning", "Error", "Exception", "never awaited", "destroyed")
    lines = [line for line in server.output.splitlines() if any(word in line for word in noise)]
    assert lines == []


@pytest.mark.kind("coverage counts the lines of def functions")
@pytest.mark.parametrize("core", ["ctrace", "sysmon"])
def test_coverage(serve: Serve, core: str):
    pytest.importorskip("coverage")
    server = serve("threads_tools_app.py", TOOL="coverage", COVERAGE_CORE=core)
    use(server)
    assert get(server, "/missed") == []


@pytest.mark.kind("nest_asyncio, applied at import, makes no noise")
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_nest_asyncio(serve: Serve, loop: str):
    pytest.importorskip("nest_asyncio")
    server = serve("threads_tools_app.py", "--loop", loop, TOOL="nest_asyncio")
    use(server)
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
