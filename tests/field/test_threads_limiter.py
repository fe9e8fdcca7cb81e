"""AnyIO's limiter of threads counts for `def` handlers, whenever it is set."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from asking import get, value
from field import Served
from live_server import wait_until
from wire import Connection

Serve = Callable[..., Served]


class Calls(contextlib.ExitStack):
    """Requests that are held."""

    def __init__(self, server: Served, *paths: str) -> None:
        super().__init__()
        self.server = server
        self.open: list[Connection] = []
        self.add(*paths)

    def add(self, *paths: str) -> None:
        for path in paths:
            connection = self.enter_context(Connection(self.server.address))
            connection.send(get(path))
            self.open.append(connection)

    def state(self, holds: int | None = None) -> Any:
        """Once all of them run or wait, and so many run."""
        found: list[Any] = []

        def settled() -> bool:
            found[:] = [value(self.server, "/state")]
            state = found[0]
            arrived = state["now"] + state["waiting"] == len(self.open)
            return arrived and holds in (None, state["now"])

        wait_until(settled, f"{holds} of {len(self.open)} calls to run")
        return found[0]

    def finish(self) -> int:
        """Let them go on; the most that ran at a time."""
        value(self.server, "/leave")
        for connection in self.open:
            assert connection.read_response().body == b"1"
        most: int = value(self.server, "/state")["most"]
        value(self.server, "/stay")
        return most


@pytest.mark.kind("AnyIO's limiter, set in the lifespan, is that of def handlers")
@pytest.mark.parametrize("tokens", [3, 50])
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_the_limiter_set_in_the_lifespan(serve: Serve, tokens: int, loop: str):
    server = serve("threads_limiter_app.py", "--loop", loop, TOKENS=str(tokens))
    with Calls(server, *["/def"] * (tokens + 4)) as calls:
        assert calls.state(tokens) == {
            "now": tokens,
            "most": tokens,
            "borrowed": tokens,
            "available": 0,
            "total": tokens,
            "waiting": 4,
        }
        assert calls.finish() == tokens
    state = value(server, "/state")
    assert (state["borrowed"], state["waiting"]) == (0, 0)


@pytest.mark.kind("AnyIO's limiter, set while the server runs, is that of def handlers")
def test_the_limiter_set_while_the_server_runs(serve: Serve):
    server = serve("threads_limiter_app.py")
    with Calls(server, *["/def"] * 44) as calls:
        assert calls.state(40)["total"] == 40
        value(server, "/total/42")
        calls.state(42)
        value(server, "/total/2")
        assert calls.state(42)["available"] == -40
        assert calls.finish() == 42
    with Calls(server, *["/def"] * 4) as calls:
        calls.state(2)
        assert calls.finish() == 2


@pytest.mark.kind("def handlers and threads of AnyIO's share the limiter")
@pytest.mark.parametrize("first", ["/def", "/anyio"])
def test_both_share_the_limiter(serve: Serve, first: str):
    second = {"/def": "/anyio", "/anyio": "/def"}[first]
    server = serve("threads_limiter_app.py", TOKENS="3")
    with Calls(server, *[first] * 3) as calls:
        assert calls.state(3)["borrowed"] == 3
        calls.add(*[second] * 3, *[first] * 3)
        assert calls.state(3)["waiting"] == 6
        assert calls.finish() == 3
    assert value(server, "/state")["borrowed"] == 0


@pytest.mark.kind("with no tokens, def handlers wait until there are some")
def test_no_tokens(serve: Serve):
    server = serve("threads_limiter_app.py", TOKENS="0")
    with Calls(server, "/def", "/anyio", "/def") as calls:
        assert calls.state(0)["waiting"] == 3
        value(server, "/total/1")
        calls.state(1)
        assert calls.finish() == 1
