"""FastAPI on Uvicorn and FasterAPI on the C core or on Uvicorn, side by side in this process.

One event-loop thread serves both, example after example. Uvicorn keeps one listener, and what it
calls is exchanged; the core gets a new server for each app, as its plans are made at start-up.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import uvloop
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

import fasterapi.server
from fasterapi.lifespan import Lifespan
from fasterapi.server import Server, Settings

__all__ = ["Candidate", "Errors", "LoopThread", "OnUvicorn", "Reference"]

T = TypeVar("T")

#: How long a server may take to come to rest before a test that fails goes on. Nothing is measured.
PATIENCE = 10.0
#: Thousands of servers are stopped in a run, so each looks more often whether it may.
fasterapi.server.DRAIN_TICK = 0.001


class LoopThread:
    """An event loop on a thread of its own."""

    def __init__(self) -> None:
        self.loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="differential-loop", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and wait for what it gives."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(6 * PATIENCE)

    def close(self) -> None:
        async def last() -> None:
            await self.loop.shutdown_asyncgens()
            await self.loop.shutdown_default_executor()

        self.run(last())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


class Errors(logging.Handler):
    """What both servers log about exceptions that nobody answered: (type, text)."""

    NAMES = ("uvicorn.error",)

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        exc = record.exc_info[1] if record.exc_info else None
        if exc is not None:
            self.seen.append((type(exc).__name__, str(exc)))
        else:
            self.seen.append(("", record.getMessage()))

    def take(self) -> list[tuple[str, str]]:
        seen, self.seen = self.seen, []
        return seen

    @contextlib.contextmanager
    def listening(self) -> Iterator[Errors]:
        loggers = [logging.getLogger(name) for name in self.NAMES]
        before = [(logger.handlers[:], logger.propagate, logger.level) for logger in loggers]
        for logger in loggers:
            logger.handlers, logger.propagate = [self], False
            logger.setLevel(logging.WARNING)
        try:
            yield self
        finally:
            for logger, (handlers, propagate, level) in zip(loggers, before, strict=True):
                logger.handlers, logger.propagate = handlers, propagate
                logger.setLevel(level)


class Reference:
    """FastAPI as Uvicorn serves it: its own protocol class on a listener in this process."""

    #: Uvicorn closes a connection without a word after an exception, so each has one request.
    keep_alive = False

    def __init__(self, thread: LoopThread) -> None:
        self.thread = thread
        self._config: Config | None = None
        self._lifespan: Lifespan | None = None
        self._state = ServerState()
        self._state.default_headers = [(b"date", b"*"), (b"server", b"*")]
        self._server = thread.run(self._listen())
        self.address: tuple[str, int] = self._server.sockets[0].getsockname()[:2]

    async def _listen(self) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        return await loop.create_server(self._protocol, "127.0.0.1", 0)

    def _protocol(self) -> HttpToolsProtocol:
        assert self._config is not None
        assert self._lifespan is not None
        loop = asyncio.get_running_loop()
        return HttpToolsProtocol(self._config, self._state, self._lifespan.state, loop)

    def start(self, app: Any, root_path: str = "") -> None:
        self._config = Config(
            app, log_config=None, access_log=False, root_path=root_path, lifespan="off"
        )
        self._config.load()
        self._lifespan = Lifespan(app)
        self.thread.run(self._lifespan.startup())

    def rest(self, finished: Callable[[], bool] | None = None) -> None:
        """Wait until nothing runs any more. Nothing can come after that, so `finished` is true."""
        self.thread.run(self._rest())

    async def _rest(self) -> None:
        while self._state.tasks:
            await asyncio.wait(tuple(self._state.tasks))

    def stop(self) -> None:
        self.rest()
        assert self._lifespan is not None
        self.thread.run(self._lifespan.shutdown())
        self._config = self._lifespan = None

    def close(self) -> None:
        async def last() -> None:
            self._server.close()
            for connection in tuple(self._state.connections):
                connection.shutdown()
            await self._server.wait_closed()

        self.thread.run(last())


class OnUvicorn(Reference):
    """A FasterAPI app on Uvicorn: its plans run at the inner end of its middleware stack."""


class Candidate:
    """A FasterAPI app on the C core, listening on a port that the system chooses."""

    keep_alive = True

    def __init__(self, thread: LoopThread) -> None:
        self.thread = thread
        self.server: Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self._stopping: list[asyncio.Task[None]] = []
        self.address: tuple[str, int] = ("127.0.0.1", 0)

    def start(self, app: Any, root_path: str = "") -> None:
        self.thread.run(self._start(app, root_path))

    async def _start(self, app: Any, root_path: str) -> None:
        started = asyncio.Event()
        settings = Settings(
            port=0,
            root_path=root_path,
            announce=False,
            options={"live_stats": False, "graceful_timeout": PATIENCE},
        )
        server = Server(app, settings, on_started=lambda _: started.set())
        self._serving = asyncio.create_task(server.serve())
        waiting = asyncio.create_task(started.wait())
        await asyncio.wait([self._serving, waiting], return_when=asyncio.FIRST_COMPLETED)
        if not started.is_set():
            waiting.cancel()
            await self._serving
        self.server = server
        self.address = ("127.0.0.1", server.port)

    def rest(self, finished: Callable[[], bool]) -> None:
        """Wait until nothing runs on the loop and `finished()` holds; give up after PATIENCE."""
        self.thread.run(self._rest(finished))

    async def _rest(self, finished: Callable[[], bool]) -> None:
        server = self.server
        assert server is not None
        assert server.bridge is not None
        end = time.monotonic() + PATIENCE
        while server.bridge.active or server.core_server.pending() or not finished():
            if time.monotonic() > end:
                return
            await asyncio.sleep(0.0002)

    def stop(self, wait: bool = False) -> None:
        """End the server of this app. It takes 50 ms in which it only waits for newcomers, so
        without `wait` the next one may start meanwhile."""
        self.thread.run(self._stop(wait))

    async def _stop(self, wait: bool) -> None:
        assert self.server is not None
        assert self._serving is not None
        self.server.stop()
        self._stopping.append(self._serving)
        self.server = self._serving = None
        while self._stopping and (wait or len(self._stopping) > 8):
            await self._stopping.pop(0)

    def close(self) -> None:
        async def last() -> None:
            await asyncio.gather(*self._stopping)

        self.thread.run(last())
