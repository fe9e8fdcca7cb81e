"""SystemExit, KeyboardInterrupt and their like out of a request: it fails, and the server lives."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
from asking import ask, get, upgrade
from field import Served
from wire import Connection, WireError

KINDS = ("exit", "interrupt", "generator", "cancelled")
#: Those that asyncio lets out of the event loop.
LOUD = KINDS[:2]
LOGGED = "Exception in ASGI application"

#: Where they are raised before there is an answer. "-def": on a thread; "exit": behind a `yield`.
HANDLERS = ("at-once", "later", "def", "request", "request-def", "handler", "mounted/later")
HANDLERS += ("asgi", "route")
DEPENDENCIES = ("needs", "needs-def", "needs-def-async", "exit-function", "exit-function-def")
#: When there is one.
AFTER = ("exit", "exit-at-once", "exit-def", "task", "task-def")
STREAMS = ("stream", "stream-first", "stream-def", "yield", "yield-def", "events")


class Asker:
    """Sends requests that fail, and sees after each one that the server is there and has said so."""

    def __init__(self, server: Served) -> None:
        self.server = server
        self.logged = 0

    def ask(self, target: str, status: int, *, is_logged: bool = True) -> None:
        assert ask(self.server, target).status == status, target
        self.see(target, is_logged=is_logged)

    def ask_all(self, kinds: tuple[str, ...], places: tuple[str, ...], status: int) -> None:
        for kind in kinds:
            for place in places:
                self.ask(f"/{place}/{kind}", status)

    def see(self, target: str, *, is_logged: bool = True) -> None:
        if is_logged:
            self.logged += 1
            self.server.wait_for_line(LOGGED, self.logged)
        assert ask(self.server, "/ok").body == b'"ok"', target

    def read(self, target: str) -> None:
        """Begin a stream, and read what there is of it: its end, or that it is cut."""
        with Connection(self.server.address) as connection:
            connection.send(get(target))
            try:
                connection.read_response()
            except WireError:
                pass

    def read_all(self, kinds: tuple[str, ...], *, is_logged: bool = True) -> None:
        for kind in kinds:
            for place in STREAMS:
                self.read(f"/{place}/{kind}")
                self.see(place, is_logged=is_logged)


@pytest.mark.kind("SystemExit and its like in a handler are a 500 and a traceback")
def test_out_of_a_handler(serve: Callable[..., Served]):
    Asker(serve("exits_app.py")).ask_all(KINDS, HANDLERS, 500)


@pytest.mark.kind("SystemExit and its like in a dependency are a 500 and a traceback")
def test_out_of_a_dependency(serve: Callable[..., Served]):
    Asker(serve("exits_app.py")).ask_all(KINDS, DEPENDENCIES, 500)


@pytest.mark.kind("SystemExit and its like after the answer leave the answer and the server alone")
def test_after_the_answer(serve: Callable[..., Served]):
    Asker(serve("exits_app.py")).ask_all(KINDS, AFTER, 200)


@pytest.mark.kind("SystemExit and its like in a stream end the stream")
def test_out_of_a_stream(serve: Callable[..., Served]):
    asker = Asker(serve("exits_app.py"))
    asker.read_all(KINDS[:3])
    asker.read_all(("cancelled",), is_logged=False)  # a task group may take it for its own


@pytest.mark.kind("SystemExit and its like in pure ASGI middleware are a 500 and a traceback")
def test_out_of_pure_asgi_middleware(serve: Callable[..., Served]):
    asker = Asker(serve("exits_app.py", AROUND="asgi"))
    for kind in KINDS:
        asker.ask(f"/ok?before={kind}", 500)
        asker.ask(f"/ok?after={kind}", 200)
    asker.ask_all(KINDS, HANDLERS + DEPENDENCIES, 500)


@pytest.mark.kind("SystemExit and its like behind and in Base middleware are a 500 and a traceback")
@pytest.mark.parametrize("around", ["base", "base2"])
def test_out_of_base_middleware(serve: Callable[..., Served], around: str):
    asker = Asker(serve("exits_app.py", AROUND=around))
    for kind in KINDS:
        for when in ("before", "after"):
            asker.ask(f"/ok?{when}={kind}", 500)
    asker.ask_all(KINDS, HANDLERS + DEPENDENCIES, 500)


@pytest.mark.kind("SystemExit and its like behind Base middleware, after the answer and in streams")
def test_after_the_answer_behind_base_middleware(serve: Callable[..., Served]):
    asker = Asker(serve("exits_app.py", AROUND="base"))
    asker.ask_all(LOUD, AFTER, 200)
    asker.read_all(LOUD)


@pytest.mark.kind("SystemExit and its like in a WebSocket handler close it")
def test_out_of_a_websocket_handler(serve: Callable[..., Served]):
    asker = Asker(serve("exits_app.py"))
    for kind in KINDS:
        for place, status in (("ws-first", 500), ("ws", 101)):
            with Connection(asker.server.address) as connection:
                connection.send(upgrade(f"/{place}/{kind}"))
                assert connection.read_head().status == status
                connection.finish_sending()
                connection.read_to_end()
            asker.see(place)


@pytest.mark.kind("on asyncio's own loop, too, SystemExit in a request leaves the server alone")
def test_on_the_other_loop(serve: Callable[..., Served]):
    asker = Asker(serve("exits_app.py", "--loop", "asyncio", AROUND="base"))
    places = ("later", "needs-def-async", "exit-function", "mounted/later")
    asker.ask_all(LOUD, places, 500)


@pytest.mark.kind("SystemExit in a task of the user's own ends the server with its status")
@pytest.mark.parametrize("target", ["/go", "/own/exit"])
def test_out_of_a_task_of_the_users(serve: Callable[..., Served], target: str):
    server = serve("exits_life_app.py", KIND="exit")
    with Connection(server.address) as connection:
        connection.send(get(target))
        assert server.wait() == 7
    assert "SystemExit: 7" in server.output
    assert "lifespan ends" in server.output


@pytest.mark.kind("SystemExit and its like at the shutdown are a traceback, and the server ends")
def test_out_of_the_lifespan(serve: Callable[..., Served]):
    for kind, name in (("exit", "SystemExit: 7"), ("interrupt", "KeyboardInterrupt")):
        server = serve("exits_life_app.py", WHERE="shutdown", KIND=kind)
        server.signal(signal.SIGINT)
        assert server.wait() in (0, -signal.SIGINT)
        assert name in server.output
