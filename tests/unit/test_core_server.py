"""A Server as an object: what it keeps, and what it says of itself."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from starlette.responses import Response

from fasterapi import FasterAPI, _native
from fasterapi.server import Server, Settings

core: Any = _native.core
pytestmark = pytest.mark.skipif(core is None, reason="needs the core")


class Hook:
    """Something that keeps the server it is given to."""

    def __init__(self, server: Any) -> None:
        self.server = server

    def __call__(self, *arguments: Any) -> None:
        raise AssertionError("nothing is served here")


def set_hooks(server: Any, **hooks: Any) -> None:
    needed = {"encode": repr, "exception": repr, "response_call": repr}
    server.set_hooks(response_base=Response, **{**needed, **hooks})


def hooked(name: str) -> Callable[[Any, Any], None]:
    return lambda server, hook: set_hooks(server, **{name: hook})


def asyncio_s(name: str) -> Callable[[Any, Any], None]:
    def give(server: Any, hook: Any) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(asyncio.tasks, name, hook)
            set_hooks(server)

    return give


GIVEN: dict[str, Callable[[Any, Any], None]] = {
    **{
        name: hooked(name)
        for name in (
            "encode",
            "exception",
            "response_call",
            "batch_task",
            "resume",
            "runtime",
            "task",
        )
    },
    **{name: asyncio_s(name) for name in ("_enter_task", "_leave_task")},
    "passed": lambda server, hook: server.share_tokens(1, hook),
}


@pytest.mark.parametrize("name", GIVEN)
def test_a_hook_that_keeps_its_server_does_not_keep_it_for_ever(name: str):
    server = core.Server({})
    hook = Hook(server)
    gone = weakref.ref(hook)
    GIVEN[name](server, hook)
    del server, hook
    gc.collect()
    assert gone() is None


def test_more_threads_are_busy_than_there_were_to_be():
    """The tokens may be more than the option said when the server was made."""
    entered, leave = threading.Barrier(4), threading.Event()
    app = FasterAPI()

    @app.get("/")
    def wait() -> None:
        entered.wait(30)
        leave.wait(30)

    async def main() -> None:
        settings = Settings(driven=True, lifespan="off", options={"worker_threads": 1})
        server = Server(app, settings)
        serving = asyncio.create_task(server.serve())
        while server.core_server is None:
            await asyncio.sleep(0)
        server.core_server.set_tokens(3)
        request = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
        load = asyncio.create_task(asyncio.to_thread(server.core_server.load, request, 3, 3))
        await asyncio.to_thread(entered.wait, 30)
        busy = server.core_server.busy()
        leave.set()
        await load
        server.stop()
        await serving
        assert len(set(busy)) == 3

    asyncio.run(main())
